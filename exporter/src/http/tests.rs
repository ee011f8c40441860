//! The server as clients on loopback see it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::metrics::{Declaration, Registry};

/// No answer takes as long as this; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    runtime: Runtime,
    addr: SocketAddr,
    readiness: Readiness,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
}

impl Running {
    fn start() -> Running {
        Running::start_on(Runtime::new().expect("a runtime"))
    }

    fn start_on(runtime: Runtime) -> Running {
        let mut registry = Registry::new();
        registry
            .counter(Declaration {
                name: "saker_turns_total",
                help: "Turns made.",
                labels: [],
            })
            .inc();
        let readiness = Readiness::new("rules <not> loaded");
        let site = Site {
            scrapes: Scrapes::new(Arc::new(registry)),
            readiness: readiness.clone(),
        };
        let server = Server::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let addr = server.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = runtime.spawn(server.serve(site, stopped, PATIENCE));
        Running {
            runtime,
            addr,
            readiness,
            stop: Some(stop),
            served: Some(served),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        stream
    }

    /// Sends bytes as they are; reads until the server closes.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // A server that has read enough may close before the rest is sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).expect("text")
    }

    fn request(&self, method: &str, path: &str, headers: &str) -> String {
        self.raw(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: saker\r\n{headers}Connection: close\r\n\r\n"
            )
            .as_bytes(),
        )
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        let served = self.served.take().expect("stopped once");
        self.runtime
            .block_on(served)
            .expect("no panic")
            .expect("no error");
    }
}

/// Status code and body of an answer.
fn parts(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    (head.split(' ').nth(1).unwrap_or(head), body)
}

#[test]
fn paths_and_methods() {
    let server = Running::start();
    for (method, path, status, body) in [
        ("GET", "/-/healthy", "200", "healthy\n"),
        ("GET", "/-/healthy?x=y", "200", "healthy\n"),
        ("HEAD", "/-/healthy", "200", ""),
        ("HEAD", "/metrics", "200", ""),
        ("GET", "/-/ready", "503", "not ready: rules <not> loaded\n"),
        (
            "GET",
            "/metrics/",
            "404",
            "not found; / lists what is here\n",
        ),
        (
            "POST",
            "/elsewhere",
            "404",
            "not found; / lists what is here\n",
        ),
        ("POST", "/metrics", "405", "only GET and HEAD\n"),
        ("DELETE", "/", "405", "only GET and HEAD\n"),
    ] {
        let answer = server.request(method, path, "");
        assert_eq!(parts(&answer), (status, body), "{method} {path}");
    }
    assert!(
        server
            .request("PUT", "/", "")
            .contains("\r\nallow: GET, HEAD\r\n")
    );
    assert!(
        server
            .request("HEAD", "/-/healthy", "")
            .contains("\r\ncontent-length: 8\r\n")
    );
    let page = server.request("GET", "/", "");
    assert!(
        page.contains("not ready: rules &lt;not&gt; loaded"),
        "{page}"
    );
    assert!(page.contains("href=\"/metrics\""), "{page}");
}

#[test]
fn metrics_come_in_the_format_asked_for() {
    let server = Running::start();
    let plain = server.request("GET", "/metrics", "");
    assert!(
        plain.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{plain}"
    );
    assert!(
        plain.contains("\r\nvary: Accept, Accept-Encoding\r\n"),
        "{plain}"
    );
    assert!(plain.ends_with("\nsaker_turns_total 1\n"), "{plain}");
    let accept = "Accept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n";
    let open_metrics = server.request("GET", "/metrics", accept);
    assert!(
        open_metrics.contains("\r\ncontent-type: application/openmetrics-text; version=1.0.0"),
        "{open_metrics}"
    );
    assert!(open_metrics.ends_with("# EOF\n"), "{open_metrics}");
}

