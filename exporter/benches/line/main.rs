//! What the event thread pays for a record: to decode it, to bring the tables up to it, and to judge it.
//!
//! The records are those of the capture that the replay test keeps. Without arguments it measures and prints Markdown;
//! `--write FILE` puts it between the markers of a page.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use exporter::bundled;
use exporter::detect::{Detector, RuleMetrics};
use exporter::event::capture::CaptureReader;
use exporter::event::decode::{EventTypes, facts};
use exporter::metrics::Registry;
use exporter::pipeline::{Pipeline, PipelineMetrics};
use exporter::state::State;
use exporter::state::user::Users;
use exporter_ebpf::record::{self, Kind, Record};
use rule_engine::load::{LoadOptions, load};
use rule_engine::schema::Schema;
use testing::page;
use testing::time::{Runs, ns_per_item};

/// Measured runs of each case; the median is told.
const RUNS: usize = 9;
/// Processor time that one run takes at least.
const RUN_NS: u64 = 50_000_000;
/// Capacity of the process table, as the agent has it by default.
const PROCESSES_MAX: usize = 65_536;

/// Records by the event type, or by the kind if they are no events.
type ByType = BTreeMap<&'static str, Vec<Vec<u8>>>;

fn main() {
    page::main("measured, agent", &page::arguments(), report);
}

fn report() -> String {
    let schema = Arc::new(Schema::syscall());
    let records = records();
    let types = by_type(&records, &schema);
    let mut table = format!(
        "Nanoseconds of processor time a record, medians of {RUNS} runs. A record is as large as its fixed part and the \
         strings behind it.\n\n| event | bytes, fixed part | bytes in the capture, on average | ns to decode, and to update \
         the tables | ns in all, with the bundled rules |\n|---|---|---|---|---|\n"
    );
    for (name, records) in &types {
        let fixed = fixed_bytes(&records[0]);
        let bytes: usize = records.iter().map(Vec::len).sum();
        let state = updating(records, &schema);
        let line = judging(records, &schema);
        let average = bytes / records.len();
        let _ = writeln!(
            table,
            "| {name} | {fixed} | {average} | {state:.0} | {line:.0} |"
        );
    }
    table
}

/// All records of the capture.
fn records() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/container.capture");
    let file = File::open(path).expect("the capture is part of the project");
    let mut records = Vec::new();
    CaptureReader::new(file)
        .and_then(|reader| reader.each_record(|bytes| records.push(bytes.to_vec())))
        .expect("a whole capture");
    records
}

fn by_type(records: &[Vec<u8>], schema: &Schema) -> ByType {
    let types = EventTypes::new(schema);
    let mut sorted = ByType::new();
    for bytes in records {
        let record = Record::parse(bytes).expect("the capture was read before");
        let name = match (record.kind(), types.of(&record)) {
            // An end is told once: with the birth before it, it can be told again and again.
            (Kind::Exit, _) => continue,
            (Kind::Fork, _) => "clone and procexit (both)",
            (_, Some(event)) => schema.event_def(event).name,
            (_, None) => continue,
        };
        sorted.entry(name).or_default().push(bytes.clone());
    }
    sorted
}

fn fixed_bytes(bytes: &[u8]) -> usize {
    match Record::parse(bytes).expect("it was read before").kind() {
        Kind::Exec => size_of::<record::Exec>(),
        Kind::Fork => size_of::<record::Fork>() + size_of::<record::Exit>(),
        Kind::Exit => size_of::<record::Exit>(),
        Kind::Task => size_of::<record::Task>(),
        Kind::Open => size_of::<record::Open>(),
        Kind::Connect => size_of::<record::Connect>(),
        Kind::Syscall => size_of::<record::Syscall>(),
    }
}

/// Gives records again and again, and after a birth the end of who was born: each time it is another process.
struct Feed<'r> {
    records: &'r [Vec<u8>],
    /// A birth, and an end, to be changed.
    fork: Vec<u8>,
    exit: Vec<u8>,
    born: u64,
}

impl<'r> Feed<'r> {
    fn new(records: &'r [Vec<u8>]) -> Self {
        Self {
            records,
            fork: Vec::new(),
            exit: Vec::new(),
            born: 1 << 40,
        }
    }

    /// Gives each record once to `take`; says how many those of the capture were.
    fn round(&mut self, take: &mut impl FnMut(&[u8])) -> usize {
        for bytes in self.records {
            match Record::parse(bytes) {
                Ok(Record::Fork(fork)) => {
                    self.born += 1;
                    let start = self.born.to_ne_bytes();
                    self.fork.clear();
                    self.fork.extend_from_slice(bytes);
                    let at = std::mem::offset_of!(record::Fork, process)
                        + std::mem::offset_of!(record::Process, start_boot_ns);
                    self.fork[at..at + 8].copy_from_slice(&start);
                    take(&self.fork);
                    self.exit.clear();
                    self.exit
                        .extend_from_slice(&bytes[..size_of::<record::Header>()]);
                    self.exit.resize(size_of::<record::Exit>(), 0);
                    let header = |at: usize, value: &[u8], exit: &mut Vec<u8>| {
                        exit[at..at + value.len()].copy_from_slice(value);
                    };
                    let length = (self.exit.len() as u32).to_ne_bytes();
                    header(0, &length, &mut self.exit);
                    let kind = Kind::Exit.number().to_ne_bytes();
                    header(
                        std::mem::offset_of!(record::Header, kind),
                        &kind,
                        &mut self.exit,
                    );
                    let at = std::mem::offset_of!(record::Header, start_boot_ns);
                    header(at, &start, &mut self.exit);
                    let pid = fork.fixed.process.pid.to_ne_bytes();
                    header(
                        std::mem::offset_of!(record::Header, pid),
                        &pid,
                        &mut self.exit,
                    );
                    take(&self.exit);
                }
                _ => take(bytes),
            }
        }
        self.records.len()
    }
}

fn updating(records: &[Vec<u8>], schema: &Schema) -> f64 {
    let types = EventTypes::new(schema);
    let mut state = State::new(PROCESSES_MAX, Arc::new(Users::default()));
    let mut feed = Feed::new(records);
    let mut take = |bytes: &[u8]| {
        let record = Record::parse(black_box(bytes)).expect("it was read before");
        black_box(state.apply(&record));
        black_box(types.of(&record));
        black_box(facts(&record));
    };
    median(|| feed.round(&mut take))
}

fn judging(records: &[Vec<u8>], schema: &Arc<Schema>) -> f64 {
    let mut registry = Registry::new();
    let metrics = PipelineMetrics::declare(&mut registry, schema, &[], PROCESSES_MAX);
    let loaded = load(bundled::rules(), schema, &LoadOptions::default());
    let rules = loaded.rules.expect("the bundled rules are right");
    let detector = Detector::new(rules, &RuleMetrics::declare(&mut registry));
    let state = State::new(PROCESSES_MAX, Arc::new(Users::default()));
    let mut pipeline = Pipeline::new(state, detector, schema, "node", metrics, Vec::new());
    let mut feed = Feed::new(records);
    median(|| feed.round(&mut |bytes| pipeline.record(black_box(bytes))))
}

/// Nanoseconds an item of rounds that say how many they had.
fn median(mut round: impl FnMut() -> usize) -> f64 {
    Runs::of(RUNS, || ns_per_item(RUN_NS, &mut round)).median()
}
