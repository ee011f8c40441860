//! Puts probes and a capture together: the scan first, then the ring, until told to end.
//!
//! In: the calls to watch, a file. Out: a capture with the kernel's own counts at its end. Never: a record that is lost and
//! not counted; where the file does not take it, the recording ends with the reason.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use exporter_ebpf::record::{Counters, Header, KINDS_MAX, Kind, LAYOUT_VERSION, Records};
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use tokio::signal::unix::{SignalKind, signal};
use zerocopy::FromBytes;

use super::{user_database, watched_calls};
use crate::event::capture::{CaptureWriter, End, Host};
use crate::event::decode;
use crate::metrics::VERSION;
use crate::probe::{KernelCount, KernelCounters, Probe, Ring, Waker, kind_name};
use crate::sys::{self, capability, clock};

/// Records between two looks at the clock.
const BATCH_LEN_MAX: usize = 1024;
/// How long the thread sleeps while nothing happens.
const IDLE: Duration = Duration::from_millis(50);
/// How long after the last find it looks again by itself; see [`exporter_ebpf::WAKE_GAP`].
const BUSY: Duration = exporter_ebpf::WAKE_GAP;
/// What a recorder that is killed leaves out of its file at most.
const UNWRITTEN_MAX: Duration = Duration::from_secs(1);
/// Times that the ring is looked into for records of programs that were still running when their hooks were taken away.
const LAST_LOOKS_MAX: usize = 100;

/// What to record, where to, and for how long.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The file; one that is there is replaced.
    pub file: PathBuf,
    /// How long; until a signal comes if nothing is said.
    pub length: Option<Duration>,
    /// Names of the system calls.
    pub watched: Vec<&'static str>,
    /// Size of the kernel's ring buffer.
    pub ring_bytes: u32,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Records in the file.
    pub records: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Kinds of records and how many of each are in the file; those without any left out.
    pub kinds: Vec<(&'static str, u64)>,
    /// What the kernel counted.
    pub counts: Vec<KernelCount>,
}

/// The system calls that rules want, or all that can be had but for those that would drown them.
#[must_use]
pub fn calls(rules: Option<&RuleSet>, schema: &Schema) -> Vec<&'static str> {
    match rules {
        Some(rules) => watched_calls(rules, schema),
        None => decode::call_names()
            .into_iter()
            .filter(|name| !is_everyday(name, schema))
            .collect(),
    }
}

/// Reading, writing, closing and memory: what every program does all the time, the recorder itself while it records
/// included. Rules that want such calls name them.
fn is_everyday(name: &str, schema: &Schema) -> bool {
    schema.event(name).is_some_and(|event| {
        let event = schema.event_def(event);
        event.category == "io" || event.category == "memory" && !event.creates_fd
    })
}

/// Records until the time is over or a signal comes; `started` is called once everything that happens is recorded.
///
/// # Errors
/// When the kernel refuses the probes, or the file its bytes.
pub fn run(recording: &Recording, started: impl FnOnce()) -> anyhow::Result<Recorded> {
    let mut probe = Probe::load(recording.ring_bytes)?;
    let file = create(&recording.file)
        .with_context(|| format!("{} cannot be written", recording.file.display()))?;
    let unwritable = || {
        let file = recording.file.display();
        format!("{file} cannot be written; what has been written so far can be replayed")
    };
    let mut tape = Tape::begin(file, &recording.watched).with_context(unwritable)?;
    let counters = probe.take_counters()?;
    probe.watch(|name| recording.watched.contains(&name))?;
    probe.attach()?;
    let scanned = probe.scan()?;
    let mut ring = probe.take_ring()?;
    let end = Arc::new(AtomicBool::new(false));
    end_by_signal_or_time(recording.length, &end, ring.waker())?;
    capability::drop_all_but_needed().context("capabilities cannot be dropped")?;

    let mut records = Records::new(&scanned);
    let scan = records.by_ref().try_for_each(|record| tape.record(record));
    scan.with_context(unwritable)?;
    anyhow::ensure!(
        records.rest().is_empty(),
        "the scan of the processes that run already ends within a record; this is a fault of Saker"
    );
    started();
    drain(&mut ring, &mut tape, probe, &counters, &end).with_context(unwritable)?;

    let counts: Vec<KernelCount> = counters.read().collect();
    let kinds = tape.kinds();
    let (End { records, .. }, bytes) = tape
        .capture
        .finish(counts.iter().map(counters_of).collect())
        .with_context(unwritable)?;
    Ok(Recorded {
        records,
        bytes,
        kinds,
        counts,
    })
}

