//! Engines under load, that hang, and that are started anew: what the agent knows comes back, and what is gone leaves nothing.

use std::collections::HashMap;
use std::ops::Range;

use rustix::process::Signal;
use serde_json::Value;

use crate::metadata::{BECAME_KNOWN, NOT_TRUSTED, PROGRAM, RULES, held, is, parked, text};
use crate::support::agent::{Agent, field};
use crate::support::cri::Pods;
use crate::support::daemon::Daemon;
use crate::support::docker::{Docker, IMAGE};
use crate::support::runtimes::{PODMAN_LIMITS, Podman, runc_on_terminal};
use crate::support::wait::wait_until;

/// Containers that are gone and stay for a while all the same, at most.
const LINGERING_MAX: f64 = 128.0;
/// How much the memory of an agent that keeps nothing may vary, in bytes.
const MEMORY_SLACK: f64 = 16e6;

/// What the agent holds of the machine.
#[derive(Debug)]
struct Weight {
    memory: f64,
    files: f64,
    series: usize,
}

impl Weight {
    fn of(agent: &Agent) -> Weight {
        let scrape = agent.scrape();
        let value = |name: &str| scrape.sum(name, &[]).expect("a series");
        Weight {
            memory: value("process_resident_memory_bytes"),
            files: value("process_open_fds"),
            series: scrape.0.len(),
        }
    }

    fn is_at_most(&self, before: &Weight) -> bool {
        self.memory <= before.memory + MEMORY_SLACK
            && self.files <= before.files
            && self.series <= before.series
    }
}

/// Runs containers that end at once, a few at a time.
fn start(docker: &Docker, numbers: Range<usize>) {
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let mine = numbers.clone().skip(worker).step_by(4);
            scope.spawn(move || mine.for_each(|n| run(docker, &format!("short-{n}"))));
        }
    });
}

/// Runs a container that ends at once.
fn run(docker: &Docker, name: &str) {
    let run = ["run", "--rm", "--network", "none", "--name", name];
    docker.run(&[&run[..], &[IMAGE, "/bin/true"]].concat());
}

/// Whether a line tells of one of them; the machine may run other containers meanwhile.
fn is_known(line: &Value) -> bool {
    let name = field(line, "container.name").as_str();
    line["rule"] == BECAME_KNOWN && name.is_some_and(|name| name.starts_with("short-"))
}

fn wait_for_known(agent: &mut Agent, containers: usize) {
    wait_until("each is known", || {
        agent.count_matches(is_known) >= containers
    });
}

#[test]
fn hundreds_of_containers_are_each_known_and_none_stays() {
    const CONTAINERS: usize = 200;
    let docker = Docker::start();
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    let start = |range: std::ops::Range<usize>| start(&docker, range);
    start(0..CONTAINERS / 2);
    wait_for_known(&mut agent, CONTAINERS / 2);
    let before = Weight::of(&agent);
    start(CONTAINERS / 2..CONTAINERS);
    wait_for_known(&mut agent, CONTAINERS);
    let ours: HashMap<String, String> = agent
        .matches(is_known)
        .iter()
        .map(|line| (text(line, "container.id"), text(line, "container.name")))
        .collect();
    assert_eq!(ours.len(), CONTAINERS);
    let is_ours = |line: &Value| ours.contains_key(&text(line, "container.id"));
    let is_program = |line: &Value| line["rule"] == PROGRAM && is_ours(line);
    wait_until("a line for each", || {
        agent.count_matches(is_program) >= CONTAINERS
    });
    let lines = agent.matches(is_program);
    assert_eq!(lines.len(), CONTAINERS, "each has one program");
    for line in lines {
        assert_eq!(
            text(&line, "container.name"),
            ours[&text(&line, "container.id")]
        );
    }
    let untrusted = |line: &Value| line["rule"] == NOT_TRUSTED && is_ours(line);
    assert_eq!(agent.count_matches(untrusted), 0);
    wait_until("the table holds but those that linger", || {
        held(&agent, "containers") <= LINGERING_MAX && held(&agent, "parked_events") == 0.0
    });
    wait_until("it holds no more than after the first half", || {
        Weight::of(&agent).is_at_most(&before)
    });
}

/// A container that the agent has not heard of, where the engine's have their place: seen, without what only the engine knows.
fn is_seen_without_name(agent: &mut Agent, name: &str, place: &str, id: &str) {
    runc_on_terminal(name, &format!("{place}{id}"), &["/bin/true"]);
    let line = agent.wait_for_match("a line without the name", |line| {
        line["rule"] == PROGRAM && field(line, "container.id") == &id[..12]
    });
    assert_eq!(*field(&line, "container.name"), Value::Null);
}

