//! A match that no longer borrows from its event, so that it can wait in a queue.

use std::sync::Arc;

use rule_engine::priority::Priority;
use rule_engine::value::Value;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// An event for which a rule holds.
#[derive(Clone, Debug)]
pub struct OwnedMatch {
    /// Names this match in every output.
    pub uuid: Uuid,
    /// When the event happened, in nanoseconds since the Unix epoch.
    pub time_wall_ns: u64,
    /// The rule.
    pub rule: Arc<RuleFacts>,
    /// The rule's output text with the values of this event.
    pub message: String,
    /// The fields that the output text mentions, with their values. Invariant: each name once.
    pub fields: Vec<(Arc<str>, FieldValue)>,
    /// Fields that an output asks for of every match, in the order of its list; empty if none does.
    pub asked: Vec<FieldValue>,
}

/// What is the same for every match of a rule; made once, at load.
#[derive(Clone, Debug)]
pub struct RuleFacts {
    /// Its name.
    pub name: Box<str>,
    /// How grave a match is.
    pub priority: Priority,
    /// Where its events come from: `syscall`.
    pub source: Box<str>,
    /// The file that defines it, as messages call it.
    pub file: Box<str>,
    /// What it is about.
    pub description: Box<str>,
    /// Its tags, sorted.
    pub tags: Box<[Box<str>]>,
}

/// The value of a field, in the types that JSON has.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Absent.
    Null,
    /// Text; bytes that are not UTF-8 were replaced by U+FFFD.
    Text(String),
    /// Signed whole number.
    Int(i64),
    /// Unsigned whole number.
    Uint(u64),
    /// Real number.
    Double(f64),
    /// Truth.
    Bool(bool),
    /// Several values.
    List(Vec<FieldValue>),
}

impl From<Option<Value<'_>>> for FieldValue {
    fn from(value: Option<Value<'_>>) -> FieldValue {
        match value {
            None => FieldValue::Null,
            Some(Value::Text(bytes) | Value::Bytes(bytes)) => {
                FieldValue::Text(String::from_utf8_lossy(bytes).into_owned())
            }
            Some(Value::Int(number)) => FieldValue::Int(number),
            Some(Value::Uint(number)) => FieldValue::Uint(number),
            Some(Value::Double(number)) => FieldValue::Double(number),
            Some(Value::Bool(truth)) => FieldValue::Bool(truth),
            Some(Value::Ip(address)) => FieldValue::Text(address.to_string()),
            // Values of a list are single ones, so this goes one step down and no further.
            Some(Value::List(values) | Value::Several(values)) => {
                FieldValue::List(values.iter().map(|value| Some(*value).into()).collect())
            }
        }
    }
}

impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            FieldValue::Null => serializer.serialize_unit(),
            FieldValue::Text(text) => serializer.serialize_str(text),
            FieldValue::Int(number) => serializer.serialize_i64(*number),
            FieldValue::Uint(number) => serializer.serialize_u64(*number),
            FieldValue::Double(number) => serializer.serialize_f64(*number),
            FieldValue::Bool(truth) => serializer.serialize_bool(*truth),
            FieldValue::List(values) => values.serialize(serializer),
        }
    }
}
