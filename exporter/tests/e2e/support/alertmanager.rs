//! An Alertmanager with the shipped configuration, whose pages and tickets arrive here.

use std::fs;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use serde_json::Value;
use tempfile::TempDir;
use testing::notifications;

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
        let (to, notifications) = notifications::listen();
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
