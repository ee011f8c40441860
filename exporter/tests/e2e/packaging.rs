//! The agent as a service: what systemd thinks of the unit, what it is told, and the Debian package in the smallest Debian.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::agent::SAKER;
use crate::support::daemon::Daemon;
use crate::support::docker::finished;
use crate::support::http::{free_address, get};
use crate::support::shipped;
use crate::support::wait::wait_until;

/// Exposure that systemd may find, ten times what it prints: the lower the better.
const EXPOSURE_MAX: &str = "20";
/// Folders in which package management keeps its books.
const BOOKS: [&str; 5] = [
    "var/lib/dpkg",
    "var/lib/apt",
    "var/log",
    "var/cache",
    "var/lib/systemd/deb-systemd-helper-masked",
];

#[test]
fn the_unit_leaves_the_agent_little_room() {
    let unit = shipped("packaging/saker.service");
    let arguments = ["security", "--offline=true", "--threshold", EXPOSURE_MAX];
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output()
        .expect("systemd-analyze is part of systemd");
    let said = finished(output, &arguments);
    assert!(said.contains("exposure level for saker.service"), "{said}");
}

#[test]
fn a_service_manager_hears_of_start_watch_and_end() {
    let folder = TempDir::with_prefix("saker-notify-").expect("a scratch folder");
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("the scratch folder is writable");
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("not zero");
    let hear = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).expect("the agent tells");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let addr = free_address();
    let mut service = Daemon::start(
        "service",
        "systemd-socket-activate",
        folder.path(),
        |command| {
            let notify = format!("--setenv=NOTIFY_SOCKET={}", socket.display());
            command.args(["--listen", &addr.to_string(), &notify]);
            command.args(["--setenv=WATCHDOG_USEC=3000000", SAKER, "run"]);
            command.args(["--output", "none", "--listen", "systemd"]);
        },
    );
    // The first who comes has it started, and is answered.
    wait_until("the agent is ready", || {
        assert!(service.ended().is_none(), "{}", service.log());
        matches!(get(addr, "/-/ready", ""), Ok((200, _)))
    });
    assert!(hear().starts_with("READY=1\n"));
    assert_eq!(hear(), "WATCHDOG=1");
    assert_eq!(hear(), "WATCHDOG=1");
    assert!(service.stop().success(), "{}", service.log());
    let mut last = hear();
    while last == "WATCHDOG=1" {
        last = hear();
    }
    assert!(last.starts_with("STOPPING=1\n"), "{last}");
}

/// A copy of the smallest Debian.
struct Debian(TempDir);

impl Debian {
    fn new() -> Debian {
        let folder = TempDir::with_prefix("saker-debian-").expect("a scratch folder");
        let status = Command::new("cp")
            .args(["--archive", "--reflink=auto", "--no-target-directory"])
            .arg(shipped("target/debian/root"))
            .arg(folder.path())
            .status();
        assert!(
            status.expect("cp is part of coreutils").success(),
            "`make services` installs a Debian"
        );
        Debian(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a command prints in it.
    fn run(&self, command: &[&str]) -> String {
        let output = Command::new("chroot")
            .arg(self.path())
            .args(command)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .expect("chroot is part of coreutils");
        finished(output, command)
    }

    /// All files but the books.
    fn files(&self) -> BTreeSet<PathBuf> {
        let (mut found, mut open) = (BTreeSet::new(), vec![self.path().to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let inside = path.strip_prefix(self.path()).expect("below it").to_owned();
                if BOOKS.iter().any(|book| inside.starts_with(book)) {
                    continue;
                }
                if path.is_dir() && !path.is_symlink() {
                    open.push(path);
                }
                found.insert(inside);
            }
        }
        found
    }
}

#[test]
fn the_package_installs_on_a_bare_debian_and_leaves_nothing() {
    let debian = Debian::new();
    let before = debian.files();
    let arch = debian.run(&["dpkg", "--print-architecture"]);
    let package = debian.path().join("tmp/saker.deb");
    let output = Command::new(shipped("scripts/deb"))
        .args([SAKER, &arch])
        .arg(&package)
        .env("SAKER_DEB_COMPRESSION", "none")
        .output();
    finished(output.expect("scripts/deb runs"), &["scripts/deb"]);

    debian.run(&["apt-get", "install", "--yes", "/tmp/saker.deb"]);
    fs::remove_file(&package).expect("it was made");
    for file in [
        "usr/bin/saker",
        "usr/share/saker/rules/shells.yaml",
        "lib/systemd/system/saker.service",
        "lib/systemd/system/saker.socket",
        "etc/saker/saker.yaml",
        "etc/systemd/system/multi-user.target.wants/saker.service",
        "etc/systemd/system/sockets.target.wants/saker.socket",
        "usr/share/bash-completion/completions/saker",
        "usr/share/zsh/vendor-completions/_saker",
        "usr/share/fish/vendor_completions.d/saker.fish",
    ] {
        let path = debian.path().join(file);
        assert!(path.exists() || path.is_symlink(), "{file}");
    }
    // The smallest Debian leaves manual pages out, so the package is asked.
    let contents = debian.run(&["dpkg", "--listfiles", "saker"]);
    for page in ["saker.1.gz", "saker-run.1.gz"] {
        assert!(contents.contains(page), "{contents}");
    }
    assert_eq!(
        debian.run(&["saker", "--version"]),
        format!("saker {}", env!("CARGO_PKG_VERSION"))
    );
    debian.run(&["saker", "check", "-r", "/usr/share/saker/rules"]);

    debian.run(&["apt-get", "purge", "--yes", "saker"]);
    let left: Vec<PathBuf> = debian.files().difference(&before).cloned().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}
