//! Between a connection and the site: who may ask, how often, and what every response carries.
//!
//! In: requests. Out: responses, counted by path and status. Never: a request that takes for ever, or a body that is read.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes};
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_FRAME_OPTIONS,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode};

use super::guard::{Guard, Protection};
use super::routes::{self, RELOAD, STREAM};
use super::stream::{Body, Streams};
use super::users::{Admission, Gate};
use super::{HttpMetrics, Site};

/// Time for an answer: for a password to be checked, or rules to be reloaded.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// Bytes that a request may bring beside its head. They are not read.
const BODY_BYTES_MAX: u64 = 16 * 1024;
/// What every response says unless it says otherwise.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (X_FRAME_OPTIONS, HeaderValue::from_static("deny")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Answers for all connections.
pub(super) struct Face {
    pub(super) site: Site,
    pub(super) guard: Guard,
    pub(super) gate: Gate,
    pub(super) streams: Streams,
    pub(super) metrics: HttpMetrics,
}

impl Face {
    /// Answers a request. `loopback` says that it came from this host, unprotected by TLS.
    pub(super) async fn answer<B: HttpBody>(
        &self,
        request: &Request<B>,
        loopback: bool,
    ) -> Response<Body> {
        let protection = self.guard.current();
        let answer = async {
            if loopback && protection.users.is_empty() && !self.is_meant(request) {
                return whole(routes::plain(
                    StatusCode::MISDIRECTED_REQUEST,
                    "ask by address, as localhost or by the name of this host\n",
                ));
            }
            self.admit_and_answer(request, &protection).await
        };
        let mut response = match tokio::time::timeout(ANSWER_TIME, answer).await {
            Ok(response) => response,
            Err(_) => whole(later("the answer took too long\n")),
        };
        let headers = response.headers_mut();
        for (name, value) in protection.headers.iter().chain(&HEADERS) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        let handler = routes::handler(request.uri().path());
        self.metrics.answered(handler, response.status().as_u16());
        response
    }

    /// Whether the client knows that it asks this host. A page from elsewhere, whose name was made to lead here, does not: its
    /// browser would let it read what the agent says to its own host.
    fn is_meant<B>(&self, request: &Request<B>) -> bool {
        // Who sends no name is no browser.
        let Some(host) = request.headers().get(HOST) else {
            return true;
        };
        let Ok(authority) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        let name = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || name == self.site.host.name.to_ascii_lowercase()
    }

    async fn admit_and_answer<B: HttpBody>(
        &self,
        request: &Request<B>,
        protection: &Protection,
    ) -> Response<Body> {
        if let Some(limiter) = &protection.limiter
            && !limiter.take(Instant::now())
        {
            let refusal = routes::plain(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
            return whole(refusal);
        }
        if request.body().size_hint().lower() > BODY_BYTES_MAX {
            let mut refusal = routes::plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "no request needs a body here\n",
            );
            if request.version() < hyper::Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                refusal.headers_mut().insert(CONNECTION, close);
            }
            return whole(refusal);
        }
        let authorization = request.headers().get(AUTHORIZATION);
        match self.gate.admit(&protection.users, authorization).await {
            Admission::Granted => self.answer_admitted(request).await,
            Admission::Refused => {
                let mut refusal = routes::plain(StatusCode::UNAUTHORIZED, "unauthorized\n");
                refusal.headers_mut().insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Basic realm=\"saker\", charset=\"UTF-8\""),
                );
                whole(refusal)
            }
            Admission::Busy => whole(later("too many passwords are being checked\n")),
        }
    }

    async fn answer_admitted<B>(&self, request: &Request<B>) -> Response<Body> {
        match request.uri().path() {
            STREAM if request.method() != Method::GET => {
                whole(routes::not_allowed("GET", "only GET\n"))
            }
            STREAM => match self.streams.open(request.headers(), routes::asked(request)) {
                Some(body) => {
                    let mut response = Response::new(body);
                    let kind = HeaderValue::from_static("text/event-stream");
                    response.headers_mut().insert(CONTENT_TYPE, kind);
                    response
                }
                None => whole(later("too many clients follow the matches already\n")),
            },
            RELOAD => whole(self.site.reload(request).await),
            _ => whole(self.site.respond(request)),
        }
    }
}

fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(Body::Whole)
}

fn later(text: &'static str) -> Response<Full<Bytes>> {
    let mut refusal = routes::plain(StatusCode::SERVICE_UNAVAILABLE, text);
    let seconds = HeaderValue::from_static("5");
    refusal.headers_mut().insert(RETRY_AFTER, seconds);
    refusal
}
