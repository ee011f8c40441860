//! An event about files or the network that matches nothing takes no memory from the allocator, from its record to the verdict.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use exporter::detect::{Detector, RuleMetrics};
use exporter::event::capture::CaptureReader;
use exporter::metrics::Registry;
use exporter::pipeline::{Pipeline, PipelineMetrics};
use exporter::state::State;
use exporter::state::user::Users;
use exporter_ebpf::record::{CALL_CHDIR, CALL_FCHDIR, CALL_SETPGID, CALL_SETSID, Kind, Record};
use rule_engine::load::{LoadOptions, load};
use rule_engine::schema::Schema;
use rule_engine::source::Source;
use testing::allocations::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rules that read much and match nothing.
const RULES: &str = "
- rule: files
  desc: d
  condition: >
    fd.name contains zzz or fd.directory = /zzz or fd.filename = zzz or fd.nameraw = zzz or fs.path.name = zzz
    or fs.path.source = zzz or fs.path.target = zzz or evt.args contains zzz
  output: x
  priority: INFO
- rule: network
  desc: d
  condition: fd.sip = 203.0.113.77 or fd.net = 203.0.113.0/24 or fd.sport = 3 or fd.sip.name = zzz.example or fd.l4proto = zzz
  output: x
  priority: INFO
- rule: who
  desc: d
  condition: >
    proc.cmdline contains zzz or proc.aname in (zzz) or proc.cwd = /zzz/ or proc.sname = zzz or user.name = zzz
    or container.id = zzz or container.image.repository = zzz or proc.pgid.name = zzz or thread.cap_effective contains zzz
  output: x
  priority: INFO
";

/// The records of the capture: all, and those that are about files or the network and change no table.
fn records() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/container.capture");
    let file = File::open(path).expect("the capture is part of the project");
    let mut all = Vec::new();
    CaptureReader::new(file)
        .and_then(|reader| reader.each_record(|bytes| all.push(bytes.to_vec())))
        .expect("a whole capture");
    let plain = |bytes: &&Vec<u8>| match Record::parse(bytes).expect("a record") {
        Record::Syscall(call) => {
            ![CALL_CHDIR, CALL_FCHDIR, CALL_SETPGID, CALL_SETSID].contains(&call.fixed.call.call)
        }
        record => matches!(record.kind(), Kind::Open | Kind::Connect),
    };
    let plain = all.iter().filter(plain).cloned().collect();
    (all, plain)
}

#[test]
fn events_of_files_and_the_network_that_match_nothing_allocate_nothing() {
    let schema = Arc::new(Schema::syscall());
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: RULES.to_owned(),
    };
    let rules = load(vec![source], &schema, &LoadOptions::default()).rules;
    let mut registry = Registry::new();
    let metrics = PipelineMetrics::declare(&mut registry, &schema, &[], 1024);
    let judged = RuleMetrics::declare(&mut registry);
    let detector = Detector::new(rules.expect("the rules are right"), &judged);
    let matches: Vec<_> = detector.rules().map(|(_, count)| count.clone()).collect();
    let state = State::new(1024, Arc::new(Users::default()));
    let mut pipeline = Pipeline::new(state, detector, &schema, "node", metrics, Vec::new());
    let (all, plain) = records();
    assert!(plain.len() > 20, "{} records", plain.len());
    // The first rounds fill the tables, find how much memory there has to be, and fill the caches of automata.
    for _ in 0..20 {
        all.iter().for_each(|bytes| pipeline.record(bytes));
    }
    (0..20).for_each(|_| plain.iter().for_each(|bytes| pipeline.record(bytes)));
    for bytes in &plain {
        let calls = allocations::during(|| (0..10).for_each(|_| pipeline.record(bytes)));
        let record = Record::parse(bytes).expect("a record");
        assert_eq!(calls, 0, "{record:?}");
    }
    assert!(matches.iter().all(|count| count.get() == 0));
}
