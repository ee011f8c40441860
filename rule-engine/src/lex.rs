//! Cuts the text of a condition into tokens, one at a time, as the parser asks for them.
//!
//! In: the text. Out: tokens as long as they match. Never: a decision about grammar; which token may stand where is the
//! parser's business, since the language has no reserved words.

use crate::diagnostic::{Code, Finding};
use crate::source::{TextId, TextRange};

/// A position in a text and the token read last.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    id: TextId,
    pos: usize,
    last: (usize, usize),
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of `text`.
    pub(crate) fn new(text: &'a str, id: TextId) -> Self {
        Self {
            text,
            id,
            pos: 0,
            last: (0, 0),
        }
    }

    /// Where the next token would start, in bytes.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// Goes back to a position that [`Lexer::pos`] gave.
    pub(crate) fn rewind(&mut self, pos: usize) {
        self.pos = pos;
    }

    /// Whether the whole text is used.
    pub(crate) fn at_end(&self) -> bool {
        self.pos == self.text.len()
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    /// The token read last.
    pub(crate) fn last_token(&self) -> &'a str {
        self.text.get(self.last.0..self.last.1).unwrap_or_default()
    }

    /// The range from `start` to the end of what is read.
    pub(crate) fn range_from(&self, start: usize) -> TextRange {
        self.range(start, self.pos)
    }

    /// A range of this text.
    pub(crate) fn range(&self, start: usize, end: usize) -> TextRange {
        // Texts are far smaller than 4 GiB: the reader limits files to less.
        TextRange {
            text: self.id,
            start: start as u32,
            end: end as u32,
        }
    }

    /// An error at the next token: the word that stands there, or the end of the text.
    pub(crate) fn error_here(&self, message: impl Into<String>) -> Finding {
        let rest = self.rest();
        let word = rest.find(is_blank_char).unwrap_or(rest.len());
        self.error(self.range(self.pos, self.pos + word), message)
    }

    /// An error at a place.
    pub(crate) fn error(&self, range: TextRange, message: impl Into<String>) -> Finding {
        Finding {
            code: Code::CompileCondition,
            message: message.into(),
            range,
            trail: Vec::new(),
            help: None,
            unknown_filter: false,
        }
    }

    /// Skips blanks; tells whether there was one.
    pub(crate) fn blank(&mut self) -> bool {
        let rest = self.rest();
        let skipped = rest.len() - rest.trim_start_matches(is_blank_char).len();
        self.pos += skipped;
        skipped > 0
    }

    /// Takes a `not` with white space behind it.
    pub(crate) fn not(&mut self) -> bool {
        let Some(behind) = self.rest().strip_prefix("not") else {
            return false;
        };
        let spaces = behind.len() - behind.trim_start_matches(is_space_char).len();
        if spaces > 0 {
            self.take("not".len() + spaces);
        }
        spaces > 0
    }

    /// Takes exactly `word` if it stands here, whatever follows it.
    pub(crate) fn eat(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.take(word.len());
        }
        found
    }

    /// A letter, then letters, digits and underscores.
    pub(crate) fn identifier(&mut self) -> Option<&'a str> {
        let len = identifier_len(self.rest().as_bytes());
        (len > 0).then(|| self.take(len))
    }

    /// Two or more identifiers with dots between them.
    pub(crate) fn field_name(&mut self) -> Option<&'a str> {
        let rest = self.rest().as_bytes();
        let first = identifier_len(rest);
        let mut len = first;
        while first > 0 && rest.get(len) == Some(&b'.') {
            match identifier_len(&rest[len + 1..]) {
                0 => break,
                part => len += 1 + part,
            }
        }
        (len > first).then(|| self.take(len))
    }

    /// A hexadecimal or decimal number token.
    pub(crate) fn number(&mut self) -> Option<&'a str> {
        let rest = self.rest().as_bytes();
        let len = match hex_len(rest) {
            0 => decimal_len(rest),
            len => len,
        };
        (len > 0).then(|| self.take(len))
    }

    /// A word without quotes.
    pub(crate) fn bare(&mut self) -> Option<&'a str> {
        self.run_of(|c| !is_space_char(c) && !matches!(c, '(' | ')' | ',' | '=' | '"' | '\''))
    }

    /// A field's argument without quotes.
    pub(crate) fn bare_argument(&mut self) -> Option<&'a str> {
        self.run_of(|c| !is_space_char(c) && !matches!(c, '[' | ']' | '"' | '\''))
    }

    /// A string in quotes, decoded. `None` where no string starts or the string is never closed.
    ///
    /// # Errors
    /// An escape that does not exist.
    pub(crate) fn quoted(&mut self) -> Result<Option<Box<[u8]>>, Finding> {
        let rest = self.rest().as_bytes();
        let Some(&quote @ (b'"' | b'\'')) = rest.first() else {
            return Ok(None);
        };
        // Only the one character before a quote tells whether it closes: a string cannot end in an escaped backslash.
        let Some(len) = (1..rest.len()).find(|&i| rest[i] == quote && rest[i - 1] != b'\\') else {
            return Ok(None);
        };
        let start = self.pos;
        let content = self.take(len + 1).as_bytes();
        self.unescape(&content[1..len], quote, start + 1).map(Some)
    }

    fn unescape(&self, content: &[u8], quote: u8, start: usize) -> Result<Box<[u8]>, Finding> {
        let mut value = Vec::with_capacity(content.len());
        let mut i = 0;
        while i < content.len() {
            if content[i] != b'\\' {
                value.push(content[i]);
                i += 1;
                continue;
            }
            let escape = &content[i + 1..];
            match decode_escape(escape, quote) {
                Some((byte, used)) => {
                    value.push(byte);
                    i += 1 + used;
                }
                None => return Err(self.bad_escape(escape, quote, start + i)),
            }
        }
        Ok(value.into())
    }

    fn bad_escape(&self, escape: &[u8], quote: u8, at: usize) -> Finding {
        let rest = self.text.get(at + 1..).unwrap_or_default();
        let next = rest.chars().next().unwrap_or_default();
        let range = self.range(at, at + 1 + next.len_utf8());
        if matches!(escape.first(), Some(b'"' | b'\'')) {
            let message = format!(
                "invalid \\{next} escape in {}-quoted string",
                char::from(quote)
            );
            return self.error(range, message);
        }
        let mut finding = self.error(
            range,
            format!("unsupported string escape sequence: \\{next}"),
        );
        finding.help = Some(match next {
            'x' => "write exactly two hexadecimal digits after \\x".to_owned(),
            _ => format!("write \\\\{next} for a backslash followed by {next}"),
        });
        finding
    }

    fn run_of(&mut self, member: impl Fn(char) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let len = rest.find(|c| !member(c)).unwrap_or(rest.len());
        (len > 0).then(|| self.take(len))
    }

    fn take(&mut self, len: usize) -> &'a str {
        self.last = (self.pos, self.pos + len);
        self.pos += len;
        self.last_token()
    }
}

