//! The bounded table of processes.
//!
//! In: what fork, exec and exit records and the start-up scan say. Out: [`Process`]es by key. Never: I/O, or a process that
//! no record told of.
//!
//! A process that exited stays for a while, since its children and events that are still in the ring ask for it. When the
//! table is full it gives up exited processes first, oldest first, then the living that were entered first; each is counted.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::event::model::{Process, ProcessKey};

/// Share of the capacity that exited processes may hold: one in this many.
const EXITED_SHARE: usize = 4;
/// And no more than this many. Children are given to who adopts them at once, and records of different CPUs come within moments
/// of each other: nobody asks for the thousandth before the last, and a quarter of 65,536 took 37 MB.
const EXITED_MAX: usize = 1024;

/// Processes by key.
#[derive(Debug)]
pub struct Processes {
    entries: HashMap<ProcessKey, Entry, foldhash::fast::RandomState>,
    /// Keys in the order of entry. Keys that have left `entries` since are skipped when they come up.
    entered: VecDeque<ProcessKey>,
    /// Keys of exited processes, in the order of exit. Invariant: exactly those whose entry says so, once each.
    exited: VecDeque<ProcessKey>,
    /// Living children of those that have some. Invariant: exactly the entries that have not exited, each under its parent,
    /// whether or not that is known; no list is empty.
    children: HashMap<ProcessKey, Vec<ProcessKey>, foldhash::fast::RandomState>,
    /// For each number the process that had it last. Invariant: every key is in `entries`, under its own number, and no entry
    /// of the same number started later.
    latest: HashMap<u32, ProcessKey, foldhash::fast::RandomState>,
    capacity: usize,
    evictions: u64,
}

#[derive(Debug)]
struct Entry {
    process: Arc<Process>,
    exited: bool,
}

