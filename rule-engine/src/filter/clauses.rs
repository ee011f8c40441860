//! Alternatives of conjunctions of atoms, kept small by widening.
//!
//! In: atoms, and how they are joined. Out: [`Dnf`]: one of its terms holds, or more than was asked for holds: what does not
//! fit the limits becomes wider, never narrower.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use indexmap::{IndexMap, IndexSet};

use super::atom::{Atom, Number, NumberTest, Side, Text};
use super::{ATOMS_MAX, CLAUSES_MAX, Clause};

/// Patterns, networks or ranges that one atom may have; one with more is taken as undecidable.
pub const ALTERNATIVES_MAX: usize = 1024;

/// Terms that are put together; more than that are taken as always.
const TERMS_MAX: usize = CLAUSES_MAX * 64;

/// Terms that a conjunction may have. What would make more is left out.
const PRODUCT_MAX: usize = CLAUSES_MAX / 4;

/// The same for what only says what is not wanted: exceptions, of which each doubles the terms and holds back few events.
const REFUSALS_MAX: usize = 4;

/// All atoms of an event type, as many as there are.
#[derive(Default)]
pub(super) struct Atoms(IndexSet<Atom, FixedState>);

/// An atom, or its opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Literal {
    atom: u32,
    pub(super) negated: bool,
}

/// Literals that hold together; sorted, each once. No literal: always.
pub(super) type Term = Vec<Literal>;

/// Terms of which one holds; none says more than another. No term: never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dnf(Vec<Term>);

/// What terms have in common that are gathered: what they share, and what they want something of.
type Form = (Term, Vec<Heading>);

/// What terms want of each of those, and what they refuse.
type Parts = (Vec<Literal>, Term);

/// Which refusals terms need to have in common to be gathered. How files are opened is often said by what is refused, as
/// *not only for reading*: to lose that is worse than to lose exceptions, which are about names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusals {
    /// All.
    All,
    /// Those about numbers.
    Numbers,
    /// None: those that they happen to have in common are kept.
    Common,
}

impl Refusals {
    fn keeps(self, heading: Option<Heading>) -> bool {
        match self {
            Self::All => true,
            Self::Numbers => !matches!(heading, Some(Heading::Text(_))),
            Self::Common => false,
        }
    }
}

/// What atoms are about, if they can be put together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Heading {
    Text(Text),
    Address(Side),
    Number(Number),
}

impl Atoms {
    pub(super) fn of(&self, literal: Literal) -> &Atom {
        &self.0[literal.atom as usize]
    }

    /// An atom or its opposite; `None` if it is too large to be asked.
    fn literal(&mut self, atom: Atom, negated: bool) -> Option<Literal> {
        let size = match &atom {
            Atom::Text(_, any) => any.len(),
            Atom::Address(_, any) => any.len(),
            Atom::Number(_, NumberTest::Within(ranges)) => ranges.len(),
            Atom::Number(..) | Atom::InContainer => 1,
        };
        (size <= ALTERNATIVES_MAX).then(|| Literal {
            atom: self.0.insert_full(atom).0 as u32,
            negated,
        })
    }

    fn heading(&self, literal: Literal) -> Option<Heading> {
        match self.of(literal) {
            Atom::Text(text, _) => Some(Heading::Text(*text)),
            Atom::Address(side, _) => Some(Heading::Address(*side)),
            Atom::Number(number, NumberTest::Within(_)) => Some(Heading::Number(*number)),
            Atom::Number(_, NumberTest::Bits { .. }) | Atom::InContainer => None,
        }
    }

