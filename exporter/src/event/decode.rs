//! A record's bytes become facts.
//!
//! In: one whole record ([`Record::parse`] has checked its lengths). Out: [`Facts`] that borrow from it, and its type in the
//! schema. Never: state: who acted is looked up by `state`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use exporter_ebpf::record::{
    self, CALL_ACCEPT, CALL_ACCEPT4, CALL_BIND, CALL_CHDIR, CALL_CHROOT, CALL_COPY_FILE_RANGE,
    CALL_LISTEN, CALL_SENDFILE, CALL_SOCKETCALL, CALL_SPLICE, ConnectRecord, INODE_MEMFD,
    INODE_OVERLAY_LOWER, INODE_OVERLAY_UPPER, INODE_PIDFD, OPEN_CREATED, OpenRecord, PATH_PSEUDO,
    Record, SyscallRecord,
};
use exporter_ebpf::syscall::NUMBERS;
use rule_engine::schema::{EventTypeId, Schema};

use super::descriptor::{AF_INET, AF_INET6, AF_UNIX};
use super::model::ProcessKey;
use super::{Call, Exit, Facts, File, Inode, Named, Socket};

/// `SOCK_STREAM`
const SOCK_STREAM: u16 = 1;

/// The system calls that probes record, by `CALL_…`, and their event types' names; older forms of a call have its name.
fn calls() -> impl Iterator<Item = (u8, &'static str)> {
    NUMBERS
        .iter()
        .filter(|numbers| numbers.call != CALL_SOCKETCALL)
        .map(|numbers| (numbers.call, numbers.name))
}

/// The names in `calls`, each once.
#[must_use]
pub fn call_names() -> Vec<&'static str> {
    let mut names = Vec::new();
    for (_, name) in calls() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

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
        let ids = calls().map(|(call, _)| usize::from(call) + 1).max();
        let mut this = Self {
            exec: schema.event("execve"),
            exit: schema.event("procexit"),
            calls: vec![None; ids.unwrap_or(0)],
        };
        for (call, name) in calls() {
            if let Some(slot) = this.calls.get_mut(usize::from(call)) {
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
            Record::Syscall(call) => call.fixed.call.call,
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
        Record::Exit(exit) => Some(Facts::Exit(Exit {
            status: exit.fixed.status,
            reaper: ProcessKey {
                pid: exit.fixed.reaper_pid,
                start_boot_ns: exit.fixed.reaper_start_boot_ns,
            },
        })),
        Record::Fork(_) | Record::Task(_) => None,
        Record::Open(open) => Some(Facts::Call(open_facts(open))),
        Record::Connect(connect) => Some(Facts::Call(connect_facts(connect))),
        Record::Syscall(call) => Some(Facts::Call(call_facts(call))),
    }
}

fn open_facts<'a>(open: &OpenRecord<'a>) -> Call<'a> {
    let fixed = &open.fixed;
    let effective = open.effective.in_root();
    Call {
        result: fixed.call.result,
        args: [
            u64::from(fixed.dirfd.cast_unsigned()),
            0,
            fixed.flags,
            fixed.mode.into(),
            fixed.resolve,
            0,
        ],
        fd: fixed.call.result.max(-1),
        first: Named {
            written: open.requested.bytes,
            dir: open.dir.in_root(),
        },
        effective,
        file: File {
            inode: inode(&fixed.inode),
            path: effective,
            pseudo: open.effective.flags & PATH_PSEUDO != 0,
        },
        created: fixed.effects & OPEN_CREATED != 0,
        ..Call::default()
    }
}

fn connect_facts<'a>(connect: &ConnectRecord<'a>) -> Call<'a> {
    let asked = connect.addr.bytes;
    let mut socket = socket(&connect.fixed.socket);
    // A refused connection has no peer left in the socket, or only its address: what was asked for stands in.
    let remote = socket.remote.filter(|remote| remote.port() != 0);
    socket.remote = remote.or_else(|| inet_address(asked));
    socket.connected = connect.fixed.call.result == 0;
    socket.unix_path = unix_path(asked).unwrap_or_default();
    Call {
        result: connect.fixed.call.result,
        args: [u64::from(connect.fixed.fd.cast_unsigned()), 0, 0, 0, 0, 0],
        fd: connect.fixed.fd.into(),
        socket,
        ..Call::default()
    }
}

