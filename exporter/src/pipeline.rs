//! The event thread: next record → decode → state → detect → hand over.
//!
//! In: whole records from a [`Records`], and [`Control`] messages between batches. Out: counts, and matches in the output
//! queue. Never: a lock, a wait on anything but its records, a file, the loader, a runtime: where records come from is an
//! argument.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Duration;

use exporter_ebpf::record::{self, Record};
use rule_engine::schema::Schema;

use crate::detect::Detector;
use crate::event::decode::{EventTypes, facts};
use crate::event::fields::FieldTable;
use crate::event::{Event, View};
use crate::metrics::{Counter, Declaration, Gauge, Registry};
use crate::output::Queue;
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

    /// Returns when there may be records or a control message, or `within` has passed.
    fn wait(&mut self, within: Duration);
}

/// What the event thread is told.
pub enum Control {
    /// Judge by these rules from now on, and say so.
    Rules(Box<Detector>, Sender<()>),
    /// The user database has changed.
    Users(Arc<Users>),
    /// Take what is there, and end.
    Stop,
}

/// What the event thread counts.
#[derive(Clone)]
pub struct PipelineMetrics {
    /// By [`rule_engine::schema::EventTypeId`].
    events: Vec<Counter>,
    malformed: Counter,
    process_entries: Gauge,
    process_evictions: Counter,
    process_misses: Counter,
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
        let entries = registry.gauges(Declaration {
            name: "saker_table_entries",
            help: "Entries that a table holds.",
            labels: ["table"],
        });
        let capacity = registry.gauges(Declaration {
            name: "saker_table_capacity",
            help: "Entries that a table can hold.",
            labels: ["table"],
        });
        let evictions = registry.counters(Declaration {
            name: "saker_table_evictions_total",
            help: "Living entries that a full table gave up.",
            labels: ["table"],
        });
        let misses = registry.counters(Declaration {
            name: "saker_table_misses_total",
            help: "Events about something that a table did not hold.",
            labels: ["table"],
        });
        capacity.with(["processes"]).set(processes_max as f64);
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
            malformed: Counter::default(),
            process_entries: entries.with(["processes"]),
            process_evictions: evictions.with(["processes"]),
            process_misses: misses.with(["processes"]),
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
    /// None when nobody wants the matches themselves.
    queue: Option<Queue>,
    number: u64,
    boot_wall_ns: u64,
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
        queue: Option<Queue>,
    ) -> Self {
        Self {
            state,
            detector,
            event_types: EventTypes::new(schema),
            table: FieldTable::new(Arc::clone(schema), hostname),
            metrics,
            queue,
            number: 0,
            // Nothing matches before the source of records has said it.
            boot_wall_ns: 0,
        }
    }

    /// Works until it is told to stop or nobody can tell it anything any more.
    pub fn run(mut self, records: &mut impl Records, control: &Receiver<Control>) {
        let mut stop = false;
        loop {
            self.boot_wall_ns = records.boot_wall_ns();
            let found = records.drain(BATCH_LEN_MAX, &mut |bytes| self.record(bytes));
            self.observe_tables();
            // A batch that was not full has emptied the source, which is when an end may come.
            if stop && found < BATCH_LEN_MAX {
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
            if found < BATCH_LEN_MAX && !stop {
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
        if self.state.apply(&record) == Applied::StateOnly {
            return;
        }
        let (Some(kind), Some(facts)) = (self.event_types.of(&record), facts(&record)) else {
            return;
        };
        let header = record.header();
        let process = self
            .state
            .processes
            .get(actor(header))
            .map(|process| &**process);
        if process.is_none() {
            self.metrics.process_misses.inc();
        }
        if let Some(events) = self.metrics.events.get(usize::from(kind.0)) {
            events.inc();
        }
        self.number += 1;
        let event = Event {
            kind,
            number: self.number,
            boot_ns: header.time_boot_ns,
            boot_wall_ns: self.boot_wall_ns,
            cpu: header.cpu,
            tid: header.tid,
            actor: actor(header),
            uid: header.euid,
            gid: header.egid,
            process,
            cgroup: self
                .state
                .cgroup(header.cgroup_id)
                .or_else(|| process.map(|process| &*process.cgroup)),
            surroundings: &self.state,
            facts,
            view: View::Requested,
            table: &self.table,
        };
        let queue = &self.queue;
        self.detector.evaluate(event, |owned| {
            if let Some(queue) = queue {
                queue.send(owned);
            }
        });
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
                self.detector = *detector;
                // Who does not wait for it need not know.
                let _ = judging.send(());
            }
            Control::Users(users) => self.state.set_users(users),
            Control::Stop => {}
        }
    }

    fn observe_tables(&self) {
        let processes = &self.state.processes;
        self.metrics.process_entries.set(processes.len() as f64);
        let counted = self.metrics.process_evictions.get();
        self.metrics
            .process_evictions
            .inc_by(processes.evictions().saturating_sub(counted));
    }
}
