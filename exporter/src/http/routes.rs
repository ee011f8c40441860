//! What each path answers.
//!
//! In: method, path and headers of a request; its body is never read. Out: a whole response, made without waiting.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::query::Query;
use super::status::Status;
use super::{Readiness, Recent, Scrapes, page};
use crate::metrics::Registry;

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Matches live.
pub(super) const STREAM: &str = "/api/v1/matches/stream";
/// Takes the rules anew.
pub(super) const RELOAD: &str = "/-/reload";

/// Where it is told how a reload went.
pub type ReloadAnswer = oneshot::Sender<Result<(), String>>;

/// Which host this is.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The release of its kernel.
    pub kernel: String,
}

/// What there is to show.
#[derive(Clone, Debug)]
pub struct Site {
    /// Behind `/metrics`, and the numbers of the page.
    pub registry: Arc<Registry>,
    /// What scrapes share.
    pub scrapes: Scrapes,
    /// Behind `/-/ready`.
    pub readiness: Readiness,
    /// On the page.
    pub host: Host,
    /// The last matches.
    pub recent: Recent,
    /// Behind `/-/reload`; none: it is not enabled.
    pub reload: Option<mpsc::Sender<ReloadAnswer>>,
}

/// The paths there are, as metrics call them.
pub(super) fn handler(path: &str) -> &'static str {
    match path {
        "/" => "/",
        "/metrics" => "/metrics",
        "/-/healthy" => "/-/healthy",
        "/-/ready" => "/-/ready",
        "/api/v1/status" => "/api/v1/status",
        "/api/v1/matches" => "/api/v1/matches",
        STREAM => STREAM,
        RELOAD => RELOAD,
        _ => "other",
    }
}

impl Site {
    /// Answers a request for what can be answered at once. For `HEAD` the server leaves the body out.
    pub(super) fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let page: fn(&Site, &Request<B>) -> Response<Full<Bytes>> = match request.uri().path() {
            "/" => |site, request| site.page(&asked(request)),
            "/metrics" => |site, request| site.scrapes.answer(&site.registry, request.headers()),
            "/-/healthy" => |_, _| response(StatusCode::OK, PLAIN, "healthy\n"),
            "/-/ready" => |site, _| site.ready(),
            "/api/v1/status" => |site, _| site.status_json(),
            "/api/v1/matches" => |site, request| site.matches_json(&asked(request)),
            _ => {
                return plain(StatusCode::NOT_FOUND, "not found; / lists what is here\n");
            }
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            page(self, request)
        } else {
            not_allowed("GET, HEAD", "only GET and HEAD\n")
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        match self.readiness.reason() {
            None => response(StatusCode::OK, PLAIN, "ready\n"),
            Some(reason) => response(
                StatusCode::SERVICE_UNAVAILABLE,
                PLAIN,
                format!("not ready: {reason}\n"),
            ),
        }
    }

    fn status(&self) -> Status {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Status::new(
            &self.registry,
            &self.host,
            &self.readiness,
            now.as_secs_f64(),
        )
    }

    fn status_json(&self) -> Response<Full<Bytes>> {
        match serde_json::to_vec(&self.status()) {
            Ok(json) => response(StatusCode::OK, JSON, json),
            Err(_) => no_status(),
        }
    }

    /// `{"matches":[…]}`, the oldest first, each as on standard output.
    fn matches_json(&self, query: &Query) -> Response<Full<Bytes>> {
        let recent = self.recent.since(0);
        let matches = recent.matches.iter().map(|shown| shown.json());
        let matches: Vec<String> = matches.filter(|json| query.fits(json)).collect();
        let json = format!("{{\"matches\":[{}]}}\n", matches.join(","));
        response(StatusCode::OK, JSON, json)
    }

    fn page(&self, query: &Query) -> Response<Full<Bytes>> {
        let page = page::render(&self.status(), &self.recent.since(0), query);
        let mut response = response(StatusCode::OK, "text/html; charset=utf-8", page);
        if let Ok(policy) = HeaderValue::try_from(page::POLICY.as_str()) {
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    /// Asks for the rules to be taken anew, and says how that went.
    pub(super) async fn reload<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let Some(reload) = &self.reload else {
            return plain(
                StatusCode::FORBIDDEN,
                "reloading over HTTP is not enabled; start the agent with --web.enable-lifecycle\n",
            );
        };
        if !matches!(*request.method(), Method::POST | Method::PUT) {
            return not_allowed("POST, PUT", "only POST and PUT\n");
        }
        // A browser says where a request comes from; a page of somebody else has no business here.
        let site = request.headers().get("sec-fetch-site");
        if site.is_some_and(|site| site != "same-origin" && site != "none") {
            return plain(StatusCode::FORBIDDEN, "not from another site\n");
        }
        let (answer, answered) = oneshot::channel();
        if reload.try_send(answer).is_err() {
            return plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "a reload is already waiting\n",
            );
        }
        match answered.await {
            Ok(Ok(())) => plain(StatusCode::OK, "reloaded\n"),
            Ok(Err(failure)) => plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("not reloaded, the old rules stay in force: {failure}\n"),
            ),
            Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n"),
        }
    }
}

/// Which matches a request is about.
pub(super) fn asked<B>(request: &Request<B>) -> Query {
    Query::parse(request.uri().query())
}

/// A sentence.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    response(status, PLAIN, text)
}

/// The method is not one of those.
pub(super) fn not_allowed(allowed: &'static str, text: &'static str) -> Response<Full<Bytes>> {
    let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    refusal
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    refusal
}

fn no_status() -> Response<Full<Bytes>> {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "a metric has a value that cannot be written\n",
    )
}

pub(super) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
