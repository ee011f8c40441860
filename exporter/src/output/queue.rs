//! From the event thread to the writer: a queue with a limit, that drops and counts rather than waits.

use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

use super::OwnedMatch;
use crate::metrics::{Counter, Declaration, Family, Registry};

/// Matches that may wait. A match is a few hundred bytes to a few kilobytes.
const QUEUE_LEN_MAX: usize = 4096;

/// The sending end. Cloning shares the queue.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: Sender<OwnedMatch>,
    full: Counter,
    closed: Counter,
    waits: bool,
}

/// The receiving end, for a [`super::Writer`].
#[derive(Debug)]
pub struct Pending {
    pub(super) receiver: Receiver<OwnedMatch>,
    pub(super) lines: Family<2, Counter>,
}

/// Makes a queue and declares its metrics.
pub fn queue(registry: &mut Registry) -> (Queue, Pending) {
    let (sender, receiver) = mpsc::channel(QUEUE_LEN_MAX);
    let lines = registry.counters(Declaration {
        name: "saker_output_lines_total",
        help: "Lines for matches on standard output, by what became of them.",
        labels: ["outcome", "reason"],
    });
    let waiting = sender.downgrade();
    registry.gauges_read(
        Declaration {
            name: "saker_output_queue_length",
            help: "Matches that wait to be written.",
            labels: [],
        },
        move |rows| {
            let waiting = waiting.upgrade();
            rows(
                [],
                waiting.map_or(0, |queue| queue.max_capacity() - queue.capacity()),
            );
        },
    );
    registry
        .gauge(Declaration {
            name: "saker_output_queue_capacity",
            help: "Matches that may wait to be written.",
            labels: [],
        })
        .set(QUEUE_LEN_MAX as f64);
    let queue = Queue {
        sender,
        full: lines.with(["dropped", "queue_full"]),
        closed: lines.with(["dropped", "writer_ended"]),
        waits: false,
    };
    (queue, Pending { receiver, lines })
}

impl Queue {
    /// The same queue for one whose events wait for it, as those of a capture do: nothing is dropped for want of room.
    #[must_use]
    pub fn waiting(self) -> Queue {
        Queue {
            waits: true,
            ..self
        }
    }

    /// Hands a match over without waiting; one that does not fit is dropped and counted.
    pub fn send(&self, owned: OwnedMatch) {
        if self.waits {
            if self.sender.blocking_send(owned).is_err() {
                self.closed.inc();
            }
            return;
        }
        match self.sender.try_send(owned) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.full.inc();
            }
            Err(TrySendError::Closed(_)) => {
                self.closed.inc();
            }
        }
    }
}
