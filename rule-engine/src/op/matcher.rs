//! A whole test: an operator, its modifier and its constants, ready to be asked about values.

use std::collections::HashSet;
use std::net::IpAddr;

use bumpalo::Bump;
use foldhash::fast::FixedState;

use crate::ast::{Modifier, Operator};
use crate::schema::{Multiplicity, Type};
use crate::value::Value;

use super::number::NumberMatcher;
use super::text::TextMatcher;
use super::{Constant, Kind, Network};

/// A test of a present value.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    test: Test,
    /// What several values have to do.
    spread: Spread,
}

#[derive(Clone, Debug)]
enum Test {
    Always,
    Text(TextMatcher),
    Number(NumberMatcher),
    /// Holds for false, for true.
    Bool([bool; 2]),
    /// Among these addresses; `false`: not.
    Ip(HashSet<IpAddr, FixedState>, bool),
    /// Inside one of these networks; `false`: in none.
    Net(Box<[Network]>, bool),
    /// So many of these tests hold.
    Count(Modifier, Box<[Matcher]>),
}

/// How the results for several values or the elements of a list are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    /// One suffices.
    Some,
    /// One suffices, and there is a value even if there is no element (`exists` of sides and lists).
    Present,
    /// All, of at least one.
    All,
    /// All, of any number (`in` of lists).
    AllOrNone,
}

impl Matcher {
    /// A test as it was checked: `constants` are of type `ty`, and the operator fits.
    ///
    /// # Errors
    /// A constant that needs compiling does not compile; check has excluded all but exhausted size limits.
    pub(crate) fn new(
        ty: Type,
        multiplicity: Multiplicity,
        op: Operator,
        modifier: Option<Modifier>,
        constants: &[Constant],
    ) -> Result<Self, String> {
        let spread = spread(multiplicity, op);
        let test = match modifier {
            None => test(ty, op, constants)?,
            // Of several values each constant may take another one.
            Some(Modifier::Anyof)
                if spread == Spread::Some && op != Operator::Ne && op != Operator::Regex =>
            {
                match constants {
                    [] => Test::Count(Modifier::Anyof, Box::default()),
                    _ => test(ty, op, constants)?,
                }
            }
            // Of a single value: not among them.
            Some(Modifier::Allof)
                if op == Operator::Ne
                    && multiplicity == Multiplicity::One
                    && !constants.is_empty() =>
            {
                none_of(ty, constants)
            }
            Some(modifier) => {
                let one =
                    |c: &Constant| Self::new(ty, multiplicity, op, None, std::slice::from_ref(c));
                Test::Count(
                    modifier,
                    constants.iter().map(one).collect::<Result<_, _>>()?,
                )
            }
        };
        Ok(Self { test, spread })
    }

    /// Whether a present value passes.
    pub(crate) fn matches(&self, value: Value<'_>, arena: &Bump) -> bool {
        // A modifier's tests look at the values each for itself.
        if let Test::Count(modifier, tests) = &self.test {
            let mut holding = tests.iter().filter(|test| test.matches(value, arena));
            return match modifier {
                Modifier::Anyof => holding.next().is_some(),
                Modifier::Oneof => holding.next().is_some() && holding.next().is_none(),
                Modifier::Allof => !tests.is_empty() && holding.count() == tests.len(),
            };
        }
        match value {
            Value::Several(values) | Value::List(values) => {
                let mut results = values.iter().map(|value| self.test.holds(*value, arena));
                match self.spread {
                    Spread::Some => results.any(|holds| holds),
                    Spread::Present => true,
                    Spread::All => !values.is_empty() && results.all(|holds| holds),
                    Spread::AllOrNone => results.all(|holds| holds),
                }
            }
            value => self.test.holds(value, arena),
        }
    }

    /// How much work a test is, roughly in the time of comparing two numbers.
    pub(crate) fn cost(&self) -> u32 {
        match &self.test {
            Test::Always | Test::Bool(_) => 1,
            Test::Number(_) | Test::Ip(..) => 2,
            Test::Net(networks, _) => 2 + networks.len() as u32,
            Test::Text(text) => match text {
                TextMatcher::Order(..) => 3,
                TextMatcher::Among(..) => 6,
                TextMatcher::Starts(prefixes) | TextMatcher::Ends(prefixes) => {
                    3 * prefixes.len().max(1).ilog2() + 3
                }
                TextMatcher::Contains(_) => 15,
                TextMatcher::ContainsAny(_) | TextMatcher::Paths(_) => 40,
                TextMatcher::Globs(globs) => 30 * globs.len() as u32,
                TextMatcher::Pattern(_) => 100,
            },
            Test::Count(_, tests) => tests.iter().map(Self::cost).sum(),
        }
    }
}

