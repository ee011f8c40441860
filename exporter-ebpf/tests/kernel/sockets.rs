//! Calls on sockets: the address of the other side, the socket, what went, options, names of unix sockets.

use std::os::unix::ffi::OsStrExt;

use exporter_ebpf::record::*;

use crate::{
    child::run,
    places::{EBADF, EINVAL, show},
    raw::{call64, low_memory, text, words, words32},
    rig::Rig,
};

const CONNECT: u64 = 42;
const GETSOCKNAME: u64 = 51;
const NO_FD: u64 = 9999;
const STREAM: u64 = 1;
const DATAGRAM: u64 = 2;
const INET: u64 = 2;
const UNIX: u64 = 1;
const LOCALHOST: [u8; 8] = [2, 0, 0, 0, 127, 0, 0, 1];

/// The address of an address: 127.0.0.1, any port, with room for what the kernel fills in.
fn localhost() -> u64 {
    low_memory(&[&LOCALHOST[..], &[0; 8]].concat()).into()
}

fn results<T>(seen: &[(i64, T)]) -> Vec<i64> {
    seen.iter().map(|(result, _)| *result).collect()
}

/// Port and address in a `struct sockaddr_in`.
fn inet(addr: &[u8]) -> (u16, &[u8]) {
    assert_eq!((addr.len(), &addr[..2]), (16, &[2, 0][..]));
    (u16::from_be_bytes([addr[2], addr[3]]), &addr[4..8])
}

#[test]
fn a_server_from_socket_to_accept() {
    let mut rig = Rig::new(&[
        "socket",
        "bind",
        "listen",
        "accept",
        "accept4",
        "setsockopt",
        "getsockopt",
    ]);
    let (address, peer) = (localhost(), localhost());
    let (sixteen, one, room, four) = (
        words32(&[16]),
        words32(&[1]),
        words32(&[0; 4]),
        words32(&[4]),
    );
    let mut seen = run(&mut rig, |child| {
        let server = child.call(CALL_SOCKET, [INET, STREAM, 0]) as u64;
        child.call(CALL_SETSOCKOPT, [server, 1, 2, one, 4]);
        child.call(CALL_GETSOCKOPT, [server, 1, 3, room, four]);
        child.call(CALL_BIND, [server, address, 16]);
        child.call(CALL_LISTEN, [server, 7]);
        call64(GETSOCKNAME, [server, address, sixteen]);
        for _ in 0..3 {
            let client = child.call(CALL_SOCKET, [INET, STREAM, 0]) as u64;
            call64(CONNECT, [client, address, 16]);
        }
        child.call(CALL_ACCEPT4, [server, peer, sixteen, 0x80000]);
        child.call(CALL_ACCEPT, [server, 0, 0]);
        child.call(CALL_SOCKET, [INET, 99, 0]);
        child.call(CALL_BIND, [NO_FD, address, 16]);
        child.call(CALL_LISTEN, [NO_FD, 7]);
        child.call(CALL_ACCEPT, [NO_FD, peer, sixteen]);
        child.call(CALL_ACCEPT4, [server, peer, sixteen, 1]);
        child.call(CALL_SETSOCKOPT, [server, 1, 2, 8, 4]);
        child.call(CALL_GETSOCKOPT, [server, 1, 9999, room, four]);
    });
    // Without the clients' sockets.
    seen.drain(5..8);
    let got = results(&seen);
    let server = got[0];
    assert_eq!(got[1..5], [0; 4]);
    assert_eq!(got[8..11], [EBADF; 3]);
    assert_eq!((got[11], got[12], got[13]), (EINVAL, -14, -92));
    let fixed = |at: usize| &seen[at].1.fixed;
    for at in 0..5 {
        assert_eq!(i64::from(fixed(at).fd), server, "{at}");
        let socket = &fixed(at).socket;
        assert_eq!(
            (socket.family, socket.sock_type, socket.protocol),
            (2, 1, 6),
            "{at}"
        );
        assert_eq!(fixed(at).inode.mode & 0o170_000, 0o140_000, "{at}");
    }
    assert_eq!(seen[1].1.data.bytes, 1u32.to_ne_bytes());
    assert_eq!(seen[2].1.data.bytes, 1u32.to_ne_bytes());
    assert_eq!(seen[3].1.addr.bytes[..8], LOCALHOST);
    let port = fixed(3).socket.local_port;
    assert_ne!(port, 0);
    // Accepted: the new socket, both ends, and the queue of the old one.
    for (at, waiting) in [(5, 2), (6, 1)] {
        let (fd, socket) = (fixed(at).fd, &fixed(at).socket);
        assert_eq!(i64::from(fd), got[at], "{at}");
        assert_eq!(
            (socket.local_port, &socket.remote_addr[..4]),
            (port, &[127, 0, 0, 1][..]),
            "{at}"
        );
        assert_ne!(socket.remote_port, 0);
        assert_eq!(fixed(at).values, [waiting, 7, 0], "{at}");
    }
    assert_eq!(
        inet(seen[5].1.addr.bytes),
        (fixed(5).socket.remote_port, &[127, 0, 0, 1][..])
    );
    assert!(seen[6].1.addr.bytes.is_empty(), "not asked for");
    assert_eq!(fixed(7).fd, -1);
    assert_eq!(seen[8].1.fixed.fd, 9999);
    assert_eq!(inet(seen[8].1.addr.bytes), (port, &[127, 0, 0, 1][..]));
    assert_eq!(i64::from(fixed(11).fd), server, "no new one: the old");
    assert!(seen[12].1.data.read_failed());
    assert!(seen[13].1.data.bytes.is_empty());
}

