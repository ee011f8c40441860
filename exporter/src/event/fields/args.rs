//! `evt.arg.*`, `evt.rawarg.*`, `evt.args`: the parameters of the event, in Falco's forms.
//!
//! What a parameter is stands in `event::binding`, its type in the schema; this file knows types only.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::schema::{NumberFormat, ParamDef, ParamType, Type};
use rule_engine::value::{FieldKey, Value};

use super::call::{errno_name, zoned_time};
use super::{Get, format};
use crate::event::Event;
use crate::event::binding::{Datum, Param};
use crate::event::symbols::Symbols;

/// What Falco prints for a text that is empty, and for other things that are.
const EMPTY_TEXT: &[u8] = b"<NA>";
const EMPTY: &[u8] = b"NULL";
const AT_FDCWD: i64 = -100;
/// What the largest error number returns as.
const ERRNO_MIN: i64 = -4095;

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("evt.arg", |e, key, arena| {
        let shown = show(e, position(e, key)?, arena)?;
        Some(Value::Text(shown.resolved.unwrap_or(shown.plain)))
    }),
    ("evt.args", all),
    ("evt.info", all),
    ("evt.rawarg", |e, key, arena| raw(e, key, arena)),
    ("evt.type.is", |e, key, _| match key {
        FieldKey::Name(name) => Some(Value::Uint(u64::from(
            **name == *e.table.event_name(e.kind),
        ))),
        _ => None,
    }),
];

/// A parameter as text: the plain form, and the word or path that stands for it.
struct Shown<'a> {
    plain: &'a [u8],
    resolved: Option<&'a [u8]>,
}

impl<'a> Shown<'a> {
    fn plain(plain: &'a [u8]) -> Option<Self> {
        Some(Self {
            plain,
            resolved: None,
        })
    }
}

/// Which parameter of the event is asked for.
fn position(event: &Event<'_>, key: &FieldKey) -> Option<usize> {
    match key {
        FieldKey::Name(name) => event
            .table
            .params(event.kind)
            .iter()
            .position(|param| param.name == &**name),
        FieldKey::Index(n) => Some(*n as usize),
        FieldKey::None => None,
    }
}

/// What the schema and the binding say of a parameter; none beyond the last one.
fn param(event: &Event<'_>, at: usize) -> Option<(&'static ParamDef, &'static Param)> {
    let defined = event.table.params(event.kind).get(at)?;
    let bound = event.table.binding(event.kind)?.params.get(at)?;
    Some((defined, bound))
}

/// All parameters as `name=value`, one blank between; where a word or a path stands for the value, it follows in
/// parentheses.
fn all<'a>(event: &'a Event<'_>, _: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let mut line = ArenaVec::new_in(arena);
    for (at, param) in event.table.params(event.kind).iter().enumerate() {
        let Some(shown) = show(event, at, arena) else {
            continue;
        };
        if !line.is_empty() {
            line.push(b' ');
        }
        line.extend_from_slice(param.name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(shown.plain);
        if let Some(resolved) = shown.resolved.filter(|resolved| *resolved != shown.plain) {
            line.push(b'(');
            line.extend_from_slice(resolved);
            line.push(b')');
        }
    }
    Some(Value::Text(line.into_bump_slice()))
}

fn show<'a>(event: &'a Event<'_>, at: usize, arena: &'a Bump) -> Option<Shown<'a>> {
    let (defined, bound) = param(event, at)?;
    match bound.source.read(event, arena)? {
        Datum::Text(b"") => Shown::plain(EMPTY_TEXT),
        Datum::Text(text) => Shown::plain(text),
        Datum::Bytes(b"") | Datum::Address(b"") => Shown::plain(EMPTY),
        Datum::Bytes(data) => Shown::plain(printable(data, arena)),
        Datum::Address(text) => Shown::plain(text),
        Datum::Path { written: b"", .. } => Shown::plain(EMPTY_TEXT),
        Datum::Path {
            written: plain,
            absolute,
        } => Some(Shown {
            plain,
            resolved: Some(absolute),
        }),
        Datum::Descriptor { number, name } => Some(Shown {
            plain: decimal(number, arena),
            resolved: name.or_else(|| special_descriptor(number, arena)),
        }),
        Datum::Number(number) => Some(show_number(event, defined, bound, number, arena)),
    }
}

fn show_number<'a>(
    event: &'a Event<'_>,
    defined: &ParamDef,
    bound: &Param,
    number: u64,
    arena: &'a Bump,
) -> Shown<'a> {
    let whole = number;
    let number = Number::of(defined.ty, number);
    let bits = match number {
        _ if matches!(bound.symbols, Some(Symbols::Open)) => whole,
        Number::Signed(number) => number.cast_unsigned(),
        Number::Unsigned(number) => number,
    };
    let resolved = match (defined.ty, number) {
        (ParamType::Errno, Number::Signed(error)) if (ERRNO_MIN..0).contains(&error) => {
            Some(errno_name(error, arena))
        }
        (ParamType::Uid, _) => Some(account(bits, |id| {
            event.surroundings.user(id).map(|user| &*user.name)
        })),
        (ParamType::Gid, _) => Some(account(bits, |id| event.surroundings.group(id))),
        (ParamType::AbsTime, _) => Some(zoned_time(bits, arena)),
        _ => bound
            .symbols
            .and_then(|symbols| symbols.resolve(bits, arena)),
    };
    Shown {
        plain: number.text(defined.format, arena),
        resolved,
    }
}

