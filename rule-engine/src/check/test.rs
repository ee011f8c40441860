//! Operators and right sides: do they fit the left side?

use crate::ast::{self, Literal, Operator, Rhs};
use crate::op::{Constant, Kind, list_supports};
use crate::source::TextRange;
use crate::typed::{FieldUse, Function, Operand, Test};

use super::Checker;

impl Checker<'_> {
    pub(super) fn test(&mut self, check: &ast::Check, operand: &Operand) -> Option<Test> {
        let op = check.op;
        if let Operand::Field(field) = operand
            && op != Operator::Exists
            && self.raw_type(&field.field) == Some(None)
        {
            let name = field.field.written(self.schema);
            self.error(
                operand_range(&check.operand),
                format!("wrong parameter type: '{name}' cannot be compared"),
            );
            return None;
        }
        let kind = Kind::of(operand.ty());
        let problem = if operand.is_list() {
            (!list_supports(op)).then(|| "list".to_owned())
        } else {
            (!kind.supports(op)).then(|| format!("for {}", kind.name()))
        };
        if let Some(problem) = problem {
            let message = format!(
                "filter error: '{}' operator not supported {problem} filters",
                op.name()
            );
            self.error(check.op_range, message);
            return None;
        }
        let right = match &check.rhs {
            Rhs::None => return Some(Test::Exists),
            Rhs::Value(value) => {
                return self.constants(check, operand, std::slice::from_ref(value));
            }
            Rhs::List(values, _) => return self.constants(check, operand, values),
            Rhs::Field(field) => Operand::Field(self.field(field)?),
            Rhs::Transform(transform) => self.transform(transform)?,
        };
        self.right_operand(check, operand, right)
    }

    fn right_operand(
        &mut self,
        check: &ast::Check,
        left: &Operand,
        right: Operand,
    ) -> Option<Test> {
        let op = check.op;
        let range = rhs_range(&check.rhs);
        if matches!(op, Operator::Regex | Operator::Pmatch) {
            let message = format!(
                "filter error: '{}' operator not supported for right-hand side fields",
                op.name()
            );
            self.error(range, message);
            return None;
        }
        for (side, message) in [
            (left, "doesn't support right-hand side fields"),
            (&right, "can't be used as a right-hand side field"),
        ] {
            if let Some(name) = self.without_right_sides(side) {
                self.error(range, format!("field '{name}' {message}"));
                return None;
            }
        }
        let (left_ty, right_ty) = (left.ty(), right.ty());
        if left_ty != right_ty {
            let message = format!(
                "{} has type '{}' while the right-hand side {} has incompatible type '{}'",
                self.described(left),
                left_ty.name(),
                self.described(&right),
                right_ty.name()
            );
            self.error(range, message);
            return None;
        }
        if left.is_list() != right.is_list() {
            let (list, single) = if left.is_list() {
                (left, &right)
            } else {
                (&right, left)
            };
            let message = format!(
                "{} is a list while {} is not, so they cannot be compared",
                self.described(list),
                self.described(single)
            );
            self.error(range, message);
            return None;
        }
        Some(Test::Operand { op, right })
    }

    /// The field in an operand that has no part in comparisons of two fields, if there is one.
    fn without_right_sides(&self, operand: &Operand) -> Option<&'static str> {
        let field = single_field(operand)?;
        let def = self.schema.field_def(field.field.id);
        (def.no_rhs || Kind::of(field.ty) == Kind::Network).then_some(def.name)
    }

    fn described(&self, operand: &Operand) -> String {
        match operand {
            Operand::Field(field) => format!("field '{}'", field.field.written(self.schema)),
            _ => "transformer".to_owned(),
        }
    }

    fn constants(
        &mut self,
        check: &ast::Check,
        operand: &Operand,
        literals: &[Literal],
    ) -> Option<Test> {
        let names_event = self.is_event_type(operand);
        let mut values = Vec::with_capacity(literals.len());
        for literal in literals {
            match Constant::parse(&literal.value, operand.ty(), check.op) {
                Ok(value) => {
                    if !names_event || self.event_name(literal) {
                        values.push(value);
                    }
                    self.remarks(check, literal);
                }
                Err(why) => {
                    let help = help(&why);
                    self.error(literal.range, why).help = help;
                }
            }
        }
        let (op, modifier) = (check.op, check.modifier);
        (values.len() == literals.len()).then_some(Test::Constants {
            op,
            modifier,
            values,
        })
    }

    /// Whether the constants that an operand is compared with are names of events.
    fn is_event_type(&self, operand: &Operand) -> bool {
        single_field(operand)
            .is_some_and(|field| field.is_plain(self.evt_type) || field.is_plain(self.syscall_type))
    }

    fn event_name(&mut self, literal: &Literal) -> bool {
        let name = String::from_utf8_lossy(&literal.value);
        if self.schema.event(&name).is_some() {
            return true;
        }
        let help = self.similar_event(&name);
        let finding = self.error(literal.range, format!("unknown event type {name}"));
        finding.help = help;
        finding.unknown_filter = true;
        false
    }

    /// Refuses what the search for a rule's event types cannot see through.
    pub(super) fn event_search(&mut self, check: &ast::Check, operand: &Operand) -> Option<()> {
        let searched = matches!(check.op, Operator::Eq | Operator::Ne | Operator::In)
            && check.modifier.is_none();
        let message = match operand {
            Operand::Field(field) if field.is_plain(self.evt_type) => {
                if !searched || !matches!(check.rhs, Rhs::Field(_) | Rhs::Transform(_)) {
                    return Some(());
                }
                "right-hand field comparisons on `evt.type` checks are not supported by event code search"
            }
            Operand::Transform(_) if searched || check.op == Operator::Exists => {
                let mut found = false;
                operand.for_each_field(&mut |field| found |= field.is_plain(self.evt_type));
                if !found {
                    return Some(());
                }
                "event code search does not support `evt.type` checks with transformers"
            }
            _ => return Some(()),
        };
        self.error(operand_range(&check.operand), message);
        None
    }
}

/// The field that an operand is, or that transformers of one value are applied to.
fn single_field(operand: &Operand) -> Option<&FieldUse> {
    match operand {
        Operand::Field(field) => Some(field),
        Operand::Transform(transform) => match &transform.function {
            Function::Tolower(inner)
            | Function::Toupper(inner)
            | Function::B64(inner)
            | Function::Basename(inner)
            | Function::Len(inner) => single_field(inner),
            Function::Join { .. } | Function::Concat(_) | Function::Getopt { .. } => None,
        },
        Operand::Text(_) | Operand::Number(_) | Operand::List(_) => None,
    }
}

fn help(message: &str) -> Option<String> {
    let help = if message.starts_with("invalid regex") {
        "regular expressions are POSIX: no (?i), \\d, \\w or \\b; classes are written [[:digit:]]"
    } else if message.ends_with("is not a valid number") {
        "numbers are whole and decimal"
    } else if message.starts_with("unrecognized boolean") {
        "write true or false"
    } else {
        return None;
    };
    Some(help.to_owned())
}

fn operand_range(operand: &ast::Operand) -> TextRange {
    match operand {
        ast::Operand::Field(field) => field.range,
        ast::Operand::Transform(transform) => transform.range,
    }
}

fn rhs_range(rhs: &Rhs) -> TextRange {
    match rhs {
        Rhs::None => TextRange::default(),
        Rhs::Value(literal) => literal.range,
        Rhs::List(_, range) => *range,
        Rhs::Field(field) => field.range,
        Rhs::Transform(transform) => transform.range,
    }
}