    /// Makes literals that are about one fact one, for those of one sign: positive ones of which one has to hold, or negative
    /// ones that all have to hold.
    fn merged(&mut self, literals: Vec<Literal>, negated: bool) -> Vec<Literal> {
        let mut kept = Vec::with_capacity(literals.len());
        let mut groups: IndexMap<Heading, Vec<Literal>, FixedState> = IndexMap::default();
        for literal in literals {
            match self.heading(literal) {
                Some(heading) if literal.negated == negated => {
                    groups.entry(heading).or_default().push(literal);
                }
                _ => kept.push(literal),
            }
        }
        for group in groups.into_values() {
            let merged = match group[..] {
                [_] => None,
                _ => self
                    .union(&group)
                    .and_then(|atom| self.literal(atom, negated)),
            };
            match merged {
                Some(merged) => kept.push(merged),
                None => kept.extend(group),
            }
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// The atom that holds when one of these does, which are about one fact.
    fn union(&self, group: &[Literal]) -> Option<Atom> {
        let heading = self.heading(*group.first()?)?;
        let atoms = || group.iter().map(|literal| self.of(*literal));
        Some(match heading {
            Heading::Text(text) => {
                let any = atoms().flat_map(|atom| match atom {
                    Atom::Text(_, any) => &any[..],
                    _ => &[],
                });
                Atom::Text(text, sorted(any.cloned().collect()))
            }
            Heading::Address(side) => {
                let any = atoms().flat_map(|atom| match atom {
                    Atom::Address(_, any) => &any[..],
                    _ => &[],
                });
                Atom::Address(side, sorted(any.copied().collect()))
            }
            Heading::Number(number) => {
                let ranges = atoms().flat_map(|atom| match atom {
                    Atom::Number(_, NumberTest::Within(ranges)) => &ranges[..],
                    _ => &[],
                });
                Atom::Number(
                    number,
                    NumberTest::Within(joined(ranges.copied().collect())),
                )
            }
        })
    }
}

impl Dnf {
    pub(super) fn always() -> Self {
        Self(vec![Vec::new()])
    }

    pub(super) fn never() -> Self {
        Self(Vec::new())
    }

    /// One atom or its opposite; always, if it is too large to be asked.
    pub(super) fn literal(atom: Atom, negated: bool, atoms: &mut Atoms) -> Self {
        match atoms.literal(atom, negated) {
            Some(literal) => Self(vec![vec![literal]]),
            None => Self::always(),
        }
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.0
    }

    /// Whether it holds whatever the facts are.
    pub(super) fn is_always(&self) -> bool {
        self.0.iter().any(Vec::is_empty)
    }

    /// One of them holds.
    pub(super) fn any(members: impl IntoIterator<Item = Dnf>, atoms: &mut Atoms) -> Self {
        let terms: Vec<Term> = members.into_iter().flat_map(|member| member.0).collect();
        let mut dnf = Self(terms);
        dnf.factor(atoms);
        for kept in [Refusals::All, Refusals::Numbers, Refusals::Common] {
            if dnf.0.len() > CLAUSES_MAX {
                dnf.gather(kept, atoms);
            }
        }
        if dnf.0.len() > TERMS_MAX {
            return Self::always();
        }
        dnf.absorb();
        dnf.shorten();
        dnf
    }

    /// Makes terms that differ in what they want of one fact alone one: `x and a or x and b` is `x and (a or b)`.
    fn factor(&mut self, atoms: &mut Atoms) {
        let mut kept = Vec::with_capacity(self.0.len());
        let mut groups: IndexMap<(Term, Heading), Vec<Literal>, FixedState> = IndexMap::default();
        for mut term in self.0.drain(..) {
            let headings = term.iter().enumerate().filter_map(|(at, literal)| {
                let heading = atoms.heading(*literal).filter(|_| !literal.negated)?;
                Some((heading, at))
            });
            // Texts come first in the order of headings: sets of them are what a look-up answers best.
            match headings.min() {
                Some((heading, at)) => {
                    let literal = term.remove(at);
                    groups.entry((term, heading)).or_default().push(literal);
                }
                None => kept.push(term),
            }
        }
        for ((rest, _), group) in groups {
            for literal in atoms.merged(group, false) {
                let mut term = [&rest[..], &[literal]].concat();
                term.sort_unstable();
                kept.push(term);
            }
        }
        self.0 = kept;
    }

    /// Makes terms of one form one, which is wider: `x in a and y in b or x in c and y in d` becomes `x in (a, c) and y in (b, d)`.
    /// The rest of the terms is the same, or, of refusals that `kept` does not name, what they all refuse.
    fn gather(&mut self, kept: Refusals, atoms: &mut Atoms) {
        let mut groups: IndexMap<Form, Vec<Parts>, FixedState> = IndexMap::default();
        for term in self.0.drain(..) {
            let mut wanted: BTreeMap<Heading, Literal> = BTreeMap::new();
            let (mut rest, mut refused) = (Vec::new(), Vec::new());
            for literal in term {
                match atoms.heading(literal) {
                    heading if literal.negated && !kept.keeps(heading) => refused.push(literal),
                    Some(heading) if !literal.negated => {
                        wanted.entry(heading).or_insert(literal);
                    }
                    _ => rest.push(literal),
                }
            }
            let headings = wanted.keys().copied().collect();
            let parts = (wanted.into_values().collect(), refused);
            groups.entry((rest, headings)).or_default().push(parts);
        }
        for ((mut term, headings), group) in groups {
            for at in 0..headings.len() {
                let literals: Vec<_> = group.iter().map(|(wanted, _)| wanted[at]).collect();
                let either = atoms.union(&literals);
                term.extend(either.and_then(|atom| atoms.literal(atom, false)));
            }
            let refused = group.into_iter().map(|(_, refused)| refused);
            term.extend(
                refused
                    .reduce(|a, b| common(&a, &b).collect())
                    .unwrap_or_default(),
            );
            self.0.push(sorted(term));
        }
    }

    /// All of them hold. Those that would make too many terms are left out, which widens.
    pub(super) fn all(members: impl IntoIterator<Item = Dnf>, atoms: &mut Atoms) -> Self {
        let mut common = Vec::new();
        let mut rest = Vec::new();
        for mut member in members {
            match member.0.len() {
                0 => return Self::never(),
                1 => common.append(&mut member.0[0]),
                _ => rest.push(member),
            }
        }
        let common = atoms.merged(common, true);
        if contradicts(&common) {
            return Self::never();
        }
        let mut product = Self(vec![common]);
        // Those that say what is wanted first, and of those the short ones.
        rest.sort_by_key(|member| (member.only_refuses(), member.0.len()));
        for member in rest {
            let most = if member.only_refuses() {
                REFUSALS_MAX
            } else {
                PRODUCT_MAX
            };
            let next = product.times(&member);
            if next.0.len() <= most.max(product.0.len()) {
                product = next;
            }
        }
        product
    }

    /// Whether some term only says what is not wanted.
    fn only_refuses(&self) -> bool {
        self.0
            .iter()
            .any(|term| term.iter().all(|literal| literal.negated))
    }

    fn times(&self, other: &Self) -> Self {
        let mut terms = Vec::with_capacity(self.0.len() * other.0.len());
        for a in &self.0 {
            for b in &other.0 {
                let mut term = [&a[..], &b[..]].concat();
                term.sort_unstable();
                term.dedup();
                if !contradicts(&term) {
                    terms.push(term);
                }
            }
        }
        let mut product = Self(terms);
        product.absorb();
        product
    }

    /// Drops each term that says more than another one, which holds whenever it does.
    fn absorb(&mut self) {
        self.0.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        let mut kept: Vec<Term> = Vec::with_capacity(self.0.len());
        for term in self.0.drain(..) {
            if !kept.iter().any(|shorter| is_part(shorter, &term)) {
                kept.push(term);
            }
        }
        self.0 = kept;
    }

    /// Puts terms together until they are few enough: in place of two stands what they have in common, which holds whenever one
    /// of them does. Those that have most in common go first, among very many only neighbours.
    fn shorten(&mut self) {
        while self.0.len() > CLAUSES_MAX {
            let count = self.0.len();
            let near = if count > CLAUSES_MAX * 2 { 1 } else { count };
            let pairs = (1..count).flat_map(|b| (b.saturating_sub(near)..b).map(move |a| (a, b)));
            let shared = |(a, b): &(usize, usize)| common(&self.0[*a], &self.0[*b]).count();
            let Some((a, b)) = pairs.max_by_key(shared) else {
                return;
            };
            let both = common(&self.0[a], &self.0[b]).collect();
            self.0.remove(b);
            self.0[a] = both;
            if self.0.len() <= CLAUSES_MAX * 2 {
                self.absorb();
            }
        }
    }

    /// As masks over at most [`ATOMS_MAX`] atoms, the most used ones: literals of others are left out, which widens.
    pub(super) fn into_clauses(mut self, atoms: &Atoms) -> (Vec<Atom>, Vec<Clause>) {
        let mut uses: IndexMap<u32, usize, FixedState> = IndexMap::default();
        for literal in self.0.iter().flatten() {
            *uses.entry(literal.atom).or_default() += 1;
        }
        uses.sort_by(|a, a_uses, b, b_uses| b_uses.cmp(a_uses).then(a.cmp(b)));
        uses.truncate(ATOMS_MAX);
        let bit = |literal: &Literal| uses.get_index_of(&literal.atom);
        for term in &mut self.0 {
            term.retain(|literal| bit(literal).is_some());
        }
        self.absorb();
        let clause = |term: &Term| {
            let mut clause = Clause::default();
            for literal in term {
                let mask = bit(literal).map_or(0, |bit| 1u64 << bit);
                if literal.negated {
                    clause.refused |= mask;
                } else {
                    clause.required |= mask;
                }
            }
            clause
        };
        let clauses = self.0.iter().map(clause).collect();
        let atoms = uses
            .keys()
            .map(|atom| atoms.0[*atom as usize].clone())
            .collect();
        (atoms, clauses)
    }
}

/// Whether a term wants an atom and its opposite.
fn contradicts(term: &[Literal]) -> bool {
    term.windows(2).any(|pair| pair[0].atom == pair[1].atom)
}

/// Whether a sorted list holds all of another one.
fn is_part(part: &[Literal], whole: &[Literal]) -> bool {
    part.iter()
        .all(|literal| whole.binary_search(literal).is_ok())
}

fn common(a: &[Literal], b: &[Literal]) -> impl Iterator<Item = Literal> {
    a.iter()
        .filter(|literal| b.binary_search(literal).is_ok())
        .copied()
}

/// Sorted, each once.
pub(super) fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items.dedup();
    items
}

/// Ranges put in order, those that touch or overlap made one.
pub(super) fn joined(ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let mut kept: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (first, last) in sorted(ranges) {
        match kept.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => kept.push((first, last)),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::EventPlan;
    use super::super::atom::Pattern;
    use super::super::facts::{Facts, Known};
    use super::*;

    fn comm(name: &str, negated: bool, atoms: &mut Atoms) -> Dnf {
        let pattern = Pattern::Is(name.as_bytes().into());
        Dnf::literal(Atom::Text(Text::Comm, vec![pattern]), negated, atoms)
    }

    fn bit(number: u32, negated: bool, atoms: &mut Atoms) -> Dnf {
        let (mask, value) = (1 << number, 1 << number);
        let test = NumberTest::Bits { mask, value };
        Dnf::literal(Atom::Number(Number::OpenFlags, test), negated, atoms)
    }

    #[test]
    fn texts_of_one_fact_become_one_atom() {
        let atoms = &mut Atoms::default();
        let names = ["a", "b", "a"].map(|name| comm(name, false, atoms));
        let either = Dnf::any(names, atoms);
        let names = ["a", "b"].map(|name| comm(name, true, atoms));
        let neither = Dnf::all(names, atoms);
        let (found, clauses) = either.into_clauses(atoms);
        assert_eq!(found[0].to_string(), "process name = a or = b");
        assert_eq!(
            clauses,
            [Clause {
                required: 1,
                refused: 0
            }]
        );
        let (found, clauses) = neither.into_clauses(atoms);
        assert_eq!(found.len(), 1);
        assert_eq!(
            clauses,
            [Clause {
                required: 0,
                refused: 1
            }]
        );
    }

    #[test]
    fn terms_that_say_more_or_contradict_themselves_are_dropped() {
        let atoms = &mut Atoms::default();
        let (a, b) = (bit(0, false, atoms), bit(1, false, atoms));
        let both = Dnf::all([a.clone(), b.clone()], atoms);
        assert_eq!(Dnf::any([both.clone(), a.clone()], atoms), a);
        let not_a = bit(0, true, atoms);
        assert_eq!(Dnf::all([both, not_a], atoms), Dnf::never());
        assert_eq!(Dnf::all([], atoms), Dnf::always());
        assert_eq!(Dnf::any([], atoms), Dnf::never());
    }

    #[test]
    fn too_many_terms_become_fewer_and_wider() {
        let atoms = &mut Atoms::default();
        // One flag is common to all pairs of the others.
        let mut terms = Vec::new();
        for a in 1..14 {
            for b in 1..a {
                let members = [0, a, b].map(|number| bit(number, false, atoms));
                terms.push(Dnf::all(members, atoms));
            }
        }
        assert!(terms.len() > CLAUSES_MAX);
        let all = terms.clone();
        let wider = Dnf::any(terms, atoms);
        assert!(wider.terms().len() <= CLAUSES_MAX);
        for term in all {
            assert!(
                wider
                    .terms()
                    .iter()
                    .any(|wide| is_part(wide, &term.terms()[0]))
            );
        }
        let (_, clauses) = wider.into_clauses(atoms);
        assert!(clauses.iter().all(|clause| clause.required != 0));
    }

    #[test]
    fn too_many_atoms_are_left_out() {
        let atoms = &mut Atoms::default();
        let number = |number: i64, atoms: &mut Atoms| {
            let test = NumberTest::Bits {
                mask: u64::MAX,
                value: number.cast_unsigned(),
            };
            Dnf::literal(Atom::Number(Number::Uid, test), true, atoms)
        };
        let members: Vec<_> = (0..100).map(|n| number(n, atoms)).collect();
        let (found, clauses) = Dnf::all(members, atoms).into_clauses(atoms);
        assert_eq!(found.len(), ATOMS_MAX);
        assert_eq!(
            clauses,
            [Clause {
                required: 0,
                refused: u64::MAX
            }]
        );
    }

    #[test]
    fn what_has_too_many_alternatives_is_not_asked() {
        let atoms = &mut Atoms::default();
        let text = |count: usize| {
            let pattern = |n: usize| Pattern::Is(n.to_string().into_bytes().into());
            Atom::Text(Text::Comm, sorted((0..count).map(pattern).collect()))
        };
        assert!(Dnf::literal(text(ALTERNATIVES_MAX + 1), true, atoms).is_always());
        assert!(!Dnf::literal(text(ALTERNATIVES_MAX), false, atoms).is_always());
    }

    #[test]
    fn ranges_are_joined_where_they_touch() {
        for (ranges, expected) in [
            (vec![(3, 4), (0, 2)], vec![(0, 4)]),
            (vec![(0, 1), (3, 4)], vec![(0, 1), (3, 4)]),
            (vec![(0, i64::MAX), (5, 6)], vec![(0, i64::MAX)]),
        ] {
            assert_eq!(joined(ranges), expected);
        }
    }

    /// A literal about one of a few names, ids or flags.
    fn any_literal() -> impl Strategy<Value = (u8, u8, bool)> {
        (0..3u8, 0..25u8, proptest::bool::weighted(0.2))
    }

    fn made((kind, number, negated): (u8, u8, bool), atoms: &mut Atoms) -> Dnf {
        let atom = match kind {
            0 => Atom::Text(Text::Comm, vec![Pattern::Is([number].into())]),
            1 => {
                let id = i64::from(number);
                Atom::Number(Number::Uid, NumberTest::Within(vec![(id, id)]))
            }
            _ => {
                let (mask, value) = (1 << number, 1 << number);
                Atom::Number(Number::OpenFlags, NumberTest::Bits { mask, value })
            }
        };
        Dnf::literal(atom, negated, atoms)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn limits_only_widen(
            terms in proptest::collection::vec(proptest::collection::vec(any_literal(), 3..6), 1..300),
            facts in proptest::collection::vec((0..25u8, 0..25u32, any::<u64>()), 30),
        ) {
            let atoms = &mut Atoms::default();
            let terms: Vec<Dnf> = terms
                .into_iter()
                .map(|term| {
                    let members: Vec<_> = term.into_iter().map(|literal| made(literal, atoms)).collect();
                    Dnf::all(members, atoms)
                })
                .collect();
            let plan = |dnf: Dnf, atoms: &Atoms| {
                let (atoms, clauses) = dnf.into_clauses(atoms);
                EventPlan { atoms, clauses, ..EventPlan::default() }
            };
            let all = Dnf::any(terms.clone(), atoms);
            prop_assert!(all.terms().len() <= CLAUSES_MAX);
            let all = plan(all, atoms);
            let each: Vec<_> = terms.into_iter().map(|term| plan(term, atoms)).collect();
            for (comm, uid, flags) in facts {
                let comm = [comm];
                let facts = Facts {
                    comm: Known::Is(&comm),
                    uid: Known::Is(uid),
                    open_flags: Known::Is(flags),
                    ..Facts::default()
                };
                let expected = each.iter().any(|term| term.passes(&facts));
                prop_assert!(all.passes(&facts) || !expected);
            }
        }
    }
}