impl Recorded {
    /// Records that did not fit, for one reason or another.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts.iter().map(KernelCount::lost).sum()
    }
}

/// The counts of one kind as a capture holds them.
pub(super) fn counters_of(count: &KernelCount) -> (u16, Counters) {
    let KernelCount {
        kind,
        submitted,
        filtered,
        lost_ring_full,
        lost_no_scratch,
    } = *count;
    let counters = Counters {
        submitted,
        filtered,
        lost_ring_full,
        lost_no_scratch,
    };
    (kind.number(), counters)
}

/// The counts of a capture as the kernel gives them; a kind that this program does not know is left out.
pub(super) fn kernel_counts(end: &End) -> Vec<KernelCount> {
    let known = end.counts.iter().filter_map(|(kind, counters)| {
        Some(KernelCount {
            kind: Kind::try_from(*kind).ok()?,
            submitted: counters.submitted,
            filtered: counters.filtered,
            lost_ring_full: counters.lost_ring_full,
            lost_no_scratch: counters.lost_no_scratch,
        })
    });
    known.collect()
}

/// Arguments and paths of everybody are in it: it is its owner's alone.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

/// The capture, and what is in it.
struct Tape {
    capture: CaptureWriter<File>,
    /// Records by the number of their kind.
    by_kind: [u64; KINDS_MAX],
}

impl Tape {
    fn begin(file: File, watched: &[&str]) -> io::Result<Self> {
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
        Ok(Self {
            capture,
            by_kind: [0; KINDS_MAX],
        })
    }

    fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        let header = Header::read_from_prefix(bytes).ok();
        let count = header.and_then(|(header, _)| self.by_kind.get_mut(usize::from(header.kind)));
        if let Some(count) = count {
            *count += 1;
        }
        self.capture.record(bytes)
    }

    fn count(&self, kind: Kind) -> u64 {
        let count = self.by_kind.get(usize::from(kind.number()));
        count.copied().unwrap_or_default()
    }

    fn kinds(&self) -> Vec<(&'static str, u64)> {
        let counts = Kind::ALL
            .iter()
            .map(|kind| (kind_name(*kind), self.count(*kind)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Whether all that the kernel has submitted to the ring is here.
    fn is_whole(&self, counters: &KernelCounters) -> bool {
        let mut of_ring = counters.read().filter(|count| count.kind != Kind::Task);
        of_ring.all(|count| self.count(count.kind) >= count.submitted)
    }
}

/// The ring into the capture, until told to end. Then the probes go, and what they left in the ring is taken.
fn drain(
    ring: &mut Ring,
    tape: &mut Tape,
    probe: Probe,
    counters: &KernelCounters,
    end: &AtomicBool,
) -> io::Result<()> {
    let mut probe = Some(probe);
    let mut written = Instant::now();
    let mut looks = 0;
    loop {
        tape.capture.clock(clock::boot_wall_ns())?;
        let mut result = Ok(());
        let found = ring.drain(BATCH_LEN_MAX, &mut |record| {
            if result.is_ok() {
                result = tape.record(record);
            }
        });
        result?;
        if end.load(Ordering::Relaxed) && probe.take().is_some() {
            continue;
        }
        if found == BATCH_LEN_MAX {
            continue;
        }
        if probe.is_none() {
            if tape.is_whole(counters) || looks == LAST_LOOKS_MAX {
                return Ok(());
            }
            looks += 1;
        }
        if written.elapsed() > UNWRITTEN_MAX {
            tape.capture.flush()?;
            written = Instant::now();
        }
        ring.wait(if found > 0 || probe.is_none() {
            BUSY
        } else {
            IDLE
        });
    }
}

/// Raises `end` and wakes the reader of the ring on SIGINT, SIGTERM, or when the time is over.
fn end_by_signal_or_time(
    length: Option<Duration>,
    end: &Arc<AtomicBool>,
    waker: Waker,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime that waits for signals cannot be started")?;
    // From here on signals are not lost, whatever the thread is at.
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let end = Arc::clone(end);
    thread::Builder::new()
        .name("saker-signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let time_over = async {
                    match length {
                        Some(length) => tokio::time::sleep(length).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = time_over => {}
                }
            });
            end.store(true, Ordering::Relaxed);
            waker.wake();
        })
        .context("the thread that waits for signals cannot be started")?;
    Ok(())
}
