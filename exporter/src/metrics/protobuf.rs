//! The protobuf format, which alone carries native histograms: one length and one `MetricFamily` after the other.
//!
//! In: what a [`Visitor`] is shown. Out: bytes, appended to a buffer that the caller keeps.
//! Never: a metric without series.
//! Sources: io/prometheus/client/metrics.proto in prometheus/client_model. As with the Container Runtime Interface the messages
//! are derived from structs: nothing is generated, and protoc is not needed.

use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint, message};
use uuid::fmt::Hyphenated;

use super::{Description, Distribution, Exemplar, Kind, Labels, Native, Number, Visitor};

/// Breadth of the bucket around zero of a native histogram: 2^-128, as is recommended.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;
/// The field of `MetricFamily` in which its series stand.
const METRIC: u32 = 4;
/// Room for the length of a family while it is not known.
const LENGTH_BYTES: usize = 5;
/// Empty native buckets that are written out rather than skipped with a span of their own.
const GAP_MAX: u32 = 2;

/// Writes protobuf.
pub(super) struct ProtobufEncoder<'b> {
    out: &'b mut Vec<u8>,
    /// What is to be written before the first series of a metric.
    head: Option<FamilyHead>,
    /// Where the family begins that is being written, with its length in front.
    family: Option<usize>,
    kind: Kind,
    /// The series that is being written; its memory is used again.
    metric: Metric,
}

impl<'b> ProtobufEncoder<'b> {
    /// Appends to a buffer.
    pub(super) fn new(out: &'b mut Vec<u8>) -> Self {
        Self {
            out,
            head: None,
            family: None,
            kind: Kind::Gauge,
            metric: Metric::default(),
        }
    }

    /// Ends the last family.
    pub(super) fn finish(mut self) {
        self.end_family();
    }

    fn begin_family(&mut self) {
        if let Some(head) = self.head.take() {
            self.family = Some(self.out.len());
            self.out.extend_from_slice(&[0; LENGTH_BYTES]);
            head.encode_raw(self.out);
        }
    }

    /// Puts the length in front, and closes the gap that it leaves.
    fn end_family(&mut self) {
        let Some(start) = self.family.take() else {
            return;
        };
        let body = start + LENGTH_BYTES..self.out.len();
        let length = body.len() as u64;
        let mut prefix = &mut self.out[start..start + LENGTH_BYTES];
        encode_varint(length, &mut prefix);
        let to = start + encoded_len_varint(length);
        self.out.copy_within(body.clone(), to);
        self.out.truncate(to + body.len());
    }

    fn labels(&mut self, labels: Labels<'_>) {
        let pairs = &mut self.metric.label;
        let mut used = 0;
        // An empty value is the same as a label that is not there.
        for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
            if used == pairs.len() {
                pairs.push(LabelPair::default());
            }
            let pair = &mut pairs[used];
            pair.name.clear();
            pair.name.push_str(name);
            pair.value.clear();
            pair.value.push_str(value);
            used += 1;
        }
        pairs.truncate(used);
    }

    fn write(&mut self) {
        message::encode(METRIC, &self.metric, self.out);
        self.metric.gauge = None;
        self.metric.counter = None;
        self.metric.histogram = None;
    }
}

impl Visitor for ProtobufEncoder<'_> {
    fn metric(&mut self, description: &Description) {
        self.end_family();
        self.kind = description.kind;
        self.head = Some(FamilyHead {
            name: description.name.to_owned(),
            help: description.help.to_owned(),
            kind: match description.kind {
                Kind::Counter => 0,
                Kind::Gauge => 1,
                Kind::Histogram => 4,
            },
            unit: description.unit().unwrap_or_default().to_owned(),
        });
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, exemplar: Option<Exemplar>) {
        self.begin_family();
        self.labels(labels);
        let value = number.as_f64();
        if self.kind == Kind::Counter {
            let exemplar = exemplar.map(ExemplarMessage::from);
            self.metric.counter = Some(CounterMessage { value, exemplar });
        } else {
            self.metric.gauge = Some(GaugeMessage { value });
        }
        self.write();
    }

    fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution<'_>) {
        self.begin_family();
        self.labels(labels);
        self.metric.histogram = Some(histogram(distribution));
        self.write();
    }
}

