//! Why a rule matches an event or not: its condition evaluated part by part.
//!
//! In: a compiled rule and an event. Out: [`Explanation`], the tree of the condition with the result of every part and the
//! value of every field, as data, as text for people and as JSON. Never: the compiled program; parts are judged by
//! [`crate::reference`].

mod print;

use std::fmt;

use bumpalo::Bump;
use serde_json::{Map, Value as Json, json};

use crate::program::Rule;
use crate::reference::Plain;
use crate::schema::Schema;
use crate::typed::{Check, Node, NodeKind};
use crate::value::{Fields, Value};

/// Parts that a condition may have with its macros put in; what is larger is not explained.
const MAX_PARTS: usize = 100_000;

/// A condition evaluated.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The rule.
    pub rule: String,
    /// The whole condition.
    pub root: Part,
}

/// A part of a condition.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whether it holds.
    pub holds: bool,
    /// What it is.
    pub kind: PartKind,
}

/// The kinds of parts.
#[derive(Clone, Debug)]
pub enum PartKind {
    /// All of these hold.
    And(Vec<Part>),
    /// One of these holds.
    Or(Vec<Part>),
    /// This does not hold.
    Not(Box<Part>),
    /// A macro.
    Macro {
        /// Its name.
        name: String,
        /// Its condition.
        body: Box<Part>,
    },
    /// A comparison.
    Check {
        /// As it is written, long lists of values cut.
        text: String,
        /// The fields in it with their values; `None` for one that is missing.
        fields: Vec<(String, Option<Json>)>,
    },
}

/// A condition that is too large to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "the condition has more than {MAX_PARTS} parts and is not explained"
        )
    }
}

impl std::error::Error for TooLarge {}

/// Evaluates a rule's condition over an event, every part of it.
///
/// # Errors
/// The condition has too many parts.
pub fn explain(rule: &Rule, event: &dyn Fields, schema: &Schema) -> Result<Explanation, TooLarge> {
    let arena = Bump::new();
    let mut walk = Walk {
        plain: Plain {
            schema,
            event,
            arena: &arena,
        },
        parts: 0,
    };
    Ok(Explanation {
        rule: rule.name.clone(),
        root: walk.part(&rule.condition.root)?,
    })
}

struct Walk<'a> {
    plain: Plain<'a>,
    parts: usize,
}

impl<'a> Walk<'a> {
    /// Recursion is as deep as the condition, which check has limited.
    fn part(&mut self, node: &'a Node) -> Result<Part, TooLarge> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(TooLarge);
        }
        Ok(match &node.kind {
            NodeKind::And(members) => {
                let members = self.all(members)?;
                Part {
                    holds: members.iter().all(|member| member.holds),
                    kind: PartKind::And(members),
                }
            }
            NodeKind::Or(members) => {
                let members = self.all(members)?;
                Part {
                    holds: members.iter().any(|member| member.holds),
                    kind: PartKind::Or(members),
                }
            }
            NodeKind::Not(inner) => {
                let inner = self.part(inner)?;
                Part {
                    holds: !inner.holds,
                    kind: PartKind::Not(Box::new(inner)),
                }
            }
            NodeKind::Macro { name, body } => {
                let body = self.part(body)?;
                Part {
                    holds: body.holds,
                    kind: PartKind::Macro {
                        name: name.clone(),
                        body: Box::new(body),
                    },
                }
            }
            NodeKind::Check(check) => Part {
                holds: self.plain.check(check),
                kind: self.check(check),
            },
        })
    }

    fn all(&mut self, members: &'a [Node]) -> Result<Vec<Part>, TooLarge> {
        members.iter().map(|member| self.part(member)).collect()
    }

    fn check(&self, check: &'a Check) -> PartKind {
        let mut fields: Vec<(String, Option<Json>)> = Vec::new();
        check.for_each_field(&mut |used| {
            let name = used.field.written(self.plain.schema);
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, self.plain.field(used).map(json)));
            }
        });
        PartKind::Check {
            text: print::check(check, self.plain.schema),
            fields,
        }
    }
}

/// A value as JSON: bytes that are no text as `\xHH`, several candidates as an array.
fn json(value: Value<'_>) -> Json {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!(bytes.escape_ascii().to_string()),
        },
        Value::Int(number) => json!(number),
        Value::Uint(number) => json!(number),
        Value::Double(number) => json!(number),
        Value::Bool(truth) => json!(truth),
        Value::Ip(address) => json!(address.to_string()),
        Value::List(members) | Value::Several(members) => {
            members.iter().map(|member| json(*member)).collect()
        }
    }
}

