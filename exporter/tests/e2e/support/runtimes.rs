//! Containers by the other runtimes: containerd, podman, and runc alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::daemon::Daemon;
use super::docker::finished;
use super::wait::wait_until;
use testing::rootfs;

/// A containerd of the test's own.
#[derive(Debug)]
pub(crate) struct Containerd {
    daemon: Daemon,
    folder: TempDir,
    root: PathBuf,
}

impl Containerd {
    /// Starts it without CRI.
    pub(crate) fn start() -> Containerd {
        Containerd::start_with("disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n", "")
    }

    /// Starts it with CRI; `pause` is the image of its sandboxes.
    pub(crate) fn start_cri(pause: &str) -> Containerd {
        let plugin = "[plugins.\"io.containerd.grpc.v1.cri\"";
        let runc = format!("{plugin}.containerd.runtimes.runc");
        Containerd::start_with(
            "",
            &format!(
                "{plugin}]\nsandbox_image = {pause:?}\nrestrict_oom_score_adj = true\ndisable_cgroup = false\n\
                 {plugin}.containerd]\nsnapshotter = \"native\"\n\
                 {runc}]\nruntime_type = \"io.containerd.runc.v2\"\n\
                 {runc}.options]\nSystemdCgroup = false\n"
            ),
        )
    }

    fn start_with(head: &str, plugins: &str) -> Containerd {
        let folder = TempDir::with_prefix("saker-ctr-").expect("a scratch folder");
        let path = |name: &str| folder.path().join(name);
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\n{head}[grpc]\naddress = {:?}\n{plugins}",
            path("root"),
            path("state"),
            path("ctr.sock"),
        );
        fs::write(path("config.toml"), config).expect("the scratch folder is writable");
        let daemon = launch_containerd(folder.path());
        let root = rootfs::make(folder.path());
        let mut containerd = Containerd {
            daemon,
            folder,
            root,
        };
        containerd.wait_for_answers();
        containerd
    }

    /// Ends it; its containers go on.
    pub(crate) fn stop(&mut self) {
        self.daemon.stop();
    }

    /// Starts it anew, where it was.
    pub(crate) fn start_again(&mut self) {
        self.daemon = launch_containerd(self.folder.path());
        self.wait_for_answers();
    }

    /// Its process.
    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    fn wait_for_answers(&mut self) {
        wait_until("containerd answers", || {
            assert!(
                self.daemon.ended().is_none(),
                "containerd has ended: {}",
                self.daemon.log()
            );
            self.command(&["version"])
                .output()
                .is_ok_and(|output| output.status.success())
        });
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

    /// What `ctr` prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output();
        finished(output.expect("ctr comes with containerd"), arguments)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("ctr.sock")
    }

    /// The file system for its containers.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(self.socket()).args(arguments);
        command
    }
}

/// Starts the containerd that is set up in this folder.
fn launch_containerd(folder: &Path) -> Daemon {
    Daemon::start("containerd", "containerd", folder, |command| {
        command.arg("--config").arg(folder.join("config.toml"));
    })
}

/// A podman of the test's own, with its service.
#[derive(Debug)]
pub(crate) struct Podman {
    service: Daemon,
    folder: TempDir,
}

impl Podman {
    /// Starts the service, and gives it an image of this name.
    pub(crate) fn start(image: &str) -> Podman {
        let folder = TempDir::with_prefix("saker-podman-").expect("a scratch folder");
        let socket = folder.path().join("podman.sock");
        let service = Daemon::start("podman", "podman", folder.path(), |command| {
            command.args(podman_options(folder.path()));
            command.args(["system", "service", "--time", "0"]);
            command.arg(format!("unix://{}", socket.display()));
        });
        wait_until("podman's socket is there", || socket.exists());
        let podman = Podman { service, folder };
        let archive = rootfs::archive(&rootfs::make(podman.folder.path()));
        podman.run(&["import", archive.to_str().expect("a UTF-8 path"), image]);
        podman
    }

    /// What `podman` prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("podman");
        command
            .args(podman_options(self.folder.path()))
            .args(arguments);
        finished(command.output().expect("podman is installed"), arguments)
    }

    /// The service's process.
    pub(crate) fn service(&self) -> &Daemon {
        &self.service
    }

    /// The service as `runtimes` of a configuration names it.
    pub(crate) fn runtime(&self) -> Value {
        json!({ "podman": self.folder.path().join("podman.sock") })
    }
}

/// Options that keep podman to a folder.
fn podman_options(folder: &Path) -> Vec<String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut options = Vec::new();
    for (name, value) in [
        ("--root", at("root")),
        ("--runroot", at("run")),
        ("--tmpdir", at("tmp")),
        ("--storage-driver", "vfs".to_owned()),
        ("--runtime", "runc".to_owned()),
        ("--cgroup-manager", "cgroupfs".to_owned()),
        ("--events-backend", "file".to_owned()),
    ] {
        options.extend([name.to_owned(), value]);
    }
    options
}

/// Where the caller's limits are low, podman's own wishes cannot be granted.
pub(crate) const PODMAN_LIMITS: [&str; 4] =
    ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=500:500"];

/// Runs a command with a terminal to its end in a podman container; gives the container's full id.
pub(crate) fn podman_on_terminal(command: &[&str]) -> String {
    let folder = TempDir::with_prefix("saker-podman-").expect("a scratch folder");
    let root = rootfs::make(folder.path());
    let id_file = folder.path().join("id");
    let line = format!(
        "podman {} run --rm --tty --network none --cidfile {} {} --rootfs {} {}",
        podman_options(folder.path()).join(" "),
        id_file.display(),
        PODMAN_LIMITS.join(" "),
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
