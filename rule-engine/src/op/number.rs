//! Numbers compared with numbers, in the field's own type.

use crate::ast::Operator;
use crate::value::Value;

use super::Constant;
use super::kind::NumberKind;

/// A comparison of a number with constants.
#[derive(Clone, Debug)]
pub(crate) enum NumberMatcher {
    /// Compared with one signed number.
    Signed(Operator, i64),
    /// Compared with one unsigned number; the mask has the bits of the type.
    Unsigned(Operator, u64, u64),
    /// A real number, compared with a whole one.
    Real(Operator, i64),
    /// Among these signed numbers, sorted. `false`: not among them.
    SignedIn(Box<[i64]>, bool),
    /// Among these unsigned numbers, sorted. `false`: not among them.
    UnsignedIn(Box<[u64]>, u64, bool),
    /// A real number among these.
    RealIn(Box<[i64]>, bool),
}

impl NumberMatcher {
    /// A comparison with one constant.
    pub(crate) fn one(kind: NumberKind, op: Operator, constant: &Constant) -> Self {
        match kind {
            NumberKind::Signed(_) => Self::Signed(op, int(constant)),
            NumberKind::Real => Self::Real(op, int(constant)),
            NumberKind::Unsigned(_) | NumberKind::Port => {
                Self::Unsigned(op, uint(constant), mask(kind))
            }
        }
    }

    /// Membership, or with `is_in` false the lack of it.
    pub(crate) fn among(kind: NumberKind, constants: &[Constant], is_in: bool) -> Self {
        match kind {
            NumberKind::Signed(_) => Self::SignedIn(sorted(constants.iter().map(int)), is_in),
            NumberKind::Real => Self::RealIn(sorted(constants.iter().map(int)), is_in),
            NumberKind::Unsigned(_) | NumberKind::Port => {
                Self::UnsignedIn(sorted(constants.iter().map(uint)), mask(kind), is_in)
            }
        }
    }

    /// Whether the value satisfies it; a value that is no number does not.
    pub(crate) fn matches(&self, value: Value<'_>) -> bool {
        let result = match self {
            Self::Signed(op, constant) => as_signed(value).map(|v| ordered(*op, &v, constant)),
            Self::Unsigned(op, constant, mask) => {
                as_unsigned(value).map(|v| ordered(*op, &(v & mask), constant))
            }
            Self::Real(op, constant) => {
                as_real(value).map(|v| ordered(*op, &v, &(*constant as f64)))
            }
            Self::SignedIn(set, is_in) => as_signed(value).map(|v| contains(set, &v) == *is_in),
            Self::UnsignedIn(set, mask, is_in) => {
                as_unsigned(value).map(|v| contains(set, &(v & mask)) == *is_in)
            }
            Self::RealIn(set, is_in) => {
                as_real(value).map(|v| set.iter().any(|c| *c as f64 == v) == *is_in)
            }
        };
        result.unwrap_or(false)
    }
}

/// A whole number as signed one.
pub(crate) fn as_signed(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(v) => Some(v),
        Value::Uint(v) => Some(v as i64),
        _ => None,
    }
}

/// A whole number as unsigned one, in 64 bits.
pub(crate) fn as_unsigned(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Int(v) => Some(v as u64),
        Value::Uint(v) => Some(v),
        _ => None,
    }
}

/// A number as real one.
pub(crate) fn as_real(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Double(v) => Some(v),
        Value::Int(v) => Some(v as f64),
        Value::Uint(v) => Some(v as f64),
        _ => None,
    }
}

/// Compares by an operator of order or equality; other operators hold for nothing.
pub(crate) fn ordered<T: PartialOrd + ?Sized>(op: Operator, left: &T, right: &T) -> bool {
    match op {
        Operator::Eq | Operator::In | Operator::Intersects => left == right,
        Operator::Ne => left != right,
        Operator::Lt => left < right,
        Operator::Le => left <= right,
        Operator::Gt => left > right,
        Operator::Ge => left >= right,
        _ => false,
    }
}

/// The bits of a type.
pub(crate) fn mask(kind: NumberKind) -> u64 {
    match kind {
        NumberKind::Unsigned(bits) | NumberKind::Signed(bits) => {
            u64::MAX >> (64 - bits.clamp(1, 64))
        }
        NumberKind::Port => u64::from(u16::MAX),
        NumberKind::Real => u64::MAX,
    }
}

/// For a handful, looking at all is quicker than halving.
fn contains<T: Ord>(sorted: &[T], value: &T) -> bool {
    if sorted.len() <= 8 {
        sorted.contains(value)
    } else {
        sorted.binary_search(value).is_ok()
    }
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Box<[T]> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values.into()
}

/// The signed number of a constant that [`Constant::parse`] made for a signed or real type.
fn int(constant: &Constant) -> i64 {
    match constant {
        Constant::Int(value) => *value,
        Constant::Uint(value) => *value as i64,
        _ => 0,
    }
}

/// The unsigned number of a constant that [`Constant::parse`] made for an unsigned type.
fn uint(constant: &Constant) -> u64 {
    match constant {
        Constant::Int(value) => *value as u64,
        Constant::Uint(value) => *value,
        _ => 0,
    }
}
