//! Reads the exceptions of a rule.
//!
//! In: the node behind `exceptions`. Out: [`Exception`]s, their parts not yet compared with each other: appended values have
//! no fields of their own. Sources: `rule_loader_reader.cpp` of Falco.

use super::item::{Entry, Exception};
use super::mapping::Reader;
use super::yaml::{NodeId, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::suggest;

/// Lists in lists in values: deeper ones mean nothing.
const MAX_ENTRY_DEPTH: usize = 4;

const KEYS: [&str; 4] = ["name", "fields", "comps", "values"];

impl Reader<'_, '_> {
    /// The exceptions of an item; none if the key is absent or null. `append`: they are added to those of a rule.
    pub(super) fn exceptions(&mut self, item: NodeId, append: bool) -> Option<Vec<Exception>> {
        let Some((key, value)) = self.yaml.get(item, "exceptions") else {
            return Some(Vec::new());
        };
        let members = match &self.yaml.node(value).kind {
            NodeKind::Null => return Some(Vec::new()),
            NodeKind::Sequence(members) => members,
            _ => {
                let span = self.value_span(value, self.span(key));
                self.error(span, "Rule exceptions must be a sequence");
                return None;
            }
        };
        let mut exceptions: Vec<Exception> = Vec::with_capacity(members.len());
        let depth = self.context.len();
        for member in members {
            let exception = self.exception(*member, self.span(key), append);
            let Some(exception) = exception else {
                self.context.truncate(depth);
                continue;
            };
            if let Some(first) = exceptions
                .iter()
                .find(|first| first.name.as_str() == exception.name.as_str())
            {
                let message = format!(
                    "exception '{}' is defined more than once in the rule; all of them apply",
                    exception.name.as_str()
                );
                let remark = (first.name.span, "first one".to_owned());
                self.warn(Code::ExceptionNameNotUnique, exception.name.span, message)
                    .related
                    .push(remark);
            }
            self.context.truncate(depth);
            exceptions.push(exception);
        }
        (exceptions.len() == members.len()).then_some(exceptions)
    }

    fn exception(&mut self, node: NodeId, key_span: Span, append: bool) -> Option<Exception> {
        if !matches!(self.yaml.node(node).kind, NodeKind::Mapping(_)) {
            let span = self.value_span(node, key_span);
            self.error(span, "Rule exception must be a mapping");
            return None;
        }
        let name = self.text(node, "name")?;
        self.context
            .push(("exception".into(), name.as_str().into()));
        self.unknown_exception_keys(node);
        let absent = !self.has(node, "fields");
        if absent && !append {
            self.required(node, "fields");
        }
        let fields = self.entry_of(node, "fields");
        let comps = self.entry_of(node, "comps");
        let values = self.values(node);
        if append && !self.has(node, "values") {
            self.warn(
                Code::AppendNoValues,
                name.span,
                "exception is appended without values, which has no effect",
            );
        }
        let (fields, comps, values) = (fields?, comps?, values?);
        (append || !absent).then_some(Exception {
            name,
            fields,
            comps,
            values,
        })
    }

    fn values(&mut self, node: NodeId) -> Option<Vec<Entry>> {
        let Some((key, value)) = self.yaml.get(node, "values") else {
            return Some(Vec::new());
        };
        let NodeKind::Sequence(members) = &self.yaml.node(value).kind else {
            let span = self.value_span(value, self.span(key));
            self.error(span, "Rule exception values must be a sequence");
            return None;
        };
        self.entries(members, 1)
    }

    fn entry_of(&mut self, node: NodeId, key: &str) -> Option<Entry> {
        match self.yaml.get(node, key) {
            Some((_, value)) => self.entry(value, 0),
            None => Some(Entry::Absent),
        }
    }

    fn entries(&mut self, members: &[NodeId], depth: usize) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(members.len());
        let mut whole = true;
        for member in members {
            match self.entry(*member, depth) {
                Some(entry) => entries.push(entry),
                None => whole = false,
            }
        }
        whole.then_some(entries)
    }

    fn entry(&mut self, node: NodeId, depth: usize) -> Option<Entry> {
        let span = self.span(node);
        if !self.spend(0, span) {
            return None;
        }
        match &self.yaml.node(node).kind {
            NodeKind::Scalar(text, _) if text.is_empty() => {
                self.error(span, "Value must be non-empty").help =
                    Some("write `'\"\"'` for the empty string".into());
                None
            }
            NodeKind::Scalar(..) => self.take(node).map(Entry::Word),
            NodeKind::Sequence(members) if depth < MAX_ENTRY_DEPTH => {
                Some(Entry::List(self.entries(members, depth + 1)?, span))
            }
            NodeKind::Sequence(_) => {
                self.error(
                    span,
                    format!("lists nest deeper than {MAX_ENTRY_DEPTH} levels, which is the limit"),
                );
                None
            }
            _ => Some(Entry::Absent),
        }
    }

    /// Upstream overlooks unknown keys in exceptions; a misspelt `values` makes an exception without effect.
    fn unknown_exception_keys(&mut self, node: NodeId) {
        let NodeKind::Mapping(pairs) = &self.yaml.node(node).kind else {
            return;
        };
        for (key, _) in pairs {
            let NodeKind::Scalar(name, _) = &self.yaml.node(*key).kind else {
                continue;
            };
            if !KEYS.contains(&&**name) {
                let message = format!("Unknown key '{name}'. The key will be ignored.");
                let mut lint = Diagnostic::new(
                    Severity::Lint,
                    Code::UnknownKey,
                    message,
                    Some(self.span(*key)),
                );
                lint.help = suggest::closest(name, KEYS.into_iter())
                    .map(|near| format!("did you mean `{near}`?"));
                self.report(lint);
            }
        }
    }
}
