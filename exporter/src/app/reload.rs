//! New rules for a running agent: read and compiled aside, swapped whole, or not at all.
//!
//! In: a signal, or a change of a rules file. Out: a new detector on the event thread and a new set of watched calls, in an
//! order in which no event is missed: first the probes watch for both rule sets, then the rules change, then the probes stop
//! watching what only the old rules wanted. Never: a running agent with half of either.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rule_engine::schema::Schema;
use rule_engine::value::FieldRef;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::events::EventHandle;
use super::filter::KernelGate;
use super::hooks::Hooks;
use super::{domains, user_database, wanted_settings, watched_calls};
use crate::config::Settings;
use crate::detect::{Detector, RuleMetrics};
use crate::metrics::{Declaration, Gauge, Registry};
use crate::pipeline::Control;
use crate::probe::Probe;
use crate::rules;

/// Editors and ConfigMaps change a file in several steps; a reload waits until they have been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// What is told of loads, as Prometheus tells of its own configuration.
pub(super) struct ReloadMetrics {
    loaded: Gauge,
    successful: Gauge,
    success_time: Gauge,
}

impl ReloadMetrics {
    /// Declares them.
    pub(super) fn declare(registry: &mut Registry) -> Self {
        let mut gauge = |name, help| {
            registry.gauge(Declaration {
                name,
                help,
                labels: [],
            })
        };
        Self {
            loaded: gauge(
                "saker_rules_loaded",
                "Rules in force, disabled ones excluded.",
            ),
            successful: gauge(
                "saker_rules_last_reload_successful",
                "Whether the last load of rules succeeded: 1, or 0 while older rules stay in force.",
            ),
            success_time: gauge(
                "saker_rules_last_reload_success_timestamp_seconds",
                "When rules were last loaded successfully, in seconds since the epoch.",
            ),
        }
    }

    /// Rules have been loaded and are in force.
    pub(super) fn succeeded(&self, enabled: usize) {
        self.loaded.set(enabled as f64);
        self.successful.set(1.0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.success_time.set(now.as_secs_f64());
    }

    fn failed(&self) {
        self.successful.set(0.0);
    }
}

/// What a reload needs.
pub(super) struct Reloader {
    /// Which rules.
    pub(super) settings: Settings,
    /// What they may speak of.
    pub(super) schema: Arc<Schema>,
    /// Where their counters are.
    pub(super) rules: RuleMetrics,
    /// Where their load is told of.
    pub(super) metrics: ReloadMetrics,
    /// Where it is told which hooks serve them.
    pub(super) hooks: Hooks,
    /// What watches for them.
    pub(super) probe: Arc<Mutex<Probe>>,
    /// Who resolves the domain names in them.
    pub(super) names: watch::Sender<Vec<String>>,
    /// Who judges by them.
    pub(super) events: EventHandle,
    /// Fields that every match takes with it.
    pub(super) asked: Arc<[FieldRef]>,
    /// System calls that the rules in force want.
    pub(super) watched: Vec<&'static str>,
    /// Extras that they want, `SETTING_…`.
    pub(super) collected: u32,
    /// What the kernel holds back for them.
    pub(super) gate: KernelGate,
}

impl Reloader {
    /// Loads the rules anew. If they have an error the old ones stay in force, and log and metrics say so.
    /// The failure is returned, too, for whoever asked.
    pub(super) async fn reload(&mut self) -> Result<(), String> {
        self.events
            .send(Control::Users(Arc::new(user_database().parse())));
        let (settings, schema) = (self.settings.clone(), Arc::clone(&self.schema));
        let loading = tokio::task::spawn_blocking(move || {
            let loaded = rules::load(&settings, &schema);
            loaded.map_err(|failure| failure.to_string())
        });
        let outcome = match loading.await {
            Ok(Ok(loaded)) => self
                .put_in_force(loaded)
                .await
                .map_err(|error| error.to_string()),
            Ok(Err(failure)) => Err(failure),
            Err(panic) => Err(panic.to_string()),
        };
        match outcome {
            Ok(enabled) => {
                self.metrics.succeeded(enabled);
                tracing::info!(rules = enabled, "rules reloaded");
                Ok(())
            }
            Err(failure) => {
                self.metrics.failed();
                tracing::error!(
                    "the rules were not reloaded, the old ones stay in force: {failure}"
                );
                Err(failure)
            }
        }
    }

