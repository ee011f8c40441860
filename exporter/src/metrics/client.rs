//! A metric as prometheus-client has it, and the OpenMetrics text that the crate writes.
//!
//! In: a description and what shows its series. Out: a [`Collector`] of prometheus-client's registry; text.
//! Never: a metric without series; a lock, since values that are shown to a [`Visitor`] are read from atomics.
//! Sources: prometheus-client, "Collector"; OpenMetrics 1.0.0.

use std::fmt::{self, Write as _};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, MetricEncoder,
    NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::CounterWithExemplar;
use prometheus_client::registry::Unit;

use super::registry::Show;
use super::sample::SeriesCount;
use super::{Description, Distribution, Exemplar, Kind, Labels, Number, Registry, Visitor};

/// Appends all metrics as OpenMetrics text; false if the deadline came before the end.
pub(super) fn open_metrics(
    registry: &Registry,
    deadline: Option<Instant>,
    out: &mut Vec<u8>,
) -> bool {
    let mut timed = Timed { out, deadline };
    text::encode(&mut timed, registry.client()).is_ok()
}

/// Refuses to write when the time is over.
struct Timed<'b> {
    out: &'b mut Vec<u8>,
    deadline: Option<Instant>,
}

impl fmt::Write for Timed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Each metric begins so: often enough to look at the clock.
        let begins = text.starts_with("# HELP");
        if begins
            && self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(fmt::Error);
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// One metric.
pub(super) struct Shown {
    description: Description,
    show: Show,
}

impl Shown {
    pub(super) fn new(description: Description, show: Show) -> Self {
        Self { description, show }
    }

    fn has_series(&self) -> bool {
        let mut count = SeriesCount::default();
        (self.show)(&mut count);
        count.0 > 0
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shown").field(&self.description).finish()
    }
}

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if !self.has_series() {
            return Ok(());
        }
        let unit = self.description.unit();
        let stem = self.description.stem();
        // The crate puts the unit and `_total` behind the name.
        let name = unit
            .and_then(|unit| stem.strip_suffix(unit)?.strip_suffix('_'))
            .unwrap_or(stem);
        let unit = unit.map(|unit| Unit::Other(unit.to_owned()));
        let kind = match self.description.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let metric = encoder.encode_descriptor(name, self.description.help, unit.as_ref(), kind)?;
        let mut writer = Writer {
            metric,
            kind: self.description.kind,
            outcome: Ok(()),
        };
        (self.show)(&mut writer);
        writer.outcome
    }
}

/// Hands the series of one metric to the crate's encoder.
struct Writer<'e> {
    metric: MetricEncoder<'e>,
    kind: Kind,
    outcome: fmt::Result,
}

impl Writer<'_> {
    fn series(
        &mut self,
        labels: Labels<'_>,
        write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) {
        if self.outcome.is_err() {
            return;
        }
        let set = Set(labels);
        self.outcome = if set.is_empty() {
            write(&mut self.metric)
        } else {
            let family = self.metric.encode_family(&set);
            family.and_then(|mut metric| write(&mut metric))
        };
    }
}

impl Visitor for Writer<'_> {
    fn metric(&mut self, _: &Description) {}

    fn number(&mut self, labels: Labels<'_>, number: Number, exemplar: Option<Exemplar>) {
        let counts = self.kind == Kind::Counter;
        self.series(labels, |metric| match (number, exemplar) {
            (Number::Whole(number), Some(exemplar)) if number > 0 => {
                traced(number, exemplar, metric)
            }
            (Number::Whole(number), _) if counts => {
                metric.encode_counter::<NoLabelSet, _, u64>(&number, None)
            }
            (Number::Real(number), _) if counts => {
                metric.encode_counter::<NoLabelSet, _, u64>(&number, None)
            }
            (Number::Whole(number), _) => metric.encode_gauge(&number),
            (Number::Real(number), _) => metric.encode_gauge(&number),
        });
    }

    fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution<'_>) {
        let mut below = 0;
        // The crate adds them up.
        let buckets: Vec<(f64, u64)> = distribution
            .buckets
            .iter()
            .map(|(bound, count)| (*bound, count - std::mem::replace(&mut below, *count)))
            .collect();
        self.series(labels, |metric| {
            let Distribution { sum, count, .. } = *distribution;
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        });
    }
}

/// A counter with its exemplar: the crate makes exemplars only within a counter of its own.
fn traced(number: u64, exemplar: Exemplar, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    let counter = CounterWithExemplar::<[(&str, String); 1]>::default();
    counter.inc_by(number - 1, None, None);
    let mut uuid = String::new();
    write!(uuid, "{}", exemplar.uuid)?;
    // To the millisecond, as it is printed elsewhere.
    let since_epoch = Duration::from_millis(exemplar.wall_ns / 1_000_000);
    let time = SystemTime::UNIX_EPOCH + since_epoch;
    counter.inc_by(1, Some([("uuid", uuid)]), Some(time));
    let (number, exemplar) = counter.get();
    metric.encode_counter(&number, exemplar.as_ref())
}

/// Labels of a series; an empty value means the same as a label that is not there.
struct Set<'l>(Labels<'l>);

impl Set<'_> {
    fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, value)| value.is_empty())
    }
}

impl EncodeLabelSet for Set<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in self.0.iter().filter(|(_, value)| !value.is_empty()) {
            (*name, *value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
