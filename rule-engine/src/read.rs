//! YAML → items with places.
//!
//! In: one [`Source`]. Out: its items in order, each typed, and everything that is wrong with the shape of the file. An item
//! with an error is left out and its name kept, so that nobody complains that it is missing. Never: what other items or
//! other files say.
//!
//! Sources: `rule_loader_reader.cpp` of Falco.

mod align;
mod exception;
pub(crate) mod item;
mod mapping;
mod rule;
pub(crate) mod version;
pub(crate) mod yaml;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, SourceId, Span};
use crate::suggest;
use item::{EngineItem, Item, ListItem, MacroItem, PluginItem, PluginVersion};
use mapping::Reader;
use version::Version;
pub(crate) use yaml::MAX_FILE_BYTES;
use yaml::{NodeId, NodeKind, Yaml};

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// Its items in order, without those that have an error.
    pub(crate) items: Vec<Item>,
    /// Names of lists, macros and rules whose item has an error.
    pub(crate) broken: Vec<String>,
    /// Whether the file could be read as YAML at all: otherwise nobody knows what it would have defined.
    pub(crate) whole: bool,
    /// What is wrong.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// The kinds of items, by the key that decides, in the order in which they are looked for.
const KINDS: [(&str, &[&str]); 5] = [
    ("required_engine_version", &[]),
    ("required_plugin_versions", &[]),
    ("list", &["items", "append", "override"]),
    ("macro", &["condition", "append", "override"]),
    (
        "rule",
        &[
            "desc",
            "condition",
            "output",
            "priority",
            "source",
            "enabled",
            "tags",
            "exceptions",
            "warn_evttypes",
            "skip-if-unknown-filter",
            "capture",
            "capture_duration",
            "append",
            "override",
        ],
    ),
];

/// Reads a file.
pub(crate) fn file(source: &Source, id: SourceId) -> File {
    let yaml = match Yaml::parse(source, id) {
        Ok(yaml) => yaml,
        Err(diagnostic) => {
            return File {
                diagnostics: vec![diagnostic],
                ..File::default()
            };
        }
    };
    let mut reader = Reader::new(&yaml);
    let mut file = File {
        whole: true,
        ..File::default()
    };
    for document in &yaml.documents {
        reader.document(*document, &mut file);
    }
    file.diagnostics = reader.found;
    file
}

impl Reader<'_, '_> {
    fn document(&mut self, document: NodeId, file: &mut File) {
        let span = self.span(document);
        let items = match &self.yaml.node(document).kind {
            NodeKind::Null => return,
            NodeKind::Sequence(items) => items,
            NodeKind::Mapping(_) => {
                self.error(span, "Rules content is not yaml array of objects")
                    .help = Some("begin each item with `- `, as in `- rule: …`".into());
                file.whole = false;
                return;
            }
            _ => {
                self.error(span, "Rules content is not yaml").help =
                    Some("a rules file is a sequence of items such as `- rule: …`".into());
                file.whole = false;
                return;
            }
        };
        for item in items {
            let errors = self.error_count();
            self.context.clear();
            self.item = Some(self.head(*item));
            self.item(*item, &mut file.items);
            if self.error_count() > errors {
                file.broken.extend(
                    ["list", "macro", "rule"]
                        .iter()
                        .filter_map(|kind| self.name_of(*item, kind)),
                );
            }
        }
        self.context.clear();
    }

    fn item(&mut self, item: NodeId, items: &mut Vec<Item>) {
        let span = self.head(item);
        match &self.yaml.node(item).kind {
            NodeKind::Null => return,
            NodeKind::Mapping(_) => {}
            _ => {
                self.error(
                    span,
                    "Unexpected element type. Each element should be a yaml associative array.",
                );
                return;
            }
        }
        let Some((kind, keys)) = KINDS.iter().find(|(kind, _)| self.has(item, kind)) else {
            self.unknown_item(item, span);
            return;
        };
        match *kind {
            "required_engine_version" => items.extend(self.engine(item).map(Item::Engine)),
            "required_plugin_versions" => self.plugins(item, items),
            "list" => items.extend(self.list(item).map(Item::List)),
            "macro" => items.extend(self.macro_item(item).map(Item::Macro)),
            _ => items.extend(self.rule(item).map(Item::Rule)),
        }
        self.unknown_keys(item, kind, keys);
    }

    fn unknown_item(&mut self, item: NodeId, span: Span) {
        let NodeKind::Mapping(pairs) = &self.yaml.node(item).kind else {
            return;
        };
        let near = pairs.iter().find_map(|(key, _)| {
            let NodeKind::Scalar(name, _) = &self.yaml.node(*key).kind else {
                return None;
            };
            suggest::closest(name, KINDS.iter().map(|(kind, _)| *kind))
        });
        let help = near.map(|near| format!("did you mean `{near}`?"));
        self.warn(Code::UnknownItem, span, "Unknown top level item")
            .help = help;
    }

    fn unknown_keys(&mut self, item: NodeId, kind: &str, keys: &[&str]) {
        let NodeKind::Mapping(pairs) = &self.yaml.node(item).kind else {
            return;
        };
        for (key, _) in pairs {
            let name = match &self.yaml.node(*key).kind {
                NodeKind::Scalar(name, _) => &**name,
                _ => "",
            };
            if name != kind && !keys.contains(&name) {
                let near = suggest::closest(name, keys.iter().copied());
                let span = self.span(*key);
                self.warn(
                    Code::UnknownKey,
                    span,
                    format!("Unknown key '{name}'. The key will be ignored."),
                )
                .help = near.map(|near| format!("did you mean `{near}`?"));
            }
        }
    }

