//! Takes the notifications of Alertmanager and makes text of the pages among them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver as Pages, Sender},
    time::Duration,
};

use serde_json::Value;

/// Longer than the chain takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Listens on loopback as long as the program runs.
pub(super) struct Receiver {
    addr: SocketAddr,
    pages: Pages<String>,
}

impl Receiver {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let (sender, pages) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Ok(Self { addr, pages })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next page.
    pub(super) fn wait(&self) -> Option<String> {
        self.pages.recv_timeout(PATIENCE).ok()
    }
}

/// Answers every notification on a connection until it closes.
fn serve(stream: TcpStream, sender: &Sender<String>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("post ") {
                path = rest.split(' ').next()?.to_owned();
            }
            if let Some(rest) = line.strip_prefix("content-length:") {
                length = rest.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        answers
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .ok()?;
        let body: Value = serde_json::from_slice(&body).ok()?;
        if path == "/page" {
            sender.send(text(&body)).ok()?;
        }
    }
}

fn text(body: &Value) -> String {
    let mut text = String::new();
    for alert in body["alerts"].as_array().into_iter().flatten() {
        let note = |key: &str| alert["annotations"][key].as_str().unwrap_or("");
        text.push_str(&format!(
            "{} [{}]\n{}\n{}\n  matches   {}\n  logs      {}\n  runbook   {}\n",
            alert["labels"]["alertname"].as_str().unwrap_or(""),
            alert["labels"]["severity"].as_str().unwrap_or(""),
            note("summary"),
            note("description"),
            note("matches_url"),
            note("log_query"),
            note("runbook_url"),
        ));
    }
    text
}
