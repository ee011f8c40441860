//! Regular expressions as RE2 reads them in POSIX mode, matched against whole values.
//!
//! In: a pattern. Out: whether a value fits. The pattern is read by RE2's rules and rewritten for the `regex` crate: what RE2
//! refuses (`(?i)`, `\d`, `\b`, …) is refused, and what it takes otherwise than Perl (`a*?` is `(a*)?`, `^` and `$` match at
//! every line) keeps its meaning. Whether a whole value fits does not depend on which of several matches is preferred.
//! Sources: RE2's documented syntax and its flags in POSIX mode.

use std::fmt::Write as _;

use bumpalo::Bump;
use regex::Regex;

/// The largest count in braces, and the largest product of counts that contain each other.
const MAX_REPEAT: u32 = 1000;

/// How deep groups may nest.
const MAX_DEPTH: usize = 100;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(pattern: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(pattern).map_err(|_| "invalid UTF-8".to_owned())?;
        let translated = Translator::default().translate(text)?;
        let regex = Regex::new(&format!(r"(?m)\A(?:{translated})\z")).map_err(|why| match why {
            regex::Error::CompiledTooBig(limit) => {
                format!("needs more than {limit} bytes when compiled")
            }
            _ => "cannot be compiled".to_owned(),
        })?;
        Ok(Self { regex })
    }

    /// Whether the whole value fits; bytes that are no UTF-8 count as U+FFFD.
    pub(crate) fn matches(&self, value: &[u8], arena: &Bump) -> bool {
        match std::str::from_utf8(value) {
            Ok(text) => self.regex.is_match(text),
            Err(_) => {
                let mut text =
                    bumpalo::collections::String::with_capacity_in(value.len() + 2, arena);
                for chunk in value.utf8_chunks() {
                    text.push_str(chunk.valid());
                    if !chunk.invalid().is_empty() {
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                }
                self.regex.is_match(&text)
            }
        }
    }
}

/// Rewrites a pattern; `out` grows to the right, and the last operand can still be wrapped.
#[derive(Default)]
struct Translator {
    out: String,
    /// Where in `out` the operand starts that a repetition would repeat.
    operand: Option<Operand>,
    /// Open groups: where each starts in `out`, and the largest product of counts left of the cursor in it.
    groups: Vec<(usize, u32)>,
    /// The largest product of counts in the current group.
    repeats: u32,
}

#[derive(Clone, Copy)]
struct Operand {
    start: usize,
    /// Product of the counts nested in it.
    repeats: u32,
}

