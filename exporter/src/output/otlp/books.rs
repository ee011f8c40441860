//! The queue of records, and the books of what became of each.

use super::failure::Kind;
use crate::metrics::{Counter, Declaration, Family, Registry};
use crate::output::queue::{self, Held, Names, Queue, Waiting};

/// The receiving end of a queue of matches that are to become log records.
#[derive(Debug)]
pub struct Pending {
    pub(super) waiting: Waiting,
    pub(super) books: Books,
}

/// What became of records.
#[derive(Clone, Debug)]
pub(super) struct Books {
    held: Held,
    records: Family<2, Counter>,
    exported: Counter,
    rejected: Counter,
    unsent: Counter,
}

/// Makes the queue of the records and declares its metrics. Every outcome is there from the start, at 0.
pub fn queue(registry: &mut Registry, len_max: usize) -> (Queue, Pending) {
    let records = registry.counters(Declaration {
        name: "saker_otlp_log_records_total",
        help: "Log records for matches, by what became of them.",
        labels: ["outcome", "reason"],
    });
    let names = Names {
        length: Declaration {
            name: "saker_otlp_queue_length",
            help: "Matches that wait to be exported or are being exported.",
            labels: [],
        },
        capacity: Declaration {
            name: "saker_otlp_queue_capacity",
            help: "Matches that may wait to be exported.",
            labels: [],
        },
    };
    let full = records.with(["dropped", "queue_full"]);
    let closed = records.with(["dropped", "exporter_ended"]);
    let (queue, waiting) = queue::queue(registry, names, len_max, full, closed);
    for kind in Kind::ALL {
        records.with(["failed", kind.reason()]);
    }
    let books = Books {
        held: waiting.held.clone(),
        exported: records.with(["exported", ""]),
        rejected: records.with(["failed", "rejected"]),
        unsent: records.with(["dropped", "shutdown"]),
        records,
    };
    (queue, Pending { waiting, books })
}

impl Books {
    /// A collector took so many records of a request and rejected the others.
    pub(super) fn answered(&self, exported: usize, rejected: usize) {
        self.held.settled(exported + rejected);
        self.exported.inc_by(exported as u64);
        self.rejected.inc_by(rejected as u64);
    }

    /// Nobody took them.
    pub(super) fn failed(&self, kind: Kind, count: usize) {
        self.held.settled(count);
        self.records
            .with(["failed", kind.reason()])
            .inc_by(count as u64);
    }

    /// The agent ended before they could be sent.
    pub(super) fn unsent(&self, count: usize) {
        self.held.settled(count);
        self.unsent.inc_by(count as u64);
    }
}
