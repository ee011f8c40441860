//! Exceptions of a rule: the parts brought together and checked.
//!
//! In: [`Exception`]s as read. Out: [`RuleException`]s whose fields and comparators are known and equal in number. Never: the
//! values; they count when the condition is made.
//!
//! Sources: `rule_loader_collector.cpp` of Falco.

use crate::ast::Operator;
use crate::diagnostic::{Code, Diagnostic};
use crate::read::item::{Entry, Exception, Text};
use crate::schema::Schema;
use crate::source::Span;
use crate::text::MappedText;
use crate::{check, op};

/// An exception of a rule.
#[derive(Clone, Debug)]
pub(crate) struct RuleException {
    /// Its name.
    pub(crate) name: Text,
    /// What is compared, and how.
    pub(crate) form: Form,
    /// With what.
    pub(crate) values: Vec<Entry>,
}

/// The two forms of exceptions.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// `fields: F`: one field, a flat list of values.
    Single(Column),
    /// `fields: [F1, F2]`: each value is a list of the same length.
    Tuple(Vec<Column>),
}

/// A field and its comparator.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// The field, maybe within transformers.
    pub(crate) field: MappedText,
    /// The comparator.
    pub(crate) comparator: MappedText,
    /// Whether the comparator takes a list.
    pub(crate) takes_list: bool,
}

