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
use crate::metrics::{self, Registry};

/// Answers that are being made or sent at one time. Who stops reading holds one until its connection ends.
const ANSWERS_MAX: usize = 64;
/// Buffers that are kept for the next scrapes.
const IDLE_MAX: usize = 2;
/// How hard gzip tries. The text is so regular that more gains little and costs much.
const GZIP_LEVEL: u32 = 1;

static SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// The metrics, as scrapes see them. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Scrapes {
    registry: Arc<Registry>,
    buffers: Arc<Buffers>,
}

impl Scrapes {
    /// Scrapes of this registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            buffers: Arc::default(),
        }
    }

    /// Answers one.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let timeout = headers.get(&SCRAPE_TIMEOUT);
        let timeout = timeout.and_then(|value| accept::timeout(value.to_str().ok()?));
        let format = accept::format(&joined(headers, &ACCEPT));
        let gzip = accept::gzip(&joined(headers, &ACCEPT_ENCODING));
        let Some(mut body) = Buffers::take(&self.buffers) else {
            return unavailable("too many scrapes are being answered; try again later\n");
        };
        let deadline = timeout.map(|timeout| began + timeout);
        if let Err(late) = metrics::encode(&self.registry, format, deadline, &mut body.bytes) {
            return unavailable(&format!("{late}\n"));
        }
        if gzip {
            match Buffers::take(&self.buffers) {
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
    let mut encoder = GzEncoder::new(out, Compression::new(GZIP_LEVEL));
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
