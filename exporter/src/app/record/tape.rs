//! What is being recorded, on its way into the capture: records, and what engines say of the containers in them.
//!
//! In: records and [`ContainerNews`], in the order in which they are heard. Out: a capture, and questions about containers that
//! nobody has told of: rules of later may need what the rules of now do not. Never: a wait for an answer.

use std::fs::File;
use std::io;
use std::sync::Arc;

use exporter_ebpf::record::{KINDS_MAX, Kind, LAYOUT_VERSION, Record};

use crate::app::user_database;
use crate::config::PROCESSES_DEFAULT;
use crate::event::capture::{CaptureWriter, Host};
use crate::event::container::{ContainerId, ContainerNews, Metadata};
use crate::event::model::Surroundings;
use crate::metrics::VERSION;
use crate::probe::{KernelCounters, kind_name};
use crate::runtime::Asker;
use crate::state::user::Users;
use crate::state::{State, actor};
use crate::sys::{self, clock};

/// The capture, and what is in it.
pub(super) struct Tape {
    pub(super) capture: CaptureWriter<File>,
    /// Records by the number of their kind.
    by_kind: [u64; KINDS_MAX],
    inquiry: Option<Inquiry>,
}

/// Who is asked about which containers.
struct Inquiry {
    /// Which process is in which container, and what is known of it.
    state: State,
    asker: Asker,
}

impl Tape {
    /// Begins a capture; with somebody to ask about containers, it is asked.
    pub(super) fn begin(file: File, watched: &[&str], asker: Option<Asker>) -> io::Result<Self> {
        let host = Host {
            layout_version: LAYOUT_VERSION as u32,
            version: VERSION.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            kernel_release: sys::kernel_release(),
            hostname: sys::hostname(),
            watched: watched.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut capture = CaptureWriter::new(file, &host)?;
        let users = user_database();
        capture.users(&users.passwd, &users.group)?;
        capture.clock(clock::boot_wall_ns())?;
        let inquiry = asker.map(|asker| {
            let mut state = State::new(PROCESSES_DEFAULT, Arc::new(Users::default()));
            state.await_containers();
            Inquiry { state, asker }
        });
        Ok(Self {
            capture,
            by_kind: [0; KINDS_MAX],
            inquiry,
        })
    }

    /// One record. If its container is unknown, that is asked for.
    pub(super) fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.capture.record(bytes)?;
        // What is no record is for the one who replays it to say.
        let Ok(record) = Record::parse(bytes) else {
            return Ok(());
        };
        if let Some(count) = self.by_kind.get_mut(usize::from(record.kind().number())) {
            *count += 1;
        }
        match &mut self.inquiry {
            Some(inquiry) => match inquiry.meets(&record) {
                Some(refused) => self.news(record.header().time_boot_ns, &refused),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// What an engine said, and when it was heard, ns since boot.
    pub(super) fn news(&mut self, now_boot_ns: u64, news: &ContainerNews) -> io::Result<()> {
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.hear(now_boot_ns, news);
        }
        self.capture.news(now_boot_ns, news)
    }

    /// Kinds of records and how many of each there are; those without any left out.
    pub(super) fn kinds(&self) -> Vec<(&'static str, u64)> {
        let counts = Kind::ALL
            .iter()
            .map(|kind| (kind_name(*kind), self.count(*kind)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether all that the kernel has submitted to the ring is here.
    pub(super) fn is_whole(&self, counters: &KernelCounters) -> bool {
        let mut of_ring = counters.read().filter(|count| count.kind != Kind::Task);
        of_ring.all(|count| self.count(count.kind) >= count.submitted)
    }

    fn count(&self, kind: Kind) -> u64 {
        let count = self.by_kind.get(usize::from(kind.number()));
        count.copied().unwrap_or_default()
    }
}

impl Inquiry {
    /// Brings the tables up to a record and asks for its container, if that is to be awaited. When too much is being asked
    /// for, the container counts as unknown.
    fn meets(&mut self, record: &Record<'_>) -> Option<ContainerNews> {
        self.state.apply(record);
        let id = self.container(record)?;
        let containers = self.state.containers.as_mut()?;
        if !containers.ask(&id.full) || self.asker.ask(&id) {
            return None;
        }
        Some(ContainerNews::Unknown(id.full))
    }

    /// The container of whoever acted, if an engine may still tell of it.
    fn container(&self, record: &Record<'_>) -> Option<ContainerId> {
        let header = record.header();
        let process = self.state.processes.get(actor(header));
        let cgroup = self
            .state
            .cgroups
            .get(header.cgroup_id)
            .or(process.map(|process| &process.cgroup))?;
        let id = cgroup.container.as_ref()?;
        matches!(self.state.container(id), Metadata::Awaited).then(|| id.clone())
    }

    fn hear(&mut self, now_boot_ns: u64, news: &ContainerNews) {
        let Some(containers) = &mut self.state.containers else {
            return;
        };
        match news {
            ContainerNews::Answering(interfaces) => containers.set_answering(*interfaces),
            ContainerNews::Known(info) => {
                containers.tell(Arc::clone(info));
            }
            ContainerNews::Unknown(id) => containers.unanswered(id, now_boot_ns),
            ContainerNews::Gone(id) => containers.gone(id, now_boot_ns),
            // Told unasked.
            ContainerNews::Pod(_) | ContainerNews::PodGone(_) => {}
        }
        containers.forget(now_boot_ns);
    }
}
