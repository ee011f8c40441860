//! What rules cost: loading them, judging events by them, and having many of them.
//!
//! Without arguments it measures and prints Markdown; `--write FILE` puts it between the markers of a page. Instructions are
//! counted by valgrind, which runs this program again as `--times N load|judge`. Falco's rule files are measured when
//! `SAKER_COMPAT_RULES` names their directory; that they, or instructions, are not is said aloud.

mod events;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use rule_engine::eval::Evaluator;
use rule_engine::load::{self, LoadOptions};
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use rule_engine::source::Source;
use testing::time::{Runs, ns_per_item};
use testing::{falco_rules, page};

use events::{Event, mix};

/// Measured runs of each case; the median is told.
const RUNS: usize = 9;
/// Processor time that one run takes at least.
const RUN_NS: u64 = 100_000_000;
/// Sizes of rule sets that are compared.
const SIZES: [usize; 4] = [25, 100, 400, 1000];

fn main() {
    let arguments = page::arguments();
    match &arguments[..] {
        [times, count, what] if times == "--times" => {
            repeat(count.parse().expect("a number"), what);
        }
        _ => page::main("measured", &arguments, report),
    }
}

/// What valgrind counts: Falco's stable rules, or the bundled ones, loaded or applied to the mix so many times.
fn repeat(count: usize, what: &str) {
    let schema = Schema::syscall();
    if what == "load" {
        for _ in 0..count {
            black_box(load(rules(), &schema));
        }
        return;
    }
    let (set, events) = (load(rules(), &schema), mix(&schema));
    let mut evaluator = Evaluator::new(&set);
    for _ in 0..count {
        black_box(judge(&mut evaluator, &set, &events));
    }
}

/// The tables, with what they were measured on.
fn report() -> String {
    let schema = Schema::syscall();
    let events = mix(&schema);
    let mut table = format!(
        "Measured on {}; processor time, medians of {RUNS} runs, fastest and slowest in brackets.\n\n| case | figure |\n|---|---|\n",
        page::machine()
    );
    let mut row = |case: &str, figure: String| {
        let _ = writeln!(table, "| {case} | {figure} |");
    };
    let own = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules"));
    row("loading the bundled rules", loading(&own, &schema));
    row(
        "judging a mix of events by the bundled rules",
        rate(&judging(&load(own, &schema), &events)),
    );
    let mut counted = "the bundled rules";
    if let Some(directory) = falco_rules() {
        counted = "Falco's stable rules";
        let all = files(&directory);
        row("loading Falco's three rule files", loading(&all, &schema));
        let stable = files(&directory.join("falco_rules.yaml"));
        row(
            "judging the mix by Falco's stable rules",
            rate(&judging(&load(stable, &schema), &events)),
        );
        row(
            "judging the mix by all of Falco's rules",
            rate(&judging(&load(all, &schema), &events)),
        );
    }
    if let (Some(loading), Some(round)) = (instructions("load", 2), instructions("judge", 500)) {
        let million = loading as f64 / 1e6;
        row(
            &format!("loading {counted} once"),
            format!("{million:.1} million instructions"),
        );
        row(
            &format!("judging the mix by {counted}"),
            format!("{} instructions an event", round / events.len() as u64),
        );
    } else {
        eprintln!("NOT RUN: counts of instructions; valgrind is not there");
    }
    table + "\n" + &growth(&schema, events)
}

/// What more rules cost: of the type of the events, and of another one.
fn growth(schema: &Schema, events: Vec<Event>) -> String {
    let opens: Vec<Event> = events
        .into_iter()
        .filter(|event| schema.event_def(event.ty).name == "openat")
        .collect();
    let cost = |event| SIZES.map(|size| judging(&many(size, event, schema), &opens).median());
    let (own, other) = (cost("openat"), cost("open"));
    let mut table = "| rules | an open, all rules for `openat` | times the first | an open, no rule for `openat` | times the first |\n|---|---|---|---|---|\n".to_owned();
    for (index, size) in SIZES.iter().enumerate() {
        let _ = writeln!(
            table,
            "| {size} | {:.0} ns | {:.1} | {:.1} ns | {:.1} |",
            own[index],
            own[index] / own[0],
            other[index],
            other[index] / other[0]
        );
    }
    table
}

/// Instructions for doing this once: what twice as many repetitions take more, so that the start of the program is not in it.
fn instructions(what: &str, times: u64) -> Option<u64> {
    let count = |times: u64| -> Option<u64> {
        let valgrind = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args(["--times", &times.to_string(), what])
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&valgrind.stderr).into_owned();
        let (_, count) = said.split_once("Collected : ")?;
        count.split_whitespace().next()?.parse().ok()
    };
    Some((count(2 * times)?.saturating_sub(count(times)?)) / times)
}

fn loading(sources: &[Source], schema: &Schema) -> String {
    let times = Runs::of(RUNS, || {
        let ns = ns_per_item(RUN_NS, || {
            black_box(load(sources.to_vec(), schema));
            1
        });
        ns / 1e6
    });
    times.milliseconds()
}

/// Nanoseconds an event, of each run.
fn judging(set: &RuleSet, events: &[Event]) -> Runs {
    let mut evaluator = Evaluator::new(set);
    let mut round = || {
        (0..100).for_each(|_| _ = black_box(judge(&mut evaluator, set, events)));
        100 * events.len()
    };
    Runs::of(RUNS, || ns_per_item(RUN_NS, &mut round))
}

fn rate(times: &Runs) -> String {
    let (median, (fastest, slowest)) = (times.median(), times.range());
    format!(
        "{median:.0} ns an event ({fastest:.0} to {slowest:.0}): {:.1} million a second on one core",
        1e3 / median
    )
}

fn judge(evaluator: &mut Evaluator, set: &RuleSet, events: &[Event]) -> usize {
    let mut matches = 0;
    for event in events {
        evaluator.evaluate(set, black_box(event), |_| matches += 1);
    }
    matches
}

/// Falco's stable rules, or the bundled ones.
fn rules() -> Vec<Source> {
    match falco_rules() {
        Some(directory) => files(&directory.join("falco_rules.yaml")),
        None => files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")),
    }
}

fn files(path: &Path) -> Vec<Source> {
    let (sources, unread) = load::read_paths(&[path.to_owned()]);
    assert!(unread.is_empty(), "{unread:?}");
    sources
}

fn load(sources: Vec<Source>, schema: &Schema) -> RuleSet {
    let loaded = load::load(sources, schema, &LoadOptions::default());
    loaded
        .rules
        .unwrap_or_else(|| panic!("the rules load: {:?}", loaded.diagnostics))
}

/// So many rules for opens that differ in what they look for.
fn many(count: usize, event: &str, schema: &Schema) -> RuleSet {
    let rule = |number: usize| {
        format!(
            "- rule: rule {number}\n  desc: a rule\n  priority: NOTICE\n  output: \"%fd.name\"\n  condition: >\n    \
             evt.type = {event} and evt.is_open_read = true and fd.num >= 0 and \
             ((fd.name startswith /opt/app{number}/ or fd.name endswith .key{number}) and \
             not proc.name in (nginx{number}, sshd) and container.id != host)\n"
        )
    };
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: (0..count).map(rule).collect(),
    };
    load(vec![source], schema)
}
