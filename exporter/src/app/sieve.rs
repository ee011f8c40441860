//! The kernel's filter without a kernel: what it would let pass of records that were made without it.
//!
//! In: rules, records in the order in which they were made. Out: for each call whether it would have come.
//! Never: less than the kernel lets pass: of each call the twin knows what the kernel knows.

use exporter_ebpf::record::Record;
use rule_engine::filter::{EventPlan, Facts, Known};
use rule_engine::program::RuleSet;
use rule_engine::schema::{EventTypeId, Schema};

use super::wanted::fed_calls;
use crate::event::decode::EventTypes;
use crate::event::known::known;
use crate::probe::{decided, is_filtered};
use crate::state::{State, actor};

/// Judges as the kernel does.
pub struct Sieve {
    types: EventTypes,
    /// By [`EventTypeId`]; none: all of them pass.
    plans: Vec<Option<EventPlan>>,
    state: State,
}

impl Sieve {
    /// For these rules; `state` is empty, and of the size that the agent's has.
    #[must_use]
    pub fn new(rules: &RuleSet, schema: &Schema, state: State) -> Self {
        let fed = fed_calls(rules, schema);
        let events = (0..schema.events.len()).filter_map(|id| u16::try_from(id).ok());
        let plan = |event| {
            let name = schema.event_def(event).name;
            let filtered =
                is_filtered(name) && !fed.contains(&name) && rules.events().contains(event);
            filtered.then(|| decided(name, &EventPlan::of(rules, schema, event)))
        };
        Self {
            types: EventTypes::new(schema),
            plans: events.map(EventTypeId).map(plan).collect(),
            state,
        }
    }

    /// Whether a record would have come.
    pub fn passes(&mut self, bytes: &[u8]) -> bool {
        let mut passes = true;
        self.judge(bytes, |_, _, verdict| passes = verdict);
        passes
    }

    /// Gives the type of a call, what is known of it, and whether it passes; nothing of records that are no calls, which all
    /// pass.
    pub fn judge(&mut self, bytes: &[u8], judged: impl FnOnce(EventTypeId, &Facts<'_>, bool)) {
        let Ok(record) = Record::parse(bytes) else {
            return;
        };
        self.state.apply(&record);
        let Some(event) = self.types.of(&record) else {
            return;
        };
        let header = record.header();
        let comm = match self.state.processes.get(actor(header)) {
            Some(process) => Known::Is(process.comm.bytes()),
            None => Known::Unknown,
        };
        let in_container = match self.state.cgroups.get(header.cgroup_id) {
            Some(cgroup) => Known::Is(cgroup.container.is_some()),
            None => Known::Unknown,
        };
        if let Some(facts) = known(&record, comm, in_container) {
            let plan = self
                .plans
                .get(usize::from(event.0))
                .and_then(Option::as_ref);
            judged(event, &facts, plan.is_none_or(|plan| plan.passes(&facts)));
        }
    }
}
