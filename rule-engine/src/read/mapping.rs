//! Reads the values of a mapping's keys as the types that are wanted, and says what is wrong with those that are not.
//!
//! In: a mapping node. Out: typed values, or a diagnostic each. Sources: `rule_loader_reader.cpp` of Falco for what is an
//! error; yaml-cpp for what reads as truth value and number.

use super::item::Text;
use super::yaml::{NodeId, NodeKind, Yaml};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::text::MappedText;

/// Bytes of text that may be taken from one file; more than the file has only where aliases repeat it.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Reads nodes of one file.
pub(super) struct Reader<'y, 's> {
    pub(super) yaml: &'y Yaml<'s>,
    pub(super) found: Vec<Diagnostic>,
    /// The item that is being read: every message carries it.
    pub(super) context: Vec<(String, String)>,
    /// Where that item begins.
    pub(super) item: Option<Span>,
    /// How many errors are among `found`.
    errors: usize,
    /// Bytes that may still be taken; `None` once that was too much and has been said.
    budget: Option<usize>,
}

impl<'y, 's> Reader<'y, 's> {
    pub(super) fn new(yaml: &'y Yaml<'s>) -> Reader<'y, 's> {
        Reader {
            yaml,
            found: Vec::new(),
            context: Vec::new(),
            item: None,
            errors: 0,
            budget: Some(MAX_TEXT_BYTES),
        }
    }

