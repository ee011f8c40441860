//! `saker test`: runs rule unit tests.
//!
//! In: test files or directories of them. Out: a line for each case and a summary on standard output, JUnit XML in a file.
//!
//! The rules under test are those of the folder that holds `tests/`, or those named with `-r`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rule_engine::casetest::{self, Report, Suite};
use rule_engine::diagnostic::Diagnostic;
use rule_engine::load::{self, Loaded};
use rule_engine::schema::Schema;
use rule_engine::source::Source;

use super::rules::{self, RuleArgs};
use super::{Terminal, Verdict};

/// How deep folders of tests may nest.
const MAX_DEPTH: usize = 32;

/// Flags of `saker test`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Test file, or directory whose *.test.yaml files are run, those of folders below included.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs the tests.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> anyhow::Result<Verdict> {
    let schema = Schema::syscall();
    let mut sources = Vec::new();
    let mut unread = Vec::new();
    for path in &args.paths {
        let (found, errors) = self::sources(path);
        if found.is_empty() && errors.is_empty() {
            anyhow::bail!(
                "{} holds no test files; their names end in .test.yaml",
                path.display()
            );
        }
        sources.extend(found);
        unread.extend(errors);
    }
    rules::print(unread.iter(), &[], terminal)?;
    let mut loaded: BTreeMap<Vec<PathBuf>, Option<Loaded>> = BTreeMap::new();
    let mut reports = Vec::new();
    for source in sources {
        let paths = rule_paths(&source, &args.rules)?;
        if !loaded.contains_key(&paths) {
            let found = rules::load_whole(&paths, &schema, &casetest::load_options(), terminal)?;
            loaded.insert(paths.clone(), found);
        }
        let Some(rules) = loaded
            .get(&paths)
            .and_then(|found| found.as_ref()?.rules.as_ref())
        else {
            continue;
        };
        reports.push(match Suite::read(source, &schema) {
            Ok(suite) => suite.run(rules, &schema),
            Err(report) => report,
        });
    }
    write!(terminal.out, "{}", casetest::text(&reports, false))?;
    if let Some(file) = &args.junit {
        fs::write(file, casetest::junit(&reports))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let whole = unread.is_empty() && loaded.values().all(Option::is_some);
    Ok(if whole && reports.iter().all(Report::passed) {
        Verdict::Good
    } else {
        Verdict::Bad
    })
}

/// The rules that a test file is about.
fn rule_paths(source: &Source, args: &RuleArgs) -> anyhow::Result<Vec<PathBuf>> {
    if !args.rules.is_empty() {
        return Ok(args.rules.clone());
    }
    let path =
        fs::canonicalize(&source.name).with_context(|| format!("cannot find {}", source.name))?;
    let tests = path
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "tests"));
    match tests.and_then(Path::parent) {
        Some(rules) => Ok(vec![rules.to_owned()]),
        None => anyhow::bail!(
            "no rules for {}: it stands in no folder named tests; name rules with -r PATH",
            source.name
        ),
    }
}

/// The test files that a path means, and what cannot be read.
pub(super) fn sources(path: &Path) -> (Vec<Source>, Vec<Diagnostic>) {
    let mut files = Vec::new();
    if path.is_dir() {
        walk(path, 0, &mut files);
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    load::read_paths(&files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        // Links to folders are not followed: they may lead in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                walk(&path, depth + 1, files);
            }
        } else if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().ends_with(".test.yaml"))
        {
            files.push(path);
        }
    }
}
