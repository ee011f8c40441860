//! The bounded table of what engines say of containers.
//!
//! In: [`ContainerNews`](crate::event::container::ContainerNews), and whom somebody asks for. Out: [`Metadata`] by id.
//! Never: I/O, or a word that no engine said.
//!
//! A container that is gone stays for a while, since its last events may still come. One that no engine knows stays longer, so
//! that it is not asked for again with every event: should an engine come to know it after all, it tells so unasked. What
//! no engine that answers could know is not awaited at all. When the table is full it gives up what was entered first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::container::{ContainerId, ContainerInfo, Interfaces, Metadata};

/// How long what is gone stays, ns.
const GONE_NS: u64 = 30_000_000_000;
/// How long it is remembered that nobody knows a container, ns.
const UNKNOWN_NS: u64 = 600_000_000_000;
/// Most that stay, of those that are gone and of those that are unknown.
pub const LINGERING_MAX: usize = 128;

/// Containers by their whole id.
#[derive(Debug)]
pub struct Containers {
    entries: HashMap<Box<str>, Entry, foldhash::fast::RandomState>,
    /// Ids in the order of entry. Ids that have left `entries` since are skipped when they come up.
    entered: VecDeque<Box<str>>,
    /// Those that are gone, and those that nobody knows. Invariant: every entry that is to leave is in one of them.
    gone: Leaving,
    unknown: Leaving,
    /// By what engines answer.
    answering: Interfaces,
    capacity: usize,
    evictions: u64,
}

/// Asked for and not answered yet when it has neither.
#[derive(Debug, Default)]
struct Entry {
    info: Option<Arc<ContainerInfo>>,
    /// When it is to leave: it is gone, or unknown to the engines.
    leaves_boot_ns: Option<u64>,
}

/// Ids and when they are to leave, in order; no more than [`LINGERING_MAX`]. What has another time in its entry since is
/// skipped when it comes up.
#[derive(Debug)]
struct Leaving {
    stay_ns: u64,
    ids: VecDeque<(u64, Box<str>)>,
}

impl Leaving {
    fn new(stay_ns: u64) -> Self {
        Self {
            stay_ns,
            ids: VecDeque::new(),
        }
    }

    /// Takes out the first one if its time has come, or there are too many.
    fn pop(&mut self, now_boot_ns: u64) -> Option<(u64, Box<str>)> {
        let (at, _) = self.ids.front()?;
        (*at <= now_boot_ns || self.ids.len() > LINGERING_MAX)
            .then(|| self.ids.pop_front())
            .flatten()
    }
}

