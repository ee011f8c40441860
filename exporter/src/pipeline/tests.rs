//! Events that wait for an engine: which rules match at once, which later, and that none does twice.

use std::sync::mpsc::{self, Sender};

use exporter_ebpf::record::{
    Exec, Header, Inode, Kind, LAYOUT_VERSION, PathDesc, Process as Who, Stat, TailDesc,
};
use rule_engine::load::{self, LoadOptions};
use rule_engine::source::Source;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::*;
use crate::detect::RuleMetrics;
use crate::event::container::{ContainerInfo, ImageInfo, Interface};
use crate::metrics::classic_text;

const ID: &str = "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";
const RULES: &str = "
- rule: at once
  desc: d
  condition: evt.type = execve and proc.name = x
  output: x
  priority: INFO
- rule: by condition
  desc: d
  condition: evt.type = execve and not container.image.repository in (trusted)
  output: x
  priority: INFO
- rule: by output
  desc: d
  condition: evt.type = execve and proc.pname = parent
  output: \"%container.name\"
  priority: INFO
- rule: never
  desc: d
  condition: evt.type = execve and proc.name = y and container.name = web
  output: \"%container.name\"
  priority: INFO
";

/// A pipeline, and both ends of its line to the engines.
struct Bench {
    pipeline: Pipeline,
    registry: Registry,
    rules: RuleMetrics,
    news: Sender<ContainerNews>,
    asked: Receiver<String>,
}

fn detector(rules: &RuleMetrics) -> Detector {
    let source = Source {
        name: "rules.yaml".into(),
        text: RULES.into(),
    };
    let options = LoadOptions {
        append_output: Vec::new(),
        ..LoadOptions::default()
    };
    let loaded = load::load(vec![source], &Schema::syscall(), &options);
    Detector::new(loaded.rules.expect("the rules are right"), rules)
}

fn bench(engines_have_room: bool) -> Bench {
    let schema = Arc::new(Schema::syscall());
    let mut registry = Registry::new();
    let rules = RuleMetrics::declare(&mut registry);
    let metrics = PipelineMetrics::declare(&mut registry, &schema, &["execve"], 64);
    let state = State::new(64, Arc::new(Users::default()));
    let mut pipeline = Pipeline::new(
        state,
        detector(&rules),
        &schema,
        "node",
        metrics,
        Vec::new(),
    );
    let (news, heard) = mpsc::channel();
    let (ask, asked) = mpsc::channel();
    pipeline.set_engines(Engines {
        news: heard,
        ask: Box::new(move |id| ask.send(id.full.to_string()).is_ok() && engines_have_room),
    });
    let mut bench = Bench {
        pipeline,
        registry,
        rules,
        news,
        asked,
    };
    bench.answering(&[Interface::Docker]);
    bench
}

impl Bench {
    /// `parent(7)` executes, and its child `x(8)` does so in the container.
    fn run(&mut self) {
        self.pipeline.record(&exec(7, 1, "parent", "/"));
        let cgroup = format!("/docker/{ID}");
        self.pipeline.record(&exec(8, 7, "x", &cgroup));
    }

    /// The parent is given up: only events that hold it back still see it.
    fn forget_parent(&mut self) {
        for pid in 100..200 {
            self.pipeline.record(&exec(pid, 1, "other", "/"));
        }
    }

    fn hear(&mut self, news: ContainerNews) {
        self.news.send(news).expect("the pipeline listens");
        self.pipeline.hear_engines(0);
    }

    /// Engines answer by these interfaces.
    fn answering(&mut self, interfaces: &[Interface]) {
        let interfaces = interfaces.iter().copied().collect();
        self.hear(ContainerNews::Answering(interfaces));
    }

    /// Names of the rules that have matched, each as often as it has.
    fn matched(&self) -> Vec<String> {
        let text = classic_text(&self.registry);
        let mut matched = Vec::new();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("saker_rule_matches_total{rule=\"") else {
                continue;
            };
            let (rule, rest) = rest.split_once('"').expect("a quoted name");
            let count: usize = rest.rsplit(' ').next().unwrap().parse().unwrap();
            matched.extend(std::iter::repeat_n(rule.to_owned(), count));
        }
        matched
    }

    fn outcomes(&self) -> [u64; 3] {
        let metrics = &self.pipeline.metrics;
        [&metrics.answered, &metrics.unanswered, &metrics.no_room].map(Counter::get)
    }
}

fn known(repository: &str) -> ContainerNews {
    ContainerNews::Known(Arc::new(ContainerInfo {
        id: ID.into(),
        name: "web".into(),
        image: ImageInfo {
            repository: repository.into(),
            ..ImageInfo::default()
        },
        ..ContainerInfo::default()
    }))
}

