//! Test files → cases, each with its event.
//!
//! In: a [`Source`] in the format of docs/testing-rules.md. Out: [`Case`]s, or everything that is wrong with the file, each
//! with its place. Never: rules; whether a named rule exists is found out when the case runs.

use std::collections::HashMap;

use super::Case;
use crate::diagnostic::{Code, Diagnostic};
use crate::read::yaml::{NodeId, NodeKind, Yaml};
use crate::sample::{Datum, DatumKind, Fixture, MapEvent, SampleError, fixtures};
use crate::schema::Schema;
use crate::source::{Source, SourceId, Span};
use crate::suggest::closest;

/// Values that a file may stand for once aliases are repeated.
const MAX_VALUES: usize = 1_000_000;

const KEYS: &[&str] = &[
    "name",
    "event",
    "fixture",
    "set",
    "ancestors",
    "match",
    "no_match",
    "output",
];

/// Reads a test file.
pub(super) fn read(
    source: &Source,
    id: SourceId,
    schema: &Schema,
) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let yaml = Yaml::parse(source, id).map_err(|error| vec![error])?;
    let mut reader = Reader {
        schema,
        found: Vec::new(),
        names: HashMap::new(),
    };
    let mut budget = MAX_VALUES;
    let mut cases = Vec::new();
    for document in &yaml.documents {
        let Some(datum) = datum(&yaml, *document, &mut budget) else {
            let message =
                format!("file stands for more than {MAX_VALUES} values, which is the limit");
            return Err(vec![Diagnostic::error(
                Code::TestCase,
                message,
                Some(yaml.node(*document).span),
            )]);
        };
        match &datum.kind {
            DatumKind::Null => {}
            DatumKind::List(items) => {
                cases.extend(items.iter().filter_map(|item| reader.case(item)))
            }
            _ => {
                reader.error(
                    &datum,
                    format!("a test file is a list of cases, not {}", datum.describe()),
                );
            }
        }
    }
    if reader.found.is_empty() {
        Ok(cases)
    } else {
        Err(reader.found)
    }
}

/// A node with all that is below it; `None` when that is too much.
fn datum(yaml: &Yaml<'_>, id: NodeId, budget: &mut usize) -> Option<Datum> {
    *budget = budget.checked_sub(1)?;
    let node = yaml.node(id);
    let kind = match &node.kind {
        NodeKind::Null | NodeKind::Open => DatumKind::Null,
        NodeKind::Scalar(text, _) => DatumKind::Scalar(text.to_string()),
        NodeKind::Sequence(members) => DatumKind::List(
            members
                .iter()
                .map(|member| datum(yaml, *member, budget))
                .collect::<Option<_>>()?,
        ),
        NodeKind::Mapping(pairs) => {
            let mut pair = |(key, value): &(NodeId, NodeId)| {
                Some((datum(yaml, *key, budget)?, datum(yaml, *value, budget)?))
            };
            DatumKind::Map(pairs.iter().map(&mut pair).collect::<Option<_>>()?)
        }
    };
    Some(Datum {
        span: Some(node.span),
        kind,
    })
}

struct Reader<'s> {
    schema: &'s Schema,
    found: Vec<Diagnostic>,
    /// Where each name was first used.
    names: HashMap<String, Option<Span>>,
}

/// The values of one case's keys, each at most once.
#[derive(Default)]
struct Keys<'d>(HashMap<&'static str, (&'d Datum, &'d Datum)>);

impl<'d> Keys<'d> {
    fn get(&self, key: &str) -> Option<&'d Datum> {
        self.0.get(key).map(|(_, value)| *value)
    }
}

