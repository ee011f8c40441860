//! Bytes in, facts out.

use exporter_ebpf::record::{
    CALL_RECVFROM, CALL_SENDTO, CALL_SETUID, CALL_SETUID16, CALL_SYMLINKAT, Header, Kind,
    LAYOUT_VERSION, PathDesc, Syscall, TailDesc,
};
use zerocopy::{FromZeros, IntoBytes};

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

/// The record of a call, its tails in the order of the layout.
fn record(
    mut fixed: Syscall,
    path: &[u8],
    dir: &[u8],
    target: &[u8],
    addr: &[u8],
    text: &[u8],
) -> Vec<u8> {
    let tail = |bytes: &[u8]| TailDesc {
        bytes: bytes.len() as u16,
        flags: 0,
    };
    let place = |bytes: &[u8]| PathDesc {
        bytes: bytes.len() as u16,
        ..PathDesc::new_zeroed()
    };
    fixed.path = tail(path);
    fixed.dir = place(dir);
    fixed.target = place(target);
    fixed.addr = tail(addr);
    fixed.text = tail(text);
    let tails = [path, dir, target, addr, text].concat();
    fixed.header = Header {
        bytes: (size_of::<Syscall>() + tails.len()) as u32,
        kind: Kind::Syscall.number(),
        version: LAYOUT_VERSION as u16,
        ..Header::new_zeroed()
    };
    [fixed.as_bytes(), &tails].concat()
}

fn check(bytes: &[u8], expected: impl Fn(&Call<'_>)) {
    let record = Record::parse(bytes).expect("a whole record");
    match facts(&record) {
        Some(Facts::Call(call)) => expected(&call),
        other => panic!("{other:?} is no call"),
    }
}

#[test]
fn a_call_brings_its_paths_and_strings() {
    let mut fixed = Syscall::new_zeroed();
    fixed.call.call = CALL_SYMLINKAT;
    fixed.call.result = -13;
    fixed.args = [1, 2, 3, 4, 5, 6];
    fixed.fd = -1;
    let bytes = record(fixed, b"link", b"/work", b"", b"", b"/etc/shadow");
    check(&bytes, |call| {
        assert_eq!((call.result, call.fd), (-13, -1));
        assert_eq!(call.args, [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            (call.first.written, call.first.dir),
            (&b"link"[..], &b"/work"[..])
        );
        assert_eq!(call.text, b"/etc/shadow");
        assert!(call.effective.is_empty() && call.socket.family == 0);
    });
    for cut in 0..bytes.len() {
        assert!(Record::parse(&bytes[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn where_chdir_led_is_its_effective_path_and_no_descriptor() {
    let mut fixed = Syscall::new_zeroed();
    fixed.call.call = CALL_CHDIR;
    fixed.inode.ino = 5;
    let bytes = record(fixed, b"link", b"/work", b"/real", b"", b"");
    check(&bytes, |call| {
        assert_eq!(call.effective, b"/real");
        assert!(call.file.path.is_empty() && call.file.inode.number == 0);
    });
}

#[test]
fn addresses_stand_in_where_the_socket_has_none() {
    let peer = sockaddr(AF_INET, &[0, 53, 1, 2, 3, 4]);
    let address = |text: &str| text.parse().ok();
    for (call, local_port, remote_port, expected) in [
        // (local, remote, connected, server)
        (
            CALL_SENDTO,
            40000,
            0,
            ("10.0.0.1:40000", Some("1.2.3.4:53"), false, false),
        ),
        (
            CALL_RECVFROM,
            52,
            0,
            ("10.0.0.1:52", Some("1.2.3.4:53"), false, true),
        ),
        (
            CALL_SENDTO,
            40000,
            80,
            ("10.0.0.1:40000", Some("9.9.9.9:80"), true, false),
        ),
        (
            CALL_ACCEPT4,
            22,
            50000,
            ("10.0.0.1:22", Some("9.9.9.9:50000"), true, true),
        ),
        (CALL_BIND, 22, 0, ("10.0.0.1:22", None, false, true)),
    ] {
        let mut fixed = Syscall::new_zeroed();
        fixed.call.call = call;
        fixed.socket.family = AF_INET;
        fixed.socket.sock_type = SOCK_STREAM;
        fixed.socket.local_addr[..4].copy_from_slice(&[10, 0, 0, 1]);
        fixed.socket.local_port = local_port;
        fixed.socket.remote_port = remote_port;
        if remote_port != 0 {
            fixed.socket.remote_addr[..4].copy_from_slice(&[9; 4]);
        }
        let (local, remote, connected, server) = expected;
        check(&record(fixed, b"", b"", b"", &peer, b""), |call| {
            let socket = &call.socket;
            assert_eq!(socket.local, address(local), "{local}");
            assert_eq!(socket.remote, remote.and_then(address), "{local}");
            assert_eq!(
                (socket.connected, socket.server),
                (connected, server),
                "{local}"
            );
        });
    }
}

#[test]
fn older_forms_of_a_call_are_the_same_event() {
    let schema = Schema::syscall();
    let types = EventTypes::new(&schema);
    for id in [CALL_SETUID, CALL_SETUID16] {
        let mut fixed = Syscall::new_zeroed();
        fixed.call.call = id;
        let bytes = record(fixed, b"", b"", b"", b"", b"");
        let record = Record::parse(&bytes).expect("a whole record");
        assert_eq!(types.of(&record), schema.event("setuid"));
    }
}
