//! What transformers make of values.
//!
//! In: a typed operand and the values of its fields. Out: its value, in the evaluation's arena where it has to be made. A
//! transformer of a missing value is missing.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::schema::Type;
use crate::typed::{FieldUse, Function, Operand};
use crate::value::Value;

/// The value of an operand. `field` gives the values of fields.
pub(crate) fn operand<'a>(
    operand: &'a Operand,
    field: &mut dyn FnMut(&'a FieldUse) -> Option<Value<'a>>,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    match operand {
        Operand::Field(used) => field(used),
        Operand::Text(text) | Operand::Number(text) => Some(Value::Text(text)),
        Operand::Transform(transform) => apply(&transform.function, field, arena),
        Operand::List(items) => {
            let mut values = ArenaVec::with_capacity_in(items.len(), arena);
            for item in items {
                values.push(self::operand(item, field, arena)?);
            }
            Some(Value::List(values.into_bump_slice()))
        }
    }
}

/// The value of a transformer.
pub(crate) fn apply<'a>(
    function: &'a Function,
    field: &mut dyn FnMut(&'a FieldUse) -> Option<Value<'a>>,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    match function {
        Function::Tolower(x) => {
            let lower = |text: &'a [u8]| {
                let text = arena.alloc_slice_copy(text);
                text.make_ascii_lowercase();
                Some(&*text)
            };
            map(operand(x, field, arena)?, &lower, arena)
        }
        Function::Toupper(x) => {
            let upper = |text: &'a [u8]| {
                let text = arena.alloc_slice_copy(text);
                text.make_ascii_uppercase();
                Some(&*text)
            };
            map(operand(x, field, arena)?, &upper, arena)
        }
        // Text ends where a NUL is; bytes may hold any.
        Function::B64(x) if x.ty() != Type::ByteBuf => {
            let decode = |text| {
                let decoded = decode(text, arena)?;
                Some(memchr::memchr(0, decoded).map_or(decoded, |end| &decoded[..end]))
            };
            map(operand(x, field, arena)?, &decode, arena)
        }
        Function::B64(x) => map(
            operand(x, field, arena)?,
            &|text| decode(text, arena),
            arena,
        ),
        Function::Basename(x) => map(
            operand(x, field, arena)?,
            &|path| Some(basename(path)),
            arena,
        ),
        Function::Len(x) => match operand(x, field, arena)? {
            Value::Text(bytes) | Value::Bytes(bytes) => Some(Value::Uint(bytes.len() as u64)),
            Value::List(items) => Some(Value::Uint(items.len() as u64)),
            _ => None,
        },
        Function::Join { separator, items } => {
            let separator = text(operand(separator, field, arena)?)?;
            join(separator, operand(items, field, arena)?, arena)
        }
        Function::Concat(items) => {
            let mut joined = ArenaVec::new_in(arena);
            for item in items {
                joined.extend_from_slice(text(operand(item, field, arena)?)?);
            }
            Some(Value::Text(joined.into_bump_slice()))
        }
        Function::Getopt {
            words,
            options,
            wanted,
        } => {
            let Value::List(words) = operand(words, field, arena)? else {
                return None;
            };
            let options = text(operand(options, field, arena)?)?;
            getopt(words, options, wanted.as_deref(), arena)
        }
    }
}

/// Applies a function to a text, to bytes, or to each element of a list of texts.
fn map<'a>(
    value: Value<'a>,
    function: &dyn Fn(&'a [u8]) -> Option<&'a [u8]>,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    match value {
        Value::Text(text) => function(text).map(Value::Text),
        Value::Bytes(bytes) => function(bytes).map(Value::Bytes),
        Value::List(items) => {
            let mut mapped = ArenaVec::with_capacity_in(items.len(), arena);
            for item in items {
                mapped.push(map(*item, function, arena)?);
            }
            Some(Value::List(mapped.into_bump_slice()))
        }
        _ => None,
    }
}

fn text(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn basename(path: &[u8]) -> &[u8] {
    memchr::memrchr(b'/', path).map_or(path, |slash| &path[slash + 1..])
}

fn join<'a>(separator: &[u8], items: Value<'a>, arena: &'a Bump) -> Option<Value<'a>> {
    let Value::List(items) = items else {
        return None;
    };
    let mut joined = ArenaVec::new_in(arena);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            joined.extend_from_slice(separator);
        }
        match item {
            Value::Text(text) => joined.extend_from_slice(text),
            Value::Int(number) => {
                joined.extend_from_slice(bumpalo::format!(in arena, "{}", number).as_bytes());
            }
            Value::Uint(number) => {
                joined.extend_from_slice(bumpalo::format!(in arena, "{}", number).as_bytes());
            }
            _ => return None,
        }
    }
    Some(Value::Text(joined.into_bump_slice()))
}

