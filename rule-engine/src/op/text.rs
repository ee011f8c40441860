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
    Starts(Prefixes),
    /// Ends with one of these; they are reversed.
    Ends(Prefixes),
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
        Ok(match op {
            Op::In | Op::Intersects => Self::Among(ByteStrings::new(constants), true),
            Op::Eq if constants.len() > 1 => Self::Among(ByteStrings::new(constants), true),
            Op::Contains | Op::Bcontains if constants.len() == 1 => {
                Self::Contains(Box::new(Finder::new(single).into_owned()))
            }
            Op::Contains | Op::Bcontains => Self::ContainsAny(automaton(constants, false)?),
            Op::Icontains => Self::ContainsAny(automaton(constants, true)?),
            Op::Startswith | Op::Bstartswith => {
                Self::Starts(Prefixes::new(constants.iter().map(|&c| c.into())))
            }
            Op::Endswith => {
                let reversed = |&c: &&[u8]| c.iter().rev().copied().collect();
                Self::Ends(Prefixes::new(constants.iter().map(reversed)))
            }
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
            Self::Starts(prefixes) => prefixes.any_of(value.iter()),
            Self::Ends(reversed) => reversed.any_of(value.iter().rev()),
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

/// Beginnings of byte strings.
#[derive(Clone, Debug)]
pub(crate) struct Prefixes {
    /// Sorted. Invariant: none is a beginning of another. So only the last one that is not greater than a text can be a
    /// beginning of it: what lies between a beginning and the text has that beginning too.
    sorted: Box<[Box<[u8]>]>,
}

impl Prefixes {
    fn new(prefixes: impl Iterator<Item = Box<[u8]>>) -> Self {
        let mut sorted: Vec<Box<[u8]>> = prefixes.collect();
        sorted.sort_unstable();
        // Whatever begins with one that is kept comes right behind it.
        sorted.dedup_by(|longer, kept| longer.starts_with(kept));
        Self {
            sorted: sorted.into(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether a text begins with one of them.
    fn any_of<'t>(&self, text: impl Iterator<Item = &'t u8> + Clone) -> bool {
        let behind = self
            .sorted
            .partition_point(|prefix| prefix.iter().le(text.clone()));
        let last = behind.checked_sub(1).map(|at| &self.sorted[at]);
        last.is_some_and(|prefix| {
            let mut text = text.clone();
            prefix.iter().all(|byte| text.next() == Some(byte))
        })
    }
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn beginnings_and_ends_are_found(
            affixes in vec(vec(0..3_u8, 0..4), 1..9),
            text in vec(0..3_u8, 0..6),
        ) {
            let constants: Vec<&[u8]> = affixes.iter().map(Vec::as_slice).collect();
            let holds = |op| {
                let matcher = TextMatcher::any(op, &constants).expect("no pattern");
                matcher.matches(&text, &Bump::new())
            };
            let (starts, ends) = (holds(Operator::Startswith), holds(Operator::Endswith));
            prop_assert_eq!(starts, constants.iter().any(|affix| text.starts_with(affix)));
            prop_assert_eq!(ends, constants.iter().any(|affix| text.ends_with(affix)));
        }
    }
}
