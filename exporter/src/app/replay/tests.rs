//! Replay is live: whatever happens in whatever order, a capture gives the matches and metrics that the agent gave.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::Receiver;

use exporter_ebpf::record::{CALL_OPENAT, Kind, LAYOUT_VERSION, Open};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use zerocopy::{FromZeros, IntoBytes};

use super::*;
use crate::app::record::counters_of;
use crate::event::capture::CaptureWriter;
use crate::event::container::{ContainerInfo, ImageInfo, Interface};
use crate::metrics;
use crate::rules;
use crate::state::tests::{exec, exit, fork, header, record, tail, task, who};

/// Shows much of what the tables hold, for every event.
const RULES: &str = "
- rule: Everything
  desc: All that happens.
  condition: evt.type in (execve, openat, procexit)
  output: >
    %evt.type %evt.num %evt.time %evt.res (%proc.name %proc.pname %proc.aname[2] %proc.aname[3] %proc.aname[4]
    %proc.cmdline %proc.exepath %proc.cwd %proc.pid %proc.ppid %proc.duration %proc.ppid.duration %proc.is_exe_upper_layer
    %user.uid %user.name %group.name %container.id %fd.name)
    %container.name %container.image.repository %container.type
  priority: NOTICE
- rule: Child of a shell
  desc: Somebody whom a shell started.
  condition: evt.type = openat and proc.pname = sh
  output: '%proc.name of %proc.pname'
  priority: WARNING
- rule: Untrusted image
  desc: Only the metadata tells.
  condition: evt.type = openat and container.id != host and not container.image.repository in (shop, bank)
  output: '%container.id %fd.name'
  priority: WARNING
- rule: Container
  desc: A container became known.
  condition: evt.type = container
  output: '%evt.num %evt.time %container.id %container.name %container.image.repository'
  priority: NOTICE
";
const CGROUPS: [&str; 4] = [
    "/",
    "/docker/9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
    "/user.slice",
    "/lot/8e0b2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8",
];
const IMAGES: [&str; 3] = ["shop", "bank", "unheard-of"];
/// Between two steps: four are longer than an event waits, a hundred longer than what is gone stays.
const STEP_NS: u64 = 310_000_000;
const NAMES: [&str; 3] = ["sh", "cat", "containerd-shim"];
/// Fewer than there are processes, so that some are given up.
const PROCESSES_MAX: usize = 8;