impl Containers {
    /// An empty table for `capacity` containers, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::default(),
            entered: VecDeque::new(),
            gone: Leaving::new(GONE_NS),
            unknown: Leaving::new(UNKNOWN_NS),
            answering: Interfaces::NONE,
            capacity: capacity.max(1),
            evictions: 0,
        }
    }

    /// Engines answer by these interfaces from here on; at first none does.
    pub fn set_answering(&mut self, answering: Interfaces) {
        self.answering = answering;
    }

    /// What can be said of a container. One that nobody has asked for is awaited too, if an engine answers that may know it.
    #[must_use]
    pub fn get(&self, id: &ContainerId) -> Metadata<'_> {
        match self.entries.get(&id.full) {
            Some(Entry {
                info: Some(info), ..
            }) => Metadata::Known(info),
            Some(Entry {
                leaves_boot_ns: Some(_),
                ..
            }) => Metadata::Absent,
            Some(_) | None if self.answering.meets(id.asked_of()) => Metadata::Awaited,
            Some(_) | None => Metadata::Absent,
        }
    }

    /// Whether an engine has told of this container, and not since some time that it is gone.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.entries
            .get(id)
            .is_some_and(|entry| entry.info.is_some())
    }

    /// How many containers are held, those included that are gone, asked for or unknown.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many the table can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many containers were given up because the table was full.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Notes that a container is asked for. False if that has been done, and the answer is still to come.
    pub fn ask(&mut self, id: &str) -> bool {
        let new = !self.entries.contains_key(id);
        if new {
            self.enter(id);
        }
        new
    }

    /// Enters what an engine says. True if nothing was known of this container.
    pub fn tell(&mut self, info: Arc<ContainerInfo>) -> bool {
        if !self.entries.contains_key(&info.id) {
            self.enter(&info.id);
        }
        let Some(entry) = self.entries.get_mut(&info.id) else {
            return false;
        };
        entry.leaves_boot_ns = None;
        entry.info.replace(info).is_none()
    }

    /// Notes that the engines do not know a container, or do not answer in time.
    pub fn unanswered(&mut self, id: &str, now_boot_ns: u64) {
        self.ask(id);
        let entry = self.entries.get_mut(id);
        if let Some(entry) = entry.filter(|entry| entry.info.is_none()) {
            leave(id, entry, &mut self.unknown, now_boot_ns);
        }
        self.forget(now_boot_ns);
    }

    /// Notes that a container is no more.
    pub fn gone(&mut self, id: &str, now_boot_ns: u64) {
        if let Some(entry) = self.entries.get_mut(id) {
            leave(id, entry, &mut self.gone, now_boot_ns);
        }
        self.forget(now_boot_ns);
    }

    /// Takes out what has stayed long enough.
    pub fn forget(&mut self, now_boot_ns: u64) {
        for leaving in [&mut self.gone, &mut self.unknown] {
            while let Some((at, id)) = leaving.pop(now_boot_ns) {
                if let Some(entry) = self.entries.get(&id)
                    && entry.leaves_boot_ns == Some(at)
                {
                    self.entries.remove(&id);
                }
            }
        }
    }

    fn enter(&mut self, id: &str) {
        while self.entries.len() >= self.capacity {
            let Some(oldest) = self.entered.pop_front() else {
                break;
            };
            if self.entries.remove(&oldest).is_some() {
                self.evictions += 1;
            }
        }
        self.entries.insert(id.into(), Entry::default());
        self.entered.push_back(id.into());
        if self.entered.len() > 2 * self.capacity {
            // An id that left and came back is in the queue twice; the later place is as good.
            let mut kept = std::collections::HashSet::new();
            let entries = &self.entries;
            self.entered
                .retain(|id| entries.contains_key(id) && kept.insert(id.clone()));
        }
    }
}

