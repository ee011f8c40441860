//! Declares, describes, registers and hands out a metric in one call.
//!
//! In: a [`Declaration`] from the room that counts. Out: the handle that counts, and [`Registry::descriptions`], from which
//! the list of all metrics is made.
//! Never: a metric that is declared in one place and registered in another.
//! Sources: Prometheus naming practice, OpenMetrics 1.0.0 (units and suffixes).

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{
    EncodeCounterValue, EncodeGaugeValue, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry as Exposition, Unit};

use super::family::{Family, encode_row};

/// A whole number that only rises. Cloning shares the value; counting is one relaxed atomic addition.
pub type Counter = prometheus_client::metrics::counter::Counter<u64, AtomicU64>;

/// A number that goes up and down. Cloning shares the value.
pub type Gauge = prometheus_client::metrics::gauge::Gauge<f64, AtomicU64>;

/// Takes the rows of a metric whose values are read at the scrape: label values, then the value.
pub type Rows<'a, const N: usize, V> = &'a mut dyn FnMut([&str; N], V);

/// What a metric is, said once, where it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<const N: usize> {
    /// The whole name as it is scraped, with unit and, for a counter, `_total`.
    pub name: &'static str,
    /// One sentence for the operator.
    pub help: &'static str,
    /// Names of the labels, in the order in which values are given.
    pub labels: [&'static str; N],
}

/// A declared metric, for lists and documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The whole name.
    pub name: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// Names of the labels.
    pub labels: Vec<&'static str>,
    /// One sentence for the operator.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, and starts again at zero with the process.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    /// The word used in both text formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        }
    }
}

/// All metrics of the process. Rooms declare into it while the agent is put together; afterwards it is only read.
#[derive(Debug, Default)]
pub struct Registry {
    exposition: Exposition,
    descriptions: Vec<Description>,
}

impl Registry {
    /// A registry without metrics.
    pub fn new() -> Self {
        Self::default()
    }

    /// A single counter, at 0.
    pub fn counter(&mut self, declaration: Declaration<0>) -> Counter {
        let counter = Counter::default();
        self.register(declaration, Kind::Counter, counter.clone());
        counter
    }

    /// A counter per set of label values; a set exists once it was asked for.
    pub fn counters<const N: usize>(&mut self, declaration: Declaration<N>) -> Family<N, Counter> {
        let family = Family::new(declaration.labels);
        self.register(declaration, Kind::Counter, family.clone());
        family
    }

    /// A single gauge, at 0.
    pub fn gauge(&mut self, declaration: Declaration<0>) -> Gauge {
        let gauge = Gauge::default();
        self.register(declaration, Kind::Gauge, gauge.clone());
        gauge
    }

    /// A gauge per set of label values; a set exists once it was asked for.
    pub fn gauges<const N: usize>(&mut self, declaration: Declaration<N>) -> Family<N, Gauge> {
        let family = Family::new(declaration.labels);
        self.register(declaration, Kind::Gauge, family.clone());
        family
    }

    /// Counters that live elsewhere (in the kernel, say): `read` is called at every scrape and gives the rows, each set of
    /// label values once. What cannot be read is left out.
    pub fn counters_read<const N: usize, V, F>(&mut self, declaration: Declaration<N>, read: F)
    where
        V: EncodeCounterValue + 'static,
        F: Fn(Rows<'_, N, V>) + Send + Sync + 'static,
    {
        let metric = Read {
            labels: declaration.labels,
            kind: MetricType::Counter,
            read,
            encode: |encoder: &mut MetricEncoder<'_>, value: &V| {
                encoder.encode_counter::<NoLabelSet, V, u64>(value, None)
            },
        };
        self.register(declaration, Kind::Counter, metric);
    }

    /// Gauges that live elsewhere; see [`Registry::counters_read`].
    pub fn gauges_read<const N: usize, V, F>(&mut self, declaration: Declaration<N>, read: F)
    where
        V: EncodeGaugeValue + 'static,
        F: Fn(Rows<'_, N, V>) + Send + Sync + 'static,
    {
        let metric = Read {
            labels: declaration.labels,
            kind: MetricType::Gauge,
            read,
            encode: |encoder: &mut MetricEncoder<'_>, value: &V| encoder.encode_gauge(value),
        };
        self.register(declaration, Kind::Gauge, metric);
    }

    /// Every declared metric, in the order of declaration.
    pub fn descriptions(&self) -> &[Description] {
        &self.descriptions
    }

    pub(super) fn exposition(&self) -> &Exposition {
        &self.exposition
    }

    fn register<const N: usize>(
        &mut self,
        declaration: Declaration<N>,
        kind: Kind,
        metric: impl Metric,
    ) {
        let Declaration { name, help, labels } = declaration;
        debug_assert!(
            self.descriptions.iter().all(|known| known.name != name),
            "{name} is declared twice"
        );
        debug_assert_eq!(
            kind == Kind::Counter,
            name.ends_with("_total"),
            "suffix of {name}"
        );
        debug_assert!(
            help.ends_with('.') && !help.contains(['\n', '\\']),
            "help of {name} is one plain sentence"
        );
        self.descriptions.push(Description {
            name,
            kind,
            labels: labels.to_vec(),
            help,
        });
        // The exposition adds the full stop, `_total` and the unit by itself.
        let help = help.trim_end_matches('.');
        let stem = name.strip_suffix("_total").unwrap_or(name);
        let units = [Unit::Seconds, Unit::Bytes];
        let with_unit = units.into_iter().find_map(|unit| {
            let stem = stem.strip_suffix(unit.as_str())?.strip_suffix('_')?;
            Some((stem, unit))
        });
        match with_unit {
            Some((stem, unit)) => self.exposition.register_with_unit(stem, help, unit, metric),
            None => self.exposition.register(stem, help, metric),
        }
    }
}

/// A metric whose rows are read when it is encoded.
struct Read<const N: usize, V, F> {
    labels: [&'static str; N],
    kind: MetricType,
    read: F,
    encode: fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
}

impl<const N: usize, V, F> fmt::Debug for Read<N, V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl<const N: usize, V, F> EncodeMetric for Read<N, V, F>
where
    F: Fn(Rows<'_, N, V>),
{
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let mut result = Ok(());
        (self.read)(&mut |values, value| {
            if result.is_err() {
                return;
            }
            result = if N == 0 {
                (self.encode)(&mut encoder, &value)
            } else {
                encode_row(&mut encoder, &self.labels, values, |mut row| {
                    (self.encode)(&mut row, &value)
                })
            };
        });
        result
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}
