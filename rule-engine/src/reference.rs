//! The plain evaluator: walks a checked condition as it is written, sharing and precomputing nothing.
//!
//! In: a part of a typed condition and an event. Out: whether it holds, or an operand's value. Compiled rules must agree with
//! it; explanations are made with it, since it knows the result of every part.

use bumpalo::Bump;

use crate::ast::{Modifier, Operator};
use crate::op::{Constant, Kind, NumberKind, Pattern};
use crate::schema::{EventKind, Multiplicity, Schema, Type};
use crate::typed::{Check, FieldUse, Node, NodeKind, Operand, Test};
use crate::value::{FieldKey, Fields, Value};

/// An event as the plain evaluator sees it.
pub struct Plain<'a> {
    /// The schema that the condition was checked against.
    pub schema: &'a Schema,
    /// The event.
    pub event: &'a dyn Fields,
    /// Where values are put together.
    pub arena: &'a Bump,
}

impl<'a> Plain<'a> {
    /// Whether a part of a condition holds.
    pub fn holds(&self, node: &'a Node) -> bool {
        match &node.kind {
            NodeKind::And(members) => members.iter().all(|member| self.holds(member)),
            NodeKind::Or(members) => members.iter().any(|member| self.holds(member)),
            NodeKind::Not(inner) => !self.holds(inner),
            NodeKind::Macro { body, .. } => self.holds(body),
            NodeKind::Check(check) => self.check(check),
        }
    }

    /// Whether a comparison holds.
    pub fn check(&self, check: &'a Check) -> bool {
        let Some(left) = self.value(&check.operand) else {
            return false;
        };
        let (ty, multiplicity) = (check.operand.ty(), check.operand.multiplicity());
        match &check.test {
            Test::Exists => !(multiplicity == Multiplicity::Any && left == Value::Several(&[])),
            Test::Operand { op, right } => {
                let Some(right) = self.value(right) else {
                    return false;
                };
                let rights = match right {
                    Value::List(items) => items.to_vec(),
                    single => vec![single],
                };
                self.compare(*op, ty, multiplicity, left, &rights)
            }
            Test::Constants {
                op,
                modifier,
                values,
            } => {
                let values: Vec<Value<'_>> = values.iter().map(constant).collect();
                let networks = check_networks(&check.test);
                let one = |i: usize| match networks.get(i) {
                    Some(network) => spread(
                        multiplicity,
                        *op,
                        left,
                        |value| matches!(value, Value::Ip(ip) if network.contains(ip) != (*op == Operator::Ne)),
                    ),
                    None => self.compare(*op, ty, multiplicity, left, &values[i..=i]),
                };
                let count = (0..values.len()).filter(|i| one(*i)).count();
                match modifier {
                    None if takes_list(*op) && networks.is_empty() => {
                        self.compare(*op, ty, multiplicity, left, &values)
                    }
                    None | Some(Modifier::Anyof) => count > 0,
                    Some(Modifier::Oneof) => count == 1,
                    Some(Modifier::Allof) => !values.is_empty() && count == values.len(),
                }
            }
        }
    }

