//! A record's bytes become facts.
//!
//! In: one whole record ([`Record::parse`] has checked its lengths). Out: [`Facts`] that borrow from it, and its type in the
//! schema. Never: state: who acted is looked up by `state`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use exporter_ebpf::record::{
    self, CALL_CONNECT, CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, ConnectRecord,
    INODE_OVERLAY_LOWER, INODE_OVERLAY_UPPER, OPEN_CREATED, OpenRecord, Record,
};
use rule_engine::schema::{EventTypeId, Schema};

use super::{Connect, Facts, Inode, Open, Socket};

/// `AF_UNIX`
pub(super) const AF_UNIX: u16 = 1;
/// `AF_INET`
pub(super) const AF_INET: u16 = 2;
/// `AF_INET6`
pub(super) const AF_INET6: u16 = 10;

/// The system calls that have records of their own, and their event types' names.
pub const CALLS: &[(u8, &str)] = &[
    (CALL_OPEN, "open"),
    (CALL_OPENAT, "openat"),
    (CALL_OPENAT2, "openat2"),
    (CALL_CREAT, "creat"),
    (CALL_CONNECT, "connect"),
];

/// The event types that the process tracepoints supply, whatever system call led there.
pub const PROCESS_EVENTS: &[&str] = &["execve", "procexit"];

/// The event types that come from elsewhere than the kernel.
pub const OTHER_EVENTS: &[&str] = &["container"];

/// Event types of the schema by what a record says. Made once.
#[derive(Debug)]
pub struct EventTypes {
    exec: Option<EventTypeId>,
    exit: Option<EventTypeId>,
    /// Index: `CALL_…`
    calls: Vec<Option<EventTypeId>>,
}

impl EventTypes {
    /// The types that records can have, in this schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let calls = CALLS.iter().map(|(call, _)| usize::from(*call) + 1).max();
        let mut this = Self {
            exec: schema.event("execve"),
            exit: schema.event("procexit"),
            calls: vec![None; calls.unwrap_or(0)],
        };
        for (call, name) in CALLS {
            if let Some(slot) = this.calls.get_mut(usize::from(*call)) {
                *slot = schema.event(name);
            }
        }
        this
    }

    /// The type of the event that a record is; none for records that only state needs, and for calls that the schema lacks.
    #[must_use]
    pub fn of(&self, record: &Record<'_>) -> Option<EventTypeId> {
        let call = match record {
            Record::Exec(_) => return self.exec,
            Record::Exit(_) => return self.exit,
            Record::Fork(_) | Record::Task(_) => return None,
            Record::Open(open) => open.fixed.call.call,
            Record::Connect(connect) => connect.fixed.call.call,
        };
        self.calls.get(usize::from(call)).copied().flatten()
    }
}

/// What a record tells; none for records that only state needs.
#[must_use]
pub fn facts<'a>(record: &'a Record<'a>) -> Option<Facts<'a>> {
    match record {
        Record::Exec(exec) => Some(Facts::Exec {
            filename: exec.filename.bytes,
        }),
        Record::Exit(exit) => Some(Facts::Exit {
            status: exit.fixed.status,
        }),
        Record::Fork(_) | Record::Task(_) => None,
        Record::Open(open) => Some(Facts::Open(open_facts(open))),
        Record::Connect(connect) => Some(Facts::Connect(connect_facts(connect))),
    }
}

fn open_facts<'a>(open: &OpenRecord<'a>) -> Open<'a> {
    let inode = &open.fixed.inode;
    Open {
        result: open.fixed.call.result,
        dirfd: open.fixed.dirfd,
        flags: open.fixed.flags,
        mode: open.fixed.mode,
        resolve: open.fixed.resolve,
        requested: open.requested.bytes,
        dir: open.dir.in_root(),
        effective: open.effective.in_root(),
        inode: Inode {
            number: inode.ino,
            dev: inode.dev,
            mode: inode.mode.into(),
            upper_layer: inode.flags & INODE_OVERLAY_UPPER != 0,
            lower_layer: inode.flags & INODE_OVERLAY_LOWER != 0,
        },
        created: open.fixed.effects & OPEN_CREATED != 0,
    }
}

