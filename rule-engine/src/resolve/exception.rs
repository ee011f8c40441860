//! A rule's condition with its exceptions: `(condition) and not … and not …`, as text.
//!
//! In: a [`Rule`]. Out: one text, since the names of lists are to work in the values. Never: parsing.
//!
//! Sources: `rule_loader_compiler.cpp` of Falco.

use super::list::push_quoted;
use crate::collect::Rule;
use crate::collect::exception::{Column, Form, RuleException};
use crate::diagnostic::{Code, Diagnostic};
use crate::read::item::Entry;
use crate::source::Span;
use crate::text::MappedText;

/// The condition of a rule with its exceptions.
pub(super) fn condition(rule: &Rule) -> Result<MappedText, Vec<Diagnostic>> {
    if rule.exceptions.is_empty() {
        return Ok(rule.condition.clone());
    }
    let around = rule
        .condition
        .span(0..rule.condition.len())
        .unwrap_or(rule.span);
    let mut text = MappedText::default();
    text.push_made(
        "(",
        Span {
            end: around.start + 1,
            ..around
        },
    );
    text.push(&rule.condition);
    text.push_made(
        ")",
        Span {
            start: around.end.saturating_sub(1),
            ..around
        },
    );
    let mut errors = Vec::new();
    for exception in &rule.exceptions {
        let term = match &exception.form {
            Form::Single(column) => single(exception, column),
            Form::Tuple(columns) => tuples(exception, columns),
        };
        match term {
            Ok(term) if term.is_empty() => {}
            Ok(term) => {
                text.push_made(" and not ", exception.name.span);
                text.push(&term);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(text)
    } else {
        Err(errors)
    }
}

/// `(F C (v1, v2))`, or nothing without values.
fn single(exception: &RuleException, column: &Column) -> Result<MappedText, Diagnostic> {
    let span = exception.name.span;
    let mut text = MappedText::default();
    for value in &exception.values {
        if let Entry::List(_, place) = value {
            let message = "Expected values array to contain a list of strings";
            return Err(error(exception, message, *place).help(
                "make `fields` and `comps` lists too, or write the values without inner brackets",
            ));
        }
        if text.is_empty() {
            text.push_made("(", span);
            text.push(&column.field);
            text.push_made(" ", span);
            text.push(&column.comparator);
            text.push_made(" (", span);
        } else {
            text.push_made(", ", span);
        }
        if let Entry::Word(word) = value {
            push_quoted(&mut text, word, None);
        }
    }
    if !text.is_empty() {
        text.push_made("))", span);
    }
    Ok(text)
}

/// `((F1 C1 a1 and F2 C2 a2) or (F1 C1 b1 and F2 C2 b2))`, or nothing without values.
fn tuples(exception: &RuleException, columns: &[Column]) -> Result<MappedText, Diagnostic> {
    let span = exception.name.span;
    let mut text = MappedText::default();
    for value in &exception.values {
        let members = match value {
            Entry::List(members, _) => &members[..],
            _ => &[],
        };
        if members.len() != columns.len() {
            let place = value.span().unwrap_or(span);
            let help = format!(
                "each value is a list with one member for each field: {} in all",
                columns.len()
            );
            return Err(error(
                exception,
                "Fields and values lists must have equal length",
                place,
            )
            .help(help));
        }
        text.push_made(if text.is_empty() { "((" } else { " or (" }, span);
        for (index, (column, member)) in columns.iter().zip(members).enumerate() {
            text.push_made(if index == 0 { " " } else { " and  " }, span);
            text.push(&column.field);
            text.push_made(" ", span);
            text.push(&column.comparator);
            text.push_made(" ", span);
            push_value(&mut text, column, member, span);
        }
        text.push_made(")", span);
    }
    if !text.is_empty() {
        text.push_made(")", span);
    }
    Ok(text)
}

/// One value of a tuple.
fn push_value(text: &mut MappedText, column: &Column, value: &Entry, span: Span) {
    match value {
        Entry::List(words, place) => {
            text.push_made("(", *place);
            let opened = text.len();
            for word in words {
                // A member that is not a word is written as nothing, and the condition will not parse.
                text.push_made(if text.len() == opened { "" } else { ", " }, *place);
                if let Entry::Word(word) = word {
                    push_quoted(text, word, None);
                }
            }
            text.push_made(")", *place);
        }
        Entry::Word(word) if !column.takes_list => push_quoted(text, word, None),
        Entry::Word(word) if word.as_str().starts_with('(') => text.push(&word.text),
        Entry::Word(word) => {
            text.push_made("(", word.span);
            text.push(&word.text);
            text.push_made(")", word.span);
        }
        Entry::Absent => text.push_made(if column.takes_list { "()" } else { "" }, span),
    }
}

fn error(exception: &RuleException, message: &str, span: Span) -> Diagnostic {
    let context = [("exception".to_owned(), exception.name.as_str().to_owned())];
    Diagnostic::error(Code::Validate, message, Some(span)).within(&context)
}
