//! A histogram of times, in classic and native buckets at once, counted without a lock.
//!
//! In: times in nanoseconds. Out: a [`Distribution`] in seconds, at a scrape.
//! Never: an allocation or a change of resolution; the range is fixed, and what lies outside counts in its first or last
//! native bucket.
//! Sources: Prometheus native histograms (schema 3, eight buckets for each doubling).

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Distribution, Kind, Labels, Native, Value, Visitor};

/// Upper bounds of the classic buckets, in seconds.
const BOUNDS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];
/// Native buckets for each doubling, as a power of two: neighbours differ by 9 %.
const SCHEMA: i32 = 3;
const PER_DOUBLING: usize = 1 << SCHEMA;
/// The range in powers of two seconds: 60 ns to 64 s.
const LEAST: i32 = -24;
const MOST: i32 = 6;
const NATIVE_LEN: usize = (MOST - LEAST) as usize * PER_DOUBLING;
/// Number of the first native bucket; its upper bound is one step above `2^LEAST`.
const FIRST: i32 = LEAST * PER_DOUBLING as i32 + 1;

/// A histogram of times. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    sum_ns: AtomicU64,
    /// Not added up; the last is for what lies above all bounds.
    classic: [AtomicU64; BOUNDS.len() + 1],
    native: [AtomicU64; NATIVE_LEN],
}

impl Default for Histogram {
    fn default() -> Self {
        Self(Arc::new(Buckets {
            sum_ns: AtomicU64::new(0),
            classic: array::from_fn(|_| AtomicU64::new(0)),
            native: array::from_fn(|_| AtomicU64::new(0)),
        }))
    }
}

impl Histogram {
    /// Observes a time.
    pub fn observe_ns(&self, ns: u64) {
        let seconds = ns as f64 / 1e9;
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.0.classic[bucket].fetch_add(1, Relaxed);
        self.0.native[native_index(seconds)].fetch_add(1, Relaxed);
        self.0.sum_ns.fetch_add(ns, Relaxed);
    }
}

impl Value for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor) {
        let counts: [u64; NATIVE_LEN] = array::from_fn(|at| self.0.native[at].load(Relaxed));
        let mut count = 0;
        let buckets: [(f64, u64); BOUNDS.len() + 1] = array::from_fn(|at| {
            count += self.0.classic[at].load(Relaxed);
            (BOUNDS.get(at).copied().unwrap_or(f64::INFINITY), count)
        });
        let distribution = Distribution {
            count,
            sum: self.0.sum_ns.load(Relaxed) as f64 / 1e9,
            buckets: &buckets,
            native: Native {
                schema: SCHEMA,
                first: FIRST,
                counts: &counts,
            },
        };
        visitor.distribution(labels, &distribution);
    }
}

/// Place of a value among the native buckets.
fn native_index(seconds: f64) -> usize {
    let place = (seconds.log2() * PER_DOUBLING as f64).ceil();
    // Of a float that is too small (zero gives minus infinity) or too large the cast takes the nearest number.
    let index = (place as i32).saturating_sub(FIRST);
    usize::try_from(index).unwrap_or(0).min(NATIVE_LEN - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bounds of the native bucket at a place, in seconds.
    fn bounds(index: usize) -> (f64, f64) {
        let bound = |number: i32| (f64::from(number) / PER_DOUBLING as f64).exp2();
        let number = FIRST + i32::try_from(index).expect("a few hundred");
        (bound(number - 1), bound(number))
    }

    #[test]
    fn values_lie_within_the_bounds_of_their_bucket() {
        let mut ns = 61_u64;
        while ns < 64_000_000_000 {
            let seconds = ns as f64 / 1e9;
            let (above, most) = bounds(native_index(seconds));
            // Within the rounding of a logarithm.
            let slack = 1e-12 * seconds;
            assert!(above - slack < seconds && seconds <= most + slack, "{ns}");
            ns += 1 + ns / 7;
        }
        assert_eq!(native_index(0.0), 0);
        assert_eq!(native_index(1e-12), 0);
        assert_eq!(native_index(1e12), NATIVE_LEN - 1);
        assert_eq!(native_index(f64::INFINITY), NATIVE_LEN - 1);
    }
}
