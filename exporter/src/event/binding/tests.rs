//! The rows agree with the schema, and with what the probes record.

use rule_engine::schema::Schema;

use super::*;
use crate::event::decode::{OTHER_EVENTS, PROCESS_EVENTS, call_names};

/// Events that the agent supplies.
fn supplied() -> impl Iterator<Item = &'static str> {
    call_names()
        .into_iter()
        .chain(PROCESS_EVENTS.iter().chain(OTHER_EVENTS).copied())
}

#[test]
fn every_supplied_event_has_a_row_with_every_parameter_in_order() {
    let schema = Schema::syscall();
    for name in supplied() {
        let event = schema.event(name).unwrap_or_else(|| panic!("{name}"));
        let event = schema.event_def(event);
        let row = of(event).unwrap_or_else(|| panic!("{name} has no row"));
        let bound: Vec<_> = row.params.iter().map(|param| param.name).collect();
        let defined: Vec<_> = event.params.iter().map(|param| param.name).collect();
        assert_eq!(bound, defined, "{name}");
        assert_eq!(
            row.descriptor != Descriptor::None,
            event.creates_fd || event.uses_fd,
            "{name}"
        );
    }
}

#[test]
fn no_event_has_two_rows_and_none_is_unknown() {
    let schema = Schema::syscall();
    let mut names = std::collections::HashSet::new();
    for row in all() {
        assert!(names.insert(row.event), "{} twice", row.event);
        assert!(schema.event(row.event).is_some(), "{}", row.event);
    }
}

#[test]
fn every_row_is_of_an_event_that_the_agent_supplies() {
    for row in all() {
        assert!(supplied().any(|name| name == row.event), "{}", row.event);
    }
}

#[test]
fn paths_stand_where_the_schema_says() {
    let schema = Schema::syscall();
    let supplies = |event, field| {
        let field = schema.field(field).expect("a field of the schema");
        schema.supplies(event, field, None)
    };
    for row in all() {
        let event = schema.event(row.event).expect("checked above");
        let (name, pair) = match row.paths {
            Paths::None => (false, false),
            Paths::Name(_) => (true, false),
            Paths::Pair(..) => (false, true),
        };
        assert_eq!(name, supplies(event, "fs.path.name"), "{}", row.event);
        assert_eq!(pair, supplies(event, "fs.path.source"), "{}", row.event);
    }
}
