//! Conditions made whole: exceptions and lists put in as text, then parsed, then macros put in as trees.
//!
//! In: the [`Collection`] as it stands. Out: the tree of each rule, and for every place in an expanded text the way back to a
//! file. Never: fields, types, outputs.

mod exception;
mod lint;
mod list;
mod macros;

use std::collections::HashMap;

use crate::ast::Expr;
use crate::collect::{Collection, Rule};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Finding, Severity};
use crate::parse;
use crate::source::{Span, TextId, TextRange};
use crate::text::MappedText;
use list::Lists;
use macros::Macros;

/// Bytes that all expanded texts of a load may have together.
const MAX_TOTAL_BYTES: usize = 256 << 20;

/// The expanded texts of a load: conditions and outputs as they are parsed.
#[derive(Default)]
pub(crate) struct Texts {
    entries: Vec<Entry>,
    bytes: usize,
}

struct Entry {
    text: MappedText,
    /// The item that it belongs to.
    context: Vec<(String, String)>,
}

impl Texts {
    /// Keeps a text. `context`: the item that it belongs to, from outside in.
    pub(crate) fn add(&mut self, text: MappedText, context: Vec<(String, String)>) -> TextId {
        self.bytes += text.len();
        self.entries.push(Entry { text, context });
        TextId((self.entries.len() - 1) as u32)
    }

    /// The text.
    pub(crate) fn text(&self, id: TextId) -> &str {
        self.entries
            .get(id.0 as usize)
            .map_or("", |entry| entry.text.as_str())
    }

    /// Where a range of a text stands in a file.
    pub(crate) fn span(&self, range: TextRange) -> Option<Span> {
        self.entries
            .get(range.text.0 as usize)?
            .text
            .span(range.start as usize..range.end as usize)
    }

    /// Leads a finding back to its file, through the macro calls and the list that brought it where it was found.
    pub(crate) fn diagnostic(&self, finding: Finding, severity: Severity) -> Diagnostic {
        let Finding {
            code,
            message,
            range,
            trail,
            help,
            unknown_filter: _,
        } = finding;
        let mut diagnostic = Diagnostic::new(severity, code, message, self.span(range));
        diagnostic.help = help;
        let texts = trail.iter().chain([&range]).map(|range| range.text);
        for (index, text) in texts.enumerate() {
            let Some(entry) = self.entries.get(text.0 as usize) else {
                continue;
            };
            let context = entry
                .context
                .iter()
                .take(if index == 0 { usize::MAX } else { 1 });
            diagnostic.context.extend(context.cloned());
        }
        let entry = self.entries.get(range.text.0 as usize);
        if let Some(via) = entry.and_then(|entry| entry.text.via(range.start as usize)) {
            diagnostic
                .related
                .push((via, "the list is put in here".into()));
            if code == Code::CompileCondition && diagnostic.help.is_none() {
                let help = "an item with brackets, quotes, commas or `=` needs quotes of its own, as in '\"a=b\"'";
                diagnostic.help = Some(help.into());
            }
        }
        let calls = trail.iter().rev().filter_map(|call| self.span(*call));
        let calls = calls.filter(|call| Some(*call) != diagnostic.span);
        diagnostic
            .related
            .extend(calls.map(|call| (call, "the macro is called here".to_owned())));
        diagnostic
    }
}

/// The condition of a rule, whole.
pub(crate) struct Condition {
    /// Index of the rule in the collection.
    pub(crate) rule: usize,
    /// Its text with exceptions and lists.
    pub(crate) text: TextId,
    /// Its tree with macros.
    pub(crate) expr: Expr,
}

/// All conditions, whole.
#[derive(Default)]
pub(crate) struct Resolved {
    /// Those of rules with a known source, in order; without those that have an error.
    pub(crate) conditions: Vec<Condition>,
    /// Macros that nobody refers to.
    pub(crate) unused_macros: Vec<String>,
    /// Lists that nobody refers to.
    pub(crate) unused_lists: Vec<String>,
    /// Names of the lists that were put into each text.
    lists: HashMap<TextId, Vec<String>>,
}

impl Resolved {
    /// Names of the lists that were put into a text.
    pub(crate) fn lists_in(&self, text: TextId) -> &[String] {
        self.lists.get(&text).map_or(&[], Vec::as_slice)
    }
}

