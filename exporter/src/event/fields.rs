//! Which field of the schema is answered by what.
//!
//! In: a field of the schema and an [`Event`]. Out: its value, missing, or Falco's placeholder. The lists of this folder's
//! files are the one place that says which fields the agent supplies.

mod args;
mod call;
mod container;
mod file;
mod kubernetes;
mod process;
mod socket;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;
use rule_engine::schema::{EventDef, EventTypeId, FieldId, ParamDef, Schema, Type};
use rule_engine::value::{FieldKey, FieldRef, Fields, Value};

use super::Event;
use super::binding::{self, Binding};
use super::container::Metadata;

pub(in crate::event) use file::label;
pub(in crate::event) use process::{exe_flags, joined_env};
pub(in crate::event) use socket::{peer, tuple};

/// How a field is got out of an event.
type Get = for<'a> fn(&'a Event<'_>, &FieldKey, &'a Bump) -> Option<Value<'a>>;

/// The fields of a schema and how each is got. Made once.
pub struct FieldTable {
    by_id: Vec<Get>,
    supplied: Vec<bool>,
    /// Fields that come with the metadata of the container.
    late: Vec<bool>,
    /// By [`EventTypeId`].
    bindings: Vec<Option<&'static Binding>>,
    schema: Arc<Schema>,
    hostname: Box<str>,
}

impl FieldTable {
    /// Binds every field of the schema to its source; one that has none is always missing.
    #[must_use]
    pub fn new(schema: Arc<Schema>, hostname: &str) -> Self {
        let mut by_id: Vec<Get> = vec![|_, _, _| None; schema.fields.len()];
        let mut supplied = vec![false; schema.fields.len()];
        for (name, get) in Self::supplied_fields() {
            if let Some(FieldId(id)) = schema.field(name) {
                by_id[usize::from(id)] = *get;
                supplied[usize::from(id)] = true;
            }
        }
        let mut late = vec![false; schema.fields.len()];
        for (name, _) in container::FIELDS {
            if let Some(FieldId(id)) = schema.field(name) {
                late[usize::from(id)] = true;
            }
        }
        let bindings = schema.events.iter();
        let bindings = bindings.map(binding::of).collect();
        Self {
            by_id,
            supplied,
            late,
            bindings,
            schema,
            hostname: hostname.into(),
        }
    }

    /// Whether the agent has a source for a field.
    #[must_use]
    pub fn supplies(&self, field: FieldId) -> bool {
        self.supplied
            .get(usize::from(field.0))
            .copied()
            .unwrap_or(false)
    }

    /// What the parameters of an event are; none for events that the agent does not supply.
    pub(in crate::event) fn binding(&self, kind: EventTypeId) -> Option<&'static Binding> {
        self.bindings.get(usize::from(kind.0)).copied().flatten()
    }

    /// What the schema says of an event type.
    pub(in crate::event) fn event(&self, kind: EventTypeId) -> Option<&EventDef> {
        self.schema.events.get(usize::from(kind.0))
    }

    /// The name of an event type.
    pub(in crate::event) fn event_name(&self, kind: EventTypeId) -> &'static str {
        self.event(kind).map_or("", |event| event.name)
    }

    fn params(&self, kind: EventTypeId) -> &'static [ParamDef] {
        self.event(kind).map_or(&[], |event| event.params)
    }

    /// The type of `evt.rawarg.NAME`.
    fn raw_type(&self, name: &str) -> Option<Type> {
        self.schema.raw_param(name)?.ty.raw_type()
    }

    fn supplied_fields() -> impl Iterator<Item = &'static (&'static str, Get)> {
        [
            call::FIELDS,
            args::FIELDS,
            process::FIELDS,
            container::FIELDS,
            file::FIELDS,
            socket::FIELDS,
        ]
        .into_iter()
        .chain(kubernetes::FIELDS.iter().copied())
        .flatten()
    }
}

impl Fields for Event<'_> {
    fn event_type(&self) -> EventTypeId {
        self.kind
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        let get = self.table.by_id.get(usize::from(field.id.0))?;
        get(self, &field.arg, arena)
    }

    fn awaited(&self, field: &FieldRef) -> bool {
        let late = self.table.late.get(usize::from(field.id.0));
        late.is_some_and(|late| *late) && matches!(self.metadata(), Metadata::Awaited)
    }
}

/// Text that is put together.
fn format<'a>(arena: &'a Bump, what: fmt::Arguments<'_>) -> &'a [u8] {
    let mut line = ArenaString::new_in(arena);
    // Writing to the arena does not fail; what a value's own formatting refuses is left out.
    let _ = line.write_fmt(what);
    line.into_bump_str().as_bytes()
}

/// Text may be any bytes.
fn text(bytes: &[u8]) -> Value<'_> {
    Value::Text(bytes)
}

#[cfg(test)]
mod tests;
