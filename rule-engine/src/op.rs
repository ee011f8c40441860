//! Operators: which fit which type, what their constants are, and what they mean.
//!
//! In: types, constants as written, values. Out: typed constants, matchers. Never: fields, trees.
//! Sources: the semantics are Falco's, read from its documented behaviour; where ours differs on purpose, the place says so.

mod constant;
mod dynamic;
mod glob;
mod kind;
mod matcher;
mod number;
mod path;
mod pattern;
mod services;
mod text;

pub use constant::{Constant, Network};
pub use glob::matches_once as glob_matches;
pub use kind::Kind;
pub use services::service_of;

pub(crate) use dynamic::compare;
pub(crate) use glob::Glob;
pub(crate) use kind::{NumberKind, list_supports};
pub(crate) use matcher::Matcher;
pub(crate) use pattern::Pattern;

use crate::ast::{Modifier, Operator};

/// Reads an operator, maybe with a modifier, that makes up a whole text but for blanks around it.
pub fn parse_comparator(text: &str) -> Option<(Operator, Option<Modifier>)> {
    let mut words = text
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty());
    let op = match words.next()? {
        "==" => Operator::Eq,
        word => Operator::ALL.into_iter().find(|op| op.name() == word)?,
    };
    let modifier = match words.next() {
        Some(word) if op.takes_modifier() => {
            Some(Modifier::ALL.into_iter().find(|m| m.name() == word)?)
        }
        Some(_) => return None,
        None => None,
    };
    words.next().is_none().then_some((op, modifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparators_are_operators_with_or_without_modifier() {
        for (text, expected) in [
            ("=", Some((Operator::Eq, None))),
            (" == ", Some((Operator::Eq, None))),
            ("startswith", Some((Operator::Startswith, None))),
            (
                "startswith anyof",
                Some((Operator::Startswith, Some(Modifier::Anyof))),
            ),
            ("  !=   allof ", Some((Operator::Ne, Some(Modifier::Allof)))),
            ("in", Some((Operator::In, None))),
            ("in anyof", None),
            ("< oneof", None),
            ("anyof", None),
            ("", None),
            ("= anyof x", None),
            ("Contains", None),
        ] {
            assert_eq!(parse_comparator(text), expected, "{text:?}");
        }
    }
}
