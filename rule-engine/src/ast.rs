//! The tree of a condition: keeps the text's form, knows no fields and no types.
//!
//! In: what [`crate::parse`] found. Out: what resolve expands and check types. Never: meaning.

use std::sync::Arc;

use crate::source::TextRange;

mod print;

/// A condition or a part of one.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub range: TextRange,
}

/// The forms of a condition.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `a and b and …`; at least two.
    And(Vec<Expr>),
    /// `a or b or …`; at least two.
    Or(Vec<Expr>),
    /// `not a`.
    Not(Box<Expr>),
    /// A comparison.
    Check(Check),
    /// A reference to a macro that is not expanded yet.
    Macro(String),
    /// An expanded macro: its body is a unit, shared by all who call it. The ranges in it are places in the macro's own text.
    Expanded {
        /// The macro's name.
        name: String,
        /// Its condition, itself expanded.
        body: Arc<Expr>,
    },
}

/// `operand test`.
#[derive(Clone, Debug)]
pub struct Check {
    /// Left side.
    pub operand: Operand,
    /// Operator.
    pub op: Operator,
    /// `anyof` and kin behind the operator.
    pub modifier: Option<Modifier>,
    /// Right side; [`Rhs::None`] for `exists` only.
    pub rhs: Rhs,
    /// Where the operator (with its modifier) stands.
    pub op_range: TextRange,
}

/// What is compared.
#[derive(Clone, Debug)]
pub enum Operand {
    /// `proc.name`, `proc.aname[2]`.
    Field(FieldExpr),
    /// `tolower(proc.name)`.
    Transform(TransformExpr),
}

/// A field with its argument.
#[derive(Clone, Debug)]
pub struct FieldExpr {
    /// The dotted name as written, argument excluded.
    pub name: String,
    /// What stands in brackets.
    pub arg: Option<FieldArg>,
    /// Where it stands, argument included.
    pub range: TextRange,
}

/// What stands in brackets behind a field or a transformer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldArg {
    /// The text, quotes and escapes undone.
    pub text: String,
    /// Whether it was quoted.
    pub quoted: bool,
}

/// `name(args…)[arg]`.
#[derive(Clone, Debug)]
pub struct TransformExpr {
    /// Which.
    pub transformer: Transformer,
    /// Its arguments.
    pub args: Vec<TransformArg>,
    /// `getopt(…)[t]`.
    pub arg: Option<FieldArg>,
    /// Where it stands.
    pub range: TextRange,
}

/// An argument of a transformer.
#[derive(Clone, Debug)]
pub enum TransformArg {
    /// A field.
    Field(FieldExpr),
    /// A nested transformer.
    Transform(TransformExpr),
    /// A quoted string.
    Text(Literal),
    /// A number, as written.
    Number(Literal),
    /// `(a, b)`.
    List(Vec<TransformArg>, TextRange),
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The value, quotes and escapes undone. Bytes, since `\xHH` can write any.
    pub value: Box<[u8]>,
    /// Whether it was quoted.
    pub quoted: bool,
    /// Where it stands, quotes included.
    pub range: TextRange,
}

/// The right side of a check.
#[derive(Clone, Debug)]
pub enum Rhs {
    /// Nothing (`exists`).
    None,
    /// One constant.
    Value(Literal),
    /// `(a, b)`, or the one bare word that may stand for a list.
    List(Vec<Literal>, TextRange),
    /// `val(field)`.
    Field(FieldExpr),
    /// A transformer.
    Transform(TransformExpr),
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`, `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `exists`
    Exists,
    /// `in`
    In,
    /// `intersects`
    Intersects,
    /// `pmatch`
    Pmatch,
    /// `contains`
    Contains,
    /// `icontains`
    Icontains,
    /// `bcontains`
    Bcontains,
    /// `startswith`
    Startswith,
    /// `bstartswith`
    Bstartswith,
    /// `endswith`
    Endswith,
    /// `glob`
    Glob,
    /// `iglob`
    Iglob,
    /// `regex`
    Regex,
}

/// What may stand behind an operator to spread it over a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Modifier {
    /// Exactly one value fits.
    Oneof,
    /// Some value fits.
    Anyof,
    /// Every value fits.
    Allof,
}

/// Functions over field values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transformer {
    /// ASCII lower case.
    Tolower,
    /// ASCII upper case.
    Toupper,
    /// Base64 decoding.
    B64,
    /// Behind the last slash.
    Basename,
    /// Length in bytes, or elements of a list.
    Len,
    /// Texts joined by a separator.
    Join,
    /// Texts put together.
    Concat,
    /// Options of a command line.
    Getopt,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Eq,
        Self::Ne,
        Self::Lt,
        Self::Le,
        Self::Gt,
        Self::Ge,
        Self::Exists,
        Self::In,
        Self::Intersects,
        Self::Pmatch,
        Self::Contains,
        Self::Icontains,
        Self::Bcontains,
        Self::Startswith,
        Self::Bstartswith,
        Self::Endswith,
        Self::Glob,
        Self::Iglob,
        Self::Regex,
    ];

    /// Its name, as conditions write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Exists => "exists",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::Pmatch => "pmatch",
            Self::Contains => "contains",
            Self::Icontains => "icontains",
            Self::Bcontains => "bcontains",
            Self::Startswith => "startswith",
            Self::Bstartswith => "bstartswith",
            Self::Endswith => "endswith",
            Self::Glob => "glob",
            Self::Iglob => "iglob",
            Self::Regex => "regex",
        }
    }

    /// Whether `anyof` and kin may stand behind it.
    pub fn takes_modifier(self) -> bool {
        !matches!(
            self,
            Self::Lt
                | Self::Le
                | Self::Gt
                | Self::Ge
                | Self::Exists
                | Self::In
                | Self::Intersects
                | Self::Pmatch
        )
    }
}

impl Modifier {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Oneof, Self::Anyof, Self::Allof];

    /// Its name, as conditions write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Oneof => "oneof",
            Self::Anyof => "anyof",
            Self::Allof => "allof",
        }
    }
}

impl Transformer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Tolower,
        Self::Toupper,
        Self::B64,
        Self::Basename,
        Self::Len,
        Self::Join,
        Self::Concat,
        Self::Getopt,
    ];

    /// Its name, as conditions write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tolower => "tolower",
            Self::Toupper => "toupper",
            Self::B64 => "b64",
            Self::Basename => "basename",
            Self::Len => "len",
            Self::Join => "join",
            Self::Concat => "concat",
            Self::Getopt => "getopt",
        }
    }
}