impl Reader<'_> {
    fn case(&mut self, item: &Datum) -> Option<Case> {
        let before = self.found.len();
        let DatumKind::Map(pairs) = &item.kind else {
            self.error(
                item,
                format!("a case is a mapping, not {}", item.describe()),
            );
            return None;
        };
        let keys = self.keys(pairs);
        let name = self.name(item, &keys);
        let event = self.event(item, &keys);
        let matching = self.rules(keys.get("match"));
        let silent = self.rules(keys.get("no_match"));
        let outputs = self.outputs(keys.get("output"));
        let expects = |key: &str| {
            keys.get(key)
                .is_some_and(|value| !matches!(value.kind, DatumKind::Null))
        };
        if !["match", "no_match", "output"].into_iter().any(expects) {
            self.error(item, "a case that expects nothing").help =
                Some("say which rules must match (`match:`) or must not (`no_match:`)".to_owned());
        }
        for (rule, span) in &silent {
            if matching.iter().any(|(other, _)| other == rule)
                || outputs.iter().any(|(other, ..)| other == rule)
            {
                let message = format!("rule `{rule}` must match and must not match");
                self.found
                    .push(Diagnostic::error(Code::TestCase, message, *span));
            }
        }
        let (name, event) = (name?, event?);
        (self.found.len() == before).then_some(Case {
            name,
            span: item.span,
            event,
            matching,
            silent,
            outputs,
        })
    }

    fn keys<'d>(&mut self, pairs: &'d [(Datum, Datum)]) -> Keys<'d> {
        let mut keys = Keys::default();
        for (key, value) in pairs {
            let written = key.scalar().unwrap_or_default();
            let Some(known) = KEYS.iter().find(|known| **known == written) else {
                let help = closest(written, KEYS.iter().copied()).map_or_else(
                    || format!("known are {}", KEYS.join(", ")),
                    |key| format!("did you mean `{key}`?"),
                );
                self.error(key, format!("a case has no key `{written}`"))
                    .help = Some(help);
                continue;
            };
            if keys.0.insert(known, (key, value)).is_some() {
                self.error(key, format!("key `{known}` stands twice"));
            }
        }
        keys
    }

    fn name(&mut self, item: &Datum, keys: &Keys<'_>) -> Option<String> {
        let Some(datum) = keys.get("name") else {
            self.error(item, "a case without `name`").help =
                Some("say in a few words what it shows".to_owned());
            return None;
        };
        let name = self.text(datum, "a name")?;
        match self.names.get(&name).copied() {
            Some(first) => {
                let error = self.error(datum, format!("two cases are named `{name}`"));
                error
                    .related
                    .extend(first.map(|span| (span, "the first one".to_owned())));
            }
            None => {
                self.names.insert(name.clone(), datum.span);
            }
        }
        Some(name)
    }

    fn event(&mut self, item: &Datum, keys: &Keys<'_>) -> Option<MapEvent> {
        let ancestors = keys.get("ancestors");
        let made = match (keys.get("event"), keys.get("fixture"), keys.get("set")) {
            (Some(fields), None, None) => MapEvent::exact(self.schema, fields, ancestors),
            (None, Some(name), changes) => {
                let base = self.fixture(name)?;
                let none = Datum {
                    span: None,
                    kind: DatumKind::Null,
                };
                MapEvent::fixture(self.schema, &base, changes.unwrap_or(&none), ancestors)
            }
            (Some(fields), Some(_), _) => {
                self.error(fields, "a case has either `event` or `fixture`, not both");
                return None;
            }
            (Some(_), None, Some(changes)) => {
                self.error(
                    changes,
                    "`set` changes a `fixture`; with `event` put the fields there",
                );
                return None;
            }
            (None, None, _) => {
                self.error(item, "a case without an event").help = Some(
                    "give `event:` with its fields, or `fixture:` with the name of a base"
                        .to_owned(),
                );
                return None;
            }
        };
        made.map_err(|errors| {
            self.found
                .extend(errors.into_iter().map(|error| diagnostic(error, item.span)))
        })
        .ok()
    }

    fn fixture(&mut self, datum: &Datum) -> Option<Fixture> {
        let name = self.text(datum, "a fixture")?;
        let found = Fixture::find(&name);
        if found.is_none() {
            let all = fixtures();
            let stem = name
                .trim_end_matches("_in_container")
                .trim_end_matches("_in_pod");
            let names = || all.iter().map(|base| base.name.as_str());
            let help = closest(stem, names()).map_or_else(
                || {
                    format!(
                        "there are {}, each also with `_in_container` and `_in_pod`",
                        names().collect::<Vec<_>>().join(", ")
                    )
                },
                |found| format!("did you mean `{found}{}`?", &name[stem.len()..]),
            );
            self.error(datum, format!("no fixture is named `{name}`"))
                .help = Some(help);
        }
        found
    }

    /// One rule name, or a list of them.
    fn rules(&mut self, datum: Option<&Datum>) -> Vec<(String, Option<Span>)> {
        let Some(datum) = datum else {
            return Vec::new();
        };
        match &datum.kind {
            DatumKind::List(members) => members
                .iter()
                .filter_map(|member| Some((self.text(member, "a rule")?, member.span)))
                .collect(),
            DatumKind::Null => Vec::new(),
            _ => self
                .text(datum, "a rule")
                .map(|name| (name, datum.span))
                .into_iter()
                .collect(),
        }
    }

    fn outputs(&mut self, datum: Option<&Datum>) -> Vec<(String, Option<Span>, String)> {
        match datum.map(|datum| (&datum.kind, datum)) {
            Some((DatumKind::Map(pairs), _)) => pairs
                .iter()
                .filter_map(|(rule, output)| {
                    Some((
                        self.text(rule, "a rule")?,
                        output.span,
                        self.text(output, "an output")?.trim_end().to_owned(),
                    ))
                })
                .collect(),
            None | Some((DatumKind::Null, _)) => Vec::new(),
            Some((_, datum)) => {
                self.error(
                    datum,
                    format!(
                        "`output` is a mapping of rules and texts, not {}",
                        datum.describe()
                    ),
                );
                Vec::new()
            }
        }
    }

    fn text(&mut self, datum: &Datum, what: &str) -> Option<String> {
        match datum.scalar() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.error(datum, format!("{what} is text, not {}", datum.describe()));
                None
            }
        }
    }

    fn error(&mut self, datum: &Datum, message: impl Into<String>) -> &mut Diagnostic {
        self.found
            .push(Diagnostic::error(Code::TestCase, message, datum.span));
        let last = self.found.len() - 1;
        &mut self.found[last]
    }
}

fn diagnostic(error: SampleError, case: Option<Span>) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(Code::TestCase, error.message, error.span.or(case));
    diagnostic.help = error.help;
    diagnostic
}
