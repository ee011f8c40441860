//! The HTTP face of the real agent: sockets of every kind, reloading over it, and clients that mean no good.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::agent::{Agent, SAKER};
use crate::support::daemon::Daemon;
use crate::support::http::get;
use crate::support::wait::wait_until;

#[test]
fn a_unix_socket_is_served_beside_the_port() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("saker.sock");
    let place = format!("unix:{}", path.display());
    let mut agent = Agent::start(&["--listen", &place]);
    let mode = fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut stream = UnixStream::connect(&path).expect("the agent listens");
    stream
        .write_all(b"GET /-/ready HTTP/1.0\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(!path.exists(), "the socket goes with the agent");
}

#[test]
fn sockets_of_systemd_are_served() {
    let folder = TempDir::new().expect("a scratch folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let mut daemon = Daemon::start("saker", "sh", folder.path(), |command| {
        // As systemd does it: the socket is descriptor 3, and the process is named that it is for.
        let script = "export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" run --output none --listen systemd 3<&0 </dev/null";
        command
            .args(["-c", script, SAKER])
            .stdin(OwnedFd::from(listener));
    });
    wait_until("the agent is ready", || {
        assert!(daemon.ended().is_none(), "{}", daemon.log());
        get(addr, "/-/ready", "").is_ok_and(|(status, _)| status == 200)
    });
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn rules_are_reloaded_over_http_where_that_is_enabled() {
    let folder = TempDir::new().expect("a scratch folder");
    let rules = folder.path().join("rules.yaml");
    let rule = "- rule: First\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: DEBUG\n";
    fs::write(&rules, rule).expect("the scratch folder is writable");
    let arguments = [
        "-r",
        rules.to_str().expect("a UTF-8 path"),
        "--output",
        "none",
    ];
    let post = |agent: &Agent| {
        let mut stream = TcpStream::connect(agent.addr()).expect("the agent listens");
        stream
            .write_all(b"POST /-/reload HTTP/1.0\r\n\r\n")
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let closed = Agent::start(&arguments);
    assert!(post(&closed).contains(" 403 "), "{}", post(&closed));
    drop(closed);
    let agent = Agent::start(&[&arguments[..], &["--web.enable-lifecycle"]].concat());
    assert!(post(&agent).contains(" 200 "), "{}", post(&agent));
    fs::write(&rules, format!("{rule}- rule: Second\n  condition: and\n")).expect("writable");
    let answer = post(&agent);
    assert!(
        answer.contains(" 500 ") && answer.contains("rules.yaml:6"),
        "{answer}"
    );
}

#[test]
fn hostile_clients_stop_neither_detection_nor_scraping() {
    let mut agent = Agent::start(&[]);
    let connect = || {
        let stream = TcpStream::connect(agent.addr()).expect("the agent listens");
        stream
            .set_write_timeout(Some(Duration::from_secs(5)))
            .expect("a time limit");
        stream
    };
    // Idle ones, slow ones, ones that never read what they asked for, and noise.
    let mut held: Vec<TcpStream> = (0..1000).map(|_| connect()).collect();
    for (number, stream) in held.iter_mut().enumerate() {
        let bytes: &[u8] = match number % 4 {
            0 => b"",
            1 => b"GET /metrics HTTP/1.1\r\nHo",
            2 => {
                b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
            }
            _ => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP\r\n\r\n",
        };
        // Those that were closed already do not take it.
        let _ = stream.write_all(bytes);
    }
    let read = Command::new("cat").arg("/etc/shadow").output();
    assert!(read.expect("cat runs").status.success());
    agent.wait_for_match("the reader is seen", |line| {
        line["rule"] == "Read sensitive file untrusted"
    });
    let scrape = agent.scrape();
    let ended = |reason: &str| {
        let name = "saker_http_connections_ended_total";
        scrape.sum(name, &[("reason", reason)]).unwrap_or(0.0)
    };
    let (evicted, malformed) = (ended("evicted"), ended("malformed"));
    assert!(evicted > 0.0 && malformed > 0.0, "{evicted} {malformed}");
    // Noise that is read before its connection has to make room ends by itself.
    assert!(
        evicted + malformed >= 1000.0 - 256.0,
        "{evicted} {malformed}"
    );
    assert_eq!(scrape.sum("saker_events_lost_total", &[]), Some(0.0));
    assert!(scrape.sum("saker_http_connections", &[]) <= Some(256.0));
}

#[test]
fn a_web_configuration_that_cannot_be_used_ends_the_start() {
    let folder = TempDir::new().expect("a scratch folder");
    let config = folder.path().join("web.yaml");
    fs::write(&config, "basic_auth_user: {}\n").expect("the scratch folder is writable");
    let refused = Command::new(SAKER)
        .args(["run", "--listen", "127.0.0.1:0", "--web.config.file"])
        .arg(&config)
        .output()
        .expect("the agent runs");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("did you mean `basic_auth_users`?"), "{said}");
}
