//! One engine, whichever interface it speaks: follows it, and asks it.
//!
//! In: a socket. Out: [`ContainerNews`]. Never: a wait without an end: each call has its time, and an engine that lets one
//! pass is not asked again until it has answered.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Deliver;
use super::call::CallError;
use super::containerd::Containerd;
use super::cri::Cri;
use super::docker::Docker;
use super::grpc::UNIMPLEMENTED;
use crate::config::RuntimeSocket;
use crate::event::container::{
    Command, ContainerInfo, ContainerNews, Interface, Labels, PodInfo, Probes, Runtime,
};
use crate::metrics::{Counter, Declaration, Family, Gauge, Registry};

/// Between two looks at an engine that tells no events, and at one that does.
const POLL: Duration = Duration::from_secs(1);
const TAKE_STOCK: Duration = Duration::from_secs(30);
/// Between two tries to reach an engine: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// While the event thread has its hands full.
const HANDS_FULL: Duration = Duration::from_millis(5);
/// Events of an engine that wait for their turn.
const CHANGES_MAX: usize = 256;
/// Containers that an engine is asked about at a time, for its own news.
const DESCRIPTIONS_MAX: usize = 16;
/// Most containers of one engine, and most labels of one container, that are kept.
const CONTAINERS_MAX: usize = 4096;
const LABELS_MAX: usize = 512;
/// Most that is kept of one container.
const INFO_BYTES_MAX: usize = 1 << 20;

/// What happened to a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there, or is another than before.
    There(Box<str>),
    /// It runs no more.
    Gone(Box<str>),
}

/// What an engine said of a container: none if it does not know it.
type Description = Result<Option<ContainerInfo>, CallError>;

/// How engines answer.
#[derive(Clone, Debug)]
pub struct RuntimeMetrics {
    up: Family<2, Gauge>,
    calls: Family<3, Counter>,
}

impl RuntimeMetrics {
    /// Declares them.
    pub fn declare(registry: &mut Registry) -> Self {
        Self {
            up: registry.gauges(Declaration {
                name: "saker_runtime_up",
                help: "Whether the container engine behind a socket answers.",
                labels: ["interface", "socket"],
            }),
            calls: registry.counters(Declaration {
                name: "saker_runtime_lookups_total",
                help: "Containers that an engine was asked for, by what came of it.",
                labels: ["interface", "socket", "outcome"],
            }),
        }
    }
}

enum Api {
    Docker(Docker),
    Cri(Cri),
    Containerd(Containerd),
}

/// An engine.
pub(super) struct Engine {
    api: Api,
    socket: String,
    /// Somebody named its socket, so its absence is worth a word.
    named: bool,
    /// Containers that have been told of and not taken back.
    present: Mutex<HashSet<Box<str>>>,
    /// Nothing has failed since it last answered. At first: it may answer, since its socket is there.
    answers: AtomicBool,
    /// Told when that changes.
    changed: Arc<Notify>,
    /// Wakes the one who follows it when a question has failed.
    failed: Notify,
    metrics: RuntimeMetrics,
}

impl Engine {
    /// An engine behind this socket.
    pub(super) fn new(
        socket: RuntimeSocket,
        named: bool,
        metrics: &RuntimeMetrics,
        changed: &Arc<Notify>,
    ) -> Self {
        let may_answer = socket.path().exists();
        let shown = socket.path().display().to_string();
        let docker = |socket, runtime| Api::Docker(Docker { socket, runtime });
        Self {
            api: match socket {
                RuntimeSocket::Docker(path) => docker(path, Runtime::Docker),
                RuntimeSocket::Podman(path) => docker(path, Runtime::Podman),
                RuntimeSocket::Cri(path) => Api::Cri(Cri::new(path)),
                RuntimeSocket::Containerd(socket) => Api::Containerd(Containerd { socket }),
            },
            socket: shown,
            named,
            present: Mutex::default(),
            answers: AtomicBool::new(may_answer),
            changed: Arc::clone(changed),
            failed: Notify::new(),
            metrics: metrics.clone(),
        }
    }

    /// Whether it is worth asking.
    pub(super) fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// How it is asked.
    pub(super) fn interface(&self) -> Interface {
        match &self.api {
            Api::Docker(_) => Interface::Docker,
            Api::Cri(_) => Interface::Cri,
            Api::Containerd(_) => Interface::Containerd,
        }
    }

    fn set_answers(&self, answers: bool) {
        if self.answers.swap(answers, Ordering::Relaxed) != answers {
            self.changed.notify_one();
        }
    }

    /// Its labels.
    fn labels(&self) -> [&str; 2] {
        let interface = match &self.api {
            Api::Docker(docker) => docker.runtime.name(),
            Api::Cri(_) => "cri",
            Api::Containerd(_) => "containerd",
        };
        [interface, &self.socket]
    }