/// Makes all conditions whole; those of rules that are not `wanted` are passed over. `whole`: the collection that this one is a
/// part of, for messages about what is missing.
pub(crate) fn resolve(
    collection: &Collection,
    whole: &Collection,
    wanted: impl Fn(usize) -> bool,
    texts: &mut Texts,
    found: &mut Diagnostics,
) -> Resolved {
    let (lists, errors) = list::expand(collection);
    found.extend(errors);
    let mut resolver = Resolver {
        collection,
        lists: Lists::new(lists),
        texts,
        found,
        put_in: HashMap::new(),
    };
    let parsed = collection.macros.iter().map(|(name, item)| {
        let context = vec![
            ("macro".into(), name.clone()),
            ("condition".into(), String::new()),
        ];
        Some(
            resolver
                .parse(item.condition.clone(), context, item.span)?
                .1,
        )
    });
    let parsed = parsed.collect();
    let (mut macros, findings) = Macros::new(collection, whole, parsed);
    resolver.report(findings);
    let mut conditions = Vec::new();
    for (index, (name, rule)) in collection
        .rules
        .iter()
        .enumerate()
        .filter(|(index, _)| wanted(*index))
    {
        let Some((text, expr)) = resolver.rule(name, rule) else {
            continue;
        };
        let (expr, findings) = macros.expand_rule(expr);
        resolver.report(findings);
        conditions.extend(expr.map(|expr| Condition {
            rule: index,
            text,
            expr,
        }));
    }
    let unused = |name: &&String| !macros.used.contains(name.as_str());
    Resolved {
        conditions,
        unused_macros: collection.macros.keys().filter(unused).cloned().collect(),
        unused_lists: resolver.lists.unused().map(str::to_owned).collect(),
        lists: resolver.put_in,
    }
}

struct Resolver<'r> {
    collection: &'r Collection,
    lists: Lists,
    texts: &'r mut Texts,
    found: &'r mut Diagnostics,
    /// Names of the lists that were put into each text.
    put_in: HashMap<TextId, Vec<String>>,
}

impl Resolver<'_> {
    /// The condition of a rule, with exceptions and lists, parsed.
    fn rule(&mut self, name: &str, rule: &Rule) -> Option<(TextId, Expr)> {
        let context = vec![
            ("rule".into(), name.to_owned()),
            ("condition".into(), String::new()),
        ];
        match exception::condition(rule) {
            Ok(text) => self.parse(text, context, rule.span),
            Err(errors) => {
                self.found.extend(errors.into_iter().map(|error| {
                    let context = [&context[..1], &error.context[..]].concat();
                    error.within(&context)
                }));
                None
            }
        }
    }

    /// Puts lists into a condition and parses it.
    fn parse(
        &mut self,
        text: MappedText,
        context: Vec<(String, String)>,
        item: Span,
    ) -> Option<(TextId, Expr)> {
        let put_in = self.lists.substitute(text).and_then(|(text, lists)| {
            let total = self.texts.bytes + text.len();
            let message = format!("all conditions together have more than {MAX_TOTAL_BYTES} bytes with their lists put in, which is the limit");
            if total > MAX_TOTAL_BYTES { Err(message) } else { Ok((text, lists)) }
        });
        let (text, lists) = match put_in {
            Ok(put_in) => put_in,
            Err(message) => {
                self.found
                    .push(Diagnostic::error(Code::Validate, message, Some(item)).within(&context));
                return None;
            }
        };
        let id = self.texts.add(text, context);
        self.put_in.insert(id, lists);
        match parse::condition(self.texts.text(id), id) {
            Ok(expr) => {
                lint::lists(
                    &expr,
                    self.texts.text(id),
                    |name| self.collection.lists.contains_key(name),
                    |finding| {
                        self.found
                            .push(self.texts.diagnostic(finding, Severity::Lint));
                    },
                );
                Some((id, expr))
            }
            Err(finding) => {
                self.report(vec![finding]);
                None
            }
        }
    }

    fn report(&mut self, findings: Vec<Finding>) {
        let errors = findings
            .into_iter()
            .map(|finding| self.texts.diagnostic(finding, Severity::Error));
        self.found.extend(errors);
    }
}
