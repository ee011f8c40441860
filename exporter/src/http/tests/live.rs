//! Matches live, as server-sent events.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use super::super::stream::STREAMS_MAX;
use super::super::{RECENT_MAX, Shown};
use super::{Running, parts};

struct Line(String);

impl Shown for Line {
    fn json(&self) -> String {
        format!("{{\"rule\":\"{}\"}}", self.0)
    }
}

fn push(server: &Running, names: impl IntoIterator<Item = String>) {
    let shown = names
        .into_iter()
        .map(|name| Arc::new(Line(name)) as Arc<dyn Shown>);
    server.recent.extend(shown);
}

fn follow(server: &Running, headers: &str) -> BufReader<TcpStream> {
    follow_from(server, "", headers)
}

fn follow_from(server: &Running, query: &str, headers: &str) -> BufReader<TcpStream> {
    let mut stream = server.connect();
    write!(
        stream,
        "GET /api/v1/matches/stream{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
    )
    .expect("sent");
    BufReader::new(stream)
}

/// Reads lines up to one that begins so.
fn read_to(reader: &mut BufReader<TcpStream>, begin: &str) -> String {
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line).expect("more to come");
        assert_ne!(read, 0, "the stream has ended before {begin:?}");
        if line.starts_with(begin) {
            return line.trim_end().to_owned();
        }
    }
}

#[test]
fn matches_are_told_as_they_come() {
    let server = Running::start();
    push(&server, ["before".to_owned()]);
    let mut reader = follow(&server, "");
    assert_eq!(
        read_to(&mut reader, "content-type"),
        "content-type: text/event-stream"
    );
    assert_eq!(read_to(&mut reader, "data"), "data: {\"rule\":\"before\"}");
    push(&server, ["one".to_owned(), "two".to_owned()]);
    assert_eq!(read_to(&mut reader, "id"), "id: 2");
    assert_eq!(read_to(&mut reader, "event"), "event: match");
    assert_eq!(read_to(&mut reader, "data"), "data: {\"rule\":\"one\"}");
    assert_eq!(read_to(&mut reader, "data"), "data: {\"rule\":\"two\"}");
    let json = server.request("GET", "/api/v1/matches", "");
    let expected = "{\"matches\":[{\"rule\":\"before\"},{\"rule\":\"one\"},{\"rule\":\"two\"}]}\n";
    assert_eq!(parts(&json).1, expected);
}

#[test]
fn who_comes_back_gets_what_was_missed() {
    let server = Running::start();
    push(&server, (1..=5).map(|number| number.to_string()));
    let mut reader = follow(&server, "Last-Event-ID: 3\r\n");
    assert_eq!(read_to(&mut reader, "id"), "id: 4");
    let mut reader = follow_from(&server, "?after=4", "");
    assert_eq!(read_to(&mut reader, "id"), "id: 5");
    // More came than are kept.
    push(
        &server,
        (6..=RECENT_MAX + 20).map(|number| number.to_string()),
    );
    let mut reader = follow(&server, "Last-Event-ID: 3\r\n");
    assert_eq!(read_to(&mut reader, "event"), "event: missed");
    assert_eq!(read_to(&mut reader, "data"), "data: 17");
    assert_eq!(read_to(&mut reader, "id"), "id: 21");
}

#[test]
fn there_are_places_for_so_many_and_they_are_given_back() {
    let server = Running::start();
    let mut readers: Vec<_> = (0..STREAMS_MAX).map(|_| follow(&server, "")).collect();
    for reader in &mut readers {
        read_to(reader, "retry");
    }
    let answer = server.request("GET", "/api/v1/matches/stream", "");
    assert_eq!(parts(&answer).0, "503");
    assert_eq!(server.metric("saker_http_streams"), STREAMS_MAX as f64);
    let post = server.request("POST", "/api/v1/matches/stream", "");
    assert_eq!(parts(&post).0, "405");
    drop(readers);
    // Who has gone is noticed when there is something to be told.
    push(&server, ["news".to_owned()]);
    server.wait_for_metric("saker_http_streams", 0.0);
    read_to(&mut follow(&server, ""), "retry");
}

#[test]
fn streams_end_with_the_server() {
    let mut server = Running::start();
    let mut reader = follow(&server, "");
    read_to(&mut reader, "retry");
    server.stop();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).expect("a clean end");
}

#[test]
fn a_reader_who_does_not_read_is_let_go() {
    // The clock of this runtime stands still while there is work and jumps ahead when there is none.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build();
    let server = Running::start_on(runtime.expect("a runtime"));
    let mut slow = follow(&server, "");
    let stalled = "saker_http_connections_ended_total{reason=\"stalled\"}";
    server.runtime.block_on(async {
        while server.metric(stalled) == 0.0 {
            push(&server, (0..RECENT_MAX).map(|_| "x".repeat(4096)));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    assert_eq!(server.metric("saker_http_streams"), 0.0);
    let end = slow.read_to_end(&mut Vec::new());
    assert!(
        !end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
        "the connection is closed"
    );
}
