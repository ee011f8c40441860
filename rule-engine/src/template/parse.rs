//! Reads output strings: text with `%` in front of fields and transformers.

use crate::ast;
use crate::check::Checker;
use crate::diagnostic::{Code, Diagnostics, Finding};
use crate::parse::{operand_error, operand_prefix, transform_prefix};
use crate::schema::{NumberFormat, Schema};
use crate::source::{TextId, TextRange};
use crate::typed::{FieldUse, Operand};
use crate::value::{FieldKey, FieldRef};

use super::{Format, OutputField, Part, Template};

/// Bytes that the columns of an output may have together: more would be nothing but blanks.
const MAX_WIDTH: usize = 65_536;

/// No field's name is longer.
const MAX_NAME: usize = 256;

/// Characters of an unknown name that a message shows.
const SHOWN_LEN: usize = 200;

/// Upstream's name for something that was dropped; it stands for no text.
const DROPPED: &str = "container.info";

pub(super) fn template(
    text: &str,
    id: TextId,
    schema: &Schema,
) -> Result<(Template, Vec<Finding>), Vec<Finding>> {
    let mut reader = Reader {
        text,
        id,
        schema,
        template: Template {
            parts: Vec::new(),
            fields: Vec::new(),
        },
        literal: String::new(),
        width_left: MAX_WIDTH,
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    let mut pos = 0;
    // More errors are not kept, so no more are looked for.
    while reader.errors.len() < Diagnostics::LIMIT
        && let Some(at) = text[pos..].find('%').map(|at| pos + at)
    {
        reader.literal.push_str(&text[pos..at]);
        pos = reader.token(at);
    }
    reader.literal.push_str(&text[pos..]);
    reader.end_literal();
    if reader.errors.is_empty() {
        Ok((reader.template, reader.warnings))
    } else {
        Err(reader.errors)
    }
}

struct Reader<'a> {
    text: &'a str,
    id: TextId,
    schema: &'a Schema,
    template: Template,
    /// Text since the last value.
    literal: String,
    /// Bytes that further columns may have.
    width_left: usize,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
}

