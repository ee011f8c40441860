//! What is loaded, described: rules, macros and lists with what they use.
//!
//! In: a [`Loaded`]. Out: plain data, serialised under Falco's names. Never: part of loading: it is worked out when asked for.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Compiled, Loaded, rule_of};
use crate::ast::{Check, Expr, ExprKind, FieldExpr, Operand, Rhs, TransformArg, TransformExpr};
use crate::collect::exception::Form;
use crate::schema::Schema;
use crate::source::{Span, TextId};

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleInfo {
    /// Its name.
    pub name: String,
    /// `condition` as written, with what was appended.
    pub condition: String,
    /// As Falco prints it.
    pub priority: String,
    /// `output` as written, with what was appended by rule files.
    pub output: String,
    /// `desc`
    pub description: String,
    /// Whether its file and the configuration switch it on.
    pub enabled: bool,
    /// `source`
    pub source: String,
    /// `capture`
    pub capture: bool,
    /// `capture_duration` in milliseconds
    pub capture_duration: u32,
    /// `tags` in byte order
    pub tags: Vec<String>,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
    /// What it uses.
    pub details: RuleDetails,
}

/// What a rule uses, directly or through macros.
#[derive(Clone, Debug, Serialize)]
#[allow(
    missing_docs,
    reason = "the names say it; they are those of Falco's listing"
)]
pub struct RuleDetails {
    pub macros: BTreeSet<String>,
    pub lists: BTreeSet<String>,
    pub condition_operators: BTreeSet<String>,
    pub condition_fields: BTreeSet<String>,
    pub output_fields: BTreeSet<String>,
    pub exception_names: Vec<String>,
    pub exception_operators: Vec<String>,
    pub exception_fields: Vec<String>,
    /// The event types for which the rule is tried.
    pub events: Vec<&'static str>,
    /// The condition with lists and macros put in, normalised.
    pub condition_compiled: String,
    /// The output with what configuration appends.
    pub output_compiled: String,
}

/// A macro.
#[derive(Clone, Debug, Serialize)]
pub struct MacroInfo {
    /// Its name.
    pub name: String,
    /// Its condition as written, with what was appended.
    pub condition: String,
    /// Whether a rule or another macro uses it.
    pub used: bool,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
}

/// A list.
#[derive(Clone, Debug, Serialize)]
pub struct ListInfo {
    /// Its name.
    pub name: String,
    /// Its items as written, with what was appended.
    pub items: Vec<String>,
    /// Whether a rule, a macro or another list uses it.
    pub used: bool,
    /// Where its name stands.
    #[serde(skip)]
    pub span: Span,
}

impl Loaded {
    /// The rules that compiled, in the order in which they are tried.
    pub fn rule_infos(&self, schema: &Schema) -> Vec<RuleInfo> {
        self.compiled
            .iter()
            .map(|compiled| self.rule_info(compiled, schema))
            .collect()
    }

    /// The macros, in order of definition.
    pub fn macro_infos(&self) -> Vec<MacroInfo> {
        let info = |(name, item): (&String, &crate::collect::Macro)| MacroInfo {
            name: name.clone(),
            condition: item.condition.as_str().to_owned(),
            used: !self.resolved.unused_macros.contains(name),
            span: item.span,
        };
        self.collection.macros.iter().map(info).collect()
    }

    /// The lists, in order of definition.
    pub fn list_infos(&self) -> Vec<ListInfo> {
        let info = |(name, list): (&String, &crate::collect::List)| ListInfo {
            name: name.clone(),
            items: list
                .items
                .iter()
                .map(|item| item.as_str().to_owned())
                .collect(),
            used: !self.resolved.unused_lists.contains(name),
            span: list.span,
        };
        self.collection.lists.iter().map(info).collect()
    }