fn histogram(distribution: &Distribution<'_>) -> HistogramMessage {
    let Distribution {
        count,
        sum,
        buckets,
        native,
    } = distribution;
    let (positive_span, positive_delta) = spans_and_deltas(native);
    HistogramMessage {
        sample_count: *count,
        sample_sum: *sum,
        bucket: buckets
            .iter()
            .map(|(upper_bound, count)| Bucket {
                cumulative_count: *count,
                upper_bound: *upper_bound,
            })
            .collect(),
        schema: native.schema,
        zero_threshold: ZERO_THRESHOLD,
        positive_span,
        positive_delta,
    }
}

/// Runs of buckets, each with the distance to the end of the one before; and of each bucket in them how much more it holds
/// than the one before.
fn spans_and_deltas(native: &Native<'_>) -> (Vec<Span>, Vec<i64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut deltas = Vec::new();
    let mut before = 0_i64;
    let mut gap = 0_u32;
    for count in native.counts {
        if *count == 0 {
            gap += 1;
            continue;
        }
        match spans.last_mut() {
            Some(span) if gap <= GAP_MAX => {
                for _ in 0..gap {
                    deltas.push(-before);
                    before = 0;
                }
                span.length += gap + 1;
            }
            last => {
                let first = if last.is_none() { native.first } else { 0 };
                let offset = first.saturating_add_unsigned(gap);
                spans.push(Span { offset, length: 1 });
            }
        }
        gap = 0;
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        before = count;
    }
    (spans, deltas)
}

impl From<Exemplar> for ExemplarMessage {
    fn from(exemplar: Exemplar) -> Self {
        let mut uuid = [0; Hyphenated::LENGTH];
        let uuid = exemplar.uuid.hyphenated().encode_lower(&mut uuid);
        let label = LabelPair {
            name: "uuid".to_owned(),
            value: uuid.to_owned(),
        };
        let (seconds, ns) = (
            exemplar.wall_ns / 1_000_000_000,
            exemplar.wall_ns % 1_000_000_000,
        );
        Self {
            label: vec![label],
            value: 1.0,
            timestamp: Some(Timestamp {
                seconds: seconds.cast_signed(),
                nanos: i32::try_from(ns).unwrap_or(0),
            }),
        }
    }
}

