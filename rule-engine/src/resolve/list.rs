//! Lists are put into conditions as text, before a condition is parsed.
//!
//! In: the lists as collected; a condition. Out: the condition with the items in the place of the names. Never: regard for what
//! the text means: a name is replaced wherever it stands as a whole word, also within quotes.
//!
//! Sources: `rule_loader_compiler.cpp` of Falco, whose every blank this keeps.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use memchr::memmem::Finder;

use crate::collect::Collection;
use crate::diagnostic::{Code, Diagnostic};
use crate::read::item::Text;
use crate::source::Span;
use crate::text::MappedText;

/// Bytes that a condition may have once its lists are put in, and that a list may have with the lists in it.
pub(super) const MAX_TEXT_BYTES: usize = 4 << 20;

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

/// All lists, ready to be put into conditions.
pub(super) struct Lists {
    lists: Vec<Expanded>,
    /// Finds the names of all lists in one pass; without it every list is tried.
    names: Option<AhoCorasick>,
    /// For each list the lists whose names occur in it.
    within: Vec<Vec<usize>>,
    /// Lists whose names can come about where texts meet, so that no pass over one text tells whether they occur.
    always: Vec<usize>,
}

impl Lists {
    /// Takes the lists in order of first definition.
    pub(super) fn new(lists: Vec<Expanded>) -> Lists {
        let names = AhoCorasick::new(lists.iter().map(|list| &list.name)).ok();
        let joint = |c: char| is_blank(c) || matches!(c, '(' | ')' | ',' | '=' | '"' | '\'');
        let always = (0..lists.len())
            .filter(|index| names.is_none() || lists[*index].name.contains(joint))
            .collect();
        let mut all = Lists {
            lists,
            names,
            within: Vec::new(),
            always,
        };
        all.within = all
            .lists
            .iter()
            .map(|list| all.named_in(list.text.as_str()).collect())
            .collect();
        all
    }

    /// Puts all lists into a condition, one list after the other, so that a name in what was put in counts for later lists. Gives
    /// the text and the names of the lists that are in it.
    ///
    /// # Errors
    /// The text grows too long: how long it may be is in the message.
    pub(super) fn substitute(
        &mut self,
        text: MappedText,
    ) -> Result<(MappedText, Vec<String>), String> {
        let mut text = text;
        let mut names = Vec::new();
        let mut open: BTreeSet<usize> = self
            .named_in(text.as_str())
            .chain(self.always.iter().copied())
            .collect();
        while let Some(index) = open.pop_first() {
            let list = &mut self.lists[index];
            if let Some(new) = list.put_into(&text)? {
                list.used = true;
                names.push(list.name.clone());
                text = new;
                // An earlier list has had its turn.
                open.extend(self.within[index].iter().filter(|inner| **inner > index));
            }
        }
        Ok((text, names))
    }

    /// Names of the lists that nothing refers to.
    pub(super) fn unused(&self) -> impl Iterator<Item = &str> {
        self.lists
            .iter()
            .filter(|list| !list.used)
            .map(|list| list.name.as_str())
    }

