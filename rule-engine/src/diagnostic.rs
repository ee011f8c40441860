//! What a load has to say: codes, places, messages.
//!
//! In: what every stage found. Out: [`Diagnostic`]s, each once and not too many. Drawing them is [`crate::render`]'s part.

use std::collections::HashSet;

use crate::source::{Span, TextRange};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rules do not load.
    Error,
    /// The rules load, but not as somebody meant.
    Warning,
    /// A remark of ours that upstream does not make.
    Lint,
}

/// The kind of a diagnostic, named as Falco names it where Falco has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// `LOAD_ERR_FILE_READ`
    FileRead,
    /// `LOAD_ERR_YAML_PARSE`
    YamlParse,
    /// `LOAD_ERR_YAML_VALIDATE`
    YamlValidate,
    /// `LOAD_ERR_COMPILE_CONDITION`
    CompileCondition,
    /// `LOAD_ERR_COMPILE_OUTPUT`
    CompileOutput,
    /// `LOAD_ERR_VALIDATE`
    Validate,
    /// `LOAD_UNKNOWN_SOURCE`
    UnknownSource,
    /// `LOAD_UNSAFE_NA_CHECK`
    UnsafeNaCheck,
    /// `LOAD_NO_EVTTYPE`
    NoEvttype,
    /// `LOAD_UNKNOWN_FILTER`
    UnknownFilter,
    /// `LOAD_UNUSED_MACRO`
    UnusedMacro,
    /// `LOAD_UNUSED_LIST`
    UnusedList,
    /// `LOAD_UNKNOWN_ITEM`
    UnknownItem,
    /// `LOAD_UNKNOWN_KEY`
    UnknownKey,
    /// `LOAD_DEPRECATED_ITEM`
    DeprecatedItem,
    /// `LOAD_APPEND_NO_VALUES`
    AppendNoValues,
    /// `LOAD_EXCEPTION_NAME_NOT_UNIQUE`
    ExceptionNameNotUnique,
    /// `LOAD_INVALID_MACRO_NAME`
    InvalidMacroName,
    /// `LOAD_INVALID_LIST_NAME`
    InvalidListName,
    /// `LOAD_COMPILE_CONDITION`: a remark on a condition that compiles.
    ConditionRemark,
    /// `LINT_LIST_NAME_LEFT`: the name of a list stands where its items were meant.
    ListNameLeft,
    /// `LINT_NEVER_MATCHES`: no event can satisfy the condition.
    NeverMatches,
    /// `LINT_UNTESTED_RULE`: no test case expects the rule to match.
    UntestedRule,
    /// `LINT_FILTER_OPEN`: the kernel cannot hold back a frequent event for the rule.
    FilterOpen,
    /// `TEST_ERR_CASE`: a rule test that is not well formed.
    TestCase,
    /// `TEST_FAILED`: a rule did not do what a test case expects.
    TestFailed,
}

impl Severity {
    /// The word in messages: `error`, `warning`, `lint`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Lint => "lint",
        }
    }
}

impl Code {
    /// The code as printed.
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// What the code stands for, in a few words.
    pub fn description(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Code::FileRead => ("LOAD_ERR_FILE_READ", "file cannot be read"),
            Code::YamlParse => ("LOAD_ERR_YAML_PARSE", "file is not valid YAML"),
            Code::YamlValidate => (
                "LOAD_ERR_YAML_VALIDATE",
                "YAML does not have the shape of rules",
            ),
            Code::CompileCondition => ("LOAD_ERR_COMPILE_CONDITION", "condition does not compile"),
            Code::CompileOutput => ("LOAD_ERR_COMPILE_OUTPUT", "output does not compile"),
            Code::Validate => (
                "LOAD_ERR_VALIDATE",
                "rules contradict each other or the engine",
            ),
            Code::UnknownSource => (
                "LOAD_UNKNOWN_SOURCE",
                "rule is for a source that nobody provides",
            ),
            Code::UnsafeNaCheck => (
                "LOAD_UNSAFE_NA_CHECK",
                "comparison with <NA> of a field that is never <NA>",
            ),
            Code::NoEvttype => (
                "LOAD_NO_EVTTYPE",
                "condition is not limited to few event types",
            ),
            Code::UnknownFilter => (
                "LOAD_UNKNOWN_FILTER",
                "rule dropped for an unknown field or event type",
            ),
            Code::UnusedMacro => ("LOAD_UNUSED_MACRO", "macro is not used"),
            Code::UnusedList => ("LOAD_UNUSED_LIST", "list is not used"),
            Code::UnknownItem => ("LOAD_UNKNOWN_ITEM", "item is of no known kind"),
            Code::UnknownKey => (
                "LOAD_UNKNOWN_KEY",
                "item has a key that its kind does not know",
            ),
            Code::DeprecatedItem => ("LOAD_DEPRECATED_ITEM", "deprecated way of writing"),
            Code::AppendNoValues => ("LOAD_APPEND_NO_VALUES", "appended exception has no values"),
            Code::ExceptionNameNotUnique => (
                "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
                "two exceptions of a rule have one name",
            ),
            Code::InvalidMacroName => (
                "LOAD_INVALID_MACRO_NAME",
                "name that no condition can refer to",
            ),
            Code::InvalidListName => (
                "LOAD_INVALID_LIST_NAME",
                "name that no condition can refer to",
            ),
            Code::ConditionRemark => (
                "LOAD_COMPILE_CONDITION",
                "condition compiles but may not mean what it says",
            ),
            Code::ListNameLeft => (
                "LINT_LIST_NAME_LEFT",
                "name of a list is left where its items were meant",
            ),
            Code::NeverMatches => ("LINT_NEVER_MATCHES", "no event can satisfy the condition"),
            Code::UntestedRule => (
                "LINT_UNTESTED_RULE",
                "no test case expects the rule to match",
            ),
            Code::FilterOpen => (
                "LINT_FILTER_OPEN",
                "the kernel cannot hold back a frequent event for the rule",
            ),
            Code::TestCase => ("TEST_ERR_CASE", "test case is not well formed"),
            Code::TestFailed => ("TEST_FAILED", "rule does not do what a test case expects"),
        }
    }
}

