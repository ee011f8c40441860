//! Results of rule tests as text for people and as JUnit XML for build servers.
//!
//! In: [`Report`]s. Out: text. Never: running anything.

use std::fmt::Write;

use super::{Outcome, Report};
use crate::render;

/// A line for each case, failures drawn with their place, a summary at the end.
pub fn text(reports: &[Report], coloured: bool) -> String {
    let mut out = String::new();
    for report in reports {
        for outcome in &report.outcomes {
            let word = if outcome.failures.is_empty() {
                "ok  "
            } else {
                "FAIL"
            };
            line(
                &mut out,
                format_args!("{word} {}: {}", place(report, outcome), outcome.case),
            );
            for failure in &outcome.failures {
                block(
                    &mut out,
                    &render::draw(&failure.diagnostic, report.sources(), coloured),
                );
                block(&mut out, &failure.because);
            }
        }
        for error in &report.errors {
            line(&mut out, format_args!("FAIL {}", report.source.name));
            block(&mut out, &render::draw(error, report.sources(), coloured));
        }
    }
    let (cases, failed, broken) = counts(reports);
    let mut summary = format!("{}, {failed} failed", plural(cases, "case"));
    if broken > 0 {
        let _ = write!(summary, ", {} could not be read", plural(broken, "file"));
    }
    line(&mut out, format_args!("{summary}"));
    out
}

/// The results in the form that build servers read: a `testsuite` for each file, a `testcase` for each case.
pub fn junit(reports: &[Report]) -> String {
    let (cases, failed, broken) = counts(reports);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    line(
        &mut out,
        format_args!(
            "<testsuites tests=\"{}\" failures=\"{failed}\" errors=\"{broken}\">",
            cases + broken
        ),
    );
    for report in reports {
        let failed = report
            .outcomes
            .iter()
            .filter(|outcome| !outcome.failures.is_empty())
            .count();
        let unread = usize::from(!report.errors.is_empty());
        line(
            &mut out,
            format_args!(
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" errors=\"{unread}\">",
                escape(&report.source.name),
                report.outcomes.len() + unread
            ),
        );
        for outcome in &report.outcomes {
            case_xml(&mut out, report, outcome);
        }
        if unread > 0 {
            let drawn: Vec<_> = report
                .errors
                .iter()
                .map(|error| render::draw(error, report.sources(), false))
                .collect();
            let name = escape(&report.source.name);
            line(
                &mut out,
                format_args!("    <testcase name=\"{name}\" classname=\"{name}\">"),
            );
            line(
                &mut out,
                format_args!(
                    "      <error message=\"file cannot be read\">{}</error>",
                    escape(&drawn.join("\n"))
                ),
            );
            line(&mut out, format_args!("    </testcase>"));
        }
        line(&mut out, format_args!("  </testsuite>"));
    }
    line(&mut out, format_args!("</testsuites>"));
    out
}

fn case_xml(out: &mut String, report: &Report, outcome: &Outcome) {
    let (name, class) = (escape(&outcome.case), escape(&report.source.name));
    if outcome.failures.is_empty() {
        return line(
            out,
            format_args!("    <testcase name=\"{name}\" classname=\"{class}\"/>"),
        );
    }
    line(
        out,
        format_args!("    <testcase name=\"{name}\" classname=\"{class}\">"),
    );
    for failure in &outcome.failures {
        let drawn = render::draw(&failure.diagnostic, report.sources(), false);
        let message = escape(&failure.diagnostic.message);
        let content = escape(&format!("{drawn}\n{}", failure.because));
        line(
            out,
            format_args!("      <failure message=\"{message}\">{content}</failure>"),
        );
    }
    line(out, format_args!("    </testcase>"));
}

/// Cases, failed cases, files that could not be read.
pub(super) fn counts(reports: &[Report]) -> (usize, usize, usize) {
    let outcomes = || reports.iter().flat_map(|report| &report.outcomes);
    let failed = outcomes()
        .filter(|outcome| !outcome.failures.is_empty())
        .count();
    (
        outcomes().count(),
        failed,
        reports
            .iter()
            .filter(|report| !report.errors.is_empty())
            .count(),
    )
}

fn place(report: &Report, outcome: &Outcome) -> String {
    match outcome.span {
        Some(span) => format!(
            "{}:{}",
            report.source.name,
            report.source.position(span.start).0
        ),
        None => report.source.name.clone(),
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn line(out: &mut String, content: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{content}");
}

/// Text indented below its case.
fn block(out: &mut String, content: &str) {
    for text in content.lines() {
        line(out, format_args!("{}", format!("     {text}").trim_end()));
    }
}

/// Text as it stands in XML; what XML cannot hold at all becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
