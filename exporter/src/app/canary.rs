//! The canary: a harmless action of the agent's own that one of its rules must notice, again and again.
//!
//! In: sightings from the event thread. Out: metrics that say whether the last one was noticed, and how soon. Never: a program: what
//! is asked for is not there.

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::metrics::{Counter, Declaration, Gauge, Registry};
use crate::output::{FieldValue, OwnedMatch};

/// The rule in `rules/saker.yaml` notices who asks for a program in this folder.
const FOLDER: &str = "/saker-canary";
/// How long the way from the action to the match may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sightings that wait for who looks: one, and what others may have asked for meanwhile.
const SIGHTINGS_MAX: usize = 16;

/// A canary that the event thread has seen: the file asked for, and when its match was made.
struct Sighting {
    file: String,
    seen: Instant,
}

/// What is told of canaries.
pub(super) struct Canary {
    interval: Duration,
    detected: Gauge,
    latency: Gauge,
    runs: Counter,
    tell: Sender<Sighting>,
    sightings: Receiver<Sighting>,
}

impl Canary {
    /// Declares its metrics; none when it is switched off, with an interval of zero.
    pub(super) fn declare(registry: &mut Registry, interval: Duration) -> Option<Self> {
        if interval.is_zero() {
            return None;
        }
        let (tell, sightings) = mpsc::channel(SIGHTINGS_MAX);
        let detected = registry.gauge(Declaration {
            name: "saker_canary_detected",
            help: "Whether the agent noticed its last harmless test action: 1, or 0 if it did not within five seconds.",
            labels: [],
        });
        // Nothing was missed before the first one.
        detected.set(1.0);
        Some(Self {
            interval,
            detected,
            latency: registry.gauge(Declaration {
                name: "saker_canary_latency_seconds",
                help: "Time from the last test action that was noticed to its match.",
                labels: [],
            }),
            runs: registry.counter(Declaration {
                name: "saker_canary_runs_total",
                help: "Test actions of the agent's own.",
                labels: [],
            }),
            tell,
            sightings,
        })
    }

    /// What takes the matches of the canary's rule on the event thread; one that nobody waits for is dropped.
    pub(super) fn eye(&self) -> Box<dyn FnMut(OwnedMatch) + Send> {
        let tell = self.tell.clone();
        Box::new(move |owned| {
            let file = owned
                .fields
                .into_iter()
                .find_map(|(key, value)| match value {
                    FieldValue::Text(file) if *key == *"evt.arg.filename" => Some(file),
                    _ => None,
                });
            if let Some(file) = file {
                let seen = Instant::now();
                let _ = tell.try_send(Sighting { file, seen });
            }
        })
    }

    /// Works until it is dropped.
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut was_detected = true;
        for number in 0u64.. {
            ticks.tick().await;
            let file = format!("{FOLDER}/{}-{number}", std::process::id());
            let started = Instant::now();
            // It is not there, and the kernel says so to a child, for the agent's own calls are not recorded.
            let _ = Command::new(&file).env_clear().spawn();
            let patience = PATIENCE.min(self.interval);
            let seen = tokio::time::timeout(patience, sighting(&mut self.sightings, &file)).await;
            if let Ok(Some(seen)) = seen {
                let latency = seen.saturating_duration_since(started);
                self.latency.set(latency.as_secs_f64());
            }
            let is_detected = seen.is_ok();
            if was_detected && !is_detected {
                tracing::warn!(
                    "the agent did not notice its own canary; is the rule `Saker canary` loaded and enabled, and are events lost?"
                );
            }
            was_detected = is_detected;
            self.detected.set(f64::from(u8::from(is_detected)));
            self.runs.inc();
        }
    }
}

/// When this file's match was made; others' are passed over.
async fn sighting(sightings: &mut Receiver<Sighting>, file: &str) -> Option<Instant> {
    while let Some(sighting) = sightings.recv().await {
        if sighting.file == file {
            return Some(sighting.seen);
        }
    }
    None
}
