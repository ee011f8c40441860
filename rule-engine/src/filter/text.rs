//! What operators on texts ask, as patterns.
//!
//! In: an operator and its constants. Out: [`Bounds`] over [`Pattern`]s. What has no pattern is undecidable, or bounded by what
//! the constant begins and ends with.

use super::atom::{Pattern, Text};
use super::bounds::{Bounds, Formula};
use super::subject::Part;
use crate::ast::Operator;

/// The test of a text that is there. `part` of it is meant.
pub(super) fn bounds(text: Text, part: Part, op: Operator, values: &[&[u8]]) -> Bounds {
    let equal = || {
        let any = values.iter().map(|value| is(part, value)).collect();
        Formula::text(text, any)
    };
    let each = |one: &dyn Fn(&[u8]) -> Bounds| Bounds::any(values.iter().map(|v| one(v)).collect());
    match op {
        Operator::Eq | Operator::In | Operator::Intersects => Bounds::exact(equal()),
        Operator::Ne => Bounds::exact(equal().not()),
        Operator::Startswith => each(&|value| starts(text, part, value)),
        Operator::Endswith => each(&|value| ends(text, part, value)),
        Operator::Glob => each(&|value| glob(text, part, value)),
        Operator::Pmatch => each(&|value| covered(text, part, value)),
        Operator::Contains | Operator::Icontains if values == [b""] => {
            Bounds::exact(Formula::Always)
        }
        _ => Bounds::unknown(),
    }
}

fn is(part: Part, value: &[u8]) -> Pattern {
    match part {
        Part::Whole => Pattern::Is(value.into()),
        Part::Name => Pattern::Named(value.into()),
        Part::Directory => Pattern::Within(value.into()),
    }
}

fn starts(text: Text, part: Part, start: &[u8]) -> Bounds {
    let pattern = || Formula::text(text, vec![Pattern::Starts(start.into())]);
    match part {
        _ if start.is_empty() => Bounds::exact(Formula::Always),
        Part::Whole => Bounds::exact(pattern()),
        // The path begins as its directory does.
        Part::Directory => Bounds::at_most(pattern()),
        Part::Name => Bounds::unknown(),
    }
}

fn ends(text: Text, part: Part, end: &[u8]) -> Bounds {
    let pattern = || Formula::text(text, vec![Pattern::Ends(end.into())]);
    match part {
        _ if end.is_empty() => Bounds::exact(Formula::Always),
        Part::Name if end.contains(&b'/') => Bounds::exact(Formula::Never),
        Part::Whole | Part::Name => Bounds::exact(pattern()),
        Part::Directory => Bounds::unknown(),
    }
}

/// Exact where a pattern says no more than how a text begins or ends; else bounded by that.
fn glob(text: Text, part: Part, pattern: &[u8]) -> Bounds {
    let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\');
    let Some(first) = pattern.iter().position(is_special) else {
        let any = vec![is(part, pattern)];
        return Bounds::exact(Formula::text(text, any));
    };
    let last = pattern.iter().rposition(is_special).unwrap_or(first);
    let beginning = starts(text, part, &pattern[..first]);
    let end = ends(text, part, &pattern[last + 1..]);
    if first == last && pattern[first] == b'*' && (first == 0 || first + 1 == pattern.len()) {
        return Bounds::all(vec![beginning, end]);
    }
    Bounds::at_most(Formula::All(vec![beginning.may, end.may]))
}

/// Component-wise prefix. Exact for paths, which are folded, up to the first component that is a pattern.
fn covered(text: Text, part: Part, prefix: &[u8]) -> Bounds {
    let mut path = Vec::new();
    let mut exact = true;
    for name in prefix
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
    {
        if name.iter().any(|byte| matches!(byte, b'?' | b'*' | b'[')) {
            exact = false;
            break;
        }
        path.push(b'/');
        path.extend_from_slice(name);
    }
    let whole = Pattern::Is(path.as_slice().into());
    let below = Pattern::Starts([&path[..], b"/"].concat().into());
    let formula = match (text, part) {
        _ if path.is_empty() => Formula::Always,
        (Text::Path | Text::Exe, Part::Whole) => Formula::text(text, vec![whole, below]),
        (Text::Path | Text::Exe, Part::Directory) => Formula::text(text, vec![below]),
        _ => return Bounds::unknown(),
    };
    if exact {
        Bounds::exact(formula)
    } else {
        Bounds::at_most(formula)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a test may be, and whether it is just that.
    fn shown(part: Part, op: Operator, value: &str) -> (String, bool) {
        let bounds = bounds(Text::Path, part, op, &[value.as_bytes()]);
        let mut atoms = super::super::clauses::Atoms::default();
        let dnf = bounds.may.dnf(false, &mut atoms);
        let exact = dnf.clone() == bounds.must.dnf(false, &mut atoms);
        let shown = dnf.terms().iter().map(|term| {
            let literals: Vec<_> = term
                .iter()
                .map(|literal| {
                    let sign = if literal.negated { "not " } else { "" };
                    format!("{sign}{}", atoms.of(*literal))
                })
                .collect();
            literals.join(" and ")
        });
        (shown.collect::<Vec<_>>().join(" or "), exact)
    }

    #[test]
    fn operators_become_patterns() {
        use Operator as Op;
        use Part::{Directory, Name, Whole};
        for (part, op, value, expected, exact) in [
            (Whole, Op::Eq, "/a", "path = /a", true),
            (Whole, Op::Ne, "/a", "not path = /a", true),
            (Name, Op::Eq, "a", "path with name a", true),
            (Directory, Op::Eq, "/a", "path in directory /a", true),
            (Whole, Op::Startswith, "/a", "path startswith /a", true),
            (Whole, Op::Startswith, "", "", true),
            (Directory, Op::Startswith, "/a", "path startswith /a", false),
            (Name, Op::Startswith, "a", "", false),
            (Whole, Op::Endswith, "x", "path endswith x", true),
            (Name, Op::Endswith, ".c", "path endswith .c", true),
            (Name, Op::Endswith, "/c", "", true),
            (Whole, Op::Glob, "/a", "path = /a", true),
            (Whole, Op::Glob, "/a/*", "path startswith /a/", true),
            (Whole, Op::Glob, "*.c", "path endswith .c", true),
            (Name, Op::Glob, "*.c", "path endswith .c", true),
            (Whole, Op::Glob, "*", "", true),
            (
                Whole,
                Op::Glob,
                "/a/*.c",
                "path startswith /a/ and path endswith .c",
                false,
            ),
            (
                Whole,
                Op::Glob,
                "/a/[x]\\*y",
                "path startswith /a/ and path endswith y",
                false,
            ),
            (
                Whole,
                Op::Pmatch,
                "a//b/",
                "path = /a/b or startswith /a/b/",
                true,
            ),
            (Directory, Op::Pmatch, "/a", "path startswith /a/", true),
            (
                Whole,
                Op::Pmatch,
                "/a/*/c",
                "path = /a or startswith /a/",
                false,
            ),
            (Whole, Op::Pmatch, "/", "", true),
            (Whole, Op::Contains, "a", "", false),
            (Whole, Op::Regex, "a", "", false),
        ] {
            let is_never = exact && expected.is_empty() && (part, op) == (Name, Op::Endswith);
            let got = shown(part, op, value);
            assert_eq!(got, (expected.to_owned(), exact), "{part:?} {op:?} {value}");
            if is_never {
                let ends = bounds(Text::Path, part, op, &[value.as_bytes()]);
                assert_eq!(ends.may, Formula::Any(vec![Formula::Never]));
            }
        }
    }
}
