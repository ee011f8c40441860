//! Answers `/metrics`.
//!
//! In: the headers of a scrape. Out: all metrics, in the format and encoding that it asks for.
//! Never: a lock that the event thread takes; more answers at a time than there are buffers for.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, VARY,
};
use hyper::{Response, StatusCode};

use super::accept;
use super::routes::{PLAIN, response};
use crate::metrics::{self, Registry, SCRAPE_GZIP_LEVEL};

/// Answers that are being made or sent at one time. Who stops reading holds one until its connection ends.
const ANSWERS_MAX: usize = 64;
/// Buffers that are kept for the next scrapes.
const IDLE_MAX: usize = 2;

static SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What scrapes leave to each other. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Scrapes(Arc<Buffers>);

impl Scrapes {
    /// Answers one.
    pub(super) fn answer(&self, registry: &Registry, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let timeout = headers.get(&SCRAPE_TIMEOUT);
        let timeout = timeout.and_then(|value| accept::timeout(value.to_str().ok()?));
        let format = accept::format(&joined(headers, &ACCEPT));
        let gzip = accept::gzip(&joined(headers, &ACCEPT_ENCODING));
        let Some(mut body) = Buffers::take(&self.0) else {
            return unavailable("too many scrapes are being answered; try again later\n");
        };
        let deadline = timeout.map(|timeout| began + timeout);
        if let Err(late) = metrics::encode(registry, format, deadline, &mut body.bytes) {
            return unavailable(&format!("{late}\n"));
        }
        if gzip {
            match Buffers::take(&self.0) {
                Some(compressed) => body = compress(&body.bytes, compressed),
                None => {
                    return unavailable("too many scrapes are being answered; try again later\n");
                }
            }
        }
        let mut response = response(
            StatusCode::OK,
            format.content_type(),
            Bytes::from_owner(body),
        );
        let headers = response.headers_mut();
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        response
    }
}

/// Several headers of one name mean the same as one with their values in a list.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

fn compress(bytes: &[u8], mut into: Buffer) -> Buffer {
    let out = std::mem::take(&mut into.bytes);
    let mut encoder = GzEncoder::new(out, Compression::new(SCRAPE_GZIP_LEVEL));
    // Memory takes everything.
    let _ = encoder.write_all(bytes);
    into.bytes = encoder.finish().unwrap_or_default();
    into
}

fn unavailable(reason: &str) -> Response<Full<Bytes>> {
    response(StatusCode::SERVICE_UNAVAILABLE, PLAIN, reason.to_owned())
}

/// Buffers that answers are written to. What an answer leaves behind is used by the next.
#[derive(Debug, Default)]
struct Buffers {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Vec<u8>>,
    taken: usize,
}

/// A buffer that goes back when it is dropped.
struct Buffer {
    bytes: Vec<u8>,
    home: Arc<Buffers>,
}

impl Buffers {
    /// An empty buffer, if there are not too many already.
    fn take(home: &Arc<Buffers>) -> Option<Buffer> {
        let mut state = home.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.taken >= ANSWERS_MAX {
            return None;
        }
        state.taken += 1;
        let bytes = state.idle.pop().unwrap_or_default();
        Some(Buffer {
            bytes,
            home: Arc::clone(home),
        })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let mut state = self
            .home
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.taken -= 1;
        if state.idle.len() < IDLE_MAX {
            state.idle.push(bytes);
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::metrics::Declaration;

    fn registry(series: usize) -> Registry {
        let mut registry = Registry::new();
        let family = registry.counters(Declaration {
            name: "saker_turns_total",
            help: "Turns made.",
            labels: ["number"],
        });
        for number in 0..series {
            family.with([&number.to_string()]).inc();
        }
        registry
    }

    fn headers(lines: &[(&HeaderName, &'static str)]) -> HeaderMap {
        let pairs = lines.iter();
        pairs
            .map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value)))
            .collect()
    }

    fn body(response: Response<Full<Bytes>>) -> Bytes {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let collected = runtime
            .expect("a runtime")
            .block_on(response.into_body().collect());
        collected.expect("a whole body").to_bytes()
    }

    #[test]
    fn gzip_holds_the_same_as_plain() {
        let (scrapes, registry) = (Scrapes::default(), registry(1000));
        let plain = scrapes.answer(&registry, &headers(&[]));
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        let compressed = scrapes.answer(&registry, &headers(&[(&ACCEPT_ENCODING, "gzip")]));
        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(compressed.headers()[VARY], "Accept, Accept-Encoding");
        let (plain, compressed) = (body(plain), body(compressed));
        let mut unpacked = Vec::new();
        GzDecoder::new(&compressed[..])
            .read_to_end(&mut unpacked)
            .expect("gzip");
        assert_eq!(unpacked, plain);
        assert!(compressed.len() < plain.len() / 5, "{}", compressed.len());
    }

    #[test]
    fn a_thousand_scrapes_take_no_more_memory_than_a_few() {
        let (scrapes, registry) = (Scrapes::default(), registry(200));
        let asked = [
            headers(&[]),
            headers(&[(&ACCEPT, "application/openmetrics-text")]),
            headers(&[(
                &ACCEPT,
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            )]),
            headers(&[(&ACCEPT_ENCODING, "gzip")]),
        ];
        let scrape = |times: usize| {
            for headers in asked.iter().cycle().take(times) {
                let response = scrapes.answer(&registry, headers);
                assert_eq!(response.status(), StatusCode::OK);
                drop(response);
            }
            let state = scrapes.0.state.lock().expect("nobody panicked");
            assert_eq!(state.taken, 0);
            let mut held: Vec<_> = state.idle.iter().map(Vec::capacity).collect();
            held.sort_unstable();
            held
        };
        let after_a_few = scrape(16);
        assert_eq!(after_a_few.len(), IDLE_MAX);
        assert_eq!(scrape(1000), after_a_few);
    }

    #[test]
    fn answers_that_nobody_reads_have_a_limit() {
        let (scrapes, registry) = (Scrapes::default(), registry(1));
        let answer = || scrapes.answer(&registry, &headers(&[]));
        let mut unread: Vec<_> = (0..ANSWERS_MAX).map(|_| answer()).collect();
        assert!(unread.iter().all(|one| one.status() == StatusCode::OK));
        assert_eq!(answer().status(), StatusCode::SERVICE_UNAVAILABLE);
        unread.pop();
        assert_eq!(answer().status(), StatusCode::OK);
        drop(unread);
        let state = scrapes.0.state.lock().expect("nobody panicked");
        assert_eq!((state.taken, state.idle.len()), (0, IDLE_MAX));
    }

    #[test]
    fn nobody_gets_what_comes_too_late() {
        let (scrapes, registry) = (Scrapes::default(), registry(1));
        for (timeout, status) in [
            ("0.000000001", StatusCode::SERVICE_UNAVAILABLE),
            ("3600", StatusCode::OK),
            ("soon", StatusCode::OK),
        ] {
            let response = scrapes.answer(&registry, &headers(&[(&SCRAPE_TIMEOUT, timeout)]));
            assert_eq!(response.status(), status, "{timeout}");
        }
    }
}
