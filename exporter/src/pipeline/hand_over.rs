//! What is done with a match on the event thread, once its rule has counted it.
//!
//! In: a [`Hit`] and the event it is about. Out: the latency, a count by workload, the match in the queue of each output; a
//! canary's goes to who waits for it alone.

use std::sync::Arc;

use crate::detect::{Hit, Workloads};
use crate::event::Event;
use crate::event::container::ContainerId;
use crate::event::model::Surroundings;
use crate::metrics::{Exemplar, Histogram};
use crate::output::{OwnedMatch, Queue};

/// Where matches go.
pub(super) struct HandOver {
    /// None when nobody wants the matches themselves.
    pub(super) queues: Vec<Queue>,
    /// None when matches are not counted by workload.
    pub(super) workloads: Option<Workloads>,
    /// From the kernel's time stamp to here.
    pub(super) latency: Histogram,
    /// Time since boot, ns; none where time is that of a capture.
    pub(super) clock: Option<fn() -> u64>,
    /// Whom matches of the canary's rule go to; none: nobody.
    pub(super) canary: Option<Box<dyn FnMut(OwnedMatch) + Send>>,
    /// A container whose name is waited for, and that nobody has asked for yet.
    pub(super) question: Option<ContainerId>,
}

/// What of an event outlasts it.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    boot_ns: u64,
    container: Option<&'a ContainerId>,
    surroundings: &'a dyn Surroundings,
}

impl<'a> About<'a> {
    /// What is needed of this event.
    pub(super) fn new(event: &Event<'a>) -> Self {
        Self {
            boot_ns: event.boot_ns,
            container: event.cgroup.and_then(|cgroup| cgroup.container.as_ref()),
            surroundings: event.surroundings,
        }
    }
}

impl HandOver {
    /// Takes a match.
    pub(super) fn take(&mut self, hit: Hit<'_>, about: About<'_>) {
        let Hit {
            owned,
            workloads,
            is_canary,
        } = hit;
        if is_canary {
            if let Some(canary) = &mut self.canary {
                canary(owned);
            }
            return;
        }
        if let Some(clock) = self.clock {
            self.latency
                .observe_ns(clock().saturating_sub(about.boot_ns));
        }
        if let (Some(workloads), Some(rule)) = (&mut self.workloads, workloads) {
            let exemplar = Exemplar {
                uuid: owned.uuid,
                wall_ns: owned.time_wall_ns,
            };
            let About {
                container,
                surroundings,
                ..
            } = about;
            if workloads.count(rule, exemplar, container, surroundings, about.boot_ns) {
                self.question = container.cloned();
            }
        }
        let owned = Arc::new(owned);
        for queue in &self.queues {
            queue.send(Arc::clone(&owned));
        }
    }
}
