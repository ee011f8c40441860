//! Lists are put into conditions as text, before a condition is parsed.
//!
//! In: the lists as collected; a condition. Out: the condition with the items in the place of the names. Never: regard for what
//! the text means: a name is replaced wherever it stands as a whole word, also within quotes.
//!
//! Sources: `rule_loader_compiler.cpp` of Falco, whose every blank this keeps.

use memchr::memmem::Finder;

use crate::collect::Collection;
use crate::diagnostic::{Code, Diagnostic};
use crate::read::item::Text;
use crate::source::Span;
use crate::text::MappedText;

/// Bytes that a condition may have once its lists are put in, and that a list may have with the lists in it.
pub(super) const MAX_TEXT_BYTES: usize = 16 << 20;

/// A list ready to be put in.
pub(super) struct Expanded {
    /// Its name.
    pub(super) name: String,
    finder: Finder<'static>,
    /// Its items as they are written into a condition.
    text: MappedText,
    /// Whether some condition or other list refers to it.
    pub(super) used: bool,
}

/// Makes the lists ready, in order of first definition. Items that name a list defined by then stand for its written items.
pub(super) fn expand(collection: &Collection) -> (Vec<Expanded>, Vec<Diagnostic>) {
    let mut used = vec![false; collection.lists.len()];
    let mut errors = Vec::new();
    let mut expanded: Vec<Expanded> = Vec::with_capacity(collection.lists.len());
    for (name, list) in &collection.lists {
        let mut text = MappedText::default();
        for item in &list.items {
            let inner = collection.lists.get_full(item.as_str());
            match inner.filter(|(_, _, inner)| inner.order.position < list.order.visibility) {
                Some((index, _, inner)) => {
                    used[index] = true;
                    for inner in &inner.items {
                        push_item(&mut text, inner, Some(item.span));
                    }
                }
                None => push_item(&mut text, item, None),
            }
            if text.len() > MAX_TEXT_BYTES {
                let message = format!(
                    "list `{name}` has more than {MAX_TEXT_BYTES} bytes with the lists in it, which is the limit"
                );
                errors.push(Diagnostic::error(Code::Validate, message, Some(list.span)));
                text = MappedText::default();
                break;
            }
        }
        let finder = Finder::new(name).into_owned();
        expanded.push(Expanded {
            name: name.clone(),
            finder,
            text,
            used: false,
        });
    }
    for (list, used) in expanded.iter_mut().zip(used) {
        list.used = used;
    }
    (expanded, errors)
}

/// Puts all lists into a condition, one list after the other, so that a name in what was put in counts for later lists. Gives
/// the text and the names of the lists that are in it.
///
/// # Errors
/// The text grows too long: how long it may be is in the message.
pub(super) fn substitute(
    text: MappedText,
    lists: &mut [Expanded],
) -> Result<(MappedText, Vec<String>), String> {
    let mut text = text;
    let mut names = Vec::new();
    for list in lists {
        if let Some(new) = list.put_into(&text)? {
            list.used = true;
            names.push(list.name.clone());
            text = new;
        }
    }
    Ok((text, names))
}

impl Expanded {
    /// The text with the list in it; `None` if its name is not there.
    fn put_into(&self, text: &MappedText) -> Result<Option<MappedText>, String> {
        let bytes = text.as_str().as_bytes();
        let mut out = MappedText::default();
        // What stands before `taken` is in `out`; the search goes on at `from`.
        let (mut taken, mut from) = (0, 0);
        let mut used = false;
        while let Some(at) = bytes.get(from..).and_then(|rest| self.finder.find(rest)) {
            let (start, mut end) = (from + at, from + at + self.name.len());
            let before = if start > taken {
                Some(bytes[start - 1])
            } else {
                out.as_str().as_bytes().last().copied()
            };
            if !before.is_none_or(is_boundary) || !bytes.get(end).copied().is_none_or(is_boundary) {
                from = start + 1;
                continue;
            }
            used = true;
            let via = text.span(start..end);
            out.push_slice(text, taken..start);
            let kept = out.as_str().trim_end_matches(is_blank).len();
            out.truncate(kept);
            end += bytes[end..]
                .iter()
                .take_while(|byte| is_blank(**byte as char))
                .count();
            if self.text.is_empty() {
                // A list without items takes one comma with it.
                if out.as_str().ends_with(',') {
                    out.truncate(out.len() - 1);
                } else if bytes.get(end) == Some(&b',') {
                    end += 1;
                }
            }
            taken = end;
            // Upstream goes on one byte late behind a name at the very start.
            from = if out.is_empty() { end + 1 } else { end };
            self.write(&mut out, via);
            if out.len() + (bytes.len() - taken.min(bytes.len())) > MAX_TEXT_BYTES {
                return Err(format!(
                    "condition has more than {MAX_TEXT_BYTES} bytes with its lists put in, which is the limit"
                ));
            }
        }
        out.push_slice(text, taken.min(text.len())..text.len());
        Ok(used.then_some(out))
    }

    fn write(&self, out: &mut MappedText, via: Option<Span>) {
        let Some(span) = via else { return };
        if !out.is_empty() {
            out.push_made(" ", span);
        }
        out.push_for(&self.text, via);
        out.push_made(" ", span);
    }
}

/// Adds an item to a list's text: quoted if it has a space and no quote of its own in front.
fn push_item(text: &mut MappedText, item: &Text, via: Option<Span>) {
    if !text.is_empty() {
        text.push_made(", ", item.span);
    }
    push_quoted(text, item, via);
}

/// Adds a word as it is written into a condition. Quotes within are not escaped.
pub(super) fn push_quoted(text: &mut MappedText, word: &Text, via: Option<Span>) {
    let quote = word.as_str().contains(' ') && !word.as_str().starts_with(['"', '\'']);
    let mark = if quote { "\"" } else { "" };
    text.push_made(mark, word.span);
    text.push_for(&word.text, via);
    text.push_made(mark, word.span);
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_boundary(byte: u8) -> bool {
    is_blank(byte as char) || matches!(byte, b'(' | b')' | b',' | b'=')
}