/// While the engine hangs, detection goes on, fields are absent, and both are counted; then it is back.
fn hangs(agent: &mut Agent, engine: &Daemon, place: &str, id: &str) {
    engine.signal(Signal::STOP);
    is_seen_without_name(agent, &format!("e2e-hang-{}", &id[..4]), place, id);
    assert!(parked(agent, "unanswered") >= 1.0);
    wait_until("the engine counts as down", || agent.engines_up() == 0.0);
    engine.signal(Signal::CONT);
    wait_until("the engine is back", || agent.engines_up() == 1.0);
}

#[test]
fn docker_that_hangs_costs_its_answers_and_nothing_else() {
    let docker = Docker::start();
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    let id = "0123456789abcdef".repeat(4);
    hangs(&mut agent, docker.daemon(), "/docker/", &id);
    run(&docker, "back");
    let line = agent.wait_for_match("a line with the name", is(PROGRAM, "back"));
    assert_eq!(field(&line, "container.image.tag"), "1");
}

#[test]
fn podman_that_hangs_costs_its_answers_and_nothing_else() {
    let podman = Podman::start("localhost/team/tool:3");
    let mut agent = Agent::start_asking(&[podman.runtime()], RULES);
    let id = "123456789abcdef0".repeat(4);
    hangs(&mut agent, podman.service(), "/libpod_parent/libpod-", &id);
    let run = ["run", "--rm", "--network", "none", "--name", "pod-back"];
    let rest = ["localhost/team/tool:3", "/bin/true"];
    podman.run(&[&run[..], &PODMAN_LIMITS, &rest].concat());
    let line = agent.wait_for_match("a line with the name", is(PROGRAM, "pod-back"));
    assert_eq!(field(&line, "container.image.tag"), "3");
}

#[test]
fn containerd_that_hangs_costs_its_answers_and_nothing_else() {
    let pods = Pods::start();
    let mut agent = Agent::start_asking(&[pods.runtime()], RULES);
    let uid = "3c2b1a09-1d4f-4a55-8c11-6b7d8e9f0a1b";
    let id = "23456789abcdef01".repeat(4);
    let place = format!("/kubepods/burstable/pod{uid}/");
    hangs(&mut agent, pods.daemon(), &place, &id);
    let pod = pods.run_pod("shop", "web-2", uid);
    pods.start_container(&pod, "web-back", &["/bin/sleep", "1000"]);
    let line = agent.wait_for_match("a line with the name", is(PROGRAM, "web-back"));
    assert_eq!(field(&line, "k8s.pod.name"), "web-2");
}

#[test]
fn docker_started_anew_is_asked_again() {
    let mut docker = Docker::start();
    let mut agent = Agent::start_asking(&[docker.runtime()], RULES);
    run(&docker, "before");
    agent.wait_for_match("a line with the name", is(PROGRAM, "before"));
    docker.stop();
    wait_until("the engine counts as down", || agent.engines_up() == 0.0);
    let id = "3456789abcdef012".repeat(4);
    is_seen_without_name(&mut agent, "e2e-gone", "/docker/", &id);
    docker.start_again();
    wait_until("the engine is back", || agent.engines_up() == 1.0);
    run(&docker, "after");
    let line = agent.wait_for_match("a line with the name", is(PROGRAM, "after"));
    assert_eq!(field(&line, "container.image.tag"), "1");
}

#[test]
fn containerd_started_anew_is_asked_again_and_its_pods_are_known() {
    let mut pods = Pods::start();
    let mut agent = Agent::start_asking(&[pods.runtime()], RULES);
    let uid = "4d3c2b1a-2e50-4b66-9d22-7c8e9f0a1b2c";
    let pod = pods.run_pod("shop", "web-3", uid);
    pods.stop();
    wait_until("the engine counts as down", || agent.engines_up() == 0.0);
    let id = "456789abcdef0123".repeat(4);
    let place = format!("/kubepods/burstable/pod{uid}/");
    is_seen_without_name(&mut agent, "e2e-gone-pod", &place, &id);
    pods.start_again();
    wait_until("the engine is back", || agent.engines_up() == 1.0);
    pods.start_container(&pod, "web-after", &["/bin/sleep", "1000"]);
    let line = agent.wait_for_match("a line with the name", is(PROGRAM, "web-after"));
    assert_eq!(field(&line, "k8s.pod.name"), "web-3");
}