/// The name of a user or group; the id -1 means that none is set.
fn account<'a>(id: u64, name: impl Fn(u32) -> Option<&'a str>) -> &'a [u8] {
    match u32::try_from(id) {
        Ok(u32::MAX) | Err(_) => b"<NONE>",
        Ok(id) => name(id).map_or(EMPTY_TEXT, str::as_bytes),
    }
}

/// The names of descriptors that are none.
fn special_descriptor(number: i64, arena: &Bump) -> Option<&[u8]> {
    match number {
        AT_FDCWD => Some(b"AT_FDCWD"),
        ERRNO_MIN..0 => Some(errno_name(number, arena)),
        _ => None,
    }
}

fn raw<'a>(event: &'a Event<'_>, key: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let (defined, bound) = param(event, position(event, key)?)?;
    // The rule was checked against the type that the name has in the schema, whichever event it comes with.
    let wanted = event.table.raw_type(defined.name)?;
    let number = match bound.source.read(event, arena)? {
        Datum::Text(text) | Datum::Address(text) => return as_text(wanted, text),
        Datum::Path { written, .. } => return as_text(wanted, written),
        Datum::Bytes(data) => return (wanted == Type::ByteBuf).then_some(Value::Bytes(data)),
        Datum::Descriptor { number, .. } => Number::Signed(number),
        Datum::Number(number) => Number::of(defined.ty, number),
    };
    number.value(wanted)
}

fn as_text(wanted: Type, text: &[u8]) -> Option<Value<'_>> {
    matches!(wanted, Type::CharBuf | Type::FsPath | Type::FsRelPath).then_some(Value::Text(text))
}

/// A number with its sign.
#[derive(Clone, Copy)]
enum Number {
    Signed(i64),
    Unsigned(u64),
}

impl Number {
    /// As wide and signed as the type says: an argument's register holds more than the argument.
    fn of(ty: ParamType, bits: u64) -> Self {
        let low = bits as u32;
        match ty {
            ParamType::Errno | ParamType::Int64 => Self::Signed(bits.cast_signed()),
            ParamType::Fd | ParamType::Pid | ParamType::Int32 => {
                Self::Signed(i64::from(low.cast_signed()))
            }
            ParamType::Int16 => Self::Signed(i64::from((bits as u16).cast_signed())),
            ParamType::Uint8 | ParamType::SigType => Self::Unsigned(bits & 0xff),
            ParamType::Uint16 | ParamType::SyscallId => Self::Unsigned(bits & 0xffff),
            // Falco packs flags into numbers of its own; the kernel's may have bits beyond the type.
            ParamType::Uint32
            | ParamType::Flags8
            | ParamType::EnumFlags8
            | ParamType::Flags16
            | ParamType::EnumFlags16
            | ParamType::Flags32
            | ParamType::EnumFlags32
            | ParamType::Mode
            | ParamType::Uid
            | ParamType::Gid => Self::Unsigned(u64::from(low)),
            _ => Self::Unsigned(bits),
        }
    }

    fn text(self, base: NumberFormat, arena: &Bump) -> &[u8] {
        match (base, self) {
            (NumberFormat::Dec, Self::Signed(number)) => decimal(number, arena),
            (NumberFormat::Dec, Self::Unsigned(number)) => format(arena, format_args!("{number}")),
            (NumberFormat::Hex, Self::Signed(number)) => format(arena, format_args!("{number:x}")),
            (NumberFormat::Hex, Self::Unsigned(number)) => {
                format(arena, format_args!("{number:x}"))
            }
            (NumberFormat::Oct, Self::Unsigned(0) | Self::Signed(0)) => b"0",
            (NumberFormat::Oct, Self::Signed(number)) => format(arena, format_args!("0{number:o}")),
            (NumberFormat::Oct, Self::Unsigned(number)) => {
                format(arena, format_args!("0{number:o}"))
            }
        }
    }

    /// As a value of the type that rules compare it with.
    fn value<'a>(self, wanted: Type) -> Option<Value<'a>> {
        match wanted {
            Type::CharBuf | Type::FsPath | Type::FsRelPath | Type::ByteBuf => None,
            Type::Int8
            | Type::Int16
            | Type::Int32
            | Type::Int64
            | Type::Fd
            | Type::Pid
            | Type::Errno => Some(Value::Int(match self {
                Self::Signed(number) => number,
                Self::Unsigned(number) => number.cast_signed(),
            })),
            _ => Some(Value::Uint(match self {
                Self::Signed(number) => number.cast_unsigned(),
                Self::Unsigned(number) => number,
            })),
        }
    }
}

fn decimal(number: i64, arena: &Bump) -> &[u8] {
    format(arena, format_args!("{number}"))
}

/// Bytes for people: what is no printable ASCII becomes a dot.
fn printable<'a>(data: &'a [u8], arena: &'a Bump) -> &'a [u8] {
    let mut line = ArenaVec::with_capacity_in(data.len(), arena);
    line.extend(data.iter().map(|byte| match byte {
        b' '..=b'~' => *byte,
        _ => b'.',
    }));
    line.into_bump_slice()
}