    /// Asks for one container.
    pub(super) async fn look_up(&self, id: &str) -> Option<ContainerInfo> {
        let found = self.describe(id).await;
        let outcome = match &found {
            Ok(Some(_)) => "found",
            Ok(None) => "unknown",
            Err(CallError::TimedOut) => "timed_out",
            Err(_) => "failed",
        };
        // A socket at a usual place where nobody listens has no series.
        if self.named || !matches!(found, Err(CallError::Connect(_))) {
            let calls = &self.metrics.calls;
            let [interface, socket] = self.labels();
            calls.with([interface, socket, outcome]).inc();
        }
        match found {
            Ok(Some(info)) => {
                self.note(id);
                Some(info)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::debug!(socket = self.socket, id, %error, "container cannot be looked up");
                if !matches!(error, CallError::Refused { .. } | CallError::Malformed(_)) {
                    self.set_answers(false);
                    self.failed.notify_one();
                }
                None
            }
        }
    }

    /// Tells what it has and what changes, and comes back to it whenever it fails.
    pub(super) async fn follow(self: Arc<Self>, deliver: Deliver) {
        let mut pause = PAUSE_MIN;
        let mut was_up = None;
        loop {
            let mut is_up = false;
            let error = match self.attend(&deliver, &mut is_up, &mut was_up).await {
                Ok(()) => CallError::TimedOut,
                Err(error) => error,
            };
            self.set_answers(false);
            if is_up {
                pause = PAUSE_MIN;
            }
            let is_news = was_up == Some(true) || (was_up.is_none() && self.named);
            if is_news {
                tracing::warn!(socket = self.socket, %error, "container engine does not answer; names and images of its containers are missing");
                self.metrics.up.with(self.labels()).set(0.0);
            }
            was_up = Some(false);
            sleep(pause).await;
            pause = (2 * pause).min(PAUSE_MAX);
        }
    }

    /// Follows it as long as it answers. Comes back without an error when a question went unanswered.
    async fn attend(
        self: &Arc<Self>,
        deliver: &Deliver,
        is_up: &mut bool,
        was_up: &mut Option<bool>,
    ) -> Result<(), CallError> {
        self.take_stock(deliver).await?;
        *is_up = true;
        self.set_answers(true);
        if *was_up != Some(true) {
            tracing::info!(socket = self.socket, "container engine answers");
            self.metrics.up.with(self.labels()).set(1.0);
            *was_up = Some(true);
        }
        let (sender, mut changes) = mpsc::channel(CHANGES_MAX);
        let mut stock = ticks(TAKE_STOCK);
        // The watch lives in `select!` below, so it ends with this function.
        let watch = self.watch(sender);
        tokio::pin!(watch);
        let mut watched = true;
        let mut descriptions = Descriptions::default();
        loop {
            tokio::select! {
                ended = &mut watch, if watched => match ended {
                    Err(CallError::Refused { code: UNIMPLEMENTED, .. }) => {
                        watched = false;
                        stock = ticks(POLL);
                    }
                    Err(error) => return Err(error),
                    Ok(()) => return Err(CallError::Ended),
                },
                Some(change) = changes.recv(), if descriptions.has_room() => match change {
                    Change::There(id) => descriptions.begin(self, id),
                    Change::Gone(id) => {
                        descriptions.forget(&id);
                        self.gone(id, deliver).await;
                    }
                },
                Some(described) = descriptions.next() => self.described(described?, deliver).await,
                _ = stock.tick() => self.take_stock(deliver).await?,
                // A word from before it answered again is old.
                () = self.failed.notified() => if !self.answers() { return Ok(()) },
            }
        }
    }

    /// Tells what came and went since the last time.
    async fn take_stock(self: &Arc<Self>, deliver: &Deliver) -> Result<(), CallError> {
        let mut ids = self.list().await?;
        ids.truncate(CONTAINERS_MAX);
        let ids: HashSet<Box<str>> = ids.into_iter().collect();
        let present = self.present();
        for id in present.difference(&ids) {
            self.gone(id.clone(), deliver).await;
        }
        let mut descriptions = Descriptions::default();
        for id in ids.difference(&present) {
            if !descriptions.has_room()
                && let Some(described) = descriptions.next().await
            {
                self.described(described?, deliver).await;
            }
            descriptions.begin(self, id.clone());
        }
        while let Some(described) = descriptions.next().await {
            self.described(described?, deliver).await;
        }
        Ok(())
    }

    async fn gone(&self, id: Box<str>, deliver: &Deliver) {
        self.present
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        tell(deliver, ContainerNews::Gone(id)).await;
    }

    async fn described(&self, info: Option<ContainerInfo>, deliver: &Deliver) {
        if let Some(info) = info {
            self.note(&info.id);
            tell(deliver, ContainerNews::Known(Arc::new(info))).await;
        }
    }

