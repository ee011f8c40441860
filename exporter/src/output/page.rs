//! Matches on their way to the page, behind a queue of their own: who does not read lines does not hold up who looks.
//!
//! In: [`Pending`] matches. Out: as many at once as there are, to whoever keeps them; a count of those that did not get there.
//! Never: a thread; it is a task of the runtime that serves the page.

use std::sync::Arc;

use super::OwnedMatch;
use super::queue::{self, Names, Queue, Waiting};
use crate::metrics::{Counter, Declaration, Registry};

/// Matches that may wait. More than the page shows, fewer than would be worth a wait.
const QUEUE_LEN_MAX: usize = 1024;
/// Matches that are handed over at once.
const BATCH_LEN_MAX: usize = 128;

/// The receiving end of a queue of matches that are to be shown.
#[derive(Debug)]
pub struct Pending {
    waiting: Waiting,
    shown: Counter,
}

/// Makes the queue of the page and declares its metrics.
pub fn queue(registry: &mut Registry) -> (Queue, Pending) {
    let matches = registry.counters(Declaration {
        name: "saker_page_matches_total",
        help: "Matches for the page, its stream and the list of recent ones, by what became of them.",
        labels: ["outcome", "reason"],
    });
    let names = Names {
        length: Declaration {
            name: "saker_page_queue_length",
            help: "Matches that wait to be kept for the page.",
            labels: [],
        },
        capacity: Declaration {
            name: "saker_page_queue_capacity",
            help: "Matches that may wait to be kept for the page.",
            labels: [],
        },
    };
    let full = matches.with(["dropped", "queue_full"]);
    let closed = matches.with(["dropped", "shutdown"]);
    let shown = matches.with(["shown", ""]);
    let (queue, waiting) = queue::queue(registry, names, QUEUE_LEN_MAX, full, closed);
    (queue, Pending { waiting, shown })
}

impl Pending {
    /// Hands matches to `keep`, the oldest first, until all [`Queue`]s are gone.
    pub async fn hand_over(self, mut keep: impl FnMut(std::vec::Drain<'_, Arc<OwnedMatch>>)) {
        let Waiting { mut receiver, held } = self.waiting;
        let mut matches = Vec::with_capacity(BATCH_LEN_MAX);
        loop {
            let count = receiver.recv_many(&mut matches, BATCH_LEN_MAX).await;
            if count == 0 {
                return;
            }
            keep(matches.drain(..));
            held.settled(count);
            self.shown.inc_by(count as u64);
        }
    }
}
