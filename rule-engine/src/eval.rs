//! Judges events: which rules hold, and what their outputs say.
//!
//! In: a [`RuleSet`] and, per event, the host's [`Fields`]. Out: a [`Match`] for each rule that holds. Never: memory from the
//! allocator for an event that matches nothing, once the evaluator has seen a few events; no lock, no clock.

use std::cell::{Cell, OnceCell};

use bumpalo::Bump;

use crate::op;
use crate::program::{
    Builtin, Matching, NO_SLOT, NodeId, NodeKind, Program, Rule, RuleSet, Source, SourceId,
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
    /// For each node the event it was last judged for, times two, plus the result.
    judged: Vec<u32>,
    /// Number of the current event, times two. Invariant: greater than every number in `judged`.
    event: u32,
}

impl Evaluator {
    /// Working memory for a rule set. It may be used with another set later, and grows then if it has to.
    pub fn new(set: &RuleSet) -> Self {
        Self {
            arena: Bump::with_capacity(ARENA_BYTES),
            judged: vec![0; set.nodes.len()],
            event: 0,
        }
    }

    /// Judges one event: calls `on_match` for each rule that matches, in order of first definition.
    pub fn evaluate<E: Fields>(
        &mut self,
        set: &RuleSet,
        event: &E,
        on_match: impl FnMut(Match<'_>),
    ) {
        let Some(program) = set.program(event.event_type()) else {
            return;
        };
        if program.roots.is_empty() {
            return;
        }
        self.next_event(set);
        let values = Values::new(set, program, event, &self.arena);
        judge(
            &values,
            program,
            Judged {
                marks: &mut self.judged,
                event: self.event,
            },
            on_match,
        );
        self.arena.reset();
    }

    fn next_event(&mut self, set: &RuleSet) {
        if self.judged.len() < set.nodes.len() {
            self.judged.resize(set.nodes.len(), 0);
        }
        self.event = self.event.wrapping_add(2);
        if self.event == 0 {
            self.judged.fill(0);
            self.event = 2;
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
                values.field(&field.field.field),
                field.format,
            )
        })
    }

    /// The value of a field that need not be in the rule.
    pub fn value(&self, field: &'a crate::value::FieldRef) -> Option<Value<'a>> {
        self.values.field(field)
    }
}

/// Results of the current event.
struct Judged<'m> {
    marks: &'m mut [u32],
    event: u32,
}

fn judge<'a>(
    values: &'a Values<'a>,
    program: &'a Program,
    mut judged: Judged<'_>,
    mut on_match: impl FnMut(Match<'_>),
) {
    for (rule, root) in &program.roots {
        if judged.node(values, *root) {
            on_match(Match {
                rule: values.set.rule(*rule),
                values,
            });
            if values.set.matching == Matching::First {
                break;
            }
        }
    }
}

impl Judged<'_> {
    /// Recursion is as deep as the condition, which check has limited.
    fn node<'a>(&mut self, values: &'a Values<'a>, id: NodeId) -> bool {
        let node = &values.set.nodes[id.0 as usize];
        if !node.shared {
            return self.kind(values, &node.kind);
        }
        let mark = self.marks[id.0 as usize];
        if mark & !1 == self.event {
            return mark & 1 == 1;
        }
        let result = self.kind(values, &node.kind);
        self.marks[id.0 as usize] = self.event | u32::from(result);
        result
    }

    fn kind<'a>(&mut self, values: &'a Values<'a>, kind: &'a NodeKind) -> bool {
        let members = |range: &std::ops::Range<u32>| {
            &values.set.members[range.start as usize..range.end as usize]
        };
        match kind {
            NodeKind::Const(truth) => *truth,
            NodeKind::And(range) => members(range)
                .iter()
                .all(|member| self.node(values, *member)),
            NodeKind::Or(range) => members(range)
                .iter()
                .any(|member| self.node(values, *member)),
            NodeKind::Not(inner) => !self.node(values, *inner),
            NodeKind::Check(source, matcher) => values.source(*source).is_some_and(|value| {
                values.set.matchers[*matcher as usize].matches(value, values.arena)
            }),
            NodeKind::Compare {
                left,
                right,
                op,
                ty,
                multiplicity,
            } => {
                let Some(left) = values.source(*left) else {
                    return false;
                };
                let Some(right) = values.source(*right) else {
                    return false;
                };
                op::compare(*op, *ty, *multiplicity, left, right, values.arena)
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
    slots: &'a [Cell<Slot<'a>>],
    /// All sources of the set; made when a match asks for one that has no slot.
    rest: OnceCell<&'a [Cell<Slot<'a>>]>,
}

#[derive(Clone, Copy)]
enum Slot<'a> {
    Unknown,
    Known(Option<Value<'a>>),
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

    fn source(&self, id: SourceId) -> Option<Value<'a>> {
        let slot = match self.program.slots[id.0 as usize] {
            NO_SLOT => {
                let rest = self
                    .rest
                    .get_or_init(|| unknown(self.arena, self.set.sources.len()));
                &rest[id.0 as usize]
            }
            slot => &self.slots[slot as usize],
        };
        if let Slot::Known(value) = slot.get() {
            return value;
        }
        let value = self.fetch(&self.set.sources[id.0 as usize]);
        slot.set(Slot::Known(value));
        value
    }

    fn fetch(&self, source: &'a Source) -> Option<Value<'a>> {
        match source {
            Source::Field(field) => self.event.get(field, self.arena),
            Source::Builtin(builtin) => self.builtin(*builtin),
            Source::Transform { transform, inputs } => {
                let mut field = |used: &'a crate::typed::FieldUse| {
                    let (_, input) = inputs.iter().find(|(field, _)| *field == used.field)?;
                    self.source(*input)
                };
                crate::transform::apply(&transform.function, &mut field, self.arena)
            }
        }
    }

    fn builtin(&self, builtin: Builtin) -> Option<Value<'a>> {
        let event = self.event.event_type();
        builtin_value(builtin, event.0, &self.set.types)
    }

    /// The value of an operand of an output.
    fn operand(&self, operand: &'a Operand) -> Option<Value<'a>> {
        let mut field = |used: &'a crate::typed::FieldUse| self.field(&used.field);
        crate::transform::operand(operand, &mut field, self.arena)
    }

    /// The value of any field: for matches, not for every event.
    fn field(&self, field: &'a crate::value::FieldRef) -> Option<Value<'a>> {
        match self.set.source_of.get(field) {
            Some(source) => self.source(*source),
            None => self.event.get(field, self.arena),
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

fn unknown(arena: &Bump, count: usize) -> &[Cell<Slot<'_>>] {
    arena.alloc_slice_fill_with(count, |_| Cell::new(Slot::Unknown))
}

#[cfg(test)]
mod tests;