    /// The lists whose names occur in a text, as whole words or not.
    fn named_in<'t>(&'t self, text: &'t str) -> impl Iterator<Item = usize> + 't {
        let names = self.names.iter();
        names
            .flat_map(move |names| names.find_overlapping_iter(text))
            .map(|found| found.pattern().as_usize())
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::SourceId;

    const FILE: SourceId = SourceId(0);

    fn list(name: &str, items: &[String]) -> Expanded {
        let mut text = MappedText::default();
        for item in items {
            let span = Span {
                source: SourceId(1),
                start: 0,
                end: 9,
            };
            push_item(
                &mut text,
                &Text {
                    text: MappedText::verbatim(item, SourceId(1), 0),
                    span,
                },
                None,
            );
        }
        Expanded {
            name: name.into(),
            finder: Finder::new(name).into_owned(),
            text,
            used: false,
        }
    }

    /// The same on a plain string, one occurrence after the other, as the rules of substitution say it.
    fn plainly(text: &str, name: &str, items: &str) -> (String, bool) {
        let mut text = text.to_owned();
        let (mut from, mut used) = (0, false);
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(name)) {
            let (mut start, mut end) = (from + at, from + at + name.len());
            let edge = |c: Option<char>| c.is_none_or(|c| " \t\n\r(),=".contains(c));
            if !edge(text[..start].chars().next_back()) || !edge(text[end..].chars().next()) {
                from = start + 1;
                continue;
            }
            start = text[..start]
                .trim_end_matches([' ', '\t', '\n', '\r'])
                .len();
            end = text.len()
                - text[end..]
                    .trim_start_matches([' ', '\t', '\n', '\r'])
                    .len();
            if items.is_empty() && text[..start].ends_with(',') {
                start -= 1;
            } else if items.is_empty() && text[end..].starts_with(',') {
                end += 1;
            }
            let lead = if start > 0 { " " } else { "" };
            let late = usize::from(start == 0);
            let head = format!("{}{lead}{items} ", &text[..start]);
            from = head.len() + late;
            text = head + &text[end..];
            used = true;
        }
        (text, used)
    }

    #[test]
    fn names_are_whole_words_and_blanks_around_them_are_swallowed() {
        let strings = |items: &[&str]| {
            items
                .iter()
                .map(|item| (*item).to_owned())
                .collect::<Vec<_>>()
        };
        for (text, items, expected) in [
            ("x in (A)", &["a", "b"][..], "x in ( a, b )"),
            ("x in ( A , c)", &["a"], "x in ( a , c)"),
            ("x = A", &["a b"], "x = \"a b\" "),
            ("A", &["a"], "a "),
            ("A.b AA A-b", &["a"], "A.b AA A-b"),
            ("(b, A, c)", &[], "(b  , c)"),
            ("(A, c)", &[], "(   c)"),
            ("(A)", &[], "(  )"),
            ("A A", &["x"], "x A"),
        ] {
            let mut lists = Lists::new(vec![list("A", &strings(items))]);
            let (text, used) = lists
                .substitute(MappedText::verbatim(text, FILE, 0))
                .unwrap();
            assert_eq!(text.as_str(), expected);
            assert_eq!(used.is_empty(), lists.unused().count() == 1);
        }
    }

    #[test]
    fn growth_is_limited() {
        let big = vec!["x".repeat(MAX_TEXT_BYTES / 2)];
        let text = MappedText::verbatim("(A, A, A)", FILE, 0);
        let error = Lists::new(vec![list("A", &big)])
            .substitute(text)
            .unwrap_err();
        assert_eq!(
            error,
            "condition has more than 4194304 bytes with its lists put in, which is the limit"
        );
    }

    proptest! {
        #[test]
        fn all_lists_at_once_are_one_after_the_other(
            text in "[ABC(),= a]{0,20}",
            items in prop::collection::vec(prop::collection::vec("[ABC a]{0,3}", 0..3), 4),
        ) {
            let names = ["B", "A", "C", "A, B"];
            let lists: Vec<_> = names.iter().zip(&items).map(|(name, items)| list(name, items)).collect();
            let mut expected = text.clone();
            for list in &lists {
                expected = plainly(&expected, &list.name, list.text.as_str()).0;
            }
            let (found, _) = Lists::new(lists).substitute(MappedText::verbatim(&text, FILE, 0)).unwrap();
            prop_assert_eq!(found.as_str(), expected);
        }

        #[test]
        fn the_mapped_text_is_the_plain_one(text in "[A(),= \n\tb]{0,20}", items in prop::collection::vec("[aA ]{0,2}", 0..3)) {
            let list = list("A", &items);
            let (expected, used) = plainly(&text, "A", list.text.as_str());
            let found = list.put_into(&MappedText::verbatim(&text, FILE, 0)).unwrap();
            prop_assert_eq!(found.is_some(), used);
            prop_assert_eq!(found.as_ref().map_or(text.as_str(), MappedText::as_str), expected);
        }
    }
}
