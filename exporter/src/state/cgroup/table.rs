//! The bounded table of cgroups by the kernel's id.
//!
//! In: cgroups with their paths, as records bring them. Out: the same, for records that bring only the id. Never: a living one
//! that makes room while there are others; a long search.
//!
//! The kernel does not say when a cgroup ends. One that no process in the tables is in is taken for ended: the first of a new
//! one brings its path again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::model::Cgroup;

/// Cgroups that may be in the table without a process.
const ENDED_MAX: usize = 1024;
/// Cgroups that are looked at for each that is entered: more than one, so that ended ones go faster than they come.
const LOOKS: usize = 2;

/// Cgroups by id.
#[derive(Debug)]
pub struct Cgroups {
    entries: HashMap<u64, Arc<Cgroup>, foldhash::fast::RandomState>,
    /// Ids in `entries`, in the order in which they were entered or found to be living.
    order: VecDeque<u64>,
    capacity: usize,
    evictions: u64,
}

impl Cgroups {
    /// An empty table for so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::default(),
            order: VecDeque::new(),
            capacity,
            evictions: 0,
        }
    }

    /// The cgroup with an id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Arc<Cgroup>> {
        self.entries.get(&id)
    }

    /// Enters one, or what is newer about it.
    pub fn insert(&mut self, cgroup: Arc<Cgroup>) {
        let id = cgroup.id;
        if self.entries.insert(id, cgroup).is_some() {
            return;
        }
        self.order.push_back(id);
        for _ in 0..LOOKS {
            if self.order.len() > ENDED_MAX.min(self.capacity) {
                self.look();
            }
        }
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
            self.evictions += 1;
        }
    }

    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many with processes were given up because the table was full.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Forgets the one that was looked at longest ago if it has ended.
    fn look(&mut self) {
        let Some(id) = self.order.pop_front() else {
            return;
        };
        // What processes have is a reference.
        if self
            .entries
            .get(&id)
            .is_some_and(|one| Arc::strong_count(one) > 1)
        {
            self.order.push_back(id);
        } else {
            self.entries.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cgroup(id: u64) -> Arc<Cgroup> {
        Arc::new(Cgroup {
            id,
            path: format!("/{id}").into_bytes().into(),
            container: None,
        })
    }

    #[test]
    fn ended_ones_go_and_living_ones_stay() {
        let mut table = Cgroups::new(4096);
        let living: Vec<_> = (0..100).map(cgroup).collect();
        for one in &living {
            table.insert(Arc::clone(one));
        }
        for id in 100..50_000 {
            table.insert(cgroup(id));
            assert!(table.len() <= ENDED_MAX + living.len(), "{}", table.len());
        }
        assert!(living.iter().all(|one| table.get(one.id).is_some()));
        assert!(table.get(49_999).is_some() && table.get(100).is_none());
        assert_eq!(table.evictions(), 0);
    }

    #[test]
    fn a_full_table_gives_up_a_living_one_and_counts_it() {
        let mut table = Cgroups::new(2000);
        let living: Vec<_> = (0..2010).map(cgroup).collect();
        for one in &living {
            table.insert(Arc::clone(one));
        }
        assert_eq!((table.len(), table.evictions()), (2000, 10));
        let known = living.iter().filter(|one| table.get(one.id).is_some());
        assert_eq!(known.count(), 2000);
    }

    #[test]
    fn what_is_newer_replaces_what_is_known() {
        let mut table = Cgroups::new(10);
        table.insert(cgroup(7));
        let moved = Cgroup {
            path: b"/moved"[..].into(),
            ..Cgroup::clone(&cgroup(7))
        };
        table.insert(Arc::new(moved));
        assert_eq!(table.len(), 1);
        assert_eq!(table.get(7).map(|one| &*one.path), Some(&b"/moved"[..]));
    }
}
