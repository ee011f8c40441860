//! What this agent supplies of what rules may ask for.
//!
//! In: the tables of the decoder and of the event's fields. Out: the tier of an event type, and whether a field has a
//! source. Never: what a certain kernel refuses; `saker run` finds that out.

use std::sync::Arc;

use exporter_ebpf::syscall::{NUMBERS, Numbers};
use rule_engine::load::RuleInfo;
use rule_engine::schema::{FieldId, Schema, Supply};

use crate::event::decode::{OTHER_EVENTS, PROCESS_EVENTS, call_names};
use crate::event::fields::FieldTable;

/// The tier whose programs every supported kernel loads.
const BASE: &str = "base";

/// Fields that follow from the event's type; the engine has them by itself.
const BUILT_IN: [&str; 4] = ["evt.type", "evt.type.is", "syscall.type", "evt.dir"];

/// Why fields are not supplied: names, or how they begin before a `*`.
const LACKING: &[(&[&str], &str)] = &[
    (
        &["fdlist.*"],
        "the descriptors of poll and ppoll are not recorded",
    ),
    (
        &[
            "proc.fdopencount",
            "proc.fdlimit",
            "proc.fdusage",
            "proc.std*",
            "fd.types",
        ],
        "the probe reads the file that a call is about, not the process's table of descriptors",
    ),
    (
        &["proc.vm*", "thread.vm*", "thread.pf*"],
        "records carry no figures of memory",
    ),
    (
        &["thread.cgroup*"],
        "the path in one hierarchy is known, which tells the container; Falco's field lists all controllers",
    ),
    (
        &["proc.nthreads", "proc.nchilds"],
        "the table holds processes, not threads",
    ),
    (
        &["k8smeta.svc.*"],
        "the API server is not asked for services",
    ),
];

/// What this build of the agent supplies.
pub(super) struct Agent<'s> {
    schema: &'s Schema,
    fields: FieldTable,
}

impl<'s> Agent<'s> {
    /// What this build supplies.
    pub(super) fn new(schema: &'s Schema) -> Agent<'s> {
        Agent {
            schema,
            fields: FieldTable::new(Arc::new(schema.clone()), ""),
        }
    }

    /// The tier of probes that supplies an event type; `None`: no probe does, so rules that are only about it never match.
    pub(super) fn tier(&self, event: &str) -> Option<&'static str> {
        let called = || call_names().contains(&event);
        let other = PROCESS_EVENTS.contains(&event) || OTHER_EVENTS.contains(&event);
        (other || called()).then_some(BASE)
    }

    /// Whether such events also come of requests of io_uring.
    pub(super) fn by_ring(&self, event: &str) -> bool {
        let does = |numbers: &Numbers| numbers.name == event && !numbers.requests.is_empty();
        self.tier(event) == Some(BASE) && NUMBERS.iter().any(does)
    }

    /// Whether a field has a source; without one it is always missing.
    pub(super) fn has(&self, field: FieldId) -> bool {
        BUILT_IN.contains(&self.schema.field_def(field).name) || self.fields.supplies(field)
    }

    /// Why a field has no source, where the schema does not say so itself: no event has it then.
    pub(super) fn lacks_because(&self, field: FieldId) -> Option<&'static str> {
        let def = self.schema.field_def(field);
        if self.has(field) || matches!(def.supply, Supply::Never) {
            return None;
        }
        let reason = LACKING.iter().find(|(names, _)| {
            let means = |name: &&str| match name.strip_suffix('*') {
                Some(start) => def.name.starts_with(start),
                None => def.name == *name,
            };
            names.iter().any(means)
        });
        reason.map(|(_, why)| *why)
    }

    /// Fields without a source that a rule's condition looks at, as it writes them.
    pub(super) fn lacking<'r>(&self, rule: &'r RuleInfo) -> Vec<&'r str> {
        let lacks = |written: &&str| {
            let name = written.split('[').next().unwrap_or(written);
            self.schema
                .split(name)
                .is_some_and(|(field, _)| !self.has(field))
        };
        rule.details
            .condition_fields
            .iter()
            .map(String::as_str)
            .filter(lacks)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supplied_has_a_reason_and_nothing_else_has() {
        let schema = Schema::syscall();
        let agent = Agent::new(&schema);
        for field in &schema.fields {
            let id = schema.field(field.name).expect("it is in the schema");
            let lacks = !agent.has(id) && !matches!(field.supply, Supply::Never);
            assert_eq!(agent.lacks_because(id).is_some(), lacks, "{}", field.name);
        }
    }
}
