//! Values of fields, and the host's side of an evaluation.

use std::net::IpAddr;

use bumpalo::Bump;

use crate::schema::{ArgKind, EventTypeId, FieldId, Schema};

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

/// Why a field as written is none of the schema's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// No such field, or not with such an argument: the name as written, brackets included.
    #[error("filter_check called with nonexistent field {0}")]
    Nonexistent(String),
    /// The field needs an argument that is not there: the name as written.
    #[error("filter syntax error: {0}")]
    ArgumentMissing(String),
    /// `evt.arg.NAME` with a name that no event's parameter has.
    #[error("unknown event argument {0}")]
    UnknownParam(String),
    /// `evt.type.is.NAME` with a name that no event has.
    #[error("unknown event type {0}")]
    UnknownEvent(String),
}

impl FieldRef {
    /// Checks a field as it is written: `name` is all dotted parts, `bracket` what stands in brackets behind them, quotes
    /// and escapes undone.
    ///
    /// # Errors
    /// [`FieldError`] when the schema has no such field or it does not take such an argument.
    pub fn resolve(
        schema: &Schema,
        name: &str,
        bracket: Option<&str>,
    ) -> Result<FieldRef, FieldError> {
        let written = || match bracket {
            Some(arg) => format!("{name}[{arg}]"),
            None => name.to_owned(),
        };
        let (id, dotted) = schema
            .split(name)
            .ok_or_else(|| FieldError::Nonexistent(written()))?;
        let def = schema.field_def(id);
        let arg = match (def.arg, dotted, bracket) {
            (_, Some(_), Some(_)) => return Err(FieldError::Nonexistent(written())),
            (ArgKind::Dotted { .. }, Some(arg), None) => {
                check_dotted(schema, def.name, arg)?;
                FieldKey::Name(arg.into())
            }
            (_, Some(arg), None) => FieldKey::Name(arg.into()),
            (ArgKind::None | ArgKind::OptionalIndex | ArgKind::OptionalKey, None, None) => {
                FieldKey::None
            }
            (_, None, None) => return Err(FieldError::ArgumentMissing(written())),
            (ArgKind::OptionalIndex | ArgKind::Dotted { index_too: true }, None, Some(arg)) => {
                index(arg).ok_or_else(|| FieldError::Nonexistent(written()))?
            }
            (ArgKind::OptionalKey | ArgKind::RequiredIndexOrKey, None, Some(arg)) => {
                index(arg).unwrap_or_else(|| FieldKey::Name(arg.into()))
            }
            (ArgKind::RequiredKey | ArgKind::DottedOrKey, None, Some(arg)) => {
                FieldKey::Name(arg.into())
            }
            (ArgKind::None | ArgKind::Dotted { index_too: false }, None, Some(_)) => {
                return Err(FieldError::Nonexistent(written()));
            }
        };
        Ok(FieldRef { id, arg })
    }

    /// The field as one writes it (`proc.aname[2]`, `evt.arg.flags`).
    pub fn written(&self, schema: &Schema) -> String {
        let def = schema.field_def(self.id);
        match (&self.arg, def.arg) {
            (FieldKey::None, _) => def.name.to_owned(),
            (FieldKey::Index(index), _) => format!("{}[{index}]", def.name),
            (FieldKey::Name(name), ArgKind::Dotted { .. }) => format!("{}.{name}", def.name),
            (FieldKey::Name(name), _) => format!("{}[{name}]", def.name),
        }
    }
}

/// The dotted argument of `evt.arg` and `evt.rawarg` names a parameter, that of `evt.type.is` an event; others are free.
fn check_dotted(schema: &Schema, field: &str, arg: &str) -> Result<(), FieldError> {
    match field {
        "evt.arg" | "evt.rawarg" if schema.raw_param(arg).is_none() => {
            Err(FieldError::UnknownParam(arg.to_owned()))
        }
        "evt.type.is" if schema.event(arg).is_none() => {
            Err(FieldError::UnknownEvent(arg.to_owned()))
        }
        _ => Ok(()),
    }
}

