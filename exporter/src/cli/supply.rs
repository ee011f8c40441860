//! What this agent supplies of what rules may ask for.
//!
//! In: the tables of the decoder and of the event's fields. Out: the tier of an event type, and whether a field has a
//! source. Never: what a certain kernel refuses; `saker run` finds that out.

use std::sync::Arc;

use rule_engine::load::RuleInfo;
use rule_engine::schema::{FieldId, Schema};

use crate::event::decode::{OTHER_EVENTS, PROCESS_EVENTS, call_names};
use crate::event::fields::FieldTable;

/// The tier whose programs every supported kernel loads.
const BASE: &str = "base";

/// What an io_uring does on a process's behalf without the system call of that name (include/uapi/linux/io_uring.h); programs
/// at the end of system calls see none of it.
const BY_RING: &[&str] = &[
    "accept",
    "accept4",
    "bind",
    "close",
    "connect",
    "linkat",
    "listen",
    "mkdirat",
    "openat",
    "openat2",
    "pipe2",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmsg",
    "renameat2",
    "send",
    "sendmsg",
    "sendto",
    "socket",
    "splice",
    "symlinkat",
    "unlinkat",
    "write",
    "writev",
];

/// Fields that follow from the event's type; the engine has them by itself.
const BUILT_IN: [&str; 4] = ["evt.type", "evt.type.is", "syscall.type", "evt.dir"];

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

    /// Whether the tier misses such events that processes bring about by an io_uring.
    pub(super) fn misses_rings(&self, event: &str) -> bool {
        self.tier(event) == Some(BASE) && BY_RING.contains(&event)
    }

    /// Whether a field has a source; without one it is always missing.
    pub(super) fn has(&self, field: FieldId) -> bool {
        BUILT_IN.contains(&self.schema.field_def(field).name) || self.fields.supplies(field)
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
