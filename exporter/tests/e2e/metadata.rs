//! Names and images of containers, from the first program on, by every engine that runs here; and engines that do not answer.

use serde_json::{Value, json};

use crate::support::agent::{Agent, field};
use crate::support::cri::{self, Pods};
use crate::support::docker::{Docker, IMAGE};
use crate::support::runtimes::{Containerd, PODMAN_LIMITS, Podman, runc_on_terminal};
use crate::support::wait::{wait_for, wait_until};

/// Every program that a container executes by itself, with all that its engine says of it. `runc` is still the runtime's.
pub(crate) const RULES: &str = r#"
- rule: Program in a container
  desc: A program was executed in a container.
  condition: evt.type = execve and container.id != host and not proc.name startswith runc and proc.exepath startswith /bin
  output: >
    %proc.cmdline %container.id %container.name %container.image.repository %container.image.tag %container.privileged
    %container.mount.dest[/etc] %container.mounts %container.label.tier %container.type %container.start_ts %container.host_network
    %k8s.ns.name %k8s.pod.name %k8s.pod.uid %k8s.pod.label.tier %proc.is_container_healthcheck %container.healthcheck
  priority: NOTICE
- rule: Program of an image that is not trusted
  desc: Only the metadata tells.
  condition: evt.type = execve and container.id != host and not container.image.repository in (saker/busybox)
  output: "%container.id %container.name"
  priority: NOTICE
- rule: Container became known
  desc: An engine has told of a container.
  condition: evt.type = container
  output: "%container.id %container.name %container.privileged %evt.arg.json"
  priority: NOTICE
"#;
pub(crate) const PROGRAM: &str = "Program in a container";
pub(crate) const NOT_TRUSTED: &str = "Program of an image that is not trusted";
pub(crate) const BECAME_KNOWN: &str = "Container became known";

/// Whether a line is of this rule and about a container of this name.
pub(crate) fn is(rule: &str, name: &str) -> impl Fn(&Value) -> bool {
    move |line| line["rule"] == rule && field(line, "container.name") == name
}

pub(crate) fn parked(agent: &Agent, outcome: &str) -> f64 {
    let name = "saker_parked_events_total";
    let scrape = agent.scrape();
    scrape.sum(name, &[("outcome", outcome)]).expect("a series")
}

pub(crate) fn held(agent: &Agent, table: &str) -> f64 {
    let name = "saker_table_entries";
    let scrape = agent.scrape();
    scrape.sum(name, &[("table", table)]).expect("a series")
}

pub(crate) fn text(line: &Value, name: &str) -> String {
    field(line, name).as_str().unwrap_or_default().to_owned()
}

#[test]
fn docker_tells_everything_from_the_first_program_on() {
    let docker = Docker::start();
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    let mut arguments = vec!["run", "--rm", "--network", "none", "--name", "first"];
    arguments.extend(["--volume", "/etc:/host/etc:ro"]);
    arguments.extend(["--label", "tier=front", IMAGE, "/bin/true"]);
    docker.run(&arguments);
    let line = agent.wait_for_match("the first program", is(PROGRAM, "first"));
    assert_eq!(field(&line, "container.image.repository"), "saker/busybox");
    assert_eq!(field(&line, "container.image.tag"), "1");
    assert_eq!(field(&line, "container.privileged"), false);
    assert_eq!(field(&line, "container.mount.dest[/etc]"), "/host/etc");
    assert_eq!(field(&line, "container.label.tier"), "front");
    assert_eq!(field(&line, "container.type"), "docker");
    assert_eq!(field(&line, "container.host_network"), false);
    assert_eq!(field(&line, "container.healthcheck"), "NONE");
    assert_eq!(field(&line, "proc.is_container_healthcheck"), false);
    assert!(field(&line, "container.start_ts").is_u64(), "{line}");
    assert_eq!(*field(&line, "k8s.ns.name"), Value::Null);
    let known = agent.wait_for_match("its event", is(BECAME_KNOWN, "first"));
    assert_eq!(field(&known, "container.id"), field(&line, "container.id"));
    // The image is trusted: the rule that needs the metadata has waited for it.
    assert_eq!(agent.count_matches(is_untrusted(&line)), 0);
    // What has not started yet, and need not be able to, is known all the same.
    docker.run(&[
        "create",
        "--privileged",
        "--name",
        "strong",
        IMAGE,
        "/bin/true",
    ]);
    let line = agent.wait_for_match("its event", is(BECAME_KNOWN, "strong"));
    assert_eq!(field(&line, "container.privileged"), true);
}

/// Whether a line says that the image of the container in `line` is not trusted.
fn is_untrusted(line: &Value) -> impl Fn(&Value) -> bool {
    let id = field(line, "container.id").clone();
    move |line| line["rule"] == NOT_TRUSTED && *field(line, "container.id") == id
}

#[test]
fn containers_that_ran_before_the_agent_are_known_and_so_are_health_checks() {
    let docker = Docker::start();
    let mut options = vec!["--name", "elder", "--health-interval", "1s"];
    options.extend(["--health-cmd", "cat /etc/passwd"]);
    let id = docker.start_container(&options, &["/bin/sleep", "1000"]);
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    agent.wait_for_match("its event", is(BECAME_KNOWN, "elder"));
    let is_check = |line: &Value| {
        is(PROGRAM, "elder")(line) && *field(line, "proc.is_container_healthcheck") == true
    };
    let line = agent.wait_for_match("a health check", is_check);
    let command = "/bin/sh -c cat /etc/passwd";
    assert_eq!(field(&line, "container.healthcheck"), command);
    docker.run(&["exec", &id, "/bin/cat", "/etc/shadow"]);
    let line = agent.wait_for_match("what is no health check", |line| {
        is(PROGRAM, "elder")(line) && field(line, "proc.cmdline") == "cat /etc/shadow"
    });
    assert_eq!(*field(&line, "proc.is_container_healthcheck"), json!(false));
}

