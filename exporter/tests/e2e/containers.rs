//! A shell with a terminal, in containers of every runtime that runs here.

use std::fs;

use serde_json::{Value, json};

use crate::support::agent::{Agent, field};
use crate::support::docker::Docker;
use crate::support::runtimes::{Containerd, podman_on_terminal, runc_on_terminal};

const SHELL_RULE: &str = "Terminal shell in container";
const SENSITIVE_RULE: &str = "Read sensitive file untrusted";
/// Who starts the first process of a container, or one that is added to it.
const PARENTS: [&str; 3] = ["containerd-shim", "runc", "conmon"];

/// Whether a line is a shell in this container.
fn is_shell_in(container: &str) -> impl Fn(&Value) -> bool {
    move |line| line["rule"] == SHELL_RULE && field(line, "container.id") == container
}

/// An id of 64 digits as `docker ps` shows it.
fn short(id: &str) -> &str {
    &id[..12]
}

/// Number of the terminal of a process, as the kernel gives it.
fn tty(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    fields
        .split(' ')
        .nth(4)
        .expect("a terminal")
        .parse()
        .expect("a number")
}

#[test]
fn each_shell_on_a_terminal_counts_once_and_its_line_says_who_and_where() {
    let docker = Docker::start();
    let mut agent = Agent::start(&[]);
    assert_eq!(
        agent.matches_of(SHELL_RULE),
        0.0,
        "every rule is there from the start"
    );

    let id = docker.start_container(&["--tty"], &["/bin/sh"]);
    let line = agent.wait_for_match("a line for the first shell", is_shell_in(short(&id)));
    assert_eq!(line["priority"], "Notice");
    assert_eq!(line["source"], "syscall");
    assert_eq!(field(&line, "proc.name"), "sh");
    let pid = docker.pid(&id);
    assert_eq!(*field(&line, "proc.pid"), json!(pid));
    assert_eq!(*field(&line, "proc.tty"), json!(tty(pid)));
    let parent = field(&line, "proc.pname").as_str().expect("a parent");
    assert!(PARENTS.contains(&parent), "{parent}");
    assert_eq!(agent.matches_of(SHELL_RULE), 1.0);

    docker.run_on_terminal(&[
        "exec",
        "--interactive",
        "--tty",
        &id,
        "/bin/sh",
        "-c",
        "tty",
    ]);
    let lines_of_shells = |agent: &mut Agent| agent.count_matches(is_shell_in(short(&id)));
    agent.wait_for_match("a line for the second shell", |line| {
        is_shell_in(short(&id))(line)
            && line["output"]
                .as_str()
                .is_some_and(|text| text.contains("sh -c tty"))
    });
    assert_eq!(
        (agent.matches_of(SHELL_RULE), lines_of_shells(&mut agent)),
        (2.0, 2)
    );

    // A shell without a terminal does not count; what it does comes after it, so its line tells that it was seen.
    docker.run(&["exec", &id, "/bin/sh", "-c", "cat /etc/shadow"]);
    agent.wait_for_match("a line for what the third shell does", |line| {
        line["rule"] == SENSITIVE_RULE && field(line, "container.id") == short(&id)
    });
    assert_eq!(
        (agent.matches_of(SHELL_RULE), lines_of_shells(&mut agent)),
        (2.0, 2)
    );

    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
}

#[test]
fn containerd_names_its_container_as_the_user_did() {
    let containerd = Containerd::start();
    let mut agent = Agent::start(&[]);
    let printed = containerd.run_on_terminal("e2e-shell", &["/bin/sh", "-c", "tty"]);
    assert!(printed.contains("/dev/pts/"), "{printed}");
    let line = agent.wait_for_match("a line for the shell", is_shell_in("e2e-shell"));
    assert_eq!(field(&line, "proc.name"), "sh");
    assert_eq!(agent.matches_of(SHELL_RULE), 1.0);
}

#[test]
fn podman_container_is_known_by_its_id() {
    let mut agent = Agent::start(&[]);
    let id = podman_on_terminal(&["/bin/sh", "-c", "tty"]);
    let line = agent.wait_for_match("a line for the shell", is_shell_in(short(&id)));
    assert_eq!(field(&line, "proc.name"), "sh");
    assert_eq!(agent.matches_of(SHELL_RULE), 1.0);
}

#[test]
fn pod_container_is_known_by_the_cgroup_path_that_a_kubelet_gives_it() {
    let mut agent = Agent::start(&[]);
    let id = "0123456789abcdef".repeat(4);
    let cgroup = format!("/kubepods/burstable/pod5f9d3c1e-6e4e-4f0a-9d55-0c4f6a1b2c3d/{id}");
    let printed = runc_on_terminal("e2e-pod", &cgroup, &["/bin/sh", "-c", "tty"]);
    assert!(
        printed.contains("/dev/pts/") || printed.contains("/dev/console"),
        "{printed}"
    );
    let line = agent.wait_for_match("a line for the shell", is_shell_in(short(&id)));
    assert_eq!(field(&line, "proc.name"), "sh");
    assert_eq!(agent.matches_of(SHELL_RULE), 1.0);
}