#[test]
fn datagrams_name_the_other_side() {
    let mut rig = Rig::new(&[
        "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg",
    ]);
    rig.set(SETTING_DATA);
    let (server, from, name) = (localhost(), localhost(), localhost());
    let sixteen = words32(&[16]);
    let (hello, room) = (text("hello, world"), u64::from(low_memory(&[b'-'; 200])));
    let out = words(&[hello, 5, hello + 5, 7]);
    let into = words(&[room, 3, room + 100, 50]);
    // struct mmsghdr: name, its length, pieces, their number, control, its length, flags; bytes that went.
    let send = words(&[
        server, 16, out, 2, 0, 0, 0, 0, server, 16, out, 1, 0, 0, 0, 0,
    ]);
    let receive = words(&[name, 16, into, 2, 0, 0, 0, 0]);
    let seen = run(&mut rig, |child| {
        let there = call64(41, [INET, DATAGRAM, 0]) as u64;
        let here = call64(41, [INET, DATAGRAM, 0]) as u64;
        call64(49, [there, server, 16]);
        call64(GETSOCKNAME, [there, server, sixteen]);
        child.call(CALL_SENDTO, [here, hello, 5, 0, server, 16]);
        child.call(CALL_RECVFROM, [there, room, 200, 0, from, sixteen]);
        child.call(CALL_SENDMSG, [here, send, 0]);
        child.call(CALL_RECVMSG, [there, receive, 0]);
        child.call(CALL_SENDMMSG, [here, send, 2, 0]);
        child.call(CALL_RECVMMSG, [there, receive, 1, 0, 0]);
        child.call(CALL_RECVFROM, [there, room, 200, 0, 0, 0]);
        child.call(CALL_RECVFROM, [there, room, 200, 0x40, from, sixteen]); // MSG_DONTWAIT
        child.call(CALL_RECVMSG, [there, receive, 0x40]);
        child.call(CALL_RECVMMSG, [there, receive, 1, 0x40, 0]);
        child.call(CALL_SENDTO, [NO_FD, hello, 5, 0, server, 16]);
        child.call(CALL_SENDMSG, [here, 8, 0]);
        child.call(CALL_SENDMMSG, [NO_FD, send, 1, 0]);
    });
    assert_eq!(
        results(&seen),
        [5, 5, 12, 12, 2, 1, 5, -11, -11, -11, EBADF, -14, EBADF]
    );
    let port = seen[1].1.fixed.socket.local_port;
    let sender = seen[0].1.fixed.socket.local_port;
    assert!(port != 0 && sender != 0);
    let data: Vec<String> = seen
        .iter()
        .map(|(_, record)| show(record.data.bytes))
        .collect();
    assert_eq!(
        data,
        [
            "hello", "hello", "hello", "hel", "hello", "hel", "hello", "", "", "", "hello", "",
            "hello"
        ]
    );
    for (at, expected) in [
        (0, port),
        (1, sender),
        (2, port),
        (3, sender),
        (4, port),
        (5, sender),
        (10, port),
        (12, port),
    ] {
        assert_eq!(
            inet(seen[at].1.addr.bytes),
            (expected, &[127, 0, 0, 1][..]),
            "{at}"
        );
    }
    for (_, record) in &seen[6..10] {
        assert!(record.addr.bytes.is_empty());
    }
    let values: Vec<[u64; 3]> = seen.iter().map(|(_, record)| record.fixed.values).collect();
    assert_eq!((values[2], values[3]), ([2, 5, 0], [2, 3, 0]));
    assert_eq!((values[4], values[5]), ([2, 5, 12], [2, 3, 12]));
    assert_eq!(seen[11].1.fixed.header.flags, RECORD_READ_FAILED);
    for (at, (_, record)) in seen.iter().enumerate().take(10) {
        let socket = &record.fixed.socket;
        assert_eq!(
            (socket.family, socket.sock_type, socket.protocol),
            (2, 2, 17),
            "{at}"
        );
    }
}

