//! Values compared with values of the same event (`val()` and transformers on the right side).

use bumpalo::Bump;
use memchr::memmem;

use crate::ast::Operator;
use crate::schema::{Multiplicity, Type};
use crate::value::Value;

use super::glob::matches_once;
use super::kind::{Kind, NumberKind};
use super::number::{as_real, as_signed, as_unsigned, mask, ordered};

/// Whether `left OP right` holds for values of one type.
pub(crate) fn compare(
    op: Operator,
    ty: Type,
    multiplicity: Multiplicity,
    left: Value<'_>,
    right: Value<'_>,
    arena: &Bump,
) -> bool {
    let one = |left: &Value<'_>| single(op, ty, *left, right, arena);
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            let among = |left: &Value<'_>| {
                right
                    .iter()
                    .any(|right| single(Operator::Eq, ty, *left, *right, arena))
            };
            match op {
                Operator::In => left.iter().all(among),
                _ => left.iter().any(among),
            }
        }
        (Value::Several(left), _) if multiplicity == Multiplicity::Sides && op == Operator::Ne => {
            !left.is_empty() && left.iter().all(one)
        }
        (Value::Several(left), _) => left.iter().any(one),
        (left, _) => one(&left),
    }
}

fn single(op: Operator, ty: Type, left: Value<'_>, right: Value<'_>, arena: &Bump) -> bool {
    let result = match Kind::of(ty) {
        Kind::Text | Kind::Bytes => bytes(left)
            .zip(bytes(right))
            .map(|(left, right)| text(op, left, right, arena)),
        Kind::Number(NumberKind::Signed(_)) => as_signed(left)
            .zip(as_signed(right))
            .map(|(l, r)| ordered(op, &l, &r)),
        Kind::Number(kind @ (NumberKind::Unsigned(_) | NumberKind::Port)) => as_unsigned(left)
            .zip(as_unsigned(right))
            .map(|(l, r)| ordered(op, &(l & mask(kind)), &(r & mask(kind)))),
        Kind::Number(NumberKind::Real) => as_real(left)
            .zip(as_real(right))
            .map(|(l, r)| ordered(op, &l, &r)),
        Kind::Bool => match (left, right) {
            (Value::Bool(left), Value::Bool(right)) => Some(ordered(op, &left, &right)),
            _ => None,
        },
        Kind::Address | Kind::Network => match (left, right) {
            (Value::Ip(left), Value::Ip(right)) => Some(ordered(op, &left, &right)),
            _ => None,
        },
    };
    result.unwrap_or(false)
}

fn text(op: Operator, value: &[u8], other: &[u8], arena: &Bump) -> bool {
    use Operator as Op;
    match op {
        Op::Contains | Op::Bcontains => memmem::find(value, other).is_some(),
        Op::Icontains => {
            other.is_empty()
                || value
                    .windows(other.len())
                    .any(|w| w.eq_ignore_ascii_case(other))
        }
        Op::Startswith | Op::Bstartswith => value.starts_with(other),
        Op::Endswith => value.ends_with(other),
        Op::Glob => matches_once(other, false, value, arena),
        Op::Iglob => matches_once(other, true, value, arena),
        _ => ordered(op, value, other),
    }
}

/// The content of text or bytes.
fn bytes(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}
