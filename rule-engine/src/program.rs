//! Compiled rules: the plain data that [`crate::eval`] runs over.
//!
//! All conditions of a rule set are one graph: equal parts, whichever rules or macros they come from, are one node. Each event
//! type has its own roots into it, with everything that depends on the type alone already decided.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use foldhash::fast::FixedState;

use crate::ast::Operator;
use crate::eventset::EventSet;
use crate::op::{Constant, Matcher};
use crate::priority::Priority;
use crate::schema::{Multiplicity, Type};
use crate::template::Template;
use crate::typed::{Check, Condition, Operand, Test, Transform};
use crate::value::FieldRef;

/// Index of a rule in its [`RuleSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its index.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub desc: String,
    /// How grave a match is.
    pub priority: Priority,
    /// The event source it watches.
    pub source: String,
    /// The file of its last definition, as messages call it.
    pub file: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is tried.
    pub enabled: bool,
    /// Its condition.
    pub condition: Condition,
    /// The event types it is tried for.
    pub events: EventSet,
    /// What a match says.
    pub output: Template,
}

/// Which of the rules that hold for an event match it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// All of them.
    #[default]
    All,
    /// The first one in order of first definition.
    First,
}

/// A compiled set of rules of one event source.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) matching: Matching,
    pub(crate) events: EventSet,
    pub(crate) nodes: Vec<Node>,
    /// The members of all `and` and `or` nodes.
    pub(crate) members: Vec<NodeId>,
    pub(crate) sources: Vec<Source>,
    /// Sources of fields, by field.
    pub(crate) source_of: HashMap<FieldRef, SourceId, FixedState>,
    pub(crate) matchers: Vec<Matcher>,
    /// For each event type the index of its program; several types may share one.
    pub(crate) program_of: Vec<u32>,
    pub(crate) programs: Vec<Program>,
    /// Names of the event types, and whether they are syscalls.
    pub(crate) types: Vec<(&'static str, bool)>,
}

/// What is run for an event of one type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// The rules to try, in order.
    pub(crate) roots: Vec<(RuleId, NodeId)>,
    /// What is tried before them, in this order.
    pub(crate) guards: Vec<Guard>,
    /// For each source of the set the slot that keeps its value, [`NO_SLOT`] for one that no root reads.
    pub(crate) slots: Vec<u32>,
    /// How many slots there are.
    pub(crate) slot_count: u32,
    /// The fields that conditions and outputs of these rules read.
    pub(crate) fields: Vec<FieldRef>,
}

/// What some of a program's rules need: where it is false, so are they.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub(crate) node: NodeId,
    /// The places of the rules in the program's roots, a bit each; as many words as [`words`] says.
    pub(crate) rules: Vec<u64>,
}

/// How many words have a bit for each of so many rules.
pub(crate) fn words(rules: usize) -> usize {
    rules.div_ceil(64)
}

/// No slot.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// Index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) u32);

/// Index of a source of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceId(pub(crate) u32);

/// A part of conditions.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    /// Several nodes or rules have it: its result is remembered for the event.
    pub(crate) shared: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum NodeKind {
    Const(bool),
    /// All of these members hold.
    And(Range<u32>),
    /// One of these members holds.
    Or(Range<u32>),
    Not(NodeId),
    /// The value is present and passes the matcher of this index.
    Check(SourceId, u32),
    /// Both values are present and compare so.
    Compare {
        left: SourceId,
        right: SourceId,
        op: Operator,
        ty: Type,
        multiplicity: Multiplicity,
    },
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The host.
    Field(FieldRef),
    /// The event's type, which the engine knows by itself.
    Builtin(Builtin),
    /// A transformer over other sources.
    Transform {
        transform: Box<Transform>,
        /// The sources of its fields.
        inputs: Vec<(FieldRef, SourceId)>,
    },
}

/// Values that follow from the event's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Builtin {
    /// `evt.type`: its name.
    EventType,
    /// `syscall.type`: its name, if it is a syscall.
    SyscallType,
    /// `evt.dir`: always `<`.
    Direction,
    /// `evt.type.is.NAME`: 1 or 0; the type's index.
    Is(u16),
}

impl RuleSet {
    /// All rules, disabled ones included, in order of first definition; a [`RuleId`] is an index.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of an id of this set.
    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id.0 as usize]
    }

    /// The event types for which some enabled rule can be true: what a host has to watch.
    pub fn events(&self) -> &EventSet {
        &self.events
    }

    /// The fields that the rules of an event type read, outputs included.
    pub fn fields(&self, event: crate::schema::EventTypeId) -> impl Iterator<Item = &FieldRef> {
        self.program(event)
            .into_iter()
            .flat_map(|program| &program.fields)
    }

    /// The rules that are tried for an event type, in order.
    pub fn rules_of(&self, event: crate::schema::EventTypeId) -> impl Iterator<Item = RuleId> {
        let roots = self.program(event).into_iter();
        roots.flat_map(|program| program.roots.iter().map(|(id, _)| *id))
    }

    /// How many event types there are: all ids are below.
    pub fn event_types(&self) -> usize {
        self.types.len()
    }

    /// The texts that conditions of enabled rules compare a field with, for fields that `which` accepts.
    pub fn compared_texts(&self, which: impl Fn(&FieldRef) -> bool) -> BTreeSet<Box<[u8]>> {
        let mut texts = BTreeSet::new();
        let mut each = |check: &Check| {
            if let (Operand::Field(used), Test::Constants { values, .. }) =
                (&check.operand, &check.test)
                && which(&used.field)
            {
                texts.extend(values.iter().filter_map(|constant| match constant {
                    Constant::Text(text) => Some(text.clone()),
                    _ => None,
                }));
            }
        };
        for rule in self.rules.iter().filter(|rule| rule.enabled) {
            rule.condition.root.checks(&mut each);
        }
        texts
    }

    /// How matches are chosen.
    pub fn matching(&self) -> Matching {
        self.matching
    }

    pub(crate) fn program(&self, event: crate::schema::EventTypeId) -> Option<&Program> {
        let index = *self.program_of.get(usize::from(event.0))?;
        self.programs.get(index as usize)
    }
}
