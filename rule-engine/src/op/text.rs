//! Text and bytes compared with constants.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;
use bumpalo::Bump;
use foldhash::fast::FixedState;
use memchr::memmem::Finder;

use crate::ast::Operator;

use super::number::ordered;
use super::path::PathSet;
use super::{Glob, Pattern};

/// A comparison of text or bytes with constants.
#[derive(Clone, Debug)]
pub(crate) enum TextMatcher {
    /// Equality and order.
    Order(Operator, Box<[u8]>),
    /// Membership; `false`: the lack of it.
    Among(ByteStrings, bool),
    /// Holds one of these.
    Contains(Box<Finder<'static>>),
    /// Holds one of many; case ignored where the automaton was built so.
    ContainsAny(Box<AhoCorasick>),
    /// Starts with one of these.
    Starts(Box<[Box<[u8]>]>),
    /// Ends with one of these.
    Ends(Box<[Box<[u8]>]>),
    /// Fits one of these.
    Globs(Box<[Glob]>),
    /// Fits this.
    Pattern(Box<Pattern>),
    /// Lies under one of these.
    Paths(Box<PathSet>),
}

impl TextMatcher {
    /// A comparison that holds when it holds for one of the constants; of order, equality's lack and patterns there must be
    /// exactly one.
    ///
    /// # Errors
    /// The constant is no pattern of the kind the operator wants, which [`super::Constant::parse`] has excluded, or an
    /// automaton would be too large.
    pub(crate) fn any(op: Operator, constants: &[&[u8]]) -> Result<Self, String> {
        use Operator as Op;
        let single = constants.first().copied().unwrap_or_default();
        let owned = || constants.iter().map(|&c| c.into()).collect();
        Ok(match op {
            Op::In | Op::Intersects => Self::Among(ByteStrings::new(constants), true),
            Op::Eq if constants.len() > 1 => Self::Among(ByteStrings::new(constants), true),
            Op::Contains | Op::Bcontains if constants.len() == 1 => {
                Self::Contains(Box::new(Finder::new(single).into_owned()))
            }
            Op::Contains | Op::Bcontains => Self::ContainsAny(automaton(constants, false)?),
            Op::Icontains => Self::ContainsAny(automaton(constants, true)?),
            Op::Startswith | Op::Bstartswith => Self::Starts(owned()),
            Op::Endswith => Self::Ends(owned()),
            Op::Glob => Self::Globs(constants.iter().map(|c| Glob::new(c, false)).collect()),
            Op::Iglob => Self::Globs(constants.iter().map(|c| Glob::new(c, true)).collect()),
            Op::Regex => Self::Pattern(Box::new(Pattern::new(single)?)),
            Op::Pmatch => Self::Paths(Box::new(PathSet::new(constants.iter().copied()))),
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Exists => {
                Self::Order(op, single.into())
            }
        })
    }

    /// Equal to none of the constants.
    pub(crate) fn none(constants: &[&[u8]]) -> Self {
        Self::Among(ByteStrings::new(constants), false)
    }

    /// Whether the value satisfies it.
    pub(crate) fn matches(&self, value: &[u8], arena: &Bump) -> bool {
        match self {
            Self::Order(op, constant) => ordered(*op, value, &**constant),
            Self::Among(set, is_in) => set.contains(value) == *is_in,
            Self::Contains(finder) => finder.find(value).is_some(),
            Self::ContainsAny(automaton) => automaton.is_match(value),
            Self::Starts(affixes) => affixes.iter().any(|affix| value.starts_with(affix)),
            Self::Ends(affixes) => affixes.iter().any(|affix| value.ends_with(affix)),
            Self::Globs(globs) => globs.iter().any(|glob| glob.matches(value)),
            Self::Pattern(pattern) => pattern.matches(value, arena),
            Self::Paths(paths) => paths.matches(value),
        }
    }
}

fn automaton(needles: &[&[u8]], ignore_case: bool) -> Result<Box<AhoCorasick>, String> {
    let built = AhoCorasick::builder()
        .ascii_case_insensitive(ignore_case)
        .build(needles);
    built.map(Box::new).map_err(|why| why.to_string())
}

/// A set of byte strings.
#[derive(Clone, Debug)]
pub(crate) struct ByteStrings {
    members: HashSet<Box<[u8]>, FixedState>,
    /// A bit for each length that occurs; the highest stands for all longer ones.
    lengths: u64,
}

impl ByteStrings {
    fn new(members: &[&[u8]]) -> Self {
        let lengths = members
            .iter()
            .fold(0, |bits, member| bits | length_bit(member));
        Self {
            members: members.iter().map(|&m| m.into()).collect(),
            lengths,
        }
    }

    fn contains(&self, value: &[u8]) -> bool {
        self.lengths & length_bit(value) != 0 && self.members.contains(value)
    }
}

fn length_bit(text: &[u8]) -> u64 {
    1 << text.len().min(63)
}