    fn note(&self, id: &str) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.len() < CONTAINERS_MAX {
            present.insert(id.into());
        }
    }

    fn present(&self) -> HashSet<Box<str>> {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.clone()
    }

    async fn list(&self) -> Result<Vec<Box<str>>, CallError> {
        match &self.api {
            Api::Docker(docker) => docker.list().await,
            Api::Cri(cri) => cri.list().await,
            Api::Containerd(containerd) => containerd.list().await,
        }
    }

    async fn describe(&self, id: &str) -> Description {
        let described = match &self.api {
            Api::Docker(docker) => docker.describe(id).await,
            Api::Cri(cri) => cri.describe(id).await,
            Api::Containerd(containerd) => containerd.describe(id).await,
        };
        match described {
            // What is kept of thousands of containers must not be what somebody wrote into one label.
            Ok(Some(info)) if info.bytes() > INFO_BYTES_MAX => Err(CallError::Malformed(format!(
                "what is said of container {id} is longer than {INFO_BYTES_MAX} bytes"
            ))),
            described => described,
        }
    }

    async fn watch(&self, changes: mpsc::Sender<Change>) -> Result<(), CallError> {
        match &self.api {
            Api::Docker(docker) => docker.watch(&changes).await,
            Api::Cri(cri) => cri.watch(&changes).await,
            Api::Containerd(containerd) => containerd.watch(&changes).await,
        }
    }
}

/// Containers that an engine is being asked about, several at a time: about one that is being started Docker answers when
/// it has started.
#[derive(Default)]
struct Descriptions {
    open: JoinSet<(Box<str>, Description)>,
    /// Those that went meanwhile.
    gone: HashSet<Box<str>>,
}

impl Descriptions {
    fn has_room(&self) -> bool {
        self.open.len() < DESCRIPTIONS_MAX
    }

    fn begin(&mut self, engine: &Arc<Engine>, id: Box<str>) {
        self.gone.remove(&id);
        let engine = Arc::clone(engine);
        self.open.spawn(async move {
            let described = engine.describe(&id).await;
            (id, described)
        });
    }

    /// Notes that a container is no more: what is said of it from now on is old.
    fn forget(&mut self, id: &str) {
        if self.open.is_empty() {
            self.gone.clear();
        } else {
            self.gone.insert(id.into());
        }
    }

    /// The next answer, if one is to come; an error where the engine itself has failed.
    async fn next(&mut self) -> Option<Description> {
        let Ok((id, described)) = self.open.join_next().await? else {
            return Some(Ok(None));
        };
        Some(match described {
            // It is gone already, or the engine cannot tell of it: the next stock will show.
            Err(CallError::Refused { .. } | CallError::Malformed(_)) => Ok(None),
            Ok(_) if self.gone.contains(&id) => Ok(None),
            described => described,
        })
    }
}

/// Hands news over, however long the event thread has its hands full.
pub(super) async fn tell(deliver: &Deliver, mut news: ContainerNews) {
    while let Err(back) = deliver(news) {
        news = back;
        sleep(HANDS_FULL).await;
    }
}

/// Labels in order, without what is beyond the limit.
pub(super) fn labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    let mut kept: Vec<(Box<str>, Box<str>)> = labels
        .take(LABELS_MAX)
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    kept.sort();
    kept.into()
}

/// The pod that a kubelet has written into a container's labels, and the container's name in it.
pub(super) fn pod_by_labels(labels: &Labels) -> Option<(Box<str>, PodInfo)> {
    let label = |name: &str| {
        let found = labels.iter().find(|(key, _)| **key == *name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let pod = PodInfo {
        namespace: label("io.kubernetes.pod.namespace"),
        name: label("io.kubernetes.pod.name"),
        uid: label("io.kubernetes.pod.uid"),
        sandbox_id: label("io.kubernetes.sandbox.id"),
        ..PodInfo::default()
    };
    (!pod.name.is_empty()).then(|| (label("io.kubernetes.container.name"), pod))
}

/// The kubelet's probes of a container, from the manifest that kubectl leaves in an annotation of its pod.
pub(super) fn last_applied(json: &str, container: &str) -> Probes {
    let manifest: Value = serde_json::from_str(json).unwrap_or_default();
    let containers = manifest.pointer("/spec/containers");
    let containers = containers.and_then(Value::as_array).into_iter().flatten();
    let named = |item: &&Value| item.get("name").and_then(Value::as_str) == Some(container);
    let Some(own) = containers.into_iter().find(named) else {
        return Probes::default();
    };
    let command = |path: &str| -> Option<Command> {
        let words = own.pointer(path)?.as_array()?.iter();
        let words: Command = words.filter_map(Value::as_str).map(Box::from).collect();
        (!words.is_empty()).then_some(words)
    };
    Probes {
        health: None,
        liveness: command("/livenessProbe/exec/command"),
        readiness: command("/readinessProbe/exec/command"),
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
