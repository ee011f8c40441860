//! The rules that the settings name, loaded.
//!
//! In: [`Settings`]. Out: [`Rules`] that compile, or everything that is wrong with them, drawn. Never: printing.

use rule_engine::program::{Matching, RuleSet};
use std::path::PathBuf;

use rule_engine::diagnostic::{Diagnostic, Severity};
use rule_engine::load::{self, LoadOptions, Selected, Selector};
use rule_engine::priority::Priority;
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

use crate::bundled;
use crate::config::{RuleMatching, Selection, Settings};

/// Rules that compile.
pub struct Rules {
    /// The compiled set.
    pub set: RuleSet,
    /// What a user should know about them all the same, drawn.
    pub warnings: Vec<String>,
}

/// Why there are no rules: every error, drawn.
#[derive(Debug, thiserror::Error)]
#[error("{report}")]
pub struct RulesError {
    report: String,
}

/// Reads and compiles the rules that the settings name; the bundled ones if they name none.
///
/// # Errors
/// When a path cannot be read, a file has an error, or no rule is left to judge by.
pub fn load(settings: &Settings, schema: &Schema) -> Result<Rules, RulesError> {
    let (sources, unreadable) = read(&settings.rules);
    if !unreadable.is_empty() {
        return Err(errors(&unreadable, &sources));
    }
    let loaded = load::load(sources, schema, &options(settings));
    let Some(set) = loaded.rules else {
        return Err(errors(&loaded.diagnostics, &loaded.sources));
    };
    if !set.rules().iter().any(|rule| rule.enabled) {
        let named = match settings.rules.as_slice() {
            [] => "the bundled files".to_owned(),
            paths => paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        };
        return Err(RulesError {
            report: format!(
                "no rule is loaded and enabled from {named}; name files with rules by -r, or check `enabled`, rule_selection and minimum_priority"
            ),
        });
    }
    let warnings = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Warning)
        .map(|diagnostic| render::draw(diagnostic, &loaded.sources, false))
        .collect();
    Ok(Rules { set, warnings })
}

/// Reads rule files, and says which could not be; without paths these are the bundled ones.
#[must_use]
pub fn read(paths: &[PathBuf]) -> (Vec<Source>, Vec<Diagnostic>) {
    match paths {
        [] => (bundled::rules(), Vec::new()),
        paths => load::read_paths(paths),
    }
}

/// What the settings say about loading.
#[must_use]
pub fn options(settings: &Settings) -> LoadOptions {
    let selector = |selection: &Selection| {
        let (enable, what) = match selection {
            Selection::Enable(what) => (true, what),
            Selection::Disable(what) => (false, what),
        };
        let what = match what {
            crate::config::Selector::Rule(pattern) => Selected::Rule(pattern.clone()),
            crate::config::Selector::Tag(tag) => Selected::Tag(tag.clone()),
        };
        Selector { enable, what }
    };
    LoadOptions {
        minimum_priority: Priority::parse(&settings.minimum_priority).unwrap_or(Priority::Debug),
        selectors: settings.rule_selection.iter().map(selector).collect(),
        matching: match settings.rule_matching {
            RuleMatching::All => Matching::All,
            RuleMatching::First => Matching::First,
        },
        ..LoadOptions::default()
    }
}

fn errors(diagnostics: &[Diagnostic], sources: &[Source]) -> RulesError {
    let drawn: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| render::draw(diagnostic, sources, false))
        .collect();
    RulesError {
        report: drawn.join("\n"),
    }
}

impl Rules {
    /// How many rules are switched on.
    #[must_use]
    pub fn enabled(&self) -> usize {
        self.set.rules().iter().filter(|rule| rule.enabled).count()
    }

    /// Logs the warnings.
    pub fn warn(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }
}
