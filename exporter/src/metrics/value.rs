//! The values that rooms hold and count in: no lock, so nobody who counts waits for a scrape.
//!
//! In: increments, from any thread. Out: a [`Number`] at a scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::exemplar::LastExemplar;
use super::{Exemplar, Kind, Labels, Number, Visitor};

const NS_PER_SECOND: f64 = 1e9;

/// A value that a series can have. Cloning shares it.
pub trait Value: Clone + Default + Send + Sync + 'static {
    /// What kind of metric it makes.
    const KIND: Kind;

    /// Shows the value.
    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor);
}

/// A whole number that only rises. Counting is one relaxed atomic addition.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts one; gives what was counted before.
    pub fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Counts `by`; gives what was counted before.
    pub fn inc_by(&self, by: u64) -> u64 {
        self.0.fetch_add(by, Relaxed)
    }

    /// What was counted so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Value for Counter {
    const KIND: Kind = Kind::Counter;

    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor) {
        visitor.number(labels, Number::Whole(self.get()), None);
    }
}

/// A counter that remembers the last of what it counted.
#[derive(Clone, Debug, Default)]
pub struct TracedCounter {
    count: Counter,
    last: Arc<LastExemplar>,
}

impl TracedCounter {
    /// Counts one, and remembers it.
    pub fn inc(&self, exemplar: Exemplar) {
        self.count.inc();
        self.last.set(exemplar);
    }

    /// What was counted so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.count.get()
    }
}

impl Value for TracedCounter {
    const KIND: Kind = Kind::Counter;

    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor) {
        visitor.number(labels, Number::Whole(self.get()), self.last.get());
    }
}

/// Time that adds up, counted in nanoseconds and shown in seconds.
#[derive(Clone, Debug, Default)]
pub struct SecondsCounter(Counter);

impl SecondsCounter {
    /// Adds so many nanoseconds.
    pub fn add_ns(&self, ns: u64) {
        self.0.inc_by(ns);
    }
}

impl Value for SecondsCounter {
    const KIND: Kind = Kind::Counter;

    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor) {
        let seconds = self.0.get() as f64 / NS_PER_SECOND;
        visitor.number(labels, Number::Real(seconds), None);
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// One more.
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// One less.
    pub fn dec(&self) {
        self.add(-1.0);
    }

    fn add(&self, by: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // Refuses nothing.
        let _ = self.0.fetch_update(Relaxed, Relaxed, sum);
    }

    /// What it was last set to.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Value for Gauge {
    const KIND: Kind = Kind::Gauge;

    fn show(&self, labels: Labels<'_>, visitor: &mut dyn Visitor) {
        visitor.number(labels, Number::Real(self.get()), None);
    }
}