impl Translator {
    fn translate(mut self, pattern: &str) -> Result<String, String> {
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            let tail = &rest[c.len_utf8()..];
            rest = match c {
                '(' => self.open(tail)?,
                ')' => self.close(tail)?,
                '|' => {
                    self.out.push('|');
                    self.operand = None;
                    tail
                }
                '*' | '+' | '?' => {
                    self.repeat(&c.to_string(), 1)?;
                    tail
                }
                '{' => self.brace(tail)?,
                '.' => self.push("[^\\n]", tail),
                '^' => self.push("(?:^)", tail),
                '$' => self.push("(?:$)", tail),
                '[' => {
                    let (class, tail) = class(tail)?;
                    self.push(&class, tail)
                }
                '\\' => {
                    let (literal, tail) = escape(tail)?;
                    self.push(&code(literal), tail)
                }
                literal => self.push(&code(literal), tail),
            };
        }
        if !self.groups.is_empty() {
            return Err("missing closing )".to_owned());
        }
        Ok(self.out)
    }

    fn push<'t>(&mut self, operand: &str, tail: &'t str) -> &'t str {
        self.operand = Some(Operand {
            start: self.out.len(),
            repeats: 1,
        });
        self.out.push_str(operand);
        tail
    }

    fn open<'t>(&mut self, tail: &'t str) -> Result<&'t str, String> {
        if self.groups.len() >= MAX_DEPTH {
            return Err(format!("groups nest deeper than {MAX_DEPTH}"));
        }
        self.groups.push((self.out.len(), self.repeats));
        self.out.push_str("(?:");
        self.operand = None;
        self.repeats = 1;
        Ok(tail)
    }

    fn close<'t>(&mut self, tail: &'t str) -> Result<&'t str, String> {
        let Some((start, outer)) = self.groups.pop() else {
            return Err("unexpected )".to_owned());
        };
        self.out.push(')');
        self.operand = Some(Operand {
            start,
            repeats: self.repeats.max(1),
        });
        self.repeats = outer.max(self.repeats);
        Ok(tail)
    }

    /// Wraps the last operand with a repetition; repetitions may be repeated again.
    fn repeat(&mut self, suffix: &str, count: u32) -> Result<(), String> {
        let Some(operand) = &mut self.operand else {
            return Err(format!("no argument for repetition operator: {suffix}"));
        };
        operand.repeats = operand.repeats.saturating_mul(count.max(1));
        if operand.repeats > MAX_REPEAT {
            return Err(format!(
                "invalid repetition size: {suffix}, all in all at most {MAX_REPEAT}"
            ));
        }
        self.repeats = self.repeats.max(operand.repeats);
        self.out.insert_str(operand.start, "(?:");
        self.out.push(')');
        self.out.push_str(suffix);
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is a literal brace.
    fn brace<'t>(&mut self, tail: &'t str) -> Result<&'t str, String> {
        let Some((low, high, rest)) = counts(tail) else {
            return Ok(self.push(&code('{'), tail));
        };
        let suffix = &tail[..tail.len() - rest.len()];
        let most = high.unwrap_or(low);
        if low > MAX_REPEAT || most > MAX_REPEAT || most < low {
            return Err(format!("invalid repetition size: {{{suffix}"));
        }
        self.repeat(&format!("{{{suffix}"), most)?;
        Ok(rest)
    }
}

/// Reads what stands behind `{`: the least count, the greatest (`None`: none), and the text behind `}`.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (low, rest) = count(text)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((low, Some(low), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((low, None, rest));
    }
    let (high, rest) = count(rest)?;
    Some((low, Some(high), rest.strip_prefix('}')?))
}

fn count(text: &str) -> Option<(u32, &str)> {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    (len > 0 && !leading_zero).then(|| (digits.parse().unwrap_or(u32::MAX), rest))
}

/// Reads a bracket expression behind its `[`.
fn class(text: &str) -> Result<(String, &str), String> {
    let missing = || "missing closing ]".to_owned();
    let mut out = String::from("[");
    let mut rest = text;
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    loop {
        if rest.is_empty() {
            return Err(missing());
        }
        if let Some(tail) = rest.strip_prefix(']')
            && !first
        {
            out.push(']');
            return Ok((out, tail));
        }
        if rest.starts_with('-') && !first && !rest.starts_with("-]") {
            return Err(format!(
                "invalid character class range: {}",
                prefix(rest, 2)
            ));
        }
        first = false;
        if let Some((name, tail)) = named_class(rest) {
            if !NAMED.contains(&name.trim_start_matches('^')) {
                return Err(format!("invalid character class range: [:{name}:]"));
            }
            let _ = write!(out, "[:{name}:]");
            rest = tail;
            continue;
        }
        let start = rest;
        let (low, tail) = class_character(rest)?;
        rest = tail;
        let mut high = low;
        if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
            (high, rest) = class_character(&rest[1..])?;
        }
        if high < low {
            return Err(format!(
                "invalid character class range: {}",
                &start[..start.len() - rest.len()]
            ));
        }
        let _ = write!(out, "{}-{}", code(low), code(high));
    }
}

/// `[:name:]` at the start of a text, with or without `^`; what is not closed is none.
fn named_class(text: &str) -> Option<(&str, &str)> {
    let name = text.strip_prefix("[:")?;
    let end = name.find(":]")?;
    Some((&name[..end], &name[end + 2..]))
}

const NAMED: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

fn class_character(text: &str) -> Result<(char, &str), String> {
    match text.chars().next() {
        None => Err("missing closing ]".to_owned()),
        Some('\\') => escape(&text[1..]),
        Some(c) => Ok((c, &text[c.len_utf8()..])),
    }
}

