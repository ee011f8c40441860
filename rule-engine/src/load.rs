//! Rule files in, a compiled rule set or everything that is wrong with them out.
//!
//! In: the files in order, the schema, what configuration says. Out: [`Loaded`]. A file may use what earlier files define and
//! never what later ones do: after each file what it can have changed is compiled, after the last one everything.
//!
//! Sources: `rule_loader_compiler.cpp`, `falco_engine.cpp` of Falco.

mod change;
mod filter;
mod listing;
mod output;
mod paths;
mod select;

use crate::check;
use crate::collect::{Collection, Rule};
use crate::compile::{self, RuleSpec};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Finding, Severity};
use crate::eventset::{EventSet, TOO_MANY};
use crate::priority::Priority;
use crate::program::{Matching, RuleSet};
use crate::read;
use crate::resolve::{self, Condition, Resolved, Texts};
use crate::schema::Schema;
use crate::source::{Source, SourceId, Span, TextRange};
use crate::template::Template;
use change::Changes;
pub use listing::{ListInfo, MacroInfo, RuleDetails, RuleInfo};
pub use output::AppendOutput;
pub use paths::read_paths;
pub use select::{Selected, Selector};

/// What configuration says about rules.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Rules that are less severe than this are not tried.
    pub minimum_priority: Priority,
    /// Rules to switch on and off, in order, after all files.
    pub selectors: Vec<Selector>,
    /// Whether an event fires all rules that match it or the first one.
    pub matching: Matching,
    /// What is added to outputs.
    pub append_output: Vec<AppendOutput>,
}

impl Default for LoadOptions {
    /// Every priority, nothing switched, all matches, and the fields that tell the container added to each output.
    fn default() -> Self {
        LoadOptions {
            minimum_priority: Priority::Debug,
            selectors: Vec::new(),
            matching: Matching::All,
            append_output: vec![AppendOutput::container()],
        }
    }
}

/// What came of a load.
pub struct Loaded {
    /// The files, as the diagnostics point into them.
    pub sources: Vec<Source>,
    /// Everything that was found, in the order of files and places.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there were beyond [`Diagnostics::LIMIT`].
    pub omitted: usize,
    /// The compiled rules, if there is no error.
    pub rules: Option<RuleSet>,
    collection: Collection,
    compiled: Vec<Compiled>,
    resolved: Resolved,
    texts: Texts,
}

impl Loaded {
    /// Whether there is an error, so that [`Loaded::rules`] is `None`.
    pub fn has_errors(&self) -> bool {
        self.rules.is_none()
    }

    /// Where a part of a condition stands in its file.
    pub fn span(&self, range: TextRange) -> Option<Span> {
        self.texts.span(range)
    }
}

/// A rule that compiled.
struct Compiled {
    condition: Condition,
    /// The output as it was compiled.
    output: String,
    template: Template,
    typed: crate::typed::Condition,
    events: EventSet,
    /// Whether it is switched on, by its file and by configuration.
    enabled: bool,
}

/// Loads rule files in the order given.
pub fn load(sources: Vec<Source>, schema: &Schema, options: &LoadOptions) -> Loaded {
    let mut found = Diagnostics::default();
    let mut collection = Collection::default();
    let mut changes = Changes::default();
    for (index, source) in sources.iter().enumerate() {
        let file = read::file(source, SourceId(index as u32));
        collection.add(file, schema, &mut found);
        if index + 1 < sources.len() {
            let part = changes.next(&collection);
            compile(&part, &collection, schema, options, &mut found);
        }
    }
    let round = compile(&collection, &collection, schema, options, &mut found);
    collection.check_plugins(&mut found);
    if !found.has_errors() {
        unused(&collection, &round.resolved, &mut found);
    }
    let Round {
        mut compiled,
        resolved,
        texts,
    } = round;
    for rule in &mut compiled {
        let (name, collected) = rule_of(&collection, rule.condition.rule);
        rule.enabled =
            select::enabled(&options.selectors, name, &collected.tags, collected.enabled);
    }
    let rules = (!found.has_errors()).then(|| {
        let specs = compiled
            .iter()
            .map(|rule| spec(rule, &collection, &sources, options))
            .collect();
        compile::rule_set(specs, schema, options.matching)
    });
    let (diagnostics, omitted) = found.into_sorted();
    Loaded {
        sources,
        diagnostics,
        omitted,
        rules,
        collection,
        compiled,
        resolved,
        texts,
    }
}

/// What a compilation gave.
struct Round {
    compiled: Vec<Compiled>,
    resolved: Resolved,
    texts: Texts,
}

/// Compiles a collection, which is a part of the whole or the whole itself.
fn compile(
    collection: &Collection,
    whole: &Collection,
    schema: &Schema,
    options: &LoadOptions,
    found: &mut Diagnostics,
) -> Round {
    let mut texts = Texts::default();
    let outputs = output::compile(
        collection,
        schema,
        &options.append_output,
        &mut texts,
        found,
    );
    let wanted = |rule: usize| !matches!(outputs.get(rule), Some(output::Outcome::Dropped));
    let mut resolved = resolve::resolve(collection, whole, wanted, &mut texts, found);
    let mut outputs: Vec<_> = outputs.into_iter().map(output::Outcome::compiled).collect();
    let mut compiled = Vec::new();
    for condition in std::mem::take(&mut resolved.conditions) {
        let (_, rule) = rule_of(collection, condition.rule);
        let Some(checked) = checked(&condition, rule, schema, &texts, found) else {
            continue;
        };
        remarks(collection, &condition, &checked.events, schema, found);
        let output = outputs.get_mut(condition.rule).and_then(Option::take);
        if let Some((output, template)) = output {
            let (typed, events) = (checked.typed, checked.events);
            compiled.push(Compiled {
                condition,
                output,
                template,
                typed,
                events,
                enabled: rule.enabled,
            });
        }
    }
    Round {
        compiled,
        resolved,
        texts,
    }
}

