//! Judges events: which rules hold, and what their outputs say.
//!
//! In: a [`RuleSet`] and, per event, the host's [`Fields`]. Out: a [`Match`] for each rule that holds. Never: memory from the
//! allocator for an event that matches nothing, once the evaluator has seen a few events; no lock, no clock.
//!
//! Conditions are judged in Kleene's three-valued logic: a check on an awaited field ([`Fields::awaited`]) is open, and a
//! condition is open only where the awaited values can change it. Without awaited fields this is the usual logic.

use std::cell::{Cell, OnceCell};

use bumpalo::Bump;

use crate::op;
use crate::program::{
    Builtin, Matching, NO_SLOT, NodeId, NodeKind, Program, Rule, RuleId, RuleSet, Source, SourceId,
    words,
};
use crate::template::Format;
use crate::typed::Operand;
use crate::value::{Fields, Value};

/// What the arena holds at first; values of a usual event fit.
const ARENA_BYTES: usize = 16 * 1024;

/// The working memory of one thread that judges events.
#[derive(Debug)]
pub struct Evaluator {
    arena: Bump,
    /// For each node the event it was last judged for, times four, plus the [`Truth`].
    judged: Vec<u32>,
    /// Number of the current event, times four. Invariant: greater than every number in `judged`.
    event: u32,
    /// For each rule of the event's type a bit: set while it may hold.
    possible: Vec<u64>,
    judged_rules: usize,
}

/// Whether an event is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every rule is decided.
    Decided,
    /// Some rule is not: its condition or its output depends on an awaited field. Judged again with the values, or with
    /// nothing awaited, the event gives these rules' matches besides those that it has given already.
    Open,
}

/// What is known of a condition. In this order "and" is the least, "or" the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    False,
    Open,
    True,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Evaluator {
    /// Working memory for a rule set. It may be used with another set later, and grows then if it has to.
    pub fn new(set: &RuleSet) -> Self {
        Self {
            arena: Bump::with_capacity(ARENA_BYTES),
            judged: vec![0; set.nodes.len()],
            event: 0,
            possible: Vec::new(),
            judged_rules: 0,
        }
    }

    /// Judges one event: calls `on_match` for each rule that matches, in order of first definition. A rule whose output
    /// mentions an awaited field does not match yet: a match is told whole.
    pub fn evaluate<E: Fields>(
        &mut self,
        set: &RuleSet,
        event: &E,
        on_match: impl FnMut(Match<'_>),
    ) -> Outcome {
        self.evaluate_watched(set, event, on_match, |_| {})
    }

    /// The same for one who wants to know what each rule costs: the time since the last call of `on_judged`, or the start, is
    /// what judging this rule took, or, without a rule, what was tried for all of them at once. A rule that is out of the
    /// question by then takes nothing more, and there is no call for it. What several rules that are left have in common is
    /// judged with the first.
    pub fn evaluate_watched<E: Fields>(
        &mut self,
        set: &RuleSet,
        event: &E,
        on_match: impl FnMut(Match<'_>),
        on_judged: impl FnMut(Option<RuleId>),
    ) -> Outcome {
        self.judged_rules = 0;
        let Some(program) = set.program(event.event_type()) else {
            return Outcome::Decided;
        };
        if program.roots.is_empty() {
            return Outcome::Decided;
        }
        self.next_event(set);
        let values = Values::new(set, program, event, &self.arena);
        let marks = Judged {
            marks: &mut self.judged,
            event: self.event,
        };
        let (outcome, rules) = judge(&values, marks, &mut self.possible, on_match, on_judged);
        self.judged_rules = rules;
        self.arena.reset();
        outcome
    }

    /// How many rules were judged for the last event: the first so many of [`RuleSet::rules_of`] its type.
    pub fn judged_rules(&self) -> usize {
        self.judged_rules
    }

    fn next_event(&mut self, set: &RuleSet) {
        if self.judged.len() < set.nodes.len() {
            self.judged.resize(set.nodes.len(), 0);
        }
        self.event = self.event.wrapping_add(4);
        if self.event == 0 {
            self.judged.fill(0);
            self.event = 4;
        }
    }
}

/// A rule that holds for an event.
pub struct Match<'a> {
    /// The rule.
    pub rule: &'a Rule,
    values: &'a Values<'a>,
}

impl<'a> Match<'a> {
    /// Appends the rule's output, filled in. Bytes that are no UTF-8 become U+FFFD.
    pub fn output(&self, out: &mut String) {
        let mut bytes = Vec::new();
        self.rule
            .output
            .render(&mut bytes, &mut |operand| self.values.operand(operand));
        out.push_str(&String::from_utf8_lossy(&bytes));
    }

    /// The fields that the output mentions, each with its key, its value if it has one, and how it prints.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Option<Value<'a>>, Format)> {
        let values = self.values;
        let rule = self.rule;
        rule.output.fields().iter().map(move |field| {
            (
                field.key.as_str(),
                values.field(&field.field.field).value(),
                field.format,
            )
        })
    }

    /// The value of a field that need not be in the rule.
    pub fn value(&self, field: &crate::value::FieldRef) -> Option<Value<'a>> {
        self.values.field(field).value()
    }
}

