//! What a test file or a JSON object says about a field, and its conversion to a value of the field's type.
//!
//! In: scalars, lists and mappings as text, with their places. Out: [`Owned`] values. Never: which fields there are.

use std::net::IpAddr;

use crate::schema::Type;
use crate::source::Span;
use crate::value::Value;

/// A piece of input.
#[derive(Clone, Debug)]
pub(crate) struct Datum {
    /// Where it stands, if it stands in a file.
    pub(crate) span: Option<Span>,
    /// What it is.
    pub(crate) kind: DatumKind,
}

/// The kinds of input.
#[derive(Clone, Debug)]
pub(crate) enum DatumKind {
    /// Nothing: the field is missing.
    Null,
    /// Text, a number or a truth value, as written.
    Scalar(String),
    /// Members in order.
    List(Vec<Datum>),
    /// Keys and values in order.
    Map(Vec<(Datum, Datum)>),
}

/// A value that owns its content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Owned {
    Text(Box<[u8]>),
    Bytes(Box<[u8]>),
    Int(i64),
    Uint(u64),
    Double(f64),
    Bool(bool),
    Ip(IpAddr),
    /// A list value.
    List(Vec<Owned>),
    /// Candidates: ancestors, or both sides of a connection.
    Several(Vec<Owned>),
}

impl Datum {
    /// The text, if it is one.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            DatumKind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in a message.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            DatumKind::Null => "nothing".to_owned(),
            DatumKind::Scalar(text) => format!("`{text}`"),
            DatumKind::List(_) => "a list".to_owned(),
            DatumKind::Map(_) => "a mapping".to_owned(),
        }
    }
}

impl From<&serde_json::Value> for Datum {
    fn from(json: &serde_json::Value) -> Datum {
        use serde_json::Value as Json;
        let scalar = |text: String| DatumKind::Scalar(text);
        let kind = match json {
            Json::Null => DatumKind::Null,
            Json::Bool(truth) => scalar(truth.to_string()),
            Json::Number(number) => scalar(number.to_string()),
            Json::String(text) => scalar(text.clone()),
            Json::Array(members) => DatumKind::List(members.iter().map(Datum::from).collect()),
            Json::Object(members) => {
                let key = |name: &String| Datum {
                    span: None,
                    kind: scalar(name.clone()),
                };
                DatumKind::Map(
                    members
                        .iter()
                        .map(|(name, value)| (key(name), Datum::from(value)))
                        .collect(),
                )
            }
        };
        Datum { span: None, kind }
    }
}

impl Owned {
    /// A text value.
    pub(crate) fn text(text: impl AsRef<[u8]>) -> Owned {
        Owned::Text(text.as_ref().into())
    }

    /// The text, if it is one and UTF-8.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Owned::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The value as the engine takes it; lists are put into the arena.
    pub(crate) fn borrow<'a>(&'a self, arena: &'a bumpalo::Bump) -> Value<'a> {
        let members = |members: &'a [Owned]| {
            &*arena.alloc_slice_fill_iter(members.iter().map(|member| member.borrow(arena)))
        };
        match self {
            Owned::Text(text) => Value::Text(text),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Int(number) => Value::Int(*number),
            Owned::Uint(number) => Value::Uint(*number),
            Owned::Double(number) => Value::Double(*number),
            Owned::Bool(truth) => Value::Bool(*truth),
            Owned::Ip(address) => Value::Ip(*address),
            Owned::List(list) => Value::List(members(list)),
            Owned::Several(list) => Value::Several(members(list)),
        }
    }

    /// Reads one value of a type.
    ///
    /// # Errors
    /// What is wanted instead, as the end of a sentence.
    pub(crate) fn parse(ty: Type, text: &str) -> Result<Owned, String> {
        let whole = |low: i128, high: i128| -> Result<i128, String> {
            let wanted = || format!("is a whole number from {low} to {high} ({})", ty.name());
            text.parse()
                .ok()
                .filter(|number| (low..=high).contains(number))
                .ok_or_else(wanted)
        };
        let signed = |bits: u32| {
            whole(-(1 << (bits - 1)), (1 << (bits - 1)) - 1).map(|n| Owned::Int(n as i64))
        };
        let unsigned = |bits: u32| whole(0, (1 << bits) - 1).map(|n| Owned::Uint(n as u64));
        match ty {
            Type::CharBuf | Type::FsPath | Type::FsRelPath if text.contains('\0') => {
                Err(format!("is text without NUL bytes ({})", ty.name()))
            }
            Type::CharBuf | Type::FsPath | Type::FsRelPath => Ok(Owned::text(text)),
            Type::ByteBuf => Ok(Owned::Bytes(text.as_bytes().into())),
            Type::Int8 => signed(8),
            Type::Int16 => signed(16),
            Type::Int32 => signed(32),
            Type::Int64 | Type::Fd | Type::Pid | Type::Errno => signed(64),
            Type::Uint8 | Type::Flags8 | Type::SigType => unsigned(8),
            Type::Uint16 | Type::Flags16 | Type::Port | Type::SyscallId => unsigned(16),
            Type::Uint32 | Type::Flags32 | Type::Mode | Type::Uid | Type::Gid => unsigned(32),
            Type::Uint64 | Type::RelTime | Type::AbsTime => unsigned(64),
            Type::Double => text
                .parse()
                .map(Owned::Double)
                .map_err(|_| "is a number (DOUBLE)".to_owned()),
            Type::Bool => match text {
                "true" => Ok(Owned::Bool(true)),
                "false" => Ok(Owned::Bool(false)),
                _ => Err("is `true` or `false` (BOOL)".to_owned()),
            },
            Type::IpAddr | Type::IpNet => text
                .parse()
                .map(Owned::Ip)
                .map_err(|_| format!("is an IPv4 or IPv6 address ({})", ty.name())),
        }
    }
}

/// Bytes written as hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Box<[u8]>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_type() {
        for (ty, text, expected) in [
            (Type::CharBuf, "a b", Ok(Owned::text("a b"))),
            (
                Type::CharBuf,
                "a\0",
                Err("is text without NUL bytes (CHARBUF)"),
            ),
            (Type::Int64, "-5", Ok(Owned::Int(-5))),
            (
                Type::Int64,
                "-9223372036854775808",
                Ok(Owned::Int(i64::MIN)),
            ),
            (
                Type::Int8,
                "128",
                Err("is a whole number from -128 to 127 (INT8)"),
            ),
            (
                Type::Uint64,
                "18446744073709551615",
                Ok(Owned::Uint(u64::MAX)),
            ),
            (
                Type::Port,
                "65536",
                Err("is a whole number from 0 to 65535 (PORT)"),
            ),
            (
                Type::Uint32,
                "1.5",
                Err("is a whole number from 0 to 4294967295 (UINT32)"),
            ),
            (Type::Double, "1.5", Ok(Owned::Double(1.5))),
            (Type::Bool, "true", Ok(Owned::Bool(true))),
            (Type::Bool, "yes", Err("is `true` or `false` (BOOL)")),
            (Type::IpAddr, "::1", Ok(Owned::Ip("::1".parse().unwrap()))),
            (
                Type::IpNet,
                "10.0.0.0/8",
                Err("is an IPv4 or IPv6 address (IPNET)"),
            ),
        ] {
            assert_eq!(
                Owned::parse(ty, text),
                expected.map_err(str::to_owned),
                "{ty:?} {text:?}"
            );
        }
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(from_hex("7f454C46").as_deref(), Some(&b"\x7fELF"[..]));
        assert_eq!(from_hex("").as_deref(), Some(&b""[..]));
        assert_eq!(from_hex("7f4"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
