//! Makes text of the pages among the notifications of Alertmanager.

use std::{net::SocketAddr, sync::mpsc::Receiver as Notifications, time::Duration};

use serde_json::Value;
use testing::notifications;

/// Longer than the chain takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Listens on loopback as long as the program runs.
pub(super) struct Receiver {
    addr: SocketAddr,
    notifications: Notifications<(String, Value)>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        let (addr, notifications) = notifications::listen();
        Self {
            addr,
            notifications,
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next page.
    pub(super) fn wait(&self) -> Option<String> {
        loop {
            let (path, body) = self.notifications.recv_timeout(PATIENCE).ok()?;
            if path == "/page" {
                return Some(text(&body));
            }
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
