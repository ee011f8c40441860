//! Prints values, and fills templates with them.

use std::io::Write as _;

use crate::schema::NumberFormat;
use crate::typed::Operand;
use crate::value::Value;

use super::{Format, Part, Template};

/// What a missing value prints as.
const MISSING: &[u8] = b"<NA>";

impl Template {
    /// Fills in values and appends the text to `out`.
    pub(crate) fn render<'a>(
        &'a self,
        out: &mut Vec<u8>,
        value: &mut dyn FnMut(&'a Operand) -> Option<Value<'a>>,
    ) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value {
                    operand,
                    format,
                    width,
                } => {
                    let start = out.len();
                    write_value(out, value(operand), *format);
                    if *width > 0 {
                        out.resize(start + width, b' ');
                    }
                }
            }
        }
    }
}

/// Appends a value as outputs print it.
pub fn write_value(out: &mut Vec<u8>, value: Option<Value<'_>>, format: Format) {
    let Some(value) = value else {
        return out.extend_from_slice(MISSING);
    };
    if let Format::Fixed(text) = format {
        return out.extend_from_slice(text.as_bytes());
    }
    // Writing to memory cannot fail.
    let _ = match value {
        Value::Text(bytes) | Value::Bytes(bytes) => out.write_all(bytes),
        Value::Int(number) => write_number(out, number as u64, &number, format),
        Value::Uint(number) => write_number(out, number, &number, format),
        Value::Double(number) => write!(out, "{number:.1}"),
        Value::Bool(truth) => write!(out, "{truth}"),
        Value::Ip(address) => write!(out, "{address}"),
        Value::List(items) => {
            out.push(b'(');
            write_several(out, items, b',', format);
            out.write_all(b")")
        }
        Value::Several([]) => out.write_all(MISSING),
        Value::Several(items) => {
            write_several(out, items, b' ', format);
            Ok(())
        }
    };
}

fn write_number(
    out: &mut Vec<u8>,
    bits: u64,
    decimal: &dyn std::fmt::Display,
    format: Format,
) -> std::io::Result<()> {
    match format {
        Format::Number(NumberFormat::Hex) => write!(out, "{bits:X}"),
        Format::Number(NumberFormat::Oct) => write!(out, "0{bits:o}"),
        _ => write!(out, "{decimal}"),
    }
}

fn write_several(out: &mut Vec<u8>, items: &[Value<'_>], separator: u8, format: Format) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(separator);
        }
        write_value(out, Some(*item), format);
    }
}
