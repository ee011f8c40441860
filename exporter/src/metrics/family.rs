//! One metric per set of label values, printed in the order of the values so that two scrapes can be compared line by line.
//!
//! In: label values, once, when a series is made. Out: a handle that counts without coming back here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Series of one metric, told apart by the values of `N` labels. Cloning shares the series.
#[derive(Clone, Debug)]
pub struct Family<const N: usize, M> {
    labels: [&'static str; N],
    series: Arc<RwLock<BTreeMap<[Box<str>; N], M>>>,
}

impl<const N: usize, M: Clone + Default> Family<N, M> {
    pub(super) fn new(labels: [&'static str; N]) -> Self {
        Self {
            labels,
            series: Arc::default(),
        }
    }

    /// The series of these values, made at 0 if it is new. Takes a lock that a scrape also takes: the event thread asks once,
    /// at load, and keeps what it gets.
    pub fn with(&self, values: [&str; N]) -> M {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        series.entry(values.map(Box::from)).or_default().clone()
    }
}

impl<const N: usize, M> EncodeMetric for Family<N, M>
where
    M: EncodeMetric + TypedMetric,
{
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        series.iter().try_for_each(|(values, metric)| {
            encode_row(
                &mut encoder,
                &self.labels,
                values.each_ref().map(|value| &**value),
                |row| metric.encode(row),
            )
        })
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.series
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

/// Encodes one series: the labels, then what `value` writes.
pub(super) fn encode_row<const N: usize>(
    encoder: &mut MetricEncoder<'_>,
    labels: &[&'static str; N],
    values: [&str; N],
    value: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut pairs = [("", ""); N];
    for ((pair, name), text) in pairs.iter_mut().zip(labels).zip(values) {
        *pair = (name, text);
    }
    value(encoder.encode_family(&pairs)?)
}
