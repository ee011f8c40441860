//! The thread that pushes metrics, for those who do not scrape.
//!
//! In: the registry, a time between two pushes. Out: requests. A push that fails is not tried again: the next one has the same
//! counters, risen further.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use opentelemetry_sdk::Resource;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::failure::{Failure, Kind};
use super::metrics::{METRICS, request};
use super::resource::{Identity, resource};
use super::transport::Transport;
use super::worker::{self, End, Running};
use crate::config::{Otlp, Target};
use crate::metrics::{Counter, Declaration, Family, Registry};

/// What pushes, before it runs.
pub struct Pusher {
    transport: Transport,
    resource: Resource,
    interval: Duration,
}

/// What became of pushes.
#[derive(Clone, Debug)]
pub struct PushMetrics {
    pushes: Family<2, Counter>,
    exported: Counter,
}

impl PushMetrics {
    /// Declares them. Every outcome is there from the start, at 0.
    pub fn declare(registry: &mut Registry) -> Self {
        let pushes = registry.counters(Declaration {
            name: "saker_otlp_metric_pushes_total",
            help: "Pushes of all metrics, by what became of them.",
            labels: ["outcome", "reason"],
        });
        for kind in Kind::ALL {
            pushes.with(["failed", kind.reason()]);
        }
        Self {
            exported: pushes.with(["exported", ""]),
            pushes,
        }
    }
}

impl Pusher {
    /// Reads certificates; nothing is connected yet.
    ///
    /// # Errors
    /// When a certificate or key cannot be used.
    pub fn new(settings: &Otlp, target: &Target, identity: &Identity) -> anyhow::Result<Self> {
        let transport = Transport::new(target.clone(), METRICS)
            .with_context(|| format!("metrics cannot be pushed to {}", target.endpoint))?;
        Ok(Self {
            transport,
            resource: resource(&settings.resource, identity),
            interval: settings.metrics_interval,
        })
    }

    /// Starts the thread. It pushes once more when it is told to end.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be started.
    pub fn start(self, registry: Arc<Registry>, metrics: PushMetrics) -> io::Result<Running> {
        worker::spawn("saker-otlp-push", move |end| {
            let push = Push {
                pusher: self,
                registry,
                metrics,
                start_wall_ns: wall_ns(),
                failing: false,
            };
            push.run(end)
        })
    }
}

struct Push {
    pusher: Pusher,
    registry: Arc<Registry>,
    metrics: PushMetrics,
    start_wall_ns: u64,
    failing: bool,
}

impl Push {
    async fn run(mut self, mut end: End) {
        let interval = self.pusher.interval;
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !end.is_known() {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = end.known() => {}
            }
            self.push(end.time_left()).await;
        }
    }

    async fn push(&mut self, within: Duration) {
        let Pusher {
            transport,
            resource,
            ..
        } = &mut self.pusher;
        let body = request(&self.registry, resource, self.start_wall_ns, wall_ns());
        match transport.send(body, within).await {
            Ok(_) => {
                self.metrics.exported.inc();
                self.failing = false;
            }
            Err(Failure { kind, message, .. }) => {
                let reason = kind.reason();
                self.metrics.pushes.with(["failed", reason]).inc();
                // Once is enough until it gets better.
                if !std::mem::replace(&mut self.failing, true) {
                    let endpoint = &transport.target().endpoint;
                    tracing::warn!(%endpoint, reason, "metrics cannot be pushed: {message}");
                }
            }
        }
    }
}

fn wall_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
