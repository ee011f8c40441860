//! Sockets: sides, names, what a call does with them.

use super::*;

#[test]
fn a_connection_has_two_sides() {
    let rows = [
        ("evt.res", "EINPROGRESS"),
        ("fd.num", "5"),
        ("fd.name", "10.0.0.2:4000->1.2.3.4:443"),
        ("fd.type", "ipv4"),
        ("fd.typechar", "4"),
        ("fd.l4proto", "tcp"),
        ("fd.cip", "10.0.0.2"),
        ("fd.sip", "1.2.3.4"),
        ("fd.snet", "1.2.3.4"),
        ("fd.sport", "443"),
        ("fd.lport", "4000"),
        ("fd.sip.name", "(a.example,b.example)"),
        ("fd.rip.name", "(a.example,b.example)"),
        ("fd.cip.name", ""),
        ("fd.lip.name", ""),
        ("fd.sproto", "https"),
        ("fd.cproto", "4000"),
        ("fd.ip", "(10.0.0.2,1.2.3.4)"),
        ("fd.port", "(4000,443)"),
        ("fd.connected", "false"),
        ("fd.is_server", "false"),
        ("fd.sockfamily", "ip"),
        ("fd.filename", "-"),
        ("fd.directory", "-"),
        ("evt.category", "net"),
        ("evt.arg.fd", "<4t>10.0.0.2:4000->1.2.3.4:443"),
        ("evt.arg.tuple", "10.0.0.2:4000->1.2.3.4:443"),
        ("evt.arg.addr", "1.2.3.4:443"),
        ("evt.arg.res", "EINPROGRESS"),
    ];
    called("connect", connect(-115, "1.2.3.4:443".parse().ok()), &rows);
}

#[test]
fn a_connect_without_a_socket_knows_nothing_of_sides() {
    let call = Call {
        socket: Socket::default(),
        ..connect(-9, None)
    };
    let rows = [
        ("fd.name", "NULL"),
        ("fd.sip", "-"),
        ("fd.sip.name", "-"),
        ("fd.sproto", "-"),
        ("fd.type", "-"),
        ("fd.typechar", "4"),
        ("evt.res", "EBADF"),
        ("evt.arg.tuple", "NULL"),
        ("evt.arg.addr", "NULL"),
    ];
    called("connect", call, &rows);
}

#[test]
fn ipv4_through_an_ipv6_socket_is_ipv4() {
    let mut call = connect(0, "1.2.3.4:443".parse().ok());
    call.socket.family = 10;
    called(
        "connect",
        call,
        &[
            ("fd.type", "ipv4"),
            ("fd.typechar", "4"),
            ("fd.connected", "true"),
        ],
    );
    let mut call = connect(0, "[2001:db8::1]:443".parse().ok());
    call.socket.family = 10;
    call.socket.local = "[::1]:4000".parse().ok();
    let rows = [
        ("fd.type", "ipv6"),
        ("fd.name", "::1:4000->2001:db8::1:443"),
        ("fd.sip", "2001:db8::1"),
        ("fd.sip.name", "a.example"),
    ];
    called("connect", call, &rows);
}

#[test]
fn who_accepts_is_the_server() {
    let mut call = connect(7, "1.2.3.4:50000".parse().ok());
    call.fd = 7;
    call.values = [1, 128, 0];
    call.socket.local = "10.0.0.2:22".parse().ok();
    call.socket.connected = true;
    call.socket.server = true;
    let rows = [
        ("fd.num", "7"),
        ("fd.name", "1.2.3.4:50000->10.0.0.2:22"),
        ("fd.sip", "10.0.0.2"),
        ("fd.sport", "22"),
        ("fd.cip", "1.2.3.4"),
        ("fd.lip", "10.0.0.2"),
        ("fd.rport", "50000"),
        ("fd.is_server", "true"),
        ("fd.connected", "true"),
        ("fd.ip", "(1.2.3.4,10.0.0.2)"),
        ("evt.arg.fd", "<4t>1.2.3.4:50000->10.0.0.2:22"),
        ("evt.arg.tuple", "1.2.3.4:50000->10.0.0.2:22"),
        ("evt.arg.queuelen", "1"),
        ("evt.arg.queuemax", "128"),
        ("evt.arg.queuepct", "0"),
    ];
    called("accept4", call, &rows);
}