    /// Reports an error of shape.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Diagnostic::error(Code::YamlValidate, message, Some(span)))
    }

    /// Reports a warning.
    pub(super) fn warn(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.report(Diagnostic::warning(code, message, Some(span)))
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.found.push(diagnostic.within(&self.context));
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// How many errors have been reported.
    pub(super) fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, item: NodeId, key: &str) -> bool {
        self.yaml.get(item, key).is_some()
    }

    pub(super) fn span(&self, node: NodeId) -> Span {
        self.yaml.node(node).span
    }

    /// Where an item as a whole is pointed at: its first key.
    pub(super) fn head(&self, item: NodeId) -> Span {
        match &self.yaml.node(item).kind {
            NodeKind::Mapping(pairs) if !pairs.is_empty() => self.span(pairs[0].0),
            _ => self.span(item),
        }
    }

    /// A string that must be there and not be empty.
    pub(super) fn text(&mut self, item: NodeId, key: &str) -> Option<Text> {
        let value = self.required(item, key)?;
        self.word(item, key, value)
    }

    /// A string that may be absent; if it is there it must not be empty.
    pub(super) fn optional_text(&mut self, item: NodeId, key: &str) -> Option<Text> {
        let (_, value) = self.yaml.get(item, key)?;
        self.word(item, key, value)
    }

    /// A truth value that may be absent.
    pub(super) fn optional_bool(&mut self, item: NodeId, key: &str) -> Option<bool> {
        let text = self.optional_text(item, key)?;
        let value = truth(text.as_str());
        if value.is_none() {
            self.error(text.span, "Can't decode YAML scalar value").help =
                Some(format!("`{key}` is `true` or `false`"));
        }
        value
    }

    /// A number that may be absent.
    pub(super) fn optional_number(&mut self, item: NodeId, key: &str) -> Option<u32> {
        let text = self.optional_text(item, key)?;
        let value = number(text.as_str());
        if value.is_none() {
            self.error(text.span, "Can't decode YAML scalar value").help =
                Some(format!("`{key}` is a whole number from 0 to {}", u32::MAX));
        }
        value
    }

    /// The value of a key that must be there.
    pub(super) fn required(&mut self, item: NodeId, key: &str) -> Option<NodeId> {
        if let Some((_, value)) = self.yaml.get(item, key) {
            return Some(value);
        }
        let span = self.head(item);
        self.error(span, format!("Item has no mapping for key '{key}'"))
            .help = Some(format!("add `{key}:`"));
        None
    }

    /// The members of a sequence of scalars.
    pub(super) fn words(&mut self, sequence: NodeId, key_span: Span) -> Option<Vec<Text>> {
        let NodeKind::Sequence(members) = &self.yaml.node(sequence).kind else {
            let span = self.value_span(sequence, key_span);
            self.error(span, "Value is not a sequence").help =
                Some("write `[a, b]`, or one `- item` a line".into());
            return None;
        };
        let mut words = Vec::with_capacity(members.len());
        for member in members {
            if matches!(self.yaml.node(*member).kind, NodeKind::Scalar(..)) {
                words.push(self.take(*member)?);
            } else {
                let span = self.value_span(*member, key_span);
                self.error(span, "sequence value is not scalar").help =
                    Some("a member is one word; quote it if it is `null` or `~`".into());
            }
        }
        (words.len() == members.len()).then_some(words)
    }

    /// A scalar that must not be empty, behind a key.
    fn word(&mut self, item: NodeId, key: &str, value: NodeId) -> Option<Text> {
        let key_span = self
            .yaml
            .get(item, key)
            .map_or_else(|| self.head(item), |(name, _)| self.span(name));
        match &self.yaml.node(value).kind {
            NodeKind::Null => {
                self.error(key_span, format!("Mapping for key '{key}' is empty"));
                None
            }
            NodeKind::Scalar(text, _) if text.is_empty() => {
                let span = self.value_span(value, key_span);
                self.error(span, "Value must be non-empty");
                None
            }
            NodeKind::Scalar(..) => self.take(value),
            _ => {
                let span = self.value_span(value, key_span);
                self.error(span, "Value is not a scalar value").help =
                    Some(format!("`{key}` is a single value"));
                None
            }
        }
    }

    /// The text of a scalar, within the limit.
    pub(super) fn take(&mut self, scalar: NodeId) -> Option<Text> {
        let span = self.span(scalar);
        let text: MappedText = self.yaml.text(scalar);
        self.spend(text.len(), span).then_some(Text { text, span })
    }

    /// Counts what is taken from the file, so that aliases cannot multiply it without bound.
    pub(super) fn spend(&mut self, bytes: usize, span: Span) -> bool {
        let Some(budget) = self.budget else {
            return false;
        };
        self.budget = budget.checked_sub(bytes + 1);
        if self.budget.is_none() {
            let message = format!(
                "aliases repeat more than {MAX_TEXT_BYTES} bytes of text, which is the limit"
            );
            // The text itself stands where the alias was defined; the item is the one that repeats it.
            self.error(self.item.unwrap_or(span), message).help =
                Some("write out what is needed instead of repeating aliases".into());
        }
        self.budget.is_some()
    }

    /// The place of a value; of its key if the value is not written down.
    pub(super) fn value_span(&self, value: NodeId, key_span: Span) -> Span {
        let span = self.span(value);
        if span.start < span.end {
            span
        } else {
            key_span
        }
    }
}

/// What reads as truth value: words in lower case, upper case, or with a capital.
pub(super) fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let tail = text.get(1..).unwrap_or_default();
    let one_case = tail.bytes().all(|b| b.is_ascii_lowercase())
        || text.bytes().all(|b| b.is_ascii_uppercase());
    match lower.as_str() {
        "true" | "yes" | "on" | "y" if one_case => Some(true),
        "false" | "no" | "off" | "n" if one_case => Some(false),
        _ => None,
    }
}

/// What reads as unsigned number: decimal, or hexadecimal behind `0x`, or octal behind `0`.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if digits.starts_with('+') {
        None
    } else {
        u32::from_str_radix(digits, radix).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_values_and_numbers() {
        for word in [
            "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y",
        ] {
            assert_eq!(truth(word), Some(true), "{word}");
        }
        for word in [
            "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N",
        ] {
            assert_eq!(truth(word), Some(false), "{word}");
        }
        for word in ["tRue", "trUE", "1", "0", "~", "", "maybe", "yesno", "é"] {
            assert_eq!(truth(word), None, "{word}");
        }
        for (text, expected) in [
            ("0", Some(0)),
            ("31", Some(31)),
            ("+5", Some(5)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("0x1f", Some(31)),
            ("010", Some(8)),
            ("09", None),
            ("1.5", None),
            ("", None),
            ("++1", None),
            ("word", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }
}
