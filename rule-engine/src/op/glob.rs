//! Shell patterns over whole values, byte by byte: fnmatch without flags, so `*` crosses slashes and leading dots.
//!
//! Sources: POSIX fnmatch, with glibc's choices where POSIX leaves one: an unclosed `[` is a literal, a backslash at the end
//! never matches, `[^x]` negates as `[!x]` does.

use bumpalo::Bump;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    tokens: Box<[Token]>,
}

#[derive(Clone, Copy, Debug)]
enum Token {
    /// Exactly this byte.
    Byte(u8),
    /// One byte of either case; held in lower case.
    Letter(u8),
    /// Any one byte.
    One,
    /// Any run of bytes.
    Run,
    /// One byte of a set.
    Set(ByteSet),
    /// Nothing at all.
    Never,
}

/// A bit for each byte.
type ByteSet = [u64; 4];

impl Glob {
    /// Compiles a pattern; every text is one.
    pub(crate) fn new(pattern: &[u8], ignore_case: bool) -> Self {
        let mut tokens = Vec::new();
        read(pattern, ignore_case, |token| tokens.push(token));
        Self {
            tokens: tokens.into(),
        }
    }

    /// Whether the whole value fits.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        run(&self.tokens, value)
    }
}

/// Whether a value fits a pattern that is known only now; needs no memory but the arena's.
pub fn matches_once(pattern: &[u8], ignore_case: bool, value: &[u8], arena: &Bump) -> bool {
    let mut tokens = bumpalo::collections::Vec::new_in(arena);
    read(pattern, ignore_case, |token| tokens.push(token));
    run(&tokens, value)
}

fn run(tokens: &[Token], value: &[u8]) -> bool {
    // On a mismatch only the last run can grow: an earlier one has already matched as little as it may.
    let (mut at, mut token) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match tokens.get(token) {
            Some(Token::Run) => {
                retry = Some((at, token));
                token += 1;
                continue;
            }
            Some(one) if value.get(at).is_some_and(|&byte| one.fits(byte)) => {
                at += 1;
                token += 1;
                continue;
            }
            None if at == value.len() => return true,
            _ => {}
        }
        match &mut retry {
            Some((from, run)) if *from < value.len() => {
                *from += 1;
                at = *from;
                token = *run + 1;
            }
            _ => return false,
        }
    }
}

fn read(pattern: &[u8], ignore_case: bool, mut push: impl FnMut(Token)) {
    let mut rest = pattern;
    let mut behind_run = false;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'*' {
            if !behind_run {
                push(Token::Run);
            }
            behind_run = true;
            continue;
        }
        behind_run = false;
        push(match first {
            b'?' => Token::One,
            b'\\' => match rest.split_first() {
                Some((&quoted, tail)) => {
                    rest = tail;
                    literal(quoted, ignore_case)
                }
                None => Token::Never,
            },
            b'[' => match bracket(rest, ignore_case) {
                Some((token, tail)) => {
                    rest = tail;
                    token
                }
                None => literal(b'[', ignore_case),
            },
            byte => literal(byte, ignore_case),
        });
    }
}

impl Token {
    fn fits(&self, byte: u8) -> bool {
        match self {
            Self::Byte(expected) => byte == *expected,
            Self::Letter(expected) => byte.to_ascii_lowercase() == *expected,
            Self::One => true,
            Self::Set(set) => set[usize::from(byte / 64)] >> (byte % 64) & 1 == 1,
            Self::Run | Self::Never => false,
        }
    }
}

fn literal(byte: u8, ignore_case: bool) -> Token {
    if ignore_case && byte.is_ascii_alphabetic() {
        Token::Letter(byte.to_ascii_lowercase())
    } else {
        Token::Byte(byte)
    }
}

