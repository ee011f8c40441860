//! The last matches, for those who look: a ring with a limit, that readers follow at their own pace.
//!
//! In: matches, as something that can be shown. Out: those after a number. Never: a wait for a reader, or memory per reader.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Matches that are kept.
pub const RECENT_MAX: usize = 100;

/// A match that can be shown. It is rendered when somebody looks, not when it comes.
pub trait Shown: Send + Sync {
    /// The match as one line of JSON, as on standard output.
    fn json(&self) -> String;
}

/// A handle to the ring; cloning shares it.
#[derive(Clone)]
pub struct Recent {
    ring: Arc<Mutex<Ring>>,
    /// Number of the newest match; 0 before the first.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Ring {
    newest: u64,
    matches: VecDeque<Arc<dyn Shown>>,
}

/// What has come since.
pub(super) struct News {
    /// Number of the last of `matches`.
    pub(super) newest: u64,
    /// Matches that came and went, unseen.
    pub(super) missed: u64,
    /// Oldest first.
    pub(super) matches: Vec<Arc<dyn Shown>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            ring: Arc::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent")
            .field("newest", &*self.newest.borrow())
            .finish_non_exhaustive()
    }
}

impl Recent {
    /// Keeps these matches, the oldest first, and forgets older ones.
    pub fn extend(&self, matches: impl IntoIterator<Item = Arc<dyn Shown>>) {
        let newest = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            for shown in matches {
                if ring.matches.len() == RECENT_MAX {
                    ring.matches.pop_front();
                }
                ring.matches.push_back(shown);
                ring.newest += 1;
            }
            ring.newest
        };
        self.newest.send_replace(newest);
    }

    /// What came after number `seen`. A number that was not given out yet is one of an earlier process: all is new.
    pub(super) fn since(&self, seen: u64) -> News {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let unseen = ring.newest.checked_sub(seen).unwrap_or(ring.newest);
        let kept = ring.matches.len();
        let count = usize::try_from(unseen).unwrap_or(kept).min(kept);
        News {
            newest: ring.newest,
            missed: unseen - count as u64,
            matches: ring.matches.range(kept - count..).cloned().collect(),
        }
    }

    /// Tells of news.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number(u64);

    impl Shown for Number {
        fn json(&self) -> String {
            self.0.to_string()
        }
    }

    #[test]
    fn readers_get_what_is_kept_and_the_number_of_the_rest() {
        let recent = Recent::default();
        let check = |seen, missed, first: Option<u64>, count| {
            let news = recent.since(seen);
            let shown: Vec<String> = news.matches.iter().map(|shown| shown.json()).collect();
            let got = (news.missed, shown.first().cloned(), shown.len());
            assert_eq!(got, (missed, first.map(|n| n.to_string()), count), "{seen}");
        };
        let push = |numbers: std::ops::RangeInclusive<u64>| {
            recent.extend(numbers.map(|n| Arc::new(Number(n)) as Arc<dyn Shown>));
        };
        check(0, 0, None, 0);
        push(1..=3);
        check(0, 0, Some(1), 3);
        check(2, 0, Some(3), 1);
        check(3, 0, None, 0);
        check(99, 0, Some(1), 3);
        push(4..=130);
        check(0, 30, Some(31), 100);
        check(20, 10, Some(31), 100);
        check(129, 0, Some(130), 1);
        assert_eq!(*recent.watch().borrow(), 130);
    }
}
