//! `fd.*` of sockets: sides, addresses, ports.
//!
//! Who is client and who is server `event::decode` says.

use std::net::SocketAddr;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::op::service_of;
use rule_engine::value::Value;

use super::{Get, file, format, text};
use crate::event::binding::Descriptor;
use crate::event::descriptor::{AF_INET, AF_INET6, AF_UNIX};
use crate::event::{Call, Event, Socket};

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
    Client,
    Server,
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
    ("fd.cip", |e, _, _| ip(e, Side::Client)),
    ("fd.cnet", |e, _, _| ip(e, Side::Client)),
    ("fd.cport", |e, _, _| port(e, Side::Client)),
    ("fd.lip", |e, _, _| ip(e, Side::Local)),
    ("fd.lnet", |e, _, _| ip(e, Side::Local)),
    ("fd.lport", |e, _, _| port(e, Side::Local)),
    ("fd.sip", |e, _, _| ip(e, Side::Server)),
    ("fd.snet", |e, _, _| ip(e, Side::Server)),
    ("fd.sport", |e, _, _| port(e, Side::Server)),
    ("fd.rip", |e, _, _| ip(e, Side::Remote)),
    ("fd.rnet", |e, _, _| ip(e, Side::Remote)),
    ("fd.rport", |e, _, _| port(e, Side::Remote)),
    ("fd.cip.name", |e, _, arena| domain(e, Side::Client, arena)),
    ("fd.sip.name", |e, _, arena| domain(e, Side::Server, arena)),
    ("fd.lip.name", |e, _, arena| domain(e, Side::Local, arena)),
    ("fd.rip.name", |e, _, arena| domain(e, Side::Remote, arena)),
    ("fd.cproto", |e, _, arena| service(e, Side::Client, arena)),
    ("fd.sproto", |e, _, arena| service(e, Side::Server, arena)),
    ("fd.lproto", |e, _, arena| service(e, Side::Local, arena)),
    ("fd.rproto", |e, _, arena| service(e, Side::Remote, arena)),
    ("fd.l4proto", |e, _, _| {
        file::kind(e)?;
        let (_, call) = file::used(e)?;
        Some(text(l4proto(&call.socket)))
    }),
    ("fd.sockfamily", |e, _, _| match socket(e)?.family {
        AF_INET | AF_INET6 => Some(Value::Text(b"ip")),
        AF_UNIX => Some(Value::Text(b"unix")),
        _ => None,
    }),
    ("fd.is_server", |e, _, _| {
        socket(e).map(|socket| Value::Bool(socket.server))
    }),
    ("fd.connected", |e, _, _| {
        socket(e).map(|socket| Value::Bool(socket.connected))
    }),
    // The name of a socket that is connected to nobody is made of the peer of its last message; the one that connect names is
    // new.
    ("fd.name_changed", |e, _, _| {
        let connects = e.table.event_name(e.kind) == "connect";
        socket(e)
            .map(|socket| Value::Bool(socket.other_peer || connects && socket.remote.is_some()))
    }),
];

/// `fd.l4proto` of what is no internet socket.
const NO_PROTOCOL: &[u8] = b"<NA>";

/// `CLIENT:PORT->SERVER:PORT`; `SERVER:PORT` of a socket that has no other side; empty for one without any address.
pub(in crate::event) fn tuple<'a>(
    event: &'a Event<'_>,
    call: &'a Call<'_>,
    arena: &'a Bump,
) -> &'a [u8] {
    let socket = &call.socket;
    let Some(remote) = socket.remote else {
        if socket.family == AF_UNIX {
            return socket.unix_path;
        }
        return match (socket.local, event.table.event_name(event.kind)) {
            (Some(local), name) if name != "connect" => {
                format(arena, format_args!("{}", address_text(local)))
            }
            _ => b"",
        };
    };
    let local = socket.local.unwrap_or_else(|| unspecified(remote));
    let (client, server) = match socket.server {
        true => (remote, local),
        false => (local, remote),
    };
    let (client, server) = (address_text(client), address_text(server));
    format(arena, format_args!("{client}->{server}"))
}

/// The other side, or the address that a call is about; empty when there is none.
pub(in crate::event) fn peer<'a>(call: &'a Call<'_>, arena: &'a Bump) -> &'a [u8] {
    let socket = &call.socket;
    match socket.remote.or(socket.local) {
        Some(address) => format(arena, format_args!("{}", address_text(address))),
        None => socket.unix_path,
    }
}

/// `fd.l4proto`
pub(super) fn l4proto(socket: &Socket<'_>) -> &'static [u8] {
    match (socket.family, socket.kind, socket.protocol) {
        (AF_INET | AF_INET6, _, IPPROTO_ICMP | IPPROTO_ICMPV6) => b"icmp",
        (AF_INET | AF_INET6, SOCK_STREAM, _) => b"tcp",
        (AF_INET | AF_INET6, SOCK_DGRAM, _) => b"udp",
        (AF_INET | AF_INET6, SOCK_RAW, _) => b"raw",
        _ => NO_PROTOCOL,
    }
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

/// The socket that the event's descriptor is.
fn socket<'a>(event: &'a Event<'_>) -> Option<&'a Socket<'a>> {
    match file::used(event)? {
        (Descriptor::Own, call) if call.socket.family != 0 => Some(&call.socket),
        _ => None,
    }
}

fn address(event: &Event<'_>, side: Side) -> Option<SocketAddr> {
    let socket = socket(event)?;
    let local = match side {
        Side::Local => true,
        Side::Remote => false,
        Side::Client => !socket.server,
        Side::Server => socket.server,
    };
    match local {
        // A socket that failed to connect has no address of its own: Falco shows the unspecified one.
        true => socket.local.or_else(|| socket.remote.map(unspecified)),
        false => socket.remote,
    }
}

fn ip<'a>(event: &Event<'_>, side: Side) -> Option<Value<'a>> {
    address(event, side).map(|address| Value::Ip(address.ip()))
}

fn port<'a>(event: &Event<'_>, side: Side) -> Option<Value<'a>> {
    address(event, side).map(|address| Value::Uint(u64::from(address.port())))
}

/// The domain names of a side: those of the names in loaded rules that lead to its address, nothing else is ever looked up.
/// Empty for an address that none leads to.
fn domain<'a>(event: &'a Event<'_>, side: Side, arena: &'a Bump) -> Option<Value<'a>> {
    let names = event.surroundings.domains(address(event, side)?.ip());
    Some(match names {
        [] => Value::Text(b""),
        [name] => text(name.as_bytes()),
        names => {
            let values = names.iter().map(|name| text(name.as_bytes()));
            Value::Several(arena.alloc_slice_fill_iter(values))
        }
    })
}

/// The name of the service that has the port of a side, or the port's number.
fn service<'a>(event: &'a Event<'_>, side: Side, arena: &'a Bump) -> Option<Value<'a>> {
    let port = address(event, side)?.port();
    Some(text(match service_of(port) {
        Some(name) => name.as_bytes(),
        None => format(arena, format_args!("{port}")),
    }))
}

/// Client and server side. Any event with a descriptor has the field, and no value that could match on what is no connection.
fn both<'a>(
    event: &Event<'_>,
    arena: &'a Bump,
    value: impl Fn(SocketAddr) -> Value<'a>,
) -> Option<Value<'a>> {
    file::used(event)?;
    let mut values = ArenaVec::with_capacity_in(2, arena);
    values.extend(
        [Side::Client, Side::Server]
            .into_iter()
            .filter_map(|side| address(event, side))
            .map(value),
    );
    Some(Value::Several(values.into_bump_slice()))
}
