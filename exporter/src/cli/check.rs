//! `saker check`: loads rules as `run` would and says everything that is wrong with them.
//!
//! In: rules, and tests that stand beside them. Out: messages with their places on standard error, a summary on standard
//! output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use rule_engine::casetest::Suite;
use rule_engine::diagnostic::{Code, Diagnostic, Severity};
use rule_engine::load::{LoadOptions, RuleInfo};
use rule_engine::render;
use rule_engine::schema::Schema;
use serde_json::json;

use super::filter::Filter;
use super::rules::{self, Found, RuleArgs};
use super::supply::Agent;
use super::{Terminal, Verdict, test};
use crate::app;
use crate::config::Settings;

/// Flags of `saker check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    rules: RuleArgs,
    /// Print messages and summary as one JSON object.
    #[arg(long)]
    json: bool,
    /// Also say, for each event type, what the kernel decides and which rules keep its filter open.
    #[arg(long)]
    filter: bool,
}

/// Loads, and prints what came of it.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> anyhow::Result<Verdict> {
    let schema = Schema::syscall();
    let mut found = rules::load(&args.rules.rules, &schema, &LoadOptions::default());
    let infos = found.loaded.rule_infos(&schema);
    let lints = untested(&args.rules.rules, &infos, &schema);
    found.loaded.diagnostics.extend(lints);
    let lints = found.loaded.filter_lints(&schema);
    found.loaded.diagnostics.extend(lints);
    let summary = Summary::new(&found, &infos, &schema);
    let filter = args
        .filter
        .then(|| Filter::of(&found.loaded, &schema))
        .flatten();
    if args.json {
        let mut json = summary.json(&found);
        if let Some(filter) = filter {
            json["filter"] = filter.json();
        }
        serde_json::to_writer_pretty(&mut *terminal.out, &json)?;
        writeln!(terminal.out)?;
    } else {
        rules::print(found.diagnostics(), &found.loaded.sources, terminal)?;
        if found.loaded.omitted > 0 {
            writeln!(terminal.err, "and {} more messages\n", found.loaded.omitted)?;
        }
        write!(terminal.out, "{}", summary.text())?;
        if let Some(filter) = filter {
            write!(terminal.out, "{}", filter.text())?;
        }
    }
    Ok(if found.has_errors() {
        Verdict::Bad
    } else {
        Verdict::Good
    })
}

/// Rules that no test expects to match, where tests stand below the rules at all.
fn untested(paths: &[PathBuf], infos: &[RuleInfo], schema: &Schema) -> Vec<Diagnostic> {
    let folders = paths.iter().map(|path| {
        if path.is_dir() {
            path.clone()
        } else {
            path.with_file_name("")
        }
    });
    let folders: BTreeSet<_> = folders
        .map(|folder| folder.join("tests"))
        .filter(|folder| folder.is_dir())
        .collect();
    let sources: Vec<_> = folders
        .iter()
        .flat_map(|folder| test::sources(folder).0)
        .collect();
    if sources.is_empty() {
        return Vec::new();
    }
    let mut tested = BTreeSet::new();
    for source in sources {
        if let Ok(suite) = Suite::read(source, schema) {
            tested.extend(suite.tested_rules().into_iter().map(str::to_owned));
        }
    }
    let lint = |info: &RuleInfo| {
        let message = format!("no test case expects rule `{}` to match", info.name);
        Diagnostic::new(Severity::Lint, Code::UntestedRule, message, Some(info.span))
            .help("add a case to a *.test.yaml below tests/ that names it under `match`")
    };
    infos
        .iter()
        .filter(|info| !tested.contains(&info.name))
        .map(lint)
        .collect()
}

/// Names with commas between; of very many the first.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 40;
    let shown = names
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What was loaded, in numbers.
struct Summary {
    files: usize,
    rules: usize,
    enabled: usize,
    macros: usize,
    lists: usize,
    errors: usize,
    warnings: usize,
    lints: usize,
    /// Event types for which some rule is tried, with the tier that supplies them.
    events: BTreeMap<&'static str, Option<&'static str>>,
    /// Rules that look at fields without a source, and those fields.
    lacking: BTreeMap<String, Vec<String>>,
    /// Series that the agent shows with these rules; none when they are invalid.
    series: Option<Series>,
}

