//! Sets of event types, and the set in which a condition can be true.
//!
//! In: a checked condition. Out: [`EventSet`]. A check of `evt.type` tells types, any other is neutral: it may be true in
//! every type, negated or not. Negation is pushed down to the checks.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::Operator;
use crate::op::Constant;
use crate::schema::{EventTypeId, FieldId, Schema};
use crate::typed::{Check, Condition, Node, NodeKind, Operand, Test};

/// Rules that can be true in this many event types or more are slow for no good reason.
pub const TOO_MANY: usize = 50;

/// A set of event types of one schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventSet {
    /// A bit for each type.
    words: Box<[u64]>,
    /// How many types the schema has. Invariant: no bit behind is set.
    types: usize,
}

impl EventSet {
    /// No type.
    pub fn none(schema: &Schema) -> Self {
        let types = schema.events.len();
        Self {
            words: vec![0; types.div_ceil(64)].into(),
            types,
        }
    }

    /// Every type.
    pub fn all(schema: &Schema) -> Self {
        Self::none(schema).complement()
    }

    /// Adds a type.
    pub fn insert(&mut self, event: EventTypeId) {
        let index = usize::from(event.0);
        debug_assert!(index < self.types, "event types are those of one schema");
        self.words[index / 64] |= 1 << (index % 64);
    }

    /// Whether a type is in it.
    pub fn contains(&self, event: EventTypeId) -> bool {
        let index = usize::from(event.0);
        self.words
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// The types in it, in the schema's order.
    pub fn iter(&self) -> impl Iterator<Item = EventTypeId> + '_ {
        (0..self.types)
            .map(|index| EventTypeId(index as u16))
            .filter(|event| self.contains(*event))
    }

    /// How many types are in it.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Whether no type is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The types in either.
    pub fn union(mut self, other: &Self) -> Self {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a |= b);
        self
    }

    /// The types in both.
    pub fn intersection(mut self, other: &Self) -> Self {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(a, b)| *a &= b);
        self
    }

    /// The types not in it.
    pub fn complement(mut self) -> Self {
        let types = self.types;
        for (i, word) in self.words.iter_mut().enumerate() {
            let valid = (types - i * 64).min(64);
            *word = !*word & (u64::MAX >> (64 - valid));
        }
        self
    }

    /// The types in which a condition can be true.
    pub fn of(condition: &Condition, schema: &Schema) -> Self {
        let mut search = Search {
            schema,
            evt_type: schema.field("evt.type"),
            evt_num: schema.field("evt.num"),
            macros: HashMap::new(),
        };
        search.node(&condition.root, false)
    }
}

/// What a check of the event's type says by itself.
pub(crate) enum Verdict {
    /// True exactly in these types.
    In(EventSet),
    /// May be true in any type, and false.
    Neutral,
}

struct Search<'s> {
    schema: &'s Schema,
    evt_type: Option<FieldId>,
    evt_num: Option<FieldId>,
    /// Results for macros, whose bodies are shared, plain and negated.
    macros: HashMap<(*const Node, bool), EventSet>,
}

impl Search<'_> {
    fn node(&mut self, node: &Node, negated: bool) -> EventSet {
        match &node.kind {
            NodeKind::And(members) | NodeKind::Or(members) => {
                let is_and = matches!(node.kind, NodeKind::And(_)) != negated;
                let start = if is_and {
                    EventSet::all(self.schema)
                } else {
                    EventSet::none(self.schema)
                };
                members.iter().fold(start, |set, member| {
                    let other = self.node(member, negated);
                    if is_and {
                        set.intersection(&other)
                    } else {
                        set.union(&other)
                    }
                })
            }
            NodeKind::Not(inner) => self.node(inner, !negated),
            NodeKind::Macro { body, .. } => {
                let key = (Arc::as_ptr(body), negated);
                if let Some(known) = self.macros.get(&key) {
                    return known.clone();
                }
                let set = self.node(body, negated);
                self.macros.insert(key, set.clone());
                set
            }
            NodeKind::Check(check) => match self.check(check) {
                Verdict::In(set) if negated => set.complement(),
                Verdict::In(set) => set,
                Verdict::Neutral => EventSet::all(self.schema),
            },
        }
    }

    fn check(&self, check: &Check) -> Verdict {
        let Operand::Field(field) = &check.operand else {
            return Verdict::Neutral;
        };
        match &check.test {
            Test::Exists if field.is_plain(self.evt_type) => {
                Verdict::In(EventSet::all(self.schema))
            }
            Test::Constants {
                op,
                modifier: None,
                values,
            } if field.is_plain(self.evt_type) => self.type_check(*op, values),
            Test::Constants {
                op,
                modifier: None,
                values,
            } if field.is_plain(self.evt_num) => match number_check(*op, values) {
                Some(true) => Verdict::In(EventSet::all(self.schema)),
                Some(false) => Verdict::In(EventSet::none(self.schema)),
                None => Verdict::Neutral,
            },
            _ => Verdict::Neutral,
        }
    }

    fn type_check(&self, op: Operator, values: &[Constant]) -> Verdict {
        let mut named = EventSet::none(self.schema);
        for value in values {
            if let Constant::Text(name) = value
                && let Some(event) = std::str::from_utf8(name)
                    .ok()
                    .and_then(|name| self.schema.event(name))
            {
                named.insert(event);
            }
        }
        match op {
            Operator::Eq | Operator::In => Verdict::In(named),
            Operator::Ne => Verdict::In(named.complement()),
            _ => Verdict::Neutral,
        }
    }
}

/// Whether a check of `evt.num`, which counts from 1, is true or false for every event.
pub(crate) fn number_check(op: Operator, values: &[Constant]) -> Option<bool> {
    let number = |value: &Constant| match value {
        Constant::Uint(number) => Some(*number),
        _ => None,
    };
    if op == Operator::In {
        let never = values.iter().all(|value| number(value) == Some(0));
        return never.then_some(false);
    }
    match (op, number(values.first()?)?) {
        (Operator::Eq | Operator::Le, 0) | (Operator::Lt, 0 | 1) => Some(false),
        (Operator::Ne | Operator::Gt, 0) | (Operator::Ge, 0 | 1) => Some(true),
        _ => None,
    }
}
