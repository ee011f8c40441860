//! Items of all files → lists, macros and rules as they stand now.
//!
//! In: the items of one file after the other. Out: per kind an ordered map by name, with redefinition, `append`, `override`
//! and switching done. Never: looking into conditions and outputs.
//!
//! Order is kept as upstream keeps it: a thing's [`Order::position`] is that of its first definition and never changes; its
//! [`Order::visibility`] moves to each later definition or addition, and says what its text may refer to.
//!
//! Sources: `rule_loader_collector.cpp` of Falco.

pub(crate) mod exception;
mod rule;

use std::collections::{BTreeSet, HashSet};

use indexmap::IndexMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::priority::Priority;
use crate::read::File;
use crate::read::item::{EngineItem, Item, ListItem, MacroItem, PluginItem, PluginVersion, Text};
use crate::read::version::Version;
use crate::schema::Schema;
use crate::source::Span;
use crate::suggest;
use crate::text::MappedText;
use exception::RuleException;

/// The engine that we are compatible with.
pub(crate) const ENGINE_VERSION: Version = Version::new(0, 63, 0);

/// Plugins whose fields are built in, at the version they stand for.
const PLUGINS: [(&str, Version); 3] = [
    ("container", Version::new(0, 7, 1)),
    ("k8smeta", Version::new(0, 7, 1)),
    ("json", Version::new(0, 7, 1)),
];

/// When something was defined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Count of definitions before its first one.
    pub(crate) position: u32,
    /// Count of definitions before its last definition or addition.
    pub(crate) visibility: u32,
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Where its name stands, in its last definition.
    pub(crate) span: Span,
    /// Its items as written.
    pub(crate) items: Vec<Text>,
    /// When.
    pub(crate) order: Order,
}

/// A macro.
#[derive(Clone, Debug)]
pub(crate) struct Macro {
    /// Where its name stands, in its last definition.
    pub(crate) span: Span,
    /// Its condition, lists and macros not yet put in.
    pub(crate) condition: MappedText,
    /// When.
    pub(crate) order: Order,
}

/// A rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Where its name stands, in its last definition.
    pub(crate) span: Span,
    /// When.
    pub(crate) order: Order,
    /// `desc`
    pub(crate) desc: String,
    /// `condition`, without exceptions; lists and macros not yet put in.
    pub(crate) condition: MappedText,
    /// `output`
    pub(crate) output: MappedText,
    /// `priority`
    pub(crate) priority: Priority,
    /// `source`
    pub(crate) source: String,
    /// Whether somebody provides its source; if not, the rule is dropped.
    pub(crate) known_source: bool,
    /// `tags`
    pub(crate) tags: BTreeSet<String>,
    /// `exceptions`
    pub(crate) exceptions: Vec<RuleException>,
    /// `enabled`
    pub(crate) enabled: bool,
    /// `warn_evttypes`
    pub(crate) warn_evttypes: bool,
    /// `skip-if-unknown-filter`
    pub(crate) skip_if_unknown_filter: bool,
    /// `capture`
    pub(crate) capture: bool,
    /// `capture_duration` in milliseconds
    pub(crate) capture_duration_ms: u32,
}

/// Everything collected so far.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    /// Lists in order of first definition.
    pub(crate) lists: IndexMap<String, List>,
    /// Macros in order of first definition.
    pub(crate) macros: IndexMap<String, Macro>,
    /// Rules in order of first definition.
    pub(crate) rules: IndexMap<String, Rule>,
    plugins: Vec<PluginItem>,
    /// Definitions and additions so far.
    count: u32,
    /// Names whose definition has an error: that they are missing is not their users' fault.
    broken: HashSet<String>,
    /// Whether a file could not be read, so that anything may be missing.
    incomplete: bool,
}

impl Collection {
    /// Takes in the items of one more file.
    pub(crate) fn add(&mut self, file: File, schema: &Schema, found: &mut Diagnostics) {
        self.incomplete |= !file.whole;
        self.broken.extend(file.broken);
        found.extend(file.diagnostics);
        for item in file.items {
            let (kind, name) = match &item {
                Item::Engine(_) => ("required_engine_version", None),
                Item::Plugin(_) => ("required_plugin_versions", None),
                Item::List(list) => ("list", Some(&list.name)),
                Item::Macro(item) => ("macro", Some(&item.name)),
                Item::Rule(rule) => ("rule", Some(&rule.name)),
            };
            let name = name.map(|name| name.as_str().to_owned());
            let result = match item {
                Item::Engine(engine) => check_engine(&engine),
                Item::Plugin(plugin) => self.require(plugin),
                Item::List(list) => self.list(list),
                Item::Macro(item) => self.macro_item(item),
                Item::Rule(rule) => self.rule(rule, schema, found),
            };
            if let Err(errors) = result {
                let context = [(kind.to_owned(), name.clone().unwrap_or_default())];
                let told = errors.into_iter().map(|error| {
                    let context = [&context[..], &error.context[..]].concat();
                    error.within(&context)
                });
                found.extend(told);
                self.broken.extend(name);
            }
        }
    }

