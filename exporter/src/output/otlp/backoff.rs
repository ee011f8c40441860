//! How long to wait after a failure: longer each time, never as long as anybody else, never less than the collector asked for.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Before the second attempt, without jitter.
const FIRST: Duration = Duration::from_millis(200);
/// Between any two attempts, without jitter.
const LONGEST: Duration = Duration::from_secs(10);
/// The longest wait that a collector may ask for.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after another failure; `asked` is what the collector wants.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let own = doubled.min(LONGEST);
        // Agents that lost the same collector must not come back at the same time: half of the pause is chance.
        let jitter = own.mul_f64(0.5 * chance());
        match asked {
            Some(asked) => asked.min(ASKED_MAX) + jitter,
            None => own / 2 + jitter,
        }
    }

    /// The collector took something, or there is no time left for long pauses.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    // The standard library seeds every one of its hashers by itself.
    let random = RandomState::new().hash_one(0_u8) >> 11;
    random as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_again() {
        let mut backoff = Backoff::default();
        let mut expected = FIRST;
        for _ in 0..40 {
            let pause = backoff.pause(None);
            assert!(pause >= expected / 2 && pause <= expected, "{pause:?}");
            expected = (expected * 2).min(LONGEST);
        }
        backoff.reset();
        assert!(backoff.pause(None) <= FIRST);
    }

    #[test]
    fn two_agents_wait_differently() {
        let pauses: Vec<_> = (0..20).map(|_| Backoff::default().pause(None)).collect();
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    proptest! {
        #[test]
        fn a_collector_gets_the_pause_it_asks_for(failures in 0_u32..50, asked_ms in 0_u64..10_000_000) {
            let mut backoff = Backoff { failures };
            let asked = Duration::from_millis(asked_ms);
            let pause = backoff.pause(Some(asked));
            prop_assert!(pause >= asked.min(ASKED_MAX));
            prop_assert!(pause <= asked.min(ASKED_MAX) + LONGEST / 2);
        }
    }
}
