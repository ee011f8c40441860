//! Trees of bytes in one array: a node's child by a byte lies at the node's base plus the byte, if it names it as its parent.
//!
//! In: patterns and what is found where they end. Out: roots in [`Trees`], which fill `plan::Filter`. Sources: this is the
//! double array of J. Aoe (1989), with one number less for each node.

use std::collections::BTreeMap;

use exporter_ebpf::plan::{Accept, FILTER_ACCEPTS_MAX, FILTER_SLOTS_MAX, Slot};

const NOTHING: Accept = Accept {
    always: 0,
    edge: 0,
    whole: 0,
    below: 0,
};
const EMPTY: Slot = Slot {
    parent: 0,
    base: 0,
    accept: 0,
    pad: 0,
};

/// A tree that is being made.
#[derive(Default)]
pub(super) struct Tree {
    /// The first one is the root.
    nodes: Vec<Node>,
}

struct Node {
    children: BTreeMap<u8, usize>,
    found: Accept,
}

impl Tree {
    /// What is found at the end of a pattern, to be added to.
    pub(super) fn end_of(&mut self, pattern: impl IntoIterator<Item = u8>) -> &mut Accept {
        let new = || Node {
            children: BTreeMap::new(),
            found: NOTHING,
        };
        if self.nodes.is_empty() {
            self.nodes.push(new());
        }
        let mut at = 0;
        for byte in pattern {
            let next = self.nodes.len();
            let child = *self.nodes[at].children.entry(byte).or_insert(next);
            if child == next {
                self.nodes.push(new());
            }
            at = child;
        }
        &mut self.nodes[at].found
    }

    /// Tells every node what is found below it.
    pub(super) fn sum_up(&mut self) {
        // Children come after their parents.
        for at in (0..self.nodes.len()).rev() {
            let found = self.nodes[at].found;
            let children = self.nodes[at].children.values();
            let below = children.fold(0, |all, child| all | self.nodes[*child].found.below);
            self.nodes[at].found.below = found.always | found.edge | found.whole | below;
        }
    }
}

/// All trees of a generation.
#[derive(Clone)]
pub(super) struct Trees {
    pub(super) slots: Vec<Slot>,
    taken: Vec<bool>,
    pub(super) accepts: Vec<Accept>,
    /// No slot before it is free.
    first_free: usize,
}

impl Trees {
    pub(super) fn new() -> Self {
        let mut taken = vec![false; FILTER_SLOTS_MAX];
        // Slot 0 is nobody: a parent of this number is none.
        taken[0] = true;
        Self {
            slots: vec![EMPTY; FILTER_SLOTS_MAX],
            taken,
            accepts: vec![NOTHING],
            first_free: 1,
        }
    }

    /// Slots and accepts that are used.
    pub(super) fn used(&self) -> (usize, usize) {
        let slots = self.taken.iter().filter(|taken| **taken).count();
        (slots, self.accepts.len())
    }

    /// Enters a tree; 0 for one without a pattern, `None` when there is no room. What was entered by then stays.
    pub(super) fn enter(&mut self, tree: &Tree) -> Option<u16> {
        let Some(root) = tree.nodes.first() else {
            return Some(0);
        };
        let slot = self.free_from(self.first_free)?;
        self.take(slot, 0, root)?;
        let mut open = vec![(root, slot)];
        while let Some((node, slot)) = open.pop() {
            let base = self.base_for(node)?;
            self.slots[slot].base = u16::try_from(base).ok()?;
            for (byte, child) in &node.children {
                let (child, at) = (&tree.nodes[*child], base + usize::from(*byte));
                self.take(at, slot, child)?;
                open.push((child, at));
            }
        }
        u16::try_from(slot).ok()
    }

    fn take(&mut self, slot: usize, parent: usize, node: &Node) -> Option<()> {
        let accept = if node.found == NOTHING {
            0
        } else {
            self.accepts.push(node.found);
            self.accepts.len() - 1
        };
        if self.accepts.len() > FILTER_ACCEPTS_MAX {
            return None;
        }
        self.taken[slot] = true;
        self.slots[slot] = Slot {
            parent: u16::try_from(parent).ok()?,
            base: 0,
            accept: u16::try_from(accept).ok()?,
            pad: 0,
        };
        while self.taken.get(self.first_free) == Some(&true) {
            self.first_free += 1;
        }
        Some(())
    }

    fn free_from(&self, from: usize) -> Option<usize> {
        (from..FILTER_SLOTS_MAX).find(|slot| !self.taken[*slot])
    }

    /// A base with a free slot for every child.
    fn base_for(&self, node: &Node) -> Option<usize> {
        let bytes: Vec<usize> = node
            .children
            .keys()
            .map(|byte| usize::from(*byte))
            .collect();
        let Some(first) = bytes.first() else {
            return Some(0);
        };
        let mut at = self.free_from(self.first_free.max(*first))?;
        loop {
            let base = at - first;
            let free = |byte: &usize| self.taken.get(base + byte) == Some(&false);
            if bytes.iter().all(free) {
                return Some(base);
            }
            at = self.free_from(at + 1)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where a walk comes to at most, and what is found on the way.
    fn walk(trees: &Trees, root: u16, text: &[u8]) -> Vec<u64> {
        let mut node = usize::from(root);
        let mut found = vec![trees.accepts[usize::from(trees.slots[node].accept)].always];
        for byte in text {
            let next = usize::from(trees.slots[node].base) + usize::from(*byte);
            let slot = trees.slots[next % FILTER_SLOTS_MAX];
            if usize::from(slot.parent) != node {
                break;
            }
            node = next;
            found.push(trees.accepts[usize::from(slot.accept)].always);
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_walk_finds_the_patterns_that_a_text_begins_with(
            sets in proptest::collection::vec(proptest::collection::vec("[ab\\xff/]{0,6}", 1..12), 1..4),
            text in "[ab\\xff/]{0,8}",
        ) {
            let mut trees = Trees::new();
            let mut roots = Vec::new();
            for set in &sets {
                let mut tree = Tree::default();
                for (bit, pattern) in set.iter().enumerate() {
                    tree.end_of(pattern.bytes()).always |= 1 << bit;
                }
                roots.push(trees.enter(&tree).expect("room"));
            }
            for (set, root) in sets.iter().zip(roots) {
                let found = walk(&trees, root, text.as_bytes()).into_iter().fold(0, |all, bits| all | bits);
                let begins = |pattern: &String| text.as_bytes().starts_with(pattern.as_bytes());
                let expected = set.iter().enumerate().filter(|(_, pattern)| begins(pattern));
                prop_assert_eq!(found, expected.fold(0, |all, (bit, _)| all | 1 << bit));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut trees = Trees::new();
        let mut tree = Tree::default();
        for number in 0..FILTER_ACCEPTS_MAX as u32 {
            tree.end_of(number.to_be_bytes()).always = 1;
        }
        assert_eq!(trees.enter(&tree), None);
        assert_eq!(Trees::new().enter(&Tree::default()), Some(0));
    }

    #[test]
    fn nodes_know_what_is_below() {
        let mut tree = Tree::default();
        tree.end_of(*b"ab").always = 1;
        tree.end_of(*b"ac").whole = 2;
        tree.end_of(*b"a").edge = 4;
        tree.sum_up();
        assert_eq!(tree.end_of(*b"").below, 7);
        assert_eq!(tree.end_of(*b"ac").below, 2);
    }
}
