//! What a reader of the registry is shown: metrics, and the values of their series.
//!
//! In: nothing. Out: [`Visitor`], which every format implements, and the values it is given.

use uuid::Uuid;

use super::{Description, Registry};

/// Names and values of the labels of one series. Values may be empty, which means the same as a label that is not there.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Reads all metrics, one after the other.
pub trait Visitor {
    /// The series that follow are of this metric. There may be none.
    fn metric(&mut self, description: &Description);

    /// A series of a counter or gauge.
    fn number(&mut self, labels: Labels<'_>, number: Number, exemplar: Option<Exemplar>);

    /// A series of a histogram.
    fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution<'_>);
}

/// The value of a counter or gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Printed with all its digits.
    Whole(u64),
    /// Anything else.
    Real(f64),
}

impl Number {
    /// The value as the formats carry it that have nothing else.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Real(number) => number,
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Number::Whole(number as u64)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Number::Real(number)
    }
}

/// One of the things that a counter has counted: a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// Names the match in every output. Shown as the label `uuid`.
    pub uuid: Uuid,
    /// When it happened, in ns since the epoch.
    pub wall_ns: u64,
}

/// What a histogram has observed.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    /// How many observations there were.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Upper bounds, inclusive and rising, and how many observations lie at or below each. The last bound is infinite.
    pub buckets: &'a [(f64, u64)],
    /// The same observations in buckets that grow by a factor.
    pub native: Native<'a>,
}

/// The buckets of a native histogram: bucket `i` holds what is above `2^((i-1)/2^schema)` and at most `2^(i/2^schema)`.
#[derive(Clone, Copy, Debug)]
pub struct Native<'a> {
    /// Fineness: buckets for each doubling, as a power of two.
    pub schema: i32,
    /// Number of the first bucket in `counts`.
    pub first: i32,
    /// Observations of each bucket, not added up. There are none outside.
    pub counts: &'a [u64],
}

/// How many series the registry shows now. Those of a histogram are its buckets, its count and its sum.
#[must_use]
pub fn series(registry: &Registry) -> usize {
    let mut count = SeriesCount::default();
    registry.visit(&mut count, || true);
    count.0
}

/// Counts the series that it is shown.
#[derive(Default)]
pub(super) struct SeriesCount(pub(super) usize);

impl Visitor for SeriesCount {
    fn metric(&mut self, _: &Description) {}

    fn number(&mut self, _: Labels<'_>, _: Number, _: Option<Exemplar>) {
        self.0 += 1;
    }

    fn distribution(&mut self, _: Labels<'_>, distribution: &Distribution<'_>) {
        self.0 += distribution.buckets.len() + 2;
    }
}
