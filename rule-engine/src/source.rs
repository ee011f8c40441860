//! Source texts and places in them.
//!
//! A rule file is a [`Source`]. A condition is not compiled from the file's bytes but from an *expanded text* (YAML
//! folding undone, lists substituted, exceptions added), named by a [`TextId`]. A place in it is a [`TextRange`]; who
//! made the text can lead that back to a [`Span`] of the file.

/// A file (or string) of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: the path as the user gave it.
    pub name: String,
    /// Its whole content.
    pub text: String,
}

/// Index of a [`Source`] in the order of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A place in a source file, in bytes; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One behind the last byte.
    pub end: u32,
}

/// Index of an expanded text (a condition or an output string as it is parsed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// A place in an expanded text, in bytes; `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TextRange {
    /// The expanded text.
    pub text: TextId,
    /// First byte.
    pub start: u32,
    /// One behind the last byte.
    pub end: u32,
}
