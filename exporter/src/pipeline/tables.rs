//! How full the tables are, on `/metrics`.
//!
//! In: the tables, between batches. Out: entries, capacity, and what a full table gave up.

use super::parking::EVENTS_MAX;
use crate::metrics::{Counter, Declaration, Gauge, Registry};
use crate::state::{CGROUPS_MAX, CONTAINERS_MAX, PODS_MAX, State, user};

/// The metrics of all tables.
#[derive(Clone)]
pub(super) struct Tables {
    processes: Table,
    cgroups: Table,
    containers: Table,
    pods: Table,
    users: Table,
    groups: Table,
    parked: Gauge,
    process_misses: Counter,
}

/// Those of one.
#[derive(Clone)]
struct Table {
    entries: Gauge,
    evictions: Counter,
}

impl Tables {
    /// Declares them.
    pub(super) fn declare(registry: &mut Registry, processes_max: usize) -> Self {
        let entries = registry.gauges(Declaration {
            name: "saker_table_entries",
            help: "Entries that a table holds.",
            labels: ["table"],
        });
        let capacity = registry.gauges(Declaration {
            name: "saker_table_capacity",
            help: "Entries that a table can hold.",
            labels: ["table"],
        });
        let evictions = registry.counters(Declaration {
            name: "saker_table_evictions_total",
            help: "Living entries that a full table gave up.",
            labels: ["table"],
        });
        let misses = registry.counters(Declaration {
            name: "saker_table_misses_total",
            help: "Events about something that a table did not hold.",
            labels: ["table"],
        });
        let entries_of = |name: &str, entries_max: usize| {
            capacity.with([name]).set(entries_max as f64);
            entries.with([name])
        };
        let table = |name: &str, entries_max: usize| Table {
            entries: entries_of(name, entries_max),
            evictions: evictions.with([name]),
        };
        Self {
            processes: table("processes", processes_max),
            cgroups: table("cgroups", CGROUPS_MAX),
            containers: table("containers", CONTAINERS_MAX),
            pods: table("pods", PODS_MAX),
            users: table("users", user::ENTRIES_MAX),
            groups: table("groups", user::ENTRIES_MAX),
            parked: entries_of("parked_events", EVENTS_MAX),
            process_misses: misses.with(["processes"]),
        }
    }

    /// An event has come from a process that is in no table.
    pub(super) fn process_missed(&self) {
        self.process_misses.inc();
    }

    /// Shows how the tables are. So many events are parked.
    pub(super) fn observe(&self, state: &State, parked: usize) {
        let processes = &state.processes;
        self.processes
            .observe(processes.len(), processes.evictions());
        self.cgroups
            .observe(state.cgroups.len(), state.cgroups.evictions());
        if let Some(containers) = &state.containers {
            self.containers
                .observe(containers.len(), containers.evictions());
        }
        self.pods.observe(state.pods.len(), state.pods.evictions());
        let (users, groups) = (state.users().users(), state.users().groups());
        self.users.observe(users.len(), users.omitted());
        self.groups.observe(groups.len(), groups.omitted());
        self.parked.set(parked as f64);
    }
}

impl Table {
    fn observe(&self, entries: usize, evictions: u64) {
        self.entries.set(entries as f64);
        // Brings the counter up to what the table has counted by itself.
        let counted = evictions.saturating_sub(self.evictions.get());
        self.evictions.inc_by(counted);
    }
}
