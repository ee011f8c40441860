//! connect: the address as written, and the socket as the kernel has it.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd,
        unix::{fs::MetadataExt, net::UnixListener},
    },
};

use exporter_ebpf::record::{CALL_CONNECT, ConnectRecord, Record};

use crate::{
    raw::call64,
    rig::{Rig, assert_own, tid},
};

fn own_connect(rig: &mut Rig) -> ConnectRecord<'static> {
    let me = tid();
    rig.wait("connect", |record| match record {
        Record::Connect(connect) if connect.fixed.header.tid == me => Some(connect),
        _ => None,
    })
}

fn net_ns() -> u32 {
    let meta = std::fs::metadata("/proc/self/ns/net").expect("ns");
    u32::try_from(meta.ino()).expect("inode numbers of namespaces are 32 bits")
}

#[test]
fn tcp_over_ipv4_has_both_ends() {
    let mut rig = Rig::new(&["connect"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let server = listener.local_addr().expect("address");
    let stream = TcpStream::connect(server).expect("connect");

    let connect = own_connect(&mut rig);
    assert_own(&connect.fixed.header);
    assert_eq!(
        (connect.fixed.call.call, connect.fixed.call.result),
        (CALL_CONNECT, 0)
    );
    assert_eq!(connect.fixed.fd, stream.as_raw_fd());
    let socket = connect.fixed.socket;
    assert_eq!(
        (
            socket.family,
            socket.sock_type,
            socket.protocol,
            socket.state
        ),
        (2, 1, 6, 1)
    );
    assert_eq!(
        socket.local_port,
        stream.local_addr().expect("local").port()
    );
    assert_eq!(socket.remote_port, server.port());
    assert_eq!(
        (&socket.local_addr[..4], &socket.remote_addr[..4]),
        (&[127, 0, 0, 1][..], &[127, 0, 0, 1][..])
    );
    assert_eq!(
        (&socket.local_addr[4..], &socket.remote_addr[4..]),
        (&[0; 12][..], &[0; 12][..])
    );
    assert_eq!(socket.net_ns, net_ns());
    assert_eq!(connect.addr.bytes.len(), 16);
    assert_eq!(
        connect.addr.bytes[2..8],
        [&server.port().to_be_bytes()[..], &[127, 0, 0, 1]].concat()
    );
}

#[test]
fn udp_over_ipv6_has_both_ends() {
    let mut rig = Rig::new(&["connect"]);
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("bind");
    socket.connect((Ipv6Addr::LOCALHOST, 53)).expect("connect");
    let connect = own_connect(&mut rig);
    let seen = connect.fixed.socket;
    assert_eq!((seen.family, seen.sock_type, seen.protocol), (10, 2, 17));
    assert_eq!(
        (seen.local_addr, seen.remote_addr),
        (Ipv6Addr::LOCALHOST.octets(), Ipv6Addr::LOCALHOST.octets())
    );
    assert_eq!(
        (seen.local_port, seen.remote_port),
        (socket.local_addr().expect("local").port(), 53)
    );
    assert_eq!(connect.addr.bytes.len(), 28);
}

#[test]
fn a_refused_connect_says_where_to() {
    let mut rig = Rig::new(&["connect"]);
    // A port that was just given back.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .expect("bind")
        .local_addr()
        .expect("address");
    TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, free.port())))
        .expect_err("nobody listens");
    let connect = own_connect(&mut rig);
    assert_eq!(connect.fixed.call.result, -111, "ECONNREFUSED");
    assert_eq!(connect.addr.bytes[2..4], free.port().to_be_bytes());
}

#[test]
fn unix_sockets_have_their_path_as_written() {
    let mut rig = Rig::new(&["connect"]);
    let dir = tempfile::tempdir().expect("tempdir");
    let path = dir.path().join("socket");
    let _listener = UnixListener::bind(&path).expect("bind");
    let _stream = std::os::unix::net::UnixStream::connect(&path).expect("connect");
    let connect = own_connect(&mut rig);
    assert_eq!(
        (connect.fixed.socket.family, connect.fixed.socket.sock_type),
        (1, 1)
    );
    let text = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    assert_eq!(&connect.addr.bytes[2..2 + text.len()], text);
}

#[test]
fn what_is_no_socket_and_what_is_too_long_does_no_harm() {
    let mut rig = Rig::new(&["connect"]);
    let file = std::fs::File::open("/dev/null").expect("open");
    let address = [7u8; 200];
    let fd = file.as_raw_fd().unsigned_abs();
    let result = call64(42, [fd.into(), address.as_ptr().addr() as u64, 200, 0]);
    assert!(
        result == -22 || result == -88,
        "EINVAL or ENOTSOCK: {result}"
    );
    let connect = own_connect(&mut rig);
    assert_eq!(connect.fixed.call.result, result);
    assert_eq!(connect.fixed.socket.family, 0);
    assert_eq!(connect.addr.bytes, &address[..128]);
    assert!(connect.addr.truncated());

    assert!(call64(42, [fd.into(), 8, 16, 0]) < 0);
    let connect = own_connect(&mut rig);
    assert!(connect.addr.read_failed() && connect.addr.bytes.is_empty());
}