/// How many series there are on `/metrics`, with the settings that hold when nobody says otherwise.
struct Series {
    at_start: usize,
    by_workload: usize,
}

impl Summary {
    fn new(found: &Found, infos: &[RuleInfo], schema: &Schema) -> Summary {
        let supply = Agent::new(schema);
        let count = |severity| {
            found
                .diagnostics()
                .filter(|diagnostic| diagnostic.severity == severity)
                .count()
        };
        let enabled = || infos.iter().filter(|info| info.enabled);
        Summary {
            files: found.loaded.sources.len(),
            rules: infos.len(),
            enabled: enabled().count(),
            macros: found.loaded.macro_infos().len(),
            lists: found.loaded.list_infos().len(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            lints: count(Severity::Lint),
            events: enabled()
                .flat_map(|info| info.details.events.iter())
                .map(|event| (*event, supply.tier(event)))
                .collect(),
            series: found.loaded.rules.as_ref().map(|rules| {
                let settings = Settings::default();
                Series {
                    at_start: app::series_at_start(&settings, rules.clone(), schema),
                    by_workload: settings.workload_metrics.series_max,
                }
            }),
            lacking: enabled()
                .map(|info| (info.name.clone(), supply.lacking(info)))
                .filter(|(_, fields)| !fields.is_empty())
                .map(|(rule, fields)| (rule, fields.into_iter().map(str::to_owned).collect()))
                .collect(),
        }
    }

    fn text(&self) -> String {
        let Summary {
            files,
            rules,
            enabled,
            macros,
            lists,
            errors,
            warnings,
            lints,
            ..
        } = self;
        let verdict = if *errors == 0 { "ok" } else { "invalid" };
        let mut out = format!(
            "{verdict}: {errors} errors, {warnings} warnings, {lints} lints\n\
             loaded: {rules} rules ({enabled} enabled), {macros} macros, {lists} lists from {files} files\n\
             event types needed: {}\n",
            self.events.len()
        );
        let mut tiers: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for (event, tier) in &self.events {
            tiers.entry(*tier).or_default().push(event);
        }
        for (tier, events) in tiers.iter().rev() {
            let what = tier.map_or("supplied by no probe".to_owned(), |tier| {
                format!("supplied by tier {tier}")
            });
            let _ = writeln!(out, "  {what}: {}", shortened(events));
        }
        if let Some(Series {
            at_start,
            by_workload,
        }) = &self.series
        {
            let most = at_start + by_workload;
            let _ = writeln!(
                out,
                "series on /metrics: {at_start} from the start, {most} at most (workload_metrics.series_max is {by_workload})"
            );
        }
        if !self.lacking.is_empty() {
            let _ = writeln!(
                out,
                "rules that look at fields without a source, which are always missing: {}",
                self.lacking.len()
            );
        }
        for (rule, fields) in &self.lacking {
            let _ = writeln!(out, "  {rule}: {}", fields.join(", "));
        }
        out
    }

    fn json(&self, found: &Found) -> serde_json::Value {
        let sources = &found.loaded.sources;
        let messages = found
            .diagnostics()
            .map(|diagnostic| render::to_json(diagnostic, sources));
        json!({
            "valid": self.errors == 0,
            "files": sources.iter().map(|source| &source.name).collect::<Vec<_>>(),
            "rules": self.rules,
            "enabled": self.enabled,
            "macros": self.macros,
            "lists": self.lists,
            "errors": self.errors,
            "warnings": self.warnings,
            "lints": self.lints,
            "events": self.events,
            "fields_without_source": self.lacking,
            "series": self.series.as_ref().map(|series| json!({
                "at_start": series.at_start,
                "at_most": series.at_start + series.by_workload,
            })),
            "diagnostics": messages.collect::<Vec<_>>(),
            "omitted": found.loaded.omitted,
        })
    }
}
