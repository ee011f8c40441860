//! What the kernel programs know of a call when they decide whether to record it, worked out from its record.
//!
//! In: a record of a call, the name of its process, whether that is in a container. Out: the facts that the filter's twin
//! judges by. Never: more than `bpf/filter.h` finds out: what it does not know is unknown here.

use std::net::{IpAddr, SocketAddr};

use exporter_ebpf::plan::FILTER_TEXT_BYTES_MAX;
use exporter_ebpf::record::{
    CALL_OPENAT2, OpenRecord, PATH_PSEUDO, RECORD_READ_FAILED, Record, SyscallRecord,
};
use rule_engine::filter::{Facts, Known, Path};

use super::descriptor::{AF_INET, AF_INET6};
use super::{Facts as Decoded, Socket, decode};

/// File type bits of a mode (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0o170_000;
/// Longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// What is known of a call; `None` for records of anything else.
#[must_use]
pub fn known<'a>(
    record: &'a Record<'a>,
    comm: Known<&'a [u8]>,
    in_container: Known<bool>,
) -> Option<Facts<'a>> {
    let header = record.header();
    let facts = Facts {
        uid: Known::Is(header.euid),
        gid: Known::Is(header.egid),
        comm,
        in_container,
        ..Facts::default()
    };
    match record {
        Record::Open(open) => Some(opening(open, facts)),
        Record::Connect(connect) => {
            let facts = Facts {
                result: Known::Is(connect.fixed.call.result),
                ..facts
            };
            let Decoded::Call(call) = decode::facts(record)? else {
                return None;
            };
            // The kernel asks the caller's memory only where the socket has no peer.
            let unread = connect.addr.read_failed() && connect.fixed.socket.remote_port == 0;
            Some(if call.socket.family == 0 || unread {
                facts
            } else {
                connecting(&call.socket, facts)
            })
        }
        Record::Syscall(call) => Some(calling(call, facts)),
        Record::Exec(_) | Record::Fork(_) | Record::Exit(_) | Record::Task(_) => None,
    }
}

fn opening<'a>(open: &OpenRecord<'a>, facts: Facts<'a>) -> Facts<'a> {
    let fixed = &open.fixed;
    let result = fixed.call.result;
    let pseudo = open.effective.flags & PATH_PSEUDO != 0;
    // Of openat2, flags and mode come from memory, which may be none of the caller's.
    let unread = fixed.call.call == CALL_OPENAT2
        && fixed.header.flags & RECORD_READ_FAILED != 0
        && (fixed.flags, fixed.mode) == (0, 0);
    let number = |value: u64| match unread {
        true => Known::Unknown,
        false => Known::Is(value),
    };
    let effective = open.effective.in_root();
    let partly = open.effective.truncated() || effective.len() >= FILTER_TEXT_BYTES_MAX;
    Facts {
        result: Known::Is(result),
        open_flags: number(fixed.flags),
        open_mode: number(fixed.mode.into()),
        file_type: match fixed.inode.ino {
            _ if result < 0 => Known::Missing,
            0 => Known::Unknown,
            _ if pseudo => Known::Unknown,
            _ => Known::Is((fixed.inode.mode & S_IFMT).into()),
        },
        raw_path: match asked(open.requested.bytes) {
            Some(path) => Known::Is(path),
            None => Known::Unknown,
        },
        requested: asked(open.requested.bytes).map_or(Path::Unknown, requested),
        effective: match effective {
            _ if result < 0 => Path::Missing,
            _ if pseudo || effective.is_empty() => Path::Unknown,
            _ if partly => effective
                .rsplit(|byte| *byte == b'/')
                .next()
                .map_or(Path::Unknown, Path::Name),
            _ => Path::Whole(effective),
        },
        ..facts
    }
}

/// A path as it was given, if the kernel reads all of it.
fn asked(path: &[u8]) -> Option<&[u8]> {
    (1..FILTER_TEXT_BYTES_MAX - 1)
        .contains(&path.len())
        .then_some(path)
}

fn requested(path: &[u8]) -> Path<'_> {
    let name = path.rsplit(|byte| *byte == b'/').next();
    match name {
        Some(name) if name.len() > NAME_BYTES_MAX => Path::Unknown,
        _ => Path::requested(path),
    }
}

fn connecting<'a>(socket: &Socket<'_>, facts: Facts<'a>) -> Facts<'a> {
    let remote = socket.remote;
    let unspecified = |address: SocketAddr| match address.ip() {
        IpAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        IpAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    };
    let local = socket.local.or_else(|| remote.map(unspecified));
    let mapped = socket.family == AF_INET6 && remote.is_some_and(|remote| remote.is_ipv4());
    Facts {
        family: Known::Is(if mapped { AF_INET } else { socket.family }),
        socket_type: Known::Is(socket.kind),
        local_port: local.map(|side| side.port()).into(),
        remote_port: remote.map(|side| side.port()).into(),
        local: local.map(|side| side.ip()).into(),
        remote: remote.map(|side| side.ip()).into(),
        ..facts
    }
}

fn calling<'a>(call: &SyscallRecord<'a>, facts: Facts<'a>) -> Facts<'a> {
    Facts {
        result: Known::Is(call.fixed.call.result),
        args: call.fixed.args.map(Known::Is),
        requested: asked(call.path.bytes).map_or(Path::Unknown, requested),
        effective: Path::Missing,
        ..facts
    }
}