/// A whole number as index; one that no process reaches, negative or huge, is [`u32::MAX`].
fn index(text: &str) -> Option<FieldKey> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| FieldKey::Index(text.parse().unwrap_or(u32::MAX)))
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
/// host's business. A value that is missing now but may come later is [`Fields::awaited`]: checks on it are neither true
/// nor false.
pub trait Fields {
    /// The event's type.
    fn event_type(&self) -> EventTypeId;

    /// The value of a field. Called at most once per event and field (the engine remembers); text that must be put together
    /// goes into `arena`, which is emptied after the event.
    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>>;

    /// Whether a field that [`Fields::get`] gave nothing for may have a value when the event is judged again. Asked only
    /// for such fields. A host that never judges an event twice has none.
    fn awaited(&self, field: &FieldRef) -> bool {
        let _ = field;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_resolved_with_their_arguments() {
        let schema = Schema::syscall();
        let name = |text: &str| FieldKey::Name(text.into());
        for (field, bracket, expected) in [
            ("proc.name", None, Ok(FieldKey::None)),
            (
                "proc.name",
                Some("1"),
                Err("filter_check called with nonexistent field proc.name[1]"),
            ),
            ("proc.aname", None, Ok(FieldKey::None)),
            ("proc.aname", Some("2"), Ok(FieldKey::Index(2))),
            ("proc.aname", Some("-1"), Ok(FieldKey::Index(u32::MAX))),
            (
                "proc.aname",
                Some("99999999999"),
                Ok(FieldKey::Index(u32::MAX)),
            ),
            (
                "proc.aname",
                Some("a"),
                Err("filter_check called with nonexistent field proc.aname[a]"),
            ),
            ("proc.env", Some("HOME"), Ok(name("HOME"))),
            ("proc.aenv", Some("2"), Ok(FieldKey::Index(2))),
            (
                "proc.nosuch",
                None,
                Err("filter_check called with nonexistent field proc.nosuch"),
            ),
            ("evt.arg.flags", None, Ok(name("flags"))),
            ("evt.arg", Some("0"), Ok(FieldKey::Index(0))),
            (
                "evt.arg",
                Some("flags"),
                Err("filter_check called with nonexistent field evt.arg[flags]"),
            ),
            ("evt.arg", None, Err("filter syntax error: evt.arg")),
            ("evt.arg.nosuch", None, Err("unknown event argument nosuch")),
            (
                "evt.rawarg",
                Some("0"),
                Err("filter_check called with nonexistent field evt.rawarg[0]"),
            ),
            ("evt.type.is.open", None, Ok(name("open"))),
            ("evt.type.is.nosuch", None, Err("unknown event type nosuch")),
            (
                "thread.cgroup",
                None,
                Err("filter syntax error: thread.cgroup"),
            ),
            ("thread.cgroup.cpu", None, Ok(name("cpu"))),
            ("container.mount.dest", Some("/etc*"), Ok(name("/etc*"))),
            ("container.mount.dest", Some("0"), Ok(FieldKey::Index(0))),
            ("container.label.app", None, Ok(name("app"))),
            ("container.label", Some("app"), Ok(name("app"))),
            (
                "container.label.app",
                Some("x"),
                Err("filter_check called with nonexistent field container.label.app[x]"),
            ),
            ("k8smeta.pod.label", Some("5"), Ok(name("5"))),
            (
                "k8smeta.pod.label.app",
                None,
                Err("filter_check called with nonexistent field k8smeta.pod.label.app"),
            ),
        ] {
            let found = FieldRef::resolve(&schema, field, bracket);
            let found = found
                .map(|field| field.arg)
                .map_err(|error| error.to_string());
            assert_eq!(
                found,
                expected.map_err(str::to_owned),
                "{field} {bracket:?}"
            );
        }
    }

    #[test]
    fn fields_are_written_as_they_were_read() {
        let schema = Schema::syscall();
        for (field, bracket, written) in [
            ("proc.name", None, "proc.name"),
            ("proc.aname", Some("2"), "proc.aname[2]"),
            ("evt.arg.flags", None, "evt.arg.flags"),
            ("proc.env", Some("HOME"), "proc.env[HOME]"),
        ] {
            let found = FieldRef::resolve(&schema, field, bracket).expect("the field exists");
            assert_eq!(found.written(&schema), written);
        }
    }
}
