//! Output strings: compiled once, filled in at each match.
//!
//! In: the text of an output, with whatever configuration appended. Out: [`Template`]. Missing values print as `<NA>`.

mod parse;
mod render;

use crate::diagnostic::Finding;
use crate::schema::{NumberFormat, Schema};
use crate::source::TextId;
use crate::typed::{FieldUse, Operand};

pub use render::write_value;

/// A compiled output string.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
    fields: Vec<OutputField>,
}

/// A field that an output mentions, also within a transformer.
#[derive(Clone, Debug)]
pub struct OutputField {
    /// Its name as the output writes it (`proc.aname[2]`): its key in JSON.
    pub key: String,
    /// The field.
    pub field: FieldUse,
    /// How its numbers are printed; other than decimal ones are text in JSON too.
    pub format: Format,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// By its kind.
    Plain,
    /// A number, as this.
    Number(NumberFormat),
    /// Always this, whatever the value: the field is for filtering.
    Fixed(&'static str),
}

/// A piece of an output string.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Text as it is.
    Text(Box<[u8]>),
    /// The value of an operand.
    Value {
        /// Whose value.
        operand: Operand,
        /// How it is printed.
        format: Format,
        /// To exactly how many bytes it is cut or filled with blanks; 0: as it is.
        width: usize,
    },
}

/// Compiles an output string.
///
/// Gives the template with its warnings.
///
/// # Errors
/// Every token that names no field.
pub fn parse(
    text: &str,
    id: TextId,
    schema: &Schema,
) -> Result<(Template, Vec<Finding>), Vec<Finding>> {
    parse::template(text, id, schema)
}

impl Template {
    /// The fields it mentions, in order, each once.
    pub fn fields(&self) -> &[OutputField] {
        &self.fields
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

#[cfg(test)]
mod tests;
