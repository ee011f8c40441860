//! Checks a condition against a schema: fields, operators, constants, transformers, event names.
//!
//! In: a tree with its macros expanded. Out: the typed tree with the event types in which it can be true, or every error
//! of it, each with its place and the macro calls that lead there. Never: a change of meaning.

mod operand;
mod remark;
mod test;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ast::{Expr, ExprKind};
use crate::diagnostic::{Code, Finding};
use crate::eventset::EventSet;
use crate::parse;
use crate::schema::{FieldId, Schema};
use crate::source::{TextId, TextRange};
use crate::typed::{Check, Condition, Node, NodeKind};

/// How deep `and`, `or`, `not` and macros may nest in each other, all in all. What walks over trees does so by recursion.
pub const MAX_DEPTH: usize = 1000;

/// A condition without errors.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The condition, typed.
    pub typed: Condition,
    /// The event types in which it can be true.
    pub events: EventSet,
    /// What may not be meant as it is written.
    pub warnings: Vec<Finding>,
}

/// Checks a condition.
///
/// # Errors
/// Everything that is wrong with it. A macro's errors are told at the first place where it is used.
pub fn condition(expr: &Expr, schema: &Schema) -> Result<Checked, Vec<Finding>> {
    let mut checker = Checker::new(schema);
    let root = checker.node(expr, 0);
    match root {
        Some(root) if checker.errors.is_empty() => {
            let typed = Condition { root };
            let events = EventSet::of(&typed, schema);
            Ok(Checked {
                typed,
                events,
                warnings: checker.warnings,
            })
        }
        _ => Err(checker.errors),
    }
}

/// Checks a text that must be a field, maybe within transformers.
///
/// # Errors
/// Why it is none.
pub fn field_text(text: &str, schema: &Schema) -> Result<(), Finding> {
    let operand = parse::operand(text, TextId::default())?;
    let mut checker = Checker::new(schema);
    checker.operand(&operand);
    match checker.errors.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

pub(crate) struct Checker<'s> {
    schema: &'s Schema,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    /// The macro calls around the place that is being checked, outermost first.
    trail: Vec<TextRange>,
    /// Macros met before, by the identity of their shared bodies, with how deep they nest; `None` for one with errors.
    macros: HashMap<*const Expr, Option<(Arc<Node>, usize)>>,
    /// The deepest level that was reached.
    deepest: usize,
    evt_type: Option<FieldId>,
    syscall_type: Option<FieldId>,
}

impl<'s> Checker<'s> {
    pub(crate) fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            errors: Vec::new(),
            warnings: Vec::new(),
            trail: Vec::new(),
            macros: HashMap::new(),
            deepest: 0,
            evt_type: schema.field("evt.type"),
            syscall_type: schema.field("syscall.type"),
        }
    }

    /// Errors and warnings met so far.
    pub(crate) fn into_findings(self) -> (Vec<Finding>, Vec<Finding>) {
        (self.errors, self.warnings)
    }

    /// `None` after an error, which is noted.
    fn node(&mut self, expr: &Expr, depth: usize) -> Option<Node> {
        if depth >= MAX_DEPTH {
            return self.too_deep(expr.range);
        }
        self.deepest = self.deepest.max(depth);
        let kind = match &expr.kind {
            ExprKind::And(members) => NodeKind::And(self.nodes(members, depth)?),
            ExprKind::Or(members) => NodeKind::Or(self.nodes(members, depth)?),
            ExprKind::Not(inner) => NodeKind::Not(Box::new(self.node(inner, depth + 1)?)),
            ExprKind::Check(check) => NodeKind::Check(self.check(check)?),
            ExprKind::Macro(name) => return self.undefined_macro(name, expr.range),
            ExprKind::Expanded { name, body } => {
                let body = self.expanded(body, expr.range, depth)?;
                NodeKind::Macro {
                    name: name.clone(),
                    body,
                }
            }
        };
        Some(Node {
            kind,
            range: expr.range,
        })
    }

    /// Looks at all members, so that all errors are found.
    fn nodes(&mut self, members: &[Expr], depth: usize) -> Option<Vec<Node>> {
        let mut nodes = Vec::with_capacity(members.len());
        for member in members {
            nodes.extend(self.node(member, depth + 1));
        }
        (nodes.len() == members.len()).then_some(nodes)
    }

    fn expanded(&mut self, body: &Arc<Expr>, call: TextRange, depth: usize) -> Option<Arc<Node>> {
        if let Some(known) = self.macros.get(&Arc::as_ptr(body)) {
            let (node, height) = known.clone()?;
            if depth + height >= MAX_DEPTH {
                return self.too_deep(call);
            }
            self.deepest = self.deepest.max(depth + height);
            return Some(node);
        }
        let outside = std::mem::replace(&mut self.deepest, depth);
        self.trail.push(call);
        let node = self.node(body, depth + 1).map(Arc::new);
        self.trail.pop();
        let height = self.deepest - depth;
        self.deepest = self.deepest.max(outside);
        self.macros
            .insert(Arc::as_ptr(body), node.clone().map(|node| (node, height)));
        node
    }

    fn too_deep<T>(&mut self, range: TextRange) -> Option<T> {
        self.error(
            range,
            format!("the condition nests deeper than {MAX_DEPTH} levels"),
        );
        None
    }

    fn undefined_macro(&mut self, name: &str, range: TextRange) -> Option<Node> {
        let finding = self.error(range, format!("undefined macro '{name}' used in filter"));
        finding.code = Code::Validate;
        None
    }

    fn check(&mut self, check: &crate::ast::Check) -> Option<Check> {
        let operand = self.operand(&check.operand)?;
        self.event_search(check, &operand)?;
        let test = self.test(check, &operand)?;
        Some(Check { operand, test })
    }

    /// Notes an error.
    fn error(&mut self, range: TextRange, message: impl Into<String>) -> &mut Finding {
        let finding = self.finding(Code::CompileCondition, range, message.into());
        self.errors.push(finding);
        self.errors
            .last_mut()
            .expect("an error was pushed the line before")
    }

    fn warn(&mut self, code: Code, range: TextRange, message: String) {
        let finding = self.finding(code, range, message);
        self.warnings.push(finding);
    }

    fn finding(&self, code: Code, range: TextRange, message: String) -> Finding {
        Finding {
            code,
            message,
            range,
            trail: self.trail.clone(),
            help: None,
            unknown_filter: false,
        }
    }
}

#[cfg(test)]
mod tests;
