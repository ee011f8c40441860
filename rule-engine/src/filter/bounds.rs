//! What facts say of a check: when it may hold, and when it must.
//!
//! In: a typed check and the event's type. Out: [`Bounds`]. Never: more than is sure: where facts do not decide, the check may
//! hold and need not.

use bumpalo::Bump;

use super::atom::{Atom, Number, NumberTest, Pattern, Side, Subnet, Text};
use super::clauses::{Atoms, Dnf, joined, sorted};
use super::subject::{Choice, Domain, Part, Subject};
use super::text;
use crate::ast::{Modifier, Operator};
use crate::errno;
use crate::op::{Constant, Matcher};
use crate::schema::{Multiplicity, Type};
use crate::typed::Test;
use crate::value::Value;

/// A condition over atoms.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    Always,
    Never,
    Atom(Atom),
    Not(Box<Formula>),
    All(Vec<Formula>),
    Any(Vec<Formula>),
}

/// What is known of a check.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounds {
    /// Holds whenever the check does.
    pub(super) may: Formula,
    /// The check holds whenever this does.
    pub(super) must: Formula,
}

impl Formula {
    pub(super) fn number(number: Number, ranges: Vec<(i64, i64)>) -> Self {
        match ranges[..] {
            [] => Self::Never,
            _ => Self::Atom(Atom::Number(number, NumberTest::Within(joined(ranges)))),
        }
    }

    pub(super) fn bits(number: Number, mask: u64, value: u64) -> Self {
        Self::Atom(Atom::Number(number, NumberTest::Bits { mask, value }))
    }

    pub(super) fn text(text: Text, any: Vec<Pattern>) -> Self {
        match any[..] {
            [] => Self::Never,
            _ => Self::Atom(Atom::Text(text, sorted(any))),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(super) fn of(truth: bool) -> Self {
        if truth { Self::Always } else { Self::Never }
    }

    /// As terms; `negated`: its opposite.
    pub(super) fn dnf(&self, negated: bool, atoms: &mut Atoms) -> Dnf {
        match self {
            Self::Always if negated => Dnf::never(),
            Self::Never if negated => Dnf::always(),
            Self::Always => Dnf::always(),
            Self::Never => Dnf::never(),
            Self::Atom(atom) => Dnf::literal(atom.clone(), negated, atoms),
            Self::Not(inner) => inner.dnf(!negated, atoms),
            Self::All(members) | Self::Any(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|member| member.dnf(negated, atoms))
                    .collect();
                if matches!(self, Self::All(_)) != negated {
                    Dnf::all(members, atoms)
                } else {
                    Dnf::any(members, atoms)
                }
            }
        }
    }
}

impl Bounds {
    /// The facts decide it.
    pub(super) fn exact(formula: Formula) -> Self {
        Self {
            may: formula.clone(),
            must: formula,
        }
    }

    /// The facts say nothing.
    pub(super) fn unknown() -> Self {
        Self {
            may: Formula::Always,
            must: Formula::Never,
        }
    }

