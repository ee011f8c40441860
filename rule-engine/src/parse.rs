//! Parses the text of a condition into a tree.
//!
//! In: text with lists already substituted. Out: [`Expr`], or the first error with its place. Never: knowledge of fields
//! and types: `a.b = c` parses.
//!
//! `and`, `or`, `not` and parentheses are parsed with a stack of our own, so depth costs no call stack; transformers, which nest
//! rarely, by recursive descent. Both count against [`MAX_DEPTH`].

use crate::ast::{
    Check, Expr, ExprKind, FieldArg, FieldExpr, Literal, Modifier, Operand, Operator, Rhs,
    TransformArg, TransformExpr, Transformer,
};
use crate::diagnostic::Finding;
use crate::lex::Lexer;
use crate::source::TextId;

/// How deep parentheses and transformers may nest.
pub const MAX_DEPTH: usize = 1000;

/// How deep transformers may nest in each other; they are parsed by recursion.
const MAX_TRANSFORM_DEPTH: usize = 100;

/// Parses a whole condition.
///
/// # Errors
/// The first thing that does not fit the grammar.
pub fn condition(text: &str, id: TextId) -> Result<Expr, Finding> {
    let mut parser = Parser {
        lex: Lexer::new(text, id),
    };
    if text.is_empty() {
        return Err(parser.lex.error_here("filter input string is empty"));
    }
    parser.condition()
}

/// Parses a field, maybe wrapped in transformers, that makes up the whole text.
///
/// # Errors
/// The text is something else or holds more than that.
pub fn operand(text: &str, id: TextId) -> Result<Operand, Finding> {
    let mut parser = Parser {
        lex: Lexer::new(text, id),
    };
    match parser.try_operand()? {
        Some(operand) if parser.lex.at_end() => Ok(operand),
        _ => Err(parser
            .lex
            .error_here("expected a field, or a field within transformers")),
    }
}

/// Parses a field or transformer at the start of a text, as long as it goes; gives it and its length in bytes.
pub(crate) fn operand_prefix(text: &str, id: TextId) -> Option<(Operand, usize)> {
    let mut parser = Parser {
        lex: Lexer::new(text, id),
    };
    let operand = parser.try_operand().ok()??;
    Some((operand, parser.lex.pos()))
}

/// Parses a transformer at the start of a text, without regard for brackets behind it; gives it and its length in bytes.
pub(crate) fn transform_prefix(text: &str, id: TextId) -> Option<(Operand, usize)> {
    let mut parser = Parser {
        lex: Lexer::new(text, id),
    };
    let transform = parser.try_transform_alone(0).ok()??;
    Some((Operand::Transform(transform), parser.lex.pos()))
}

/// Why a text does not start with an operand; `None` if it does, or is no attempt at one.
pub(crate) fn operand_error(text: &str, id: TextId) -> Option<String> {
    let mut parser = Parser {
        lex: Lexer::new(text, id),
    };
    parser.try_operand().err().map(|finding| finding.message)
}

/// One level of parentheses while its content is being read.
#[derive(Default)]
struct Group {
    /// Finished members of the `or`.
    ors: Vec<Expr>,
    /// Members of the current `and`.
    ands: Vec<Expr>,
    /// Where the current `and` starts.
    and_start: usize,
    /// Where the group's content starts.
    start: usize,
    /// Where the operand starts that this group is, `not` included.
    outer_start: usize,
    /// The group as a whole is negated.
    negated: bool,
    /// The last member of the `or` was written `or(…)`, which nothing may join by `and`.
    closed: bool,
    /// The group itself was written `or(…)`.
    behind_or: bool,
}

