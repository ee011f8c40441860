//! What a scraper asks for in the headers of its request.
//!
//! In: header values, as they come from the network. Out: a format, whether to compress, how long it waits.
//! Never: a refusal. What cannot be read is passed by, and a header that names nothing we have gets what every scraper reads.
//! Sources: RFC 9110 section 12.5, Prometheus content negotiation.

use std::cmp::Reverse;
use std::time::Duration;

use crate::metrics::Format;

/// The longest scrape timeout that is believed; nobody waits longer.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// In the order of preference where a scraper takes all alike.
const FORMATS: [Format; 3] = [Format::Text, Format::OpenMetrics, Format::Protobuf];

/// The format that an `Accept` header prefers: the highest `q`; then what is named more exactly, what is named first, and the
/// classic text. Several headers are one, with commas between.
#[must_use]
pub fn format(accept: &str) -> Format {
    let wish = |format: &Format| wish(accept, *format).map(|wish| (wish, *format));
    let wishes = FORMATS.iter().filter_map(wish);
    // Of equal wishes the last would be taken.
    let best = wishes.rev().max_by_key(|(wish, _)| *wish);
    best.map_or(Format::Text, |(_, format)| format)
}

/// Whether an `Accept-Encoding` header prefers gzip to bytes as they are.
#[must_use]
pub fn gzip(accept_encoding: &str) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for element in split_outside_quotes(accept_encoding, ',') {
        let Some(Range { name, quality, .. }) = Range::parse(element) else {
            continue;
        };
        let named = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *named = Some(quality);
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// How long the scraper waits, from `X-Prometheus-Scrape-Timeout-Seconds`.
#[must_use]
pub fn timeout(seconds: &str) -> Option<Duration> {
    let seconds: f64 = seconds.trim().parse().ok()?;
    let timeout = Duration::try_from_secs_f64(seconds).ok()?;
    (!timeout.is_zero()).then(|| timeout.min(TIMEOUT_MAX))
}

/// How much a scraper wants a format; the greatest is the one to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    quality: u16,
    exactness: u8,
    place: Reverse<usize>,
}

/// What the most exact of the elements that mean a format says of it.
fn wish(accept: &str, format: Format) -> Option<Wish> {
    let elements = split_outside_quotes(accept, ',').enumerate();
    let wishes = elements.filter_map(|(place, element)| {
        let range = Range::parse(element)?;
        Some(Wish {
            exactness: range.exactness(format)?,
            quality: range.quality,
            place: Reverse(place),
        })
    });
    let most_exact = wishes.max_by_key(|wish| (wish.exactness, wish.place))?;
    (most_exact.quality > 0).then_some(most_exact)
}

/// One element of a header.
struct Range<'h> {
    name: &'h str,
    /// Weight in thousandths.
    quality: u16,
    version: Option<&'h str>,
    proto: Option<&'h str>,
    encoding: Option<&'h str>,
}

impl<'h> Range<'h> {
    fn parse(element: &'h str) -> Option<Self> {
        let mut parts = split_outside_quotes(element, ';');
        let mut range = Range {
            name: parts.next()?.trim(),
            quality: 1000,
            version: None,
            proto: None,
            encoding: None,
        };
        for part in parts.filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=')?;
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.quality = thousandths(value)?,
                "version" => range.version = Some(value),
                "proto" => range.proto = Some(value),
                "encoding" => range.encoding = Some(value),
                _ => {}
            }
        }
        Some(range)
    }

    /// How exactly this element means a format; `None` when it does not.
    fn exactness(&self, format: Format) -> Option<u8> {
        let is = |name: &str| self.name.eq_ignore_ascii_case(name);
        let version = |ours| self.version.is_none_or(|version| version == ours);
        let (family, means) = match format {
            Format::Text => ("text/*", is("text/plain") && version("0.0.4")),
            Format::OpenMetrics => (
                "application/*",
                is("application/openmetrics-text") && version("1.0.0"),
            ),
            Format::Protobuf => (
                "application/*",
                is("application/vnd.google.protobuf")
                    && self.proto == Some("io.prometheus.client.MetricFamily")
                    && self.encoding == Some("delimited"),
            ),
        };
        if means {
            Some(2)
        } else if is(family) {
            Some(1)
        } else {
            is("*/*").then_some(0)
        }
    }
}

/// A weight from `0` to `1` with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// Splits at a separator that does not stand inside a quoted string.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn accept_chooses_the_format() {
        use Format::{OpenMetrics, Protobuf, Text};
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_2_native = format!(
            "{PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        );
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let open_metrics_excluded = format!("application/openmetrics-text;q=0,{PROTOBUF};q=0.1");
        for (accept, expected) in [
            ("", Text),
            ("*/*", Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Text),
            ("text/plain", Text),
            (prometheus_2, OpenMetrics),
            (&prometheus_2_native, Protobuf),
            (prometheus_3, OpenMetrics),
            ("application/openmetrics-text", OpenMetrics),
            (
                "APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"; Q=0.1",
                OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.4, text/plain;q=0.6", Text),
            (
                "application/openmetrics-text;q=0.6, text/plain;q=0.4",
                OpenMetrics,
            ),
            ("application/openmetrics-text, text/plain", OpenMetrics),
            ("text/plain, application/openmetrics-text", Text),
            ("*/*, application/openmetrics-text", OpenMetrics),
            ("*/*;q=0.9, application/openmetrics-text;q=0.8", Text),
            ("text/plain;q=0, */*", OpenMetrics),
            ("text/*;q=0, application/*;q=0.1", OpenMetrics),
            ("application/*", OpenMetrics),
            (&open_metrics_excluded, Protobuf),
            ("application/openmetrics-text;q=0", Text),
            ("*/*;q=0", Text),
            ("application/openmetrics-text;version=0.0.1", Text),
            ("application/openmetrics-text;version=2.0.0", Text),
            ("application/vnd.google.protobuf", Text),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                Text,
            ),
            ("application/openmetrics-text;q=1.5", Text),
            ("application/openmetrics-text;q=", Text),
            ("application/openmetrics-text;q=0.1234", Text),
            ("application/openmetrics-text;;q=0.5;", OpenMetrics),
            (
                "application/openmetrics-text;note=\"a,b;c\\\"\";q=0.9, text/plain;q=0.8",
                OpenMetrics,
            ),
            (",,;;==,\"", Text),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }
    }

    #[test]
    fn accept_encoding_chooses_gzip() {
        for (accept, expected) in [
            ("", false),
            ("gzip", true),
            ("GZip", true),
            ("x-gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.0", false),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("identity;q=1, gzip;q=0.5", false),
            ("identity;q=0.5, gzip;q=0.5", true),
            ("identity, *;q=0.5", false),
            ("identity;q=0", false),
            ("br, zstd", false),
            ("gzip;q=x", false),
            (";;,gzip,", true),
        ] {
            assert_eq!(gzip(accept), expected, "{accept}");
        }
    }

    #[test]
    fn a_timeout_is_believed_when_it_is_one() {
        for (seconds, expected) in [
            ("10", Some(Duration::from_secs(10))),
            (" 0.250000 ", Some(Duration::from_millis(250))),
            ("1e9", Some(TIMEOUT_MAX)),
            ("0", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("ten", None),
            ("", None),
        ] {
            assert_eq!(timeout(seconds), expected, "{seconds}");
        }
    }
}