    /// It holds at most when this does.
    pub(super) fn at_most(may: Formula) -> Self {
        Self {
            may,
            must: Formula::Never,
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.may == self.must
    }

    pub(super) fn not(self) -> Self {
        Self {
            may: self.must.not(),
            must: self.may.not(),
        }
    }

    pub(super) fn any(members: Vec<Bounds>) -> Self {
        let (may, must) = members.into_iter().map(|b| (b.may, b.must)).unzip();
        Self {
            may: Formula::Any(may),
            must: Formula::Any(must),
        }
    }

    pub(super) fn all(members: Vec<Bounds>) -> Self {
        let (may, must) = members.into_iter().map(|b| (b.may, b.must)).unzip();
        Self {
            may: Formula::All(may),
            must: Formula::All(must),
        }
    }
}

/// What the facts say of a test of a subject.
pub(super) fn of(subject: &Subject, test: &Test) -> Bounds {
    let (op, modifier, values) = match (subject, test) {
        (Subject::Missing, _) => return Bounds::exact(Formula::Never),
        (Subject::Undecidable, _) => return Bounds::unknown(),
        (_, Test::Exists) => return exists(subject),
        // Compared with another field: it holds at most when there is something to compare.
        (_, Test::Operand { .. }) => return Bounds::at_most(exists(subject).may),
        (
            _,
            Test::Constants {
                op,
                modifier,
                values,
            },
        ) => (*op, *modifier, values),
    };
    let each = || {
        values
            .iter()
            .map(|value| constants(subject, op, std::slice::from_ref(value)))
            .collect::<Vec<_>>()
    };
    match modifier {
        None => constants(subject, op, values),
        _ if values.is_empty() => Bounds::exact(Formula::Never),
        Some(Modifier::Anyof) => Bounds::any(each()),
        Some(Modifier::Allof) => Bounds::all(each()),
        Some(Modifier::Oneof) => Bounds::at_most(Bounds::any(each()).may),
    }
}

fn exists(subject: &Subject) -> Bounds {
    match subject {
        Subject::Text { present, .. } | Subject::Number { present, .. } => {
            Bounds::exact(present.clone())
        }
        Subject::Truth(_) | Subject::Outcome | Subject::Container => Bounds::exact(Formula::Always),
        Subject::Choice(choices) => choice(choices, |_| true),
        Subject::Addresses {
            sides,
            multiplicity: Multiplicity::One,
        } => Bounds::exact(some_address(sides)),
        Subject::Missing => Bounds::exact(Formula::Never),
        _ => Bounds::unknown(),
    }
}

/// A test without modifier.
fn constants(subject: &Subject, op: Operator, values: &[Constant]) -> Bounds {
    let is_in = matches!(op, Operator::Eq | Operator::In | Operator::Intersects);
    match subject {
        Subject::Missing | Subject::Empty => Bounds::exact(Formula::Never),
        Subject::Undecidable => Bounds::unknown(),
        Subject::Text {
            text,
            part,
            present,
        } => Bounds::all(vec![
            Bounds::exact(present.clone()),
            texts(*text, *part, op, values),
        ]),
        Subject::Number {
            number,
            domain,
            present,
        } => {
            let test = numbers(*number, *domain, op, values);
            Bounds::exact(Formula::All(vec![present.clone(), test]))
        }
        Subject::Ports(ports) => several(
            op,
            ports
                .iter()
                .map(|port| numbers(*port, Domain::PORT, op, values))
                .collect(),
            Formula::Any(
                ports
                    .iter()
                    .map(|port| Formula::number(*port, vec![Domain::PORT.range()]))
                    .collect(),
            ),
        ),
        Subject::Addresses { sides, .. } => addresses(sides, op, values),
        Subject::Truth(truth) => {
            let holds = [false, true].map(|value| {
                values.contains(&Constant::Bool(value)) == is_in && (is_in || op == Operator::Ne)
            });
            match holds {
                [false, false] => Bounds::exact(Formula::Never),
                [true, true] => Bounds::exact(Formula::Always),
                [false, true] => truth.clone(),
                [true, false] => truth.clone().not(),
            }
        }
        Subject::Outcome => outcome(op, values),
        Subject::Container => container(op, values),
        Subject::Choice(choices) => choice(choices, asker(op, values)),
        Subject::Symbols {
            number,
            mask,
            names,
        } => symbols(*number, *mask, names, op, values),
        Subject::Flags {
            number,
            names,
            others,
        } => flags(*number, names, others, op, values),
        Subject::Bits { number, mask } => {
            let bits = |value: &Constant| match value {
                Constant::Uint(value) => Formula::bits(*number, *mask, value & mask),
                Constant::Int(value) => Formula::bits(*number, *mask, value.cast_unsigned() & mask),
                _ => Formula::Always,
            };
            match op {
                _ if is_in => Bounds::exact(Formula::Any(values.iter().map(bits).collect())),
                Operator::Ne => {
                    Bounds::exact(Formula::Any(values.iter().map(bits).collect()).not())
                }
                _ => Bounds::unknown(),
            }
        }
    }
}

fn texts(text: Text, part: Part, op: Operator, values: &[Constant]) -> Bounds {
    let constants = values.iter().filter_map(|value| match value {
        Constant::Text(text) => Some(&**text),
        _ => None,
    });
    text::bounds(text, part, op, &constants.collect::<Vec<_>>())
}

/// Of several values one has to pass; for `!=` all, of at least one.
fn several(op: Operator, each: Vec<Formula>, present: Formula) -> Bounds {
    Bounds::exact(if op == Operator::Ne {
        Formula::All([vec![present], each].concat())
    } else {
        Formula::Any(each)
    })
}

/// The test of a number that is there, or for `!=` of one that may be missing.
fn numbers(number: Number, domain: Domain, op: Operator, values: &[Constant]) -> Formula {
    let value = |value: &Constant| match value {
        Constant::Int(value) => Some(*value),
        Constant::Uint(value) => i64::try_from(*value).ok(),
        _ => None,
    };
    let values: Vec<i64> = values.iter().filter_map(value).collect();
    let first = values.first().copied();
    let (low, high) = domain.range();
    let ranges: Vec<(i64, i64)> = match (op, first) {
        (Operator::Eq | Operator::In | Operator::Intersects | Operator::Ne, _) => {
            values.iter().map(|value| (*value, *value)).collect()
        }
        (Operator::Lt, Some(value)) => below(value).map(|last| (low, last)).into_iter().collect(),
        (Operator::Le, Some(value)) => vec![(low, value)],
        (Operator::Gt, Some(value)) => above(value)
            .map(|first| (first, high))
            .into_iter()
            .collect(),
        (Operator::Ge, Some(value)) => vec![(value, high)],
        _ => return Formula::Never,
    };
    let ranges = ranges
        .into_iter()
        .map(|(first, last)| (first.max(low), last.min(high)))
        .filter(|(first, last)| first <= last);
    let ranges = domain.facts(joined(ranges.collect()));
    // The side of failures is said as the opposite of that of successes, so that both are one atom.
    let formula = match ranges.first() {
        Some((i64::MIN, _)) => Formula::number(number, complement(&ranges)).not(),
        _ => Formula::number(number, ranges),
    };
    if op == Operator::Ne {
        formula.not()
    } else {
        formula
    }
}

fn below(value: i64) -> Option<i64> {
    value.checked_sub(1)
}

fn above(value: i64) -> Option<i64> {
    value.checked_add(1)
}

/// All other numbers.
pub(super) fn complement(ranges: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut gaps = Vec::with_capacity(ranges.len() + 1);
    let mut next = Some(i64::MIN);
    for (first, last) in ranges {
        if let (Some(start), Some(end)) = (next, below(*first))
            && start <= end
        {
            gaps.push((start, end));
        }
        next = above(*last);
    }
    gaps.extend(next.map(|start| (start, i64::MAX)));
    gaps
}

fn some_address(sides: &[Side]) -> Formula {
    let every = |side: &Side| Formula::Atom(Atom::Address(*side, sorted(Subnet::EVERY.to_vec())));
    Formula::Any(sides.iter().map(every).collect())
}

fn addresses(sides: &[Side], op: Operator, values: &[Constant]) -> Bounds {
    let subnet = |value: &Constant| match value {
        Constant::Ip(address) => Some(Subnet::from(*address)),
        Constant::Net(network) => Some(Subnet::from(*network)),
        _ => None,
    };
    let subnets = sorted(values.iter().filter_map(subnet).collect::<Vec<_>>());
    if subnets.is_empty() {
        return Bounds::exact(Formula::Never);
    }
    let each = sides.iter().map(|side| {
        let inside = Formula::Atom(Atom::Address(*side, subnets.clone()));
        if op == Operator::Ne {
            inside.not()
        } else {
            inside
        }
    });
    match op {
        Operator::Eq | Operator::In | Operator::Intersects | Operator::Ne => {
            several(op, each.collect(), some_address(sides))
        }
        _ => Bounds::unknown(),
    }
}

/// Asks whether texts pass.
fn asker(op: Operator, values: &[Constant]) -> impl Fn(&[u8]) -> bool {
    let matcher = Matcher::new(Type::CharBuf, Multiplicity::One, op, None, values);
    let arena = Bump::new();
    move |text| {
        let holds = |matcher: &Matcher| matcher.matches(Value::Text(text), &arena);
        matcher.as_ref().is_ok_and(holds)
    }
}

/// Whether a text passes that is none of the known ones; `None`: it depends.
fn of_others(op: Operator, values: &[Constant], is_known: impl Fn(&[u8]) -> bool) -> Option<bool> {
    let known = values
        .iter()
        .all(|value| matches!(value, Constant::Text(text) if is_known(text)));
    match op {
        Operator::Eq | Operator::In | Operator::Intersects if known => Some(false),
        Operator::Ne if known => Some(true),
        _ => None,
    }
}

/// `evt.res`: the name of the result.
fn outcome(op: Operator, values: &[Constant]) -> Bounds {
    const SUCCESS: &[u8] = b"SUCCESS";
    let mut must = Vec::new();
    let mut named = Vec::new();
    let passes = asker(op, values);
    if passes(SUCCESS) {
        must.push((0, i64::MAX));
    }
    for (number, name) in errno::all() {
        let result = -i64::from(number);
        named.push((result, result));
        if passes(name.as_bytes()) {
            must.push((result, result));
        }
    }
    let is_known = |text: &[u8]| {
        text == SUCCESS || str::from_utf8(text).is_ok_and(|text| errno::number(text).is_some())
    };
    named.push((0, i64::MAX));
    let unnamed = complement(&joined(named));
    let formula = |ranges: Vec<(i64, i64)>| {
        let ranges = joined(ranges);
        match ranges.first() {
            Some((i64::MIN, _)) => Formula::number(Number::Result, complement(&ranges)).not(),
            _ => Formula::number(Number::Result, ranges),
        }
    };
    let with_unnamed = formula([&must[..], &unnamed].concat());
    match of_others(op, values, is_known) {
        Some(false) => Bounds::exact(formula(must)),
        Some(true) => Bounds::exact(with_unnamed),
        None => Bounds {
            may: with_unnamed,
            must: formula(must),
        },
    }
}

/// `container.id`: `host`, or something else that only user space knows.
fn container(op: Operator, values: &[Constant]) -> Bounds {
    const HOST: &[u8] = b"host";
    let inside = || Formula::Atom(Atom::InContainer);
    let on_host = if asker(op, values)(HOST) {
        inside().not()
    } else {
        Formula::Never
    };
    let (may, must) = match of_others(op, values, |text| text == HOST) {
        Some(false) => (Formula::Never, Formula::Never),
        Some(true) => (inside(), inside()),
        None => (inside(), Formula::Never),
    };
    Bounds {
        may: Formula::Any(vec![on_host.clone(), may]),
        must: Formula::Any(vec![on_host, must]),
    }
}

/// One of some texts, told by facts: it passes for sure where facts lead to texts that pass, and may pass where they do not
/// lead to texts that fail.
fn choice(choices: &[Choice], passes: impl Fn(&[u8]) -> bool) -> Bounds {
    let (mut passing, mut failing) = (Vec::new(), Vec::new());
    for Choice { texts, when } in choices {
        let mut results = texts.iter().map(|text| passes(text.as_bytes()));
        if texts.is_empty() || results.clone().all(|passes| !passes) {
            failing.push(when.clone());
        } else if results.all(|passes| passes) {
            passing.push(when.clone());
        }
    }
    Bounds {
        may: Formula::Any(failing).not(),
        must: Formula::Any(passing),
    }
}

/// The name of a number; what has no name prints as something else.
fn symbols(
    number: Number,
    mask: u64,
    names: &[(&str, u64)],
    op: Operator,
    values: &[Constant],
) -> Bounds {
    let (mut passing, mut failing) = (Vec::new(), Vec::new());
    let passes = asker(op, values);
    for (name, value) in names {
        let bits = Formula::bits(number, mask, *value);
        if passes(name.as_bytes()) {
            passing.push(bits);
        } else {
            failing.push(bits);
        }
    }
    let is_known = |text: &[u8]| names.iter().any(|(name, _)| name.as_bytes() == text);
    let (passing, failing) = (Formula::Any(passing), Formula::Any(failing));
    match of_others(op, values, is_known) {
        Some(false) => Bounds::exact(passing),
        Some(true) => Bounds::exact(failing.not()),
        None => Bounds {
            may: failing.not(),
            must: passing,
        },
    }
}

/// Names of the flags that are set, joined by `|`, `others` maybe among them.
fn flags(
    number: Number,
    names: &[(&str, u64)],
    others: &[&str],
    op: Operator,
    values: &[Constant],
) -> Bounds {
    let (Operator::Contains, [Constant::Text(part)]) = (op, values) else {
        return Bounds::unknown();
    };
    let Ok(part) = str::from_utf8(part) else {
        return Bounds::unknown();
    };
    let is_name = part.starts_with(|c: char| c.is_ascii_uppercase()) && !part.contains('|');
    if !is_name || others.iter().any(|name| name.contains(part)) {
        return Bounds::unknown();
    }
    let set = names
        .iter()
        .filter(|(name, _)| name.contains(part))
        .map(|(_, bits)| Formula::bits(number, *bits, *bits));
    Bounds::exact(Formula::Any(set.collect()))
}
