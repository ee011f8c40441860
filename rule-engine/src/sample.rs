//! Events made of field values: what rule tests and `explain` judge rules against.
//!
//! In: fields by name with values as text, from a test file or a JSON object; or a named fixture with changes to it.
//! Out: [`MapEvent`], an implementation of [`Fields`]. Never: rules.
//!
//! Two ways to make one. *Exact*: these fields and no other; every field that is not named is missing in the sense of the
//! rule language. *Fixture*: a base that stands for a typical event, changed here and there, from which everything else
//! follows (a path gives its directory, a name gives a command line, a refused open has no descriptor).

mod datum;
mod derive;
mod facts;
mod fixture;

pub(crate) use datum::{Datum, DatumKind};
pub use fixture::{Fixture, fixtures};

use std::collections::HashMap;

use bumpalo::Bump;
use foldhash::fast::RandomState;

use crate::schema::{EventTypeId, FieldId, Schema};
use crate::source::Span;
use crate::value::{FieldKey, FieldRef, Fields, Value};
use datum::Owned;
use facts::Facts;

/// An event made of field values.
#[derive(Clone, Debug)]
pub struct MapEvent {
    event: EventTypeId,
    values: HashMap<FieldRef, Owned, RandomState>,
    open_ended: Vec<(FieldId, OpenEnded)>,
}

/// Fields with more arguments than can be listed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OpenEnded {
    /// Empty text beyond what is known, where the whole is known: `proc.args[9]`, `proc.env[UNSET]`.
    EmptyBeyond,
    /// `evt.type.is.NAME`: 0 for all other types.
    ZeroBeyond,
}

/// Why fields make no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleError {
    /// Where, if the fields stand in a file.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl MapEvent {
    /// An event of exactly these fields, from a JSON object of field names and values. `null` is a missing field. An object
    /// with `output_fields` in it, as matches are written, stands for those.
    ///
    /// # Errors
    /// Everything that is wrong with the fields.
    pub fn from_json(
        schema: &Schema,
        json: &serde_json::Value,
    ) -> Result<MapEvent, Vec<SampleError>> {
        let fields = json.get("output_fields").unwrap_or(json);
        MapEvent::exact(schema, &Datum::from(fields), None)
    }

    /// The event of a fixture as it is; `None` when there is none of this name.
    pub fn from_fixture(schema: &Schema, name: &str) -> Option<MapEvent> {
        let nothing = Datum {
            span: None,
            kind: DatumKind::Null,
        };
        MapEvent::fixture(schema, &Fixture::find(name)?, &nothing, None).ok()
    }

    /// An event of exactly these fields; `ancestors` lists the processes above, the parent first.
    pub(crate) fn exact(
        schema: &Schema,
        fields: &Datum,
        ancestors: Option<&Datum>,
    ) -> Result<MapEvent, Vec<SampleError>> {
        let mut errors = Vec::new();
        let mut facts = Facts::new(schema, fields, None, &mut errors);
        facts.set_all(fields, &mut errors);
        if let Some(ancestors) = ancestors {
            facts.set_ancestors(ancestors, &mut errors);
            facts.name_parent();
        }
        if errors.is_empty() {
            Ok(facts.finish())
        } else {
            Err(errors)
        }
    }

    /// A fixture with changes; `ancestors` replaces its ancestors.
    pub(crate) fn fixture(
        schema: &Schema,
        fixture: &Fixture,
        changes: &Datum,
        ancestors: Option<&Datum>,
    ) -> Result<MapEvent, Vec<SampleError>> {
        let mut errors = Vec::new();
        let mut facts = Facts::new(schema, changes, Some(fixture.event), &mut errors);
        facts.set_all(changes, &mut errors);
        if let Some(ancestors) = ancestors {
            facts.set_ancestors(ancestors, &mut errors);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        fixture.fill(&mut facts, ancestors.is_some());
        derive::derive(&mut facts);
        Ok(facts.finish())
    }

    fn beyond(&self, field: &FieldRef) -> Option<Value<'_>> {
        let (_, rule) = self.open_ended.iter().find(|(id, _)| *id == field.id)?;
        match rule {
            OpenEnded::ZeroBeyond => Some(Value::Uint(0)),
            OpenEnded::EmptyBeyond => {
                let whole = FieldRef {
                    id: field.id,
                    arg: FieldKey::None,
                };
                (field.arg != FieldKey::None && self.values.contains_key(&whole))
                    .then_some(Value::Text(b""))
            }
        }
    }
}

impl Fields for MapEvent {
    fn event_type(&self) -> EventTypeId {
        self.event
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        match self.values.get(field) {
            Some(value) => Some(value.borrow(arena)),
            None => self.beyond(field),
        }
    }
}

impl SampleError {
    fn new(span: Option<Span>, message: impl Into<String>) -> SampleError {
        SampleError {
            span,
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: Option<String>) -> SampleError {
        self.help = help;
        self
    }
}

#[cfg(test)]
mod tests;
