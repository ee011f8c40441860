//! Reading a sensitive file: inside a container, on the host, and by a program that may.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::{Agent, field};
use crate::support::docker::Docker;

const RULE: &str = "Read sensitive file untrusted";
const SENSITIVE: &str = "/etc/shadow";

/// Reads the file on the host, and gives the process id of the reader.
fn read_by(program: &Path) -> u32 {
    let mut child = Command::new(program)
        .arg(SENSITIVE)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program is there");
    let pid = child.id();
    assert!(
        child.wait().expect("a child of this process").success(),
        "root may read {SENSITIVE}"
    );
    pid
}

fn is_read_by(name: &str, container: &str) -> impl Fn(&Value) -> bool {
    move |line| {
        line["rule"] == RULE
            && field(line, "proc.name") == name
            && field(line, "fd.name") == SENSITIVE
            && field(line, "container.id") == container
    }
}

#[test]
fn untrusted_readers_fire_in_a_container_and_on_the_host_and_a_trusted_one_does_not() {
    let docker = Docker::start();
    let container = docker.start_container(&[], &["/bin/sleep", "1000"]);
    let scratch = TempDir::new().expect("a scratch folder");
    // One program under a name that reads the file in the line of duty, and under one that does not.
    let trusted = scratch.path().join("sshd");
    let untrusted = scratch.path().join("e2e-reader");
    for name in [&trusted, &untrusted] {
        symlink("/bin/cat", name).expect("linked");
    }
    let mut agent = Agent::start(&[]);

    docker.run(&["exec", &container, "cat", SENSITIVE]);
    agent.wait_for_match(
        "a line for the container",
        is_read_by("cat", &container[..12]),
    );

    // The trusted one reads first: once the other is seen, so was it.
    read_by(&trusted);
    read_by(&untrusted);
    agent.wait_for_match("a line for the host", is_read_by("e2e-reader", "host"));
    assert_eq!(agent.matches(is_read_by("sshd", "host")), [] as [Value; 0]);
}
