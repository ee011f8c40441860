//! `saker top` in a terminal, looking at the real agent.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::agent::{Agent, SAKER};
use crate::support::prometheus::Prometheus;
use crate::support::wait::{wait_for, wait_until};

/// A command in a terminal of 120 columns.
struct Terminal {
    child: Child,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn start(command: &str) -> Terminal {
        let line = format!("stty cols 120 rows 40 && exec {command}");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "script"])
            .args([
                "--quiet",
                "--return",
                "--flush",
                "--command",
                &line,
                "/dev/null",
            ])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is part of util-linux");
        let mut output = child.stdout.take().expect("piped");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                written
                    .lock()
                    .expect("no panic")
                    .extend_from_slice(&bytes[..count]);
            }
        });
        Terminal { child, screen }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("no panic")).into_owned()
    }

    /// The process id of the command, which is the one child of `script`.
    fn command(&self) -> i32 {
        let script = self.child.id();
        let children = format!("/proc/{script}/task/{script}/children");
        wait_for("the command runs", || {
            let children = fs::read_to_string(&children).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    fn press(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// The exit code, when it has ended.
    fn end(&mut self) -> Option<i32> {
        wait_for("the command ends", || {
            self.child.try_wait().expect("a child of this process")
        })
        .code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LEAVE: &str = "\u{1b}[?1049l";

#[test]
fn the_agent_is_shown_until_a_key_ends_it() {
    let mut agent = Agent::start(&["--output", "none"]);
    let command = format!("{SAKER} top --interval 200ms --url http://{}", agent.addr());
    let mut terminal = Terminal::start(&command);
    // The rule that matches comes to the top.
    let read = Command::new("cat").arg("/etc/shadow").output();
    assert!(read.expect("cat runs").status.success());
    wait_until("the rules are shown", || {
        let shown = terminal.shown();
        ["Rules", "untrusted", "execve", "Limits", "quit", "ready"]
            .iter()
            .all(|part| shown.contains(part))
    });
    terminal.press("c");
    wait_until("the order changes", || terminal.shown().contains("Cost ▼"));
    agent.stop();
    wait_until("the agent is missed", || {
        terminal.shown().contains("Asking")
    });
    assert!(!terminal.shown().contains(LEAVE));
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown());
    assert!(
        terminal.shown().contains(LEAVE),
        "the terminal is given back"
    );
}

#[test]
fn without_an_agent_there_is_a_sentence() {
    let mut terminal = Terminal::start(&format!("{SAKER} top --url http://127.0.0.1:1"));
    assert_eq!(terminal.end(), Some(1));
    let shown = terminal.shown();
    assert!(
        shown.contains("no agent answers at http://127.0.0.1:1"),
        "{shown}"
    );
    assert!(!shown.contains("[?1049h"), "nothing was drawn: {shown}");
    for (arguments, code, part) in [
        (&["--url", "ftp://a"][..], 1, "https://HOST:PORT"),
        (&["--url", "localhost:9797"], 1, "http://HOST:PORT"),
        (
            &["--url", "https://a", "--ca-file", "/nonexistent"],
            1,
            "/nonexistent",
        ),
        (&["--user", "alice"], 2, "--password-file"),
    ] {
        let run = Command::new(SAKER).arg("top").args(arguments).output();
        let run = run.expect("it runs");
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

/// Writes a web configuration that wants TLS and a password, with all that belongs to it.
fn protect(folder: &Path) {
    let path = |name: &str| folder.join(name).display().to_string();
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let certificate = params.self_signed(&key).expect("a certificate");
    for (name, pem) in [
        ("server.key", key.serialize_pem()),
        ("server.crt", certificate.pem()),
    ] {
        fs::write(path(name), pem).expect("the scratch folder is writable");
    }
    let hash = bcrypt::hash("wonderland", 4).expect("hashed");
    let config = format!(
        "tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{alice: {hash}}}\n"
    );
    fs::write(path("web.yaml"), config).expect("the scratch folder is writable");
    fs::write(path("password"), "wonderland\n").expect("the scratch folder is writable");
}

#[test]
fn a_protected_agent_lets_in_who_has_the_password() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    protect(folder.path());
    let agent = Agent::start_protected(&path("web.yaml"));
    let secured = format!(
        "{SAKER} top --url https://{} --ca-file {} --user alice --password-file {}",
        agent.addr(),
        path("server.crt"),
        path("password")
    );
    let mut terminal = Terminal::start(&secured);
    wait_until("the rules are shown", || terminal.shown().contains("Rules"));
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.shown());

    let stranger = Command::new(SAKER)
        .args([
            "top",
            "--url",
            &format!("https://{}", agent.addr()),
            "--ca-file",
            &path("server.crt"),
        ])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&stranger.stderr);
    assert_eq!(stranger.status.code(), Some(1));
    assert!(
        said.contains("401") && said.contains("--password-file"),
        "{said}"
    );
}

#[test]
fn prometheus_scrapes_a_protected_agent() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    protect(folder.path());
    let agent = Agent::start_protected(&path("web.yaml"));
    let more = format!(
        ", scheme: https, tls_config: {{ca_file: {}}}, basic_auth: {{username: alice, password_file: {}}}",
        path("server.crt"),
        path("password")
    );
    let prometheus = Prometheus::start_with(agent.addr(), &more);
    assert_eq!(prometheus.query("count(saker_build_info)"), Some(1.0));
    wait_until("its requests are counted", || {
        prometheus
            .query("saker_http_requests_total{handler=\"/metrics\",code=\"200\"}")
            .is_some_and(|count| count >= 1.0)
    });
}

/// Whether a process has ended, be it waited for or not.
fn has_ended(pid: i32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z')),
        Err(_) => true,
    }
}

#[test]
fn it_ends_with_its_terminal_and_when_it_is_told_to() {
    let agent = Agent::start(&["--output", "none"]);
    let command = format!("{SAKER} top --url http://{}", agent.addr());
    let shown =
        |terminal: &Terminal| wait_until("it is shown", || terminal.shown().contains("quit"));
    let signal = |pid: i32, signal: Signal| {
        let pid = Pid::from_raw(pid).expect("a process id");
        kill_process(pid, signal).expect("it runs");
    };
    let terminal = Terminal::start(&command);
    shown(&terminal);
    let pid = terminal.command();
    drop(terminal);
    wait_until("it ends with its terminal", || has_ended(pid));
    for told in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut terminal = Terminal::start(&command);
        shown(&terminal);
        signal(terminal.command(), told);
        assert_eq!(terminal.end(), Some(0), "{told:?}: {}", terminal.shown());
        assert!(
            terminal.shown().contains(LEAVE),
            "the terminal is given back"
        );
    }
}
