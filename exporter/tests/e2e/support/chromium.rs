//! A headless Chromium, spoken to in its DevTools protocol over a pipe.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than a page takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page open.
#[derive(Debug)]
pub(crate) struct Page {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: String,
    number: u64,
    /// What the page complained about: exceptions, and everything in the log.
    pub(crate) complaints: Vec<String>,
    _folder: TempDir,
}

impl Page {
    /// Starts a browser and opens the address; `javascript` says whether scripts run.
    pub(crate) fn open(addr: SocketAddr, javascript: bool) -> Page {
        let folder = TempDir::with_prefix("saker-chromium-").expect("a scratch folder");
        // The browser reads commands from descriptor 3 and writes to descriptor 4.
        let script = "exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
                      --no-first-run --no-proxy-server --remote-debugging-pipe --user-data-dir=\"$0\" \
                      3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "sh", "-c", script])
            .arg(folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv is part of util-linux");
        let commands = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let value = serde_json::from_slice(&message).expect("the browser speaks JSON");
                message.clear();
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let mut page = Page {
            child,
            commands,
            messages,
            session: String::new(),
            number: 0,
            complaints: Vec::new(),
            _folder: folder,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attach);
        page.session = session["sessionId"].as_str().expect("a session").to_owned();
        page.call("Runtime.enable", json!({}));
        page.call("Log.enable", json!({}));
        page.call(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": !javascript}),
        );
        page.call("Page.enable", json!({}));
        page.call("Page.navigate", json!({"url": format!("http://{addr}/")}));
        page.wait_for("Page.loadEventFired");
        page
    }

    /// Sends a command and gives its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut command = json!({"id": self.number, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        write!(self.commands, "{command}\0").expect("the browser listens");
        loop {
            let message = self.next(method);
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    /// The value of an expression, which may be a promise.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Light or dark.
    pub(crate) fn prefer_colour(&mut self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call("Emulation.setEmulatedMedia", json!({"features": [feature]}));
    }

    /// Width and height of the window, in CSS pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// Presses a key that has no letter.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// The page as a picture, in base64.
    pub(crate) fn picture(&mut self) -> String {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    fn wait_for(&mut self, event: &str) {
        while self.next(event)["method"] != event {}
    }

    fn next(&mut self, waiting_for: &str) -> Value {
        let message = self
            .messages
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("the browser said nothing to {waiting_for}: {error}"));
        match message["method"].as_str() {
            Some("Log.entryAdded") => {
                let text = message["params"]["entry"]["text"].to_string();
                self.complaints.push(text);
            }
            Some("Runtime.exceptionThrown") => self.complaints.push(message.to_string()),
            _ => {}
        }
        message
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = write!(self.commands, "{{\"id\":0,\"method\":\"Browser.close\"}}\0");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
