//! New rules for a running agent: read and compiled aside, swapped whole, or not at all.
//!
//! In: a signal, or a change of a rules file. Out: a new detector on the event thread and a new set of watched calls, in an
//! order in which no event is missed: first the probes watch for both rule sets, then the rules change, then the probes stop
//! watching what only the old rules wanted. Never: a running agent with half of either.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rule_engine::schema::Schema;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

use crate::app::{self, EventHandle};
use crate::config::Settings;
use crate::detect::{Detector, RuleMetrics};
use crate::metrics::{Declaration, Gauge, Registry};
use crate::pipeline::Control;
use crate::probe::Probe;
use crate::rules;

/// Editors and ConfigMaps change a file in several steps; a reload waits until they have been quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// What is told of loads, as Prometheus tells of its own configuration.
pub struct ReloadMetrics {
    loaded: Gauge,
    successful: Gauge,
    success_time: Gauge,
}

impl ReloadMetrics {
    /// Declares them.
    pub fn declare(registry: &mut Registry) -> Self {
        let mut gauge = |name, help| registry.gauge(Declaration { name, help, labels: [] });
        Self {
            loaded: gauge("saker_rules_loaded", "Rules in force, disabled ones excluded."),
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
    pub fn succeeded(&self, enabled: usize) {
        self.loaded.set(enabled as f64);
        self.successful.set(1.0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.success_time.set(now.as_secs_f64());
    }

    fn failed(&self) {
        self.successful.set(0.0);
    }
}

/// What a reload needs.
pub struct Reloader {
    /// Which rules.
    pub settings: Settings,
    /// What they may speak of.
    pub schema: Arc<Schema>,
    /// Where their counters are.
    pub rules: RuleMetrics,
    /// Where their load is told of.
    pub metrics: ReloadMetrics,
    /// What watches for them.
    pub probe: Probe,
    /// Who judges by them.
    pub events: EventHandle,
    /// System calls that the rules in force want.
    pub watched: Vec<&'static str>,
}

impl Reloader {
    /// Loads the rules anew. If they have an error the old ones stay in force, and log and metrics say so.
    pub async fn reload(&mut self) {
        self.events.send(Control::Users(Arc::new(app::users())));
        let (settings, schema) = (self.settings.clone(), Arc::clone(&self.schema));
        let loading = tokio::task::spawn_blocking(move || {
            let loaded = rules::load(&settings, &schema);
            loaded.map_err(|failure| failure.to_string())
        });
        let outcome = match loading.await {
            Ok(Ok(loaded)) => self.put_in_force(loaded).await.map_err(|error| error.to_string()),
            Ok(Err(failure)) => Err(failure),
            Err(panic) => Err(panic.to_string()),
        };
        match outcome {
            Ok(enabled) => {
                self.metrics.succeeded(enabled);
                tracing::info!(rules = enabled, "rules reloaded");
            }
            Err(failure) => {
                self.metrics.failed();
                tracing::error!("the rules were not reloaded, the old ones stay in force: {failure}");
            }
        }
    }

    async fn put_in_force(&mut self, loaded: rules::Rules) -> anyhow::Result<usize> {
        loaded.warn();
        let enabled = loaded.enabled();
        let watched = app::watched_calls(&loaded.set, &self.schema);
        let old = std::mem::replace(&mut self.watched, watched.clone());
        self.probe.watch(|name| watched.contains(&name) || old.contains(&name))?;
        let (judging, judged) = oneshot::channel();
        let detector = Detector::new(loaded.set, &self.rules);
        self.events.send(Control::Rules(Box::new(detector), judging));
        judged.await?;
        self.probe.watch(|name| watched.contains(&name))?;
        Ok(enabled)
    }

    /// Tells of changes to the rules files; never, when the bundled rules are in force or files cannot be watched.
    pub fn changes(&self) -> Changes {
        match Changes::watch(&self.settings.rules) {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, "rules files cannot be watched for changes; send SIGHUP to reload");
                Changes { inotify: None }
            }
        }
    }
}

/// Changes in the directories that rules come from.
pub struct Changes {
    inotify: Option<AsyncFd<OwnedFd>>,
}

impl Changes {
    fn watch(paths: &[PathBuf]) -> io::Result<Self> {
        if paths.is_empty() {
            return Ok(Self { inotify: None });
        }
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
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
        let inotify = AsyncFd::register_with_interest(inotify, Interest::READABLE)?;
        Ok(Self { inotify: Some(inotify) })
    }

    /// Returns when something has changed and then been quiet for a while.
    pub async fn next(&mut self) {
        let Some(inotify) = &self.inotify else {
            return std::future::pending().await;
        };
        if !drain(inotify).await {
            return std::future::pending().await;
        }
        while let Ok(true) = tokio::time::timeout(QUIET, drain(inotify)).await {}
    }
}

/// Waits for events and takes them; false when there will be none any more.
async fn drain(inotify: &AsyncFd<OwnedFd>) -> bool {
    let Ok(mut ready) = inotify.readable().await else {
        return false;
    };
    let mut buffer = [0; 4096];
    while rustix::io::read(inotify.get_ref(), &mut buffer).is_ok_and(|read| read > 0) {}
    ready.clear_ready();
    true
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
