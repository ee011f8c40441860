//! What a load has to say: codes, places, messages.

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