#[test]
fn readiness_follows_the_agent() {
    let server = Running::start();
    server.readiness.set_ready();
    assert_eq!(
        parts(&server.request("GET", "/-/ready", "")),
        ("200", "ready\n")
    );
    server.readiness.set_not_ready("shutting down");
    assert_eq!(
        parts(&server.request("GET", "/-/ready", "")),
        ("503", "not ready: shutting down\n")
    );
}

#[test]
fn malformed_and_oversized_requests_end_their_own_connection_only() {
    let server = Running::start();
    let long = "x".repeat(20_000);
    let many = "a: b\r\n".repeat(100);
    for (request, statuses) in [
        ("\r\n\r\nnonsense\r\n\r\n".to_owned(), &["400"][..]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &["400"]),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), &["414", "431"]),
        (format!("GET / HTTP/1.1\r\nlong: {long}\r\n\r\n"), &["431"]),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), &["431"]),
    ] {
        let answer = server.raw(request.as_bytes());
        let shown = &request[..request.len().min(40)];
        assert!(
            statuses.contains(&parts(&answer).0),
            "{shown:?} was answered {answer:?}"
        );
        assert_eq!(
            parts(&server.request("GET", "/-/healthy", "")).0,
            "200",
            "after {shown:?}"
        );
    }
}

#[test]
fn idle_connections_beyond_the_limit_do_not_keep_a_scraper_out() {
    let server = Running::start();
    let mut idle: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET / HT").expect("room in the socket");
            stream
        })
        .collect();
    assert_eq!(parts(&server.request("GET", "/-/healthy", "")).0, "200");
    // The oldest were closed, the youngest still may finish their request.
    let mut byte = [0];
    assert!(
        matches!(idle[0].read(&mut byte), Ok(0) | Err(_)),
        "the oldest is open"
    );
    let youngest = idle.last_mut().expect("300 of them");
    youngest
        .write_all(b"TP/1.1\r\nHost: saker\r\nConnection: close\r\n\r\n")
        .expect("the youngest is open");
    let mut answer = String::new();
    youngest.read_to_string(&mut answer).expect("an answer");
    assert_eq!(parts(&answer).0, "200");
}

#[test]
fn request_heads_that_do_not_come_end_their_connection() {
    // The clock of this runtime stands still while there is work and jumps ahead when there is none.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut server = Running::start_on(runtime);
    let mut slow = [server.connect(), server.connect()];
    slow[1]
        .write_all(b"GET / HTTP/1.1\r\nHo")
        .expect("room in the socket");
    // An answer, an end and a reset are all an end; only patience that runs out is none.
    let is_open = |mut stream: TcpStream| {
        let end = stream.read_to_end(&mut Vec::new());
        end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let client = std::thread::spawn(move || slow.map(is_open));
    let client = server.runtime.block_on(async {
        while !client.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client
    });
    assert_eq!(client.join().expect("no panic"), [false, false]);
    server.stop();
}

#[test]
fn stopping_ends_idle_connections_and_frees_the_port() {
    let mut server = Running::start();
    let mut kept = server.connect();
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: saker\r\n\r\n")
        .expect("sent");
    let mut answer = BufReader::new(kept);
    let mut line = String::new();
    while line != "healthy\n" {
        line.clear();
        assert_ne!(
            answer.read_line(&mut line).expect("an answer"),
            0,
            "closed too early"
        );
    }
    server.stop();
    assert_eq!(answer.read_line(&mut line).expect("a clean end"), 0);
    Server::bind(server.addr).expect("the port is free again");
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let server = Running::start();
    let error = Server::bind(server.addr).expect_err("the port is taken");
    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {}: another program listens there; stop it (`ss -ltnp` names it) \
             or choose another address with --listen",
            server.addr
        )
    );
    let foreign =
        Server::bind(([192, 0, 2, 1], 9797).into()).expect_err("an address for documentation");
    assert!(
        foreign
            .to_string()
            .contains("no network interface of this host"),
        "{foreign}"
    );
}
