//! What came of the test: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

/// What came of a test.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many actions were noticed.
    pub detected: usize,
    /// How many were not.
    pub missed: usize,
    /// How many could not be done here.
    pub skipped: usize,
    /// Rules that nothing harmless provokes.
    pub unprovoked: usize,
    /// Rule by rule.
    pub rules: Vec<Line>,
}

/// What came of one rule.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its name.
    pub rule: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was done, or would have been; absent for a rule that nothing harmless provokes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum Outcome {
    /// The action was noticed.
    Detected {
        /// From the event in the kernel to the match here.
        latency_seconds: f64,
    },
    /// The action was done, and not noticed.
    Missed,
    /// The action could not be done here.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Nothing harmless provokes it.
    Unprovoked {
        /// Why.
        reason: String,
    },
}

impl Report {
    /// Counts the lines.
    #[must_use]
    pub(super) fn new(rules: Vec<Line>) -> Self {
        let count =
            |is: fn(&Outcome) -> bool| rules.iter().filter(|line| is(&line.outcome)).count();
        Self {
            detected: count(|outcome| matches!(outcome, Outcome::Detected { .. })),
            missed: count(|outcome| matches!(outcome, Outcome::Missed)),
            skipped: count(|outcome| matches!(outcome, Outcome::Skipped { .. })),
            unprovoked: count(|outcome| matches!(outcome, Outcome::Unprovoked { .. })),
            rules,
        }
    }

    /// Whether something was done, and all of it noticed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.detected > 0 && self.missed == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rules.iter().map(|line| line.rule.len()).max();
        let width = width.unwrap_or(0);
        for line in &self.rules {
            let action = line.action.unwrap_or("");
            let (word, latency, rest) = match &line.outcome {
                Outcome::Detected { latency_seconds } => {
                    let latency = format!("{:.1} ms", latency_seconds * 1e3);
                    ("detected", latency, action.to_owned())
                }
                Outcome::Missed => ("MISSED", String::new(), action.to_owned()),
                Outcome::Skipped { reason } => ("skipped", String::new(), reason.clone()),
                Outcome::Unprovoked { reason } => ("unprovoked", String::new(), reason.clone()),
            };
            writeln!(f, "{:width$}  {word:10} {latency:>10}  {rest}", line.rule)?;
        }
        let Self {
            detected,
            missed,
            skipped,
            unprovoked,
            ..
        } = self;
        writeln!(
            f,
            "\n{detected} detected, {missed} missed, {skipped} could not be done here, {unprovoked} that nothing harmless provokes"
        )
    }
}