/// Checks the condition of a rule; `None` if it has an error, or names what does not exist and may.
fn checked(
    condition: &Condition,
    rule: &Rule,
    schema: &Schema,
    texts: &Texts,
    found: &mut Diagnostics,
) -> Option<check::Checked> {
    match check::condition(&condition.expr, schema) {
        Ok(mut checked) => {
            let warnings = std::mem::take(&mut checked.warnings);
            found.extend(
                warnings
                    .into_iter()
                    .map(|finding| texts.diagnostic(finding, Severity::Warning)),
            );
            Some(checked)
        }
        Err(findings) => {
            report(findings, rule.skip_if_unknown_filter, texts, found);
            None
        }
    }
}

/// Reports what does not compile: as errors, or, if the rule says so and the first is an unknown field or event type, as the
/// warning that the rule is dropped. Gives whether it is dropped.
fn report(
    findings: Vec<Finding>,
    skip_unknown: bool,
    texts: &Texts,
    found: &mut Diagnostics,
) -> bool {
    let dropped = skip_unknown && findings.first().is_some_and(|first| first.unknown_filter);
    if dropped {
        let first = findings.into_iter().next().map(|first| Finding {
            code: Code::UnknownFilter,
            ..first
        });
        found.extend(first.map(|first| {
            let warning = texts.diagnostic(first, Severity::Warning);
            let help = "the rule is left out, as `skip-if-unknown-filter` asks";
            let help = warning
                .help
                .as_ref()
                .map_or_else(|| help.to_owned(), |near| format!("{near} {help}"));
            warning.help(help)
        }));
    } else {
        found.extend(
            findings
                .into_iter()
                .map(|finding| texts.diagnostic(finding, Severity::Error)),
        );
    }
    dropped
}

/// Remarks on the set of event types for which the rule is tried.
fn remarks(
    collection: &Collection,
    condition: &Condition,
    events: &EventSet,
    schema: &Schema,
    found: &mut Diagnostics,
) {
    let (name, rule) = rule_of(collection, condition.rule);
    let context = [("rule".to_owned(), name.to_owned())];
    if rule.source == schema.source && rule.warn_evttypes && events.len() >= TOO_MANY {
        let message =
            "Rule matches too many evt.type values. This has a significant performance penalty.";
        let help = "limit each branch of the condition to the event types it is about, as in `evt.type in (open, openat)`; \
                    `warn_evttypes: false` silences this";
        found.push(
            Diagnostic::warning(Code::NoEvttype, message, Some(rule.span))
                .help(help)
                .within(&context),
        );
    }
    if events.is_empty() && rule.enabled && !listing::mentions(&condition.expr, "evt.num") {
        let message =
            "no event has all the types that the condition asks for: the rule never matches";
        let help = "compare `evt.type` with the types of one branch only, or write `evt.num = 0` if this is meant";
        let lint = Diagnostic::new(Severity::Lint, Code::NeverMatches, message, Some(rule.span));
        found.push(lint.help(help).within(&context));
    }
}

/// Macros and lists that nobody refers to.
fn unused(collection: &Collection, resolved: &Resolved, found: &mut Diagnostics) {
    for name in &resolved.unused_macros {
        let span = collection.macros.get(name).map(|unused| unused.span);
        let message = "Macro not referred to by any other rule/macro";
        let context = [("macro".to_owned(), name.clone())];
        found.push(Diagnostic::warning(Code::UnusedMacro, message, span).within(&context));
    }
    for name in &resolved.unused_lists {
        let span = collection.lists.get(name).map(|unused| unused.span);
        let message = "List not referred to by any other rule/macro";
        let context = [("list".to_owned(), name.clone())];
        found.push(Diagnostic::warning(Code::UnusedList, message, span).within(&context));
    }
}

fn spec(
    compiled: &Compiled,
    collection: &Collection,
    sources: &[Source],
    options: &LoadOptions,
) -> RuleSpec {
    let (name, rule) = rule_of(collection, compiled.condition.rule);
    let file = sources.get(rule.span.source.0 as usize);
    RuleSpec {
        name: name.to_owned(),
        desc: rule.desc.clone(),
        priority: rule.priority,
        source: rule.source.clone(),
        file: file.map_or_else(String::new, |file| file.name.clone()),
        tags: rule.tags.iter().cloned().collect(),
        enabled: compiled.enabled && rule.priority <= options.minimum_priority,
        position: compiled.condition.rule,
        condition: compiled.typed.clone(),
        events: compiled.events.clone(),
        output: compiled.template.clone(),
    }
}

/// A rule by its index; the indices of conditions are those of the collection they came from.
fn rule_of(collection: &Collection, index: usize) -> (&str, &Rule) {
    let (name, rule) = &collection
        .rules
        .get_index(index)
        .expect("the index was taken from this collection");
    (name, rule)
}

#[cfg(test)]
mod tests;
