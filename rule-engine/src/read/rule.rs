//! Reads a rule item: a definition, a switch, or a change of a rule.
//!
//! In: an item with the key `rule`. Out: a [`RuleItem`]. Sources: `rule_loader_reader.cpp` of Falco.

use super::item::{RuleChange, RuleDefinition, RuleItem, RuleUpdate, Text};
use super::mapping::Reader;
use super::yaml::{NodeId, NodeKind};
use crate::diagnostic::Code;
use crate::priority::Priority;
use crate::suggest;

/// Keys that `override` may add to.
const APPENDABLE: [&str; 5] = ["condition", "output", "desc", "tags", "exceptions"];
/// Keys that `override` may replace.
const REPLACEABLE: [&str; 11] = [
    "condition",
    "output",
    "desc",
    "tags",
    "exceptions",
    "priority",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];

/// What `override` says: the keys to append to and to replace, with their places.
#[derive(Default)]
pub(super) struct Overrides {
    pub(super) append: Vec<Text>,
    pub(super) replace: Vec<Text>,
}

impl Overrides {
    pub(super) fn is_empty(&self) -> bool {
        self.append.is_empty() && self.replace.is_empty()
    }
}

impl Reader<'_, '_> {
    /// A rule item.
    pub(super) fn rule(&mut self, item: NodeId) -> Option<RuleItem> {
        let name = self.text(item, "rule")?;
        self.context.push(("rule".into(), name.as_str().into()));
        let errors = self.error_count();
        let append = self.append_key(item);
        let overrides = self.overrides(item, &APPENDABLE, &REPLACEABLE)?;
        if self.both_forms(item, append, &overrides) {
            return None;
        }
        let change = if !overrides.is_empty() {
            self.overridden(item, &overrides)
        } else if append {
            self.appended(item)
        } else if ["condition", "output", "desc", "priority"]
            .iter()
            .any(|key| self.has(item, key))
        {
            self.defined(item)
        } else {
            self.switched(item)
        };
        (self.error_count() == errors).then_some(RuleItem {
            name,
            change: change?,
        })
    }

    /// `append: true`, the old form, with the warning that it is.
    pub(super) fn append_key(&mut self, item: NodeId) -> bool {
        let append = self.optional_bool(item, "append").unwrap_or(false);
        if let (true, Some((key, _))) = (append, self.yaml.get(item, "append")) {
            let span = self.span(key);
            self.warn(Code::DeprecatedItem, span, "`append: true` is deprecated")
                .help = Some(
                "name the keys under `override`, as in `override: {condition: append}`".into(),
            );
        }
        append
    }

    /// Whether both `append: true` and `override` are there, which is an error.
    pub(super) fn both_forms(&mut self, item: NodeId, append: bool, overrides: &Overrides) -> bool {
        let both = append && !overrides.is_empty();
        if let (true, Some((key, _))) = (both, self.yaml.get(item, "append")) {
            let span = self.span(key);
            self.error(span, "`append: true` and `override` exclude each other")
                .help = Some("remove `append` and name the keys under `override`".into());
        }
        both
    }

    /// Reads `override`; empty if it is absent. `None`: it is wrong, and that has been said.
    pub(super) fn overrides(
        &mut self,
        item: NodeId,
        appendable: &[&str],
        replaceable: &[&str],
    ) -> Option<Overrides> {
        let mut overrides = Overrides::default();
        let Some((key, value)) = self.yaml.get(item, "override") else {
            return Some(overrides);
        };
        let NodeKind::Mapping(pairs) = &self.yaml.node(value).kind else {
            let span = self.value_span(value, self.span(key));
            self.error(
                span,
                "`override` must be a mapping of keys to 'append' or 'replace'",
            )
            .help = Some("write `override: {condition: append}`".into());
            return None;
        };
        let errors = self.error_count();
        for (key, operation) in pairs {
            let (NodeKind::Scalar(..), NodeKind::Scalar(word, _)) =
                (&self.yaml.node(*key).kind, &self.yaml.node(*operation).kind)
            else {
                let span = self.span(*key);
                self.error(
                    span,
                    "an entry of `override` must be a key and 'append' or 'replace'",
                );
                continue;
            };
            let key = self.take(*key)?;
            let may = |keys: &[&str]| keys.contains(&key.as_str());
            let (can_append, can_replace) = (may(appendable), may(replaceable));
            match &**word {
                "append" if can_append => overrides.append.push(key),
                "replace" if can_replace => overrides.replace.push(key),
                "append" => {
                    let message = format!(
                        "Key '{}' cannot be appended to, use 'replace' instead",
                        key.as_str()
                    );
                    let near = suggest::closest(key.as_str(), appendable.iter().copied());
                    self.error(key.span, message).help = near
                        .filter(|_| !can_replace)
                        .map(|near| format!("did you mean `{near}`?"));
                }
                "replace" => {
                    let near = suggest::closest(key.as_str(), replaceable.iter().copied());
                    self.error(
                        key.span,
                        format!("Key '{}' cannot be replaced", key.as_str()),
                    )
                    .help = near.map(|near| format!("did you mean `{near}`?"));
                }
                word => {
                    let allowed = [(can_append, "append "), (can_replace, "replace ")];
                    let allowed: String = allowed
                        .iter()
                        .filter(|(can, _)| *can)
                        .map(|(_, word)| *word)
                        .collect();
                    let span = self.span(*operation);
                    let key = key.as_str();
                    self.error(span, format!("Invalid override operation for key '{key}': '{word}'. Allowed values are: {allowed}"));
                }
            }
        }
        (self.error_count() == errors).then_some(overrides)
    }

