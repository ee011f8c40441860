//! The books of a limited counter: nothing is lost, nothing grows beyond its limit.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::metrics::{Distribution, Labels, Number, classic_text};
use uuid::Uuid;

const METRIC: &str = "saker_workload_rule_matches_total";
const EXPIRED: &str = "saker_workload_rule_matches_expired_total";

struct Setup {
    registry: Registry,
    groups: Groups<2>,
    writer: BudgetWriter<2>,
}

fn setup(series_max: usize) -> Setup {
    let mut registry = Registry::new();
    let labels = ["rule", "priority"];
    let (groups, writer) = registry.limited(Budget {
        counter: Declaration {
            name: METRIC,
            help: "Matches.",
            labels,
        },
        expired: Declaration {
            name: EXPIRED,
            help: "Expired.",
            labels,
        },
        labels: vec!["k8s_pod_name", "container_name"],
        series_max,
        keep_ns: 1000,
    });
    Setup {
        registry,
        groups,
        writer,
    }
}

fn exemplar() -> Exemplar {
    Exemplar {
        uuid: Uuid::from_u128(1),
        wall_ns: 1,
    }
}

/// Sums by metric name and rule, and numbers of series.
#[derive(Default)]
struct Sums {
    metric: &'static str,
    values: BTreeMap<(&'static str, String), f64>,
    series: usize,
}

impl Visitor for Sums {
    fn metric(&mut self, description: &Description) {
        self.metric = description.name;
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, _: Option<Exemplar>) {
        let rule = labels.iter().find(|(name, _)| *name == "rule");
        let rule = rule.map_or("", |(_, rule)| rule).to_owned();
        *self.values.entry((self.metric, rule)).or_default() += number.as_f64();
        self.series += 1;
    }

    fn distribution(&mut self, _: Labels<'_>, _: &Distribution<'_>) {}
}

impl Setup {
    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        self.registry.visit(&mut sums, || true);
        sums
    }

    fn line(&self, start: &str) -> Option<String> {
        let text = classic_text(&self.registry);
        let mut lines = text.lines().map(str::to_owned);
        lines.find(|line| line.starts_with(start))
    }
}

#[test]
fn a_hundred_thousand_workloads_stay_within_the_limit_and_add_up() {
    const LIMIT: usize = 2000;
    let mut setup = setup(LIMIT);
    let rules = ["a", "b"].map(|rule| setup.groups.with([rule, "Notice"]));
    for pod in 0..100_000_u32 {
        let name = format!("pod-{pod}");
        for rule in &rules {
            let values = [name.as_str(), "main"];
            setup
                .writer
                .count(rule, &values, &name, exemplar(), u64::from(pod));
        }
        // As the event thread does, between batches.
        if pod % 512 == 0 {
            setup.writer.publish();
        }
    }
    setup.writer.publish();
    assert_eq!(setup.writer.known.len(), LIMIT);
    assert_eq!(setup.writer.added.capacity().max(LIMIT), LIMIT);
    let sums = setup.sums();
    for rule in ["a", "b"] {
        let sum = sums.values[&(METRIC, rule.to_owned())];
        assert_eq!(sum, 100_000.0, "{rule}");
    }
    // The limit; of each rule an overflow and what has expired; the two that tell of the limit.
    assert_eq!(sums.series, LIMIT + 2 + 2 + 2);
    let text = classic_text(&setup.registry);
    assert!(text.len() < 200 * sums.series, "{} bytes", text.len());
    let overflow = format!("{METRIC}{{rule=\"a\",priority=\"Notice\",overflow=\"true\"}} 99000");
    assert_eq!(setup.line(&overflow), Some(overflow));
    let series = format!("saker_metric_series{{metric=\"{METRIC}\"}} 2000");
    assert_eq!(setup.line(&series), Some(series));
}

#[test]
fn what_expires_leaves_its_count_behind_and_makes_room() {
    let mut setup = setup(2);
    let rule = setup.groups.with(["a", "Notice"]);
    for (pod, now) in [("x", 0), ("x", 10), ("y", 500), ("z", 500)] {
        setup.writer.count(&rule, &[pod, ""], pod, exemplar(), now);
    }
    setup.writer.publish();
    let expired = format!("{EXPIRED}{{rule=\"a\",priority=\"Notice\"}} ");
    assert_eq!(setup.line(&expired), Some(expired.clone() + "0"));
    // x and y are gone, but y only since a short time.
    setup.writer.expire(1100, |owner| owner != "z");
    setup.writer.publish();
    assert_eq!(setup.line(&expired), Some(expired.clone() + "2"));
    assert_eq!(setup.writer.known.len(), 1);
    // It comes back, and starts again.
    setup.writer.count(&rule, &["x", ""], "x", exemplar(), 1200);
    setup.writer.publish();
    let x = format!("{METRIC}{{rule=\"a\",priority=\"Notice\",k8s_pod_name=\"x\"}} ");
    assert_eq!(setup.line(&x), Some(x.clone() + "1"));
    let sums = setup.sums();
    let rule = "a".to_owned();
    assert_eq!(
        sums.values[&(METRIC, rule.clone())] + sums.values[&(EXPIRED, rule)],
        5.0
    );
}

