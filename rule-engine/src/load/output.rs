//! The outputs of rules: what configuration appends, and templates.
//!
//! In: the [`Collection`]. Out: for each rule its template, that it has an error, or that it is dropped. Never: conditions; an
//! output is looked at before them.
//!
//! Sources: `rule_loader_compiler.cpp` of Falco.

use crate::collect::{Collection, Rule};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::resolve::Texts;
use crate::schema::Schema;
use crate::source::Span;
use crate::template::{self, Template};
use crate::text::MappedText;

/// Once stood for the container's name and id; now nothing is put in its place.
const CONTAINER_INFO: &str = "%container.info";

/// Text and fields added to the outputs of some rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendOutput {
    /// The text, as in a rule's output. It comes behind the output and a space.
    pub format: String,
    /// Only for the rule of this name.
    pub rule: Option<String>,
    /// Only for rules that have all of these tags.
    pub tags: Vec<String>,
    /// Only for rules of this source.
    pub source: Option<String>,
}

impl AppendOutput {
    /// The fields that tell container and pod, for every rule.
    pub fn container() -> AppendOutput {
        let fields = [
            "container_id=%container.id",
            "container_name=%container.name",
            "container_image_repository=%container.image.repository",
            "container_image_tag=%container.image.tag",
            "k8s_pod_name=%k8s.pod.name",
            "k8s_ns_name=%k8s.ns.name",
        ];
        AppendOutput {
            format: fields.join(" "),
            rule: None,
            tags: Vec::new(),
            source: None,
        }
    }

    fn applies(&self, name: &str, rule: &Rule) -> bool {
        self.rule.as_ref().is_none_or(|wanted| wanted == name)
            && self
                .source
                .as_ref()
                .is_none_or(|wanted| *wanted == rule.source)
            && self.tags.iter().all(|tag| rule.tags.contains(tag))
    }
}

/// What came of a rule's output.
pub(super) enum Outcome {
    /// The output as compiled, and its template.
    Compiled(String, Template),
    /// It has an error, which has been reported.
    Broken,
    /// The rule is dropped: for its source, or for an unknown field that it tolerates.
    Dropped,
}

impl Outcome {
    /// The output and its template, if it compiled.
    pub(super) fn compiled(self) -> Option<(String, Template)> {
        if let Outcome::Compiled(output, template) = self {
            Some((output, template))
        } else {
            None
        }
    }
}

/// Compiles the outputs of all rules, in the order of the collection.
pub(super) fn compile(
    collection: &Collection,
    schema: &Schema,
    append: &[AppendOutput],
    texts: &mut Texts,
    found: &mut Diagnostics,
) -> Vec<Outcome> {
    let outcome = |(name, rule): (&String, &Rule)| {
        if !rule.known_source {
            return Outcome::Dropped;
        }
        let context = vec![
            ("rule".to_owned(), name.clone()),
            ("output".to_owned(), String::new()),
        ];
        let text = whole(name, rule, append, &context, found);
        let id = texts.add(text, context);
        match template::parse(texts.text(id), id, schema) {
            Ok((template, warnings)) => {
                found.extend(
                    warnings
                        .into_iter()
                        .map(|finding| texts.diagnostic(finding, Severity::Warning)),
                );
                Outcome::Compiled(texts.text(id).to_owned(), template)
            }
            Err(findings) => {
                match super::report(findings, rule.skip_if_unknown_filter, texts, found) {
                    true => Outcome::Dropped,
                    false => Outcome::Broken,
                }
            }
        }
    };
    collection.rules.iter().map(outcome).collect()
}

/// The output with what is appended to it.
fn whole(
    name: &str,
    rule: &Rule,
    append: &[AppendOutput],
    context: &[(String, String)],
    found: &mut Diagnostics,
) -> MappedText {
    let mut text = rule.output.clone();
    let end = text.span(text.len()..text.len()).unwrap_or(rule.span);
    let place = Span {
        start: end.start.saturating_sub(1),
        ..end
    };
    for more in append.iter().filter(|more| more.applies(name, rule)) {
        text.push_made(" ", place);
        text.push_made(&more.format, place);
    }
    if let Some(at) = text.as_str().find(CONTAINER_INFO) {
        let span = text.span(at..at + CONTAINER_INFO.len());
        let message =
            "%container.info is deprecated and no more useful: nothing is put in its place";
        let help = "remove it: the container's fields are appended to every output";
        found.push(
            Diagnostic::warning(Code::DeprecatedItem, message, span)
                .help(help)
                .within(context),
        );
        text = without(&text, CONTAINER_INFO);
    }
    text
}

/// The text with every occurrence of `needle` left out.
fn without(text: &MappedText, needle: &str) -> MappedText {
    let mut out = MappedText::default();
    let mut from = 0;
    for (at, _) in text.as_str().match_indices(needle) {
        out.push_slice(text, from..at);
        from = at + needle.len();
    }
    out.push_slice(text, from..text.len());
    out
}