#[test]
fn a_listening_socket_is_named_by_its_address() {
    let mut call = connect(0, None);
    call.socket.local = "0.0.0.0:22".parse().ok();
    call.socket.server = true;
    call.args = [5, 128, 0, 0, 0, 0];
    let rows = [
        ("fd.name", "0.0.0.0:22"),
        ("fd.sip", "0.0.0.0"),
        ("fd.sport", "22"),
        ("fd.cip", "-"),
        ("fd.l4proto", "tcp"),
        ("evt.arg.fd", "<4t>0.0.0.0:22"),
        ("evt.arg.backlog", "128"),
    ];
    called("listen", call, &rows);
    called(
        "bind",
        call,
        &[("evt.arg.addr", "0.0.0.0:22"), ("evt.arg.res", "0")],
    );
}

#[test]
fn a_message_brings_its_peer_to_a_socket_without_one() {
    let mut call = connect(12, "1.2.3.4:53".parse().ok());
    call.socket.kind = 2;
    call.socket.connected = false;
    call.socket.other_peer = true;
    call.args = [5, 0, 12, 0, 0, 0];
    call.data = b"GET /\r\n";
    let rows = [
        ("fd.l4proto", "udp"),
        ("fd.connected", "false"),
        ("fd.name_changed", "true"),
        ("fd.name", "10.0.0.2:4000->1.2.3.4:53"),
        ("evt.arg.fd", "<4u>10.0.0.2:4000->1.2.3.4:53"),
        ("evt.arg.data", "GET /.."),
        ("evt.arg.size", "12"),
        ("evt.buffer", "GET /\r\n"),
        ("evt.buflen", "12"),
        ("evt.buflen.out", "12"),
        ("evt.buflen.in", "-"),
        ("evt.buflen.net", "12"),
        ("evt.buflen.file", "-"),
        ("evt.is_io", "true"),
        ("evt.is_io_write", "true"),
        ("evt.io_dir", "write"),
        ("evt.category", "net"),
    ];
    called("sendto", call, &rows);
    call.socket.other_peer = false;
    called("sendto", call, &[("fd.name_changed", "false")]);
    call.socket.other_peer = true;
    let rows = [("evt.io_dir", "read"), ("fd.name_changed", "true")];
    called("recvfrom", call, &rows);
}

#[test]
fn families_without_addresses_have_letters() {
    let family = |family| {
        let mut call = connect(3, None);
        call.fd = 3;
        call.args = [u64::from(family), 3, 0, 0, 0, 0];
        call.socket.family = family;
        call
    };
    let rows = [
        ("evt.arg.domain", "AF_PACKET"),
        ("evt.arg.type", "3"),
        ("evt.arg.fd", "<X>"),
        ("fd.typechar", "X"),
        ("fd.l4proto", "<NA>"),
        ("fd.ip", "()"),
    ];
    called("socket", family(17), &rows);
    called(
        "socket",
        family(16),
        &[("evt.arg.domain", "AF_ROUTE"), ("fd.type", "netlink")],
    );
    let mut unix = family(1);
    unix.socket.unix_path = b"/run/x.sock";
    let rows = [
        ("fd.type", "unix"),
        ("fd.name", "/run/x.sock"),
        ("fd.sockfamily", "unix"),
        ("evt.arg.tuple", "/run/x.sock"),
        ("evt.arg.addr", "/run/x.sock"),
    ];
    called("connect", unix, &rows);
    unix.socket.unix_path = b"/dev/log";
    called("sendto", unix, &[("evt.is_syslog", "true")]);
    called("recvfrom", unix, &[("evt.is_syslog", "false")]);
}
