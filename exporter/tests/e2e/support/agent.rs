//! The agent: the built binary on a free port.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::exposition::Exposition;
use super::http::{free_address, get};
use super::wait::{wait_for, wait_until};

/// The binary under test.
pub(crate) const SAKER: &str = env!("CARGO_BIN_EXE_saker");

/// The running agent, ready.
#[derive(Debug)]
pub(crate) struct Agent {
    daemon: Daemon,
    _folder: TempDir,
    /// Its configuration and rules, if it has any: a folder that goes away would be news to it.
    kept: Vec<TempDir>,
    addr: SocketAddr,
    lines: Receiver<String>,
    matches: Vec<Value>,
}

impl Agent {
    /// Starts `saker run` with these arguments more, and waits until it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Agent {
        Agent::start_by(&[], arguments)
    }

    /// The same, started by a program that becomes it.
    fn start_by(starter: &[&str], arguments: &[&str]) -> Agent {
        Agent::start_until(starter, arguments, |_, addr| {
            matches!(get(addr, "/-/ready", ""), Ok((200, _)))
        })
    }

    /// Starts it behind a web configuration, and waits until it says that it is ready.
    pub(crate) fn start_protected(web_config: &str) -> Agent {
        let arguments = ["--web.config.file", web_config];
        Agent::start_until(&[], &arguments, |log, _| log.contains("ready address"))
    }

    /// Starts it, and waits until it is ready, as its log and address tell.
    fn start_until(
        starter: &[&str],
        arguments: &[&str],
        ready: impl Fn(&str, SocketAddr) -> bool,
    ) -> Agent {
        let folder = TempDir::with_prefix("saker-agent-").expect("a scratch folder");
        let addr = free_address();
        let listen = addr.to_string();
        let words = [starter, &[SAKER, "run", "--listen", &listen]].concat();
        let mut daemon = Daemon::start("saker", words[0], folder.path(), |command| {
            command
                .args(&words[1..])
                .args(arguments)
                .stdout(Stdio::piped());
        });
        let stdout = daemon.child().stdout.take().expect("piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut agent = Agent {
            daemon,
            _folder: folder,
            kept: Vec::new(),
            addr,
            lines,
            matches: Vec::new(),
        };
        wait_until("the agent is ready", || {
            assert!(
                agent.daemon.ended().is_none(),
                "the agent has ended: {}",
                agent.daemon.log()
            );
            ready(&agent.daemon.log(), addr)
        });
        agent
    }

    /// Starts it with these rules, asking these container engines (entries of `runtimes`), and waits until they answer.
    pub(crate) fn start_asking(runtimes: &[Value], rules: &str) -> Agent {
        let folder = TempDir::with_prefix("saker-rules-").expect("a scratch folder");
        let file = folder.path().join("rules.yaml");
        fs::write(&file, rules).expect("the scratch folder is writable");
        let mut agent =
            Agent::start_configured(&serde_json::json!({ "runtimes": runtimes, "rules": [file] }));
        agent.kept.push(folder);
        agent
    }

    /// The same with the bundled rules.
    pub(crate) fn start_bundled(runtimes: &[Value]) -> Agent {
        Agent::start_configured(&serde_json::json!({ "runtimes": runtimes }))
    }

    /// Starts it with this configuration, and waits until the container engines that it names answer.
    pub(crate) fn start_configured(config: &Value) -> Agent {
        Agent::start_configured_by(&[], config)
    }

    /// The same, where these are the names of hosts, as hosts(5) has them: it has an /etc/hosts of its own.
    pub(crate) fn start_knowing(hosts: &str, config: &Value) -> Agent {
        let folder = TempDir::with_prefix("saker-hosts-").expect("a scratch folder");
        let file = folder.path().join("hosts");
        fs::write(&file, hosts).expect("the scratch folder is writable");
        let script = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
        let file = file.to_str().expect("a UTF-8 path");
        let starter = ["unshare", "--mount", "sh", "-c", script, file];
        let mut agent = Agent::start_configured_by(&starter, config);
        agent.kept.push(folder);
        agent
    }

    fn start_configured_by(starter: &[&str], config: &Value) -> Agent {
        let folder = TempDir::with_prefix("saker-config-").expect("a scratch folder");
        let file = folder.path().join("config.yaml");
        fs::write(&file, config.to_string()).expect("the scratch folder is writable");
        let arguments = ["-c", file.to_str().expect("a UTF-8 path")];
        let mut agent = Agent::start_by(starter, &arguments);
        agent.kept.push(folder);
        if let Some(engines) = config["runtimes"].as_array() {
            let all = engines.len() as f64;
            wait_until("the engines answer", || agent.engines_up() == all);
        }
        agent
    }

    /// How many container engines answer it.
    pub(crate) fn engines_up(&self) -> f64 {
        self.scrape().sum("saker_runtime_up", &[]).unwrap_or(0.0)
    }

    /// Where it serves HTTP.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its metrics now.
    pub(crate) fn scrape(&self) -> Exposition {
        let (status, text) = get(self.addr, "/metrics", "").expect("the agent answers");
        assert_eq!(status, 200, "{text}");
        Exposition::parse(&text)
    }

    /// How often a rule has matched.
    pub(crate) fn matches_of(&self, rule: &str) -> f64 {
        let name = "saker_rule_matches_total";
        let scrape = self.scrape();
        scrape
            .sum(name, &[("rule", rule)])
            .unwrap_or_else(|| panic!("no series {name} for {rule:?}"))
    }

    /// Waits for a line that fits, among all since the start.
    pub(crate) fn wait_for_match(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            self.read_lines();
            self.matches.iter().find(|line| fits(line)).cloned()
        })
    }

    /// The lines so far that fit.
    pub(crate) fn matches(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.read_lines();
        self.matches
            .iter()
            .filter(|line| fits(line))
            .cloned()
            .collect()
    }

    /// How many lines so far fit.
    pub(crate) fn count_matches(&mut self, fits: impl Fn(&Value) -> bool) -> usize {
        self.read_lines();
        self.matches.iter().filter(|line| fits(line)).count()
    }

    /// Asks it to take its rules anew.
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Its process id.
    pub(crate) fn pid(&mut self) -> u32 {
        self.daemon.child().id()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.daemon.signal(signal);
    }

    /// Everything it has said on standard error so far.
    pub(crate) fn log(&self) -> String {
        self.daemon.log()
    }

    /// Ends it as a service manager would, and gives its last lines and what it said on standard error.
    pub(crate) fn stop(&mut self) -> (ExitStatus, String) {
        let status = self.daemon.stop();
        // The reader ends with the pipe, after the last line.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(10)) {
            self.keep(&line);
        }
        (status, self.daemon.log())
    }

    fn read_lines(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.keep(&line);
        }
    }

    fn keep(&mut self, line: &str) {
        let value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
        self.matches.push(value);
    }
}

/// A field of a match, as text or number.
pub(crate) fn field<'a>(line: &'a Value, name: &str) -> &'a Value {
    &line["output_fields"][name]
}
