//! Containers by the other runtimes: containerd, podman, and runc alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::docker::finished;
use super::rootfs;
use super::wait::wait_until;

/// A containerd of the test's own.
#[derive(Debug)]
pub(crate) struct Containerd {
    daemon: Daemon,
    folder: TempDir,
    root: PathBuf,
}

impl Containerd {
    /// Starts it.
    pub(crate) fn start() -> Containerd {
        let folder = TempDir::with_prefix("saker-ctr-").expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {:?}\n",
            path("root"),
            path("state"),
            path("ctr.sock"),
        );
        fs::write(path("config.toml"), config).expect("the scratch folder is writable");
        let daemon = Daemon::start("containerd", "containerd", folder.path(), |command| {
            command.arg("--config").arg(path("config.toml"));
        });
        let root = rootfs::make(folder.path());
        let mut containerd = Containerd {
            daemon,
            folder,
            root,
        };
        wait_until("containerd answers", || {
            assert!(
                containerd.daemon.ended().is_none(),
                "containerd has ended: {}",
                containerd.daemon.log()
            );
            containerd
                .command(&["version"])
                .output()
                .is_ok_and(|output| output.status.success())
        });
        containerd
    }

    /// Runs a command with a terminal to its end, in a container of this name.
    pub(crate) fn run_on_terminal(&self, name: &str, command: &[&str]) -> String {
        let socket = self.folder.path().join("ctr.sock");
        let root = self.root.to_str().expect("a UTF-8 path");
        let line = format!(
            "ctr --address {} run --rm --tty --rootfs {root} {name} {}",
            socket.display(),
            command.join(" ")
        );
        on_terminal(&line)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command
            .arg("--address")
            .arg(self.folder.path().join("ctr.sock"))
            .args(arguments);
        command
    }
}

/// Runs a command with a terminal to its end in a podman container; gives the container's full id.
pub(crate) fn podman_on_terminal(command: &[&str]) -> String {
    let folder = TempDir::with_prefix("saker-podman-").expect("a scratch folder");
    let root = rootfs::make(folder.path());
    let id_file = folder.path().join("id");
    // Where the caller's limits are low, podman's own wishes cannot be granted.
    let line = format!(
        "podman --root {0}/root --runroot {0}/run --tmpdir {0}/tmp --storage-driver vfs --runtime runc \
         --cgroup-manager cgroupfs --events-backend none run --rm --tty --network none --cidfile {1} \
         --ulimit nofile=1024:1024 --ulimit nproc=500:500 --rootfs {2} {3}",
        folder.path().display(),
        id_file.display(),
        root.display(),
        command.join(" ")
    );
    on_terminal(&line);
    fs::read_to_string(id_file).expect("podman has written the id")
}

/// Runs a command with a terminal to its end in a container by runc alone, under this path in the cgroup hierarchy.
pub(crate) fn runc_on_terminal(name: &str, cgroup: &str, command: &[&str]) -> String {
    let folder = TempDir::with_prefix("saker-runc-").expect("a scratch folder");
    rootfs::make(folder.path());
    let spec = Command::new("runc")
        .arg("spec")
        .current_dir(folder.path())
        .output();
    finished(spec.expect("runc is installed"), &["runc", "spec"]);
    let config = folder.path().join("config.json");
    let mut spec: Value = serde_json::from_slice(&fs::read(&config).expect("runc has written it"))
        .expect("runc writes JSON");
    spec["process"]["args"] = json!(command);
    spec["linux"]["cgroupsPath"] = json!(cgroup);
    fs::write(&config, spec.to_string()).expect("written");
    let state: &Path = &folder.path().join("state");
    on_terminal(&format!(
        "runc --root {} run --bundle {} {name}",
        state.display(),
        folder.path().display()
    ))
}

/// What a command line prints on a terminal.
fn on_terminal(line: &str) -> String {
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", line, "/dev/null"])
        .stdin(Stdio::null());
    finished(
        script.output().expect("script is part of util-linux"),
        &[line],
    )
}
