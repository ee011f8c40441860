//! Takes the places to listen on, and hands out the connections that come to any of them.
//!
//! In: [`Listen`]s. Out: streams. A place is taken first and served later, so that a port in use is told before anything
//! else is started.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use listenfd::ListenFd;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::config::Listen;

/// Who may connect to a unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// A place cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {place}: {advice}")]
pub struct BindError {
    /// The place asked for.
    pub place: Listen,
    /// What the kernel said, and what to do.
    pub advice: String,
}

/// A connection, and where it came from.
pub(super) struct Accepted {
    pub(super) stream: Box<dyn Stream>,
    /// Whether it is TCP from this host to an address that only this host has.
    pub(super) loopback: bool,
}

/// A connection, whatever it came by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A listener that is not served yet.
#[derive(Debug)]
pub(super) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, Option<Owned>),
}

/// A socket file that is ours, and goes with us.
#[derive(Debug)]
pub(super) struct Owned(PathBuf);

impl Drop for Owned {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the socket was not removed");
        }
    }
}

impl Bound {
    /// Takes a place; `systemd` may be several.
    pub(super) fn take(place: &Listen) -> Result<Vec<Bound>, BindError> {
        let bound = match place {
            Listen::Tcp(addr) => bind_tcp(*addr).map(|bound| vec![bound]),
            Listen::Unix(path) => bind_unix(path).map(|bound| vec![bound]),
            Listen::Systemd => inherit(),
        };
        bound.map_err(|advice| BindError {
            place: place.clone(),
            advice,
        })
    }

    /// Where it listens, with the port that the kernel chose if 0 was asked for.
    pub(super) fn address(&self) -> Listen {
        match self {
            Bound::Tcp(listener) => listener.local_addr().map_or(Listen::Systemd, Listen::Tcp),
            Bound::Unix(listener, _) => listener
                .local_addr()
                .ok()
                .and_then(|addr| addr.as_pathname().map(Path::to_owned))
                .map_or(Listen::Systemd, Listen::Unix),
        }
    }
}

fn bind_tcp(addr: SocketAddr) -> Result<Bound, String> {
    let bind = || {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        Ok(Bound::Tcp(listener))
    };
    bind().map_err(|cause: io::Error| match cause.kind() {
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
    })
}

fn bind_unix(path: &Path) -> Result<Bound, String> {
    let bind = || {
        remove_abandoned(path);
        let listener = UnixListener::bind(path)?;
        let owned = Owned(path.to_owned());
        std::fs::set_permissions(path, PermissionsExt::from_mode(SOCKET_MODE))?;
        listener.set_nonblocking(true)?;
        Ok(Bound::Unix(listener, Some(owned)))
    };
    bind().map_err(|cause: io::Error| match cause.kind() {
        ErrorKind::AddrInUse => {
            "something is there already, which is no socket or which another program serves; \
             remove it or choose another path with --listen"
                .to_owned()
        }
        ErrorKind::NotFound => "its folder does not exist; create it".to_owned(),
        ErrorKind::PermissionDenied => {
            "this user may not create it; choose a folder of its own with --listen".to_owned()
        }
        ErrorKind::InvalidInput => {
            "the path is too long for a socket (107 bytes at most)".to_owned()
        }
        _ => cause.to_string(),
    })
}

/// Removes the socket of a program that ended without doing so: nobody answers there.
fn remove_abandoned(path: &Path) {
    let refused =
        UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
    let is_socket = std::fs::symlink_metadata(path)
        .is_ok_and(|metadata| std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type()));
    if refused && is_socket {
        // What cannot be removed is told by the bind that follows.
        let _ = std::fs::remove_file(path);
    }
}

/// The sockets that systemd hands over (sd_listen_fds(3)).
fn inherit() -> Result<Vec<Bound>, String> {
    let mut handed = ListenFd::from_env();
    if handed.len() == 0 {
        return Err(
            "systemd has handed no socket over; start the service by its .socket unit, \
             or name an address with --listen"
                .to_owned(),
        );
    }
    (0..handed.len())
        .map(|index| take_inherited(&mut handed, index).map_err(|error| error.to_string()))
        .collect()
}

fn take_inherited(handed: &mut ListenFd, index: usize) -> io::Result<Bound> {
    // The kernel knows which of the two it is; asking for the wrong one leaves it in its place.
    if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
        listener.set_nonblocking(true)?;
        return Ok(Bound::Tcp(listener));
    }
    match handed.take_unix_listener(index)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Bound::Unix(listener, None))
        }
        None => Err(ErrorKind::NotConnected.into()),
    }
}

/// The listeners, served.
pub(super) struct Listeners {
    listeners: Vec<Served>,
    /// Who is asked first; it goes round, so that nobody has to wait for a busy neighbour.
    first: usize,
}

enum Served {
    Tcp(tokio::net::TcpListener),
    Unix(
        tokio::net::UnixListener,
        #[expect(dead_code, reason = "held for its drop")] Option<Owned>,
    ),
}

impl Listeners {
    /// Hands them to the runtime.
    pub(super) fn serve(bound: Vec<Bound>) -> io::Result<Self> {
        let listeners = bound
            .into_iter()
            .map(|bound| {
                Ok(match bound {
                    Bound::Tcp(listener) => {
                        Served::Tcp(tokio::net::TcpListener::from_std(listener)?)
                    }
                    Bound::Unix(listener, owned) => {
                        Served::Unix(tokio::net::UnixListener::from_std(listener)?, owned)
                    }
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self {
            listeners,
            first: 0,
        })
    }

    /// The next connection.
    pub(super) async fn accept(&mut self) -> io::Result<Accepted> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let count = self.listeners.len();
        for offset in 0..count {
            let index = (self.first + offset) % count;
            let accepted = match &self.listeners[index] {
                Served::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| Accepted {
                    loopback: stream
                        .local_addr()
                        .is_ok_and(|addr| addr.ip().to_canonical().is_loopback()),
                    stream: Box::new(stream),
                }),
                Served::Unix(listener, _) => {
                    listener.poll_accept(cx).map_ok(|(stream, _)| Accepted {
                        loopback: false,
                        stream: Box::new(stream),
                    })
                }
            };
            if accepted.is_ready() {
                self.first = index + 1;
                return accepted;
            }
        }
        Poll::Pending
    }
}
