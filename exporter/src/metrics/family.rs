//! One value per set of label values, shown in the order of the values so that two scrapes can be compared line by line.
//!
//! In: label values, once, when a series is made. Out: a handle that counts without coming back here.

use std::array;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Labels, Value, Visitor};

/// Series of one metric, told apart by the values of `N` labels. Cloning shares the series.
#[derive(Clone, Debug)]
pub struct Family<const N: usize, V> {
    labels: [&'static str; N],
    series: Arc<RwLock<BTreeMap<[Box<str>; N], V>>>,
}

impl<const N: usize, V: Value> Family<N, V> {
    pub(super) fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            series: Arc::default(),
        }
    }

    /// The series of these values, made at 0 if it is new. Takes a lock that a scrape also takes: the event thread never asks;
    /// it is given what was asked for at load.
    pub fn with(&self, values: [&str; N]) -> V {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        series.entry(values.map(Box::from)).or_default().clone()
    }

    /// Takes away the series that `keep` does not want to keep, by their label values. Handles to them count on, unseen.
    pub fn retain(&self, mut keep: impl FnMut(&[Box<str>; N]) -> bool) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        series.retain(|values, _| keep(values));
    }

    pub(super) fn show(&self, visitor: &mut dyn Visitor) {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        for (values, value) in &*series {
            let pairs: [(&str, &str); N] = array::from_fn(|at| (self.labels[at], &*values[at]));
            let labels: Labels<'_> = &pairs;
            value.show(labels, visitor);
        }
    }
}
