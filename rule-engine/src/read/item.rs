//! What a rules file says, item by item: typed, with places, and not yet judged against anything else.

use std::collections::BTreeSet;

use super::version::Version;
use crate::priority::Priority;
use crate::source::Span;
use crate::text::MappedText;

/// A string of a file.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// Its decoded text.
    pub(crate) text: MappedText,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Text {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

/// One item.
#[derive(Debug)]
pub(crate) enum Item {
    /// `required_engine_version`
    Engine(EngineItem),
    /// One entry of `required_plugin_versions`.
    Plugin(PluginItem),
    /// `list`
    List(ListItem),
    /// `macro`
    Macro(MacroItem),
    /// `rule`
    Rule(RuleItem),
}

/// `required_engine_version: 0.57.0`
#[derive(Debug)]
pub(crate) struct EngineItem {
    /// Asked for.
    pub(crate) version: Version,
    /// Where it stands.
    pub(crate) span: Span,
}

/// `{name, version, alternatives}`
#[derive(Debug)]
pub(crate) struct PluginItem {
    /// The plugin itself and its alternatives; never empty.
    pub(crate) any_of: Vec<PluginVersion>,
}

/// `{name, version}`
#[derive(Debug)]
pub(crate) struct PluginVersion {
    /// Which plugin.
    pub(crate) name: Text,
    /// Its version, as written.
    pub(crate) version: Text,
}

/// A list.
#[derive(Debug)]
pub(crate) struct ListItem {
    /// Its name.
    pub(crate) name: Text,
    /// Its items as written.
    pub(crate) items: Vec<Text>,
    /// Whether the items are added to those of an existing list.
    pub(crate) append: bool,
}

/// A macro.
#[derive(Debug)]
pub(crate) struct MacroItem {
    /// Its name.
    pub(crate) name: Text,
    /// Its condition.
    pub(crate) condition: Text,
    /// Whether the condition is added to that of an existing macro.
    pub(crate) append: bool,
}

/// A rule, or a change of one.
#[derive(Debug)]
pub(crate) struct RuleItem {
    /// Its name.
    pub(crate) name: Text,
    /// What is said about it.
    pub(crate) change: RuleChange,
}

/// What an item says about a rule.
#[derive(Debug)]
pub(crate) enum RuleChange {
    /// Defines it, or replaces it wholly.
    Define(Box<RuleDefinition>),
    /// Switches it on or off.
    Enable(bool),
    /// Adds to it and replaces parts of it, in this order.
    Update {
        /// `source`, where given: it must be the rule's.
        source: Option<Text>,
        /// To add.
        append: Option<Box<RuleUpdate>>,
        /// To replace.
        replace: Option<Box<RuleUpdate>>,
    },
}

/// A whole rule.
#[derive(Debug)]
pub(crate) struct RuleDefinition {
    /// `desc`
    pub(crate) desc: Text,
    /// `condition`
    pub(crate) condition: Text,
    /// `output`, trimmed
    pub(crate) output: Text,
    /// `priority`
    pub(crate) priority: Priority,
    /// `source`; `None` is `syscall`
    pub(crate) source: Option<Text>,
    /// The keys that have defaults.
    pub(crate) options: RuleUpdate,
}

/// Parts of a rule: those that are there.
#[derive(Debug, Default)]
pub(crate) struct RuleUpdate {
    /// `desc`
    pub(crate) desc: Option<Text>,
    /// `condition`
    pub(crate) condition: Option<Text>,
    /// `output`
    pub(crate) output: Option<Text>,
    /// `priority`
    pub(crate) priority: Option<Priority>,
    /// `enabled`
    pub(crate) enabled: Option<bool>,
    /// `tags`
    pub(crate) tags: Option<BTreeSet<String>>,
    /// `exceptions`
    pub(crate) exceptions: Option<Vec<Exception>>,
    /// `warn_evttypes`
    pub(crate) warn_evttypes: Option<bool>,
    /// `skip-if-unknown-filter`
    pub(crate) skip_if_unknown_filter: Option<bool>,
    /// `capture`
    pub(crate) capture: Option<bool>,
    /// `capture_duration` in milliseconds
    pub(crate) capture_duration_ms: Option<u32>,
}

/// An exception of a rule, or an addition to one.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    /// Its name.
    pub(crate) name: Text,
    /// `fields`
    pub(crate) fields: Entry,
    /// `comps`
    pub(crate) comps: Entry,
    /// `values`
    pub(crate) values: Vec<Entry>,
}

/// A word or a list of entries.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// Not there, null, or a mapping: upstream takes all of them for nothing.
    Absent,
    /// One word.
    Word(Text),
    /// Entries, and where the list stands.
    List(Vec<Entry>, Span),
}

impl Entry {
    /// Whether it holds anything: an empty list is as good as nothing.
    pub(crate) fn is_given(&self) -> bool {
        match self {
            Entry::Absent => false,
            Entry::Word(word) => !word.text.is_empty(),
            Entry::List(entries, _) => !entries.is_empty(),
        }
    }

    /// The word, if it is one.
    pub(crate) fn word(&self) -> Option<&Text> {
        if let Entry::Word(word) = self {
            Some(word)
        } else {
            None
        }
    }

    /// Where it stands.
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Entry::Absent => None,
            Entry::Word(word) => Some(word.span),
            Entry::List(_, span) => Some(*span),
        }
    }
}
