//! The event thread's part of container metadata: it hears what engines say, and holds back what needs it.
//!
//! In: [`ContainerNews`], and events that rules left open. Out: questions to the engines, events of type `container`, and
//! the matches of what was held back.
//!
//! An event is judged when it comes. Rules that need no metadata match at once; if some rule is open, the event waits and is
//! judged once more, when an engine has answered or the wait is over, and then only for the rules that have not matched it.

use std::sync::Arc;

use exporter_ebpf::record::Record;
use rule_engine::program::RuleId;

use super::hand_over::About;
use super::parking::{self, AsItWas, Parked};
use super::{Pipeline, Place, event};
use crate::event::container::{ContainerId, ContainerInfo, ContainerNews};
use crate::event::decode::facts;
use crate::event::model::{Cgroup, ProcessKey};
use crate::event::{Event, Facts, View};
use crate::metrics::Counter;
use crate::state::actor;

/// News that are heard between two batches of records.
const NEWS_MAX: usize = 256;
/// User and group id of an event that nobody caused.
const NOBODY: u32 = u32::MAX;

impl Pipeline {
    /// Gives up what has waited long enough, and takes the news.
    pub(super) fn hear_engines(&mut self, now_boot_ns: u64) {
        if self.engines.is_none() {
            return;
        }
        self.advance(now_boot_ns);
        for _ in 0..NEWS_MAX {
            let Some(engines) = &self.engines else { return };
            let Ok(news) = engines.news.try_recv() else {
                break;
            };
            self.hear(news);
        }
    }

    /// Time passes. What was to happen meanwhile happens before anything else, so that the outcome does not depend on how
    /// often somebody looks at the clock.
    pub(super) fn advance(&mut self, to_boot_ns: u64) {
        self.now_boot_ns = self.now_boot_ns.max(to_boot_ns);
        let over = self.parking.over(self.now_boot_ns);
        if let Some(containers) = &mut self.state.containers {
            for parked in &over {
                containers.unanswered(&parked.container, self.now_boot_ns);
            }
            containers.forget(self.now_boot_ns);
        }
        self.settle(over, self.metrics.unanswered.clone());
        if let Some(workloads) = &mut self.hand_over.workloads {
            workloads.over(self.now_boot_ns);
        }
    }

    /// Holds an event back; without room it goes on at once.
    pub(super) fn park(&mut self, bytes: &[u8], record: &Record<'_>, previous_boot_ns: u64) {
        let header = record.header();
        let process = self.state.processes.get(actor(header));
        let cgroup = self
            .state
            .cgroups
            .get(header.cgroup_id)
            .or(process.map(|process| &process.cgroup));
        let Some(container) = cgroup.and_then(|cgroup| cgroup.container.as_ref()) else {
            return;
        };
        let mut parked = Parked::new(bytes, &container.full, self.now_boot_ns);
        parked.number = self.number;
        parked.boot_wall_ns = self.boot_wall_ns;
        parked.previous_boot_ns = previous_boot_ns;
        parked.line = parking::line(&self.state, process);
        parked.cgroup = cgroup.cloned();
        parked.matched = self.detector.matched().to_vec();
        let asked = match &parked.cgroup {
            Some(cgroup) => cgroup.container.as_ref().is_some_and(|id| self.ask(id)),
            None => false,
        };
        let refused = match asked {
            true => self.parking.park(parked),
            false => Err(parked),
        };
        if let Err(parked) = refused {
            self.settle(vec![parked], self.metrics.no_room.clone());
        }
    }

    /// Judges everything that waits, with what is known.
    pub(super) fn settle_all(&mut self) {
        let all = self.parking.over(u64::MAX);
        self.settle(all, self.metrics.unanswered.clone());
        if let Some(workloads) = &mut self.hand_over.workloads {
            workloads.over(u64::MAX);
        }
    }

