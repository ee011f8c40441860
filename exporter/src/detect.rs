//! The loaded rules, the counters of each, and what a match takes with it.
//!
//! In: an [`Event`]. Out: counts, and a [`Hit`] for each rule that holds. Never: a lock, or an allocation for an event that
//! matches nothing.

mod cost;
mod workload;

use std::sync::Arc;
use std::time::Instant;

use bumpalo::Bump;
use rule_engine::eval::{Evaluator, Match, Outcome};
use rule_engine::program::{RuleId, RuleSet};
use rule_engine::value::FieldRef;
use uuid::Uuid;

use self::cost::{CostMetrics, Costs};
pub use self::workload::{RuleWorkloads, Workloads};
use crate::config::WorkloadMetrics;
use crate::event::{Event, View};
use crate::metrics::{Declaration, Exemplar, Family, Gauge, Groups, Registry, TracedCounter};
use crate::output::{FieldValue, OwnedMatch, RuleFacts};

/// The rule that notices the agent's own test actions. Nothing of it is counted: who waits for it is told.
pub const CANARY_RULE: &str = "Saker canary";

/// The metrics of rules.
#[derive(Clone, Debug)]
pub struct RuleMetrics {
    matches: Family<3, TracedCounter>,
    info: Family<4, Gauge>,
    costs: CostMetrics,
    workloads: Option<Groups<2>>,
}

impl RuleMetrics {
    /// Declares them.
    pub fn declare(registry: &mut Registry) -> Self {
        Self {
            matches: registry.family(Declaration {
                name: "saker_rule_matches_total",
                help: "Events that a rule matched; every loaded rule is there from the start, at 0.",
                labels: ["rule", "priority", "source"],
            }),
            info: registry.gauges(Declaration {
                name: "saker_rule_info",
                help: "Always 1; the labels say what is known of a loaded rule. Tags stand in their order, with commas between and around them.",
                labels: ["rule", "priority", "source", "tags"],
            }),
            costs: CostMetrics::declare(registry),
            workloads: None,
        }
    }

    /// Declares those that count by workload, and gives the end that the event thread counts with; none when the settings switch
    /// them off.
    pub fn declare_workloads(
        &mut self,
        registry: &mut Registry,
        settings: &WorkloadMetrics,
    ) -> Option<Workloads> {
        let (groups, workloads) = Workloads::declare(registry, settings)?;
        self.workloads = Some(groups);
        Some(workloads)
    }

    /// Takes away the series of rules that are not among these: they are not judged any more. May wait for a scrape.
    pub fn retain(&self, rules: &[Arc<RuleFacts>]) {
        let loaded = |name: &str, priority: Option<&str>| {
            rules.iter().any(|rule| {
                *rule.name == *name && priority.is_none_or(|one| one == rule.priority.as_str())
            })
        };
        self.matches
            .retain(|[rule, priority, _]| loaded(rule, Some(priority)));
        self.costs.retain(|rule| loaded(rule, None));
        self.info.retain(|[rule, priority, _, tags]| {
            let same =
                |facts: &&Arc<RuleFacts>| *facts.name == **rule && facts_tags(facts) == **tags;
            loaded(rule, Some(priority)) && rules.iter().any(|facts| same(&facts))
        });
        if let Some(workloads) = &self.workloads {
            workloads.retain(|labels| match labels {
                [rule, priority] => loaded(rule, Some(priority)),
                _ => false,
            });
        }
    }
}

/// A rule that holds for an event.
pub struct Hit<'a> {
    /// The match.
    pub owned: OwnedMatch,
    /// Where it is counted by workload; none when that is switched off.
    pub workloads: Option<&'a RuleWorkloads>,
    /// Whether it is of [`CANARY_RULE`].
    pub is_canary: bool,
}

/// A rule set ready to judge. Replaced whole at a reload.
pub struct Detector {
    rules: RuleSet,
    evaluator: Evaluator,
    handles: Vec<Handle>,
    costs: Costs,
    /// Rules that have matched the event at hand.
    matched: Vec<RuleId>,
    /// Where the two paths of an event are compared; emptied after each.
    arena: Bump,
    /// Fields that every match takes with it.
    asked: Arc<[FieldRef]>,
}

/// What a match of one rule needs, made once.
struct Handle {
    is_canary: bool,
    matches: TracedCounter,
    workloads: Option<RuleWorkloads>,
    facts: Arc<RuleFacts>,
    /// Keys of the fields that the rule's output mentions, in the order in which a match gives them.
    keys: Vec<Arc<str>>,
}