/// Something that happens; who and what are numbers.
#[derive(Clone, Debug)]
enum Step {
    Fork {
        maker: u32,
        child: u32,
    },
    Exec {
        who: u32,
        name: usize,
        cgroup: usize,
    },
    Exit {
        who: u32,
    },
    Open {
        who: u32,
        path: u8,
    },
    ClockSet {
        boot_wall_ns: u64,
    },
    UsersChanged {
        name: String,
    },
    Told {
        container: usize,
        image: usize,
    },
    Unknown {
        container: usize,
    },
    Gone {
        container: usize,
    },
    Answering {
        interfaces: Vec<Interface>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let pid = || 1_u32..12;
    prop_oneof![
        4 => (pid(), pid()).prop_map(|(maker, child)| Step::Fork { maker, child }),
        4 => (pid(), 0..NAMES.len(), 0..CGROUPS.len())
            .prop_map(|(who, name, cgroup)| Step::Exec { who, name, cgroup }),
        3 => pid().prop_map(|who| Step::Exit { who }),
        4 => (pid(), any::<u8>()).prop_map(|(who, path)| Step::Open { who, path }),
        1 => (1_u64 << 50..1 << 60).prop_map(|boot_wall_ns| Step::ClockSet { boot_wall_ns }),
        1 => "[a-z]{1,8}".prop_map(|name| Step::UsersChanged { name }),
        2 => (0..CGROUPS.len(), 0..IMAGES.len()).prop_map(|(container, image)| Step::Told { container, image }),
        1 => (0..CGROUPS.len()).prop_map(|container| Step::Unknown { container }),
        1 => (0..CGROUPS.len()).prop_map(|container| Step::Gone { container }),
        1 => prop::sample::subsequence(Interface::ALL.to_vec(), 0..=3).prop_map(|interfaces| Step::Answering { interfaces }),
    ]
}

fn passwd(name: &str) -> String {
    format!("{name}:x:0:0::/root:/bin/sh\n")
}

/// What reaches user space of a step.
enum Message {
    Record(Vec<u8>),
    Clock(u64),
    Users(String),
    News(u64, ContainerNews),
}

/// The container of a cgroup.
fn container(cgroup: usize) -> Box<str> {
    CGROUPS[cgroup].rsplit('/').next().unwrap().into()
}

fn message(step: &Step, at: u64) -> Message {
    let somebody = |pid: u32, name: usize, cgroup: u64| who(pid, pid / 2, NAMES[name], cgroup);
    Message::Record(match step {
        Step::Fork { maker, child } => fork(
            &somebody(*maker, 0, 1),
            who(*child, *maker, NAMES[0], 1),
            at,
        ),
        Step::Exec { who, name, cgroup } => {
            let process = somebody(*who, *name, *cgroup as u64);
            exec(process, at, b"x\0-c\0", CGROUPS[*cgroup])
        }
        Step::Exit { who } => exit(&somebody(*who, 0, 1), at),
        Step::Open { who, path } => {
            let path = format!("/etc/{path}");
            let mut fixed = Open::new_zeroed();
            let cgroup = u64::from(*who) % CGROUPS.len() as u64;
            fixed.header = header(Kind::Open, &somebody(*who, 0, cgroup), at);
            fixed.call.call = CALL_OPENAT;
            fixed.requested = tail(path.as_bytes());
            record(fixed.as_bytes(), &[path.as_bytes()])
        }
        Step::ClockSet { boot_wall_ns } => return Message::Clock(*boot_wall_ns),
        Step::UsersChanged { name } => return Message::Users(name.clone()),
        Step::Told {
            container: cgroup,
            image,
        } => {
            let info = ContainerInfo {
                id: container(*cgroup),
                name: format!("of-{}", IMAGES[*image]).into(),
                image: ImageInfo {
                    repository: IMAGES[*image].into(),
                    ..ImageInfo::default()
                },
                ..ContainerInfo::default()
            };
            return Message::News(at, ContainerNews::Known(Arc::new(info)));
        }
        Step::Unknown { container: cgroup } => {
            return Message::News(at, ContainerNews::Unknown(container(*cgroup)));
        }
        Step::Gone { container: cgroup } => {
            return Message::News(at, ContainerNews::Gone(container(*cgroup)));
        }
        Step::Answering { interfaces } => {
            let interfaces = interfaces.iter().copied().collect();
            return Message::News(at, ContainerNews::Answering(interfaces));
        }
    })
}

/// A ring as the agent meets it: filled between two looks by a few records each time.
struct Live {
    messages: VecDeque<Message>,
    batches: Vec<usize>,
    looks: usize,
    control: Option<Sender<Control>>,
    news: Sender<ContainerNews>,
    boot_wall_ns: u64,
    boot_ns: u64,
}

impl Records for Live {
    fn drain(&mut self, max: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        let batch = self.batches[self.looks % self.batches.len()].min(max);
        self.looks += 1;
        for found in 0..batch {
            match self.messages.pop_front() {
                Some(Message::Record(bytes)) => each(&bytes),
                Some(Message::Clock(boot_wall_ns)) => {
                    self.boot_wall_ns = boot_wall_ns;
                    return found;
                }
                Some(Message::Users(name)) => {
                    let users = Arc::new(Users::parse(&passwd(&name), ""));
                    let control = self.control.as_ref().expect("there until the end");
                    control.send(Control::Users(users)).unwrap();
                    return found;
                }
                Some(Message::News(boot_ns, news)) => {
                    self.boot_ns = boot_ns;
                    self.news.send(news).unwrap();
                    return found;
                }
                None => {
                    self.control = None;
                    return found;
                }
            }
        }
        batch
    }

    fn boot_wall_ns(&mut self) -> u64 {
        self.boot_wall_ns
    }