    fn engine(&mut self, item: NodeId) -> Option<EngineItem> {
        self.context
            .push(("required_engine_version".into(), String::new()));
        let text = self.text(item, "required_engine_version")?;
        // A single number is the old style: the minor version.
        let version = mapping::number(text.as_str()).map(|minor| Version::new(0, minor, 0));
        let Some(version) = version.or_else(|| Version::parse(text.as_str())) else {
            let text_shown = text.as_str();
            self.error(text.span, format!("Unable to parse engine version '{text_shown}' as a semver string. Expected \"x.y.z\" semver format."));
            return None;
        };
        Some(EngineItem {
            version,
            span: text.span,
        })
    }

    fn plugins(&mut self, item: NodeId, items: &mut Vec<Item>) {
        self.context
            .push(("required_plugin_versions".into(), String::new()));
        let Some((key, value)) = self.yaml.get(item, "required_plugin_versions") else {
            return;
        };
        let NodeKind::Sequence(plugins) = &self.yaml.node(value).kind else {
            let span = self.value_span(value, self.span(key));
            self.error(span, "`required_plugin_versions` must be a sequence");
            return;
        };
        for plugin in plugins {
            items.extend(self.plugin(*plugin, self.span(key)).map(Item::Plugin));
        }
    }

    fn plugin(&mut self, plugin: NodeId, key_span: Span) -> Option<PluginItem> {
        if !matches!(self.yaml.node(plugin).kind, NodeKind::Mapping(_)) {
            let span = self.value_span(plugin, key_span);
            self.error(
                span,
                "a plugin requirement must be a mapping of `name` and `version`",
            );
            return None;
        }
        let mut any_of = vec![self.plugin_version(plugin)];
        if let Some((key, value)) = self.yaml.get(plugin, "alternatives") {
            let NodeKind::Sequence(alternatives) = &self.yaml.node(value).kind else {
                let span = self.value_span(value, self.span(key));
                self.error(span, "`alternatives` must be a sequence");
                return None;
            };
            for alternative in alternatives {
                if matches!(self.yaml.node(*alternative).kind, NodeKind::Mapping(_)) {
                    any_of.push(self.plugin_version(*alternative));
                } else {
                    let span = self.value_span(*alternative, self.span(key));
                    self.error(
                        span,
                        "an alternative must be a mapping of `name` and `version`",
                    );
                    any_of.push(None);
                }
            }
        }
        Some(PluginItem {
            any_of: any_of.into_iter().collect::<Option<_>>()?,
        })
    }

    fn plugin_version(&mut self, node: NodeId) -> Option<PluginVersion> {
        let (name, version) = (self.text(node, "name"), self.text(node, "version"));
        Some(PluginVersion {
            name: name?,
            version: version?,
        })
    }

    fn list(&mut self, item: NodeId) -> Option<ListItem> {
        let name = self.text(item, "list")?;
        self.context.push(("list".into(), name.as_str().into()));
        let forbidden = |c: char| {
            matches!(c, '(' | ')' | '"' | '\'' | '=' | ',')
                || c.is_ascii_whitespace()
                || c == '\x0b'
        };
        if name.as_str().contains(forbidden) {
            let message = format!(
                "no condition can refer to a list with the name '{}'",
                name.as_str()
            );
            self.warn(Code::InvalidListName, name.span, message).help = Some(
                "a list's name has no blanks, quotes, brackets, commas or equals signs".into(),
            );
        }
        let errors = self.error_count();
        let key_span = self
            .yaml
            .get(item, "items")
            .map_or(name.span, |(key, _)| self.span(key));
        let items = self
            .required(item, "items")
            .and_then(|items| self.words(items, key_span));
        let append = self.append_form(item, "items");
        (self.error_count() == errors).then_some(ListItem {
            name,
            items: items?,
            append: append?,
        })
    }

    fn macro_item(&mut self, item: NodeId) -> Option<MacroItem> {
        let name = self.text(item, "macro")?;
        self.context.push(("macro".into(), name.as_str().into()));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.as_str().starts_with(|c: char| c.is_ascii_alphabetic())
            || !name.as_str().chars().all(word)
        {
            let message = format!(
                "no condition can refer to a macro with the name '{}'",
                name.as_str()
            );
            self.warn(Code::InvalidMacroName, name.span, message).help =
                Some("a macro's name is a letter, then letters, digits and underscores".into());
        }
        let errors = self.error_count();
        let condition = self.text(item, "condition");
        let append = self.append_form(item, "condition");
        (self.error_count() == errors).then_some(MacroItem {
            name,
            condition: condition?,
            append: append?,
        })
    }

    /// Whether a list or macro is to be appended to, in the old form or the new one.
    fn append_form(&mut self, item: NodeId, key: &str) -> Option<bool> {
        let append = self.append_key(item);
        let overrides = self.overrides(item, &[key], &[key])?;
        if self.both_forms(item, append, &overrides) {
            return None;
        }
        Some(append || !overrides.append.is_empty())
    }

    fn name_of(&self, item: NodeId, kind: &str) -> Option<String> {
        let (_, value) = self.yaml.get(item, kind)?;
        match &self.yaml.node(value).kind {
            NodeKind::Scalar(name, _) => Some(name.to_string()),
            _ => None,
        }
    }
}
