//! What the kernel holds back for the rules in force, from one rule set to the next.
//!
//! In: rules. Out: the kernel's tables. Never: an error: an agent whose kernel does not take them sees all events, as one
//! that was told not to filter.

use rule_engine::filter::Plan;
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;

use super::wanted::fed_calls;
use crate::config::KernelFilter;
use crate::probe::{Gate, Probe, ProbeError, Tables};

/// The kernel's filter, as the settings want it.
pub(super) struct KernelGate {
    gate: Gate,
    enabled: bool,
    /// What is to be the only one in force.
    next: Option<u32>,
}

impl KernelGate {
    /// Nothing is held back yet.
    ///
    /// # Errors
    /// When it was taken before.
    pub(super) fn new(probe: &mut Probe, settings: KernelFilter) -> Result<Self, ProbeError> {
        let mut gate = probe.take_gate()?;
        gate.set_audit(settings.audit);
        Ok(Self {
            gate,
            enabled: settings.enabled,
            next: None,
        })
    }

    /// Lets pass what these rules want, too.
    pub(super) fn begin(&mut self, rules: &RuleSet, schema: &Schema) {
        self.next = None;
        if !self.enabled {
            return;
        }
        let fed = fed_calls(rules, schema);
        let plan = Plan::of(rules, schema);
        let tables = Tables::of(&plan, schema, |event| fed.contains(&event));
        if !tables.unfiltered().is_empty() {
            let events = tables.unfiltered().join(", ");
            tracing::warn!(
                events,
                "the rules are too many for the kernel filter: all events of these types pass"
            );
        }
        match self.gate.add(&tables) {
            Ok(next) => self.next = Some(next),
            Err(error) => {
                tracing::warn!(%error, "the kernel does not take the filter of these rules: all events pass");
                self.open();
            }
        }
    }

    /// Holds back what these rules do not want. Only they are in force.
    pub(super) fn finish(&mut self) {
        let Some(next) = self.next.take() else {
            return;
        };
        if let Err(error) = self.gate.keep(next) {
            tracing::warn!(%error, "the kernel filter cannot be put in force: all events pass");
            self.open();
        }
    }

    fn open(&mut self) {
        if let Err(error) = self.gate.open() {
            tracing::error!(%error, "the kernel filter cannot be opened: events that only the new rules want are not seen");
        }
    }
}
