//! Values of fields, and the host's side of an evaluation.

use std::net::IpAddr;

use bumpalo::Bump;

use crate::schema::{EventTypeId, FieldId};

/// A field as the host is asked for it: which, and with which argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Index into the schema.
    pub id: FieldId,
    /// Its argument.
    pub arg: FieldKey,
}

/// The argument of a field, checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldKey {
    /// None.
    None,
    /// `[N]`; an index too large for any process is [`u32::MAX`] and never found.
    Index(u32),
    /// `[NAME]`, or the last dotted part (`flags` in `evt.arg.flags`).
    Name(Box<str>),
}

/// A value, borrowed from the event or from the evaluation's arena.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text: any bytes but NUL.
    Text(&'a [u8]),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Signed whole number.
    Int(i64),
    /// Unsigned whole number (ports, times in ns and flags too).
    Uint(u64),
    /// Real number.
    Double(f64),
    /// Truth.
    Bool(bool),
    /// Address.
    Ip(IpAddr),
    /// A list of values (multiplicity `List`).
    List(&'a [Value<'a>]),
    /// Several candidates (multiplicity `Any` or `Sides`).
    Several(&'a [Value<'a>]),
}

/// One event, as the engine sees it.
///
/// `None` from [`Fields::get`] means *missing*: every check on it is false. Placeholders such as `<NA>` are values, and the
/// host's business.
pub trait Fields {
    /// The event's type.
    fn event_type(&self) -> EventTypeId;

    /// The value of a field. Called at most once per event and field (the engine remembers); text that must be put together
    /// goes into `arena`, which is emptied after the event.
    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>>;
}