#[test]
fn podman_tells_through_its_service() {
    let podman = Podman::start("localhost/team/tool:3");
    let mut agent = Agent::start_asking(&[podman.runtime()], RULES);
    let run = ["run", "--rm", "--network", "none", "--name", "pod-man"];
    let rest = ["localhost/team/tool:3", "/bin/true"];
    podman.run(&[&run[..], &PODMAN_LIMITS, &rest].concat());
    let line = agent.wait_for_match("its program", is(PROGRAM, "pod-man"));
    assert_eq!(
        field(&line, "container.image.repository"),
        "localhost/team/tool"
    );
    assert_eq!(field(&line, "container.image.tag"), "3");
    assert_eq!(field(&line, "container.type"), "podman");
    assert_eq!(field(&line, "container.privileged"), false);
}

#[test]
fn containerd_tells_of_pods_over_cri() {
    let pods = Pods::start();
    let mut agent = Agent::start_asking(&[pods.runtime()], RULES);
    let uid = "7a3c1f0e-55b1-4c0c-9a58-0a1d4d2c9e11";
    let pod = pods.run_pod("shop", "web-1", uid);
    let id = pods.start_container(&pod, "web", &["/bin/sleep", "1000"]);
    let line = agent.wait_for_match("its program", |line| {
        line["rule"] == PROGRAM && field(line, "container.id") == &id[..12]
    });
    assert_eq!(field(&line, "container.name"), "web");
    assert_eq!(
        field(&line, "container.image.repository"),
        "saker.local/team/busybox"
    );
    assert_eq!(field(&line, "container.image.tag"), "7");
    assert_eq!(field(&line, "container.type"), "containerd");
    assert_eq!(field(&line, "container.privileged"), false);
    assert_eq!(field(&line, "container.host_network"), true);
    assert_eq!(field(&line, "k8s.ns.name"), "shop");
    assert_eq!(field(&line, "k8s.pod.name"), "web-1");
    assert_eq!(field(&line, "k8s.pod.uid"), uid);
    assert_eq!(field(&line, "k8s.pod.label.tier"), "front");
    // The sandbox has a process of its own.
    let sandbox = &pod.sandbox[..12];
    let line = wait_for("the sandbox's event", || {
        let is_its =
            |line: &Value| line["rule"] == BECAME_KNOWN && field(line, "container.id") == sandbox;
        agent.matches(is_its).into_iter().next()
    });
    assert_eq!(field(&line, "container.name"), "web-1");
}

#[test]
fn containerd_tells_of_what_ctr_has_made() {
    let containerd = Containerd::start();
    cri::import(&containerd, "team");
    let runtime = json!({ "containerd": containerd.socket() });
    let mut agent = Agent::start_asking(&[runtime], RULES);
    let mut arguments = vec!["-n", "team", "run", "--rm", "--snapshotter", "native"];
    arguments.extend(["--label", "tier=front", "--env", "SECRET=e2e"]);
    arguments.extend([
        "--mount",
        "type=bind,src=/etc,dst=/host/etc,options=rbind:ro",
    ]);
    arguments.extend([cri::IMAGE, "job-1", "/bin/true"]);
    containerd.run(&arguments);
    let line = agent.wait_for_match("its program", is(PROGRAM, "job-1"));
    assert_eq!(field(&line, "container.id"), "job-1");
    assert_eq!(field(&line, "container.type"), "containerd");
    assert_eq!(
        field(&line, "container.image.repository"),
        "saker.local/team/busybox"
    );
    assert_eq!(field(&line, "container.image.tag"), "7");
    assert_eq!(field(&line, "container.privileged"), false);
    assert_eq!(field(&line, "container.host_network"), false);
    assert_eq!(field(&line, "container.label.tier"), "front");
    assert_eq!(field(&line, "container.mount.dest[/etc]"), "/host/etc");
    assert_eq!(*field(&line, "k8s.ns.name"), Value::Null);
    let line = agent.wait_for_match("its event", is(BECAME_KNOWN, "job-1"));
    let told = text(&line, "evt.arg.json");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["container"]["imagetag"], "7", "{told}");
    assert!(!told.to_string().contains("SECRET"), "{told}");
}

/// By runc alone, where any engine might have put it.
#[test]
fn what_no_engine_knows_is_asked_for_once() {
    let docker = Docker::start();
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    let id = "fedcba9876543210".repeat(4);
    let cgroup = format!("/lot/{id}");
    let asked = |agent: &Agent| {
        let name = "saker_runtime_lookups_total";
        agent.scrape().sum(name, &[("outcome", "unknown")])
    };
    for (times, name) in [(1, "e2e-unknown-1"), (2, "e2e-unknown-2")] {
        runc_on_terminal(name, &cgroup, &["/bin/true"]);
        let is_program = |line: &Value| {
            line["rule"] == PROGRAM
                && field(line, "container.id") == &id[..12]
                && *field(line, "container.name") == Value::Null
        };
        wait_until("its program", || agent.count_matches(is_program) == times);
        assert_eq!(asked(&agent), Some(2.0), "asked twice for {name}");
    }
}