fn exec(pid: u32, parent: u32, comm: &str, cgroup: &str) -> Vec<u8> {
    let mut who = Who::new_zeroed();
    who.pid = pid;
    who.start_boot_ns = u64::from(pid);
    who.parent_pid = parent;
    who.parent_start_boot_ns = u64::from(parent);
    who.cgroup_id = cgroup.len() as u64;
    who.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    let mut header = Header::new_zeroed();
    header.kind = Kind::Exec.number();
    header.version = LAYOUT_VERSION as u16;
    header.pid = pid;
    header.start_boot_ns = who.start_boot_ns;
    header.cgroup_id = who.cgroup_id;
    let tail = |bytes: &[u8]| TailDesc {
        bytes: bytes.len() as u16,
        flags: 0,
    };
    let path = |bytes: &[u8]| PathDesc {
        bytes: bytes.len() as u16,
        flags: 0,
        root_bytes: 0,
        pad: 0,
    };
    let fixed = Exec {
        header,
        process: who,
        inode: Inode::new_zeroed(),
        stat: Stat::new_zeroed(),
        exe: path(b"/x"),
        cwd: path(b"/"),
        filename: tail(b"x"),
        args: tail(b"x\0"),
        cgroup: tail(cgroup.as_bytes()),
        env: tail(b""),
    };
    let tails: [&[u8]; 5] = [b"/x", b"/", b"x", b"x\0", cgroup.as_bytes()];
    let mut bytes = [fixed.as_bytes(), &tails.concat()].concat();
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes
}

/// Programs on the host match this: there is no image to trust.
fn on_host(count: usize) -> Vec<String> {
    vec!["by condition".to_owned(); count]
}

#[test]
fn rules_match_as_soon_as_they_are_decided_and_once() {
    let mut bench = bench(true);
    bench.run();
    let now = [vec!["at once".to_owned()], on_host(1)].concat();
    assert_eq!(bench.matched(), now);
    assert_eq!(bench.asked.try_iter().collect::<Vec<_>>(), [ID]);
    bench.forget_parent();
    let now = [vec!["at once".to_owned()], on_host(101)].concat();
    assert_eq!(bench.matched(), now);

    bench.hear(known("trusted"));
    let later = [now, vec!["by output".to_owned()]].concat();
    assert_eq!(bench.matched(), later, "it saw its parent as it was");
    assert_eq!(bench.outcomes(), [1, 0, 0]);
    bench.hear(known("trusted"));
    assert_eq!(bench.matched(), later);
    // What is known needs no asking.
    bench.run();
    assert_eq!(bench.asked.try_iter().count(), 0);
    assert_eq!(bench.outcomes(), [1, 0, 0]);
}

#[test]
fn without_an_answer_the_metadata_is_missing() {
    let mut expected = vec!["at once".to_owned(), "by output".to_owned()];
    expected.extend(on_host(2));
    expected.sort();
    let sorted = |bench: &Bench| {
        let mut matched = bench.matched();
        matched.sort();
        matched
    };
    // No engine knows it.
    let mut unknown = bench(true);
    unknown.run();
    unknown.hear(ContainerNews::Unknown(ID.into()));
    assert_eq!(
        (sorted(&unknown), unknown.outcomes()),
        (expected.clone(), [0, 1, 0])
    );
    // Nobody says anything.
    let mut silent = bench(true);
    silent.run();
    silent.pipeline.hear_engines(2_000_000_000);
    assert_eq!(
        (sorted(&silent), silent.outcomes()),
        (expected.clone(), [0, 1, 0])
    );
    // Too much is being asked for already.
    let mut busy = bench(false);
    busy.run();
    assert_eq!((sorted(&busy), busy.outcomes()), (expected, [0, 0, 1]));
}

#[test]
fn what_no_engine_can_tell_is_not_waited_for() {
    let mut expected = vec!["at once".to_owned(), "by output".to_owned()];
    expected.extend(on_host(2));
    let sorted = |bench: &Bench| {
        let mut matched = bench.matched();
        matched.sort();
        matched
    };
    expected.sort();
    // Only Docker knows what is below /docker.
    let mut bench = bench(true);
    bench.answering(&[Interface::Cri, Interface::Containerd]);
    bench.run();
    assert_eq!((sorted(&bench), bench.outcomes()), (expected, [0, 0, 0]));
    assert_eq!(bench.asked.try_iter().count(), 0);
}

#[test]
fn what_nobody_knew_is_asked_for_again_after_minutes() {
    let mut bench = bench(true);
    bench.run();
    bench.hear(ContainerNews::Unknown(ID.into()));
    bench.run();
    assert_eq!(bench.outcomes(), [0, 1, 0], "the second one did not wait");
    assert_eq!(bench.asked.try_iter().count(), 1);
    bench.pipeline.advance(601_000_000_000);
    bench.run();
    assert_eq!(bench.asked.try_iter().count(), 1);
}

#[test]
fn waiting_ends_with_the_time_of_records() {
    let mut bench = bench(true);
    bench.run();
    let mut later = exec(9, 7, "z", "/");
    let header = Header {
        bytes: later.len() as u32,
        time_boot_ns: 2_000_000_000,
        ..Header::read_from_bytes(&later[..size_of::<Header>()]).unwrap()
    };
    later[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bench.pipeline.record(&later);
    assert_eq!(bench.outcomes(), [0, 1, 0]);
}

#[test]
fn new_rules_find_nobody_waiting() {
    let mut bench = bench(true);
    bench.run();
    let (judging, judged) = mpsc::channel();
    let rules = Box::new(detector(&bench.rules));
    bench.pipeline.control(Control::Rules(rules, judging));
    judged.try_recv().expect("the rules are in force");
    assert_eq!(bench.outcomes(), [0, 1, 0]);
    let matched = bench.matched();
    bench.hear(known("trusted"));
    assert_eq!(bench.matched(), matched);
}
