//! The event thread: next record → decode → state → detect → hand over.
//!
//! In: whole records from a [`Records`]; [`Control`] messages and what engines say of containers between batches. Out: counts,
//! matches in the queues of the outputs, and ids of containers that are not known. Never: a lock, a wait on anything but its
//! records, a file, the loader, a runtime: where records come from is an argument.

mod containers;
mod hand_over;
mod parking;
mod rescan;
mod tables;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Duration;

use exporter_ebpf::record::{self, RECORD_AUDIT, Record};
use rule_engine::eval::Outcome;
use rule_engine::schema::{EventTypeId, Schema};

use self::hand_over::{About, HandOver};
use self::parking::Parking;
use self::rescan::Rescan;
pub use self::rescan::Scan;
use self::tables::Tables;
use crate::detect::{Detector, Workloads};
use crate::event::container::{ContainerId, ContainerNews};
use crate::event::decode::{EventTypes, facts};
use crate::event::fields::FieldTable;
use crate::event::model::{Cgroup, Process, Surroundings};
use crate::event::{Event, Facts, View};
use crate::metrics::{Counter, Declaration, Histogram, Registry};
use crate::output::{OwnedMatch, Queue};
use crate::state::domain::Domains;
use crate::state::user::Users;
use crate::state::{Applied, State, actor};

/// Records between two looks at the control channel and the clock.
const BATCH_LEN_MAX: usize = 1024;
/// How long the thread sleeps while nothing happens. The kernel side and control messages wake it; this covers a program that
/// was held up between its clock and the ring.
const IDLE: Duration = Duration::from_millis(50);
/// How long after the last find the thread looks again by itself: the kernel side wakes it for the first record of each such
/// gap only (`exporter-ebpf/src/bpf/emit.h`).
const BUSY: Duration = Duration::from_millis(1);

/// Where records come from: the ring, or a capture.
pub trait Records {
    /// Gives at most `max` of the records that are there to `each`, and says how many that were.
    fn drain(&mut self, max: usize, each: &mut dyn FnMut(&[u8])) -> usize;

    /// Wall time of the moment of boot, in ns since the epoch, for the records that are drained next.
    fn boot_wall_ns(&mut self) -> u64;

    /// Time since boot, ns: the clock by which events wait. It need not be ahead of the records.
    fn boot_ns(&mut self) -> u64;

    /// Returns when there may be records or a control message, or `within` has passed.
    fn wait(&mut self, within: Duration);
}

/// What the event thread is told.
pub enum Control {
    /// Judge by these rules from now on, and say so.
    Rules(Box<Detector>, Sender<()>),
    /// The user database has changed.
    Users(Arc<Users>),
    /// Domain names in rules lead elsewhere.
    Domains(Arc<Domains>),
    /// The processes that there are, read anew because records were lost; say so when the table knows them.
    Rescanned(Scan, Sender<()>),
    /// Say that events are still taken.
    Answer(Sender<()>),
    /// Take what is there, and end.
    Stop,
}

/// The line to those who know containers.
pub struct Engines {
    /// What they say.
    pub news: Receiver<ContainerNews>,
    /// Asks for a container. False when too many are being asked for.
    pub ask: Box<dyn FnMut(&ContainerId) -> bool + Send>,
}

/// Tells the kernel's filter of a cgroup by its number whether it is a container's.
pub type TellCgroup = Box<dyn FnMut(u64, bool) + Send>;

/// What the event thread counts.
#[derive(Clone)]
pub struct PipelineMetrics {
    /// By [`rule_engine::schema::EventTypeId`].
    events: Vec<Counter>,
    latency: Histogram,
    malformed: Counter,
    tables: Tables,
    rescans: Counter,
    answered: Counter,
    unanswered: Counter,
    no_room: Counter,
    audited: Counter,
    unsound: Counter,
}

impl PipelineMetrics {
    /// Declares them. `supplied` names the event types that some probe supplies: their series are there from the start.
    pub fn declare(
        registry: &mut Registry,
        schema: &Schema,
        supplied: &[&str],
        processes_max: usize,
    ) -> Self {
        let events = registry.counters(Declaration {
            name: "saker_events_total",
            help: "Events that reached the rules.",
            labels: ["type"],
        });
        let tables = Tables::declare(registry, processes_max);
        let parked = registry.counters(Declaration {
            name: "saker_parked_events_total",
            help: "Events that some rule could not decide without the metadata of their container, by how that ended.",
            labels: ["outcome"],
        });
        let rescans = registry.counter(Declaration {
            name: "saker_process_rescans_total",
            help: "Times that the process table was read anew from the kernel, because records that it is made from were lost.",
            labels: [],
        });
        let audited = registry.counter(Declaration {
            name: "saker_filter_audited_total",
            help: "Events that the kernel would have held back, and that were judged to find out whether that would have been right.",
            labels: [],
        });
        let unsound = registry.counter(Declaration {
            name: "saker_filter_unsound_total",
            help: "Of these, those that a rule has matched: a fault of the kernel filter.",
            labels: [],
        });
        Self {
            events: schema
                .events
                .iter()
                .map(|event| match supplied.contains(&event.name) {
                    true => events.with([event.name]),
                    // What nothing supplies has no series.
                    false => Counter::default(),
                })
                .collect(),
            latency: registry.histogram(Declaration {
                name: "saker_detection_latency_seconds",
                help: "Time from the kernel's time stamp of an event to the count of its match.",
                labels: [],
            }),
            malformed: Counter::default(),
            tables,
            rescans,
            answered: parked.with(["answered"]),
            unanswered: parked.with(["unanswered"]),
            no_room: parked.with(["no_room"]),
            audited,
            unsound,
        }
    }

