//! A condition whose every field exists, operator fits and constant is of the right type.
//!
//! In: what [`crate::check`] found right. Out: what compile turns into programs. Never: an error; there is none left.
//!
//! Places stay in the tree, so that a match can be explained. Two parts of conditions are equal, as far as `Eq` is
//! there, when they mean the same.

use std::sync::Arc;

use crate::ast::{Modifier, Operator};
use crate::op::Constant;
use crate::schema::{Multiplicity, Type};
use crate::source::TextRange;
use crate::value::{FieldKey, FieldRef};

/// A checked condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The whole of it.
    pub root: Node,
}

/// A part of a condition.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands; inside a macro, in the macro's own text.
    pub range: TextRange,
}

impl Node {
    /// Gives every comparison in it to `each`. Recursion is as deep as the condition, which check has limited.
    pub fn checks(&self, each: &mut dyn FnMut(&Check)) {
        match &self.kind {
            NodeKind::And(members) | NodeKind::Or(members) => {
                members.iter().for_each(|member| member.checks(each));
            }
            NodeKind::Not(inner) => inner.checks(each),
            NodeKind::Macro { body, .. } => body.checks(each),
            NodeKind::Check(check) => each(check),
        }
    }
}

/// The forms of a checked condition.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// All of them, left to right.
    And(Vec<Node>),
    /// One of them, left to right.
    Or(Vec<Node>),
    /// The opposite.
    Not(Box<Node>),
    /// A macro's body.
    Macro {
        /// Its name.
        name: String,
        /// Its condition, shared by all calls of a condition.
        body: Arc<Node>,
    },
    /// A comparison.
    Check(Check),
}

/// `operand test`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// Left side.
    pub operand: Operand,
    /// Operator and right side.
    pub test: Test,
}

/// What is asked about an operand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Is there a value?
    Exists,
    /// Compared with constants of the operand's type. Without a modifier there is exactly one, but for `in`, `intersects` and
    /// `pmatch`, which may have any number.
    Constants {
        /// The operator.
        op: Operator,
        /// How its results for the constants are put together.
        modifier: Option<Modifier>,
        /// In the order written.
        values: Vec<Constant>,
    },
    /// Compared with another operand of the same type.
    Operand {
        /// The operator.
        op: Operator,
        /// The right side.
        right: Operand,
    },
}

/// Something with a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A field.
    Field(FieldUse),
    /// A transformer over operands.
    Transform(Box<Transform>),
    /// A text in a transformer's arguments.
    Text(Box<[u8]>),
    /// A number in a transformer's arguments, as written.
    Number(Box<[u8]>),
    /// A list in a transformer's arguments.
    List(Vec<Operand>),
}

/// A field as a condition uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldUse {
    /// Which, with which argument.
    pub field: FieldRef,
    /// Type of its value or values.
    pub ty: Type,
    /// One value or several, with this argument.
    pub multiplicity: Multiplicity,
}

/// A transformer with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// What it does.
    pub function: Function,
    /// Type of its result.
    pub ty: Type,
    /// Whether its result is a list.
    pub list: bool,
}

/// What a transformer does to what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// ASCII lower case.
    Tolower(Operand),
    /// ASCII upper case.
    Toupper(Operand),
    /// Base64 decoding.
    B64(Operand),
    /// Behind the last slash.
    Basename(Operand),
    /// Length in bytes, or elements of a list.
    Len(Operand),
    /// Texts of a list with a separator between.
    Join {
        /// What stands between.
        separator: Operand,
        /// A list.
        items: Operand,
    },
    /// Texts put together.
    Concat(Vec<Operand>),
    /// Options of a command line.
    Getopt {
        /// A list of words.
        words: Operand,
        /// Which options there are and which take values, as getopt is told.
        options: Operand,
        /// The one option whose value is meant.
        wanted: Option<Box<str>>,
    },
}

impl Operand {
    /// Type of its value, or of its list's elements.
    pub fn ty(&self) -> Type {
        match self {
            Self::Field(field) => field.ty,
            Self::Transform(transform) => transform.ty,
            Self::Number(_) => Type::Int64,
            Self::Text(_) => Type::CharBuf,
            Self::List(items) => items.first().map_or(Type::CharBuf, Self::ty),
        }
    }

    /// Whether its value is a list.
    pub fn is_list(&self) -> bool {
        match self {
            Self::Field(field) => field.multiplicity == Multiplicity::List,
            Self::Transform(transform) => transform.list,
            Self::Text(_) | Self::Number(_) => false,
            Self::List(_) => true,
        }
    }

    /// How a test takes several values of it.
    pub fn multiplicity(&self) -> Multiplicity {
        match self {
            Self::Field(field) => field.multiplicity,
            _ if self.is_list() => Multiplicity::List,
            _ => Multiplicity::One,
        }
    }

    /// Calls `visit` for each field in it.
    pub fn for_each_field(&self, visit: &mut dyn FnMut(&FieldUse)) {
        match self {
            Self::Field(field) => visit(field),
            Self::Transform(transform) => transform
                .function
                .for_each_operand(&mut |operand| operand.for_each_field(visit)),
            Self::Text(_) | Self::Number(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.for_each_field(visit)),
        }
    }
}

impl Function {
    /// Calls `visit` for each operand.
    pub fn for_each_operand(&self, visit: &mut dyn FnMut(&Operand)) {
        match self {
            Self::Tolower(x)
            | Self::Toupper(x)
            | Self::B64(x)
            | Self::Basename(x)
            | Self::Len(x) => visit(x),
            Self::Join { separator, items } => [separator, items].into_iter().for_each(visit),
            Self::Concat(items) => items.iter().for_each(visit),
            Self::Getopt { words, options, .. } => [words, options].into_iter().for_each(visit),
        }
    }
}

impl Check {
    /// Calls `visit` for each field on either side.
    pub fn for_each_field(&self, visit: &mut dyn FnMut(&FieldUse)) {
        self.operand.for_each_field(visit);
        if let Test::Operand { right, .. } = &self.test {
            right.for_each_field(visit);
        }
    }
}

impl FieldUse {
    /// Whether it is the field of this id without an argument.
    pub(crate) fn is_plain(&self, id: Option<crate::schema::FieldId>) -> bool {
        Some(self.field.id) == id && self.field.arg == FieldKey::None
    }
}
