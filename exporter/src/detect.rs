//! The loaded rules, the counter of each, and what a match takes with it.
//!
//! In: an [`Event`]. Out: counts, and an [`OwnedMatch`] for each rule that holds. Never: a lock, or an allocation for an
//! event that matches nothing.

use std::sync::Arc;

use bumpalo::Bump;
use rule_engine::eval::{Evaluator, Match, Outcome};
use rule_engine::program::{RuleId, RuleSet};
use rule_engine::value::FieldRef;
use uuid::Uuid;

use crate::event::{Event, View};
use crate::metrics::{Declaration, Exemplar, Family, Registry, TracedCounter};
use crate::output::{FieldValue, OwnedMatch, RuleFacts};

/// The metrics of rules.
#[derive(Clone, Debug)]
pub struct RuleMetrics {
    matches: Family<3, TracedCounter>,
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
        }
    }
}

/// A rule set ready to judge. Replaced whole at a reload.
pub struct Detector {
    rules: RuleSet,
    evaluator: Evaluator,
    handles: Vec<Handle>,
    /// Rules that have matched the event at hand.
    matched: Vec<RuleId>,
    /// Where the two paths of an event are compared; emptied after each.
    arena: Bump,
    /// Fields that every match takes with it.
    asked: Arc<[FieldRef]>,
}

/// What a match of one rule needs, made once.
struct Handle {
    matches: TracedCounter,
    facts: Arc<RuleFacts>,
    /// Keys of the fields that the rule's output mentions, in the order in which a match gives them.
    keys: Vec<Arc<str>>,
}

impl Detector {
    /// Takes a rule set into service: its rules are on `/metrics` at 0 from here on.
    #[must_use]
    pub fn new(rules: RuleSet, metrics: &RuleMetrics) -> Self {
        let handles = rules
            .rules()
            .iter()
            .map(|rule| Handle {
                matches: metrics
                    .matches
                    .with([&*rule.name, rule.priority.as_str(), &*rule.source]),
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
        Self {
            evaluator: Evaluator::new(&rules),
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
        mut on_match: impl FnMut(OwnedMatch),
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

    fn evaluate_view(
        &mut self,
        event: &Event<'_>,
        on_match: &mut impl FnMut(OwnedMatch),
    ) -> Outcome {
        let Self {
            rules,
            evaluator,
            handles,
            matched,
            arena: _,
            asked,
        } = self;
        evaluator.evaluate(rules, event, |fired: Match<'_>| {
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
            handle.matches.inc(exemplar);
            on_match(owned(&fired, handle, asked, exemplar));
        })
    }
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
