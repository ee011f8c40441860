//! Takes the notifications that Alertmanager sends.
//!
//! In: requests on a loopback port. Out: path and body of each. Every one is answered with success.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};

use serde_json::Value;

/// Listens as long as somebody takes what comes.
///
/// # Panics
/// When there is no free port.
pub fn listen() -> (SocketAddr, Receiver<(String, Value)>) {
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = receiver.local_addr().expect("a bound socket");
    let (sender, notifications) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in receiver.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || receive(stream, &sender));
        }
    });
    (to, notifications)
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
