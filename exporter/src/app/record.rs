//! Puts probes, container engines and a capture together: the scan first, then the ring, until told to end.
//!
//! In: the calls to watch, the engines to ask, a file. Out: a capture with the kernel's own counts at its end. Never: a record
//! that is lost and not counted; where the file does not take it, the recording ends with the reason.

mod tape;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use self::tape::Tape;
use super::cluster::Cluster;
use super::{NEWS_MAX, deliver, wanted_settings, watched_calls};
use crate::config::Settings;
use crate::event::capture::End;
use crate::event::container::ContainerNews;
use crate::event::decode;
use crate::metrics::Registry;
use crate::probe::{KernelCount, KernelCounters, Probe, Ring, Waker};
use crate::runtime::{RuntimeMetrics, Runtimes};
use crate::sys::{capability, clock};
use anyhow::Context as _;
use exporter_ebpf::record::{Counters, Kind, Records, SETTING_DATA, SETTING_ENV};
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use tokio::signal::unix::{SignalKind, signal};

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
    /// What else is recorded: `SETTING_…`.
    pub collected: u32,
    /// The agent's settings: container engines, the Kubernetes API server, the size of the ring buffer.
    pub settings: Settings,
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

/// The extras that rules want, or all.
#[must_use]
pub fn extras(rules: Option<&RuleSet>, schema: &Schema) -> u32 {
    match rules {
        Some(rules) => wanted_settings(rules, schema),
        None => SETTING_ENV | SETTING_DATA,
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
    let mut probe = Probe::load(recording.settings.ring_bytes)?;
    let file = create(&recording.file)
        .with_context(|| format!("{} cannot be written", recording.file.display()))?;
    let unwritable = || {
        let file = recording.file.display();
        format!("{file} cannot be written; what has been written so far can be replayed")
    };
    let settings = &recording.settings;
    let mut registry = Registry::new();
    let metrics = RuntimeMetrics::declare(&mut registry);
    let engines = Runtimes::new(settings.runtimes.as_deref(), &metrics);
    let cluster = Cluster::declare(&mut registry, settings);
    let asker = (!engines.is_empty()).then(|| engines.asker());
    let mut tape = Tape::begin(file, &recording.watched, asker).with_context(unwritable)?;
    let answering = ContainerNews::Answering(engines.answering());
    tape.news(clock::boot_ns(), &answering)
        .with_context(unwritable)?;
    let counters = probe.take_counters()?;
    probe.watch(|name| recording.watched.contains(&name))?;
    probe.collect(recording.collected)?;
    probe.attach()?;
    let scanned = probe.scan()?;
    let mut ring = probe.take_ring()?;
    let end = Arc::new(AtomicBool::new(false));
    capability::drop_all_but_needed().context("capabilities cannot be dropped")?;
    let (news_sender, news) = mpsc::sync_channel(NEWS_MAX);
    let waker = ring.waker();
    let deliver = deliver(news_sender, move || waker.wake());
    let cluster = cluster.follow(settings, Arc::clone(&deliver));
    let engines = async move {
        tokio::join!(engines.run(deliver), cluster);
    };
    end_by_signal_or_time(recording.length, &end, ring.waker(), engines)?;

    let mut records = Records::new(&scanned);
    let scan = records.by_ref().try_for_each(|record| tape.record(record));
    scan.with_context(unwritable)?;
    anyhow::ensure!(
        records.rest().is_empty(),
        "the scan of the processes that run already ends within a record; this is a fault of Saker"
    );
    started();
    drain(&mut ring, &news, &mut tape, probe, &counters, &end).with_context(unwritable)?;

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

/// The ring into the capture, until told to end. Then the probes go, and what they left in the ring is taken.
fn drain(
    ring: &mut Ring,
    news: &Receiver<ContainerNews>,
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
        // As the agent does: first what was told, then what happened.
        for news in news.try_iter().take(NEWS_MAX) {
            tape.news(clock::boot_ns(), &news)?;
        }
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

/// Raises `end` and wakes the reader of the ring on SIGINT, SIGTERM, or when the time is over. Until then engines are
/// followed.
fn end_by_signal_or_time(
    length: Option<Duration>,
    end: &Arc<AtomicBool>,
    waker: Waker,
    engines: impl Future<Output = ()> + Send + 'static,
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
                tokio::spawn(engines);
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