/// Reads an escape behind its backslash.
fn escape(text: &str) -> Result<(char, &str), String> {
    let Some(c) = text.chars().next() else {
        return Err("trailing \\".to_owned());
    };
    let bad = || format!("invalid escape sequence: \\{c}");
    let rest = &text[c.len_utf8()..];
    let simple = match c {
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hexadecimal(rest).ok_or_else(bad),
        // A single digit other than 0 would be a back reference.
        '1'..='7' if !rest.starts_with(|c| matches!(c, '0'..='7')) => return Err(bad()),
        '0'..='7' => {
            let len = text
                .bytes()
                .take(3)
                .take_while(|c| matches!(c, b'0'..=b'7'))
                .count();
            let octal = u32::from_str_radix(&text[..len], 8)
                .ok()
                .and_then(char::from_u32);
            return octal.map(|c| (c, &text[len..])).ok_or_else(bad);
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(bad()),
    };
    Ok((simple, rest))
}

/// Two hexadecimal digits, or any number of them in braces.
fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some((char::from_u32(value)?, rest))
}

fn code(c: char) -> String {
    format!("\\x{{{:X}}}", u32::from(c))
}

fn prefix(text: &str, chars: usize) -> &str {
    let end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(i, _)| i);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, value: &[u8]) -> bool {
        Pattern::new(pattern.as_bytes())
            .expect(pattern)
            .matches(value, &Bump::new())
    }

    #[test]
    fn whole_values_fit() {
        for (pattern, value, expected) in [
            ("usr", "/usr/bin", false),
            ("^/home/file.txt$", "/home/file.txt", true),
            ("/home/file\\.txt", "/home/file.txt", true),
            ("/home/file\\.txt", "/home/fileXtxt", false),
            ("a.b", "a\nb", false),
            ("a[^x]b", "a\nb", true),
            ("a$[^x]^b", "a\nb", true),
            ("", "", true),
            ("", "x", false),
            ("a|ab", "ab", true),
            ("(a|b)*c", "ababc", true),
            ("a||b", "", true),
            ("()", "", true),
            ("a*?", "", true),
            ("a*?", "aaa", true),
            ("a+?", "", true),
            ("a**", "aaa", true),
            ("a{2}{3}", "aaaaaa", true),
            ("a{2,3}", "aaa", true),
            ("a{,3}", "a{,3}", true),
            ("a{02}", "a{02}", true),
            ("{", "{", true),
            ("^*a", "a", true),
            ("[]a]", "]", true),
            ("[^]a]", "b", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[[:digit:]]+", "123", true),
            ("[[:^digit:]]+", "ab", true),
            ("[[:word:]-]+", "a-b", true),
            ("[\\]]", "]", true),
            ("\\x41\\101\\x{42}", "AAB", true),
            ("\\/\\-\\.\\_[\\_]", "/-.__", true),
            (".", "é", true),
            ("..", "é", false),
            ("[é-ü]", "í", true),
        ] {
            assert_eq!(
                fits(pattern, value.as_bytes()),
                expected,
                "{pattern} on {value}"
            );
        }
        assert!(fits("a.b", b"a\xffb"));
        assert!(fits("a\u{fffd}b", b"a\xffb"));
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in [
            "(?i)x",
            "\\w+",
            "\\d",
            "\\s",
            "\\bx",
            "\\A",
            "\\z",
            "\\pL",
            "\\Qx\\E",
            "(?:x)",
            "*a",
            "a|*",
            "(*)",
            "(a",
            "a)",
            "[a",
            "[a-b-c]",
            "[b-a]",
            "[[:nosuch:]]",
            "\\",
            "\\1",
            "\\8",
            "\\x4",
            "a{2,1}",
            "a{1001}",
            "(a{100}){100}",
            "[\\d]",
        ] {
            assert!(Pattern::new(pattern.as_bytes()).is_err(), "{pattern}");
        }
        assert!(Pattern::new(b"\xff").is_err());
        assert!(Pattern::new("(".repeat(255).as_bytes()).is_err());
    }
}