fn leave(id: &str, entry: &mut Entry, leaving: &mut Leaving, now_boot_ns: u64) {
    let leaves_boot_ns = now_boot_ns.saturating_add(leaving.stay_ns);
    if entry.leaves_boot_ns != Some(leaves_boot_ns) {
        entry.leaves_boot_ns = Some(leaves_boot_ns);
        leaving.ids.push_back((leaves_boot_ns, id.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    use crate::event::container::{Interface, Runtime};

    fn info(id: &str) -> Arc<ContainerInfo> {
        Arc::new(ContainerInfo {
            id: id.into(),
            ..ContainerInfo::default()
        })
    }

    fn id(full: &str, runtime: Runtime) -> ContainerId {
        ContainerId {
            full: full.into(),
            runtime,
            pod_uid: None,
        }
    }

    fn of(table: &Containers, id: &ContainerId) -> &'static str {
        match table.get(id) {
            Metadata::Known(_) => "known",
            Metadata::Awaited => "awaited",
            Metadata::Absent => "absent",
        }
    }

    fn state(table: &Containers, full: &str) -> &'static str {
        of(table, &id(full, Runtime::Docker))
    }

    /// A table that Docker answers.
    fn table(capacity: usize) -> Containers {
        let mut table = Containers::new(capacity);
        table.set_answering([Interface::Docker].into_iter().collect());
        table
    }

    #[test]
    fn what_nobody_can_tell_is_absent_at_once() {
        let mut table = table(10);
        for (runtime, expected) in [
            (Runtime::Docker, "awaited"),
            (Runtime::Unknown, "awaited"),
            (Runtime::Crio, "absent"),
            (Runtime::Nspawn, "absent"),
            (Runtime::Lxc, "absent"),
        ] {
            assert_eq!(of(&table, &id("a", runtime)), expected, "{runtime:?}");
        }
        // What was asked for is awaited no more when the engine goes.
        table.ask("a");
        table.tell(info("b"));
        table.set_answering(Interfaces::NONE);
        assert_eq!(
            (state(&table, "a"), state(&table, "b")),
            ("absent", "known")
        );
    }

    #[test]
    fn a_container_is_asked_for_once_and_told_once() {
        let mut table = table(10);
        assert_eq!(state(&table, "a"), "awaited");
        assert!(table.ask("a"));
        assert!(!table.ask("a"));
        assert!(table.tell(info("a")));
        assert!(!table.tell(info("a")));
        assert_eq!(state(&table, "a"), "known");
        // A late refusal by another engine changes nothing.
        table.unanswered("a", 0);
        table.forget(u64::MAX);
        assert_eq!(state(&table, "a"), "known");
    }

    #[test]
    fn what_is_gone_or_unknown_stays_for_a_while() {
        let mut table = table(10);
        table.tell(info("gone"));
        table.gone("gone", 5);
        table.ask("unknown");
        table.unanswered("unknown", 6);
        table.forget(GONE_NS + 4);
        assert_eq!(state(&table, "gone"), "known");
        assert_eq!(state(&table, "unknown"), "absent");
        table.forget(GONE_NS + 5);
        assert_eq!(state(&table, "gone"), "awaited");
        table.forget(UNKNOWN_NS + 5);
        assert_eq!(state(&table, "unknown"), "absent");
        // A late answer counts, and what it is about stays.
        table.tell(info("unknown"));
        table.forget(u64::MAX);
        assert_eq!(state(&table, "unknown"), "known");
        assert_eq!((table.len(), table.evictions()), (1, 0));
    }

    #[test]
    fn hundreds_that_come_and_go_leave_a_bounded_rest() {
        let mut table = table(1000);
        for n in 0..900 {
            table.tell(info(&n.to_string()));
            table.gone(&n.to_string(), n);
        }
        assert_eq!(table.len(), LINGERING_MAX);
        assert_eq!(table.evictions(), 0);
        assert_eq!(state(&table, "899"), "known");
    }

    proptest! {
        #[test]
        fn the_table_stays_within_its_bounds(
            steps in proptest::collection::vec((0u8..5, 0u8..12), 0..200),
            capacity in 1usize..8,
        ) {
            let mut table = table(capacity);
            for (now, (step, id)) in steps.into_iter().enumerate() {
                let (now, id) = (now as u64 * (GONE_NS / 10), id.to_string());
                match step {
                    0 => { table.ask(&id); }
                    1 => { table.tell(info(&id)); prop_assert_eq!(state(&table, &id), "known"); }
                    2 => table.unanswered(&id, now),
                    3 => table.gone(&id, now),
                    _ => table.forget(now),
                }
                prop_assert!(table.len() <= capacity);
                for leaving in [&table.gone, &table.unknown] {
                    prop_assert!(leaving.ids.len() <= LINGERING_MAX);
                    prop_assert!(leaving.ids.iter().map(|(at, _)| at).is_sorted());
                }
                prop_assert!(table.entered.len() <= 2 * capacity + 1);
                for (id, entry) in &table.entries {
                    prop_assert!(table.entered.contains(id));
                    let leaves = entry.leaves_boot_ns;
                    let leaving = [&table.gone, &table.unknown];
                    prop_assert!(leaves.is_none_or(|at| leaving
                        .iter()
                        .any(|leaving| leaving.ids.contains(&(at, id.clone())))));
                }
            }
        }
    }
}
