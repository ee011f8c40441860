//! Rule unit tests: events, and which rules must and must not match them.
//!
//! In: a test file and a compiled [`RuleSet`]. Out: a [`Report`] of every case, with the part of the condition that decided
//! where a rule did something else than expected. Never: files; who calls it reads them.
//!
//! The format is described in docs/testing-rules.md.

mod read;
mod report;

pub use report::{junit, text};

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic};
use crate::eval::Evaluator;
use crate::explain::{self, Explanation};
use crate::load::{LoadOptions, Selected, Selector};
use crate::program::RuleSet;
use crate::sample::MapEvent;
use crate::schema::Schema;
use crate::source::{Source, SourceId, Span};
use crate::suggest::closest;

/// A test file that was read.
#[derive(Clone, Debug)]
pub struct Suite {
    source: Source,
    cases: Vec<Case>,
}

/// One event and what is expected of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    name: String,
    span: Option<Span>,
    event: MapEvent,
    /// Rules that must match, and where they are named.
    matching: Vec<(String, Option<Span>)>,
    /// Rules that must not match, and where they are named.
    silent: Vec<(String, Option<Span>)>,
    /// Rules that must match, where their output is given, and the output.
    outputs: Vec<(String, Option<Span>, String)>,
}

/// What came of a test file.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub source: Source,
    /// Its cases in order; none if it could not be read.
    pub outcomes: Vec<Outcome>,
    /// Why it could not be read.
    pub errors: Vec<Diagnostic>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub case: String,
    /// Where it stands.
    pub span: Option<Span>,
    /// What was not as expected; nothing: it passed.
    pub failures: Vec<Failure>,
}

/// An expectation that was not met.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was expected, pointed at where the file says it.
    pub diagnostic: Diagnostic,
    /// The part of the condition that decided, a line each; may be empty.
    pub because: String,
}

/// How rules are loaded for tests: switched-off rules are tested too, and outputs are those of the rules, nothing added.
pub fn load_options() -> LoadOptions {
    let everything = Selector {
        enable: true,
        what: Selected::Rule("*".to_owned()),
    };
    LoadOptions {
        selectors: vec![everything],
        append_output: Vec::new(),
        ..LoadOptions::default()
    }
}

impl Suite {
    /// Reads a test file.
    ///
    /// # Errors
    /// The report of a file that cannot be read, with everything that is wrong with it.
    pub fn read(source: Source, schema: &Schema) -> Result<Suite, Report> {
        match read::read(&source, SourceId(0), schema) {
            Ok(cases) => Ok(Suite { source, cases }),
            Err(errors) => Err(Report {
                source,
                outcomes: Vec::new(),
                errors,
            }),
        }
    }

    /// Names of the rules that some case expects to match.
    pub fn tested_rules(&self) -> BTreeSet<&str> {
        let matching = self
            .cases
            .iter()
            .flat_map(|case| &case.matching)
            .map(|(rule, _)| rule.as_str());
        let outputs = self
            .cases
            .iter()
            .flat_map(|case| &case.outputs)
            .map(|(rule, ..)| rule.as_str());
        matching.chain(outputs).collect()
    }

    /// Names of the rules that some case expects not to match.
    pub fn missed_rules(&self) -> BTreeSet<&str> {
        self.cases
            .iter()
            .flat_map(|case| &case.silent)
            .map(|(rule, _)| rule.as_str())
            .collect()
    }

    /// Judges every case.
    pub fn run(&self, rules: &RuleSet, schema: &Schema) -> Report {
        let mut evaluator = Evaluator::new(rules);
        let outcomes = self
            .cases
            .iter()
            .map(|case| run(case, rules, &mut evaluator, schema))
            .collect();
        Report {
            source: self.source.clone(),
            outcomes,
            errors: Vec::new(),
        }
    }
}

impl Report {
    /// Whether the file could be read and every case passed.
    pub fn passed(&self) -> bool {
        self.errors.is_empty()
            && self
                .outcomes
                .iter()
                .all(|outcome| outcome.failures.is_empty())
    }

    /// What the spans point into.
    fn sources(&self) -> &[Source] {
        std::slice::from_ref(&self.source)
    }
}

fn run(case: &Case, rules: &RuleSet, evaluator: &mut Evaluator, schema: &Schema) -> Outcome {
    let mut matched: Vec<(String, String)> = Vec::new();
    evaluator.evaluate(rules, &case.event, |found| {
        let mut output = String::new();
        found.output(&mut output);
        matched.push((found.rule.name.clone(), output));
    });
    let output_of = |rule: &str| {
        matched
            .iter()
            .find(|(name, _)| name == rule)
            .map(|(_, output)| output.as_str())
    };
    let mut failures = Vec::new();
    for (rule, span, expected) in &case.outputs {
        match output_of(rule) {
            Some(found) if found == expected => {}
            Some(found) => failures.push(wrong_output(rule, *span, expected, found)),
            None => failures.push(unexpected(case, rule, *span, true, rules, schema)),
        }
    }
    let with_output = |rule: &str| case.outputs.iter().any(|(name, ..)| name == rule);
    for (rule, span) in case.matching.iter().filter(|(rule, _)| !with_output(rule)) {
        if output_of(rule).is_none() {
            failures.push(unexpected(case, rule, *span, true, rules, schema));
        }
    }
    for (rule, span) in &case.silent {
        if output_of(rule).is_some() || !rules.rules().iter().any(|known| known.name == *rule) {
            failures.push(unexpected(case, rule, *span, false, rules, schema));
        }
    }
    Outcome {
        case: case.name.clone(),
        span: case.span,
        failures,
    }
}

fn wrong_output(rule: &str, span: Option<Span>, expected: &str, found: &str) -> Failure {
    let message = format!("rule `{rule}` matches, but its output is another");
    let diagnostic = Diagnostic::error(Code::TestFailed, message, span);
    Failure {
        diagnostic,
        because: format!("expected  {expected}\nfound     {found}"),
    }
}

/// A rule that does not match though it must, or the other way round, or that there is not.
fn unexpected(
    case: &Case,
    rule: &str,
    span: Option<Span>,
    must: bool,
    rules: &RuleSet,
    schema: &Schema,
) -> Failure {
    let Some(known) = rules.rules().iter().find(|known| known.name == rule) else {
        let names = rules.rules().iter().map(|rule| rule.name.as_str());
        let mut diagnostic =
            Diagnostic::error(Code::TestFailed, format!("there is no rule `{rule}`"), span);
        diagnostic.help = closest(rule, names).map(|name| format!("did you mean `{name}`?"));
        return Failure {
            diagnostic,
            because: String::new(),
        };
    };
    let verb = if must {
        "does not match"
    } else {
        "matches, though it must not"
    };
    let diagnostic = Diagnostic::error(Code::TestFailed, format!("rule `{rule}` {verb}"), span);
    let because = match explain::explain(known, &case.event, schema) {
        Ok(explanation) => Explanation::decided(&explanation),
        Err(too_large) => too_large.to_string(),
    };
    Failure {
        diagnostic,
        because,
    }
}

#[cfg(test)]
mod tests;