/// Reads a bracket expression behind its `[`; `None` where it is not closed.
fn bracket(text: &[u8], ignore_case: bool) -> Option<(Token, &[u8])> {
    let negated = matches!(text.first(), Some(b'!' | b'^'));
    let mut rest = &text[usize::from(negated)..];
    let fold = |byte: u8| {
        if ignore_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    let mut set: ByteSet = [0; 4];
    let add = |set: &mut ByteSet, byte: u8| set[usize::from(byte / 64)] |= 1 << (byte % 64);
    let mut valid = true;
    let mut first = true;
    loop {
        if rest.first() == Some(&b']') && !first {
            rest = &rest[1..];
            break;
        }
        first = false;
        if let Some((name, tail)) = class_name(rest) {
            rest = tail;
            match class(name) {
                Some(member) => {
                    (0..=255u8)
                        .filter(member)
                        .for_each(|byte| add(&mut set, byte));
                }
                None => valid = false,
            }
            continue;
        }
        let low = element(&mut rest)?;
        let high = match rest {
            [b'-', next, ..] if *next != b']' => {
                rest = &rest[1..];
                element(&mut rest)?
            }
            _ => low,
        };
        for byte in 0..=255u8 {
            if (fold(low)..=fold(high)).contains(&fold(byte)) {
                add(&mut set, byte);
            }
        }
    }
    if negated {
        set.iter_mut().for_each(|bits| *bits = !*bits);
    }
    Some((if valid { Token::Set(set) } else { Token::Never }, rest))
}

/// One character of a bracket expression: plain, behind a backslash, or as `[.x.]` or `[=x=]`.
fn element(rest: &mut &[u8]) -> Option<u8> {
    let (byte, tail) = match **rest {
        [b'[', open @ (b'.' | b'='), byte, close, b']', ..] if open == close => (byte, &rest[5..]),
        [b'\\', byte, ..] => (byte, &rest[2..]),
        [b'\\'] | [] => return None,
        [byte, ..] => (byte, &rest[1..]),
    };
    *rest = tail;
    Some(byte)
}

fn class_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = text.strip_prefix(b"[:")?;
    let len = name.iter().take_while(|c| c.is_ascii_lowercase()).count();
    let tail = name[len..].strip_prefix(b":]")?;
    Some((&name[..len], tail))
}

fn class(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |c| matches!(c, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |c| c.is_ascii_graphic() || *c == b' ',
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |c| c.is_ascii_whitespace() || *c == 0x0b,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_values() {
        for (pattern, value, expected) in [
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("*", ".hid", true),
            ("/*.txt", "/home/file.txt", true),
            ("/home/[!x]ile.txt", "/home/file.txt", true),
            ("/home/[^x]ile.txt", "/home/file.txt", true),
            ("/home/[[:alpha:]]ile.txt", "/home/file.txt", true),
            ("/home/file.{txt,md}", "/home/file.txt", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("[", "[", true),
            ("[a", "[a", true),
            ("a[", "a[", true),
            ("[]a]", "]", true),
            ("[!]a]", "b", true),
            ("[a-c]x", "bx", true),
            ("[c-a]x", "bx", false),
            ("[a-]", "-", true),
            ("[a\\]b]", "]", true),
            ("[[.a.]]", "a", true),
            ("[[:nosuch:]]", "a", false),
            ("[[:nosuch:]a]", "a", false),
            ("a\\", "a", false),
            ("a\\", "a\\", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("**ab", "aab", true),
            ("a*", "b", false),
            ("?", "\u{e9}", false),
            ("??", "\u{e9}", true),
        ] {
            let glob = Glob::new(pattern.as_bytes(), false);
            assert_eq!(
                glob.matches(value.as_bytes()),
                expected,
                "{pattern} on {value}"
            );
        }
    }

    #[test]
    fn case_is_ignored_on_demand() {
        for (pattern, value, expected) in [
            ("/USR/*", "/usr/bin", true),
            ("[A-C]x", "bX", true),
            ("[a]", "A", true),
            ("\\A", "a", true),
            ("[!A]", "a", false),
        ] {
            let glob = Glob::new(pattern.as_bytes(), true);
            assert_eq!(
                glob.matches(value.as_bytes()),
                expected,
                "{pattern} on {value}"
            );
            assert!(!Glob::new(b"/USR/*", false).matches(b"/usr/bin"));
        }
    }

    #[test]
    fn many_runs_take_no_exponential_time() {
        let pattern = "a*".repeat(100) + "b";
        assert!(!Glob::new(pattern.as_bytes(), false).matches(&[b'a'; 4096]));
    }
}
