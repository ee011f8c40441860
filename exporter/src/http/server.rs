//! Listens, and serves connections within limits.
//!
//! In: an address, then a [`Site`]. Out: HTTP/1.1. The address is taken first and served later, so that a port in use is told
//! before anything else is started.
//! Never: a connection that can keep others out. Beyond the limit the oldest one is closed, and a request head that does not
//! arrive in time, or is too large, ends its connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::Site;

/// Connections at one time.
const CONNECTIONS_MAX: usize = 256;
/// Bytes that the request line and headers may have together.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Time for a request head to arrive; an idle connection is closed after it, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the kernel refused a connection (no descriptors, say), so that the refusal is not asked for in a tight loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}: {}", advice(.cause))]
pub struct BindError {
    /// The address asked for.
    pub addr: SocketAddr,
    /// What the kernel said. Not called `source`, since the message tells it already.
    pub cause: io::Error,
}

/// A listener that is not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Takes the address.
    pub fn bind(addr: SocketAddr) -> Result<Server, BindError> {
        let bind = || {
            let listener = TcpListener::bind(addr)?;
            listener.set_nonblocking(true)?;
            Ok(Server { listener })
        };
        bind().map_err(|cause| BindError { addr, cause })
    }

    /// The address taken, with the port that the kernel chose if 0 was asked for.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` is done; then no connection is taken any more, and those open may end their request within
    /// `drain`. Fails only when the listener cannot be handed to the runtime.
    pub async fn serve(
        self,
        site: Site,
        stop: impl Future<Output = ()>,
        drain: Duration,
    ) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let site = Arc::new(site);
        let (stopping, stopped) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => oldest_first.retain(|connection| !connection.is_finished()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        if oldest_first.len() == CONNECTIONS_MAX && let Some(oldest) = oldest_first.pop_front() {
                            oldest.abort();
                        }
                        let connection = connections.spawn(serve_connection(stream, site.clone(), stopped.clone()));
                        oldest_first.push_back(connection);
                    }
                    Err(error) => {
                        tracing::debug!(%error, "connection not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop((listener, stopping));
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(drain, drained).await.is_err() {
            tracing::debug!(
                open = connections.len(),
                "connections cut at the end of the drain time"
            );
        }
        Ok(())
    }
}

async fn serve_connection(stream: TcpStream, site: Arc<Site>, mut stopped: watch::Receiver<()>) {
    let service = service_fn(|request| {
        let response = site.respond(&request);
        async { Ok::<_, Infallible>(response) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    let result = tokio::select! {
        result = &mut connection => result,
        // Nothing is ever sent: the sender goes away when the server stops.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

/// What happened and what to do, in a sentence.
fn advice(cause: &io::Error) -> String {
    match cause.kind() {
        ErrorKind::AddrInUse => "another program listens there; stop it (`ss -ltnp` names it) \
                                 or choose another address with --listen"
            .to_owned(),
        ErrorKind::PermissionDenied => {
            "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; \
                                        choose a higher port with --listen"
                .to_owned()
        }
        ErrorKind::AddrNotAvailable => {
            "no network interface of this host has that address; choose another one with --listen"
                .to_owned()
        }
        _ => cause.to_string(),
    }
}
