//! What each path answers.
//!
//! In: method, path and headers of a request; its body is never read. Out: a whole response, made without waiting.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use super::{Readiness, Scrapes};
use crate::metrics::VERSION;

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// What there is to show.
#[derive(Clone, Debug)]
pub struct Site {
    /// Behind `/metrics`.
    pub scrapes: Scrapes,
    /// Behind `/-/ready`.
    pub readiness: Readiness,
}

impl Site {
    /// Answers a request. For `HEAD` the server leaves the body out.
    pub(super) fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let page: fn(&Site, &HeaderMap) -> Response<Full<Bytes>> = match request.uri().path() {
            "/" => |site, _| site.status_page(),
            "/metrics" => |site, headers| site.scrapes.answer(headers),
            "/-/healthy" => |_, _| response(StatusCode::OK, PLAIN, "healthy\n"),
            "/-/ready" => |site, _| site.ready(),
            _ => {
                return response(
                    StatusCode::NOT_FOUND,
                    PLAIN,
                    "not found; / lists what is here\n",
                );
            }
        };
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            page(self, request.headers())
        } else {
            let mut refusal =
                response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET and HEAD\n");
            refusal
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            refusal
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

    fn status_page(&self) -> Response<Full<Bytes>> {
        let state = match self.readiness.reason() {
            None => "ready".to_owned(),
            Some(reason) => format!("not ready: {}", escape(&reason)),
        };
        let page = format!(
            "<!doctype html>\n\
             <html lang=\"en\">\n\
             <head><meta charset=\"utf-8\"><title>Saker</title></head>\n\
             <body>\n\
             <h1>Saker</h1>\n\
             <p>Runtime-security exporter, version {VERSION}: {state}.</p>\n\
             <ul>\n\
             <li><a href=\"/metrics\">Metrics</a></li>\n\
             <li><a href=\"/-/healthy\">Health</a></li>\n\
             <li><a href=\"/-/ready\">Readiness</a></li>\n\
             </ul>\n\
             </body>\n\
             </html>\n"
        );
        let mut response = response(StatusCode::OK, "text/html; charset=utf-8", page);
        response.headers_mut().insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
        response
    }
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

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
