//! Collectors: one that answers as it is told, and the real Rotel.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines};

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::python::installed;
use super::wait::{wait_for, wait_until};

/// How OTLP is spoken, by the name that settings use.
pub(crate) const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

/// A scripted receiver.
pub(crate) struct Receiver {
    daemon: Daemon,
    script: ChildStdin,
    lines: Lines<String>,
    requests: Vec<Value>,
    /// Answers that it knows of.
    scripted: u64,
    port: u16,
}

/// Certificates of a receiver, and what one has to trust.
pub(crate) struct Certificates(TempDir);

impl Receiver {
    /// Starts one on a free port.
    pub(crate) fn start(protocol: &str) -> Receiver {
        Self::start_with(protocol, &[])
    }

    /// Starts one with these arguments more.
    pub(crate) fn start_with(protocol: &str, arguments: &[&str]) -> Receiver {
        let folder = TempDir::with_prefix("saker-otlp-").expect("a scratch folder");
        let program = installed("bin/python");
        let program = program.to_str().expect("a UTF-8 path");
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/e2e/support/otlp_receiver.py"
        );
        let mut daemon = Daemon::start("receiver", program, folder.path(), |command| {
            command.args([script, protocol]).args(arguments);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        let stdout = daemon.child().stdout.take().expect("piped");
        let stdin = daemon.child().stdin.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Kept until the receiver has ended: its log is in there.
            let _folder = folder;
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut receiver = Receiver {
            daemon,
            script: stdin,
            lines,
            requests: Vec::new(),
            scripted: 0,
            port: 0,
        };
        let first = wait_for("the receiver listens", || {
            let ended = receiver.daemon.ended();
            assert!(ended.is_none(), "{}", receiver.daemon.log());
            receiver.lines.try_recv().ok()
        });
        let first: Value = serde_json::from_str(&first).expect("JSON");
        receiver.port = first["port"]
            .as_u64()
            .and_then(|port| port.try_into().ok())
            .expect("a port");
        receiver
    }

    /// What it answers to the next requests, in turn; it knows when this returns.
    pub(crate) fn answer(&mut self, answers: &[Value]) {
        let known = self.scripted + answers.len() as u64;
        for answer in answers {
            writeln!(self.script, "{answer}").expect("the receiver reads");
        }
        wait_until("the receiver knows what to answer", || {
            self.requests();
            self.scripted == known
        });
    }

    /// All requests that it has answered.
    pub(crate) fn all_requests(&mut self) -> &[Value] {
        // What it says to this, it says after what it has said of them.
        self.answer(&[Value::Null]);
        &self.requests
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, without TLS.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests that are known so far.
    pub(crate) fn requests(&mut self) -> &[Value] {
        while let Ok(line) = self.lines.try_recv() {
            let line: Value = serde_json::from_str(&line).expect("JSON");
            match line["scripted"].as_u64() {
                Some(scripted) => self.scripted = scripted,
                None => self.requests.push(line),
            }
        }
        &self.requests
    }

    /// The log records so far, refused ones included.
    pub(crate) fn records(&mut self) -> Vec<Value> {
        let requests = self.requests().iter();
        requests
            .filter_map(|request| request["records"].as_array())
            .flatten()
            .cloned()
            .collect()
    }
}

impl Certificates {
    /// An authority, and a certificate of it for 127.0.0.1 that serves and asks.
    pub(crate) fn make() -> Certificates {
        let folder = TempDir::with_prefix("saker-certificates-").expect("a scratch folder");
        let run = |arguments: &str| {
            let output = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(folder.path())
                .output()
                .expect("openssl is installed");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "openssl {arguments}: {said}");
        };
        let extensions = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
        fs::write(folder.path().join("extensions"), extensions).expect("writable");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        run(&format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"
        ));
        run(&format!(
            "req {key} -keyout key.pem -out request -subj /CN=peer"
        ));
        run(
            "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -out certificate.pem -days 2 -extfile extensions",
        );
        Certificates(folder)
    }

    /// `ca.pem`, `certificate.pem` or `key.pem`.
    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.to_str().expect("a UTF-8 path").to_owned()
    }
}

/// The Rotel collector: it prints what it gets.
pub(crate) struct Rotel {
    daemon: Daemon,
    _folder: TempDir,
    grpc: u16,
    http: u16,
}

impl Rotel {
    /// Starts it on two free ports.
    pub(crate) fn start() -> Rotel {
        let folder = TempDir::with_prefix("saker-rotel-").expect("a scratch folder");
        let python = installed("lib");
        let program = fs::read_dir(python)
            .expect("a folder")
            .filter_map(Result::ok)
            .map(|version| version.path().join("site-packages/rotel/rotel-agent"))
            .find(|path| path.exists())
            .expect("the package rotel holds it");
        let grpc = super::http::free_address();
        let http = super::http::free_address();
        let program = program.to_str().expect("a UTF-8 path").to_owned();
        let daemon = Daemon::start("rotel", &program, folder.path(), |command| {
            command.args(["start", "--otlp-grpc-endpoint", &grpc.to_string()]);
            command.args(["--otlp-http-endpoint", &http.to_string()]);
            command.args(["--exporter", "blackhole", "--debug-log", "logs"]);
            command.args(["--debug-log-verbosity", "detailed"]);
        });
        for address in [grpc, http] {
            wait_until("Rotel listens", || {
                std::net::TcpStream::connect(address).is_ok()
            });
        }
        Rotel {
            daemon,
            _folder: folder,
            grpc: grpc.port(),
            http: http.port(),
        }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self, protocol: &str) -> String {
        let port = match protocol {
            "grpc" => self.grpc,
            _ => self.http,
        };
        format!("http://127.0.0.1:{port}")
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        self.daemon.log()
    }
}
