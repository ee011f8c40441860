//! Prints a tree as a condition that parses to the same tree.
//!
//! Parentheses stand around every `and` and `or`, quotes around values that need them. Expanded macros print as their body.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{
    Check, Expr, ExprKind, FieldArg, FieldExpr, Literal, Operand, Rhs, TransformArg, TransformExpr,
};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::And(members) => joined(f, members, " and "),
            ExprKind::Or(members) => joined(f, members, " or "),
            ExprKind::Not(inner) => {
                f.write_str("not ")?;
                // `not not x` would parse as `x`.
                let parens = matches!(&inner.kind, ExprKind::Not(_));
                if parens {
                    write!(f, "({inner})")
                } else {
                    inner.fmt(f)
                }
            }
            ExprKind::Check(check) => check.fmt(f),
            ExprKind::Macro(name) => f.write_str(name),
            ExprKind::Expanded { body, .. } => body.fmt(f),
        }
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operand, self.op.name())?;
        if let Some(modifier) = self.modifier {
            write!(f, " {}", modifier.name())?;
        }
        match &self.rhs {
            Rhs::None => Ok(()),
            Rhs::Value(value) => write!(f, " {value}"),
            Rhs::List(values, _) => {
                f.write_str(" (")?;
                separated(f, values)?;
                f.write_char(')')
            }
            Rhs::Field(field) => write!(f, " val({field})"),
            Rhs::Transform(transform) => write!(f, " {transform}"),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Transform(transform) => transform.fmt(f),
        }
    }
}

impl Display for FieldExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arg.as_ref().map_or(Ok(()), |arg| arg.fmt(f))
    }
}

impl Display for FieldArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bare = !self.text.is_empty()
            && !self.text.contains(|c| {
                matches!(
                    c,
                    ' ' | '\t' | '\u{8}' | '\r' | '\n' | '[' | ']' | '"' | '\''
                )
            });
        f.write_char('[')?;
        if bare {
            f.write_str(&self.text)?;
        } else {
            quoted(f, self.text.as_bytes())?;
        }
        f.write_char(']')
    }
}

impl Display for TransformExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.transformer.name())?;
        separated(f, &self.args)?;
        f.write_char(')')?;
        self.arg.as_ref().map_or(Ok(()), |arg| arg.fmt(f))
    }
}

impl Display for TransformArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Transform(transform) => transform.fmt(f),
            Self::Text(text) => quoted(f, &text.value),
            Self::Number(number) => f.write_str(&String::from_utf8_lossy(&number.value)),
            Self::List(items, _) => {
                f.write_char('(')?;
                separated(f, items)?;
                f.write_char(')')
            }
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let special = |c: char| {
            c.is_control()
                || matches!(
                    c,
                    ' ' | '\\' | '"' | '\'' | '(' | ')' | ',' | '=' | char::REPLACEMENT_CHARACTER
                )
        };
        match std::str::from_utf8(&self.value) {
            Ok(text) if !text.is_empty() && !text.contains(special) => f.write_str(text),
            _ => quoted(f, &self.value),
        }
    }
}

fn joined(f: &mut Formatter<'_>, members: &[Expr], by: &str) -> fmt::Result {
    f.write_char('(')?;
    for (i, member) in members.iter().enumerate() {
        if i > 0 {
            f.write_str(by)?;
        }
        member.fmt(f)?;
    }
    f.write_char(')')
}

fn separated<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// Writes bytes in double quotes with the escapes that the lexer knows.
fn quoted(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    // A backslash in front of the closing quote would keep it from closing.
    let (bytes, tail) = match bytes {
        [bytes @ .., b'\\'] => (bytes, "\\x5c"),
        bytes => (bytes, ""),
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\u{8}' => f.write_str("\\b")?,
                '\u{c}' => f.write_str("\\f")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    f.write_str(tail)?;
    f.write_char('"')
}