/// Brings the exceptions of a definition together. `schema`: that of the rule's source, if it is known.
pub(super) fn define(
    exceptions: Vec<Exception>,
    schema: Option<&Schema>,
) -> Result<Vec<RuleException>, Vec<Diagnostic>> {
    let mut defined = Vec::with_capacity(exceptions.len());
    let mut errors = Vec::new();
    for exception in exceptions {
        let missing = "Rule exception item must have fields property with a list of fields";
        match new(exception, missing, schema) {
            Ok(exception) => defined.push(exception),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() {
        Ok(defined)
    } else {
        Err(errors)
    }
}

/// Adds exceptions to those of a rule, and values to those that are there by name.
pub(super) fn append(
    existing: &mut Vec<RuleException>,
    more: Vec<Exception>,
    schema: Option<&Schema>,
) -> Result<(), Vec<Diagnostic>> {
    let mut errors = Vec::new();
    for exception in more {
        let name = exception.name.as_str();
        let Some(known) = existing
            .iter_mut()
            .find(|known| known.name.as_str() == name)
        else {
            let span = exception.name.span;
            if exception.fields.is_given() && exception.values.is_empty() {
                errors.push(error(
                    "Rule exception must have values property with a list of values",
                    span,
                    &exception.name,
                ));
                continue;
            }
            match new(
                exception,
                "Rule exception must have fields property with a list of fields",
                schema,
            ) {
                Ok(exception) => existing.push(exception),
                Err(found) => errors.extend(found),
            }
            continue;
        };
        for (entry, what) in [(&exception.fields, "fields"), (&exception.comps, "comps")] {
            if entry.is_given() {
                let message =
                    format!("Can not append exception {what} to existing exception, only values");
                let span = entry.span().unwrap_or(exception.name.span);
                let found = error(message, span, &exception.name)
                    .related(known.name.span, "the exception is defined here");
                errors
                    .push(found.help(
                        "leave out `fields` and `comps`, or give the exception another name",
                    ));
            }
        }
        known.values.extend(exception.values);
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Brings the parts of one exception together. `missing`: what to say if it has no fields.
fn new(
    exception: Exception,
    missing: &str,
    schema: Option<&Schema>,
) -> Result<RuleException, Vec<Diagnostic>> {
    let Exception {
        name,
        fields,
        comps,
        values,
    } = exception;
    let one = |message: String, span: Span| Err(vec![error(message, span, &name)]);
    if !fields.is_given() {
        return one(missing.into(), fields.span().unwrap_or(name.span));
    }
    let form = match (&fields, comps.is_given().then_some(&comps)) {
        (Entry::List(fields, span), None) => {
            Form::Tuple(columns(fields, None, *span, &name, schema)?)
        }
        (Entry::List(fields, _), Some(Entry::List(comps, span))) if fields.len() == comps.len() => {
            Form::Tuple(columns(fields, Some(comps), *span, &name, schema)?)
        }
        (Entry::List(..), Some(comps)) => {
            return one(
                "Fields and comps lists must have equal length".into(),
                comps.span().unwrap_or(name.span),
            );
        }
        (Entry::Word(_), Some(Entry::List(_, span))) => {
            return one("Fields and comps must both be strings".into(), *span);
        }
        (Entry::Word(field), comp) => {
            Form::Single(single(field, comp.and_then(Entry::word), &name, schema)?)
        }
        (Entry::Absent, _) => return one(missing.into(), name.span),
    };
    Ok(RuleException { name, form, values })
}

fn single(
    field: &Text,
    comp: Option<&Text>,
    name: &Text,
    schema: Option<&Schema>,
) -> Result<Column, Vec<Diagnostic>> {
    let comparator = comparator(comp, "in", field.span);
    let mut errors = Vec::new();
    let takes_list = takes_list(comparator.as_str());
    if takes_list != Some(true) {
        let message = "When fields is a single value, comps must be one of (in, pmatch, intersects) or a modifier operator \
                       (e.g. startswith oneof)";
        let span = comp.map_or(field.span, |comp| comp.span);
        errors.push(
            error(message, span, name).help(
                "make `fields`, `comps` and each value a list to compare with other operators",
            ),
        );
    }
    errors.extend(check_field(field, name, schema));
    if errors.is_empty() {
        Ok(Column {
            field: field.text.clone(),
            comparator,
            takes_list: true,
        })
    } else {
        Err(errors)
    }
}

fn columns(
    fields: &[Entry],
    comps: Option<&[Entry]>,
    span: Span,
    name: &Text,
    schema: Option<&Schema>,
) -> Result<Vec<Column>, Vec<Diagnostic>> {
    let mut columns = Vec::with_capacity(fields.len());
    let mut errors = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let comp = comps.map(|comps| &comps[index]);
        let default = if comp.is_some() { "" } else { "=" };
        let comparator = comparator(
            comp.and_then(Entry::word),
            default,
            field.span().unwrap_or(span),
        );
        let takes_list = takes_list(comparator.as_str());
        if takes_list.is_none() {
            let span = comp.and_then(Entry::span).unwrap_or(span);
            errors.push(error(
                format!(
                    "'{}' is not a supported comparison operator",
                    comparator.as_str()
                ),
                span,
                name,
            ));
        }
        let Some(field) = field.word() else {
            if schema.is_some() {
                errors.push(error(
                    "'' is not a supported filter field",
                    field.span().unwrap_or(span),
                    name,
                ));
            }
            continue;
        };
        errors.extend(check_field(field, name, schema));
        columns.push(Column {
            field: field.text.clone(),
            comparator,
            takes_list: takes_list == Some(true),
        });
    }
    if errors.is_empty() {
        Ok(columns)
    } else {
        Err(errors)
    }
}

/// The comparator without blanks around it, or the default.
fn comparator(comp: Option<&Text>, default: &str, owed_to: Span) -> MappedText {
    match comp {
        Some(comp) => comp.text.trimmed(),
        None => {
            let mut text = MappedText::default();
            text.push_made(default, owed_to);
            text
        }
    }
}

/// Whether the comparator takes a list; `None` if there is no such comparator.
fn takes_list(comparator: &str) -> Option<bool> {
    let (operator, modifier) = op::parse_comparator(comparator)?;
    Some(
        modifier.is_some()
            || matches!(
                operator,
                Operator::In | Operator::Intersects | Operator::Pmatch
            ),
    )
}

fn check_field(field: &Text, name: &Text, schema: Option<&Schema>) -> Option<Diagnostic> {
    let finding = check::field_text(field.as_str(), schema?).err()?;
    let mut found = error(
        format!("'{}' is not a supported filter field", field.as_str()),
        field.span,
        name,
    );
    found.help = finding.help;
    Some(found)
}

fn error(message: impl Into<String>, span: Span, name: &Text) -> Diagnostic {
    let context = [("exception".to_owned(), name.as_str().to_owned())];
    Diagnostic::error(Code::Validate, message, Some(span)).within(&context)
}
