//! The kernel filter: what a kernel program can decide of the loaded rules, as plain data, and what that data means.
//!
//! In: a [`RuleSet`]. Out: a [`Plan`], per event type a list of [`Atom`]s (questions that a kernel program answers cheaply) and
//! a list of [`Clause`]s over their answers. An event that fits no clause cannot match a rule, and need not be reported.
//! Never: an operating system's interfaces; hosts lower the plan to what their kernel programs read.
//!
//! # Meaning
//!
//! [`EventPlan::passes`] is the definition: a kernel's evaluator is right when it gives the same. An atom is true, false, or
//! undecided where the facts that it asks for are not known. A clause fits when none of its required atoms is false and none of
//! its refused atoms is true, so that what is undecided passes. A condition may be judged by two paths of an event, the one
//! that was requested and the one that the kernel came to; an event passes if it passes by either.
//!
//! # Derivation
//!
//! Every check of a condition has two bounds over atoms: one that holds whenever the check does, and one that holds only if the
//! check does. Where a condition wants the check, the first takes its place; where it wants the opposite, the opposite of the
//! second. What nobody but user space can decide is bounded by *always* and *never*, and so becomes true either way; so does a
//! check that is false because its field is missing, where missing is not itself a fact. What is left is brought into
//! clauses, for each event type with all its rules together.
//!
//! # Laws
//!
//! * **Sound**: if facts are those of an event, and the plan lets the event not pass, no enabled rule matches it.
//! * **Wider, never narrower**: a limit that is reached drops what a clause asks for, or puts clauses together.
//! * **Deterministic**: the same rules give the same plan.
//!
//! The law of soundness speaks of fields as the schema describes them. Placeholders for a process that user space has lost
//! (`proc.name` = `<NA>`) are not among the facts: the kernel knows the process even then.
//!
//! # Limits
//!
//! [`ATOMS_MAX`] atoms and [`CLAUSES_MAX`] clauses for each event type, [`ALTERNATIVES_MAX`] texts, networks or ranges
//! in an atom.

mod args;
mod atom;
mod blame;
mod bounds;
mod clauses;
mod facts;
mod lower;
mod subject;
mod text;

pub use atom::{Atom, Number, NumberTest, Pattern, Side, Subnet, Text};
pub use blame::{Blame, Cause};
pub use clauses::ALTERNATIVES_MAX;
pub use facts::{Facts, Known, Path};

use crate::program::{Rule, RuleId, RuleSet};
use crate::schema::{EventTypeId, Schema};
use clauses::Dnf;
use facts::View;
use lower::Lowering;

/// Version of the meaning of a plan; a host that lowers another one refuses it.
pub const VERSION: u32 = 1;

/// Atoms of an event type: bits of a mask.
pub const ATOMS_MAX: usize = 64;

/// Clauses of an event type.
pub const CLAUSES_MAX: usize = 64;

/// What to report, by event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// [`VERSION`]
    pub version: u32,
    /// The event types that a rule can match, in the schema's order. No event of another type need be reported.
    pub events: Vec<(EventTypeId, EventPlan)>,
}

/// What to report of one event type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPlan {
    /// At most [`ATOMS_MAX`]; the index is the bit in the masks of clauses.
    pub atoms: Vec<Atom>,
    /// At most [`CLAUSES_MAX`]. None: nothing passes.
    pub clauses: Vec<Clause>,
    /// Why everything passes, if it does: the first rule that wants it.
    pub open: Option<Open>,
    /// Rules that let pass whatever has a common form, whoever acts and whatever it is about: successful opens for reading, say.
    /// Includes the rules that let everything pass.
    pub wide: Vec<Open>,
}

/// What must be true and false of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clause {
    /// None of these atoms is false.
    pub required: u64,
    /// None of these atoms is true.
    pub refused: u64,
}

/// A rule that keeps the filter of an event type open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The rule.
    pub rule: RuleId,
    /// What in its condition is to blame.
    pub blame: Blame,
}

impl Plan {
    /// The plan of a rule set, which was checked against this schema. Disabled rules have no part in it.
    pub fn of(rules: &RuleSet, schema: &Schema) -> Self {
        let events = rules.events().iter();
        Self {
            version: VERSION,
            events: events
                .map(|event| (event, EventPlan::of(rules, schema, event)))
                .collect(),
        }
    }

    /// The plan of one event type; `None`: no rule can match such an event.
    pub fn event(&self, event: EventTypeId) -> Option<&EventPlan> {
        let at = self.events.binary_search_by_key(&event, |(id, _)| *id);
        at.ok().map(|at| &self.events[at].1)
    }
}

impl EventPlan {
    /// The plan of one event type.
    pub fn of(rules: &RuleSet, schema: &Schema, event: EventTypeId) -> Self {
        Self::of_these(tried(rules, event), schema, event)
    }

    /// What one rule alone would have of an event type, and what in its condition lets most of that pass.
    pub fn of_rule(rule: &Rule, schema: &Schema, event: EventTypeId) -> (Self, Blame) {
        let blame = blame::of(&mut Lowering::new(schema, event), &rule.condition);
        (Self::of_these([rule], schema, event), blame)
    }

    fn of_these<'r>(
        rules: impl IntoIterator<Item = &'r Rule>,
        schema: &Schema,
        event: EventTypeId,
    ) -> Self {
        let mut lowering = Lowering::new(schema, event);
        let (mut open, mut wide) = (None, Vec::new());
        let mut all = Vec::new();
        for rule in rules {
            let dnf = lowering.condition(&rule.condition);
            if lowering.is_wide(&dnf) {
                let found = Open {
                    rule: rule.id,
                    blame: blame::of(&mut lowering, &rule.condition),
                };
                if dnf.is_always() {
                    open.get_or_insert(found.clone());
                }
                wide.push(found);
            }
            all.push(dnf);
        }
        let (atoms, clauses) = Dnf::any(all, &mut lowering.atoms).into_clauses(&lowering.atoms);
        Self {
            atoms,
            clauses,
            open,
            wide,
        }
    }

    /// Whether an event of this type has to be reported: whether a rule may match it, as far as these facts tell.
    pub fn passes(&self, facts: &Facts<'_>) -> bool {
        self.passes_in(facts, View::Requested)
            || facts.effective != Path::Missing
                && self.atoms.iter().any(Atom::is_about_path)
                && self.passes_in(facts, View::Effective)
    }

    fn passes_in(&self, facts: &Facts<'_>, view: View) -> bool {
        let (mut holding, mut failing) = (0u64, 0u64);
        for (bit, atom) in self.atoms.iter().enumerate() {
            match atom.answer(facts, view) {
                Some(true) => holding |= 1 << bit,
                Some(false) => failing |= 1 << bit,
                None => {}
            }
        }
        self.clauses
            .iter()
            .any(|clause| clause.required & failing == 0 && clause.refused & holding == 0)
    }

    /// Whether every event passes, whatever the facts are.
    pub fn passes_all(&self) -> bool {
        self.clauses.contains(&Clause::default())
    }
}

/// The rules that are tried for events of a type.
pub fn tried(rules: &RuleSet, event: EventTypeId) -> impl Iterator<Item = &Rule> {
    rules
        .rules()
        .iter()
        .filter(move |rule| rule.enabled && rule.events.contains(event))
}

#[cfg(test)]
mod law;
#[cfg(test)]
mod tests;
