//! A program that runs beside the test and ends with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Time for a program to end by itself before it is killed.
const END_TIME: Duration = Duration::from_secs(15);

/// The running program. Dropping it ends it; a failing test then shows the end of its log.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    log: PathBuf,
    child: Child,
    ended: bool,
}

impl Daemon {
    /// Starts a program; what it says on standard error goes to a file in `folder`, and so does its standard output unless
    /// the command says otherwise beforehand.
    pub(crate) fn start(
        name: &str,
        program: &str,
        folder: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Daemon {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).expect("the scratch folder is writable");
        // A test that is killed takes its programs with it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", program]);
        command.stdin(std::process::Stdio::null());
        command.stdout(file.try_clone().expect("a second handle of a file"));
        command.stderr(file);
        configure(&mut command);
        let child = command.spawn().expect("setpriv is part of util-linux");
        Daemon {
            name: name.to_owned(),
            log,
            child,
            ended: false,
        }
    }

    /// The process.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Everything it has said.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of this process")
    }

    /// Sends it a signal; nothing happens if it has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        let _ = kill_process(pid, signal);
    }

    /// Asks it to end; kills it if it does not.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.ended = true;
        self.signal(Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < END_TIME {
            if let Some(status) = self.ended() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        self.child.wait().expect("a killed child ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.ended {
            self.stop();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(40)..];
            eprintln!("--- {} said at the end:\n{}", self.name, tail.join("\n"));
        }
    }
}