/// Decodes base64, with or without padding.
fn decode<'a>(text: &[u8], arena: &'a Bump) -> Option<&'a [u8]> {
    let digits = match text {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] if text.len().is_multiple_of(4) => digits,
        digits => digits,
    };
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut decoded = ArenaVec::with_capacity_in(digits.len() / 4 * 3 + 2, arena);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for &digit in group {
            bits = bits << 6 | sextet(digit)?;
        }
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        decoded.extend_from_slice(&bytes[1..group.len()]);
    }
    Some(decoded.into_bump_slice())
}

fn sextet(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// The options among words, as `getopt` finds them: `options` names those there are, a colon behind one that takes a value.
/// Words that start with two dashes are passed over; `--` and the first word that is no option end the search.
///
/// Gives a list of the options' letters, each followed by its value if it takes one, `?` for one that does not exist, an empty
/// text for one whose value is not there; or, of the one that is wanted, the last value, its letter if it takes none.
fn getopt<'a>(
    words: &'a [Value<'a>],
    options: &[u8],
    wanted: Option<&str>,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    let mut found = ArenaVec::new_in(arena);
    let mut chosen = None;
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let mut letters = match text(word)? {
            b"--" => break,
            [b'-', b'-', ..] => continue,
            [b'-', letters @ ..] if !letters.is_empty() => letters,
            _ => break,
        };
        while let Some((letter, rest)) = letters.split_at_checked(1) {
            letters = rest;
            let is_wanted = wanted.is_none_or(|wanted| wanted.as_bytes() == letter);
            let Some(takes_value) = option(options, letter[0]) else {
                if wanted.is_none() {
                    found.push(Value::Text(b"?"));
                }
                continue;
            };
            let value = match takes_value {
                false => None,
                true if !rest.is_empty() => Some(rest),
                true => words.next().map(text).unwrap_or_default(),
            };
            let shown = if takes_value && value.is_none() {
                &b""[..]
            } else {
                letter
            };
            if is_wanted {
                chosen = Some(Value::Text(value.unwrap_or(shown)));
                found.push(Value::Text(shown));
                found.extend(value.map(Value::Text));
            }
            if takes_value {
                break;
            }
        }
    }
    match wanted {
        Some(_) => chosen,
        None => Some(Value::List(found.into_bump_slice())),
    }
}

/// Whether an option takes a value; `None`: there is no such option.
fn option(options: &[u8], letter: u8) -> Option<bool> {
    let at = options
        .iter()
        .position(|option| *option == letter && letter != b':')?;
    Some(options.get(at + 1) == Some(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_or_without_padding() {
        let arena = Bump::new();
        for (text, expected) in [
            ("", Some("")),
            ("aGVsbG8=", Some("hello")),
            ("aGVsbG8", Some("hello")),
            ("aGVsbA==", Some("hell")),
            ("aGVsbA", Some("hell")),
            ("aGVs", Some("hel")),
            ("a", None),
            ("aGVs!", None),
            ("aG=s", None),
            ("aGVsbG8==", None),
        ] {
            assert_eq!(
                decode(text.as_bytes(), &arena),
                expected.map(str::as_bytes),
                "{text}"
            );
        }
    }

    #[test]
    fn options_are_found_with_their_values() {
        let arena = Bump::new();
        let run = |words: &[&str], options: &str, wanted: Option<&str>| {
            let words: Vec<_> = words
                .iter()
                .map(|word| Value::Text(word.as_bytes()))
                .collect();
            let show =
                |value: Value<'_>| String::from_utf8_lossy(text(value).unwrap()).into_owned();
            getopt(&words, options.as_bytes(), wanted, &arena).map(|value| match value {
                Value::List(items) => items
                    .iter()
                    .map(|item| show(*item))
                    .collect::<Vec<_>>()
                    .join(","),
                value => show(value),
            })
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(run(&["-t", "hello"], "nt:", None), some("t,hello"));
        assert_eq!(run(&["-nt", "hello"], "nt:", None), some("n,t,hello"));
        assert_eq!(run(&["-x", "--", "-n"], "nt:", None), some("?"));
        assert_eq!(run(&["-thello", "x", "-n"], "nt:", None), some("t,hello"));
        assert_eq!(run(&["--long", "-n"], "nt:", None), some("n"));
        assert_eq!(run(&["-", "-n"], "nt:", None), some(""));
        assert_eq!(run(&["-nt"], ":nt:", None), some("n,"));
        assert_eq!(run(&["-t", "a", "-tb"], "nt:", Some("t")), some("b"));
        assert_eq!(run(&["-:"], "nt:", None), some("?"));
        assert_eq!(run(&["-t"], "nt:", Some("t")), some(""));
        assert_eq!(run(&["-t", "hello"], "nt:", Some("t")), some("hello"));
        assert_eq!(run(&["-n"], "nt:", Some("n")), some("n"));
        assert_eq!(run(&["-n"], "nt:", Some("t")), None);
    }
}
