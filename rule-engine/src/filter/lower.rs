//! Conditions to terms of atoms, for one event type.
//!
//! In: typed conditions. Out: [`Dnf`]s that hold whenever the conditions do. Never: fields' meanings; they are
//! [`super::subject`]'s part.

use std::collections::HashMap;
use std::sync::Arc;

use bumpalo::Bump;
use foldhash::fast::FixedState;

use super::atom::{Atom, Number, NumberTest};
use super::bounds::{self, Bounds, Formula};
use super::clauses::{Atoms, Dnf, Literal};
use super::subject::{self, Subject};
use crate::eventset::number_check;
use crate::reference::Plain;
use crate::schema::{EventTypeId, Schema};
use crate::typed::{Check, Condition, Node, NodeKind, Operand, Test};
use crate::value::{FieldKey, FieldRef, Fields, Value};

/// One event type, and the atoms that its rules ask for.
pub(super) struct Lowering<'s> {
    schema: &'s Schema,
    event: EventTypeId,
    pub(super) atoms: Atoms,
    /// Terms of macros, whose bodies are shared, plain and negated.
    macros: HashMap<(*const Node, bool), Dnf, FixedState>,
}

/// An event of which only the type is known.
struct OfType(EventTypeId);

impl Fields for OfType {
    fn event_type(&self) -> EventTypeId {
        self.0
    }

    fn get<'a>(&'a self, _: &FieldRef, _: &'a Bump) -> Option<Value<'a>> {
        None
    }
}

impl<'s> Lowering<'s> {
    pub(super) fn new(schema: &'s Schema, event: EventTypeId) -> Self {
        Self {
            schema,
            event,
            atoms: Atoms::default(),
            macros: HashMap::default(),
        }
    }

    /// Terms of which one holds whenever the condition does.
    pub(super) fn condition(&mut self, condition: &Condition) -> Dnf {
        self.node(&condition.root, false)
    }

    /// The same for a part of a condition, or with `negated` for its opposite.
    pub(super) fn node(&mut self, node: &Node, negated: bool) -> Dnf {
        match &node.kind {
            NodeKind::And(members) | NodeKind::Or(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|member| self.node(member, negated))
                    .collect();
                if is_and(node, negated) {
                    Dnf::all(members, &mut self.atoms)
                } else {
                    Dnf::any(members, &mut self.atoms)
                }
            }
            NodeKind::Not(inner) => self.node(inner, !negated),
            NodeKind::Macro { body, .. } => {
                let key = (Arc::as_ptr(body), negated);
                if let Some(known) = self.macros.get(&key) {
                    return known.clone();
                }
                let dnf = self.node(body, negated);
                self.macros.insert(key, dnf.clone());
                dnf
            }
            NodeKind::Check(check) => {
                let Bounds { may, must } = self.check(check);
                if negated {
                    must.dnf(true, &mut self.atoms)
                } else {
                    may.dnf(false, &mut self.atoms)
                }
            }
        }
    }

    /// What is known of a check by the event's type and by facts.
    pub(super) fn check(&self, check: &Check) -> Bounds {
        if let Operand::Field(used) = &check.operand {
            let name = self.schema.field_def(used.field.id).name;
            match (name, &used.field.arg, &check.test) {
                (
                    "evt.num",
                    FieldKey::None,
                    Test::Constants {
                        op,
                        modifier: None,
                        values,
                    },
                ) if number_check(*op, values) == Some(false) => {
                    return Bounds::exact(Formula::Never);
                }
                (
                    "evt.type" | "syscall.type" | "evt.dir" | "evt.type.is",
                    _,
                    Test::Exists | Test::Constants { .. },
                ) => {
                    return Bounds::exact(Formula::of(self.by_type(check)));
                }
                _ => {}
            }
        }
        bounds::of(&self.subject(check), &check.test)
    }

    /// What a check is about.
    pub(super) fn subject(&self, check: &Check) -> Subject {
        subject::of_operand(self.schema, self.event, &check.operand)
    }

    /// The result of a check that the event's type decides.
    fn by_type(&self, check: &Check) -> bool {
        let arena = Bump::new();
        let plain = Plain {
            schema: self.schema,
            event: &OfType(self.event),
            arena: &arena,
        };
        plain.check(check)
    }

    /// Whether some term lets pass whatever has a common form.
    pub(super) fn is_wide(&self, dnf: &Dnf) -> bool {
        dnf.terms()
            .iter()
            .any(|term| !term.iter().any(|literal| self.narrows(*literal)))
    }

    /// Whether a literal leaves few of the events that a machine at work makes: it names what is wanted, rather than some of what
    /// is not, and not just how calls usually are made and end.
    fn narrows(&self, literal: Literal) -> bool {
        let wanted = !literal.negated;
        match self.atoms.of(literal) {
            Atom::Text(..) | Atom::InContainer => wanted,
            Atom::Address(..) => true,
            Atom::Number(Number::Result, NumberTest::Within(ranges)) => {
                wanted == ranges.iter().all(|(_, last)| *last < 0)
            }
            // Writing, creating, or making executable: the bits are not all 0.
            Atom::Number(Number::OpenFlags | Number::OpenMode, NumberTest::Bits { value, .. }) => {
                wanted != (*value == 0)
            }
            Atom::Number(Number::OpenFlags | Number::OpenMode | Number::Family, _) => false,
            Atom::Number(Number::FileType | Number::SocketType, _) => false,
            Atom::Number(..) => wanted,
        }
    }
}

/// Whether all members of a node have to hold, or with `negated` of its opposite.
pub(super) fn is_and(node: &Node, negated: bool) -> bool {
    matches!(node.kind, NodeKind::And(_)) != negated
}
