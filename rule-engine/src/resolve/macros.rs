//! Macros are put into conditions as trees.
//!
//! In: parsed conditions of macros and rules. Out: the same with every reference replaced by the macro's own expanded tree,
//! shared by all who refer to it. Never: text.
//!
//! A macro sees the macros that were first defined before its own last definition or addition; a rule sees all. Bodies of macros
//! that come later in the order are expanded with what their caller sees, as upstream does.
//!
//! Sources: `rule_loader_compiler.cpp`, `filter_macro_resolver.cpp` of Falco.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::ast::{Expr, ExprKind};
use crate::collect::Collection;
use crate::diagnostic::{Code, Finding};
use crate::source::TextRange;
use crate::suggest;

/// Checks that a condition may have once its macros are put in, however often each is repeated.
const MAX_CHECKS: u64 = 10_000_000;
/// How deep a condition may nest once its macros are put in.
const MAX_DEPTH: u32 = 1000;
/// How often one macro may expand macros that come after it in the order: those are not shared, each call expands anew.
const MAX_COPIES: u32 = 10_000;

/// A macro on its way.
enum State {
    /// Parsed, not yet expanded.
    Parsed(Expr),
    /// Expanded.
    Expanded(Arc<Expr>, Size),
    /// It has an error, which has been reported.
    Broken,
}

/// How large a condition is, counting shared macros each time.
#[derive(Clone, Copy, Default)]
struct Size {
    checks: u64,
    depth: u32,
}

/// All macros, expanded one after the other.
pub(super) struct Macros<'c> {
    collection: &'c Collection,
    /// All there is, for messages about what is missing.
    whole: &'c Collection,
    states: IndexMap<&'c str, State>,
    /// The macro that is being expanded.
    current: Option<&'c str>,
    /// Names that some condition refers to.
    pub(super) used: HashSet<&'c str>,
}

/// What an expansion found out.
#[derive(Default)]
struct Outcome {
    size: Size,
    findings: Vec<Finding>,
    /// Whether a macro is broken or missing for a reason that has been reported.
    broken: bool,
    /// Bodies expanded anew.
    copies: u32,
}

impl<'c> Macros<'c> {
    /// Takes the parsed macros, in the order of the collection, and expands them. `None`: the macro did not parse. `whole`:
    /// the collection that this one is a part of.
    pub(super) fn new(
        collection: &'c Collection,
        whole: &'c Collection,
        parsed: Vec<Option<Expr>>,
    ) -> (Macros<'c>, Vec<Finding>) {
        let state = |expr: Option<Expr>| expr.map_or(State::Broken, State::Parsed);
        let names = collection.macros.keys().map(String::as_str);
        let states = names.zip(parsed.into_iter().map(state)).collect();
        let mut macros = Macros {
            collection,
            whole,
            states,
            current: None,
            used: HashSet::new(),
        };
        let mut findings = Vec::new();
        for (index, (name, known)) in collection.macros.iter().enumerate() {
            let State::Parsed(expr) = &macros.states[index] else {
                continue;
            };
            macros.current = Some(name);
            let mut expr = expr.clone();
            let mut outcome = Outcome::default();
            outcome.size = macros.expand(
                &mut expr,
                known.order.visibility,
                &mut Vec::new(),
                &mut outcome,
            );
            let whole = outcome.findings.is_empty() && !outcome.broken;
            macros.states[index] = if whole {
                State::Expanded(Arc::new(expr), outcome.size)
            } else {
                State::Broken
            };
            findings.append(&mut outcome.findings);
        }
        macros.current = None;
        (macros, findings)
    }

    /// Expands the condition of a rule. `None` with no findings: the reason has been reported with a macro.
    pub(super) fn expand_rule(&mut self, mut expr: Expr) -> (Option<Expr>, Vec<Finding>) {
        let mut outcome = Outcome::default();
        self.expand(&mut expr, u32::MAX, &mut Vec::new(), &mut outcome);
        let whole = outcome.findings.is_empty() && !outcome.broken;
        (whole.then_some(expr), outcome.findings)
    }

