//! An Alertmanager with the shipped configuration, whose pages and tickets arrive here.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::http::{free_address, get};
use super::shipped;
use super::wait::{wait_for, wait_until};

/// The running Alertmanager, with everything it has sent.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    _daemon: Daemon,
    _folder: TempDir,
    addr: SocketAddr,
    notifications: Receiver<(String, Value)>,
    pages: Vec<Value>,
}

impl Alertmanager {
    /// Starts it; of the shipped configuration only the addresses of the receivers change.
    pub(crate) fn start() -> Alertmanager {
        let folder = TempDir::with_prefix("saker-alertmanager-").expect("a scratch folder");
        let receiver = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let to = receiver.local_addr().expect("a bound socket");
        let (sender, notifications) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in receiver.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || receive(stream, &sender));
            }
        });
        let text = fs::read_to_string(shipped("alerts/alertmanager.yaml")).expect("shipped");
        let text = text.replace("127.0.0.1:9095", &to.to_string()).replace(
            "[templates/",
            &format!("[{}/", shipped("alerts/templates").display()),
        );
        let config = folder.path().join("alertmanager.yaml");
        fs::write(&config, text).expect("the scratch folder is writable");
        let addr = free_address();
        let daemon = Daemon::start(
            "alertmanager",
            "prometheus-alertmanager",
            folder.path(),
            |command| {
                command
                    .arg(format!("--config.file={}", config.display()))
                    .arg(format!(
                        "--storage.path={}",
                        folder.path().join("data").display()
                    ))
                    .arg(format!("--web.listen-address={addr}"))
                    .arg("--cluster.listen-address=");
            },
        );
        wait_until("Alertmanager is ready", || {
            matches!(get(addr, "/-/ready", ""), Ok((200, _)))
        });
        Alertmanager {
            _daemon: daemon,
            _folder: folder,
            addr,
            notifications,
            pages: Vec::new(),
        }
    }

    /// Where it serves HTTP.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every alert that a page was about, so far.
    pub(crate) fn pages(&mut self) -> &[Value] {
        while let Ok((path, body)) = self.notifications.try_recv() {
            if path == "/page" {
                let alerts = body["alerts"].as_array().expect("alerts");
                self.pages.extend(alerts.iter().cloned());
            }
        }
        &self.pages
    }

    /// Waits for a page about an alert that fits.
    pub(crate) fn wait_for_page(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            self.pages().iter().find(|alert| fits(alert)).cloned()
        })
    }
}

/// Takes one notification after the other from a connection.
fn receive(stream: TcpStream, sender: &Sender<(String, Value)>) {
    let mut answers = stream.try_clone().expect("a second handle of a socket");
    let mut lines = BufReader::new(stream);
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("post ") {
                path = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            if let Some(rest) = line.strip_prefix("content-length:") {
                length = rest.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).expect("the whole body");
        let body = serde_json::from_slice(&body).expect("JSON");
        if sender.send((path, body)).is_err()
            || answers
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .is_err()
        {
            return;
        }
    }
}
