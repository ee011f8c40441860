//! A connection out of a container.

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