    /// Events that reached the rules, by [`rule_engine::schema::EventTypeId`].
    #[must_use]
    pub fn events(&self) -> &[Counter] {
        &self.events
    }

    /// Records that were not what the layout says: lost on our side of the border.
    #[must_use]
    pub fn malformed(&self) -> Counter {
        self.malformed.clone()
    }
}

/// Everything that the event thread owns.
pub struct Pipeline {
    state: State,
    detector: Detector,
    event_types: EventTypes,
    table: FieldTable,
    metrics: PipelineMetrics,
    hand_over: HandOver,
    number: u64,
    boot_wall_ns: u64,
    /// Time of the first event, and of the one before that at hand.
    first_boot_ns: u64,
    previous_boot_ns: u64,
    /// Time of the newest record, ns since boot.
    newest_boot_ns: u64,
    rescan: Option<Rescan>,
    /// Time since boot: the latest that the source of records or a record has told. Kept where there are engines.
    now_boot_ns: u64,
    engines: Option<Engines>,
    parking: Parking,
    container_kind: Option<EventTypeId>,
    tell_cgroup: Option<TellCgroup>,
}

impl Pipeline {
    /// Puts the rooms in a row.
    #[must_use]
    pub fn new(
        state: State,
        detector: Detector,
        schema: &Arc<Schema>,
        hostname: &str,
        metrics: PipelineMetrics,
        queues: Vec<Queue>,
    ) -> Self {
        Self {
            state,
            detector,
            event_types: EventTypes::new(schema),
            table: FieldTable::new(Arc::clone(schema), hostname),
            hand_over: HandOver {
                queues,
                workloads: None,
                latency: metrics.latency.clone(),
                clock: None,
                canary: None,
                question: None,
            },
            metrics,
            number: 0,
            // Nothing matches before the source of records has said it.
            boot_wall_ns: 0,
            first_boot_ns: 0,
            previous_boot_ns: 0,
            newest_boot_ns: 0,
            rescan: None,
            now_boot_ns: 0,
            engines: None,
            parking: Parking::default(),
            container_kind: schema.event("container"),
            tell_cgroup: None,
        }
    }

    /// Tells the kernel's filter which cgroups are containers'.
    pub fn set_tell_cgroup(&mut self, tell: TellCgroup) {
        self.state.note_cgroups();
        self.tell_cgroup = Some(tell);
    }

    /// Expects metadata of containers from engines: events that need it wait for it.
    pub fn set_engines(&mut self, engines: Engines) {
        self.state.await_containers();
        self.engines = Some(engines);
    }

    /// Counts matches by workload.
    pub fn set_workloads(&mut self, workloads: Workloads) {
        self.hand_over.workloads = Some(workloads);
    }

    /// Gives matches of the canary's rule to `eye`, which does not wait.
    pub fn set_canary(&mut self, eye: Box<dyn FnMut(OwnedMatch) + Send>) {
        self.hand_over.canary = Some(eye);
    }

    /// Measures how long after their events matches are counted, by the clock of the records: time since boot, ns.
    pub fn set_clock(&mut self, boot_ns: fn() -> u64) {
        self.hand_over.clock = Some(boot_ns);
    }

    /// Works until it is told to stop or nobody can tell it anything any more.
    pub fn run(mut self, records: &mut impl Records, control: &Receiver<Control>) {
        let mut stop = false;
        loop {
            self.boot_wall_ns = records.boot_wall_ns();
            let now_boot_ns = records.boot_ns();
            self.hear_engines(now_boot_ns);
            let found = records.drain(BATCH_LEN_MAX, &mut |bytes| self.record(bytes));
            self.heal(found < BATCH_LEN_MAX);
            self.between_batches(now_boot_ns);
            // A batch that was not full has emptied the source, which is when an end may come.
            if stop && found < BATCH_LEN_MAX {
                self.settle_all();
                self.between_batches(now_boot_ns);
                return;
            }
            loop {
                match control.try_recv() {
                    Ok(Control::Stop) | Err(TryRecvError::Disconnected) => stop = true,
                    Ok(message) => {
                        self.control(message);
                        continue;
                    }
                    Err(TryRecvError::Empty) => {}
                }
                break;
            }
            if found < BATCH_LEN_MAX && !stop && self.rescan.is_none() {
                records.wait(if found > 0 { BUSY } else { IDLE });
            }
        }
    }

