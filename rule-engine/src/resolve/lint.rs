//! Finds lists in a condition that hold something else than their author thinks.
//!
//! In: a parsed condition. Out: a finding for each bare word of a list that is itself the name of a list: lists nest one level only,
//! in the order in which they are defined, so such a word is nearly always an oversight that costs detections; and one for
//! each list that counts as empty though something is written in it.

use crate::ast::{Expr, ExprKind, Literal, Rhs};
use crate::diagnostic::{Code, Finding};
use crate::source::TextRange;

/// Reports each name of a list that stands among the values of a list, and each list that counts as empty by mistake.
pub(super) fn lists(
    expr: &Expr,
    text: &str,
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
                if let Rhs::List(values, range) = &check.rhs {
                    values
                        .iter()
                        .filter(left)
                        .for_each(|value| report(name_left(value)));
                    let written = text.get(range.start as usize..range.end as usize);
                    if values.is_empty() && written.is_some_and(|text| text.contains(['"', '\''])) {
                        report(counts_as_empty(*range));
                    }
                }
            }
            ExprKind::Macro(_) | ExprKind::Expanded { .. } => {}
        }
    }
}

fn counts_as_empty(range: TextRange) -> Finding {
    Finding {
        code: Code::NeverMatches,
        message: "the list counts as empty, so the comparison is never true: its string has an escape that does not exist"
            .into(),
        range,
        trail: Vec::new(),
        help: Some("write a backslash as \\\\".into()),
        unknown_filter: false,
    }
}

fn name_left(value: &Literal) -> Finding {
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