/// `MetricFamily` without its series.
#[derive(Clone, PartialEq, Message)]
struct FamilyHead {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(string, tag = "5")]
    unit: String,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<GaugeMessage>,
    #[prost(message, optional, tag = "3")]
    counter: Option<CounterMessage>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<HistogramMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct GaugeMessage {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct CounterMessage {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(message, optional, tag = "2")]
    exemplar: Option<ExemplarMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct ExemplarMessage {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(message, optional, tag = "3")]
    timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HistogramMessage {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<Span>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Declaration, Format, Registry, TracedCounter, encode};
    use uuid::Uuid;

    #[derive(Clone, PartialEq, Message)]
    struct Family {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        help: String,
        #[prost(int32, tag = "3")]
        kind: i32,
        #[prost(message, repeated, tag = "4")]
        metric: Vec<Metric>,
        #[prost(string, tag = "5")]
        unit: String,
    }

    fn families(registry: &Registry) -> Vec<Family> {
        let mut out = Vec::new();
        encode(registry, Format::Protobuf, None, &mut out).expect("there is time");
        let mut rest = &out[..];
        let mut families = Vec::new();
        while !rest.is_empty() {
            families.push(Family::decode_length_delimited(&mut rest).expect("a message"));
        }
        families
    }

    #[test]
    fn series_come_with_labels_and_exemplars() {
        let mut registry = Registry::new();
        let matches = registry.family::<2, TracedCounter>(Declaration {
            name: "saker_rule_matches_total",
            help: "Matches.",
            labels: ["rule", "priority"],
        });
        let traced = matches.with(["a", "Notice"]);
        for wall_ns in [1, 1_795_450_461_263_210_158] {
            traced.inc(Exemplar {
                uuid: Uuid::from_u128(7),
                wall_ns,
            });
        }
        matches.with(["b", ""]);
        registry
            .gauges(Declaration {
                name: "saker_queue_bytes",
                help: "Bytes.",
                labels: ["queue"],
            })
            .with(["x"])
            .set(2.5);
        registry.gauges(Declaration {
            name: "saker_nothing",
            help: "A metric without series.",
            labels: ["queue"],
        });
        let [counters, gauges] = &families(&registry)[..] else {
            panic!("two metrics have series");
        };
        assert_eq!(counters.name, "saker_rule_matches_total");
        assert_eq!((counters.kind, counters.metric.len()), (0, 2));
        let [first, second] = &counters.metric[..] else {
            panic!("two series");
        };
        let counter = first.counter.as_ref().expect("a counter");
        assert_eq!(counter.value, 2.0);
        let exemplar = counter.exemplar.as_ref().expect("it has one");
        assert_eq!(
            exemplar.label[0].value,
            "00000000-0000-0000-0000-000000000007"
        );
        let time = exemplar.timestamp.expect("it has one");
        assert_eq!((time.seconds, time.nanos), (1_795_450_461, 263_210_158));
        let names = second.label.iter().map(|label| label.name.as_str());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["rule"],
            "an empty label is none"
        );
        assert_eq!((gauges.kind, gauges.unit.as_str()), (1, "bytes"));
        assert_eq!(gauges.metric[0].gauge, Some(GaugeMessage { value: 2.5 }));
    }

    #[test]
    fn lengths_of_any_size_stand_in_front() {
        for help in [1_usize, 100, 127, 128, 16_000, 17_000, 3_000_000] {
            let help: &'static str = String::leak("x".repeat(help) + ".");
            let mut registry = Registry::new();
            for name in ["saker_a_total", "saker_b_total"] {
                registry.counter(Declaration {
                    name,
                    help,
                    labels: [],
                });
            }
            let families = families(&registry);
            let helps: Vec<_> = families.iter().map(|family| family.help.as_str()).collect();
            assert_eq!(helps, [help, help]);
        }
    }

    #[test]
    fn native_buckets_are_runs_of_differences() {
        for (counts, spans, deltas) in [
            (&[][..], &[][..], &[][..]),
            (&[0, 0], &[], &[]),
            (&[5], &[(10, 1)], &[5]),
            (&[0, 0, 0, 5, 3], &[(13, 2)], &[5, -2]),
            (&[5, 0, 0, 3], &[(10, 4)], &[5, -5, 0, 3]),
            (&[5, 0, 0, 0, 3, 0], &[(10, 1), (3, 1)], &[5, -2]),
        ] {
            let native = Native {
                schema: 3,
                first: 10,
                counts,
            };
            let (got_spans, got_deltas) = spans_and_deltas(&native);
            let got_spans: Vec<_> = got_spans
                .iter()
                .map(|span| (span.offset, span.length))
                .collect();
            assert_eq!((&got_spans[..], &got_deltas[..]), (spans, deltas));
        }
    }

    #[test]
    fn a_histogram_is_classic_and_native_at_once() {
        let mut registry = Registry::new();
        let latency = registry.histogram(Declaration {
            name: "saker_detection_latency_seconds",
            help: "Latency.",
            labels: [],
        });
        let unused = families(&registry);
        let unused = unused[0].metric[0].histogram.as_ref().expect("a histogram");
        assert_eq!(
            unused.zero_threshold, ZERO_THRESHOLD,
            "native without observations"
        );
        for ns in [0, 250_000, 250_001, 900_000_000, 700_000_000_000] {
            latency.observe_ns(ns);
        }
        let family = &families(&registry)[0];
        assert_eq!((family.kind, family.unit.as_str()), (4, "seconds"));
        let histogram = family.metric[0].histogram.as_ref().expect("a histogram");
        assert_eq!(histogram.sample_count, 5);
        assert!((histogram.sample_sum - 700.900_500_001).abs() < 1e-9);
        let last = histogram.bucket.last().expect("buckets");
        assert_eq!(
            (last.upper_bound, last.cumulative_count),
            (f64::INFINITY, 5)
        );
        let at = |bound: f64| {
            let mut buckets = histogram.bucket.iter();
            let bucket = buckets.find(|bucket| bucket.upper_bound == bound);
            bucket.expect("a bound").cumulative_count
        };
        assert_eq!((at(0.0001), at(0.00025), at(0.0005)), (1, 2, 3));
        let mut held = 0;
        let native: i64 = histogram
            .positive_delta
            .iter()
            .map(|delta| {
                held += delta;
                held
            })
            .sum();
        assert_eq!(native, 5, "every observation is in a native bucket");
    }
}
