//! Rules defined, added to, replaced in part, switched.
//!
//! In: a [`RuleItem`]. Out: the rule in the [`Collection`], as it stands now. Never: its condition's and output's content.

use super::exception;
use super::{Collection, Order, Rule, append_text, invalid};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::read::item::{RuleChange, RuleDefinition, RuleItem, RuleUpdate, Text};
use crate::schema::Schema;
use crate::source::Span;

/// The source of rules that name none.
const DEFAULT_SOURCE: &str = "syscall";

impl Collection {
    /// Takes in what an item says about a rule.
    pub(super) fn rule(
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
}

fn other_source(rule: &Rule, span: Span) -> Diagnostic {
    let remark = format!("defined here for source `{}`", rule.source);
    invalid("Rule has been re-defined with a different source", span).related(rule.span, remark)
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
