//! How many requests are answered: a bucket of tokens that fills by the clock.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::config::web::RateLimit;

/// The bucket.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    /// Tokens left, and when that was so.
    level: Mutex<(f64, Instant)>,
}

impl Limiter {
    /// A full bucket.
    pub(super) fn new(limit: RateLimit, now: Instant) -> Self {
        Self {
            limit,
            level: Mutex::new((f64::from(limit.burst), now)),
        }
    }

    /// Takes a token; false if there is none.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(level.1);
        let filled = level.0 + since.as_secs_f64() / self.limit.interval.as_secs_f64();
        let filled = filled.min(f64::from(self.limit.burst));
        let taken = filled >= 1.0;
        *level = (if taken { filled - 1.0 } else { filled }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let start = Instant::now();
        let interval = Duration::from_millis(100);
        let limiter = Limiter::new(RateLimit { interval, burst: 3 }, start);
        let at = |ms| start + Duration::from_millis(ms);
        let taken: Vec<bool> = [0, 0, 0, 0, 99, 101, 102, 5000, 5000, 5000, 5000]
            .map(|ms| limiter.take(at(ms)))
            .to_vec();
        let (yes, no) = (true, false);
        assert_eq!(taken, [yes, yes, yes, no, no, yes, no, yes, yes, yes, no]);
    }
}
