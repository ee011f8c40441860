//! What each rule costs: how often it is judged, counted exactly, and how long that takes, measured now and then.
//!
//! In: what was judged, by event type. Out: counts per rule. Never: more than an addition for an event, but for one in
//! [`SAMPLE_EVERY`], whose rules are timed one by one.
//!
//! All rules of an event type are judged for each of its events, so it is the events that are counted, and the rules' counters are
//! brought up to them between batches. Where only the first match counts, rules are counted singly.

use std::time::{Duration, Instant};

use rule_engine::program::{Matching, RuleId, RuleSet};
use rule_engine::schema::EventTypeId;

use crate::metrics::{Counter, Declaration, Family, Registry, SecondsCounter};

/// Of so many events one is timed, on average. What it took stands for the others.
const SAMPLE_EVERY: u32 = 512;
/// Readings from which it is learned what a look at the clock takes.
const CLOCK_READINGS: usize = 64;

/// The metrics of cost.
#[derive(Clone, Debug)]
pub(super) struct CostMetrics {
    evaluations: Family<1, Counter>,
    seconds: Family<1, SecondsCounter>,
}

/// The counters of one rule.
#[derive(Debug)]
struct Handle {
    evaluations: Counter,
    seconds: SecondsCounter,
}

/// Counts for one rule set, on one thread.
#[derive(Debug)]
pub(super) struct Costs {
    handles: Vec<Handle>,
    /// Events since the last [`Costs::flush`] for which all rules of the type were judged, by type.
    events: Vec<u64>,
    dirty: bool,
    /// Events until the next one that is timed.
    until_sample: u32,
    random: u32,
    clock_ns: u64,
}

impl CostMetrics {
    /// Declares them.
    pub(super) fn declare(registry: &mut Registry) -> Self {
        Self {
            evaluations: registry.counters(Declaration {
                name: "saker_rule_evaluations_total",
                help: "Events that a rule was judged for.",
                labels: ["rule"],
            }),
            seconds: registry.family(Declaration {
                name: "saker_rule_evaluation_seconds_total",
                help: "Processor time that judging a rule took, estimated from one in 512 events. What is tried for all rules of an event type at once counts for each of them in equal parts.",
                labels: ["rule"],
            }),
        }
    }

    /// Forgets rules.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.evaluations.retain(|labels| keep(&labels[0]));
        self.seconds.retain(|labels| keep(&labels[0]));
    }
}

impl Costs {
    /// The costs of a rule set, at what they were for rules of the same name.
    pub(super) fn new(rules: &RuleSet, metrics: &CostMetrics) -> Self {
        let handle = |rule: &rule_engine::program::Rule| Handle {
            evaluations: metrics.evaluations.with([&rule.name]),
            seconds: metrics.seconds.with([&rule.name]),
        };
        Self {
            handles: rules.rules().iter().map(handle).collect(),
            events: vec![0; rules.event_types()],
            dirty: false,
            until_sample: SAMPLE_EVERY,
            random: 0x9e37_79b9,
            clock_ns: clock_ns(),
        }
    }

    /// Whether the next event is one to time.
    pub(super) fn sample(&mut self) -> bool {
        self.until_sample -= 1;
        if self.until_sample > 0 {
            return false;
        }
        // Not every 512th: a load that repeats itself would always show the same event. (Marsaglia's xorshift.)
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.until_sample = SAMPLE_EVERY / 2 + self.random % SAMPLE_EVERY;
        true
    }

    /// Counts an event for which the first so many rules of its type were judged.
    pub(super) fn judged(&mut self, rules: &RuleSet, event: EventTypeId, count: usize) {
        if rules.matching() == Matching::All {
            if let Some(events) = self.events.get_mut(usize::from(event.0)) {
                *events += 1;
                self.dirty = true;
            }
            return;
        }
        for id in rules.rules_of(event).take(count) {
            if let Some(handle) = self.handles.get(id.0 as usize) {
                handle.evaluations.inc();
            }
        }
    }

    /// Counts what a timed rule took, for all that are not timed.
    pub(super) fn took(&self, id: RuleId, time: Duration) {
        self.add(id, self.estimated_ns(time));
    }