    fn boot_ns(&mut self) -> u64 {
        self.boot_ns
    }

    fn wait(&mut self, _within: Duration) {}
}

/// A place that lines are written to and read from.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    /// The matches; their names are random.
    fn matches(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let lines = str::from_utf8(&bytes).unwrap().lines();
        lines
            .map(|line| {
                let mut value: Value = serde_json::from_str(line).unwrap();
                assert!(value.as_object_mut().unwrap().remove("uuid").is_some());
                value
            })
            .collect()
    }
}

fn settings() -> (TempDir, Settings) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, RULES).unwrap();
    let settings = Settings {
        rules: vec![file],
        processes_max: PROCESSES_MAX,
        ..Settings::default()
    };
    (folder, settings)
}

/// All that is shown, but for how long the rules took.
fn exposition(registry: &Registry) -> String {
    let text = metrics::classic_text(registry);
    let lines = text.lines();
    let lines = lines.filter(|line| !line.starts_with("saker_rule_evaluation_seconds_total"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The agent's line, with these records as the scan and those as the ring.
fn live(
    settings: &Settings,
    schema: &Arc<Schema>,
    scan: &[u8],
    mut ring: Live,
    control: &Receiver<Control>,
    news: Receiver<ContainerNews>,
) -> (Vec<Value>, String) {
    let rules = rules::load(settings, schema).unwrap();
    let mut registry = Registry::new();
    let mut rule_metrics = RuleMetrics::declare(&mut registry);
    let workloads = rule_metrics.declare_workloads(&mut registry, &settings.workload_metrics);
    let supplied: Vec<&str> = supplied_events().collect();
    let metrics =
        PipelineMetrics::declare(&mut registry, schema, &supplied, settings.processes_max);
    let (queue, pending) = output::queue(&mut registry);
    let sink = Sink::default();
    let lines = Lines::new(output::Format::Json, "node-1".to_owned());
    let writer = Writer::start(pending, sink.clone(), lines).unwrap();
    let users = Users::parse(&passwd("root"), "");
    let mut pipeline = Pipeline::new(
        State::new(settings.processes_max, Arc::new(users)),
        Detector::new(rules.set, &rule_metrics),
        schema,
        "node-1",
        metrics.clone(),
        vec![queue],
    );
    pipeline.set_workloads(workloads.expect("they are switched on"));
    pipeline.set_engines(Engines {
        news,
        ask: Box::new(|_| true),
    });
    pipeline.scanned(scan);
    pipeline.run(&mut ring, control);
    writer.finish(Duration::MAX);
    declare_kernel(&mut registry, Vec::new, metrics.malformed());
    (sink.matches(), exposition(&registry))
}

fn host() -> Host {
    Host {
        layout_version: LAYOUT_VERSION as u32,
        version: "1.2.3".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        kernel_release: "6.18.0".to_owned(),
        hostname: "node-1".to_owned(),
        watched: vec!["openat".to_owned()],
    }
}

/// The same as a capture.
fn captured(scan: &[Vec<u8>], messages: &VecDeque<Message>, boot_wall_ns: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = CaptureWriter::new(&mut bytes, &host()).unwrap();
    writer.users(&passwd("root"), "").unwrap();
    writer.clock(boot_wall_ns).unwrap();
    for record in scan {
        writer.record(record).unwrap();
    }
    for message in messages {
        match message {
            Message::Record(record) => writer.record(record),
            Message::Clock(boot_wall_ns) => writer.clock(*boot_wall_ns),
            Message::Users(name) => writer.users(&passwd(name), ""),
            Message::News(boot_ns, news) => writer.news(*boot_ns, news),
        }
        .unwrap();
    }
    writer.finish(Vec::new()).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn replay_gives_what_live_gave(
        scanned in prop::collection::vec((1_u32..12, 0..NAMES.len(), 0..CGROUPS.len()), 0..12),
        steps in prop::collection::vec(step(), 0..120),
        batches in prop::collection::vec(1_usize..20, 1..6),
    ) {
        let (_folder, settings) = settings();
        let schema = Arc::new(Schema::syscall());
        let scan: Vec<Vec<u8>> = scanned
            .into_iter()
            .map(|(pid, name, cgroup)| {
                let process = who(pid, pid / 2, NAMES[name], cgroup as u64);
                task(process, 900, b"x\0y\0", CGROUPS[cgroup])
            })
            .collect();
        let messages = || -> VecDeque<Message> {
            steps.iter().zip(1..).map(|(step, n)| message(step, n * STEP_NS)).collect()
        };
        let boot_wall_ns = 1_700_000_000_000_000_000;
        let (control, told) = mpsc::channel();
        let (news, heard) = mpsc::channel();
        let ring = Live { messages: messages(), batches, looks: 0, control: Some(control), news, boot_wall_ns, boot_ns: 0 };
        let (live_matches, live_metrics) = live(&settings, &schema, &scan.concat(), ring, &told, heard);

        let capture = captured(&scan, &messages(), boot_wall_ns);
        let sink = Sink::default();
        let rules = rules::load(&settings, &schema).unwrap();
        let replayed = run(&capture[..], &settings, rules, &schema, sink.clone()).unwrap();
        prop_assert!(replayed.error.is_none());
        prop_assert_eq!(sink.matches(), live_matches);
        prop_assert_eq!(exposition(&replayed.registry), live_metrics);
    }
}

/// The order between records and news is what counts: an event before the news shows what comes within its wait, one after
/// it what is known by then, and one whose container nobody tells of goes on when its time is over.
#[test]
fn what_engines_told_is_in_the_capture_at_its_place() {
    let (_folder, settings) = settings();
    let schema = Arc::new(Schema::syscall());
    let answering = Step::Answering {
        interfaces: vec![Interface::Docker],
    };
    let exec = Step::Exec {
        who: 5,
        name: 1,
        cgroup: 1,
    };
    let told = Step::Told {
        container: 1,
        image: 0,
    };
    let gone = Step::Gone { container: 1 };
    let steps = [&answering, &exec, &told, &exec, &gone, &exec];
    let at = [1, 2, 3, 4, 5, 200];
    let messages = steps.iter().zip(at);
    let messages = messages
        .map(|(step, n)| message(step, n * STEP_NS))
        .collect();
    let capture = captured(&[], &messages, 0);
    let sink = Sink::default();
    let rules = rules::load(&settings, &schema).unwrap();
    run(&capture[..], &settings, rules, &schema, sink.clone()).unwrap();
    let shown: Vec<(String, Value)> = sink
        .matches()
        .iter()
        .map(|line| {
            let name = line["output_fields"]["container.name"].clone();
            (line["rule"].as_str().unwrap().to_owned(), name)
        })
        .collect();
    let line = |rule: &str, name: Value| (rule.to_owned(), name);
    let expected = [
        line("Container", "of-shop".into()),
        line("Everything", "of-shop".into()),
        line("Everything", "of-shop".into()),
        // It has been forgotten since.
        line("Everything", Value::Null),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_slow_reader_gets_every_match() {
    struct Slow(Sink);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A few bytes at a time are many times slower than the pipeline.
            std::thread::yield_now();
            self.0.write(&bytes[..bytes.len().min(64)])
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_folder, settings) = settings();
    let schema = Arc::new(Schema::syscall());
    // More than the queue holds.
    let steps = vec![Step::Open { who: 3, path: 1 }; 6000];
    let messages: VecDeque<Message> = steps
        .iter()
        .zip(1000..)
        .map(|(step, at)| message(step, at))
        .collect();
    let capture = captured(&[], &messages, 0);
    let sink = Sink::default();
    let rules = rules::load(&settings, &schema).unwrap();
    let replayed = run(&capture[..], &settings, rules, &schema, Slow(sink.clone())).unwrap();
    assert_eq!(sink.matches().len(), 6000);
    assert_eq!(replayed.events, [("openat", 6000)]);
    assert_eq!(replayed.records, 6000);
}

#[test]
fn a_damaged_capture_is_judged_up_to_the_damage_and_says_what_nobody_recorded() {
    let (_folder, settings) = settings();
    let schema = Arc::new(Schema::syscall());
    let opened = |at| message(&Step::Open { who: 3, path: 1 }, at);
    let messages: VecDeque<Message> = [opened(1), Message::Clock(5), opened(2)].into();
    let mut capture = captured(&[], &messages, 0);
    // The last byte belongs to the block that ends the capture.
    capture.truncate(capture.len() - 1);
    let sink = Sink::default();
    let rules = rules::load(&Settings::default(), &schema).unwrap();
    let replayed = run(&capture[..], &settings, rules, &schema, sink).unwrap();
    assert_eq!(replayed.records, 2);
    let error = replayed.error.expect("it is cut off").to_string();
    assert!(error.contains("cut off"), "{error}");
    assert!(
        replayed.unrecorded.contains(&"connect"),
        "{:?}",
        replayed.unrecorded
    );
    assert!(
        !replayed.unrecorded.contains(&"openat"),
        "{:?}",
        replayed.unrecorded
    );
}

#[test]
fn counts_of_the_kernel_come_back() {
    let counts = vec![
        KernelCount {
            kind: Kind::Exec,
            submitted: 5,
            filtered: 4,
            lost_ring_full: 3,
            lost_no_scratch: 2,
        },
        KernelCount {
            kind: Kind::Open,
            submitted: 1,
            filtered: 0,
            lost_ring_full: 0,
            lost_no_scratch: 0,
        },
    ];
    let mut bytes = Vec::new();
    let writer = CaptureWriter::new(&mut bytes, &host()).unwrap();
    writer
        .finish(counts.iter().map(counters_of).collect())
        .unwrap();
    let (_folder, settings) = settings();
    let schema = Arc::new(Schema::syscall());
    let rules = rules::load(&settings, &schema).unwrap();
    let replayed = run(&bytes[..], &settings, rules, &schema, Sink::default()).unwrap();
    assert_eq!(replayed.counts, counts);
    let text = exposition(&replayed.registry);
    for line in [
        "saker_kernel_events_total{type=\"exec\",outcome=\"lost\"} 5",
        "saker_events_lost_total{reason=\"ring_full\"} 3",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// Rules and how often each matched, of a capture in `tests/captures`, with the kernel's filter before them or without it.
fn matches_of(
    capture: &str,
    paths: &[std::path::PathBuf],
    sieved: bool,
) -> (Vec<(String, u64)>, u64) {
    let schema = Arc::new(Schema::syscall());
    let settings = Settings {
        rules: paths.to_vec(),
        output: crate::config::OutputFormat::None,
        ..Settings::default()
    };
    let rules = rules::load(&settings, &schema).expect("the rules load");
    let state = State::new(settings.processes_max, Arc::new(Users::default()));
    let sieve = sieved.then(|| Sieve::new(&rules.set, &schema, state));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let file = fs::File::open(folder.join(capture)).expect("it is part of the project");
    let reader = io::BufReader::new(file);
    let replayed = run_sieved(reader, &settings, rules, &schema, io::sink(), sieve);
    let replayed = replayed.expect("a capture");
    let events = replayed.events.iter().map(|(_, count)| count).sum();
    let matches = replayed.matches.into_iter();
    let matches = matches.map(|(rule, count)| (rule.name.to_string(), count));
    (matches.collect(), events)
}

#[test]
fn what_the_filter_holds_back_would_have_matched_nothing() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let everything = root.join("exporter/tests/captures/everything.yaml");
    let mut sets = vec![vec![], vec![everything]];
    if let Some(files) = testing::falco_files() {
        sets.push(files);
    }
    let mut held_back = 0;
    for paths in &sets {
        for capture in ["container.capture", "ordinary.capture"] {
            let (plain, all) = matches_of(capture, paths, false);
            let (sieved, passed) = matches_of(capture, paths, true);
            assert_eq!(plain, sieved, "{capture} by {paths:?}");
            eprintln!(
                "{capture} by {paths:?}: {passed} of {all} events pass, {} rules match",
                plain.len()
            );
            held_back += all - passed;
        }
    }
    assert!(held_back > 10_000, "{held_back} held back");
}
