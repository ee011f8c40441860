//! Which byte of a file each byte of a decoded scalar came from.
//!
//! In: the file, the place of a scalar, its style, and its text as YAML decoded it. Out: the text with its places. Never: decoding:
//! the text given is right whatever this finds, and where the two cannot be brought together the rest of the text points at
//! the rest of the scalar.
//!
//! The file is taken apart into units: characters, escapes, line breaks, with indentation and the blanks around breaks already
//! left out as the style wants it. Decoding then only folds breaks: each is kept, becomes a space, or vanishes.

use granit_parser::ScalarStyle;

use crate::source::Span;
use crate::text::MappedText;

/// A part of the scalar as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unit {
    /// First byte in the file.
    at: usize,
    /// Bytes in the file.
    len: usize,
    kind: UnitKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnitKind {
    /// Stands for itself.
    Char(char),
    /// Stands for one character, whichever.
    Escape,
    /// Ends a line.
    Break,
}

/// Finds the place of each byte of `decoded`, the text of the scalar at `span`.
pub(super) fn scalar(file: &str, span: Span, style: ScalarStyle, decoded: &str) -> MappedText {
    let range = span.start as usize..(span.end as usize).min(file.len());
    let raw = file.get(range).unwrap_or_default();
    let quotes = usize::from(matches!(
        style,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
    ));
    let inner = raw
        .get(quotes..raw.len().saturating_sub(quotes))
        .unwrap_or_default();
    let offset = span.start as usize + quotes;
    if inner == decoded && !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        return MappedText::verbatim(decoded, span.source, offset);
    }
    let units = match style {
        ScalarStyle::Literal | ScalarStyle::Folded => block(file, span, decoded),
        _ => flow(inner, offset, style),
    };
    align(&units, decoded, span)
}

/// Walks along units and decoded text together.
fn align(units: &[Unit], decoded: &str, span: Span) -> MappedText {
    let mut text = MappedText::default();
    let mut units = units.iter().copied().peekable();
    let mut chars = decoded.char_indices().peekable();
    let mut letter = [0; 4];
    while let Some(&(at, c)) = chars.peek() {
        let Some(unit) = units.next() else {
            text.push_made(
                &decoded[at..],
                Span {
                    start: span.end.saturating_sub(1).max(span.start),
                    ..span
                },
            );
            break;
        };
        let (start, end) = (unit.at as u32, (unit.at + unit.len) as u32);
        match unit.kind {
            UnitKind::Char(own) if own == c => {
                text.push_verbatim(c.encode_utf8(&mut letter), span.source, unit.at)
            }
            UnitKind::Escape => {
                text.push_made(c.encode_utf8(&mut letter), Span { start, end, ..span })
            }
            UnitKind::Break if c == '\n' || c == ' ' => {
                text.push_made(c.encode_utf8(&mut letter), Span { start, end, ..span });
            }
            UnitKind::Break => continue,
            UnitKind::Char(_) => {
                text.push_made(&decoded[at..], Span { start, ..span });
                break;
            }
        }
        chars.next();
    }
    text
}

/// Units of a literal or folded block, indentation left out.
fn block(file: &str, span: Span, decoded: &str) -> Vec<Unit> {
    let end = (span.end as usize).min(file.len());
    let start = block_start(&file[..(span.start as usize).min(end)], decoded);
    let body = &file[start..end];
    let indentation = |text: &str| {
        let line = text
            .lines()
            .find(|line| !line.trim_matches([' ', '\r']).is_empty())?;
        Some(line.len() - line.trim_start_matches(' ').len())
    };
    // The first line with content gives the block's indentation: what it has in the file more than in the decoded text.
    let indent = indentation(body)
        .unwrap_or(0)
        .saturating_sub(indentation(decoded).unwrap_or(0));
    let mut units = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        at += body[at..]
            .bytes()
            .take(indent)
            .take_while(|byte| *byte == b' ')
            .count();
        let end = body[at..]
            .find(['\n', '\r'])
            .map_or(body.len(), |len| at + len);
        push_chars(&mut units, &body[at..end], start + at);
        at = end + line_break(&body[end..]);
        if at > end {
            units.push(Unit {
                at: start + end,
                len: at - end,
                kind: UnitKind::Break,
            });
        }
    }
    units
}

/// Start of the block's first line: the parser's place lies behind the indentation, and behind empty lines at the start.
fn block_start(before: &str, decoded: &str) -> usize {
    let line_start = |end: usize| before[..end].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let mut start = line_start(before.len());
    let empty_lines = decoded.len() - decoded.trim_start_matches('\n').len();
    for _ in 0..empty_lines {
        let end = before[..start]
            .strip_suffix("\r\n")
            .or(before[..start].strip_suffix(['\n', '\r']));
        let Some(end) = end.map(str::len) else { break };
        let previous = line_start(end);
        if !before[previous..end].bytes().all(|byte| byte == b' ') {
            break;
        }
        start = previous;
    }
    start
}

/// Units of a plain or quoted scalar: blanks around line breaks left out, escapes as one unit.
fn flow(inner: &str, offset: usize, style: ScalarStyle) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::with_capacity(inner.len());
    // Blanks at the end of `units` that vanish should a line break follow.
    let mut loose = 0;
    let mut at = 0;
    while let Some(c) = inner[at..].chars().next() {
        let rest = &inner[at..];
        let (len, kind) = match c {
            '\'' if style == ScalarStyle::SingleQuoted => (2, UnitKind::Escape),
            '\\' if style == ScalarStyle::DoubleQuoted => {
                let broken = line_break(&rest[1..]);
                if broken > 0 {
                    at += 1 + broken + blanks(&rest[1 + broken..]);
                    loose = 0;
                    continue;
                }
                (escape_len(rest), UnitKind::Escape)
            }
            '\n' | '\r' => {
                units.truncate(units.len() - loose);
                let len = line_break(rest);
                units.push(Unit {
                    at: offset + at,
                    len,
                    kind: UnitKind::Break,
                });
                at += len + blanks(&rest[len..]);
                loose = 0;
                continue;
            }
            c => (c.len_utf8(), UnitKind::Char(c)),
        };
        loose = if matches!(kind, UnitKind::Char(' ' | '\t')) {
            loose + 1
        } else {
            0
        };
        units.push(Unit {
            at: offset + at,
            len: len.min(rest.len()),
            kind,
        });
        at += len.min(rest.len());
    }
    units
}

fn push_chars(units: &mut Vec<Unit>, line: &str, offset: usize) {
    units.extend(line.char_indices().map(|(at, c)| Unit {
        at: offset + at,
        len: c.len_utf8(),
        kind: UnitKind::Char(c),
    }));
}

/// Length of the line break that the text starts with.
fn line_break(text: &str) -> usize {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Length of an escape in double quotes, its backslash included.
fn escape_len(text: &str) -> usize {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(c) => 1 + c.len_utf8(),
        None => 1,
    }
}

#[cfg(test)]
mod tests;