    /// Counts what was tried once for all rules of a timed event, in equal parts.
    pub(super) fn took_in_common(&self, rules: &RuleSet, event: EventTypeId, time: Duration) {
        let count = rules.rules_of(event).count().max(1) as u64;
        let part = self.estimated_ns(time) / count;
        for id in rules.rules_of(event) {
            self.add(id, part);
        }
    }

    fn estimated_ns(&self, time: Duration) -> u64 {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(0);
        ns.saturating_sub(self.clock_ns) * u64::from(SAMPLE_EVERY)
    }

    fn add(&self, id: RuleId, ns: u64) {
        if let Some(handle) = self.handles.get(id.0 as usize) {
            handle.seconds.add_ns(ns);
        }
    }

    /// Brings the rules' counters up to the events.
    pub(super) fn flush(&mut self, rules: &RuleSet) {
        if !std::mem::take(&mut self.dirty) {
            return;
        }
        for (number, events) in (0_u16..).zip(&mut self.events) {
            let events = std::mem::take(events);
            if events == 0 {
                continue;
            }
            for id in rules.rules_of(EventTypeId(number)) {
                if let Some(handle) = self.handles.get(id.0 as usize) {
                    handle.evaluations.inc_by(events);
                }
            }
        }
    }
}

/// What looking at the clock takes: the least of a few times.
fn clock_ns() -> u64 {
    let readings = (0..CLOCK_READINGS).map(|_| {
        let before = Instant::now();
        u64::try_from(before.elapsed().as_nanos()).unwrap_or(0)
    });
    readings.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::classic_text;
    use rule_engine::load::{LoadOptions, load};
    use rule_engine::schema::Schema;
    use rule_engine::source::Source;

    fn value(registry: &Registry, metric: &str, rule: &str) -> f64 {
        let text = classic_text(registry);
        let start = format!("{metric}{{rule=\"{rule}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.expect("a series").parse().expect("a number")
    }

    #[test]
    fn evaluations_are_those_of_the_rules_types() {
        let schema = Schema::syscall();
        let rule = |name: &str, condition: &str| {
            format!(
                "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n"
            )
        };
        let text = rule("a", "evt.type in (openat, connect) and proc.pid > 0")
            + &rule("b", "evt.type = openat and proc.pid > 1")
            + &rule("c", "evt.type = kill and proc.pid > 2");
        let source = Source {
            name: "a.yaml".to_owned(),
            text,
        };
        let rules = load(vec![source], &schema, &LoadOptions::default()).rules;
        let rules = rules.expect("these rules are right");
        let mut registry = Registry::new();
        let metrics = CostMetrics::declare(&mut registry);
        let mut costs = Costs::new(&rules, &metrics);
        let [open, connect] = ["openat", "connect"].map(|name| schema.event(name).expect("known"));
        for _ in 0..1000 {
            costs.judged(&rules, open, 2);
        }
        costs.judged(&rules, connect, 1);
        costs.flush(&rules);
        costs.flush(&rules);
        let counted =
            ["a", "b", "c"].map(|rule| value(&registry, "saker_rule_evaluations_total", rule));
        assert_eq!(counted, [1001.0, 1000.0, 0.0]);
        let ns = costs.clock_ns + 1_000_000;
        costs.took(RuleId(0), Duration::from_nanos(ns));
        let seconds = value(&registry, "saker_rule_evaluation_seconds_total", "a");
        assert!((seconds - 0.512).abs() < 1e-9, "{seconds}");
        metrics.retain(|rule| rule != "a");
        assert!(!classic_text(&registry).contains("\"a\""));
    }

    #[test]
    fn one_in_so_many_events_is_timed() {
        let schema = Schema::syscall();
        let rules = load(Vec::new(), &schema, &LoadOptions::default()).rules;
        let rules = rules.expect("no rules are right, too");
        let metrics = CostMetrics::declare(&mut Registry::new());
        let mut costs = Costs::new(&rules, &metrics);
        let events = 1_000_000_u32;
        let samples = (0..events).filter(|_| costs.sample()).count();
        let expected = f64::from(events / SAMPLE_EVERY);
        assert!((samples as f64 / expected - 1.0).abs() < 0.05, "{samples}");
    }
}
