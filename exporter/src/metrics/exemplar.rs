//! The last exemplar of a counter, written and read without a lock.
//!
//! In: exemplars from the thread that counts. Out: a whole one, at a scrape.
//!
//! A sequence number guards the three words: odd while they are being written, another one after each write. Who counts never
//! waits: if somebody else is writing at the moment, the exemplar of that one stands. Who reads tries a few times, and shows
//! none rather than half of one.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

use uuid::Uuid;

use super::Exemplar;

/// Attempts at reading between two writes.
const READS_MAX: usize = 8;

/// Holds the last exemplar; none at first.
#[derive(Debug, Default)]
pub(super) struct LastExemplar {
    /// Twice the number of writes, and one more during a write.
    sequence: AtomicU64,
    uuid: [AtomicU64; 2],
    wall_ns: AtomicU64,
}

impl LastExemplar {
    /// Replaces it.
    pub(super) fn set(&self, exemplar: Exemplar) {
        let before = self.sequence.load(Relaxed);
        let free = before.is_multiple_of(2);
        if !free
            || self
                .sequence
                .compare_exchange(before, before + 1, Acquire, Relaxed)
                .is_err()
        {
            return;
        }
        fence(Release);
        let (high, low) = exemplar.uuid.as_u64_pair();
        self.uuid[0].store(high, Relaxed);
        self.uuid[1].store(low, Relaxed);
        self.wall_ns.store(exemplar.wall_ns, Relaxed);
        self.sequence.store(before + 2, Release);
    }

    /// The exemplar, if there is one and it stays the same for long enough to be read.
    pub(super) fn get(&self) -> Option<Exemplar> {
        for _ in 0..READS_MAX {
            let before = self.sequence.load(Acquire);
            if before == 0 {
                return None;
            }
            let uuid = Uuid::from_u64_pair(self.uuid[0].load(Relaxed), self.uuid[1].load(Relaxed));
            let wall_ns = self.wall_ns.load(Relaxed);
            fence(Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Relaxed) == before {
                return Some(Exemplar { uuid, wall_ns });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    fn exemplar(number: u64) -> Exemplar {
        Exemplar {
            uuid: Uuid::from_u64_pair(number, !number),
            wall_ns: number,
        }
    }

    #[test]
    fn the_last_one_is_kept() {
        let last = LastExemplar::default();
        assert_eq!(last.get(), None);
        last.set(exemplar(1));
        last.set(exemplar(2));
        assert_eq!(last.get(), Some(exemplar(2)));
    }

    #[test]
    fn what_is_read_while_others_write_is_whole() {
        const READ: usize = 1000;
        let last = Arc::new(LastExemplar::default());
        let enough = Arc::new(AtomicBool::new(false));
        let writers = [1_u64, 2].map(|first| {
            let (last, enough) = (Arc::clone(&last), Arc::clone(&enough));
            thread::spawn(move || {
                for number in (first..).step_by(2) {
                    last.set(exemplar(number));
                    if enough.load(Relaxed) {
                        break;
                    }
                }
            })
        });
        let seen = std::iter::from_fn(|| Some(last.get())).flatten();
        for seen in seen.take(READ) {
            assert_eq!(seen, exemplar(seen.wall_ns));
        }
        enough.store(true, Relaxed);
        for writer in writers {
            writer.join().expect("no panic");
        }
        let seen = last.get().expect("nobody writes any more");
        assert_eq!(seen, exemplar(seen.wall_ns));
    }
}