    /// A rule item with `override`.
    fn overridden(&mut self, item: NodeId, overrides: &Overrides) -> Option<RuleChange> {
        let mut expected: Vec<&str> = REPLACEABLE
            .into_iter()
            .filter(|key| self.has(item, key))
            .collect();
        for (keys, operation) in [
            (&overrides.append, "append"),
            (&overrides.replace, "replace"),
        ] {
            for key in keys {
                let before = expected.len();
                expected.retain(|name| *name != key.as_str());
                if expected.len() == before {
                    let name = key.as_str();
                    let message = format!(
                        "An {operation} override for '{name}' was specified but '{name}' is not defined"
                    );
                    self.error(key.span, message).help = Some(format!(
                        "add `{name}:` to the item, or remove it under `override`"
                    ));
                }
            }
        }
        for key in expected {
            let span = self
                .yaml
                .get(item, key)
                .map_or_else(|| self.head(item), |(name, _)| self.span(name));
            let message = format!(
                "Unexpected key '{key}': no corresponding entry under 'override' is defined."
            );
            self.error(span, message).help = Some(format!(
                "add `{key}: replace` under `override`, or remove the key"
            ));
        }
        let named = |keys: &[Text], key: &str| keys.iter().any(|name| name.as_str() == key);
        let append = (!overrides.append.is_empty())
            .then(|| self.update(item, |key| named(&overrides.append, key), true))
            .map(Box::new);
        let replace = (!overrides.replace.is_empty())
            .then(|| self.update(item, |key| named(&overrides.replace, key), false))
            .map(Box::new);
        Some(RuleChange::Update {
            source: self.update_source(item),
            append,
            replace,
        })
    }

    /// A rule item with `append: true`: only condition and exceptions are looked at.
    fn appended(&mut self, item: NodeId) -> Option<RuleChange> {
        let taken = ["condition", "exceptions"];
        let update = self.update(item, |key| taken.contains(&key), true);
        Some(RuleChange::Update {
            source: self.update_source(item),
            append: Some(Box::new(update)),
            replace: None,
        })
    }

    /// The source that an update names; null and empty name none.
    fn update_source(&mut self, item: NodeId) -> Option<Text> {
        let (_, value) = self.yaml.get(item, "source")?;
        match &self.yaml.node(value).kind {
            NodeKind::Null => None,
            NodeKind::Scalar(text, _) if text.is_empty() => None,
            _ => self.optional_text(item, "source"),
        }
    }

    /// A rule item that only switches a rule.
    fn switched(&mut self, item: NodeId) -> Option<RuleChange> {
        self.required(item, "enabled")?;
        let enabled = self.optional_bool(item, "enabled")?;
        let span = self.head(item);
        self.warn(
            Code::DeprecatedItem,
            span,
            "a rule item with nothing but `enabled` is deprecated",
        )
        .help = Some("add `override: {enabled: replace}`".into());
        Some(RuleChange::Enable(enabled))
    }

    /// A rule item that defines a rule.
    fn defined(&mut self, item: NodeId) -> Option<RuleChange> {
        let condition = self.text(item, "condition");
        let output = self.text(item, "output");
        let desc = self.text(item, "desc");
        self.required(item, "priority");
        let source = self.optional_text(item, "source");
        let taken = |key: &str| !["condition", "output", "desc"].contains(&key);
        let options = self.update(item, taken, false);
        let (condition, desc, priority) = (condition?, desc?, options.priority?);
        let output = output.map(|output| Text {
            text: output.text.trimmed(),
            ..output
        })?;
        Some(RuleChange::Define(Box::new(RuleDefinition {
            desc,
            condition,
            output,
            priority,
            source,
            options,
        })))
    }

    /// Reads the keys that are there and wanted.
    fn update(&mut self, item: NodeId, wanted: impl Fn(&str) -> bool, append: bool) -> RuleUpdate {
        let wanted = |reader: &Self, key: &str| wanted(key) && reader.has(item, key);
        let mut update = RuleUpdate::default();
        for (key, text) in [
            ("condition", &mut update.condition),
            ("output", &mut update.output),
            ("desc", &mut update.desc),
        ] {
            if wanted(self, key) {
                *text = self.text(item, key);
            }
        }
        if wanted(self, "exceptions") {
            update.exceptions = self.exceptions(item, append);
        }
        if let (true, Some((key, value))) = (wanted(self, "tags"), self.yaml.get(item, "tags")) {
            let tags = self.words(value, self.span(key));
            update.tags = tags.map(|tags| tags.iter().map(|tag| tag.as_str().to_owned()).collect());
        }
        if wanted(self, "priority") {
            update.priority = self.priority(item);
        }
        if wanted(self, "capture_duration") {
            update.capture_duration_ms = self.optional_number(item, "capture_duration");
        }
        for (key, value) in [
            ("enabled", &mut update.enabled),
            ("warn_evttypes", &mut update.warn_evttypes),
            ("skip-if-unknown-filter", &mut update.skip_if_unknown_filter),
            ("capture", &mut update.capture),
        ] {
            if wanted(self, key) {
                *value = self.optional_bool(item, key);
            }
        }
        update
    }

    fn priority(&mut self, item: NodeId) -> Option<Priority> {
        let word = self.optional_text(item, "priority")?;
        let priority = Priority::parse(word.as_str());
        if priority.is_none() {
            let names = Priority::ALL.map(Priority::as_str);
            let help = match suggest::closest(word.as_str(), names.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("use one of {}", names.join(", ")),
            };
            self.error(word.span, "Invalid priority").help = Some(help);
        }
        priority
    }
}
