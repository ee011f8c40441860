//! `saker check --filter`: what the kernel can decide of the loaded rules, by event type.
//!
//! In: loaded rules. Out: a table, or JSON. Never: shares of a load that nobody has measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rule_engine::filter::{Clause, EventPlan, Open, Plan};
use rule_engine::load::Loaded;
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use serde_json::{Value, json};

/// The kernel filter of rules that load.
pub(super) struct Filter<'l> {
    loaded: &'l Loaded,
    rules: &'l RuleSet,
    plans: BTreeMap<&'static str, EventPlan>,
}

impl<'l> Filter<'l> {
    /// `None` when the rules do not load.
    pub(super) fn of(loaded: &'l Loaded, schema: &Schema) -> Option<Self> {
        let rules = loaded.rules.as_ref()?;
        let plans = Plan::of(rules, schema).events.into_iter();
        Some(Self {
            loaded,
            rules,
            plans: plans
                .map(|(event, plan)| (schema.event_def(event).name, plan))
                .collect(),
        })
    }

    /// For people: a paragraph for each event type.
    pub(super) fn text(&self) -> String {
        let mut out = String::from("kernel filter:\n");
        for (event, plan) in &self.plans {
            let state = if plan.passes_all() {
                ", open: every event passes"
            } else if !plan.wide.is_empty() {
                ", wide: most events pass"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "  {event}: {} atoms, {} clauses{state}",
                plan.atoms.len(),
                plan.clauses.len()
            );
            for wide in &plan.wide {
                let (place, text) = self.blamed(wide);
                let rule = &self.rules.rule(wide.rule).name;
                let _ = writeln!(out, "    by rule {rule}, {place}: {text}");
            }
            for clause in plan.clauses.iter().filter(|_| !plan.passes_all()) {
                let _ = writeln!(out, "    {}", described(plan, clause).join(" and "));
            }
        }
        out
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let wide = |wide: &Open| {
            let (place, text) = self.blamed(wide);
            let rule = &self.rules.rule(wide.rule).name;
            json!({ "rule": rule, "place": place, "condition": text })
        };
        let event = |(event, plan): (&&'static str, &EventPlan)| {
            let clauses = plan.clauses.iter().map(|clause| described(plan, clause));
            let value = json!({
                "atoms": plan.atoms.len(),
                "clauses": clauses.collect::<Vec<_>>(),
                "open": plan.passes_all(),
                "wide": plan.wide.iter().map(wide).collect::<Vec<_>>(),
            });
            ((*event).to_owned(), value)
        };
        Value::Object(self.plans.iter().map(event).collect())
    }

    /// Where what keeps the filter open stands, and the text there, on one line.
    fn blamed(&self, wide: &Open) -> (String, String) {
        let Some(span) = self.loaded.span(wide.blame.range) else {
            return ("nowhere in particular".to_owned(), String::new());
        };
        let Some(source) = self.loaded.sources.get(span.source.0 as usize) else {
            return ("nowhere in particular".to_owned(), String::new());
        };
        let (line, column) = source.position(span.start);
        let written = source
            .text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default();
        let words: Vec<_> = written.split_whitespace().collect();
        (format!("{}:{line}:{column}", source.name), words.join(" "))
    }
}

/// What a clause asks for.
fn described(plan: &EventPlan, clause: &Clause) -> Vec<String> {
    let literals = plan.atoms.iter().enumerate().filter_map(|(bit, atom)| {
        let has = |mask: u64| mask >> bit & 1 == 1;
        match (has(clause.required), has(clause.refused)) {
            (true, _) => Some(atom.to_string()),
            (_, true) => Some(format!("not {atom}")),
            _ => None,
        }
    });
    literals.collect()
}
