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

use std::collections::{BTreeSet, HashSet};

use indexmap::IndexMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::priority::Priority;
use crate::read::File;
use crate::read::item::{
    EngineItem, Item, ListItem, MacroItem, PluginItem, PluginVersion, RuleChange, RuleDefinition,
    RuleItem, RuleUpdate, Text,
};
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
#[derive(Debug)]
pub(crate) struct List {
    /// Where its name stands, in its last definition.
    pub(crate) span: Span,
    /// Its items as written.
    pub(crate) items: Vec<Text>,
    /// When.
    pub(crate) order: Order,
}

/// A macro.
#[derive(Debug)]
pub(crate) struct Macro {
    /// Where its name stands, in its last definition.
    pub(crate) span: Span,
    /// Its condition, lists and macros not yet put in.
    pub(crate) condition: MappedText,
    /// When.
    pub(crate) order: Order,
}

/// A rule.
#[derive(Debug)]
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

    fn rule(
        &mut self,
        item: RuleItem,
        schema: &Schema,
        found: &mut Diagnostics,
    ) -> Result<(), Vec<Diagnostic>> {
        let RuleItem { name, change } = item;
        match change {
            RuleChange::Define(definition) => self.define_rule(&name, *definition, schema, found),
            RuleChange::Enable(enabled) => match self.rules.get_mut(name.as_str()) {
                Some(rule) => {
                    rule.enabled = enabled;
                    Ok(())
                }
                None => {
                    let message = "Rule has 'enabled' key but no rule by that name already exists";
                    self.missing(message, &name, self.rules.keys())
                }
            },
            RuleChange::Update {
                source,
                append,
                replace,
            } => {
                self.check_source(&name, source.as_ref())?;
                if let Some(update) = append {
                    self.append_to_rule(&name, *update, schema)?;
                }
                if let Some(update) = replace {
                    self.replace_in_rule(&name, *update, schema)?;
                }
                Ok(())
            }
        }
    }

    fn define_rule(
        &mut self,
        name: &Text,
        new: RuleDefinition,
        schema: &Schema,
        found: &mut Diagnostics,
    ) -> Result<(), Vec<Diagnostic>> {
        let RuleDefinition {
            desc,
            condition,
            output,
            priority,
            source,
            options,
        } = new;
        let source_name = source.as_ref().map_or(DEFAULT_SOURCE, Text::as_str);
        if let Some(rule) = self
            .rules
            .get(name.as_str())
            .filter(|rule| rule.source != source_name)
        {
            let span = source.as_ref().map_or(name.span, |source| source.span);
            return Err(vec![other_source(rule, span)]);
        }
        let known_source = source_name == schema.source;
        if !known_source {
            let span = source.as_ref().map_or(name.span, |source| source.span);
            let message = format!("Unknown source {source_name}, skipping");
            let context = [("rule".to_owned(), name.as_str().to_owned())];
            let help = format!(
                "the only source here is `{}`; the rule is left out",
                schema.source
            );
            found.push(
                Diagnostic::warning(Code::UnknownSource, message, Some(span))
                    .help(help)
                    .within(&context),
            );
        }
        let exceptions = exception::define(
            options.exceptions.unwrap_or_default(),
            known_source.then_some(schema),
        )?;
        let visibility = self.next();
        let position = self
            .rules
            .get(name.as_str())
            .map_or(visibility, |rule| rule.order.position);
        let rule = Rule {
            span: name.span,
            order: Order {
                position,
                visibility,
            },
            desc: desc.as_str().to_owned(),
            condition: condition.text,
            output: output.text,
            priority,
            source: source_name.to_owned(),
            known_source,
            tags: options.tags.unwrap_or_default(),
            exceptions,
            enabled: options.enabled.unwrap_or(true),
            warn_evttypes: options.warn_evttypes.unwrap_or(true),
            skip_if_unknown_filter: options.skip_if_unknown_filter.unwrap_or(false),
            capture: options.capture.unwrap_or(false),
            capture_duration_ms: options.capture_duration_ms.unwrap_or(0),
        };
        self.rules.insert(name.as_str().to_owned(), rule);
        Ok(())
    }

    fn append_to_rule(
        &mut self,
        name: &Text,
        update: RuleUpdate,
        schema: &Schema,
    ) -> Result<(), Vec<Diagnostic>> {
        let RuleUpdate {
            desc,
            condition,
            output,
            tags,
            exceptions,
            ..
        } = update;
        let visibility = self.next();
        let Some(rule) = self.rules.get_mut(name.as_str()) else {
            let message = "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists";
            return self.missing(message, name, self.rules.keys());
        };
        if desc.is_none()
            && condition.is_none()
            && output.is_none()
            && tags.is_none()
            && exceptions.is_none()
        {
            let message = "Appended rule must have exceptions or condition property";
            return Err(vec![invalid(message, name.span)]);
        }
        if let Some(condition) = condition {
            append_text(&mut rule.condition, &condition);
        }
        if let Some(output) = output {
            append_text(&mut rule.output, &output);
        }
        if let Some(desc) = desc {
            rule.desc.push(' ');
            rule.desc.push_str(desc.as_str());
        }
        rule.tags.extend(tags.unwrap_or_default());
        let schema = rule.known_source.then_some(schema);
        exception::append(&mut rule.exceptions, exceptions.unwrap_or_default(), schema)?;
        rule.order.visibility = visibility;
        Ok(())
    }

    fn replace_in_rule(
        &mut self,
        name: &Text,
        update: RuleUpdate,
        schema: &Schema,
    ) -> Result<(), Vec<Diagnostic>> {
        let RuleUpdate {
            desc,
            condition,
            output,
            priority,
            enabled,
            tags,
            exceptions,
            warn_evttypes,
            skip_if_unknown_filter,
            capture,
            capture_duration_ms,
        } = update;
        let visibility = self.next();
        let Some(rule) = self.rules.get_mut(name.as_str()) else {
            let message = "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists";
            return self.missing(message, name, self.rules.keys());
        };
        if let Some(exceptions) = exceptions {
            rule.exceptions = exception::define(exceptions, rule.known_source.then_some(schema))?;
        }
        replace(&mut rule.desc, desc.map(|desc| desc.as_str().to_owned()));
        replace(
            &mut rule.condition,
            condition.map(|condition| condition.text),
        );
        replace(&mut rule.output, output.map(|output| output.text));
        replace(&mut rule.priority, priority);
        replace(&mut rule.tags, tags);
        replace(&mut rule.enabled, enabled);
        replace(&mut rule.warn_evttypes, warn_evttypes);
        replace(&mut rule.skip_if_unknown_filter, skip_if_unknown_filter);
        replace(&mut rule.capture, capture);
        replace(&mut rule.capture_duration_ms, capture_duration_ms);
        rule.order.visibility = visibility;
        Ok(())
    }

    /// An update that names a source must name the rule's.
    fn check_source(&self, name: &Text, source: Option<&Text>) -> Result<(), Vec<Diagnostic>> {
        match (self.rules.get(name.as_str()), source) {
            (Some(rule), Some(source)) if rule.source != source.as_str() => {
                Err(vec![other_source(rule, source.span)])
            }
            _ => Ok(()),
        }
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

/// The source of rules that name none.
const DEFAULT_SOURCE: &str = "syscall";

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

fn other_source(rule: &Rule, span: Span) -> Diagnostic {
    let remark = format!("defined here for source `{}`", rule.source);
    invalid("Rule has been re-defined with a different source", span).related(rule.span, remark)
}

/// What upstream does to append: one space between old and new.
fn append_text(text: &mut MappedText, more: &Text) {
    text.push_made(" ", more.span);
    text.push(&more.text);
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