/// Whether a character separates tokens. Backspace does, a no-break space does not.
pub(crate) fn is_blank_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{8}' | '\r' | '\n')
}

/// Whether a character ends a word: white space as POSIX knows it. Falco's words end at other characters than those that
/// it skips between them: a vertical tab ends a word and is skipped nowhere, a backspace is skipped but ends no word.
fn is_space_char(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// The byte that the text behind a backslash stands for, and how many bytes of that text it uses.
fn decode_escape(escape: &[u8], quote: u8) -> Option<(u8, usize)> {
    let byte = match *escape.first()? {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'\\' | b' ' => b'\\',
        b'/' => b'/',
        c @ (b'"' | b'\'') if c == quote => c,
        b'x' => {
            let digit = |i: usize| escape.get(i).and_then(|&c| char::from(c).to_digit(16));
            return Some(((digit(1)? * 16 + digit(2)?) as u8, 3));
        }
        _ => return None,
    };
    Some((byte, 1))
}

fn identifier_len(text: &[u8]) -> usize {
    if !text.first().is_some_and(u8::is_ascii_alphabetic) {
        return 0;
    }
    text.iter()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == b'_')
        .count()
}

fn hex_len(text: &[u8]) -> usize {
    let [b'0', b'x' | b'X', digits @ ..] = text else {
        return 0;
    };
    match digits
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric())
        .count()
    {
        0 => 0,
        len => 2 + len,
    }
}

fn decimal_len(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text.iter()
            .skip(from)
            .take_while(|c| c.is_ascii_digit())
            .count()
    };
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let mut len = sign + whole;
    if text.get(len) == Some(&b'.') {
        len += 1 + digits(len + 1);
    }
    if matches!(text.get(len), Some(b'e' | b'E')) && matches!(text.get(len + 1), Some(b'+' | b'-'))
    {
        match digits(len + 2) {
            0 => {}
            exponent => len += 2 + exponent,
        }
    }
    len
}
