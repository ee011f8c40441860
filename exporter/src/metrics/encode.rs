//! Renders the registry in the format that a scraper asks for.
//!
//! In: the registry, a buffer. Out: a content type and bytes. Never: a wait; the time is looked at between two metrics.
//! Sources: the content types of Prometheus' exposition formats, OpenMetrics 1.0.0.

use std::time::Instant;

use super::Registry;
use super::client::open_metrics;
use super::protobuf::ProtobufEncoder;
use super::text::TextEncoder;

/// How hard gzip is to try with a scrape. The text is so regular that more gains little and costs much.
pub const SCRAPE_GZIP_LEVEL: u32 = 1;

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus protobuf, each message with its length in front.
    Protobuf,
}

/// The scraper does not wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metrics could not be read within the scrape timeout")]
pub struct TooLate;

impl Format {
    /// Value of the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// Appends all metrics to a buffer, which need not be large enough.
///
/// # Errors
/// When that takes longer than until `deadline`; the buffer then holds a part.
pub fn encode(
    registry: &Registry,
    format: Format,
    deadline: Option<Instant>,
    out: &mut Vec<u8>,
) -> Result<(), TooLate> {
    let in_time = || deadline.is_none_or(|deadline| Instant::now() < deadline);
    let whole = match format {
        Format::Text => registry.visit(&mut TextEncoder::new(out), in_time),
        Format::OpenMetrics => open_metrics(registry, deadline, out),
        Format::Protobuf => {
            let mut encoder = ProtobufEncoder::new(out);
            let whole = registry.visit(&mut encoder, in_time);
            encoder.finish();
            whole
        }
    };
    if whole { Ok(()) } else { Err(TooLate) }
}

/// All metrics as classic text.
#[must_use]
pub fn classic_text(registry: &Registry) -> String {
    let mut text = Vec::new();
    registry.visit(&mut TextEncoder::new(&mut text), || true);
    // Names, label values and numbers are text.
    String::from_utf8_lossy(&text).into_owned()
}
