//! Listens, and serves connections within limits.
//!
//! In: places to listen on and the web configuration, then a [`Site`]. Out: HTTP/1.1, and HTTP/2 for those who agree on it by
//! TLS. All is taken and read first and served later, so that a port in use or a wrong file is told before anything else is
//! started.
//! Never: a connection that can keep others out. Beyond the limit the oldest one is closed, and so is one whose handshake or
//! request head does not arrive in time or is too large, or whose answer is not read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::face::Face;
use super::guard::Guard;
use super::listener::{Accepted, BindError, Bound, Listeners};
use super::meter::End;
use super::stall::Impatient;
use super::stream::Streams;
use super::users::Gate;
use super::{HttpMetrics, Site};
use crate::config::{ConfigError, Listen};

/// Connections at one time.
const CONNECTIONS_MAX: usize = 256;
/// Bytes that the request line and headers may have together.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Requests at one time on a connection of HTTP/2.
const REQUESTS_MAX: u32 = 32;
/// Time for a request head to arrive; an idle connection is closed after it, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time in which a client has to take some of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the kernel refused a connection (no descriptors, say), so that the refusal is not asked for in a tight loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why HTTP cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A place is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The web configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system lacks something.
    #[error("HTTP cannot be served: {0}")]
    System(String),
}

/// Listeners that are not served yet.
pub struct Server {
    bound: Vec<Bound>,
    guard: Guard,
    gate: Gate,
    metrics: HttpMetrics,
}

impl Server {
    /// Takes the places, and reads the web configuration.
    ///
    /// # Errors
    /// When a place is taken, or the file cannot be used.
    pub fn bind(
        places: &[Listen],
        web_config: Option<&Path>,
        metrics: HttpMetrics,
    ) -> Result<Server, StartError> {
        let guard = Guard::new(web_config, metrics.clone())?;
        let gate = Gate::new().map_err(StartError::System)?;
        let mut bound = Vec::new();
        for place in places {
            bound.extend(Bound::take(place)?);
        }
        Ok(Server {
            bound,
            guard,
            gate,
            metrics,
        })
    }

    /// The places taken, with the port that the kernel chose where 0 was asked for.
    pub fn addresses(&self) -> Vec<Listen> {
        self.bound.iter().map(Bound::address).collect()
    }

    /// Serves until `stop` is done; then no connection is taken any more, and those open may end their request within
    /// `drain`. Fails only when a listener cannot be handed to the runtime.
    pub async fn serve(
        self,
        site: Site,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> io::Result<()> {
        let mut listeners = Listeners::serve(self.bound)?;
        let metrics = self.metrics;
        let (stopping, stopped) = watch::channel(());
        let streams = Streams::new(
            site.recent.clone(),
            metrics.streams.clone(),
            stopped.clone(),
        );
        let face = Arc::new(Face {
            site,
            guard: self.guard,
            gate: self.gate,
            streams,
            metrics: metrics.clone(),
        });
        let mut connections = JoinSet::new();
        let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {
                    oldest_first.retain(|connection| !connection.is_finished());
                    metrics.connections.set(oldest_first.len() as f64);
                }
                accepted = listeners.accept() => match accepted {
                    Ok(accepted) => {
                        if oldest_first.len() == CONNECTIONS_MAX && let Some(oldest) = oldest_first.pop_front() {
                            oldest.abort();
                            metrics.ended(End::Evicted);
                        }
                        let served = serve_connection(accepted, Arc::clone(&face), stopped.clone());
                        let metrics_of_it = metrics.clone();
                        let connection = connections.spawn(async move { metrics_of_it.ended(served.await) });
                        oldest_first.push_back(connection);
                        metrics.connections.set(oldest_first.len() as f64);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "connection not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop((listeners, stopping));
        let drained = async { while connections.join_next().await.is_some() {} };
        if timeout(drain, drained).await.is_err() {
            tracing::debug!(
                open = connections.len(),
                "connections cut at the end of the drain time"
            );
        }
        Ok(())
    }
}

async fn serve_connection(
    accepted: Accepted,
    face: Arc<Face>,
    stopped: watch::Receiver<()>,
) -> End {
    let Accepted { stream, loopback } = accepted;
    let stream = Impatient::new(stream, WRITE_TIMEOUT);
    let Some(tls) = face.guard.current().tls.clone() else {
        return serve_http1(stream, face, loopback, stopped).await;
    };
    let stream = match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return End::Handshake;
        }
        Err(_) => return End::Timeout,
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve_http2(stream, face, stopped).await
    } else {
        // A certificate names who is asked.
        serve_http1(stream, face, false, stopped).await
    }
}

/// The answer to every request of a connection.
macro_rules! service {
    ($face:expr, $loopback:expr) => {{
        let face = $face;
        service_fn(move |request| {
            let face = Arc::clone(&face);
            async move { Ok::<_, Infallible>(face.answer(&request, $loopback).await) }
        })
    }};
}

/// Serves a connection to its end; when the server stops, it ends with the request at hand.
macro_rules! until_end {
    ($connection:expr, $stopped:expr) => {{
        let mut connection = pin!($connection);
        let mut stopped = $stopped;
        let result = tokio::select! {
            result = &mut connection => result,
            // Nothing is ever sent: the sender goes away when the server stops.
            _ = stopped.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        end_of(result)
    }};
}

async fn serve_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    face: Arc<Face>,
    loopback: bool,
    stopped: watch::Receiver<()>,
) -> End {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service!(face, loopback));
    until_end!(connection, stopped)
}

async fn serve_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    face: Arc<Face>,
    stopped: watch::Receiver<()>,
) -> End {
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(WRITE_TIMEOUT)
        .max_concurrent_streams(REQUESTS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .serve_connection(TokioIo::new(stream), service!(face, false));
    until_end!(connection, stopped)
}

fn end_of(result: Result<(), hyper::Error>) -> End {
    let Err(error) = result else {
        return End::Done;
    };
    tracing::debug!(%error, "connection ended");
    let stalled = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| cause.kind() == ErrorKind::TimedOut);
    if stalled {
        End::Stalled
    } else if error.is_timeout() {
        End::Timeout
    } else if error.is_parse() {
        End::Malformed
    } else {
        End::Failed
    }
}