    /// One record, all the way.
    pub fn record(&mut self, bytes: &[u8]) {
        let record = match Record::parse(bytes) {
            Ok(record) => record,
            Err(error) => {
                if self.metrics.malformed.inc() == 0 {
                    tracing::error!(%error, "the kernel side sent what is no record; further ones are counted only");
                }
                return;
            }
        };
        let time_boot_ns = record.header().time_boot_ns;
        self.newest_boot_ns = self.newest_boot_ns.max(time_boot_ns);
        if self.engines.is_some() && time_boot_ns > self.now_boot_ns {
            self.advance(time_boot_ns);
        }
        let applied = self.state.apply(&record);
        if let Some(tell) = &mut self.tell_cgroup {
            let entered = self.state.new_cgroups();
            entered.for_each(|(cgroup, in_container)| tell(cgroup, in_container));
        }
        if applied == Applied::StateOnly {
            return;
        }
        let (Some(kind), Some(mut facts)) = (self.event_types.of(&record), facts(&record)) else {
            return;
        };
        self.state.complete(&mut facts, time_boot_ns);
        let header = record.header();
        let process = self.state.processes.get(actor(header));
        if process.is_none() {
            self.metrics.tables.process_missed();
        }
        if let Some(events) = self.metrics.events.get(usize::from(kind.0)) {
            events.inc();
        }
        self.number += 1;
        let previous_boot_ns = match self.number {
            1 => {
                self.first_boot_ns = header.time_boot_ns;
                header.time_boot_ns
            }
            _ => self.previous_boot_ns,
        };
        self.previous_boot_ns = header.time_boot_ns;
        let cgroup = self.state.cgroups.get(header.cgroup_id);
        let place = Place {
            number: self.number,
            boot_wall_ns: self.boot_wall_ns,
            first_boot_ns: self.first_boot_ns,
            previous_boot_ns,
            process: process.map(|process| &**process),
            cgroup: cgroup
                .or(process.map(|process| &process.cgroup))
                .map(|cgroup| &**cgroup),
            surroundings: &self.state,
        };
        let event = event(kind, facts, header, place, &self.table);
        let (about, hand_over) = (About::new(&event), &mut self.hand_over);
        let outcome = self
            .detector
            .evaluate(event, &[], |hit| hand_over.take(hit, about));
        if header.flags & RECORD_AUDIT != 0 {
            self.metrics.audited.inc();
            if !self.detector.matched().is_empty() {
                self.metrics.unsound.inc();
            }
        }
        if outcome == Outcome::Open {
            self.park(bytes, &record, previous_boot_ns);
        }
        if let Some(container) = self.hand_over.question.take() {
            self.ask(&container);
        }
    }

    /// The records of a scan, one behind the other.
    pub fn scanned(&mut self, bytes: &[u8]) {
        let mut records = record::Records::new(bytes);
        records.by_ref().for_each(|record| self.record(record));
        if !records.rest().is_empty() {
            self.metrics.malformed.inc();
        }
    }

    fn control(&mut self, message: Control) {
        match message {
            Control::Rules(detector, judging) => {
                // Rules are known by number, and the new ones have other numbers.
                self.settle_all();
                self.detector.flush();
                self.detector = *detector;
                // Who does not wait for it need not know.
                let _ = judging.send(());
            }
            Control::Users(users) => self.state.set_users(users),
            Control::Domains(domains) => self.state.set_domains(domains),
            Control::Rescanned(scan, applied) => self.rescan = Some(Rescan::new(scan, applied)),
            Control::Answer(answer) => {
                // Who asked may wait no more.
                let _ = answer.send(());
            }
            Control::Stop => {}
        }
    }

    /// Makes visible what the last batch has brought.
    fn between_batches(&mut self, now_boot_ns: u64) {
        let parked = self.parking.len();
        self.metrics.tables.observe(&self.state, parked);
        self.detector.flush();
        let containers = self.state.containers.as_ref();
        let lives = |id: &str| containers.is_some_and(|all| all.knows(id));
        if let Some(workloads) = &mut self.hand_over.workloads {
            workloads.publish(now_boot_ns, lives);
        }
    }
}

/// What places an event, beside its record.
struct Place<'a> {
    number: u64,
    boot_wall_ns: u64,
    first_boot_ns: u64,
    previous_boot_ns: u64,
    process: Option<&'a Process>,
    cgroup: Option<&'a Cgroup>,
    surroundings: &'a dyn Surroundings,
}

fn event<'a>(
    kind: EventTypeId,
    facts: Facts<'a>,
    header: &record::Header,
    place: Place<'a>,
    table: &'a FieldTable,
) -> Event<'a> {
    Event {
        kind,
        number: place.number,
        boot_ns: header.time_boot_ns,
        boot_wall_ns: place.boot_wall_ns,
        first_boot_ns: place.first_boot_ns,
        previous_boot_ns: place.previous_boot_ns,
        cpu: header.cpu,
        tid: header.tid,
        actor: actor(header),
        uid: header.euid,
        gid: header.egid,
        process: place.process,
        cgroup: place.cgroup,
        surroundings: place.surroundings,
        facts,
        view: View::Requested,
        table,
    }
}

#[cfg(test)]
mod tests;
