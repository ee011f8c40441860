//! The registry as OTLP metrics: counters as cumulative sums, gauges as gauges, histograms as histograms.
//!
//! In: a [`Registry`]. Out: the bytes of a request. Names and labels are those of `/metrics`.
//! Sources: OpenTelemetry metrics data model; UCUM for units.

use hyper::body::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as OtlpExemplar, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_sdk::Resource;
use prost::Message as _;

use super::resource::scope;
use super::transport::Service;
use crate::metrics::{
    Description, Distribution, Exemplar, Kind, Labels, Number, Registry, Visitor,
};

/// The service of a collector that takes metrics.
pub(super) const METRICS: Service = Service {
    method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

/// A request with all metrics as they are now. `start_wall_ns`: since when counters have counted.
pub(super) fn request(
    registry: &Registry,
    resource: &Resource,
    start_wall_ns: u64,
    now_wall_ns: u64,
) -> Bytes {
    let mut families = Families {
        start_wall_ns,
        now_wall_ns,
        metrics: Vec::with_capacity(registry.descriptions().len()),
    };
    registry.visit(&mut families, || true);
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(OtlpResource {
                attributes: resource
                    .iter()
                    .map(|(key, value)| attribute(key.as_str(), &value.as_str()))
                    .collect(),
                ..OtlpResource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some((&scope(), None).into()),
                metrics: families.metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec().into()
}

/// Metrics so far; what is shown belongs to the last.
struct Families {
    start_wall_ns: u64,
    now_wall_ns: u64,
    metrics: Vec<Metric>,
}

impl Visitor for Families {
    fn metric(&mut self, description: &Description) {
        let temporality = AggregationTemporality::Cumulative.into();
        let data = match description.kind {
            Kind::Counter => metric::Data::Sum(Sum {
                aggregation_temporality: temporality,
                is_monotonic: true,
                ..Sum::default()
            }),
            Kind::Gauge => metric::Data::Gauge(Gauge::default()),
            Kind::Histogram => metric::Data::Histogram(Histogram {
                aggregation_temporality: temporality,
                ..Histogram::default()
            }),
        };
        let unit = match description.unit() {
            Some("seconds") => "s",
            Some("bytes") => "By",
            _ => "",
        };
        self.metrics.push(Metric {
            name: description.name.to_owned(),
            description: description.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        });
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, traced: Option<Exemplar>) {
        let value = match number {
            Number::Whole(whole) => match i64::try_from(whole) {
                Ok(whole) => number_data_point::Value::AsInt(whole),
                Err(_) => number_data_point::Value::AsDouble(whole as f64),
            },
            Number::Real(real) => number_data_point::Value::AsDouble(real),
        };
        let mut point = NumberDataPoint {
            attributes: attributes(labels),
            time_unix_nano: self.now_wall_ns,
            value: Some(value),
            exemplars: traced.iter().map(exemplar_of).collect(),
            ..NumberDataPoint::default()
        };
        let data = self
            .metrics
            .last_mut()
            .and_then(|metric| metric.data.as_mut());
        match data {
            Some(metric::Data::Sum(sum)) => {
                point.start_time_unix_nano = self.start_wall_ns;
                sum.data_points.push(point);
            }
            Some(metric::Data::Gauge(gauge)) => gauge.data_points.push(point),
            _ => debug_assert!(false, "a number belongs to a counter or gauge"),
        }
    }

    fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution<'_>) {
        let mut below = 0;
        let mut bucket_counts = Vec::with_capacity(distribution.buckets.len());
        for (_, count) in distribution.buckets {
            bucket_counts.push(count.saturating_sub(below));
            below = *count;
        }
        let bounds = distribution.buckets.iter().map(|(bound, _)| *bound);
        let point = HistogramDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: self.start_wall_ns,
            time_unix_nano: self.now_wall_ns,
            count: distribution.count,
            sum: Some(distribution.sum),
            bucket_counts,
            explicit_bounds: bounds.filter(|bound| bound.is_finite()).collect(),
            ..HistogramDataPoint::default()
        };
        match self
            .metrics
            .last_mut()
            .and_then(|metric| metric.data.as_mut())
        {
            Some(metric::Data::Histogram(histogram)) => histogram.data_points.push(point),
            _ => debug_assert!(false, "a distribution belongs to a histogram"),
        }
    }
}

/// Labels without those that are empty, which mean nothing.
fn attributes(labels: Labels<'_>) -> Vec<KeyValue> {
    let labels = labels.iter().filter(|(_, value)| !value.is_empty());
    labels.map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn exemplar_of(traced: &Exemplar) -> OtlpExemplar {
    OtlpExemplar {
        filtered_attributes: vec![attribute("uuid", &traced.uuid.to_string())],
        time_unix_nano: traced.wall_ns,
        value: Some(exemplar::Value::AsInt(1)),
        ..OtlpExemplar::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use uuid::Uuid;

    use crate::metrics::{Declaration, TracedCounter};

    /// One of each kind, with values.
    fn registry() -> Registry {
        let mut registry = Registry::new();
        let matches = registry.family::<2, TracedCounter>(Declaration {
            name: "test_matches_total",
            help: "Matches.",
            labels: ["rule", "reason"],
        });
        matches.with(["a", ""]).inc(Exemplar {
            uuid: Uuid::nil(),
            wall_ns: 7,
        });
        let size = registry.gauge(Declaration {
            name: "test_size_bytes",
            help: "Size.",
            labels: [],
        });
        size.set(1.5);
        let latency = registry.histogram(Declaration {
            name: "test_latency_seconds",
            help: "Latency.",
            labels: [],
        });
        latency.observe_ns(3_000_000);
        latency.observe_ns(3_600_000_000_000);
        registry
    }

    #[test]
    fn every_kind_of_metric_arrives() {
        let bytes = request(&registry(), &Resource::builder_empty().build(), 1, 2);
        let request = ExportMetricsServiceRequest::decode(bytes).expect("protobuf");
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let named: Vec<_> = metrics
            .iter()
            .map(|metric| (&*metric.name, &*metric.unit))
            .collect();
        let expected = [
            ("test_matches_total", ""),
            ("test_size_bytes", "By"),
            ("test_latency_seconds", "s"),
        ];
        assert_eq!(named, expected);

        let Some(metric::Data::Sum(sum)) = &metrics[0].data else {
            panic!("a counter is a sum: {:?}", metrics[0])
        };
        assert!(sum.is_monotonic);
        assert_eq!(
            sum.aggregation_temporality(),
            AggregationTemporality::Cumulative
        );
        let point = &sum.data_points[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1, 2));
        assert_eq!(point.value, Some(number_data_point::Value::AsInt(1)));
        assert_eq!(point.attributes, [attribute("rule", "a")]);
        assert_eq!(point.exemplars[0].time_unix_nano, 7);

        let Some(metric::Data::Gauge(gauge)) = &metrics[1].data else {
            panic!("a gauge is one: {:?}", metrics[1])
        };
        let value = gauge.data_points[0].value;
        assert_eq!(value, Some(number_data_point::Value::AsDouble(1.5)));

        let Some(metric::Data::Histogram(histogram)) = &metrics[2].data else {
            panic!("a histogram is one: {:?}", metrics[2])
        };
        let point = &histogram.data_points[0];
        assert_eq!(point.count, 2);
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), 2);
        assert_eq!(point.bucket_counts.last(), Some(&1));
        assert!(point.sum.is_some_and(|sum| (sum - 3600.003).abs() < 1e-6));
    }
}