    /// The value of an operand; `None`: missing.
    pub fn value(&self, operand: &'a Operand) -> Option<Value<'a>> {
        crate::transform::operand(operand, &mut |field| self.field(field), self.arena)
    }

    /// The value of a field; `None`: missing.
    pub fn field(&self, used: &'a FieldUse) -> Option<Value<'a>> {
        let event = self.event.event_type();
        let def = self.schema.event_def(event);
        match (self.schema.field_def(used.field.id).name, &used.field.arg) {
            ("evt.type", _) => Some(Value::Text(def.name.as_bytes())),
            ("syscall.type", _) => {
                (def.kind == EventKind::Syscall).then_some(Value::Text(def.name.as_bytes()))
            }
            ("evt.dir", _) => Some(Value::Text(b"<")),
            ("evt.type.is", FieldKey::Name(name)) => Some(Value::Uint(u64::from(
                self.schema.event(name) == Some(event),
            ))),
            _ => self.event.get(&used.field, self.arena),
        }
    }

    /// Compares with one value, or by an operator that takes a list with all of them.
    fn compare(
        &self,
        op: Operator,
        ty: Type,
        multiplicity: Multiplicity,
        left: Value<'_>,
        rights: &[Value<'_>],
    ) -> bool {
        spread(multiplicity, op, left, |left| {
            rights.iter().any(|right| self.single(op, ty, left, *right))
        })
    }

    fn single(&self, op: Operator, ty: Type, left: Value<'_>, right: Value<'_>) -> bool {
        match (Kind::of(ty), left, right) {
            (
                Kind::Text | Kind::Bytes,
                Value::Text(left) | Value::Bytes(left),
                Value::Text(right) | Value::Bytes(right),
            ) => self.text(op, left, right),
            (Kind::Number(kind), left, right) => match (number(left, kind), number(right, kind)) {
                (Some(left), Some(right)) => order(op, left.partial_cmp(&right)),
                _ => false,
            },
            (Kind::Bool, Value::Bool(left), Value::Bool(right)) => {
                order(op, left.partial_cmp(&right))
            }
            (Kind::Address, Value::Ip(left), Value::Ip(right)) => {
                order(op, left.partial_cmp(&right))
            }
            _ => false,
        }
    }

    fn text(&self, op: Operator, value: &[u8], other: &[u8]) -> bool {
        use Operator as Op;
        let holds = |value: &[u8], other: &[u8]| {
            other.is_empty() || value.windows(other.len()).any(|window| window == other)
        };
        let lower = |text: &[u8]| text.to_ascii_lowercase();
        match op {
            Op::Contains | Op::Bcontains => holds(value, other),
            Op::Icontains => holds(&lower(value), &lower(other)),
            Op::Startswith | Op::Bstartswith => value.starts_with(other),
            Op::Endswith => value.ends_with(other),
            Op::Glob => glob(other, value, false),
            Op::Iglob => glob(other, value, true),
            Op::Regex => {
                Pattern::new(other).is_ok_and(|pattern| pattern.matches(value, self.arena))
            }
            Op::Pmatch => covers(other, value),
            _ => order(op, value.partial_cmp(other)),
        }
    }
}

fn takes_list(op: Operator) -> bool {
    matches!(op, Operator::In | Operator::Intersects | Operator::Pmatch)
}

/// Puts together the results for several values.
fn spread(
    multiplicity: Multiplicity,
    op: Operator,
    left: Value<'_>,
    one: impl Fn(Value<'_>) -> bool,
) -> bool {
    match left {
        Value::List(items) if op == Operator::In => items.iter().all(|item| one(*item)),
        Value::Several(items) if multiplicity == Multiplicity::Sides && op == Operator::Ne => {
            !items.is_empty() && items.iter().all(|item| one(*item))
        }
        Value::List(items) | Value::Several(items) => items.iter().any(|item| one(*item)),
        value => one(value),
    }
}

fn check_networks(test: &Test) -> Vec<crate::op::Network> {
    let Test::Constants { values, .. } = test else {
        return Vec::new();
    };
    let network = |value: &Constant| match value {
        Constant::Net(network) => Some(*network),
        _ => None,
    };
    values.iter().filter_map(network).collect()
}

fn constant(constant: &Constant) -> Value<'_> {
    match constant {
        Constant::Text(text) => Value::Text(text),
        Constant::Bytes(bytes) => Value::Bytes(bytes),
        Constant::Int(number) => Value::Int(*number),
        Constant::Uint(number) => Value::Uint(*number),
        Constant::Bool(truth) => Value::Bool(*truth),
        Constant::Ip(address) => Value::Ip(*address),
        // Networks are compared by asking whether they contain an address.
        Constant::Net(_) => Value::Bool(false),
    }
}

/// A number in its type, as something that all of them fit into without loss but reals.
fn number(value: Value<'_>, kind: NumberKind) -> Option<Number> {
    let bits = match kind {
        NumberKind::Real => {
            return match value {
                Value::Double(real) => Some(Number::Real(real)),
                Value::Int(number) => Some(Number::Real(number as f64)),
                Value::Uint(number) => Some(Number::Real(number as f64)),
                _ => None,
            };
        }
        NumberKind::Signed(_) => None,
        NumberKind::Unsigned(bits) => Some(bits),
        NumberKind::Port => Some(16),
    };
    let number = match value {
        Value::Int(number) => i128::from(number),
        Value::Uint(number) => i128::from(number),
        _ => return None,
    };
    Some(Number::Whole(match bits {
        Some(bits) => number.rem_euclid(1 << bits),
        None if number >= 1 << 63 => number - (1 << 64),
        None => number,
    }))
}

#[derive(PartialEq, PartialOrd)]
enum Number {
    Whole(i128),
    Real(f64),
}

fn order(op: Operator, order: Option<std::cmp::Ordering>) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (op, order) {
        (Operator::Eq | Operator::In | Operator::Intersects, order) => order == Some(Equal),
        (Operator::Ne, order) => order != Some(Equal),
        (Operator::Lt, order) => order == Some(Less),
        (Operator::Gt, order) => order == Some(Greater),
        (Operator::Le, order) => matches!(order, Some(Less | Equal)),
        (Operator::Ge, order) => matches!(order, Some(Greater | Equal)),
        _ => false,
    }
}

/// Whether a path lies under a prefix, component by component.
fn covers(prefix: &[u8], path: &[u8]) -> bool {
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|c| *c == b'/')
            .filter(|part| !part.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (prefix, path) = (parts(prefix), parts(path));
    let fits = |pattern: &[u8], part: &[u8]| {
        let special = pattern.iter().any(|c| b"?*[".contains(c));
        if special {
            glob(pattern, part, false)
        } else {
            pattern == part
        }
    };
    prefix.len() <= path.len()
        && prefix
            .iter()
            .zip(&path)
            .all(|(pattern, part)| fits(pattern, part))
}

/// A shell pattern by trying everything; one with brackets is left to the compiled patterns.
fn glob(pattern: &[u8], value: &[u8], ignore_case: bool) -> bool {
    if pattern.contains(&b'[') {
        return crate::op::Glob::new(pattern, ignore_case).matches(value);
    }
    // Whether the pattern up to here covers each beginning of the value.
    let mut reached = vec![false; value.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some(first) = rest.first() {
        let (token, tail) = rest.split_at(if *first == b'\\' {
            2.min(rest.len())
        } else {
            1
        });
        rest = tail;
        let mut next = vec![false; value.len() + 1];
        for at in (0..=value.len()).filter(|at| reached[*at]) {
            if token == b"*" {
                next[at..].fill(true);
            } else if at < value.len() && fits_one(token, value[at], ignore_case) {
                next[at + 1] = true;
            }
        }
        reached = next;
    }
    reached[value.len()]
}

fn fits_one(token: &[u8], byte: u8, ignore_case: bool) -> bool {
    match token {
        b"?" => true,
        [b'\\'] => false,
        [.., literal] => byte == *literal || ignore_case && byte.eq_ignore_ascii_case(literal),
        [] => false,
    }
}