/// A message about a place in an expanded text, from parse, check or template; made into a [`Diagnostic`] by who knows where
/// the text came from.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// One sentence, lower case, no full stop: what is wrong.
    pub message: String,
    /// Where.
    pub range: TextRange,
    /// The macro calls that lead there, outermost first; each range lies in the text of the caller.
    pub trail: Vec<TextRange>,
    /// What to do about it.
    pub help: Option<String>,
    /// Set when the cause is an unknown field or event type, which `skip-if-unknown-filter` forgives.
    pub unknown_filter: bool,
}

/// A message about a place in a file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Error, warning or lint.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// One sentence: what is wrong.
    pub message: String,
    /// Where; `None` when the whole load is meant.
    pub span: Option<Span>,
    /// Further places, each with a remark ("first defined here", "in this macro, called here").
    pub related: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// The items around the place, outermost first: kind (`rule`, `macro`, `list` …) and name.
    pub context: Vec<(String, String)>,
}

impl Diagnostic {
    /// A message about a place.
    pub fn new(
        severity: Severity,
        code: Code,
        message: impl Into<String>,
        span: Option<Span>,
    ) -> Diagnostic {
        let (related, context) = (Vec::new(), Vec::new());
        Diagnostic {
            severity,
            code,
            message: message.into(),
            span,
            related,
            help: None,
            context,
        }
    }

    /// An error about a place.
    pub fn error(code: Code, message: impl Into<String>, span: Option<Span>) -> Diagnostic {
        Diagnostic::new(Severity::Error, code, message, span)
    }

    /// A warning about a place.
    pub fn warning(code: Code, message: impl Into<String>, span: Option<Span>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, code, message, span)
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// The same with a further place.
    #[must_use]
    pub fn related(mut self, span: Span, remark: impl Into<String>) -> Diagnostic {
        self.related.push((span, remark.into()));
        self
    }

    /// The same, within an item.
    #[must_use]
    pub fn within(mut self, context: &[(String, String)]) -> Diagnostic {
        self.context = context.to_vec();
        self
    }
}

/// The messages of a load: each once, at most [`Diagnostics::LIMIT`] of each severity; the rest is counted.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
    seen: HashSet<(Severity, Code, Option<Span>, String)>,
    kept: [usize; 3],
    omitted: usize,
}

impl Diagnostics {
    /// How many of one severity are kept.
    pub const LIMIT: usize = 500;

    /// Adds a message, unless it is there already or there are too many.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let key = (
            diagnostic.severity,
            diagnostic.code,
            diagnostic.span,
            diagnostic.message.clone(),
        );
        let kept = &mut self.kept[diagnostic.severity as usize];
        if *kept >= Self::LIMIT {
            self.omitted += usize::from(!self.seen.contains(&key));
        } else if self.seen.insert(key) {
            *kept += 1;
            self.entries.push(diagnostic);
        }
    }

    /// Whether an error is among them.
    pub fn has_errors(&self) -> bool {
        self.kept[Severity::Error as usize] > 0
    }

    /// The messages in order of their files and places, those without a place last, and how many were left out.
    pub fn into_sorted(mut self) -> (Vec<Diagnostic>, usize) {
        let place = |d: &Diagnostic| {
            d.span
                .map_or((u32::MAX, u32::MAX), |span| (span.source.0, span.start))
        };
        self.entries
            .sort_by_key(|diagnostic| (place(diagnostic), diagnostic.severity));
        (self.entries, self.omitted)
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        diagnostics
            .into_iter()
            .for_each(|diagnostic| self.push(diagnostic));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn error(message: &str, start: u32) -> Diagnostic {
        let span = Span {
            source: SourceId(0),
            start,
            end: start + 1,
        };
        Diagnostic::error(Code::Validate, message, Some(span))
    }

    #[test]
    fn the_same_message_is_kept_once_and_order_is_that_of_places() {
        let mut all = Diagnostics::default();
        all.extend([error("b", 9), error("a", 3), error("b", 9)]);
        all.push(Diagnostic::warning(Code::UnusedList, "no place", None));
        assert!(all.has_errors());
        let (sorted, omitted) = all.into_sorted();
        let messages: Vec<_> = sorted.iter().map(|d| d.message.as_str()).collect();
        assert_eq!((messages, omitted), (vec!["a", "b", "no place"], 0));
    }

    #[test]
    fn a_flood_is_counted_and_does_not_hide_other_severities() {
        let mut all = Diagnostics::default();
        for start in 0..Diagnostics::LIMIT as u32 + 7 {
            let warning = Diagnostic {
                severity: Severity::Warning,
                ..error("w", start)
            };
            all.push(warning);
        }
        assert!(!all.has_errors());
        all.push(error("late", 1));
        assert!(all.has_errors());
        let (sorted, omitted) = all.into_sorted();
        assert_eq!((sorted.len(), omitted), (Diagnostics::LIMIT + 1, 7));
    }
}