fn call_facts<'a>(record: &SyscallRecord<'a>) -> Call<'a> {
    let fixed = &record.fixed;
    let call = fixed.call.call;
    // Of these the record tells of no descriptor's file, but where they led.
    let is_directory = matches!(call, CALL_CHDIR | CALL_CHROOT);
    let target = record.target.in_root();
    // What moves content between two descriptors has no second path: the second file stands in its directory's place.
    let moves = matches!(call, CALL_SENDFILE | CALL_SPLICE | CALL_COPY_FILE_RANGE);
    let (second_file, second_socket) = match moves {
        true => second(record),
        false => Default::default(),
    };
    Call {
        result: fixed.call.result,
        args: fixed.args,
        values: fixed.values,
        fd: fixed.fd.into(),
        first: Named {
            written: record.path.bytes,
            dir: record.dir.in_root(),
        },
        second: Named {
            written: record.path2.bytes,
            dir: if moves { b"" } else { record.dir2.in_root() },
        },
        second_file,
        second_socket,
        effective: if is_directory { target } else { b"" },
        file: match is_directory {
            true => File::default(),
            false => File {
                inode: inode(&fixed.inode),
                path: target,
                pseudo: record.target.flags & PATH_PSEUDO != 0,
            },
        },
        socket: call_socket(record),
        text: record.text.bytes,
        data: record.data.bytes,
        created: false,
    }
}

/// The file and the socket of a second descriptor, as `values` have them.
fn second<'a>(record: &SyscallRecord<'a>) -> (File<'a>, Socket<'a>) {
    let [mode_flags, number, socket] = record.fixed.values;
    let second = record::Inode {
        ino: number,
        dev: 0,
        mode: mode_flags as u16,
        flags: (mode_flags >> 32) as u16,
    };
    let file = File {
        inode: inode(&second),
        path: record.dir2.in_root(),
        pseudo: record.dir2.flags & PATH_PSEUDO != 0,
    };
    let socket = Socket {
        family: socket as u16,
        kind: (socket >> 16) as u16,
        protocol: (socket >> 32) as u16,
        ..Socket::default()
    };
    (file, socket)
}

/// The socket of a call, with the address that the call brings where the kernel's own has none.
fn call_socket<'a>(record: &SyscallRecord<'a>) -> Socket<'a> {
    let mut socket = socket(&record.fixed.socket);
    let addr = inet_address(record.addr.bytes);
    if socket.family == 0 {
        // There is no socket; the address was asked for all the same.
        if record.fixed.call.call == CALL_BIND {
            socket.local = addr;
            socket.unix_path = unix_path(record.addr.bytes).unwrap_or_default();
        }
        return socket;
    }
    socket.connected = socket.remote.is_some();
    socket.unix_path = match unix_path(record.addr.bytes) {
        Some(path) if !path.is_empty() => path,
        _ => record.unix_name.bytes,
    };
    match record.fixed.call.call {
        CALL_BIND => socket.local = socket.local.or(addr),
        _ => socket.remote = socket.remote.or(addr),
    }
    socket.server = match record.fixed.call.call {
        CALL_BIND | CALL_LISTEN | CALL_ACCEPT | CALL_ACCEPT4 => true,
        _ => serves(&socket),
    };
    socket
}

/// Whether this side is the server's, judged by the ports: no record of a later call says who connected to whom. Well-known
/// ports are low, and those that the kernel picks for clients are high.
fn serves(socket: &Socket<'_>) -> bool {
    match (socket.local, socket.remote) {
        (Some(local), Some(remote)) => {
            local.port() != 0 && remote.port() != 0 && local.port() < remote.port()
        }
        // A stream without another side listens.
        (Some(_), None) => socket.kind == SOCK_STREAM,
        (None, _) => false,
    }
}

fn inode(inode: &record::Inode) -> Inode {
    Inode {
        number: inode.ino,
        dev: inode.dev,
        mode: inode.mode.into(),
        upper_layer: inode.flags & INODE_OVERLAY_UPPER != 0,
        lower_layer: inode.flags & INODE_OVERLAY_LOWER != 0,
        memfd: inode.flags & INODE_MEMFD != 0,
        pidfd: inode.flags & INODE_PIDFD != 0,
    }
}

fn socket(socket: &record::Socket) -> Socket<'static> {
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
        ..Socket::default()
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
mod tests;
