//! A connection out of a container, and datagrams to one peer and another.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::support::agent::{Agent, field};
use crate::support::docker::Docker;

const RULE: &str = "Unexpected outbound connection from container";
/// An address of the world outside, from a range that is kept for documentation.
const OUTSIDE: &str = "198.51.100.7";

#[test]
fn connection_to_the_outside_fires_and_one_inside_the_container_does_not() {
    let docker = Docker::start();
    // The container's own loopback device has the outside address, so that nothing leaves the machine. Programs are named by
    // their paths: the shell would run them inside itself.
    let script = format!(
        "/bin/ip link set lo up && /bin/ip addr add {OUTSIDE}/32 dev lo && /bin/nc -ll -p 4444 -e true & \
         until /bin/nc -w 1 127.0.0.1 4444 </dev/null && /bin/nc -w 1 {OUTSIDE} 4444 </dev/null; do :; done; sleep 1000"
    );
    let mut agent = Agent::start(&[]);
    let id = docker.start_container(&["--cap-add", "NET_ADMIN"], &["/bin/sh", "-c", &script]);
    let line = agent.wait_for_match("a line for the connection", |line| line["rule"] == RULE);
    assert_eq!(field(&line, "container.id"), &id[..12]);
    assert_eq!(field(&line, "proc.name"), "nc");
    assert_eq!(*field(&line, "fd.rport"), json!(4444));
    assert_eq!(field(&line, "fd.rip"), OUTSIDE);
    let inside = agent.matches(|line| line["rule"] == RULE && field(line, "fd.rip") != OUTSIDE);
    assert!(inside.is_empty(), "{inside:?}");
}

/// Sends a datagram from one socket to each of these ports.
const DATAGRAMS: &str = r#"
    use Socket;
    socket(S, AF_INET, SOCK_DGRAM, 0) or die;
    defined send(S, "x", 0, pack_sockaddr_in($_, INADDR_LOOPBACK)) or die for @ARGV;
"#;

#[test]
fn a_datagrams_peer_is_told_when_it_is_another_than_before() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("rules.yaml");
    let rule = "
- rule: Other peer
  desc: A datagram goes to somebody else than the one before.
  condition: evt.type = sendto and fd.name_changed = true and proc.args endswith '48879'
  output: x %fd.rport
  priority: INFO
";
    fs::write(&file, rule).expect("the scratch folder is writable");
    let mut agent = Agent::start(&["-r", file.to_str().expect("a UTF-8 path")]);
    let ports = ["9", "9", "10", "10", "9", "48879"];
    let status = Command::new("perl")
        .args(["-e", DATAGRAMS])
        .args(ports)
        .status();
    assert!(status.expect("perl runs").success());
    let is_last = |line: &_| *field(line, "fd.rport") == json!(48879);
    agent.wait_for_match("the last datagram", is_last);
    let lines = agent.matches(|_| true);
    let told: Vec<_> = lines.iter().map(|line| field(line, "fd.rport")).collect();
    assert_eq!(told, [&json!(9), &json!(10), &json!(9), &json!(48879)]);
}