impl Processes {
    /// An empty table for `capacity` processes, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::default(),
            entered: VecDeque::new(),
            exited: VecDeque::new(),
            children: HashMap::default(),
            latest: HashMap::default(),
            capacity: capacity.max(1),
            evictions: 0,
        }
    }

    /// The process with this key.
    #[must_use]
    pub fn get(&self, key: ProcessKey) -> Option<&Arc<Process>> {
        self.entries.get(&key).map(|entry| &entry.process)
    }

    /// Of the processes that had this number the one that started last, if it is still held.
    #[must_use]
    pub fn latest(&self, pid: u32) -> Option<&Arc<Process>> {
        self.get(*self.latest.get(&pid)?)
    }

    /// The living children of a process, in no order.
    pub fn children(&self, of: ProcessKey) -> impl Iterator<Item = &Arc<Process>> {
        let keys = self.children.get(&of).map_or(&[][..], Vec::as_slice);
        keys.iter().filter_map(|key| self.get(*key))
    }

    /// How many processes are held, exited ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many processes the table can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many living processes were given up because the table was full.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Enters a process, or puts it in the place of what was known under its key.
    pub fn insert(&mut self, process: Process) {
        let key = process.key;
        let parent = process.parent;
        if let Some(entry) = self.entries.get_mut(&key) {
            let before = entry.process.parent;
            entry.process = Arc::new(process);
            if !entry.exited && before != parent {
                self.disown(before, key);
                self.own(parent, key);
            }
            return;
        }
        if self.entries.len() >= self.capacity {
            self.evict();
        }
        let entry = Entry {
            process: Arc::new(process),
            exited: false,
        };
        self.entries.insert(key, entry);
        let latest = self.latest.entry(key.pid).or_insert(key);
        *latest = (*latest).max(key);
        self.own(parent, key);
        self.entered.push_back(key);
        if self.entered.len() > 2 * self.capacity {
            self.entered.retain(|key| self.entries.contains_key(key));
        }
    }

    /// Notes that a process has ended, and that `reaper` (none if its pid is 0) adopts its children. False if the end was
    /// known already; an unknown process ends for the first time.
    pub fn exit(&mut self, key: ProcessKey, reaper: ProcessKey) -> bool {
        if reaper.pid != 0 {
            self.adopt(key, reaper);
        }
        let parent = match self.entries.get_mut(&key) {
            Some(entry) if !entry.exited => {
                entry.exited = true;
                entry.process.parent
            }
            Some(_) => return false,
            None => return true,
        };
        self.disown(parent, key);
        self.exited.push_back(key);
        if self.exited.len() > (self.capacity / EXITED_SHARE).clamp(1, EXITED_MAX)
            && let Some(oldest) = self.exited.pop_front()
        {
            self.remove(oldest);
        }
        true
    }

    /// Notes the end of every process that was alive before `boot_ns` and is not among `there`, the processes that a scan
    /// met which began then: the records of their ends were lost. Gives their number.
    pub fn keep(&mut self, there: &HashSet<ProcessKey>, boot_ns: u64) -> usize {
        let gone: Vec<_> = self
            .entries
            .iter()
            .filter(|(key, entry)| {
                !entry.exited && entry.process.seen_boot_ns < boot_ns && !there.contains(key)
            })
            .map(|(key, _)| *key)
            .collect();
        for key in &gone {
            self.exit(*key, ProcessKey::default());
        }
        gone.len()
    }

    fn remove(&mut self, key: ProcessKey) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        if self.latest.get(&key.pid) == Some(&key) {
            self.latest.remove(&key.pid);
        }
        Some(entry)
    }

    /// Gives the children of one process to another.
    fn adopt(&mut self, from: ProcessKey, to: ProcessKey) {
        if from == to {
            return;
        }
        let Some(children) = self.children.remove(&from) else {
            return;
        };
        for key in &children {
            if let Some(entry) = self.entries.get_mut(key) {
                Arc::make_mut(&mut entry.process).parent = to;
            }
        }
        self.children.entry(to).or_default().extend(children);
    }

    fn own(&mut self, parent: ProcessKey, child: ProcessKey) {
        self.children.entry(parent).or_default().push(child);
    }

    fn disown(&mut self, parent: ProcessKey, child: ProcessKey) {
        let Some(children) = self.children.get_mut(&parent) else {
            return;
        };
        if let Some(at) = children.iter().position(|key| *key == child) {
            children.swap_remove(at);
        }
        if children.is_empty() {
            self.children.remove(&parent);
        }
    }

    /// Makes room for one.
    fn evict(&mut self) {
        if let Some(key) = self.exited.pop_front() {
            self.remove(key);
            return;
        }
        while let Some(key) = self.entered.pop_front() {
            if let Some(entry) = self.remove(key) {
                self.disown(entry.process.parent, key);
                self.evictions += 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::model::Comm;

    fn key(pid: u32) -> ProcessKey {
        ProcessKey {
            pid,
            start_boot_ns: u64::from(pid) * 10,
        }
    }

    fn process(pid: u32, comm: &[u8; 16]) -> Process {
        Process {
            key: key(pid),
            parent: key(1),
            comm: Comm::new(*comm),
            vpid: pid,
            ..Process::default()
        }
    }

    const NOBODY: ProcessKey = ProcessKey {
        pid: 0,
        start_boot_ns: 0,
    };

    fn born(pid: u32, parent: u32) -> Process {
        Process {
            parent: key(parent),
            ..process(pid, &[b'p'; 16])
        }
    }

    #[test]
    fn a_used_pid_is_another_process() {
        let mut table = Processes::new(8);
        table.insert(process(7, b"first\0\0\0\0\0\0\0\0\0\0\0"));
        let mut again = process(7, b"second\0\0\0\0\0\0\0\0\0\0");
        again.key.start_boot_ns += 1;
        table.insert(again);
        assert_eq!(table.len(), 2);
        assert_eq!(
            table.get(key(7)).map(|p| p.comm.bytes()),
            Some(&b"first"[..])
        );
    }

    #[test]
    fn an_exited_process_stays_for_its_children_until_others_need_the_room() {
        let mut table = Processes::new(8);
        for pid in 1..=8 {
            table.insert(process(pid, &[b'p'; 16]));
        }
        assert!(table.exit(key(3), NOBODY));
        assert!(!table.exit(key(3), NOBODY));
        assert!(table.get(key(3)).is_some());
        table.insert(process(9, &[b'p'; 16]));
        assert!(table.get(key(3)).is_none());
        assert_eq!((table.len(), table.evictions()), (8, 0));
        // No exited one is left: the living that came first goes, and is counted.
        table.insert(process(10, &[b'p'; 16]));
        assert!(table.get(key(1)).is_none());
        assert_eq!((table.len(), table.evictions()), (8, 1));
    }

    #[test]
    fn a_number_leads_to_the_process_that_had_it_last() {
        let mut table = Processes::new(8);
        let start = |table: &Processes| table.latest(7).map(|p| p.key.start_boot_ns);
        table.insert(process(7, &[b'p'; 16]));
        let mut again = process(7, &[b'p'; 16]);
        again.key.start_boot_ns += 1;
        table.exit(key(7), NOBODY);
        assert_eq!(start(&table), Some(70));
        table.insert(again);
        assert_eq!(start(&table), Some(71));
        // A record of the first one that comes late does not bring it back.
        table.insert(process(7, &[b'p'; 16]));
        assert_eq!(start(&table), Some(71));
        assert!(table.latest(8).is_none());
    }

    #[test]
    fn who_is_not_there_any_more_has_ended() {
        let mut table = Processes::new(8);
        for (pid, seen) in [(1, 10), (2, 10), (3, 30)] {
            let mut process = process(pid, &[b'p'; 16]);
            process.seen_boot_ns = seen;
            table.insert(process);
        }
        // The third was made after the scan began, which need not have met it.
        assert_eq!(table.keep(&HashSet::from([key(1)]), 20), 1);
        assert_eq!(table.children(key(1)).count(), 2);
        assert!(!table.exit(key(2), NOBODY), "its end is known");
        assert!(table.exit(key(3), NOBODY));
    }

    #[test]
    fn the_exited_hold_a_quarter_at_most() {
        let mut table = Processes::new(8);
        for pid in 1..=4 {
            table.insert(process(pid, &[b'p'; 16]));
            table.exit(key(pid), NOBODY);
        }
        assert_eq!(table.len(), 2);
        assert!(table.get(key(2)).is_none() && table.get(key(4)).is_some());
    }

    #[test]
    fn the_exited_of_a_large_table_are_no_more() {
        let mut table = Processes::new(8 * EXITED_MAX);
        for pid in 1..=EXITED_MAX as u32 + 9 {
            table.insert(process(pid, &[b'p'; 16]));
            table.exit(key(pid), NOBODY);
        }
        assert_eq!((table.len(), table.evictions()), (EXITED_MAX, 0));
    }

    #[test]
    fn orphans_are_adopted_and_told_so() {
        let mut table = Processes::new(8);
        for (pid, parent) in [(1, 0), (2, 1), (3, 2), (4, 2), (5, 4)] {
            table.insert(born(pid, parent));
        }
        let parent = |table: &Processes, pid| table.get(key(pid)).map(|p| p.parent.pid);
        table.exit(key(4), key(2));
        assert_eq!(parent(&table, 5), Some(2));
        table.exit(key(2), key(1));
        assert_eq!((parent(&table, 3), parent(&table, 5)), (Some(1), Some(1)));
        // What has exited stays whose child it was.
        assert_eq!(parent(&table, 4), Some(2));
        // A second end changes nothing, and nobody adopts who has no reaper.
        assert!(!table.exit(key(2), key(1)));
        table.exit(key(1), NOBODY);
        assert_eq!(parent(&table, 3), Some(1));
    }

    /// What every table holds, whatever it was told.
    fn check(table: &Processes, capacity: usize) -> Result<(), TestCaseError> {
        prop_assert!(table.len() <= capacity);
        prop_assert!(table.exited.len() <= (capacity / EXITED_SHARE).clamp(1, EXITED_MAX));
        prop_assert!(table.entered.len() <= 2 * capacity + 1);
        prop_assert!(table.exited.iter().all(|key| table.entries[key].exited));
        let exited = table.entries.values().filter(|entry| entry.exited).count();
        prop_assert_eq!(exited, table.exited.len());
        let mut owned = 0;
        for (parent, children) in &table.children {
            prop_assert!(!children.is_empty());
            owned += children.len();
            for child in children {
                let entry = &table.entries[child];
                prop_assert!(!entry.exited && entry.process.parent == *parent);
            }
        }
        // As many as live, and each under its own parent: none twice, none left out.
        prop_assert_eq!(owned, table.len() - exited);
        for (pid, key) in &table.latest {
            prop_assert!(key.pid == *pid && table.entries.contains_key(key));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_order_of_records_keeps_the_invariants(
            steps in prop::collection::vec((0_u8..4, 1_u32..40, 0_u32..40), 0..400),
            capacity in 1_usize..20,
        ) {
            let mut table = Processes::new(capacity);
            for (step, pid, other) in steps {
                match step {
                    0 => {
                        table.exit(key(pid), key(other));
                    }
                    _ => table.insert(born(pid, other)),
                }
                check(&table, capacity)?;
                if step != 0 {
                    prop_assert!(table.get(key(pid)).is_some());
                }
            }
        }
    }
}