#[test]
fn unix_sockets_have_the_name_that_one_side_is_bound_to() {
    let mut rig = Rig::new(&["bind", "listen", "accept", "sendto", "socketpair"]);
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("so\ncket");
    let path = path.as_os_str().as_bytes();
    let family = 1u16.to_ne_bytes();
    let address: u64 = low_memory(&[&family[..], path, &[0]].concat()).into();
    let length = path.len() as u64 + 3;
    let hidden = b"\0saker\0hidden";
    let abstract_address: u64 = low_memory(&[&family[..], hidden].concat()).into();
    let pair = words(&[0]);
    let hello = text("hello");
    let seen = run(&mut rig, |child| {
        let server = call64(41, [UNIX, STREAM, 0]) as u64;
        child.call(CALL_BIND, [server, address, length]);
        child.call(CALL_LISTEN, [server, 1]);
        let client = call64(41, [UNIX, STREAM, 0]) as u64;
        call64(CONNECT, [client, address, length]);
        child.call(CALL_SENDTO, [client, hello, 5, 0, 0, 0]);
        child.call(CALL_ACCEPT, [server, 0, 0]);
        let other = call64(41, [UNIX, DATAGRAM, 0]) as u64;
        child.call(
            CALL_BIND,
            [other, abstract_address, 2 + hidden.len() as u64],
        );
        child.call(
            CALL_BIND,
            [other, abstract_address, 2 + hidden.len() as u64],
        );
        child.call(CALL_SOCKETPAIR, [UNIX, STREAM, 0, pair]);
        child.call(CALL_SOCKETPAIR, [UNIX, 99, 0, pair]);
        child.call(CALL_SENDTO, [client, hello, 5, 1 << 30, 8, 0]);
    });
    let got = results(&seen);
    assert_eq!(got[..3], [0, 0, 5]);
    assert!(got[3] > 0);
    assert_eq!((got[4], got[5], got[6]), (0, EINVAL, 0));
    assert!(got[7] < 0);
    let names: Vec<String> = seen
        .iter()
        .map(|(_, record)| show(record.unix_name.bytes))
        .collect();
    for (at, name) in names.iter().enumerate() {
        let expected = match at {
            0..=3 | 8 => show(path),
            4 | 5 => show(hidden),
            _ => String::new(),
        };
        assert_eq!(*name, expected, "{at}");
    }
    assert_eq!(seen[0].1.addr.bytes.len() as u64, length);
    let pair = &seen[6].1.fixed;
    assert_eq!(pair.values[0] + 1, pair.values[1]);
    assert_eq!(u64::from(pair.fd.unsigned_abs()), pair.values[0]);
    assert_eq!((pair.socket.family, pair.socket.sock_type), (1, 1));
    assert!(
        seen.iter().all(|(_, record)| record.data.bytes.is_empty()),
        "not asked for"
    );
}
