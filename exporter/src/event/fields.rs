//! Which field of the schema is answered by what.
//!
//! In: a field of the schema and an [`Event`]. Out: its value, missing, or Falco's placeholder. The lists of this folder's
//! files are the one place that says which fields the agent supplies.

mod args;
mod call;
mod file;
mod process;
mod socket;

use bumpalo::Bump;
use rule_engine::schema::{EventTypeId, FieldId, Schema};
use rule_engine::value::{FieldKey, FieldRef, Fields, Value};

use super::Event;

/// How a field is got out of an event.
type Get = for<'a> fn(&'a Event<'_>, &FieldKey, &'a Bump) -> Option<Value<'a>>;

/// The fields of a schema and how each is got. Made once.
pub struct FieldTable {
    by_id: Vec<Get>,
    supplied: Vec<bool>,
}

impl FieldTable {
    /// Binds every field of the schema to its source; one that has none is always missing.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let mut this = Self {
            by_id: vec![|_, _, _| None; schema.fields.len()],
            supplied: vec![false; schema.fields.len()],
        };
        for (name, get) in Self::supplied_fields() {
            if let Some(FieldId(id)) = schema.field(name) {
                this.by_id[usize::from(id)] = *get;
                this.supplied[usize::from(id)] = true;
            }
        }
        this
    }

    /// Whether the agent has a source for a field.
    #[must_use]
    pub fn supplies(&self, field: FieldId) -> bool {
        self.supplied.get(usize::from(field.0)).copied().unwrap_or(false)
    }

    fn supplied_fields() -> impl Iterator<Item = &'static (&'static str, Get)> {
        [call::FIELDS, args::FIELDS, process::FIELDS, file::FIELDS, socket::FIELDS]
            .into_iter()
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
}

/// Text may be any bytes.
fn text(bytes: &[u8]) -> Value<'_> {
    Value::Text(bytes)
}

#[cfg(test)]
mod tests;
