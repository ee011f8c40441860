//! Finds names of lists that are left in a condition as plain words.
//!
//! In: a parsed condition. Out: a finding for each bare word of a list that is itself the name of a list: lists nest one level only,
//! in the order in which they are defined, so such a word is nearly always an oversight that costs detections.

use crate::ast::{Expr, ExprKind, Literal, Rhs};
use crate::diagnostic::{Code, Finding};

/// Reports each name of a list that stands among the values of a list.
pub(super) fn list_names_left(
    expr: &Expr,
    is_list: impl Fn(&str) -> bool,
    mut report: impl FnMut(Finding),
) {
    let left = |value: &&Literal| !value.quoted && str::from_utf8(&value.value).is_ok_and(&is_list);
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match &expr.kind {
            ExprKind::And(members) | ExprKind::Or(members) => open.extend(members),
            ExprKind::Not(inner) => open.push(inner),
            ExprKind::Check(check) => {
                if let Rhs::List(values, _) = &check.rhs {
                    values
                        .iter()
                        .filter(left)
                        .for_each(|value| report(finding(value)));
                }
            }
            ExprKind::Macro(_) | ExprKind::Expanded { .. } => {}
        }
    }
}

fn finding(value: &Literal) -> Finding {
    let name = String::from_utf8_lossy(&value.value);
    Finding {
        code: Code::ListNameLeft,
        message: format!("`{name}` is the name of a list, but here it is compared as a plain word"),
        range: value.range,
        trail: Vec::new(),
        help: Some("lists within lists are put in one level deep: name the items, or define the outer list before the inner one".into()),
        unknown_filter: false,
    }
}