impl Reader<'_> {
    /// Reads what starts with the `%` at `at`; gives the position behind it.
    fn token(&mut self, at: usize) -> usize {
        let behind = &self.text[at + 1..];
        if behind.starts_with(DROPPED) {
            let end = at + 1 + DROPPED.len();
            let message = format!("%{DROPPED} is deprecated and prints nothing");
            self.warn(Code::DeprecatedItem, at, end, message);
            return end;
        }
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let start = at + 1 + digits;
        if start == self.text.len() {
            let what = if digits == 0 { "a %" } else { "a number" };
            self.error(
                at,
                start,
                format!("invalid formatting syntax: formatting cannot end with {what}"),
            );
            return start;
        }
        let width = match behind[..digits].parse::<usize>() {
            _ if digits == 0 => 0,
            Ok(width) if width <= self.width_left => {
                self.width_left -= width;
                width
            }
            _ => {
                self.error(
                    at,
                    start,
                    format!("invalid formatting syntax: the widths of an output are at most {MAX_WIDTH} together, which is the limit"),
                );
                0
            }
        };
        match self.longest(start) {
            Ok((operand, source, end)) => {
                self.value(operand, &source, width);
                end
            }
            Err(finding) => {
                let end = finding.range.end as usize;
                self.errors.push(*finding);
                end.max(start)
            }
        }
    }

    /// The longest operand at `start` that exists, and its end.
    fn longest(&mut self, start: usize) -> Result<(Operand, ast::Operand, usize), Box<Finding>> {
        let rest = &self.text[start..];
        let mut first_error = None;
        for (candidate, len) in candidates(rest, self.id) {
            // Only the first candidate is told what it may have meant: that takes time.
            if first_error.is_some() && !self.may_be(&candidate) {
                continue;
            }
            let mut checker = Checker::new(self.schema);
            let found = checker.operand(&candidate);
            let (errors, warnings) = checker.into_findings();
            if let Some(operand) = found {
                self.deprecations(warnings, &candidate, start);
                return Ok((operand, candidate, start + len));
            }
            first_error = first_error.or(errors.into_iter().next());
        }
        let word = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '%')
            .unwrap_or(rest.len());
        let shown: String = match word {
            0 => rest.chars().take(1).collect(),
            _ => rest[..word].chars().take(SHOWN_LEN).collect(),
        };
        let end = start + word.max(shown.len());
        let mut finding = self.finding(
            Code::CompileOutput,
            start - 1,
            end,
            format!("unknown filter: {shown}"),
        );
        finding.unknown_filter = true;
        if let Some(error) = first_error {
            finding.message += &format!(" ({})", error.message);
            finding.help = error.help;
        } else if let Some(error) = operand_error(rest, self.id) {
            finding.message += &format!(" ({error})");
        }
        if finding.help.is_none() && word == 0 {
            finding.help =
                Some("a % starts a field; the character itself cannot be printed".to_owned());
        }
        Err(Box::new(finding))
    }

    fn deprecations(&mut self, warnings: Vec<Finding>, candidate: &ast::Operand, start: usize) {
        for warning in warnings {
            let (from, to) = (
                start + warning.range.start as usize,
                start + warning.range.end as usize,
            );
            let name = match candidate {
                ast::Operand::Field(field) => field.name.clone(),
                ast::Operand::Transform(_) => self.text[from..to].to_owned(),
            };
            let message =
                format!("usage of deprecated field '{name}' has been detected in the rule output");
            self.warn(warning.code, from, to, message);
        }
    }

    fn value(&mut self, operand: Operand, source: &ast::Operand, width: usize) {
        self.end_literal();
        let mut fields = Vec::new();
        operand.for_each_field(&mut |field| fields.push(field.clone()));
        for field in fields {
            let key = match source {
                ast::Operand::Field(source) => source.to_string(),
                ast::Operand::Transform(_) => field.field.written(self.schema),
            };
            if self.template.fields.iter().all(|known| known.key != key) {
                let format = format_of(&field, self.schema);
                self.template
                    .fields
                    .push(OutputField { key, field, format });
            }
        }
        let format = match &operand {
            Operand::Field(field) => format_of(field, self.schema),
            _ => Format::Plain,
        };
        self.template.parts.push(Part::Value {
            operand,
            format,
            width,
        });
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            let text = std::mem::take(&mut self.literal).into_bytes();
            self.template.parts.push(Part::Text(text.into()));
        }
    }

    /// Whether a candidate is worth a check: a transformer, or a field that exists.
    fn may_be(&self, candidate: &ast::Operand) -> bool {
        match candidate {
            ast::Operand::Field(field) => {
                let arg = field.arg.as_ref().map(|arg| arg.text.as_str());
                FieldRef::resolve(self.schema, &field.name, arg).is_ok()
            }
            ast::Operand::Transform(_) => true,
        }
    }

    fn error(&mut self, start: usize, end: usize, message: String) {
        let finding = self.finding(Code::CompileOutput, start, end, message);
        self.errors.push(finding);
    }

    fn warn(&mut self, code: Code, start: usize, end: usize, message: String) {
        let finding = self.finding(code, start, end, message);
        self.warnings.push(finding);
    }

    fn finding(&self, code: Code, start: usize, end: usize, message: String) -> Finding {
        // Outputs are far smaller than 4 GiB: the reader limits files to less.
        let range = TextRange {
            text: self.id,
            start: start as u32,
            end: end as u32,
        };
        Finding {
            code,
            message,
            range,
            trail: Vec::new(),
            help: None,
            unknown_filter: false,
        }
    }
}

/// What may stand at the start of a text, the longest first: a transformer with or without its brackets; a field with
/// its brackets, without, and with ever fewer letters of its name.
fn candidates(text: &str, id: TextId) -> impl Iterator<Item = (ast::Operand, usize)> + '_ {
    let whole = operand_prefix(text, id);
    let name = crate::lex::Lexer::new(text, id)
        .field_name()
        .unwrap_or_default();
    let alone = match &whole {
        Some((ast::Operand::Field(_), _)) => None,
        Some((ast::Operand::Transform(transform), _)) if transform.arg.is_none() => None,
        _ => transform_prefix(text, id),
    };
    // No field's own name is longer; behind it nothing but an argument can follow, which `whole` has.
    let shorter = (1..=name.len().min(MAX_NAME)).rev().filter_map(move |len| {
        let (operand, used) = operand_prefix(&name[..len], id)?;
        (used == len).then_some((operand, len))
    });
    whole.into_iter().chain(alone).chain(shorter)
}

fn format_of(field: &FieldUse, schema: &Schema) -> Format {
    let def = schema.field_def(field.field.id);
    if let Some(text) = def.filter_only {
        return Format::Fixed(text);
    }
    if def.hex {
        return Format::Number(NumberFormat::Hex);
    }
    match &field.field.arg {
        FieldKey::Name(param) if def.name == "evt.rawarg" => {
            match schema.raw_param(param).map(|param| param.format) {
                Some(NumberFormat::Dec) | None => Format::Plain,
                Some(format) => Format::Number(format),
            }
        }
        _ => Format::Plain,
    }
}
