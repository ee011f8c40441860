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
use testing::page;
use testing::time::{Runs, cpu_ns};
use uuid::Uuid;

/// Measured runs of each case; the median is told.
const RUNS: usize = 21;
const SERIES: usize = 10_000;

fn main() {
    page::main("scrape", &page::arguments(), report);
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
        page::machine(),
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

/// Milliseconds of processor time.
fn measured(mut run: impl FnMut()) -> String {
    let runs = Runs::of(RUNS, || {
        let start = cpu_ns();
        run();
        (cpu_ns() - start) as f64 / 1e6
    });
    runs.milliseconds()
}
