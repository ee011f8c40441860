//! Asks a server on loopback.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// An address on loopback that nobody listens on.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket")
}

/// Status code and body of a GET. Version 1.0, so that the answer ends with the connection.
pub(crate) fn get(addr: SocketAddr, path: &str, headers: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {addr}\r\n{headers}\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
}

/// Follows the matches that a query asks for, from its answer on.
pub(crate) fn follow(addr: SocketAddr, query: &str) -> impl Iterator<Item = Value> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("the agent listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let request = format!("GET /api/v1/matches/stream{query} HTTP/1.0\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let lines = BufReader::new(stream).lines();
    let mut lines = lines.map(|line| line.expect("the stream goes on"));
    let begun = lines.any(|line| line.starts_with("retry: "));
    assert!(begun, "the stream has begun");
    lines.filter_map(|line| {
        let json = line.strip_prefix("data: {")?;
        Some(serde_json::from_str(&format!("{{{json}")).expect("a match is JSON"))
    })
}

/// Text as it stands in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