struct Parser<'a> {
    lex: Lexer<'a>,
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Expr, Finding> {
        let mut stack: Vec<Group> = Vec::new();
        let mut group = self.open(0, false, false);
        loop {
            // An operand: opens a group or is a check.
            self.lex.blank();
            let start = self.lex.pos();
            let mut negated = false;
            while self.lex.not() {
                negated = !negated;
            }
            let opens_negated = self.lex.eat("not(");
            if opens_negated || self.lex.eat("(") {
                let inner = self.open(start, negated != opens_negated, false);
                self.push(&mut stack, &mut group, inner)?;
                continue;
            }
            let check = self.check()?;
            group.ands.push(self.negate(check, negated, start));
            // What joins it to the next one, after closing the groups that end here.
            loop {
                if let Some(inner) = self.join(&mut group)? {
                    if let Some(inner) = inner {
                        self.push(&mut stack, &mut group, inner)?;
                    }
                    break;
                }
                match self.close(&mut stack, group)? {
                    Ok(parent) => group = parent,
                    Err(whole) => return Ok(whole),
                }
            }
        }
    }

    fn open(&self, outer_start: usize, negated: bool, behind_or: bool) -> Group {
        let start = self.lex.pos();
        Group {
            start,
            and_start: start,
            outer_start,
            negated,
            behind_or,
            ..Group::default()
        }
    }

    fn push(&self, stack: &mut Vec<Group>, group: &mut Group, inner: Group) -> Result<(), Finding> {
        if stack.len() >= MAX_DEPTH {
            return Err(self.too_deep(inner.outer_start, MAX_DEPTH));
        }
        stack.push(std::mem::replace(group, inner));
        Ok(())
    }

    /// Reads `and` or `or`. `None`: neither stands here, the group ends. `Some(Some(_))`: the connective opened a group
    /// itself (`and(`), else an operand follows.
    fn join(&mut self, group: &mut Group) -> Result<Option<Option<Group>>, Finding> {
        self.lex.blank();
        let is_or = self.lex.eat("or");
        if !is_or && (group.closed || !self.lex.eat("and")) {
            return Ok(None);
        }
        if is_or {
            self.end_and(group);
            group.closed = false;
        }
        if self.lex.blank() {
            if is_or {
                group.and_start = self.lex.pos();
            }
            return Ok(Some(None));
        }
        let start = self.lex.pos();
        if self.lex.eat("(") {
            return Ok(Some(Some(self.open(start, false, is_or))));
        }
        let word = if is_or { "or" } else { "and" };
        Err(self
            .lex
            .error_here(format!("expected blank or '(' after '{word}'")))
    }

    /// Makes the pending `and` a member of the `or`.
    fn end_and(&self, group: &mut Group) {
        let mut ands = std::mem::take(&mut group.ands);
        match (ands.len(), ands.pop()) {
            (1, Some(single)) => group.ors.push(single),
            (_, Some(last)) => {
                let end = last.range.end as usize;
                ands.push(last);
                group.ors.push(Expr {
                    kind: ExprKind::And(ands),
                    range: self.lex.range(group.and_start, end),
                });
            }
            (_, None) => {}
        }
    }

    /// Ends a group: gives the parent that has taken it in, or the whole condition.
    fn close(
        &mut self,
        stack: &mut Vec<Group>,
        mut group: Group,
    ) -> Result<Result<Group, Expr>, Finding> {
        self.end_and(&mut group);
        let content = match group.ors.len() {
            1 => group.ors.pop(),
            _ => None,
        };
        let content = content.unwrap_or_else(|| {
            let end = group
                .ors
                .last()
                .map_or(group.start, |e| e.range.end as usize);
            Expr {
                kind: ExprKind::Or(group.ors),
                range: self.lex.range(group.start, end),
            }
        });
        let Some(mut parent) = stack.pop() else {
            return if self.lex.at_end() {
                Ok(Err(content))
            } else {
                Err(self.unexpected())
            };
        };
        if !self.lex.eat(")") {
            return Err(self.with_keyword_help(self.lex.error_here("expected a ')' token")));
        }
        let whole = self.negate(content, group.negated, group.outer_start);
        if group.behind_or {
            parent.ors.push(whole);
            parent.closed = true;
        } else {
            parent.ands.push(whole);
        }
        Ok(Ok(parent))
    }

    fn negate(&self, expr: Expr, negated: bool, start: usize) -> Expr {
        if !negated {
            return expr;
        }
        Expr {
            kind: ExprKind::Not(Box::new(expr)),
            range: self.lex.range_from(start),
        }
    }

    fn check(&mut self) -> Result<Expr, Finding> {
        let start = self.lex.pos();
        let Some(operand) = self.try_operand()? else {
            let Some(name) = self.lex.identifier() else {
                return Err(self
                    .lex
                    .error_here("expected a '(' token, a field check, or an identifier"));
            };
            return Ok(Expr {
                kind: ExprKind::Macro(name.to_owned()),
                range: self.lex.range_from(start),
            });
        };
        self.lex.blank();
        let op_start = self.lex.pos();
        let Some(op) = self.operator() else {
            let mut finding = self.lex.error_here(format!(
                "expected a valid check operator: one of {OPERATORS}"
            ));
            finding.help = Some("an operator that is a word needs a blank behind it".to_owned());
            return Err(finding);
        };
        let modifier = if op.takes_modifier() {
            self.modifier()
        } else {
            None
        };
        let op_range = self.lex.range_from(op_start);
        if op != Operator::Exists {
            self.lex.blank();
        }
        let rhs = self.right_side(op, modifier)?;
        let check = Check {
            operand,
            op,
            modifier,
            rhs,
            op_range,
        };
        Ok(Expr {
            kind: ExprKind::Check(check),
            range: self.lex.range_from(start),
        })
    }

    fn operator(&mut self) -> Option<Operator> {
        if let Some(&(_, op)) = SYMBOLS.iter().find(|(text, _)| self.lex.eat(text)) {
            return Some(op);
        }
        let rest = self.lex.rest();
        let op = WORDS
            .iter()
            .copied()
            .find(|op| rest.strip_prefix(op.name()).is_some_and(starts_blank))?;
        self.lex.eat(op.name());
        Some(op)
    }

    /// Reads a modifier, which is one only between blanks and in front of a list or a word that is no connective.
    fn modifier(&mut self) -> Option<Modifier> {
        let pos = self.lex.pos();
        let modifier = self.try_modifier();
        if modifier.is_none() {
            self.lex.rewind(pos);
        }
        modifier
    }

    fn try_modifier(&mut self) -> Option<Modifier> {
        if !self.lex.blank() {
            return None;
        }
        let modifier = Modifier::ALL.into_iter().find(|m| self.lex.eat(m.name()))?;
        let end = self.lex.pos();
        if !self.lex.blank() {
            return None;
        }
        let takes_list = match self.lex.identifier() {
            Some(word) => !matches!(word, "and" | "or" | "not"),
            None => self.lex.rest().starts_with('('),
        };
        self.lex.rewind(end);
        takes_list.then_some(modifier)
    }

    fn right_side(&mut self, op: Operator, modifier: Option<Modifier>) -> Result<Rhs, Finding> {
        use Operator as Op;
        if op == Op::Exists {
            return Ok(Rhs::None);
        }
        let start = self.lex.pos();
        let takes_list = modifier.is_some() || matches!(op, Op::In | Op::Intersects | Op::Pmatch);
        if takes_list && self.lex.eat("(") {
            let values = self.list_values()?;
            return Ok(Rhs::List(values, self.lex.range_from(start)));
        }
        if modifier.is_none()
            && let Some(reference) = self.try_reference()?
        {
            return Ok(reference);
        }
        if takes_list {
            let Some(word) = self.lex.identifier() else {
                return Err(self.lex.error_here(
                    "expected a list, an identifier, or a field with a valid transformer",
                ));
            };
            let range = self.lex.range_from(start);
            let value = word.as_bytes().into();
            return Ok(Rhs::List(
                vec![Literal {
                    value,
                    quoted: false,
                    range,
                }],
                range,
            ));
        }
        if matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge) {
            let Some(number) = self.lex.number() else {
                return Err(self
                    .lex
                    .error_here("expected a number value or a field with a valid transformer"));
            };
            let value = number.as_bytes().into();
            return Ok(Rhs::Value(Literal {
                value,
                quoted: false,
                range: self.lex.range_from(start),
            }));
        }
        match self.try_value()? {
            Some(value) => Ok(Rhs::Value(value)),
            None => Err(self
                .lex
                .error_here("expected a string value or a field with a valid transformer")),
        }
    }

    fn list_values(&mut self) -> Result<Vec<Literal>, Finding> {
        let mut values = Vec::new();
        self.lex.blank();
        if self.lex.eat(")") {
            return Ok(values);
        }
        loop {
            self.lex.blank();
            match self.try_value() {
                Ok(Some(value)) => values.push(value),
                Ok(None) => return Err(self.lex.error_here("expected a string value")),
                // Falco takes a list whose first string has an escape that does not exist for an empty one.
                Err(_) if values.is_empty() && self.lex.eat(")") => return Ok(values),
                Err(finding) => return Err(finding),
            }
            self.lex.blank();
            if self.lex.eat(")") {
                return Ok(values);
            }
            if !self.lex.eat(",") {
                return Err(self.lex.error_here("expected a ')' token"));
            }
        }
    }

    fn try_value(&mut self) -> Result<Option<Literal>, Finding> {
        let start = self.lex.pos();
        if let Some(value) = self.lex.quoted()? {
            return Ok(Some(Literal {
                value,
                quoted: true,
                range: self.lex.range_from(start),
            }));
        }
        let bare = self.lex.bare();
        Ok(bare.map(|word| Literal {
            value: word.as_bytes().into(),
            quoted: false,
            range: self.lex.range_from(start),
        }))
    }

    /// `val(field)` or a transformer.
    fn try_reference(&mut self) -> Result<Option<Rhs>, Finding> {
        if self.lex.eat("val(") {
            self.lex.blank();
            let Some(field) = self.try_field()? else {
                return Err(self
                    .lex
                    .error_here("expected a field within 'val' transformer"));
            };
            self.lex.blank();
            self.close_transform()?;
            return Ok(Some(Rhs::Field(field)));
        }
        Ok(self.try_transform(0)?.map(Rhs::Transform))
    }

    fn try_operand(&mut self) -> Result<Option<Operand>, Finding> {
        if let Some(field) = self.try_field()? {
            return Ok(Some(Operand::Field(field)));
        }
        Ok(self.try_transform(0)?.map(Operand::Transform))
    }

    fn try_field(&mut self) -> Result<Option<FieldExpr>, Finding> {
        let start = self.lex.pos();
        let Some(name) = self.lex.field_name() else {
            return Ok(None);
        };
        let arg = self.argument()?;
        Ok(Some(FieldExpr {
            name: name.to_owned(),
            arg,
            range: self.lex.range_from(start),
        }))
    }

    fn argument(&mut self) -> Result<Option<FieldArg>, Finding> {
        if !self.lex.eat("[") {
            return Ok(None);
        }
        let start = self.lex.pos();
        let arg = if let Some(value) = self.lex.quoted()? {
            let Ok(text) = String::from_utf8(value.into_vec()) else {
                return Err(self.lex.error(
                    self.lex.range_from(start),
                    "a field argument must be valid UTF-8",
                ));
            };
            FieldArg { text, quoted: true }
        } else if let Some(text) = self.lex.bare_argument() {
            FieldArg {
                text: text.to_owned(),
                quoted: false,
            }
        } else {
            return Err(self
                .lex
                .error_here("expected a valid field argument: a quoted string or a bare string"));
        };
        if !self.lex.eat("]") {
            return Err(self.lex.error_here("expected a ']' token"));
        }
        Ok(Some(arg))
    }

    fn try_transform(&mut self, depth: usize) -> Result<Option<TransformExpr>, Finding> {
        let Some(mut transform) = self.try_transform_alone(depth)? else {
            return Ok(None);
        };
        transform.arg = self.argument()?;
        transform.range = self.lex.range_from(transform.range.start as usize);
        Ok(Some(transform))
    }

    /// A transformer without what may stand in brackets behind it.
    fn try_transform_alone(&mut self, depth: usize) -> Result<Option<TransformExpr>, Finding> {
        let start = self.lex.pos();
        let found = Transformer::ALL.iter().find(|t| {
            self.lex
                .rest()
                .strip_prefix(t.name())
                .is_some_and(|r| r.starts_with('('))
        });
        let Some(&transformer) = found else {
            return Ok(None);
        };
        if depth >= MAX_TRANSFORM_DEPTH {
            return Err(self.too_deep(start, MAX_TRANSFORM_DEPTH));
        }
        self.lex.eat(transformer.name());
        self.lex.eat("(");
        let mut args = Vec::new();
        loop {
            self.lex.blank();
            args.push(self.transform_arg(depth)?);
            self.lex.blank();
            if !self.lex.eat(",") {
                break;
            }
        }
        self.close_transform()?;
        Ok(Some(TransformExpr {
            transformer,
            args,
            arg: None,
            range: self.lex.range_from(start),
        }))
    }

    fn close_transform(&mut self) -> Result<(), Finding> {
        if self.lex.eat(")") {
            return Ok(());
        }
        Err(self
            .lex
            .error_here("expected a ')' token closing the transformer"))
    }

    fn transform_arg(&mut self, depth: usize) -> Result<TransformArg, Finding> {
        let start = self.lex.pos();
        if !self.lex.eat("(") {
            return self.transform_item(depth);
        }
        let mut items = Vec::new();
        self.lex.blank();
        if !self.lex.eat(")") {
            loop {
                self.lex.blank();
                items.push(self.transform_item(depth)?);
                self.lex.blank();
                if self.lex.eat(")") {
                    break;
                }
                if !self.lex.eat(",") {
                    return Err(self.lex.error_here("expected a ')' token closing the list"));
                }
            }
        }
        Ok(TransformArg::List(items, self.lex.range_from(start)))
    }

    fn transform_item(&mut self, depth: usize) -> Result<TransformArg, Finding> {
        let start = self.lex.pos();
        if let Some(number) = self.lex.number() {
            let value = number.as_bytes().into();
            return Ok(TransformArg::Number(Literal {
                value,
                quoted: false,
                range: self.lex.range_from(start),
            }));
        }
        if let Some(value) = self.lex.quoted()? {
            return Ok(TransformArg::Text(Literal {
                value,
                quoted: true,
                range: self.lex.range_from(start),
            }));
        }
        if let Some(transform) = self.try_transform(depth + 1)? {
            return Ok(TransformArg::Transform(transform));
        }
        if let Some(field) = self.try_field()? {
            return Ok(TransformArg::Field(field));
        }
        Err(self.lex.error_here(
            "expected a field, a quoted string, a number, a list or a nested transformer",
        ))
    }

    fn unexpected(&self) -> Finding {
        let message = format!(
            "unexpected token after '{}', expecting 'or', 'and'",
            self.lex.last_token()
        );
        self.with_keyword_help(self.lex.error_here(message))
    }

    fn with_keyword_help(&self, mut finding: Finding) -> Finding {
        let rest = self.lex.rest();
        let word = rest
            .split(crate::lex::is_blank_char)
            .next()
            .unwrap_or_default();
        if ["and", "or", "not"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword))
            && word != word.to_lowercase()
        {
            finding.help = Some(format!(
                "write `{}`: keywords are lower case",
                word.to_lowercase()
            ));
        } else if rest.starts_with(['"', '\'']) {
            finding.help = Some("a quoted string is closed, and ends its word, at the next quote without a backslash".to_owned());
        } else if rest.starts_with('#') {
            finding.help = Some("conditions have no comments".to_owned());
        }
        finding
    }

    fn too_deep(&self, start: usize, limit: usize) -> Finding {
        self.lex.error(
            self.lex.range_from(start),
            format!("exceeded max depth limit of {limit}"),
        )
    }
}

fn starts_blank(text: &str) -> bool {
    text.starts_with(crate::lex::is_blank_char)
}

const OPERATORS: &str = "'exists', '<=', '<', '>=', '>', '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', \
                         'startswith', 'bstartswith', 'endswith', 'regex', 'intersects', 'in', 'pmatch'";

/// Operators that need no blank behind them, longest first where one begins another.
const SYMBOLS: &[(&str, Operator)] = &[
    ("exists", Operator::Exists),
    ("<=", Operator::Le),
    ("<", Operator::Lt),
    (">=", Operator::Ge),
    (">", Operator::Gt),
    ("==", Operator::Eq),
    ("=", Operator::Eq),
    ("!=", Operator::Ne),
    ("intersects", Operator::Intersects),
    ("in", Operator::In),
    ("pmatch", Operator::Pmatch),
];

/// Operators that need a blank behind them.
const WORDS: &[Operator] = &[
    Operator::Glob,
    Operator::Iglob,
    Operator::Contains,
    Operator::Icontains,
    Operator::Bcontains,
    Operator::Startswith,
    Operator::Bstartswith,
    Operator::Endswith,
    Operator::Regex,
];

#[cfg(test)]
mod tests;
