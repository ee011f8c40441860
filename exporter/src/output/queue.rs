//! From the event thread to an output: a queue with a limit, that drops and counts rather than waits.
//!
//! In: matches, shared between the outputs. Out: matches in another thread. Never: a wait on the event thread, or a match
//! that is in no book.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};

use super::OwnedMatch;
use crate::metrics::{Counter, Declaration, Registry};

/// The sending end. Cloning shares the queue.
#[derive(Clone, Debug)]
pub struct Queue {
    sender: Sender<Arc<OwnedMatch>>,
    held: Held,
    full: Counter,
    closed: Counter,
    waits: bool,
}

/// The receiving end.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) receiver: Receiver<Arc<OwnedMatch>>,
    pub(super) held: Held,
}

/// How many matches have been queued whose end is not in the books yet. Cloning shares the number.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<AtomicUsize>);

/// What a queue is called in the metrics.
pub(super) struct Names {
    pub(super) length: Declaration<0>,
    pub(super) capacity: Declaration<0>,
}

/// Makes a queue for so many matches, and declares its metrics. A match that does not fit is counted in `full`, one that
/// nobody takes any more in `closed`.
pub(super) fn queue(
    registry: &mut Registry,
    names: Names,
    len_max: usize,
    full: Counter,
    closed: Counter,
) -> (Queue, Waiting) {
    let (sender, receiver) = mpsc::channel(len_max);
    let held = Held::default();
    let now = held.clone();
    registry.gauges_read(names.length, move |rows| {
        rows([], now.0.load(Ordering::Relaxed) as u64);
    });
    registry.gauge(names.capacity).set(len_max as f64);
    let queue = Queue {
        sender,
        held: held.clone(),
        full,
        closed,
        waits: false,
    };
    (queue, Waiting { receiver, held })
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
    pub fn send(&self, owned: Arc<OwnedMatch>) {
        self.held.0.fetch_add(1, Ordering::Relaxed);
        let lost = if self.waits {
            let sent = self.sender.blocking_send(owned);
            sent.err().map(|_| &self.closed)
        } else {
            match self.sender.try_send(owned) {
                Ok(()) => None,
                Err(TrySendError::Full(_)) => Some(&self.full),
                Err(TrySendError::Closed(_)) => Some(&self.closed),
            }
        };
        if let Some(counter) = lost {
            self.held.settled(1);
            counter.inc();
        }
    }
}

impl Held {
    /// So many matches are in the books now. Told before they are counted there, so that nothing is in both.
    pub(super) fn settled(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }
}