/// Results of the current event.
struct Judged<'m> {
    marks: &'m mut [u32],
    event: u32,
}

fn judge<'a>(
    values: &'a Values<'a>,
    mut judged: Judged<'_>,
    possible: &mut Vec<u64>,
    mut on_match: impl FnMut(Match<'_>),
    mut on_judged: impl FnMut(Option<RuleId>),
) -> (Outcome, usize) {
    let roots = &values.program.roots;
    judged.guards(values, possible);
    on_judged(None);
    let mut outcome = Outcome::Decided;
    for place in bits(possible) {
        let (id, root) = roots[place];
        let rule = values.set.rule(id);
        let first_only = values.set.matching == Matching::First;
        let truth = judged.node(values, root);
        on_judged(Some(id));
        match truth {
            Truth::False => continue,
            Truth::True if !values.output_open(rule) => on_match(Match { rule, values }),
            Truth::True | Truth::Open => outcome = Outcome::Open,
        }
        // Where only the first match counts, nobody knows who is first behind a rule that is open.
        if first_only {
            return (outcome, place + 1);
        }
    }
    (outcome, roots.len())
}

/// The places of the bits that are set, in order.
fn bits(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(at, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros() as usize;
            (bit < 64).then(|| {
                left &= left - 1;
                at * 64 + bit
            })
        })
    })
}

impl Judged<'_> {
    /// Finds the rules of the event's type that no guard says are false.
    fn guards<'a>(&mut self, values: &'a Values<'a>, possible: &mut Vec<u64>) {
        let rules = values.program.roots.len();
        possible.clear();
        possible.resize(words(rules), u64::MAX);
        if let Some(last) = possible.last_mut().filter(|_| !rules.is_multiple_of(64)) {
            *last = (1 << (rules % 64)) - 1;
        }
        for guard in &values.program.guards {
            let spared = |(left, rules): (&u64, &u64)| (left & rules).count_ones();
            let spared: u32 = possible.iter().zip(&guard.rules).map(spared).sum();
            // For a single rule it is as well tried by itself.
            if spared > 1 && self.node(values, guard.node) == Truth::False {
                for (left, rules) in possible.iter_mut().zip(&guard.rules) {
                    *left &= !rules;
                }
            }
        }
    }

    /// Recursion is as deep as the condition, which check has limited.
    fn node<'a>(&mut self, values: &'a Values<'a>, id: NodeId) -> Truth {
        let node = &values.set.nodes[id.0 as usize];
        if !node.shared {
            return self.kind(values, &node.kind);
        }
        let mark = self.marks[id.0 as usize];
        if mark & !3 == self.event {
            return match mark & 3 {
                0 => Truth::False,
                1 => Truth::Open,
                _ => Truth::True,
            };
        }
        let truth = self.kind(values, &node.kind);
        self.marks[id.0 as usize] = self.event | truth as u32;
        truth
    }

    fn kind<'a>(&mut self, values: &'a Values<'a>, kind: &'a NodeKind) -> Truth {
        let members = |range: &std::ops::Range<u32>| {
            &values.set.members[range.start as usize..range.end as usize]
        };
        match kind {
            NodeKind::Const(truth) => (*truth).into(),
            NodeKind::And(range) => {
                let mut least = Truth::True;
                for member in members(range) {
                    least = least.min(self.node(values, *member));
                    if least == Truth::False {
                        break;
                    }
                }
                least
            }
            NodeKind::Or(range) => {
                let mut greatest = Truth::False;
                for member in members(range) {
                    greatest = greatest.max(self.node(values, *member));
                    if greatest == Truth::True {
                        break;
                    }
                }
                greatest
            }
            NodeKind::Not(inner) => match self.node(values, *inner) {
                Truth::False => Truth::True,
                Truth::Open => Truth::Open,
                Truth::True => Truth::False,
            },
            NodeKind::Check(source, matcher) => match values.source(*source) {
                Fetched::Value(value) => values.set.matchers[*matcher as usize]
                    .matches(value, values.arena)
                    .into(),
                Fetched::Missing => Truth::False,
                Fetched::Awaited => Truth::Open,
            },
            NodeKind::Compare {
                left,
                right,
                op,
                ty,
                multiplicity,
            } => {
                let left = values.source(*left);
                if matches!(left, Fetched::Missing) {
                    return Truth::False;
                }
                match (left, values.source(*right)) {
                    (_, Fetched::Missing) => Truth::False,
                    (Fetched::Value(left), Fetched::Value(right)) => {
                        op::compare(*op, *ty, *multiplicity, left, right, values.arena).into()
                    }
                    _ => Truth::Open,
                }
            }
        }
    }
}

