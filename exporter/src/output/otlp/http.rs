//! A request by HTTP, with protobuf in its body.
//!
//! Sources: OTLP specification, "OTLP/HTTP"; RFC 9110 section 10.2.3 (Retry-After).

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use prost::Message as _;

use super::failure::{Failure, Kind, Retry};
use super::transport::{ANSWER_BYTES_MAX, Client, is_gzip};
use crate::config::Target;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
/// Longest part of an answer that goes into a log.
const MESSAGE_CHARS_MAX: usize = 200;

/// Posts the bytes of a request, and gives those of its answer.
pub(super) async fn call(client: &Client, target: &Target, body: Bytes) -> Result<Bytes, Failure> {
    let mut headers = target.headers.clone();
    headers.insert(header::CONTENT_TYPE, PROTOBUF);
    let body = match is_gzip(target) {
        true => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            compressed(&body)
        }
        false => body,
    };
    let mut request = Request::post(target.endpoint.clone())
        .body(tonic::body::Body::new(Full::new(body)))
        .map_err(|error| Failure::refused(error.to_string()))?;
    *request.headers_mut() = headers;
    let response = client
        .request(request)
        .await
        .map_err(|error| Failure::connection(&error))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body
        .map_err(|error| Failure::connection(&*error))?
        .to_bytes();
    match parts.status.is_success() {
        true => Ok(body),
        false => Err(failure(parts.status, &parts.headers, &body)),
    }
}

fn compressed(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail").into()
}

fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let said = match tonic_types::Status::decode(body) {
        Ok(status) => status.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let said: String = said
        .chars()
        .filter(|c| !c.is_control())
        .take(MESSAGE_CHARS_MAX)
        .collect();
    let message = format!("{status}: {said}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Failure {
            kind: Kind::Unavailable,
            retry: Retry::After(retry_after(headers, Timestamp::now())),
            message,
        },
        _ => Failure::refused(message),
    }
}

/// The pause that is asked for: in seconds, or until a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let until = date.timestamp().duration_since(now);
    Some(Duration::try_from(until).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_whether_to_try_again() {
        for (status, again) in [
            (400, false),
            (401, false),
            (404, false),
            (408, false),
            (413, false),
            (429, true),
            (500, false),
            (502, true),
            (503, true),
            (504, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = failure(status, &HeaderMap::new(), b"no\x1bt now");
            assert_eq!(failure.retry != Retry::Never, again, "{status}");
            assert!(failure.message.ends_with(": not now"), "{failure:?}");
        }
    }

    #[test]
    fn the_pause_that_is_asked_for_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-23T18:00:00Z".parse().unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Mon, 23 Nov 2026 18:00:07 GMT", Some(7)),
            ("Mon, 23 Nov 2026 17:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
    }

    #[test]
    fn what_a_collector_says_in_protobuf_is_read() {
        let status = tonic_types::Status {
            message: "too large".to_owned(),
            ..Default::default()
        };
        let failure = failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            &HeaderMap::new(),
            &status.encode_to_vec(),
        );
        assert_eq!(failure.message, "413 Payload Too Large: too large");
    }
}