    fn rule_info(&self, compiled: &Compiled, schema: &Schema) -> RuleInfo {
        let (name, rule) = rule_of(&self.collection, compiled.condition.rule);
        let mut uses = Uses::default();
        uses.walk(&compiled.condition.expr);
        uses.texts.insert(compiled.condition.text);
        let lists = uses
            .texts
            .iter()
            .flat_map(|text| self.resolved.lists_in(*text));
        let columns = rule
            .exceptions
            .iter()
            .flat_map(|exception| match &exception.form {
                Form::Single(column) => std::slice::from_ref(column),
                Form::Tuple(columns) => columns,
            });
        let (fields, operators) = columns
            .map(|c| {
                (
                    c.field.as_str().to_owned(),
                    c.comparator.as_str().to_owned(),
                )
            })
            .unzip();
        let details = RuleDetails {
            lists: lists.cloned().collect(),
            macros: uses.macros,
            condition_operators: uses.operators,
            condition_fields: uses.fields,
            output_fields: compiled
                .template
                .fields()
                .iter()
                .map(|field| field.key.clone())
                .collect(),
            exception_names: rule
                .exceptions
                .iter()
                .map(|exception| exception.name.as_str().to_owned())
                .collect(),
            exception_operators: operators,
            exception_fields: fields,
            events: compiled
                .events
                .iter()
                .map(|event| schema.event_def(event).name)
                .collect(),
            condition_compiled: compiled.condition.expr.to_string(),
            output_compiled: compiled.output.clone(),
        };
        RuleInfo {
            name: name.to_owned(),
            condition: rule.condition.as_str().to_owned(),
            priority: rule.priority.to_string(),
            output: rule.output.as_str().to_owned(),
            description: rule.desc.clone(),
            enabled: compiled.enabled,
            source: rule.source.clone(),
            capture: rule.capture,
            capture_duration: rule.capture_duration_ms,
            tags: rule.tags.iter().cloned().collect(),
            span: rule.span,
            details,
        }
    }
}

/// Whether a condition looks at a field, directly or through macros.
pub(super) fn mentions(expr: &Expr, field: &str) -> bool {
    let mut uses = Uses::default();
    uses.walk(expr);
    uses.fields.contains(field)
}

/// What a condition uses.
#[derive(Default)]
struct Uses {
    macros: BTreeSet<String>,
    operators: BTreeSet<String>,
    fields: BTreeSet<String>,
    /// The texts in which it stands: its own, and those of its macros.
    texts: BTreeSet<TextId>,
}

impl Uses {
    fn walk(&mut self, expr: &Expr) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            self.texts.insert(expr.range.text);
            match &expr.kind {
                ExprKind::And(members) | ExprKind::Or(members) => open.extend(members),
                ExprKind::Not(inner) => open.push(inner),
                ExprKind::Check(check) => self.check(check),
                ExprKind::Macro(_) => {}
                // The body of a macro is looked at once, however often it is called.
                ExprKind::Expanded { name, body } => {
                    if self.macros.insert(name.clone()) {
                        open.push(body);
                    }
                }
            }
        }
    }

    fn check(&mut self, check: &Check) {
        let modifier = check
            .modifier
            .map_or(String::new(), |modifier| format!(" {}", modifier.name()));
        self.operators
            .insert(format!("{}{modifier}", check.op.name()));
        match &check.operand {
            Operand::Field(field) => self.field(field),
            Operand::Transform(transform) => self.transform(transform),
        }
        match &check.rhs {
            Rhs::Field(field) => self.field(field),
            Rhs::Transform(transform) => self.transform(transform),
            Rhs::None | Rhs::Value(_) | Rhs::List(..) => {}
        }
    }

    fn transform(&mut self, transform: &TransformExpr) {
        let mut open: Vec<&TransformArg> = transform.args.iter().collect();
        while let Some(arg) = open.pop() {
            match arg {
                TransformArg::Field(field) => self.field(field),
                TransformArg::Transform(inner) => open.extend(&inner.args),
                TransformArg::List(members, _) => open.extend(members),
                TransformArg::Text(_) | TransformArg::Number(_) => {}
            }
        }
    }

    fn field(&mut self, field: &FieldExpr) {
        self.fields.insert(field.to_string());
    }
}