impl Detector {
    /// Takes a rule set into service: its rules are on `/metrics` at 0 from here on.
    #[must_use]
    pub fn new(rules: RuleSet, metrics: &RuleMetrics) -> Self {
        let handles: Vec<_> = rules
            .rules()
            .iter()
            .map(|rule| Handle {
                is_canary: rule.name == CANARY_RULE,
                matches: metrics
                    .matches
                    .with([&*rule.name, rule.priority.as_str(), &*rule.source]),
                workloads: metrics
                    .workloads
                    .as_ref()
                    .map(|groups| groups.with([&*rule.name, rule.priority.as_str()])),
                facts: Arc::new(RuleFacts {
                    name: rule.name.as_str().into(),
                    priority: rule.priority,
                    source: rule.source.as_str().into(),
                    file: rule.file.as_str().into(),
                    description: rule.desc.as_str().into(),
                    tags: rule.tags.iter().map(|tag| tag.as_str().into()).collect(),
                }),
                keys: rule
                    .output
                    .fields()
                    .iter()
                    .map(|field| field.key.as_str().into())
                    .collect(),
            })
            .collect();
        for Handle { facts, .. } in &handles {
            let info = [
                &*facts.name,
                facts.priority.as_str(),
                &*facts.source,
                &facts_tags(facts),
            ];
            metrics.info.with(info).set(1.0);
        }
        Self {
            evaluator: Evaluator::new(&rules),
            costs: Costs::new(&rules, &metrics.costs),
            rules,
            handles,
            matched: Vec::new(),
            arena: Bump::new(),
            asked: Arc::default(),
        }
    }

    /// The same, whose matches take these fields with them, whatever their rules mention.
    #[must_use]
    pub fn asking(self, asked: Arc<[FieldRef]>) -> Self {
        Self { asked, ..self }
    }

    /// The rules, each with the counter of its matches.
    pub fn rules(&self) -> impl Iterator<Item = (&Arc<RuleFacts>, &TracedCounter)> {
        let handles = self.handles.iter();
        handles.map(|handle| (&handle.facts, &handle.matches))
    }

    /// Judges an event by what the caller asked for and, where that is another path, by what the kernel opened. A rule
    /// matches an event once; the first view that fired is the one that the match shows.
    ///
    /// An event that is open is judged again when its fields have come, with `already` the rules of [`Detector::matched`]:
    /// they do not match again.
    pub fn evaluate(
        &mut self,
        mut event: Event<'_>,
        already: &[RuleId],
        mut on_match: impl FnMut(Hit<'_>),
    ) -> Outcome {
        self.matched.clear();
        self.matched.extend_from_slice(already);
        let mut outcome = self.evaluate_view(&event, &mut on_match);
        let differs = event.effective_path_differs(&self.arena);
        self.arena.reset();
        if differs {
            event.view = View::Effective;
            if self.evaluate_view(&event, &mut on_match) == Outcome::Open {
                outcome = Outcome::Open;
            }
        }
        outcome
    }

    /// The rules that have matched the last event, those included that had done so before.
    #[must_use]
    pub fn matched(&self) -> &[RuleId] {
        &self.matched
    }

    /// Brings the counters of cost up to the events judged so far. Called between batches.
    pub fn flush(&mut self) {
        self.costs.flush(&self.rules);
    }

    fn evaluate_view(&mut self, event: &Event<'_>, on_match: &mut impl FnMut(Hit<'_>)) -> Outcome {
        let Self {
            rules,
            evaluator,
            handles,
            matched,
            costs,
            arena: _,
            asked,
        } = self;
        let fire = |fired: Match<'_>| {
            let id = fired.rule.id;
            let Some(handle) = handles.get(id.0 as usize) else {
                return;
            };
            if matched.contains(&id) {
                return;
            }
            matched.push(id);
            let exemplar = Exemplar {
                uuid: Uuid::now_v7(),
                wall_ns: event.wall_ns(event.boot_ns),
            };
            if !handle.is_canary {
                handle.matches.inc(exemplar);
            }
            on_match(Hit {
                is_canary: handle.is_canary,
                owned: owned(&fired, handle, asked, exemplar),
                workloads: handle.workloads.as_ref(),
            });
        };
        let outcome = if costs.sample() {
            let mut before = Instant::now();
            evaluator.evaluate_watched(rules, event, fire, |rule| {
                let now = Instant::now();
                let time = now.duration_since(before);
                match rule {
                    Some(rule) => costs.took(rule, time),
                    None => costs.took_in_common(rules, event.kind, time),
                }
                before = now;
            })
        } else {
            evaluator.evaluate(rules, event, fire)
        };
        costs.judged(rules, event.kind, evaluator.judged_rules());
        outcome
    }
}

/// The tags of a rule as a label: a query can look for `,tag,`.
fn facts_tags(facts: &RuleFacts) -> String {
    if facts.tags.is_empty() {
        return String::new();
    }
    format!(",{},", facts.tags.join(","))
}

fn owned(fired: &Match<'_>, handle: &Handle, asked: &[FieldRef], exemplar: Exemplar) -> OwnedMatch {
    let mut message = String::new();
    fired.output(&mut message);
    OwnedMatch {
        uuid: exemplar.uuid,
        time_wall_ns: exemplar.wall_ns,
        rule: Arc::clone(&handle.facts),
        message,
        fields: handle
            .keys
            .iter()
            .zip(fired.fields())
            .map(|(key, (_, value, _))| (Arc::clone(key), FieldValue::from(value)))
            .collect(),
        asked: asked
            .iter()
            .map(|field| FieldValue::from(fired.value(field)))
            .collect(),
    }
}
