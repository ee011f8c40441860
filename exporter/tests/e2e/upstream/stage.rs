//! Where actions take place: the host, real containers, their cgroups.
//!
//! In: an action and its marker, which the command line of what it starts carries. Out: nothing; the agent sees it. Actions on
//! the host are Perl after `action.pl`; those inside a container are of its shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use exporter_ebpf::syscall::NUMBERS;
use serde_json::Value;
use tempfile::TempDir;

use super::Place;
use crate::support::cri::Pods;
use crate::support::docker::{Docker, IMAGE, LESSER};

const PRELUDE: &str = include_str!("action.pl");
/// Where the pod lives.
pub(super) const NAMESPACE: &str = "shop";
/// The containers that stay.
const PLAIN: &str = "plain";
const PRIVILEGED: &str = "privileged";

/// The engines with their containers, and a scratch folder.
pub(super) struct Stage {
    docker: Docker,
    pods: Pods,
    /// Shell commands that enter the cgroup of the plain container, and of the pod's.
    enter: [String; 2],
    scratch: TempDir,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let docker = Docker::start();
        let pods = Pods::start();
        let pod = pods.run_pod(NAMESPACE, "web-1", "0d3c8a52-7b1e-4d7a-a8f5-2f6f1b7c9e40");
        let scratch = TempDir::with_prefix("saker-upstream-").expect("a scratch folder");
        Stage {
            enter: [String::new(), String::new()],
            docker,
            pods,
            scratch,
        }
        .with_containers(&pod)
    }

    fn with_containers(mut self, pod: &crate::support::cri::Pod) -> Stage {
        let sleep = ["/bin/sleep", "10000"];
        let volumes = ["--volume", "/bin:/host:ro", "--volume", "/bin:/tools:ro"];
        let plain = [&["--name", PLAIN][..], &volumes].concat();
        self.docker.start_container(&plain, &sleep);
        let strong = ["--name", PRIVILEGED, "--privileged", "--runtime", LESSER];
        self.docker.start_container(&strong, &sleep);
        self.docker.run(&["exec", PLAIN, "/bin/touch", "/tmp/data"]);
        let id = self.pods.start_container(pod, "web", &sleep);
        let in_docker = self.docker.pid(PLAIN);
        self.enter = [enter(in_docker), enter(process_in(&id))];
        self
    }

    /// The engines, as `runtimes` of a configuration names them.
    pub(super) fn runtimes(&self) -> [Value; 2] {
        [self.docker.runtime(), self.pods.runtime()]
    }

    /// Does it, and waits for its end.
    pub(super) fn act(&self, script: &str, place: Place, marker: &str) {
        let [container, pod] = &self.enter;
        match place {
            Place::Host => self.perl(script, marker, |perl| perl),
            Place::Terminal => self.perl(script, marker, on_terminal),
            Place::Container => self.perl(script, marker, |perl| container.clone() + &perl),
            Place::Pod => self.perl(script, marker, |perl| pod.clone() + &perl),
            Place::Inside => self.inside(PLAIN, script, marker),
            Place::Privileged => self.inside(PRIVILEGED, script, marker),
            Place::InsideOnTerminal => {
                let words = ["exec", "--interactive", "--tty", PLAIN, "/bin/sh", "-c"];
                self.docker
                    .run_on_terminal(&[&words[..], &[script, marker]].concat());
            }
            Place::InsideAlone => {
                // What it says of the marker does not matter.
                let words = script.split(' ').chain([marker]);
                let mut command = self.docker.command(&["exec", PLAIN]);
                command.args(words).output().expect("docker is installed");
            }
            Place::Run => {
                let mut words = vec!["run", "--rm", "--network", "none"];
                words.extend(script.split_whitespace());
                self.docker
                    .run(&[&words[..], &[IMAGE, "/bin/true", marker]].concat());
            }
        }
    }

    fn inside(&self, container: &str, script: &str, marker: &str) {
        self.docker
            .run(&["exec", container, "/bin/sh", "-c", script, marker]);
    }

    fn perl(&self, script: &str, marker: &str, line: impl Fn(String) -> String) {
        let folder = self.scratch.path().join(marker);
        fs::create_dir(&folder).expect("a folder for the action");
        let file = folder.join("action.pl");
        fs::write(&file, calls() + PRELUDE + script).expect("the script is written");
        let perl = format!("exec perl {} {marker} {}", file.display(), folder.display());
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(line(perl)).stdin(Stdio::null());
        checked(&shell.output().expect("sh"), marker);
    }
}

fn checked(output: &Output, marker: &str) {
    assert!(
        output.status.success(),
        "{marker}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A shell command on a terminal of its own.
fn on_terminal(line: String) -> String {
    format!("exec script --quiet --return --command '{line}' /dev/null")
}

/// Perl's table of system calls.
fn calls() -> String {
    let numbers = NUMBERS.iter().filter_map(|call| {
        let number = call.native.first()?;
        Some(format!("{} => {number}, ", call.name))
    });
    format!("my %call = ({});\n", numbers.collect::<String>())
}

/// Some process of the container with this id.
fn process_in(id: &str) -> u32 {
    let is_in = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(id))
    };
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(is_in)
        .expect("a process in the container")
}

/// A shell command that enters the cgroups of a process.
fn enter(pid: u32) -> String {
    let mount = Path::new("/sys/fs/cgroup");
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it runs");
    let folders = cgroups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let hierarchy: PathBuf = match controllers {
            "" if mount.join("unified").exists() => mount.join("unified"),
            "" => mount.to_owned(),
            _ => mount.join(controllers.trim_start_matches("name=")),
        };
        let folder = hierarchy.join(path.trim_start_matches('/'));
        folder.join("cgroup.procs").exists().then_some(folder)
    });
    folders
        .map(|folder| format!("echo $$ > {}/cgroup.procs && ", folder.display()))
        .collect()
}