    fn probe(&self) -> MutexGuard<'_, Probe> {
        self.probe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn put_in_force(&mut self, loaded: rules::Rules) -> anyhow::Result<usize> {
        loaded.warn();
        let enabled = loaded.enabled();
        let watched = watched_calls(&loaded.set, &self.schema);
        let old = std::mem::replace(&mut self.watched, watched.clone());
        self.probe()
            .watch(|name| watched.contains(&name) || old.contains(&name))?;
        let collected = wanted_settings(&loaded.set, &self.schema);
        self.probe().collect(collected | self.collected)?;
        self.collected = collected;
        self.gate.begin(&loaded.set, &self.schema);
        let (judging, judged) = std::sync::mpsc::channel();
        let names = domains::wanted(&loaded.set, &self.schema);
        self.names.send_if_modified(|old| {
            let differ = *old != names;
            *old = names;
            differ
        });
        let detector = Detector::new(loaded.set, &self.rules).asking(Arc::clone(&self.asked));
        let names: Vec<_> = detector
            .rules()
            .map(|(facts, _)| Arc::clone(facts))
            .collect();
        self.events
            .send(Control::Rules(Box::new(detector), judging));
        tokio::task::spawn_blocking(move || judged.recv()).await??;
        self.gate.finish();
        self.rules.retain(&names);
        self.hooks.watch(&watched, self.probe().sees_requests());
        self.probe().watch(|name| watched.contains(&name))?;
        self.probe().collect(collected)?;
        Ok(enabled)
    }

    /// Tells of changes to the rules files; never, when the bundled rules are in force or files cannot be watched.
    pub(super) fn changes(&self) -> Changes {
        match Changes::watch(&self.settings.rules) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, "rules files cannot be watched for changes; send SIGHUP to reload");
                Changes { told: None }
            }
        }
    }
}

/// Changes in the directories that rules come from.
pub(super) struct Changes {
    told: Option<mpsc::Receiver<()>>,
}

impl Changes {
    fn watch(paths: &[PathBuf]) -> io::Result<Self> {
        if paths.is_empty() {
            return Ok(Self { told: None });
        }
        let inotify = inotify::init(CreateFlags::CLOEXEC)?;
        for path in paths {
            // Files are replaced, not written: editors and ConfigMaps put a new one in their place, so the directory tells.
            let directory = if path.is_dir() { path } else { parent(path) };
            let flags = WatchFlags::CLOSE_WRITE
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_FROM
                | WatchFlags::MOVED_TO;
            inotify::add_watch(&inotify, directory, flags)?;
        }
        let (tell, told) = mpsc::channel(1);
        // The thread sleeps in the kernel; it ends with the process.
        thread::Builder::new()
            .name("saker-watch".to_owned())
            .spawn(move || tell_changes(&inotify, &tell))?;
        Ok(Self { told: Some(told) })
    }

    /// Returns when something has changed and then been quiet for a while.
    pub(super) async fn next(&mut self) {
        let told = match &mut self.told {
            Some(told) => told.recv().await,
            None => None,
        };
        if told.is_none() {
            std::future::pending().await
        }
    }
}

fn tell_changes(inotify: &OwnedFd, tell: &mpsc::Sender<()>) {
    let quiet = Timespec {
        tv_sec: 0,
        tv_nsec: QUIET.subsec_nanos().into(),
    };
    let mut buffer = [0; 4096];
    while rustix::io::read(inotify, &mut buffer).is_ok() {
        let mut fds = [PollFd::new(inotify, PollFlags::IN)];
        while poll(&mut fds, Some(&quiet)).is_ok_and(|ready| ready > 0) {
            let _ = rustix::io::read(inotify, &mut buffer);
        }
        // A change that is told while one is waiting to be heard is heard with it.
        if let Err(TrySendError::Closed(())) = tell.try_send(()) {
            return;
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