impl Explanation {
    /// The tree as text, a line for each part.
    pub fn text(&self) -> String {
        let verdict = if self.root.holds {
            "matches"
        } else {
            "does not match"
        };
        let mut out = format!("{} {verdict}\n", self.rule);
        self.root.write(&mut out, 1);
        out
    }

    /// The tree as JSON.
    pub fn json(&self) -> Json {
        json!({ "rule": self.rule, "matches": self.root.holds, "condition": self.root.json() })
    }

    /// Only the parts that decided the result, a line each: of an `and` that does not hold the first that does not, of an
    /// `or` that holds the first that does.
    pub fn decided(&self) -> String {
        const LINES: usize = 12;
        let mut lines = Vec::new();
        self.root.decided(&mut Vec::new(), &mut lines);
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

impl Part {
    fn write(&self, out: &mut String, depth: usize) {
        let mark = if self.holds { "true " } else { "false" };
        out.push_str(&format!("{mark} {:width$}", "", width = 2 * depth));
        match &self.kind {
            PartKind::And(members) => Self::write_all(out, "and", members, depth),
            PartKind::Or(members) => Self::write_all(out, "or", members, depth),
            PartKind::Not(inner) => Self::write_all(out, "not", std::slice::from_ref(inner), depth),
            PartKind::Macro { name, body } => {
                Self::write_all(
                    out,
                    &format!("macro {name}"),
                    std::slice::from_ref(body),
                    depth,
                );
            }
            PartKind::Check { text, fields } => out.push_str(&format!("{text}{}\n", shown(fields))),
        }
    }

    fn write_all(out: &mut String, head: &str, members: &[Part], depth: usize) {
        out.push_str(head);
        out.push('\n');
        members
            .iter()
            .for_each(|member| member.write(out, depth + 1));
    }

    fn json(&self) -> Json {
        let all = |members: &[Part]| members.iter().map(Part::json).collect::<Vec<_>>();
        let holds = self.holds;
        match &self.kind {
            PartKind::And(members) => {
                json!({ "kind": "and", "holds": holds, "members": all(members) })
            }
            PartKind::Or(members) => {
                json!({ "kind": "or", "holds": holds, "members": all(members) })
            }
            PartKind::Not(inner) => {
                json!({ "kind": "not", "holds": holds, "members": [inner.json()] })
            }
            PartKind::Macro { name, body } => {
                json!({ "kind": "macro", "name": name, "holds": holds, "members": [body.json()] })
            }
            PartKind::Check { text, fields } => {
                let fields: Map<_, _> = fields
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                json!({ "kind": "check", "check": text, "holds": holds, "fields": fields })
            }
        }
    }

    fn decided<'p>(&'p self, macros: &mut Vec<&'p str>, lines: &mut Vec<String>) {
        match &self.kind {
            PartKind::And(members) | PartKind::Or(members) => {
                let one_decides = matches!(self.kind, PartKind::Or(_)) == self.holds;
                if one_decides {
                    if let Some(member) = members.iter().find(|member| member.holds == self.holds) {
                        member.decided(macros, lines);
                    }
                } else {
                    members
                        .iter()
                        .for_each(|member| member.decided(macros, lines));
                }
            }
            PartKind::Not(inner) => inner.decided(macros, lines),
            PartKind::Macro { name, body } => {
                macros.push(name);
                body.decided(macros, lines);
                macros.pop();
            }
            PartKind::Check { text, fields } => {
                let within = if macros.is_empty() {
                    String::new()
                } else {
                    format!(" (in {})", macros.join(", "))
                };
                lines.push(format!(
                    "{} {text}{}{within}",
                    if self.holds { "true " } else { "false" },
                    shown(fields)
                ));
            }
        }
    }
}

/// `: proc.name = "cat", fd.name is missing`
fn shown(fields: &[(String, Option<Json>)]) -> String {
    let one = |(name, value): &(String, Option<Json>)| match value {
        Some(value) => format!("{name} is {value}"),
        None => format!("{name} is missing"),
    };
    let all = fields.iter().map(one).collect::<Vec<_>>().join(", ");
    if all.is_empty() {
        all
    } else {
        format!("    {all}")
    }
}

#[cfg(test)]
mod tests;