/// The values of one event, each fetched when it is first needed and then kept.
struct Values<'a> {
    set: &'a RuleSet,
    program: &'a Program,
    event: &'a dyn Fields,
    arena: &'a Bump,
    /// Sources that the program's conditions read.
    slots: &'a [Cell<Option<Fetched<'a>>>],
    /// All sources of the set; made when a match asks for one that has no slot.
    rest: OnceCell<&'a [Cell<Option<Fetched<'a>>>]>,
}

/// What asking for a value gave.
#[derive(Clone, Copy)]
enum Fetched<'a> {
    Value(Value<'a>),
    Missing,
    /// Missing, but perhaps not for long.
    Awaited,
}

impl<'a> Fetched<'a> {
    fn value(self) -> Option<Value<'a>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Awaited => None,
        }
    }
}

impl<'a> Values<'a> {
    fn new(set: &'a RuleSet, program: &'a Program, event: &'a dyn Fields, arena: &'a Bump) -> Self {
        let slots = unknown(arena, program.slot_count as usize);
        Self {
            set,
            program,
            event,
            arena,
            slots,
            rest: OnceCell::new(),
        }
    }

    fn source(&self, id: SourceId) -> Fetched<'a> {
        let slot = match self.program.slots[id.0 as usize] {
            NO_SLOT => {
                let rest = self
                    .rest
                    .get_or_init(|| unknown(self.arena, self.set.sources.len()));
                &rest[id.0 as usize]
            }
            slot => &self.slots[slot as usize],
        };
        if let Some(fetched) = slot.get() {
            return fetched;
        }
        let fetched = self.fetch(&self.set.sources[id.0 as usize]);
        slot.set(Some(fetched));
        fetched
    }

    fn fetch(&self, source: &'a Source) -> Fetched<'a> {
        let value = match source {
            Source::Field(field) => return self.ask(field),
            Source::Builtin(builtin) => self.builtin(*builtin),
            Source::Transform { transform, inputs } => {
                let mut awaited = false;
                let mut field = |used: &'a crate::typed::FieldUse| {
                    let (_, input) = inputs.iter().find(|(field, _)| *field == used.field)?;
                    let fetched = self.source(*input);
                    awaited |= matches!(fetched, Fetched::Awaited);
                    fetched.value()
                };
                let value = crate::transform::apply(&transform.function, &mut field, self.arena);
                if awaited {
                    return Fetched::Awaited;
                }
                value
            }
        };
        value.map_or(Fetched::Missing, Fetched::Value)
    }

    fn ask(&self, field: &crate::value::FieldRef) -> Fetched<'a> {
        match self.event.get(field, self.arena) {
            Some(value) => Fetched::Value(value),
            None if self.event.awaited(field) => Fetched::Awaited,
            None => Fetched::Missing,
        }
    }

    /// Whether an output mentions an awaited field.
    fn output_open(&self, rule: &'a Rule) -> bool {
        let mut fields = rule.output.fields().iter();
        fields.any(|used| matches!(self.field(&used.field.field), Fetched::Awaited))
    }

    fn builtin(&self, builtin: Builtin) -> Option<Value<'a>> {
        let event = self.event.event_type();
        builtin_value(builtin, event.0, &self.set.types)
    }

    /// The value of an operand of an output.
    fn operand(&self, operand: &'a Operand) -> Option<Value<'a>> {
        let mut field = |used: &'a crate::typed::FieldUse| self.field(&used.field).value();
        crate::transform::operand(operand, &mut field, self.arena)
    }

    /// The value of any field: for matches, not for every event.
    fn field(&self, field: &crate::value::FieldRef) -> Fetched<'a> {
        match self.set.source_of.get(field) {
            Some(source) => self.source(*source),
            None => self.ask(field),
        }
    }
}

/// What the engine knows of an event by its type alone.
pub(crate) fn builtin_value(
    builtin: Builtin,
    event: u16,
    types: &[(&'static str, bool)],
) -> Option<Value<'static>> {
    let (name, is_syscall) = *types.get(usize::from(event))?;
    match builtin {
        Builtin::EventType => Some(Value::Text(name.as_bytes())),
        Builtin::SyscallType => is_syscall.then_some(Value::Text(name.as_bytes())),
        Builtin::Direction => Some(Value::Text(b"<")),
        Builtin::Is(wanted) => Some(Value::Uint(u64::from(wanted == event))),
    }
}

fn unknown(arena: &Bump, count: usize) -> &[Cell<Option<Fetched<'_>>>] {
    arena.alloc_slice_fill_with(count, |_| Cell::new(None))
}

#[cfg(test)]
mod tests;
