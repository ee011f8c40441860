//! Diagnostics drawn: for people with carets, for machines as JSON.
//!
//! In: a [`Diagnostic`] and the [`Source`]s it points into. Out: text in the manner of rustc, plain or coloured, or a JSON
//! object. Never: deciding what is said.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, SourceId, Span};

/// Columns that a drawn message takes at most.
const WIDTH: usize = 140;

/// Draws a message with its place, carets, further places and advice. `coloured` adds terminal escapes.
pub fn draw(diagnostic: &Diagnostic, sources: &[Source], coloured: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Lint => Level::NOTE.with_name(Some("lint")),
    };
    let mut group = level
        .primary_title(&diagnostic.message)
        .id(diagnostic.code.as_str())
        .elements(snippets(diagnostic, sources));
    if let Some(note) = context_note(&diagnostic.context) {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let report: [Group<'_>; 1] = [group];
    renderer.term_width(WIDTH).render(&report)
}

/// The message as an object: `severity`, `code`, `codedesc`, `message`, `file`, `line`, `column`, `end`, `related`, `context`
/// and `help`; what there is not is null or empty. Lines and columns count from 1, columns in characters.
pub fn to_json(diagnostic: &Diagnostic, sources: &[Source]) -> Value {
    let mut object = json!({
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code.as_str(),
        "codedesc": diagnostic.code.description(),
        "message": diagnostic.message,
    });
    let place = place_json(diagnostic.span, sources);
    let related = diagnostic.related.iter().map(|(span, remark)| {
        let mut entry = place_json(Some(*span), sources);
        entry["message"] = json!(remark);
        entry
    });
    let context = diagnostic
        .context
        .iter()
        .map(|(kind, name)| json!({ "item_type": kind, "item_name": name }));
    for key in ["file", "line", "column", "end"] {
        object[key] = place[key].clone();
    }
    object["related"] = related.collect();
    object["context"] = context.collect();
    object["help"] = json!(diagnostic.help);
    object
}

fn place_json(span: Option<Span>, sources: &[Source]) -> Value {
    let found = span.and_then(|span| Some((span, sources.get(span.source.0 as usize)?)));
    let Some((span, source)) = found else {
        return json!({ "file": null, "line": null, "column": null, "end": null });
    };
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end.max(span.start));
    json!({ "file": source.name, "line": line, "column": column, "end": { "line": end_line, "column": end_column } })
}

/// "in rule `X`, exception `Y`"
fn context_note(context: &[(String, String)]) -> Option<String> {
    let item = |(kind, name): &(String, String)| {
        if name.is_empty() {
            kind.clone()
        } else {
            format!("{kind} `{name}`")
        }
    };
    let items: Vec<_> = context.iter().map(item).collect();
    (!items.is_empty()).then(|| format!("in {}", items.join(", ")))
}

/// One snippet for each file that is pointed into, the file of the message first.
fn snippets<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a [Source],
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut files: Vec<SourceId> = Vec::new();
    let places = diagnostic
        .span
        .iter()
        .chain(diagnostic.related.iter().map(|(span, _)| span));
    for span in places {
        if !files.contains(&span.source) {
            files.push(span.source);
        }
    }
    files
        .into_iter()
        .filter_map(|file| Some(snippet(diagnostic, file, sources.get(file.0 as usize)?)))
        .collect()
}

fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    file: SourceId,
    source: &'a Source,
) -> Snippet<'a, Annotation<'a>> {
    let mut marks: Vec<(AnnotationKind, Range<usize>, Option<&str>)> = Vec::new();
    if let Some(span) = diagnostic.span.filter(|span| span.source == file) {
        marks.push((AnnotationKind::Primary, one_line(source, span), None));
    }
    for (span, remark) in diagnostic
        .related
        .iter()
        .filter(|(span, _)| span.source == file)
    {
        marks.push((
            AnnotationKind::Context,
            one_line(source, *span),
            Some(remark),
        ));
    }
    let first = marks
        .iter()
        .map(|(_, range, _)| range.start)
        .min()
        .unwrap_or(0);
    let last = marks
        .iter()
        .map(|(_, range, _)| range.end)
        .max()
        .unwrap_or(0);
    // Only the lines between the first and the last place are handed over: files may be large.
    let start = source.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = source.text[last..]
        .find('\n')
        .map_or(source.text.len(), |at| last + at);
    let line = source.text[..start]
        .bytes()
        .filter(|byte| *byte == b'\n')
        .count()
        + 1;
    let annotations = marks.into_iter().map(|(kind, range, remark)| {
        let annotation = kind.span(range.start - start..range.end - start);
        if let Some(remark) = remark {
            annotation.label(remark)
        } else {
            annotation
        }
    });
    Snippet::source(&source.text[start..end])
        .line_start(line)
        .path(source.name.as_str())
        .annotations(annotations)
}

/// The part of the span that lies on its first line: a caret under the start says more than a bracket over a page.
fn one_line(source: &Source, span: Span) -> Range<usize> {
    let range = source.range(span);
    let text = &source.text[range.clone()];
    let len = text.find(['\n', '\r']).unwrap_or(text.len());
    range.start..range.start + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn sources() -> [Source; 2] {
        [
            Source {
                name: "a.yaml".into(),
                text: "- macro: m\n  condition: proc.nmae = x\n\n- rule: é r\n  condition: m\n"
                    .into(),
            },
            Source {
                name: "b.yaml".into(),
                text: "- list: l\n  items: [a]\n".into(),
            },
        ]
    }

    fn span(source: u32, start: u32, end: u32) -> Span {
        Span {
            source: SourceId(source),
            start,
            end,
        }
    }

    fn sample() -> Diagnostic {
        Diagnostic::error(
            Code::CompileCondition,
            "field `proc.nmae` does not exist",
            Some(span(0, 24, 33)),
        )
        .related(span(0, 65, 66), "in this macro, called here")
        .related(span(1, 8, 9), "list defined here")
        .help("did you mean `proc.name`?")
        .within(&[
            ("rule".into(), "é r".into()),
            ("condition".into(), String::new()),
        ])
    }

    #[test]
    fn drawn_with_places_context_and_help() {
        insta::assert_snapshot!(draw(&sample(), &sources(), false));
    }

    #[test]
    fn drawn_in_colour_it_says_the_same() {
        let coloured = draw(&sample(), &sources(), true);
        assert!(coloured.contains("\u{1b}["));
        let mut plain = String::new();
        let mut escape = false;
        for c in coloured.chars() {
            match c {
                '\u{1b}' => escape = true,
                'm' if escape => escape = false,
                _ if escape => {}
                c => plain.push(c),
            }
        }
        assert_eq!(plain, draw(&sample(), &sources(), false));
    }

    #[test]
    fn drawn_without_a_place_at_an_end_and_over_lines() {
        let nowhere = Diagnostic::warning(Code::FileRead, "directory holds no rules", None)
            .help("add a file");
        insta::assert_snapshot!(draw(&nowhere, &sources(), false));
        let lint = Diagnostic::new(
            Severity::Lint,
            Code::NeverMatches,
            "never",
            Some(span(0, 1000, 2000)),
        );
        insta::assert_snapshot!(draw(&lint, &sources(), false));
        let lines = Diagnostic::error(Code::Validate, "item", Some(span(0, 2, 30)));
        insta::assert_snapshot!(draw(&lines, &sources(), false));
    }

    #[test]
    fn json_has_everything() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&to_json(&sample(), &sources())).unwrap()
        );
        let nowhere = Diagnostic::warning(Code::FileRead, "gone", None);
        assert_eq!(to_json(&nowhere, &sources())["file"], Value::Null);
    }
}