    /// Replaces all references within. `path`: the macros that led here, with the places of their calls.
    fn expand(
        &mut self,
        expr: &mut Expr,
        visibility: u32,
        path: &mut Vec<(String, TextRange)>,
        outcome: &mut Outcome,
    ) -> Size {
        let mut size = Size::default();
        let range = expr.range;
        match &mut expr.kind {
            ExprKind::And(members) | ExprKind::Or(members) => {
                for member in members {
                    let member = self.expand(member, visibility, path, outcome);
                    let checks = size.checks.saturating_add(member.checks);
                    size = Size {
                        checks,
                        depth: size.depth.max(member.depth),
                    };
                }
            }
            ExprKind::Not(inner) => size = self.expand(inner, visibility, path, outcome),
            ExprKind::Check(_) => size.checks = 1,
            ExprKind::Expanded { .. } => {}
            ExprKind::Macro(name) => {
                let name = std::mem::take(name);
                if let Some((body, inner)) = self.call(&name, range, visibility, path, outcome) {
                    size = inner;
                    expr.kind = ExprKind::Expanded { name, body };
                }
            }
        }
        size.depth += 1;
        let over = if size.checks > MAX_CHECKS {
            Some(format!(
                "condition has more than {MAX_CHECKS} checks with its macros put in, which is the limit"
            ))
        } else if size.depth > MAX_DEPTH {
            Some(format!(
                "condition nests deeper than {MAX_DEPTH} levels with its macros put in, which is the limit"
            ))
        } else {
            None
        };
        if let (Some(message), false) = (over, outcome.broken) {
            outcome.findings.push(finding(message, range, path));
            outcome.broken = true;
        }
        size
    }

    /// The expanded body of a macro that is referred to.
    fn call(
        &mut self,
        name: &str,
        range: TextRange,
        visibility: u32,
        path: &mut Vec<(String, TextRange)>,
        outcome: &mut Outcome,
    ) -> Option<(Arc<Expr>, Size)> {
        let collection = self.collection;
        let visible = collection
            .macros
            .get_full(name)
            .filter(|(_, _, known)| known.order.position < visibility);
        let Some((index, known, _)) = visible else {
            outcome.broken |= self.whole.is_broken(name);
            if !self.whole.is_broken(name) {
                let mut undefined = finding(
                    format!("Undefined macro '{name}' used in filter."),
                    range,
                    path,
                );
                undefined.help = Some(self.advice(name, visibility));
                outcome.findings.push(undefined);
            }
            return None;
        };
        if path.iter().any(|(caller, _)| caller == name) {
            let mut looped = finding(format!("reference loop in macro '{name}'"), range, path);
            let names: Vec<_> = path.iter().map(|(caller, _)| caller.as_str()).collect();
            looped.help = Some(format!(
                "the macros refer to each other: {} → {name}",
                names.join(" → ")
            ));
            outcome.findings.push(looped);
            return None;
        }
        self.used.insert(known);
        match &self.states[index] {
            State::Expanded(body, size) => Some((Arc::clone(body), *size)),
            State::Broken => {
                outcome.broken = true;
                None
            }
            State::Parsed(_) if outcome.copies >= MAX_COPIES => {
                if !outcome.broken {
                    let message = format!(
                        "macro expands macros defined after it more than {MAX_COPIES} times, which is the limit"
                    );
                    outcome.findings.push(finding(message, range, path));
                    outcome.broken = true;
                }
                None
            }
            State::Parsed(body) => {
                let mut body = body.clone();
                outcome.copies += 1;
                path.push((name.to_owned(), range));
                let size = self.expand(&mut body, visibility, path, outcome);
                path.pop();
                Some((Arc::new(body), size))
            }
        }
    }

    /// What to do about an undefined macro.
    fn advice(&self, name: &str, visibility: u32) -> String {
        let visible = self
            .whole
            .macros
            .iter()
            .filter(|(_, known)| known.order.position < visibility);
        if self.current == Some(name) {
            "a macro cannot refer to itself".into()
        } else if self.whole.macros.contains_key(name) {
            "a macro sees only macros that are defined before it: move its definition up".into()
        } else if self.whole.lists.contains_key(name) {
            format!("`{name}` is a list: compare a field with it, as in `proc.name in ({name})`")
        } else if matches!(name, "and" | "or" | "not") {
            format!("a check is missing next to `{name}`")
        } else if let Some(near) = suggest::closest(name, visible.map(|(name, _)| name.as_str())) {
            format!("did you mean `{near}`?")
        } else {
            "define it in this file, or in one that is loaded earlier".into()
        }
    }
}

fn finding(message: String, range: TextRange, path: &[(String, TextRange)]) -> Finding {
    let trail = path.iter().map(|(_, call)| *call).collect();
    Finding {
        code: Code::Validate,
        message,
        range,
        trail,
        help: None,
        unknown_filter: false,
    }
}
