//! How long it takes from a system call to each output: the real agent on the real kernel, with a collector of our own.
//!
//! Needs root. Without arguments it measures and prints Markdown; `--write FILE` puts it between the markers of a page.

mod collector;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testing::page;

use collector::Collector;

/// Measured calls of each case.
const CALLS: usize = 500;
/// Calls before them, for connections and caches.
const WARM_UP: usize = 20;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    page::main("latency", &page::arguments(), report);
}

fn report() -> String {
    let mut table = format!(
        "Measured on {}, over {CALLS} calls each.\n\n| from the call of `open` to | median | p99 |\n|---|---|---|\n",
        page::machine()
    );
    let mut row = |case: &str, mut times: Vec<Duration>| {
        times.sort();
        let ms = |per_cent: usize| times[times.len() * per_cent / 100].as_secs_f64() * 1e3;
        let _ = writeln!(table, "| {case} | {:.2} ms | {:.2} ms |", ms(50), ms(99));
    };
    let (lines, records) = outputs("http/protobuf");
    row("its JSON line on a pipe", lines);
    row("its log record at a collector, by HTTP", records);
    let (_, records) = outputs("grpc");
    row("its log record at a collector, by gRPC", records);
    row("its counter in a scrape, scraping included", counters());
    table
}

/// The agent, with a rule for one file.
struct Agent {
    child: Child,
    folder: TempDir,
    address: SocketAddr,
}

impl Agent {
    fn start(otlp: &str, output: Stdio) -> Agent {
        let folder = TempDir::with_prefix("saker-latency-").expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        let put = |name: &str, text: &str| fs::write(path(name), text).expect("written");
        put("watched", "");
        let rule = format!(
            "- rule: Watched file\n  desc: d\n  condition: evt.type in (open, openat) and fd.name = {}\n  output: opened (file=%fd.name process=%proc.name)\n  priority: NOTICE\n",
            path("watched").display()
        );
        put("rules.yaml", &rule);
        put("config.yaml", otlp);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        drop(listener);
        let child = Command::new(env!("CARGO_BIN_EXE_saker"))
            .args(["run", "--listen", &address.to_string(), "-r"])
            .arg(path("rules.yaml"))
            .arg("-c")
            .arg(path("config.yaml"))
            .env("SAKER_LOG", "warn")
            .stdout(output)
            .spawn()
            .expect("the agent starts");
        let mut agent = Agent {
            child,
            folder,
            address,
        };
        let start = Instant::now();
        while !agent.get("/-/ready").starts_with("HTTP/1.1 200") {
            let ended = agent.child.try_wait().expect("a child");
            assert!(ended.is_none(), "the agent has ended: {ended:?}");
            assert!(start.elapsed() < PATIENCE, "the agent is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        agent
    }

    /// Does what the rule is about, and says when that began.
    fn open(&self) -> Instant {
        let path = self.folder.path().join("watched");
        let start = Instant::now();
        let opened = File::open(path);
        drop(opened.expect("the file is there"));
        start
    }

    fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let host = self.address;
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            // An agent that is not there yet answers nothing.
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read_to_string(&mut answer);
        }
        answer
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Times to the line and to the record, of the same calls.
fn outputs(protocol: &str) -> (Vec<Duration>, Vec<Duration>) {
    let collector = Collector::start(protocol);
    let otlp = format!(
        "otlp: {{endpoint: 'http://{}', protocol: {protocol}}}\n",
        collector.address
    );
    let mut agent = Agent::start(&otlp, Stdio::piped());
    let stdout = agent.child.stdout.take().expect("piped");
    let (line, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for _ in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.send(Instant::now()).is_err() {
                break;
            }
        }
    });
    let arrived = |times: &Receiver<Instant>| times.recv_timeout(PATIENCE).expect("it arrives");
    let mut measured = (Vec::new(), Vec::new());
    for call in 0..WARM_UP + CALLS {
        let start = agent.open();
        let (line, record) = (arrived(&lines), arrived(&collector.records));
        if call >= WARM_UP {
            measured.0.push(line - start);
            measured.1.push(record - start);
        }
    }
    measured
}

/// Times to a scrape that shows one match more.
fn counters() -> Vec<Duration> {
    let agent = Agent::start("", Stdio::null());
    let matches = || -> usize {
        let scrape = agent.get("/metrics");
        let line = scrape
            .lines()
            .find(|line| line.starts_with("saker_rule_matches_total{"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .expect("the rule has a counter")
    };
    let mut measured = Vec::new();
    for call in 0..WARM_UP + CALLS {
        let start = agent.open();
        while matches() <= call {
            assert!(start.elapsed() < PATIENCE, "the match is not counted");
        }
        if call >= WARM_UP {
            measured.push(start.elapsed());
        }
    }
    measured
}
