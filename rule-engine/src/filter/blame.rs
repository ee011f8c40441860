//! What in a condition keeps the filter open.
//!
//! In: a condition that is wide for an event type. Out: [`Blame`]: the check that, had the kernel been able to decide it,
//! would have closed it. Never: advice in words; that is the lint's.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::lower::{Lowering, is_and};
use super::subject::Subject;
use crate::source::TextRange;
use crate::typed::{Check, Condition, Node, NodeKind};

/// A place in a condition, and why it is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// Where: a check, or the whole condition.
    pub range: TextRange,
    /// The macro calls that lead there, outermost first.
    pub trail: Vec<TextRange>,
    /// Why.
    pub cause: Cause,
}

/// Why a filter is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The kernel knows the field, but cannot decide this test of it.
    Test,
    /// The kernel does not know the field.
    Field,
    /// Nothing in the condition says who acts or what it is about.
    Nothing,
}

/// What is to blame for a condition that is wide.
pub(super) fn of(lowering: &mut Lowering<'_>, condition: &Condition) -> Blame {
    let mut search = Search {
        lowering,
        trail: Vec::new(),
        searched: HashSet::default(),
    };
    search.node(&condition.root, false).unwrap_or(Blame {
        range: condition.root.range,
        trail: Vec::new(),
        cause: Cause::Nothing,
    })
}

struct Search<'l, 's> {
    lowering: &'l mut Lowering<'s>,
    trail: Vec<TextRange>,
    /// Macros that were looked into before, plain and negated: what is to blame in them is known.
    searched: HashSet<(*const Node, bool), FixedState>,
}

impl Search<'_, '_> {
    /// The check in a part, or in its opposite, that is most to blame.
    fn node(&mut self, node: &Node, negated: bool) -> Option<Blame> {
        match &node.kind {
            // All members are wide together: each check among them that is not decided could close them.
            NodeKind::And(members) | NodeKind::Or(members) if is_and(node, negated) => members
                .iter()
                .filter_map(|member| self.node(member, negated))
                .min_by_key(|blame| blame.cause),
            NodeKind::And(members) | NodeKind::Or(members) => members.iter().find_map(|member| {
                let dnf = self.lowering.node(member, negated);
                self.lowering
                    .is_wide(&dnf)
                    .then(|| self.node(member, negated))?
            }),
            NodeKind::Not(inner) => self.node(inner, !negated),
            NodeKind::Macro { body, .. } => {
                if !self.searched.insert((Arc::as_ptr(body), negated)) {
                    return None;
                }
                self.trail.push(node.range);
                let found = self.node(body, negated);
                self.trail.pop();
                found
            }
            NodeKind::Check(check) => {
                if self.lowering.check(check).is_exact() {
                    return None;
                }
                Some(Blame {
                    range: node.range,
                    trail: self.trail.clone(),
                    cause: self.cause(check),
                })
            }
        }
    }

    fn cause(&self, check: &Check) -> Cause {
        match self.lowering.subject(check) {
            Subject::Text { .. } | Subject::Addresses { .. } => Cause::Test,
            _ => Cause::Field,
        }
    }
}
