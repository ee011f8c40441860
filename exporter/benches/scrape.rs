//! What a scrape of ten thousand series costs, in each format.
//!
//! Without arguments it measures and prints Markdown; `--write FILE` puts it between the markers of a page.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;

use exporter::metrics::{
    Budget, Declaration, Exemplar, Format, Group, Registry, SCRAPE_GZIP_LEVEL, encode, series,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use uuid::Uuid;

/// Measured runs of each case; the median is told.
const RUNS: usize = 21;
const SERIES: usize = 10_000;
const BEGIN: &str = "<!-- scrape: begin -->";
const END: &str = "<!-- scrape: end -->";

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => println!("{}", report()),
        ["--write", page] => write(page, &report()),
        _ => {
            eprintln!("usage: scrape [--write PAGE.md]");
            std::process::exit(2);
        }
    }
}

/// Matches of twenty rules in five hundred containers.
fn registry() -> Registry {
    let mut registry = Registry::new();
    let labels = ["rule", "priority"];
    let (groups, mut writer) = registry.limited(Budget {
        counter: Declaration {
            name: "saker_workload_rule_matches_total",
            help: "Matches.",
            labels,
        },
        expired: Declaration {
            name: "saker_workload_rule_matches_expired_total",
            help: "Expired.",
            labels,
        },
        labels: vec![
            "k8s_namespace_name",
            "k8s_pod_name",
            "k8s_container_name",
            "container_name",
            "container_image_name",
        ],
        series_max: SERIES,
        keep_ns: u64::MAX,
    });
    let rules: Vec<Arc<Group<2>>> = (0..20)
        .map(|number| {
            groups.with([
                &format!("Read sensitive file untrusted {number}"),
                "Warning",
            ])
        })
        .collect();
    for pod in 0..SERIES / rules.len() {
        let pod = format!("checkout-7d9c6b5f4-{pod:05}");
        let values = [
            "shop",
            &pod,
            "server",
            "server",
            "registry.example.com/shop/checkout",
        ];
        for (rule, at) in rules.iter().zip(1..) {
            let exemplar = Exemplar {
                uuid: Uuid::from_u128(at << 64 | 0x7000),
                wall_ns: 1_795_450_461_263_210_158,
            };
            writer.count(rule, &values, "", exemplar, 0);
        }
    }
    writer.publish();
    registry
}

fn report() -> String {
    let registry = registry();
    let mut table = format!(
        "Measured on {}; processor time, medians of {RUNS} runs, fastest and slowest in brackets. {} series.\n\n\
         | format | time | bytes | gzip besides | bytes |\n|---|---|---|---|---|\n",
        machine(),
        series(&registry)
    );
    for (name, format) in [
        ("text 0.0.4", Format::Text),
        ("OpenMetrics 1.0.0, with exemplars", Format::OpenMetrics),
        ("protobuf, with exemplars", Format::Protobuf),
    ] {
        let mut out = Vec::new();
        let plain = measured(|| {
            out.clear();
            encode(&registry, format, None, &mut out).expect("there is no deadline");
            black_box(&out);
        });
        let mut compressed = Vec::new();
        let gzip = measured(|| {
            let mut into = std::mem::take(&mut compressed);
            into.clear();
            let mut encoder = GzEncoder::new(into, Compression::new(SCRAPE_GZIP_LEVEL));
            encoder.write_all(&out).expect("memory takes everything");
            compressed = encoder.finish().expect("memory takes everything");
        });
        let (bytes, fewer) = (out.len(), compressed.len());
        let _ = writeln!(table, "| {name} | {plain} | {bytes} | {gzip} | {fewer} |");
    }
    table
}

/// Median, fastest and slowest in milliseconds.
fn measured(mut run: impl FnMut()) -> String {
    run();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = cpu_ns();
            run();
            (cpu_ns() - start) as f64 / 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!(
        "{:.1} ms ({:.1} to {:.1})",
        times[RUNS / 2],
        times[0],
        times[RUNS - 1]
    )
}

/// Processor time of this thread: what others do on the machine does not count.
fn cpu_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

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
fn write(page: &str, table: &str) {
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