#[test]
fn what_has_no_owner_stays() {
    let mut setup = setup(2);
    let rule = setup.groups.with(["a", "Notice"]);
    setup.writer.count(&rule, &["", ""], "", exemplar(), 0);
    setup.writer.expire(u64::MAX, |_| true);
    setup.writer.publish();
    let host = format!("{METRIC}{{rule=\"a\",priority=\"Notice\"}} 1");
    assert_eq!(setup.line(&host), Some(host));
}

#[test]
fn a_rule_that_is_no_more_takes_its_series_along() {
    let mut setup = setup(2);
    let [old, kept] = ["old", "kept"].map(|rule| setup.groups.with([rule, "Notice"]));
    for rule in [&old, &kept] {
        setup.writer.count(rule, &["x", ""], "x", exemplar(), 0);
    }
    setup.writer.publish();
    setup.groups.retain(|labels| &*labels[0] == "kept");
    let text = classic_text(&setup.registry);
    assert!(!text.contains("old") && text.contains("kept"), "{text}");
    setup.writer.expire(0, |_| false);
    setup.writer.publish();
    assert_eq!(setup.writer.known.len(), 1);
    // The same rule once more is a new one.
    let again = setup.groups.with(["old", "Notice"]);
    setup.writer.count(&again, &["x", ""], "x", exemplar(), 0);
    setup.writer.publish();
    let line = format!("{METRIC}{{rule=\"old\",priority=\"Notice\",k8s_pod_name=\"x\"}} 1");
    assert_eq!(setup.line(&line), Some(line));
}

#[test]
fn label_values_are_told_apart_and_shortened() {
    let mut setup = setup(10);
    let rule = setup.groups.with(["a", "Notice"]);
    let long = "é".repeat(VALUE_BYTES_MAX);
    for values in [["a", "bc"], ["ab", "c"], [&long, ""], [&long, "x"]] {
        setup.writer.count(&rule, &values, "", exemplar(), 0);
    }
    assert_eq!(setup.writer.known.len(), 4);
    setup.writer.publish();
    let text = classic_text(&setup.registry);
    let longest = text.lines().map(str::len).max();
    assert!(longest < Some(VALUE_BYTES_MAX + 200), "{longest:?}");
}

/// A scrape that is stuck in the middle of the list: the counting thread goes on.
#[test]
fn counting_goes_on_while_a_scrape_stands_still() {
    struct Stuck {
        began: mpsc::Sender<()>,
        go_on: mpsc::Receiver<()>,
        stuck: AtomicBool,
    }
    impl Visitor for Stuck {
        fn metric(&mut self, _: &Description) {}
        fn number(&mut self, _: Labels<'_>, _: Number, _: Option<Exemplar>) {
            if !self.stuck.swap(true, SeqCst) {
                self.began.send(()).expect("the test listens");
                self.go_on.recv().expect("the test lets it go on");
            }
        }
        fn distribution(&mut self, _: Labels<'_>, _: &Distribution<'_>) {}
    }
    let Setup {
        registry,
        groups,
        mut writer,
    } = setup(100);
    let rule = groups.with(["a", "Notice"]);
    let registry = Arc::new(registry);
    let (began, has_begun) = mpsc::channel();
    let (let_go, go_on) = mpsc::channel();
    let scraped = Arc::clone(&registry);
    let scrape = thread::spawn(move || {
        let mut stuck = Stuck {
            began,
            go_on,
            stuck: AtomicBool::new(false),
        };
        scraped.visit(&mut stuck, || true);
    });
    has_begun.recv().expect("the scrape begins");
    for number in 0..1000_u32 {
        let name = format!("{}", number % 150);
        writer.count(&rule, &[&name, ""], &name, exemplar(), 0);
        writer.publish();
    }
    assert_eq!(writer.known.len(), 100);
    assert_eq!(writer.added.len(), 100, "nothing is visible yet");
    let_go.send(()).expect("the scrape waits");
    scrape.join().expect("no panic");
    writer.publish();
    let setup = Setup {
        registry: Arc::into_inner(registry).expect("the scrape is over"),
        groups,
        writer,
    };
    assert_eq!(setup.sums().values[&(METRIC, "a".to_owned())], 1000.0);
}
