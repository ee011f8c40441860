//! Sends one request to a collector and tells what became of it.
//!
//! In: the bytes of an OTLP request. Out: the bytes of the answer, or a [`Failure`]. Never: a second attempt; who calls
//! decides on that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use super::failure::{Failure, Kind};
use super::{grpc, http, tls};
use crate::config::{Compression, Protocol, Target};

/// Longest answer that is read: a few sentences are usual.
pub(super) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Connections that nobody has used for so long are closed.
const IDLE: Duration = Duration::from_secs(90);

/// The connections to a collector.
pub(super) type Client = legacy::Client<HttpsConnector<HttpConnector>, tonic::body::Body>;

/// Which service of a collector is spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// The path of its method in gRPC.
    pub(super) method: &'static str,
}

/// One kind of data on its way to one collector.
pub(super) struct Transport {
    target: Target,
    service: Service,
    /// Invariant: locked for a moment, to take a copy or to put another in its place.
    client: Mutex<Client>,
}

impl Transport {
    /// Reads certificates; nothing is connected yet.
    pub(super) fn new(target: Target, service: Service) -> anyhow::Result<Self> {
        let client = Mutex::new(connect(&target)?);
        Ok(Self {
            target,
            service,
            client,
        })
    }

    /// Where it goes, for people.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request, and waits for the answer no longer than is set, nor longer than `within`.
    pub(super) async fn send(&self, body: Bytes, within: Duration) -> Result<Bytes, Failure> {
        let within = within.min(self.target.timeout);
        let target = &self.target;
        let client = self.client().clone();
        let answer = async {
            match target.protocol {
                Protocol::Grpc => grpc::call(&client, target, self.service.method, body).await,
                Protocol::Http => http::call(&client, target, body).await,
            }
        };
        let answer = match timeout(within, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::timeout(within)),
        };
        if let Err(Failure {
            kind: Kind::Timeout | Kind::Tls,
            ..
        }) = &answer
        {
            self.renew();
        }
        answer
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves connections that may be dead, and takes certificates that may have been changed.
    fn renew(&self) {
        match connect(&self.target) {
            Ok(client) => *self.client() = client,
            Err(error) => tracing::debug!("certificates are kept as they were: {error:#}"),
        }
    }
}

fn connect(target: &Target) -> anyhow::Result<Client> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(target.timeout));
    let is_grpc = target.protocol == Protocol::Grpc;
    let tls = match target.endpoint.scheme_str() {
        Some("https") => tls::client(&target.tls)?,
        _ => tls::unused()?,
    };
    let schemes = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let connector = match is_grpc {
        true => schemes.enable_http2().wrap_connector(tcp),
        false => schemes.enable_http1().wrap_connector(tcp),
    };
    Ok(legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_only(is_grpc)
        .build(connector))
}

/// Whether requests are compressed.
pub(super) fn is_gzip(target: &Target) -> bool {
    target.compression == Compression::Gzip
}