    /// Definitions and additions so far: the visibility of what comes next.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether the name may be missing for a reason that has been reported already.
    pub(crate) fn is_broken(&self, name: &str) -> bool {
        self.incomplete || self.broken.contains(name)
    }

    /// Checks, after the last file, that what the files require is there.
    pub(crate) fn check_plugins(&self, found: &mut Diagnostics) {
        for plugin in &self.plugins {
            let met = plugin.any_of.iter().any(|wanted| {
                let ours = PLUGINS
                    .iter()
                    .find(|(name, _)| *name == wanted.name.as_str());
                ours.zip(Version::parse(wanted.version.as_str()))
                    .is_some_and(|((_, ours), wanted)| ours.serves(wanted))
            });
            if met {
                continue;
            }
            let wanted: Vec<_> = plugin
                .any_of
                .iter()
                .map(|p| format!("{} {}", p.name.as_str(), p.version.as_str()))
                .collect();
            let ours: Vec<_> = PLUGINS
                .iter()
                .map(|(name, version)| format!("{name} {version}"))
                .collect();
            let span = plugin.any_of.first().map(|plugin| plugin.name.span);
            let message = format!(
                "no plugin here satisfies the requirement {}",
                wanted.join(" or ")
            );
            let help = format!(
                "built in are {}; remove the rules that need other plugins",
                ours.join(", ")
            );
            found.push(Diagnostic::error(Code::Validate, message, span).help(help));
        }
    }

    /// The next place in the order.
    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn require(&mut self, plugin: PluginItem) -> Result<(), Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut seen = HashSet::new();
        for PluginVersion { name, version } in &plugin.any_of {
            let (name_text, version_text) = (name.as_str(), version.as_str());
            if Version::parse(version_text).is_none() {
                let message =
                    format!("Invalid required version '{version_text}' for plugin '{name_text}'");
                errors
                    .push(invalid(message, version.span).help("write three numbers, as in 0.4.0"));
            }
            if !seen.insert(name_text) {
                let message = format!("plugin '{name_text}' is named twice in one requirement");
                errors.push(invalid(message, name.span));
            }
        }
        if errors.is_empty() {
            self.plugins.push(plugin)
        } else {
            return Err(errors);
        }
        Ok(())
    }

    fn list(&mut self, item: ListItem) -> Result<(), Vec<Diagnostic>> {
        let (name, span) = (item.name.as_str(), item.name.span);
        if !item.append {
            let visibility = self.next();
            let position = self
                .lists
                .get(name)
                .map_or(visibility, |list| list.order.position);
            let list = List {
                span,
                items: item.items,
                order: Order {
                    position,
                    visibility,
                },
            };
            self.lists.insert(name.to_owned(), list);
        } else if self.lists.contains_key(name) {
            let visibility = self.next();
            let list = &mut self.lists[name];
            list.items.extend(item.items);
            list.order.visibility = visibility;
        } else {
            let message = "List uses 'append' or 'override.items: append' but no list by that name already exists";
            return self.missing(message, &item.name, self.lists.keys());
        }
        Ok(())
    }

    fn macro_item(&mut self, item: MacroItem) -> Result<(), Vec<Diagnostic>> {
        let (name, span) = (item.name.as_str(), item.name.span);
        if !item.append {
            let visibility = self.next();
            let position = self
                .macros
                .get(name)
                .map_or(visibility, |existing| existing.order.position);
            let new = Macro {
                span,
                condition: item.condition.text,
                order: Order {
                    position,
                    visibility,
                },
            };
            self.macros.insert(name.to_owned(), new);
        } else if self.macros.contains_key(name) {
            let visibility = self.next();
            let existing = &mut self.macros[name];
            append_text(&mut existing.condition, &item.condition);
            existing.order.visibility = visibility;
        } else {
            let message = "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
            return self.missing(message, &item.name, self.macros.keys());
        }
        Ok(())
    }

    /// The error that there is nothing to change; none if why it is missing has been reported.
    fn missing<'n>(
        &self,
        message: &str,
        name: &Text,
        names: impl Iterator<Item = &'n String>,
    ) -> Result<(), Vec<Diagnostic>> {
        if self.is_broken(name.as_str()) {
            return Ok(());
        }
        let mut error = invalid(message, name.span);
        let near = suggest::closest(name.as_str(), names.map(String::as_str));
        error.help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "define it before, in this file or in one that is loaded earlier".into(),
        });
        Err(vec![error])
    }
}

fn check_engine(engine: &EngineItem) -> Result<(), Vec<Diagnostic>> {
    if ENGINE_VERSION.serves(engine.version) {
        return Ok(());
    }
    let message = format!(
        "Rules require engine version {}, but engine version is {ENGINE_VERSION}",
        engine.version
    );
    Err(vec![invalid(message, engine.span)])
}

fn invalid(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::error(Code::Validate, message, Some(span))
}

/// What upstream does to append: one space between old and new.
fn append_text(text: &mut MappedText, more: &Text) {
    text.push_made(" ", more.span);
    text.push(&more.text);
}
