//! The server as clients on loopback see it.

mod live;
mod secure;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::config::Listen;
use crate::metrics::{self, Declaration, Registry};

/// No answer takes as long as this; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    runtime: Runtime,
    addr: SocketAddr,
    readiness: Readiness,
    recent: Recent,
    registry: Arc<Registry>,
    reloads: mpsc::Receiver<ReloadAnswer>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
}

impl Running {
    fn start() -> Running {
        Running::start_on(Runtime::new().expect("a runtime"))
    }

    fn start_on(runtime: Runtime) -> Running {
        Running::start_protected(runtime, None)
    }

    fn start_protected(runtime: Runtime, web_config: Option<&Path>) -> Running {
        let mut registry = Registry::new();
        registry
            .counter(Declaration {
                name: "saker_turns_total",
                help: "Turns made.",
                labels: [],
            })
            .inc();
        let metrics = HttpMetrics::declare(&mut registry);
        let registry = Arc::new(registry);
        let readiness = Readiness::new("rules <not> loaded");
        let recent = Recent::default();
        let (reload, reloads) = mpsc::channel(1);
        let site = Site {
            registry: Arc::clone(&registry),
            scrapes: Scrapes::default(),
            readiness: readiness.clone(),
            host: Host {
                name: "node-1".to_owned(),
                ..Host::default()
            },
            recent: recent.clone(),
            reload: Some(reload),
        };
        let anywhere = Listen::Tcp(([127, 0, 0, 1], 0).into());
        let server = Server::bind(&[anywhere], web_config, metrics).expect("a free port");
        let [Listen::Tcp(addr)] = server.addresses()[..] else {
            panic!("one address");
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = runtime.spawn(server.serve(site, stopped, PATIENCE));
        Running {
            runtime,
            addr,
            readiness,
            recent,
            registry,
            reloads,
            stop: Some(stop),
            served: Some(served),
        }
    }

    /// A line of the metrics, by what it begins with: its value.
    fn metric(&self, series: &str) -> f64 {
        let text = metrics::classic_text(&self.registry);
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no {series} in {text}"));
        value.parse().expect("a number")
    }

    /// Waits until a metric has a value.
    fn wait_for_metric(&self, series: &str, value: f64) {
        let start = std::time::Instant::now();
        while self.metric(series) != value {
            assert!(
                start.elapsed() < PATIENCE,
                "{series} is {}",
                self.metric(series)
            );
            std::thread::sleep(Duration::from_millis(5));
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
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n"
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
        page.contains("Not ready: rules &lt;not&gt; loaded"),
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
    assert!(plain.contains("\nsaker_turns_total 1\n"), "{plain}");
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
        .write_all(b"TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
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
    kept.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
    TcpListener::bind(server.addr).expect("the port is free again");
}

/// Takes a place for a moment.
fn bind(place: Listen) -> Result<Vec<Listen>, String> {
    let metrics = HttpMetrics::declare(&mut Registry::new());
    let server = Server::bind(&[place], None, metrics).map_err(|error| error.to_string())?;
    Ok(server.addresses())
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let server = Running::start();
    assert_eq!(
        bind(Listen::Tcp(server.addr)).expect_err("the port is taken"),
        format!(
            "cannot listen on {}: another program listens there; stop it (`ss -ltnp` names it) \
             or choose another address with --listen",
            server.addr
        )
    );
    let foreign = bind(Listen::Tcp(([192, 0, 2, 1], 9797).into()));
    let foreign = foreign.expect_err("an address for documentation");
    assert!(
        foreign.contains("no network interface of this host"),
        "{foreign}"
    );
}

#[test]
fn a_socket_is_taken_from_the_dead_and_not_from_the_living() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("saker.sock");
    let place = Listen::Unix(path.clone());
    // What is left of a program that was killed: a socket that nobody serves.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert_eq!(bind(place.clone()), Ok(vec![place.clone()]));
    assert!(!path.exists(), "it goes with the server");
    let living = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    let error = bind(place.clone()).expect_err("it is served");
    assert!(error.contains("another program serves"), "{error}");
    drop(living);
    std::fs::remove_file(&path).expect("it is there");
    std::fs::write(&path, "precious").expect("written");
    bind(place).expect_err("it is a file");
    assert!(path.exists(), "a file is left alone");
    let nowhere = bind(Listen::Unix(folder.path().join("x/y")));
    assert!(nowhere.expect_err("no folder").contains("create it"));
    let without = bind(Listen::Systemd).expect_err("this is no service");
    assert!(without.contains("--listen"), "{without}");
}

#[test]
fn reloading_is_asked_for_and_answered() {
    let mut server = Running::start();
    let refused = server.request("GET", "/-/reload", "");
    assert_eq!(parts(&refused), ("405", "only POST and PUT\n"));
    let foreign = server.request("POST", "/-/reload", "Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(parts(&foreign).0, "403");
    let addr = server.addr;
    for (outcome, status, body) in [
        (Ok(()), "200", "reloaded\n"),
        (
            Err("a.yaml:1:2: no".to_owned()),
            "500",
            "not reloaded, the old rules stay in force: a.yaml:1:2: no\n",
        ),
    ] {
        let client = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(addr).expect("the server listens");
            stream
                .write_all(
                    b"POST /-/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                )
                .expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        });
        let answer = server.reloads.blocking_recv().expect("somebody asks");
        answer.send(outcome).expect("somebody waits");
        let answer = client.join().expect("no panic");
        assert_eq!(parts(&answer), (status, body));
    }
}

#[test]
fn a_name_that_was_made_to_lead_here_gets_nothing() {
    let server = Running::start();
    for (host, status) in [
        ("Host: rebound.example", "421"),
        ("Host: localhost.example:9797", "421"),
        ("Host: not a name", "421"),
        ("Host: localhost:9797", "200"),
        ("Host: saker.localhost", "200"),
        ("Host: NODE-1:9797", "200"),
        ("Host: 127.0.0.1:9797", "200"),
        ("Host: [::1]:9797", "200"),
        ("Accept: */*", "200"),
    ] {
        let request = format!("GET /metrics HTTP/1.0\r\n{host}\r\n\r\n");
        assert_eq!(parts(&server.raw(request.as_bytes())).0, status, "{host}");
    }
}

#[test]
fn bodies_are_not_taken() {
    let server = Running::start();
    let long = "Content-Length: 1000000\r\n";
    assert_eq!(parts(&server.request("POST", "/-/reload", long)).0, "413");
    assert_eq!(parts(&server.request("GET", "/-/healthy", long)).0, "413");
    assert_eq!(parts(&server.request("GET", "/-/healthy", "")).0, "200");
}

#[test]
fn every_response_protects_the_browser_and_is_counted() {
    let server = Running::start();
    for path in ["/", "/metrics", "/-/ready", "/nothing"] {
        let answer = server.request("GET", path, "").to_ascii_lowercase();
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(
                answer.contains(&format!("\r\n{header}\r\n")),
                "{path}: {header}"
            );
        }
    }
    server.request("GET", "/%3Cscript%3E", "");
    for (handler, code, count) in [
        ("/", "200", 1.0),
        ("/-/ready", "503", 1.0),
        ("other", "404", 2.0),
    ] {
        let series = format!("saker_http_requests_total{{handler=\"{handler}\",code=\"{code}\"}}");
        assert_eq!(server.metric(&series), count, "{series}");
    }
}

#[test]
fn ends_of_connections_are_counted() {
    let server = Running::start();
    let ended = |reason: &str| format!("saker_http_connections_ended_total{{reason=\"{reason}\"}}");
    server.raw(b"nonsense\r\n\r\n");
    server.wait_for_metric(&ended("malformed"), 1.0);
    server.request("GET", "/", "");
    server.wait_for_metric(&ended("done"), 1.0);
    let idle: Vec<TcpStream> = (0..1000).map(|_| server.connect()).collect();
    assert_eq!(parts(&server.request("GET", "/metrics", "")).0, "200");
    server.wait_for_metric(&ended("evicted"), 1001.0 - 256.0);
    drop(idle);
    server.wait_for_metric("saker_http_connections", 0.0);
}
