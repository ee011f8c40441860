//! Events that wait for the metadata of their container: a bounded number, for a bounded time.
//!
//! In: a record whose event the rules could not decide, and its surroundings. Out: the same when the metadata has come or
//! the wait is over. Never: a clock, a rule.
//!
//! Invariant: an event that waits is judged exactly once more, with nothing awaited, and sees its process and ancestors as
//! they were.

use std::collections::VecDeque;
use std::sync::Arc;

use rule_engine::program::RuleId;

use crate::event::container::{ContainerId, Metadata};
use crate::event::kubernetes::PodMeta;
use crate::event::model::{Cgroup, Process, ProcessKey, Surroundings, User};
use crate::state::State;

/// Most events that wait.
pub(super) const EVENTS_MAX: usize = 2048;
/// Most bytes of records that wait.
const BYTES_MAX: usize = 4 << 20;
/// How long an event waits, ns. An engine that is well answers in a few milliseconds, but Docker answers about a container
/// that is being started only when it has started.
const WAIT_NS: u64 = 1_000_000_000;
/// Ancestors that wait along with a process.
const ANCESTORS_MAX: usize = 128;

/// An event that waits.
pub(super) struct Parked {
    /// Its record, whole.
    pub(super) bytes: Box<[u8]>,
    /// Its running number.
    pub(super) number: u64,
    /// Wall time of boot when it came.
    pub(super) boot_wall_ns: u64,
    /// The acting process and its ancestors, nearest first.
    pub(super) line: Vec<Arc<Process>>,
    /// The cgroup of the acting process.
    pub(super) cgroup: Option<Arc<Cgroup>>,
    /// Rules that have matched it.
    pub(super) matched: Vec<RuleId>,
    /// Whole id of the container.
    pub(super) container: Box<str>,
    until_boot_ns: u64,
}

/// Those that wait, in the order in which they came.
#[derive(Default)]
pub(super) struct Parking {
    events: VecDeque<Parked>,
    bytes: usize,
}

/// The surroundings of an event that waits no more: its own process and ancestors first, and nothing awaited.
pub(super) struct AsItWas<'a> {
    pub(super) line: &'a [Arc<Process>],
    pub(super) state: &'a State,
}

impl Parked {
    /// An event that starts to wait now.
    pub(super) fn new(bytes: &[u8], container: &str, now_boot_ns: u64) -> Self {
        Self {
            bytes: bytes.into(),
            number: 0,
            boot_wall_ns: 0,
            line: Vec::new(),
            cgroup: None,
            matched: Vec::new(),
            container: container.into(),
            until_boot_ns: now_boot_ns.saturating_add(WAIT_NS),
        }
    }
}

impl Parking {
    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Takes an event in; gives it back when there is no room.
    pub(super) fn park(&mut self, event: Parked) -> Result<(), Parked> {
        if self.events.len() >= EVENTS_MAX || self.bytes + event.bytes.len() > BYTES_MAX {
            return Err(event);
        }
        self.bytes += event.bytes.len();
        self.events.push_back(event);
        Ok(())
    }

    /// Gives back the events of a container.
    pub(super) fn of(&mut self, container: &str) -> Vec<Parked> {
        if self
            .events
            .iter()
            .all(|event| *event.container != *container)
        {
            return Vec::new();
        }
        let (its, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.events)
            .into_iter()
            .partition(|event| *event.container == *container);
        self.events = others.into();
        self.count(its)
    }

    /// Gives back the events whose time is over; [`u64::MAX`] gives all.
    pub(super) fn over(&mut self, now_boot_ns: u64) -> Vec<Parked> {
        // They came in order, so they go in order.
        let waiting = |event: &Parked| event.until_boot_ns > now_boot_ns;
        let over = self.events.iter().position(waiting);
        let over = self.events.drain(..over.unwrap_or(self.events.len()));
        let over = over.collect();
        self.count(over)
    }

    fn count(&mut self, left: Vec<Parked>) -> Vec<Parked> {
        self.bytes -= left.iter().map(|event| event.bytes.len()).sum::<usize>();
        left
    }
}

/// A process and its ancestors, nearest first.
pub(super) fn line(state: &State, process: Option<&Arc<Process>>) -> Vec<Arc<Process>> {
    let parent = |process: &&Arc<Process>| state.processes.get(process.parent);
    std::iter::successors(process, parent)
        .take(ANCESTORS_MAX)
        .map(Arc::clone)
        .collect()
}

impl Surroundings for AsItWas<'_> {
    fn process(&self, key: ProcessKey) -> Option<&Process> {
        let own = self.line.iter().find(|process| process.key == key);
        own.map(|process| &**process)
            .or_else(|| self.state.process(key))
    }

    fn user(&self, uid: u32) -> Option<&User> {
        self.state.user(uid)
    }

    fn group(&self, gid: u32) -> Option<&str> {
        self.state.group(gid)
    }

    fn container(&self, id: &ContainerId) -> Metadata<'_> {
        match self.state.container(id) {
            Metadata::Awaited => Metadata::Absent,
            other => other,
        }
    }

    fn pod(&self, uid: &str) -> Option<&PodMeta> {
        self.state.pod(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn park(parking: &mut Parking, container: &str, bytes: usize, now: u64) -> bool {
        parking
            .park(Parked::new(&vec![0; bytes], container, now))
            .is_ok()
    }

    #[test]
    fn events_leave_with_their_container_or_when_their_time_is_over() {
        let mut parking = Parking::default();
        for (now, container) in [(0, "a"), (1, "b"), (2, "a")] {
            assert!(park(&mut parking, container, 10, now));
        }
        assert_eq!(parking.of("c").len(), 0);
        assert_eq!(parking.of("a").len(), 2);
        assert_eq!(parking.over(WAIT_NS).len(), 0);
        assert_eq!(parking.over(WAIT_NS + 1).len(), 1);
        assert_eq!((parking.len(), parking.bytes), (0, 0));
    }

    #[test]
    fn what_has_no_room_comes_back() {
        let mut parking = Parking::default();
        while park(&mut parking, "a", 1, 0) {}
        assert_eq!(parking.len(), EVENTS_MAX);
        assert_eq!(parking.over(u64::MAX).len(), EVENTS_MAX);
        while park(&mut parking, "a", 32 << 10, 0) {}
        assert_eq!(parking.bytes, BYTES_MAX);
        assert_eq!(parking.of("a").len(), BYTES_MAX / (32 << 10));
        assert_eq!(parking.bytes, 0);
    }
}
