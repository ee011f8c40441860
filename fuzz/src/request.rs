//! What an HTTP request brings that the agent reads itself: headers of a scrape, credentials, which matches are asked for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exporter::http::query::Query;
use exporter::http::{accept, authorization};
use exporter::metrics::Format;
use serde_json::json;

pub(crate) const ACCEPT_WORDS: &[&str] = &[
    "application/openmetrics-text",
    "application/vnd.google.protobuf",
    ";proto=io.prometheus.client.MetricFamily",
    ";encoding=delimited",
    "application/*",
    "gzip",
    "identity",
    "30",
    "text/plain",
    "text/*",
    "*/*",
    ";q=",
    "0.5",
    "1.000",
    ";version=",
    "1.0.0",
    "0.0.4",
    ";charset=utf-8",
    ", ",
    ";",
    "\"",
    "\\\"",
];

pub(crate) const AUTHORIZATION_WORDS: &[&str] = &[
    "Basic ", "basic", "Bearer ", " ", ":", "=", "==", "YTpi", "Og==", "/zo=", "\0", "é",
];

pub(crate) const QUERY_WORDS: &[&str] = &[
    "rule=",
    "container=",
    "after=",
    "&",
    "=",
    "+",
    "%",
    "%20",
    "%C3%A9",
    "%ff",
    "%2",
    "18446744073709551616",
    "\0",
    "é",
];

/// An `Accept` header never gets what it does not name or cover, and an element that means nothing changes nothing. The other
/// headers of a scrape are read without a panic.
pub fn accept_header(bytes: &[u8]) {
    let Ok(header) = std::str::from_utf8(bytes) else {
        return;
    };
    let lower = header.to_ascii_lowercase();
    let got = accept::format(header);
    let names: &[&str] = match got {
        Format::Text => &[""],
        Format::OpenMetrics => &["application/openmetrics-text", "application/*", "*/*"],
        Format::Protobuf => &["application/vnd.google.protobuf", "application/*", "*/*"],
    };
    let asked = names.iter().any(|name| lower.contains(name));
    assert!(asked, "{got:?} for {header:?}");
    let longer = format!("audio/ogg;q=1,{header}");
    assert_eq!(accept::format(&longer), got, "{longer:?}");
    if accept::gzip(header) {
        assert!(lower.contains("gzip") || lower.contains('*'), "{header:?}");
    }
    if let Some(timeout) = accept::timeout(header) {
        assert!(!timeout.is_zero(), "{header:?}");
    }
}

/// Credentials are the bytes that were encoded, parted at their first colon; and what was encoded is read so.
pub fn authorization_header(bytes: &[u8]) {
    if let Ok(header) = std::str::from_utf8(bytes)
        && let Some((user, password)) = authorization::basic(header)
    {
        assert!(!user.contains(':'), "{user:?} of {header:?}");
        let together = [user.as_bytes(), b":", &password].concat();
        let (_, encoded) = header.split_once(' ').expect("a scheme and a space");
        assert_eq!(BASE64_STANDARD.encode(together), encoded.trim());
    }
    let header = format!("Basic {}", BASE64_STANDARD.encode(bytes));
    let colon = bytes.iter().position(|byte| *byte == b':');
    let expected = colon.and_then(|colon| {
        let user = String::from_utf8(bytes[..colon].to_vec()).ok()?;
        Some((user, bytes[colon + 1..].to_vec()))
    });
    assert_eq!(authorization::basic(&header), expected, "{header:?}");
}

/// A query asks for the same wherever its parts stand among others; a name that is encoded into one is asked for, and no
/// other name is.
pub fn match_query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let query = Query::parse(Some(&text));
    let among = format!("x=rule&{text}&=&container");
    assert_eq!(Query::parse(Some(&among)), query, "{among:?}");
    // As a match too, what comes is anything.
    let _ = query.fits(&text);
    if text.is_empty() {
        return;
    }
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for (key, found) in [
        ("rule", json!({ "rule": text })),
        (
            "container",
            json!({ "output_fields": { "container.id": text, "container.name": "" } }),
        ),
        (
            "container",
            json!({ "output_fields": { "container.name": text } }),
        ),
    ] {
        let asked = Query::parse(Some(&format!("{key}={encoded}")));
        assert!(asked.fits(&found.to_string()), "{found} by {key}={encoded}");
        let longer = Query::parse(Some(&format!("{key}={encoded}x")));
        assert!(
            !longer.fits(&found.to_string()),
            "{found} by {key}={encoded}x"
        );
        let other = json!({ "rule": "", "output_fields": { "container.name": "" } });
        assert!(
            !asked.fits(&other.to_string()),
            "{other} by {key}={encoded}"
        );
    }
}
