//! Whom the last message of a socket that is connected to nobody went to, or came from.
//!
//! A table of a fixed size, a place for each socket by its inode number. Two sockets that share a place forget each other: then a
//! peer counts as new that is not. Nothing is missed by that, and nothing grows.

use std::net::SocketAddr;

use crate::event::{Facts, Socket};

/// Places; a power of two.
const PLACES: usize = 4096;

/// The last peers.
#[derive(Debug)]
pub(super) struct Peers {
    places: Box<[Place]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    socket: u64,
    peer: Option<SocketAddr>,
    /// The first of the messages in a row that had this peer, ns since boot.
    since_boot_ns: u64,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            places: vec![Place::default(); PLACES].into_boxed_slice(),
        }
    }
}

impl Peers {
    /// Notes in the facts of an event at a time, ns since boot, whether its peer is new, and remembers it. An event that is judged
    /// again is as it was.
    pub(super) fn note(&mut self, facts: &mut Facts<'_>, at_boot_ns: u64) {
        if let Facts::Call(call) = facts
            && call.socket.remote.is_some()
            && !call.socket.connected
        {
            call.socket.other_peer = self.is_new(&call.socket, at_boot_ns);
        }
    }

    fn is_new(&mut self, socket: &Socket<'_>, at_boot_ns: u64) -> bool {
        let at = usize::try_from(socket.inode).unwrap_or(0) & (PLACES - 1);
        let Some(place) = self.places.get_mut(at) else {
            return true;
        };
        let same = place.socket == socket.inode;
        if same && (place.peer == socket.remote || at_boot_ns < place.since_boot_ns) {
            return at_boot_ns <= place.since_boot_ns;
        }
        *place = Place {
            socket: socket.inode,
            peer: socket.remote,
            since_boot_ns: at_boot_ns,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Call;

    #[test]
    fn a_peer_is_new_once_in_a_row() {
        let mut peers = Peers::default();
        let mut told = |at, inode, peer: &str, connected| {
            let socket = Socket {
                inode,
                connected,
                remote: peer.parse().ok(),
                ..Socket::default()
            };
            let mut facts = Facts::Call(Call {
                socket,
                ..Call::default()
            });
            peers.note(&mut facts, at);
            match facts {
                Facts::Call(call) => call.socket.other_peer,
                _ => unreachable!("it was a call"),
            }
        };
        let (one, two) = ("192.0.2.1:53", "192.0.2.2:53");
        let other = 7 + PLACES as u64;
        for (at, inode, peer, connected, expected) in [
            (1, 7, one, false, true),
            (2, 7, one, false, false),
            (3, 8, one, false, true),
            (4, 7, two, false, true),
            (5, 7, two, false, false),
            // The one of before is judged again, and so is one before that.
            (4, 7, two, false, true),
            (1, 7, one, false, true),
            (6, 7, two, false, false),
            (7, 7, one, false, true),
            // No peer, and a socket that is connected, change no name.
            (8, 7, "", false, false),
            (9, 7, two, true, false),
            (10, 7, one, false, false),
            // Another socket in the same place.
            (11, other, one, false, true),
            (12, 7, one, false, true),
        ] {
            assert_eq!(told(at, inode, peer, connected), expected, "{at}");
        }
    }
}