fn connect_facts<'a>(connect: &ConnectRecord<'a>) -> Connect<'a> {
    let asked = connect.addr.bytes;
    let mut socket = socket(&connect.fixed.socket);
    // A refused connection has no peer left in the socket, or only its address: what was asked for stands in.
    let remote = socket.remote.filter(|remote| remote.port() != 0);
    socket.remote = remote.or_else(|| inet_address(asked));
    Connect {
        result: connect.fixed.call.result,
        fd: connect.fixed.fd,
        unix_path: unix_path(asked).unwrap_or_default(),
        socket,
    }
}

fn socket(socket: &record::Socket) -> Socket {
    let side = |bytes: &[u8; 16], port: u16| {
        let ip = match socket.family {
            AF_INET => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
            AF_INET6 => Ipv6Addr::from(*bytes).to_canonical(),
            _ => return None,
        };
        (port != 0 || !ip.is_unspecified()).then(|| SocketAddr::new(ip, port))
    };
    Socket {
        inode: socket.ino,
        family: socket.family,
        kind: socket.sock_type,
        protocol: socket.protocol,
        local: side(&socket.local_addr, socket.local_port),
        remote: side(&socket.remote_addr, socket.remote_port),
    }
}

/// The internet address in a `struct sockaddr`, IPv4 in IPv6 undone.
fn inet_address(sockaddr: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(array(sockaddr, 2)?);
    let ip = match family(sockaddr)? {
        AF_INET => IpAddr::V4(Ipv4Addr::from(array::<4>(sockaddr, 4)?)),
        AF_INET6 => Ipv6Addr::from(array::<16>(sockaddr, 8)?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The path in a `struct sockaddr_un`; an abstract name keeps its leading NUL.
fn unix_path(sockaddr: &[u8]) -> Option<&[u8]> {
    let path = sockaddr
        .get(2..)
        .filter(|_| family(sockaddr) == Some(AF_UNIX))?;
    match path.first() {
        Some(0) | None => Some(path),
        Some(_) => path.split(|byte| *byte == 0).next(),
    }
}

fn family(sockaddr: &[u8]) -> Option<u16> {
    array(sockaddr, 0).map(u16::from_ne_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockaddr(family: u16, rest: &[u8]) -> Vec<u8> {
        [&family.to_ne_bytes(), rest].concat()
    }

    #[test]
    fn socket_addresses_are_read_by_family() {
        let v4 = sockaddr(AF_INET, &[0x01, 0xbb, 10, 0, 0, 1]);
        assert_eq!(inet_address(&v4), "10.0.0.1:443".parse().ok());
        let mut v6 = sockaddr(AF_INET6, &[0, 53, 0, 0, 0, 0]);
        v6.extend(Ipv6Addr::LOCALHOST.octets());
        assert_eq!(inet_address(&v6), "[::1]:53".parse().ok());
        let mut mapped = sockaddr(AF_INET6, &[0, 53, 0, 0, 0, 0]);
        mapped.extend(Ipv4Addr::new(1, 2, 3, 4).to_ipv6_mapped().octets());
        assert_eq!(inet_address(&mapped), "1.2.3.4:53".parse().ok());
        for cut in 0..v4.len() {
            assert_eq!(inet_address(&v4[..cut]), None);
        }
    }

    #[test]
    fn unix_paths_end_at_nul_and_abstract_names_do_not() {
        assert_eq!(
            unix_path(&sockaddr(AF_UNIX, b"/run/x\0junk")),
            Some(&b"/run/x"[..])
        );
        assert_eq!(
            unix_path(&sockaddr(AF_UNIX, b"\0abs\0tract")),
            Some(&b"\0abs\0tract"[..])
        );
        assert_eq!(unix_path(&sockaddr(AF_UNIX, b"")), Some(&b""[..]));
        assert_eq!(unix_path(&sockaddr(AF_INET, b"/run/x")), None);
        assert_eq!(unix_path(b"\x01"), None);
    }
}
