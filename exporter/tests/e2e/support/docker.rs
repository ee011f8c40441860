//! A Docker engine of the test's own: nothing of it is shared with one that the machine may have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::wait::wait_until;
use testing::rootfs;

/// The image of all containers.
pub(crate) const IMAGE: &str = "saker/busybox:1";

/// The runtime for privileged containers: it asks for all capabilities but the one that these tests may lack themselves.
pub(crate) const LESSER: &str = "lesser";
const LESSER_RUNC: &str = r#"#!/bin/sh
for word; do
    case $last in
        --bundle) file=$word/config.json ;;
        --process) file=$word ;;
    esac
    last=$word
done
[ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
exec runc "$@"
"#;

/// The running engine. Dropping it removes its containers, ends it and empties its folder.
#[derive(Debug)]
pub(crate) struct Docker {
    // Ended before its folder goes away: fields are dropped in order.
    daemon: Daemon,
    folder: TempDir,
}

impl Docker {
    /// Starts an engine without a network, and gives it the image.
    pub(crate) fn start() -> Docker {
        let folder = TempDir::with_prefix("saker-docker-").expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        let config = json!({
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("docker.pid"),
            "hosts": [format!("unix://{}", path("docker.sock").display())],
            "iptables": false,
            "ip6tables": false,
            "bridge": "none",
            "runtimes": { LESSER: { "path": path("runc") } },
        });
        fs::write(path("daemon.json"), config.to_string()).expect("the scratch folder is writable");
        fs::write(path("runc"), LESSER_RUNC).expect("the scratch folder is writable");
        fs::set_permissions(path("runc"), Permissions::from_mode(0o755)).expect("ours");
        let daemon = launch(folder.path());
        let mut docker = Docker { daemon, folder };
        docker.wait_for_answers();
        let archive = rootfs::archive(&rootfs::make(docker.folder.path()));
        docker.run(&["import", archive.to_str().expect("a UTF-8 path"), IMAGE]);
        docker
    }

    /// Ends the engine, and its containers with it.
    pub(crate) fn stop(&mut self) {
        self.daemon.stop();
    }

    /// Starts it anew, where it was.
    pub(crate) fn start_again(&mut self) {
        self.daemon = launch(self.folder.path());
        self.wait_for_answers();
    }

    fn wait_for_answers(&mut self) {
        wait_until("the Docker engine answers", || {
            assert!(
                self.daemon.ended().is_none(),
                "dockerd has ended: {}",
                self.daemon.log()
            );
            self.command(&["version"])
                .output()
                .is_ok_and(|output| output.status.success())
        });
    }

    /// What `docker` prints.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        finished(
            self.command(arguments)
                .output()
                .expect("docker is installed"),
            arguments,
        )
    }

    /// What `docker` prints on a terminal of its own, for `-i -t`. The arguments are words without quotes.
    pub(crate) fn run_on_terminal(&self, arguments: &[&str]) -> String {
        let mut script = Command::new("script");
        script.args([
            "--quiet",
            "--return",
            "--command",
            &format!("docker {}", arguments.join(" ")),
            "/dev/null",
        ]);
        script
            .env("DOCKER_HOST", self.host())
            .stdin(std::process::Stdio::null());
        finished(
            script.output().expect("script is part of util-linux"),
            arguments,
        )
    }

    /// Starts a container that stays, and gives its full id.
    pub(crate) fn start_container(&self, options: &[&str], command: &[&str]) -> String {
        let mut arguments = vec!["run", "--detach", "--network", "none"];
        arguments.extend(options);
        arguments.push(IMAGE);
        arguments.extend(command);
        self.run(&arguments)
    }

    /// The engine as `runtimes` of a configuration names it.
    pub(crate) fn runtime(&self) -> Value {
        json!({ "docker": self.socket() })
    }

    /// The engine's process.
    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Process id on the host of a container's first process.
    pub(crate) fn pid(&self, container: &str) -> u32 {
        self.run(&["inspect", "--format", "{{.State.Pid}}", container])
            .parse()
            .expect("a process id")
    }

    /// `docker` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", self.host());
        command
    }

    fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // The engine would wait ten seconds for each shell that ignores its request to end.
        if let Ok(output) = self.command(&["ps", "--all", "--quiet"]).output() {
            let containers = String::from_utf8_lossy(&output.stdout).into_owned();
            for container in containers.lines() {
                let _ = self.command(&["rm", "--force", container]).output();
            }
        }
        self.daemon.stop();
    }
}

/// Starts the engine that is set up in this folder.
fn launch(folder: &Path) -> Daemon {
    Daemon::start("dockerd", "dockerd", folder, |command| {
        command.arg("--config-file").arg(folder.join("daemon.json"));
    })
}

/// What a program printed, if it went well.
pub(crate) fn finished(output: Output, arguments: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{said}\n{complaint}",
        output.status
    );
    said
}
