//! What the event thread pays for a record: to decode it, to bring the tables up to it, and to judge it.
//!
//! The records are those of the capture that the replay test keeps. Without arguments it measures and prints Markdown;
//! `--write FILE` puts it between the markers of a page.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use exporter::bundled;
use exporter::detect::{Detector, RuleMetrics};
use exporter::metrics::Registry;
use exporter::pipeline::{Pipeline, PipelineMetrics};
use exporter::state::State;
use exporter::state::user::Users;
use exporter_ebpf::record::{self, Kind, Record};
use rule_engine::load::{LoadOptions, load};
use rule_engine::schema::Schema;
use testing::page;

use records::{ByType, Feed, PROCESSES_MAX, RUNS};

mod records;

fn main() {
    page::main("measured, agent", &page::arguments(), report);
}

fn report() -> String {
    let schema = Arc::new(Schema::syscall());
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/container.capture");
    let types = ByType::of(&capture, &schema);
    let mut table = format!(
        "Nanoseconds of processor time a record, medians of {RUNS} runs. A record is as large as its fixed part and the \
         strings behind it.\n\n| event | bytes, fixed part | bytes in the capture, on average | ns to decode, and to update \
         the tables | ns in all, with the bundled rules |\n|---|---|---|---|---|\n"
    );
    for (name, records) in &types.0 {
        let fixed = fixed_bytes(&records[0]);
        let average = records::average_bytes(records);
        let state = records::updating(records, &schema);
        let line = judging(records, &schema);
        let _ = writeln!(
            table,
            "| {name} | {fixed} | {average} | {state:.0} | {line:.0} |"
        );
    }
    table
}

/// Bytes of a record without its strings.
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

fn judging(records: &[Vec<u8>], schema: &Arc<Schema>) -> f64 {
    let mut registry = Registry::new();
    let metrics = PipelineMetrics::declare(&mut registry, schema, &[], PROCESSES_MAX);
    let loaded = load(bundled::rules(), schema, &LoadOptions::default());
    let rules = loaded.rules.expect("the bundled rules are right");
    let detector = Detector::new(rules, &RuleMetrics::declare(&mut registry));
    let state = State::new(PROCESSES_MAX, Arc::new(Users::default()));
    let mut pipeline = Pipeline::new(state, detector, schema, "node", metrics, Vec::new());
    let mut feed = Feed::new(records);
    records::median(|| feed.round(&mut |bytes| pipeline.record(black_box(bytes))))
}
