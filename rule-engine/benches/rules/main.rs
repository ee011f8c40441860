//! What rules cost: loading them, judging events by them, and having many of them.
//!
//! Without arguments it measures and prints Markdown; `--write FILE` puts it between the markers of a page. Instructions are
//! counted by valgrind, which runs this program again as `--times N load|judge`. Falco's rule files are measured when
//! `SAKER_COMPAT_RULES` names their directory; that they, or instructions, are not is said aloud.

mod events;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use rule_engine::compile::{RuleSpec, rule_set};
use rule_engine::eval::Evaluator;
use rule_engine::load::{self, LoadOptions};
use rule_engine::priority::Priority;
use rule_engine::program::{Matching, RuleSet};
use rule_engine::schema::Schema;
use rule_engine::source::{Source, TextId};
use rule_engine::{check, parse, template};

use events::{Event, mix};

/// Measured runs of each case; the median is told.
const RUNS: usize = 9;
/// Processor time that one run takes at least.
const RUN_NS: u64 = 100_000_000;
/// Sizes of rule sets that are compared.
const SIZES: [usize; 4] = [25, 100, 400, 1000];
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => println!("{}", report()),
        ["--write", page] => write(Path::new(page), &report()),
        ["--times", count, what] => repeat(count.parse().expect("a number"), what),
        _ => {
            eprintln!("usage: rules [--write PAGE.md | --times N load|judge]");
            std::process::exit(2);
        }
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
    let mut page = format!(
        "Measured on {}; processor time, medians of {RUNS} runs, fastest and slowest in brackets.\n\n| case | figure |\n|---|---|\n",
        machine()
    );
    let mut row = |case: &str, figure: String| {
        let _ = writeln!(page, "| {case} | {figure} |");
    };
    let own = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules"));
    row("loading the bundled rules", loading(&own, &schema));
    row(
        "judging a mix of events by the bundled rules",
        rate(&judging(&load(own, &schema), &events)),
    );
    let mut counted = "the bundled rules";
    match falco() {
        Some(directory) => {
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
        None => {
            eprintln!("NOT RUN: Falco's rules; SAKER_COMPAT_RULES does not name their directory")
        }
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
    page + "\n" + &growth(&schema, events)
}

/// What more rules cost: of the type of the events, and of another one.
fn growth(schema: &Schema, events: Vec<Event>) -> String {
    let opens: Vec<Event> = events
        .into_iter()
        .filter(|event| schema.event_def(event.ty).name == "openat")
        .collect();
    let cost = |event| SIZES.map(|size| judging(&many(size, event, schema), &opens)[RUNS / 2]);
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
    let times = measured(|| {
        let (start, mut loaded) = (cpu_ns(), 0_u32);
        while cpu_ns() - start < RUN_NS {
            black_box(load(sources.to_vec(), schema));
            loaded += 1;
        }
        (cpu_ns() - start) as f64 / f64::from(loaded) / 1e6
    });
    format!(
        "{:.1} ms ({:.1} to {:.1})",
        times[RUNS / 2],
        times[0],
        times[RUNS - 1]
    )
}

/// Nanoseconds an event, of each run.
fn judging(set: &RuleSet, events: &[Event]) -> [f64; RUNS] {
    let mut evaluator = Evaluator::new(set);
    measured(|| {
        let (start, mut judged) = (cpu_ns(), 0_u32);
        while cpu_ns() - start < RUN_NS {
            for _ in 0..100 {
                black_box(judge(&mut evaluator, set, events));
            }
            judged += 100;
        }
        (cpu_ns() - start) as f64 / f64::from(judged) / events.len() as f64
    })
}

fn rate(times: &[f64; RUNS]) -> String {
    let median = times[RUNS / 2];
    format!(
        "{median:.0} ns an event ({:.0} to {:.0}): {:.1} million a second on one core",
        times[0],
        times[RUNS - 1],
        1e3 / median
    )
}

/// Processor time of this thread: what others do on the machine does not count.
fn cpu_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Figures of all runs, sorted.
fn measured(mut run: impl FnMut() -> f64) -> [f64; RUNS] {
    run();
    let mut figures = [0.0; RUNS];
    figures.fill_with(run);
    figures.sort_by(f64::total_cmp);
    figures
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
    match falco() {
        Some(directory) => files(&directory.join("falco_rules.yaml")),
        None => files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")),
    }
}

fn falco() -> Option<PathBuf> {
    std::env::var_os("SAKER_COMPAT_RULES").map(PathBuf::from)
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
    let spec = |position: usize| {
        let text = format!(
            "evt.type = {event} and evt.is_open_read = true and fd.num >= 0 and \
             ((fd.name startswith /opt/app{position}/ or fd.name endswith .key{position}) and \
             not proc.name in (nginx{position}, sshd) and container.id != host)"
        );
        let expr = parse::condition(&text, TextId(0)).expect("the condition parses");
        let checked = check::condition(&expr, schema).expect("the condition is right");
        let (output, _) =
            template::parse("%fd.name", TextId(0), schema).expect("the output is right");
        RuleSpec {
            name: format!("rule {position}"),
            desc: "a rule".to_owned(),
            priority: Priority::Notice,
            source: "syscall".to_owned(),
            file: "rules.yaml".to_owned(),
            tags: Vec::new(),
            enabled: true,
            position,
            condition: checked.typed,
            events: checked.events,
            output,
        }
    };
    rule_set((0..count).map(spec).collect(), schema, Matching::All)
}

/// Processor, number of cores and kernel.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let release = read("/proc/sys/kernel/osrelease");
    let version = release.split('-').next().unwrap_or_default().trim();
    format!("{model}, {cores} cores, Linux {version}")
}

/// Puts the table between the markers of a page.
fn write(page: &Path, table: &str) {
    let text = std::fs::read_to_string(page).expect("the page can be read");
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the page has the first marker");
    let (_, after) = rest
        .split_once(END)
        .expect("the page has the second marker");
    let text = format!("{before}{BEGIN}\n{table}{END}{after}");
    std::fs::write(page, text).expect("the page can be written");
}
