//! Actions on the network, all of them inside a network namespace that has only the addresses it is given.

use std::net::Ipv4Addr;

use crate::selftest::action::Action;
use crate::selftest::program::Call;
use crate::selftest::program::calls::{accept, bind, connect, listen, put_in_place, socket};

/// An address of the outside world that documentation may use.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// Where clouds tell their machines about themselves.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// `struct sockaddr_in`.
const fn at(address: Ipv4Addr, port: u16) -> [u8; 16] {
    let [a, b, c, d] = address.octets();
    let [high, low] = port.to_be_bytes();
    [2, 0, high, low, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]
}

const HTTPS: &[u8] = &at(OUTSIDE, 443);
const WEB: &[u8] = &at(OUTSIDE, 8080);
const MINERS: &[u8] = &at(OUTSIDE, 3333);
const API_SERVER: &[u8] = &at(OUTSIDE, 6443);
const METADATA_SERVICE: &[u8] = &at(METADATA, 80);

/// Connects to an address of its own, and takes the connection.
const fn exchange(address: &'static [u8]) -> [Call; 6] {
    [
        socket(libc::AF_INET, libc::SOCK_STREAM, 0),
        bind(3, address),
        listen(3),
        socket(libc::AF_INET, libc::SOCK_STREAM, 0),
        connect(4, address),
        accept(3),
    ]
}

pub(super) const NETWORK: &[Action] = &[
    Action::new(
        "Unexpected outbound connection from container",
        "connects to port 443 of an outside address",
        "/usr/bin/selftest-connect",
        &exchange(HTTPS),
    )
    .addresses(&[OUTSIDE])
    .in_container(),
    Action::new(
        "Unexpected inbound connection source",
        "takes a connection from an outside address",
        "/usr/bin/selftest-connect",
        &exchange(WEB),
    )
    .addresses(&[OUTSIDE])
    .in_container(),
    Action::new(
        "Unexpected Listening Port in Container",
        "listens, by the name of nc",
        "/bin/nc",
        &[socket(libc::AF_INET, libc::SOCK_STREAM, 0), listen(3)],
    )
    .in_container(),
    Action::new(
        "Packet socket created in container",
        "opens a packet socket",
        "/usr/bin/selftest-socket",
        &[socket(libc::AF_PACKET, libc::SOCK_RAW, 0)],
    )
    .in_container(),
    Action::new(
        "Raw socket created in container",
        "opens a raw socket",
        "/usr/bin/selftest-socket",
        &[socket(libc::AF_INET, libc::SOCK_RAW, 1)],
    )
    .in_container(),
    Action::new(
        "Contact cloud metadata service from container",
        "connects to 169.254.169.254",
        "/usr/bin/selftest-connect",
        &exchange(METADATA_SERVICE),
    )
    .addresses(&[METADATA])
    .in_container(),
    Action::new(
        "Contact K8S API Server From Container",
        "curl connects to where the environment says that the API server is",
        "/usr/bin/curl",
        &exchange(API_SERVER),
    )
    .environment(&[
        ("KUBERNETES_SERVICE_HOST", "198.51.100.7"),
        ("KUBERNETES_SERVICE_PORT", "6443"),
    ])
    .addresses(&[OUTSIDE])
    .in_container(),
    Action::new(
        "Detect outbound connections to common miner pool ports",
        "connects to port 3333 of an outside address",
        "/usr/bin/selftest-connect",
        &exchange(MINERS),
    )
    .addresses(&[OUTSIDE])
    .in_container(),
    Action::run(
        "Detect crypto miners using the Stratum protocol",
        "runs a program with `stratum+tcp:` among its arguments",
        "/usr/bin/selftest-mine",
        &["stratum+tcp://selftest.invalid"],
    ),
    Action::run(
        "Known Cryptominer Process Executed",
        "runs a program of the name xmrig",
        "/usr/bin/xmrig",
        &[],
    ),
    Action::new(
        "Redirect STDOUT/STDIN to Network Connection in Container",
        "puts a socket in the place of its standard input",
        "/usr/bin/selftest-redirect",
        &[
            socket(libc::AF_INET, libc::SOCK_STREAM, 0),
            put_in_place(3, 0),
        ],
    )
    .in_container(),
    Action::new(
        "System procs network activity",
        "cat connects to an outside address",
        "/bin/cat",
        &exchange(HTTPS),
    )
    .addresses(&[OUTSIDE]),
    Action::new(
        "Disallowed SSH Connection Non Standard Port",
        "ssh connects to port 443 of an outside address",
        "/usr/bin/ssh",
        &exchange(HTTPS),
    )
    .addresses(&[OUTSIDE]),
];
