//! `fd.*` of sockets: sides, addresses, ports.
//!
//! The client of a connect is this side, the server the other one.

use std::net::SocketAddr;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::value::Value;

use super::{Get, text, written};
use crate::event::decode::{AF_INET, AF_INET6, AF_UNIX};
use crate::event::{Connect, Event, Facts};

/// Socket types (include/linux/net.h) and protocols (include/uapi/linux/in.h).
const SOCK_STREAM: u16 = 1;
const SOCK_DGRAM: u16 = 2;
const SOCK_RAW: u16 = 3;
const IPPROTO_ICMP: u16 = 1;
const IPPROTO_ICMPV6: u16 = 58;

/// Which side of a connection.
#[derive(Clone, Copy)]
enum Side {
    Local,
    Remote,
}

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("fd.ip", |e, _, arena| {
        both(e, arena, |address| Value::Ip(address.ip()))
    }),
    ("fd.net", |e, _, arena| {
        both(e, arena, |address| Value::Ip(address.ip()))
    }),
    ("fd.port", |e, _, arena| {
        both(e, arena, |address| Value::Uint(u64::from(address.port())))
    }),
    ("fd.proto", |e, _, arena| {
        both(e, arena, |address| Value::Uint(u64::from(address.port())))
    }),
    ("fd.cip", |e, _, _| ip(e, Side::Local)),
    ("fd.cnet", |e, _, _| ip(e, Side::Local)),
    ("fd.cport", |e, _, _| port(e, Side::Local)),
    ("fd.lip", |e, _, _| ip(e, Side::Local)),
    ("fd.lnet", |e, _, _| ip(e, Side::Local)),
    ("fd.lport", |e, _, _| port(e, Side::Local)),
    ("fd.sip", |e, _, _| ip(e, Side::Remote)),
    ("fd.snet", |e, _, _| ip(e, Side::Remote)),
    ("fd.sport", |e, _, _| port(e, Side::Remote)),
    ("fd.rip", |e, _, _| ip(e, Side::Remote)),
    ("fd.rnet", |e, _, _| ip(e, Side::Remote)),
    ("fd.rport", |e, _, _| port(e, Side::Remote)),
    ("fd.l4proto", |e, _, _| match &e.facts {
        Facts::Connect(connect) => Some(text(l4proto(connect))),
        Facts::Open(open) if open.result >= 0 => Some(Value::Text(NO_PROTOCOL)),
        _ => None,
    }),
    ("fd.sockfamily", |e, _, _| match &e.facts {
        Facts::Connect(connect) => match connect.socket.family {
            AF_INET | AF_INET6 => Some(Value::Text(b"ip")),
            AF_UNIX => Some(Value::Text(b"unix")),
            _ => None,
        },
        _ => None,
    }),
    ("fd.is_server", |e, _, _| {
        matches!(e.facts, Facts::Connect(_)).then_some(Value::Bool(false))
    }),
    ("fd.connected", |e, _, _| match &e.facts {
        Facts::Connect(connect) => Some(Value::Bool(connect.result == 0)),
        _ => None,
    }),
];

/// `fd.l4proto` of what is no internet socket.
const NO_PROTOCOL: &[u8] = b"<NA>";

/// Type and letter; none when the descriptor is no socket.
pub(super) fn fd_type(connect: &Connect<'_>) -> Option<(&'static [u8], &'static [u8])> {
    Some(match connect.socket.family {
        // IPv4 through an IPv6 socket is IPv4 to those who write rules.
        AF_INET6
            if connect
                .socket
                .remote
                .is_none_or(|address| address.is_ipv6()) =>
        {
            (b"ipv6", b"6")
        }
        AF_INET | AF_INET6 => (b"ipv4", b"4"),
        AF_UNIX => (b"unix", b"u"),
        0 => return None,
        _ => (b"unsupported", b"X"),
    })
}

/// `CLIENT:PORT->SERVER:PORT`; the path of a unix socket; `NULL` when nothing is known.
pub(super) fn name<'a>(connect: &Connect<'a>, arena: &'a Bump) -> Value<'a> {
    let Some(remote) = connect.socket.remote else {
        return text(if connect.unix_path.is_empty() {
            b"NULL"
        } else {
            connect.unix_path
        });
    };
    let local = connect.socket.local.unwrap_or_else(|| unspecified(remote));
    let (local, remote) = (address_text(local), address_text(remote));
    written(arena, format_args!("{local}->{remote}"))
}

/// `ADDRESS:PORT`, without the brackets that Rust puts around IPv6: Falco has none.
fn address_text(address: SocketAddr) -> impl std::fmt::Display {
    std::fmt::from_fn(move |f| write!(f, "{}:{}", address.ip(), address.port()))
}

/// The unspecified address of the same family.
fn unspecified(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    }
}

fn l4proto(connect: &Connect<'_>) -> &'static [u8] {
    let socket = &connect.socket;
    match (socket.family, socket.kind, socket.protocol) {
        (AF_INET | AF_INET6, _, IPPROTO_ICMP | IPPROTO_ICMPV6) => b"icmp",
        (AF_INET | AF_INET6, SOCK_STREAM, _) => b"tcp",
        (AF_INET | AF_INET6, SOCK_DGRAM, _) => b"udp",
        (AF_INET | AF_INET6, SOCK_RAW, _) => b"raw",
        _ => NO_PROTOCOL,
    }
}

fn address(event: &Event<'_>, side: Side) -> Option<SocketAddr> {
    match (&event.facts, side) {
        (Facts::Connect(connect), Side::Remote) => connect.socket.remote,
        // A socket that failed to connect has no address of its own: Falco shows the unspecified one.
        (Facts::Connect(connect), Side::Local) => connect
            .socket
            .local
            .or_else(|| connect.socket.remote.map(unspecified)),
        _ => None,
    }
}

fn ip<'a>(event: &Event<'_>, side: Side) -> Option<Value<'a>> {
    address(event, side).map(|address| Value::Ip(address.ip()))
}

fn port<'a>(event: &Event<'_>, side: Side) -> Option<Value<'a>> {
    address(event, side).map(|address| Value::Uint(u64::from(address.port())))
}

/// Client and server side. Any event with a descriptor has the field, and no value that could match on what is no connection.
fn both<'a>(
    event: &Event<'_>,
    arena: &'a Bump,
    value: impl Fn(SocketAddr) -> Value<'a>,
) -> Option<Value<'a>> {
    let sides = [Side::Local, Side::Remote]
        .into_iter()
        .filter_map(|side| address(event, side));
    let mut values = ArenaVec::with_capacity_in(2, arena);
    values.extend(sides.map(value));
    match event.facts {
        Facts::Open(_) | Facts::Connect(_) => Some(Value::Several(values.into_bump_slice())),
        _ => None,
    }
}
