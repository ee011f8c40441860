//! Rules for a command: read from paths, or the bundled ones, and loaded.
//!
//! In: `-r` flags. Out: what was loaded, with every message on standard error. Never: deciding what a command makes of it.

use std::path::PathBuf;

use rule_engine::diagnostic::{Diagnostic, Severity};
use rule_engine::load::{self, LoadOptions, Loaded};
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

use super::Terminal;
use crate::rules;

/// Where rules come from.
#[derive(Debug, clap::Args)]
pub(super) struct RuleArgs {
    /// Rule file, or directory of rule files; may be given several times. Without it the bundled rules are meant.
    #[arg(short, long = "rules", value_name = "PATH")]
    pub(super) rules: Vec<PathBuf>,
}

/// Rules that were read, and what could not be.
pub(super) struct Found {
    /// What was loaded of what could be read.
    pub(super) loaded: Loaded,
    /// What could not be read.
    pub(super) unread: Vec<Diagnostic>,
}

impl Found {
    /// Whether rules are missing or wrong.
    pub(super) fn has_errors(&self) -> bool {
        !self.unread.is_empty() || self.loaded.has_errors()
    }

    /// All messages, those about reading first.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.unread.iter().chain(&self.loaded.diagnostics)
    }
}

/// Reads and loads.
pub(super) fn load(paths: &[PathBuf], schema: &Schema, options: &LoadOptions) -> Found {
    let (sources, unread) = rules::read(paths);
    Found {
        loaded: load::load(sources, schema, options),
        unread,
    }
}

/// Draws messages on standard error.
pub(super) fn print<'d>(
    diagnostics: impl Iterator<Item = &'d Diagnostic>,
    sources: &[Source],
    terminal: &mut Terminal<'_>,
) -> std::io::Result<()> {
    for diagnostic in diagnostics {
        writeln!(
            terminal.err,
            "{}\n",
            render::draw(diagnostic, sources, terminal.coloured)
        )?;
    }
    Ok(())
}

/// Reads and loads for a command that needs whole rules; says why and gives nothing when they are not. Warnings are for
/// `saker check`.
pub(super) fn load_whole(
    paths: &[PathBuf],
    schema: &Schema,
    options: &LoadOptions,
    terminal: &mut Terminal<'_>,
) -> std::io::Result<Option<Loaded>> {
    let found = load(paths, schema, options);
    if !found.has_errors() {
        return Ok(Some(found.loaded));
    }
    let errors = found
        .diagnostics()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    print(errors, &found.loaded.sources, terminal)?;
    Ok(None)
}
