//! What a service manager is told: that the agent is ready, that it ends, and that its event thread still answers.
//!
//! In: `NOTIFY_SOCKET` and `WATCHDOG_USEC`. Out: datagrams. Never: a failure because nobody listens.
//! Sources: sd_notify(3), sd_watchdog_enabled(3).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, io, process};

use super::events::EventHandle;
use crate::pipeline::Control;

/// The manager that started the agent, if there is one that wants to know.
#[derive(Clone, Debug)]
pub(super) struct Service {
    address: Option<SocketAddr>,
    /// Time after which silence counts as a fault.
    watchdog: Option<Duration>,
}

impl Service {
    /// Who is to be told, as the environment says it.
    pub(super) fn from_environment() -> Self {
        let text = |name: &str| env::var(name).ok();
        let is_ours = text("WATCHDOG_PID").is_none_or(|pid| pid == process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").and_then(|time| time.parse().ok());
        Self {
            address: env::var_os("NOTIFY_SOCKET").and_then(|place| address(place.as_bytes()).ok()),
            watchdog: watchdog.filter(|_| is_ours).map(Duration::from_micros),
        }
    }

    /// The agent watches.
    pub(super) fn ready(&self) {
        self.tell("READY=1\nSTATUS=Watching");
    }

    /// The agent has been told to end.
    pub(super) fn ending(&self) {
        self.tell("STOPPING=1\nSTATUS=Writing what waits");
    }

    /// Tells that all is well for as long as the event thread answers; ends at once if nobody wants to know.
    pub(super) async fn watch(self, events: EventHandle) {
        let Some(limit) = self.watchdog.filter(|_| self.address.is_some()) else {
            return;
        };
        // Twice within the time, as systemd advises, and some room for a busy machine.
        let mut turns = tokio::time::interval(limit / 3);
        loop {
            turns.tick().await;
            let (answer, answered) = mpsc::channel();
            events.send(Control::Answer(answer));
            let waiting = tokio::task::spawn_blocking(move || answered.recv_timeout(limit));
            if matches!(waiting.await, Ok(Ok(()))) {
                self.tell("WATCHDOG=1");
            }
        }
    }

    fn tell(&self, state: &str) {
        let Some(address) = &self.address else {
            return;
        };
        let sent = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!("the service manager cannot be told `{state}`: {error}");
        }
    }
}

/// A path, or `@` and the name of an abstract socket.
fn address(place: &[u8]) -> io::Result<SocketAddr> {
    match place {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_sockets_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@saker-test-{}", process::id());
        for place in [path.to_str().unwrap(), &name] {
            let address = address(place.as_bytes()).unwrap();
            let manager = UnixDatagram::bind_addr(&address).unwrap();
            let service = Service {
                address: Some(address),
                watchdog: None,
            };
            service.ready();
            let mut heard = [0; 64];
            let length = manager.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1\nSTATUS=Watching");
        }
    }
}
