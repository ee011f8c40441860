//! Remarks on constants that may not be meant as they are written.

use crate::ast::{self, Literal, Operator, Transformer};
use crate::diagnostic::Code;
use crate::parse;
use crate::source::TextId;
use crate::value::FieldRef;

use super::Checker;

impl Checker<'_> {
    /// Looks at one constant of a comparison that is otherwise right.
    pub(super) fn remarks(&mut self, check: &ast::Check, literal: &Literal) {
        let Ok(text) = std::str::from_utf8(&literal.value) else {
            return;
        };
        let mut remark = |message| self.warn(Code::ConditionRemark, literal.range, message);
        if check.op == Operator::Regex && !needs_regex(text) {
            remark(format!(
                "regex check with '{text}' may be optimized with simpler operators, such as 'startswith' or 'contains'"
            ));
        }
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if is_transformer_call(&bare) {
            remark(format!(
                "'{text}' may be a valid field transformer misused as a const string value"
            ));
        } else if self.is_field(&bare) {
            self.warn(
                Code::ConditionRemark,
                literal.range,
                format!("'{text}' may be a valid field misused as a const string value"),
            );
        }
        self.unsafe_na(check, text, literal);
    }

    fn is_field(&self, text: &str) -> bool {
        // Most constants are no field at first sight.
        if !text.contains('.') || !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return false;
        }
        match parse::operand(text, TextId::default()) {
            Ok(ast::Operand::Field(field)) => {
                let bracket = field.arg.as_ref().map(|arg| arg.text.as_str());
                FieldRef::resolve(self.schema, &field.name, bracket).is_ok()
            }
            _ => false,
        }
    }

    /// Fields of two event sources give `<NA>` where they mean that there is no value.
    fn unsafe_na(&mut self, check: &ast::Check, text: &str, literal: &Literal) {
        let ast::Operand::Field(field) = &check.operand else {
            return;
        };
        let unsafe_field = field.name.starts_with("ka.") || field.name.starts_with("jevt.");
        let equality = matches!(
            check.op,
            Operator::Eq | Operator::Ne | Operator::In | Operator::Intersects | Operator::Pmatch
        );
        if unsafe_field && equality && text == "<NA>" {
            self.warn(
                Code::UnsafeNaCheck,
                literal.range,
                "comparing a field value with <NA> is unsafe and can lead to unpredictable behavior of the rule condition; use `exists` instead".to_owned(),
            );
        }
    }
}

/// Whether a regular expression says more than "contains", "starts with", "ends with" or "equals": whether something special is
/// in it besides `^` at its start, `$` at its end, and `.*`, `.+` or `.?` at its very start or end.
fn needs_regex(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let anchor = (at == 0 && byte == b'^') || (at + 1 == bytes.len() && byte == b'$');
        let outside = at == 0 || at + 2 == bytes.len();
        let any = outside && byte == b'.' && matches!(bytes.get(at + 1), Some(b'+' | b'*' | b'?'));
        if !anchor && !any && b".+*?^$()[]{}|\\".contains(&byte) {
            return true;
        }
        at += if any { 2 } else { 1 };
    }
    false
}

fn is_transformer_call(text: &str) -> bool {
    let names = Transformer::ALL
        .iter()
        .map(|transformer| transformer.name());
    let called = |name: &str| {
        text.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('('))
    };
    text.ends_with(')') && names.chain(["val"]).any(called)
}