    fn hear(&mut self, news: ContainerNews) {
        let Some(containers) = &mut self.state.containers else {
            return;
        };
        match news {
            ContainerNews::Answering(interfaces) => containers.set_answering(interfaces),
            ContainerNews::Known(info) => {
                if containers.tell(Arc::clone(&info)) {
                    self.became_known(&info);
                }
                let its = self.parking.of(&info.id);
                self.settle(its, self.metrics.answered.clone());
                if let Some(workloads) = &mut self.hand_over.workloads {
                    workloads.heard(&info.id, Some(&*info));
                }
            }
            ContainerNews::Unknown(id) => {
                containers.unanswered(&id, self.now_boot_ns);
                let its = self.parking.of(&id);
                self.settle(its, self.metrics.unanswered.clone());
                if let Some(workloads) = &mut self.hand_over.workloads {
                    workloads.heard(&id, None);
                }
            }
            ContainerNews::Gone(id) => containers.gone(&id, self.now_boot_ns),
            ContainerNews::Pod(pod) => self.state.pods.tell(pod),
            ContainerNews::PodGone(uid) => self.state.pods.gone(&uid),
        }
    }

    /// Sees to it that somebody is asked for a container. False if nobody can be.
    pub(super) fn ask(&mut self, id: &ContainerId) -> bool {
        let (Some(containers), Some(engines)) = (&mut self.state.containers, &mut self.engines)
        else {
            return false;
        };
        if !containers.ask(&id.full) || (engines.ask)(id) {
            return true;
        }
        containers.unanswered(&id.full, self.now_boot_ns);
        false
    }

    /// Judges events once more, with nothing awaited.
    fn settle(&mut self, events: Vec<Parked>, outcome: Counter) {
        for parked in events {
            outcome.inc();
            let Ok(record) = Record::parse(&parked.bytes) else {
                continue;
            };
            let (Some(kind), Some(mut facts)) = (self.event_types.of(&record), facts(&record))
            else {
                continue;
            };
            self.state
                .complete(&mut facts, record.header().time_boot_ns);
            let surroundings = AsItWas {
                line: &parked.line,
                state: &self.state,
            };
            let place = Place {
                number: parked.number,
                boot_wall_ns: parked.boot_wall_ns,
                first_boot_ns: self.first_boot_ns,
                previous_boot_ns: parked.previous_boot_ns,
                process: parked.line.first().map(|process| &**process),
                cgroup: parked.cgroup.as_deref(),
                surroundings: &surroundings,
            };
            let event = event(kind, facts, record.header(), place, &self.table);
            let (about, hand_over) = (About::new(&event), &mut self.hand_over);
            self.detector.evaluate(event, &parked.matched, |hit| {
                hand_over.take(hit, about);
            });
        }
    }

    /// The event of type `container`.
    fn became_known(&mut self, info: &ContainerInfo) {
        const NO_RULES: &[RuleId] = &[];
        let Some(kind) = self.container_kind else {
            return;
        };
        if let Some(events) = self.metrics.events.get(usize::from(kind.0)) {
            events.inc();
        }
        self.number += 1;
        let cgroup = Cgroup {
            container: Some(ContainerId {
                full: info.id.clone(),
                runtime: info.runtime,
                pod_uid: info.pod.as_ref().map(|pod| pod.uid.clone()),
            }),
            ..Cgroup::default()
        };
        let event = Event {
            kind,
            number: self.number,
            boot_ns: self.now_boot_ns,
            boot_wall_ns: self.boot_wall_ns,
            first_boot_ns: self.first_boot_ns,
            previous_boot_ns: self.previous_boot_ns,
            cpu: 0,
            tid: 0,
            actor: ProcessKey::default(),
            uid: NOBODY,
            gid: NOBODY,
            process: None,
            cgroup: Some(&cgroup),
            surroundings: &self.state,
            facts: Facts::Container,
            view: View::Requested,
            table: &self.table,
        };
        let (about, hand_over) = (About::new(&event), &mut self.hand_over);
        self.detector
            .evaluate(event, NO_RULES, |hit| hand_over.take(hit, about));
    }
}