impl Test {
    fn holds(&self, value: Value<'_>, arena: &Bump) -> bool {
        match (self, value) {
            (Self::Always, _) => true,
            (Self::Text(test), Value::Text(bytes) | Value::Bytes(bytes)) => {
                test.matches(bytes, arena)
            }
            (Self::Number(test), value) => test.matches(value),
            (Self::Bool(holds), Value::Bool(value)) => holds[usize::from(value)],
            (Self::Ip(set, is_in), Value::Ip(address)) => set.contains(&address) == *is_in,
            (Self::Net(networks, is_in), Value::Ip(address)) => {
                networks.iter().any(|network| network.contains(address)) == *is_in
            }
            // A value of another type than the schema says counts as missing.
            _ => false,
        }
    }
}

fn spread(multiplicity: Multiplicity, op: Operator) -> Spread {
    match (multiplicity, op) {
        (Multiplicity::Sides | Multiplicity::List, Operator::Exists) => Spread::Present,
        // A field of one value may have several where it has several names: it differs if all do.
        (Multiplicity::Sides | Multiplicity::One, Operator::Ne) => Spread::All,
        (Multiplicity::List, Operator::In) => Spread::AllOrNone,
        _ => Spread::Some,
    }
}

/// The test that holds when it holds for one of the constants.
fn test(ty: Type, op: Operator, constants: &[Constant]) -> Result<Test, String> {
    if op == Operator::Exists {
        return Ok(Test::Always);
    }
    let negated = op == Operator::Ne;
    Ok(match Kind::of(ty) {
        Kind::Text | Kind::Bytes => Test::Text(TextMatcher::any(op, &texts(constants))?),
        Kind::Number(kind) => Test::Number(match (op, constants) {
            (Operator::In | Operator::Intersects, _) => NumberMatcher::among(kind, constants, true),
            (Operator::Eq, constants) if constants.len() != 1 => {
                NumberMatcher::among(kind, constants, true)
            }
            (op, [constant, ..]) => NumberMatcher::one(kind, op, constant),
            (_, []) => NumberMatcher::among(kind, &[], true),
        }),
        Kind::Bool => Test::Bool(truths(constants).map(|listed| listed != negated)),
        Kind::Address => Test::Ip(addresses(constants), !negated),
        Kind::Network => Test::Net(networks(constants), !negated),
    })
}

/// The test that holds for a value equal to none of the constants.
fn none_of(ty: Type, constants: &[Constant]) -> Test {
    match Kind::of(ty) {
        Kind::Text | Kind::Bytes => Test::Text(TextMatcher::none(&texts(constants))),
        Kind::Number(kind) => Test::Number(NumberMatcher::among(kind, constants, false)),
        Kind::Bool => Test::Bool(truths(constants).map(|listed| !listed)),
        Kind::Address => Test::Ip(addresses(constants), false),
        Kind::Network => Test::Net(networks(constants), false),
    }
}

fn texts(constants: &[Constant]) -> Vec<&[u8]> {
    let text = |constant| match constant {
        &Constant::Text(ref bytes) | &Constant::Bytes(ref bytes) => Some(&**bytes),
        _ => None,
    };
    constants.iter().filter_map(text).collect()
}

fn truths(constants: &[Constant]) -> [bool; 2] {
    [false, true].map(|value| constants.contains(&Constant::Bool(value)))
}

fn addresses(constants: &[Constant]) -> HashSet<IpAddr, FixedState> {
    let address = |constant: &Constant| match constant {
        Constant::Ip(address) => Some(*address),
        _ => None,
    };
    constants.iter().filter_map(address).collect()
}

fn networks(constants: &[Constant]) -> Box<[Network]> {
    let network = |constant: &Constant| match constant {
        Constant::Net(network) => Some(*network),
        _ => None,
    };
    constants.iter().filter_map(network).collect()
}
