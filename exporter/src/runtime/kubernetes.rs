//! The Kubernetes API server: whose a pod is, and the labels of those it belongs to.
//!
//! In: the pods of this node, watched; namespaces, nodes and owners, asked for by name and remembered. Out: [`ContainerNews`]
//! about pods. Never: a call that changes something, a secret, or an object of another node.
//!
//! A watch that ends is taken up where it ended; one that is too old (410) begins anew with a list. With every new client the
//! token is read anew, and in between once a minute, so a token that is rotated is found.

mod owner;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config};
use tokio::time::{MissedTickBehavior, interval, sleep};

use self::owner::{Lookup, Owner};
use super::Deliver;
use super::engine::{labels, tell};
use crate::config;
use crate::event::container::ContainerNews;
use crate::event::kubernetes::{Object, PodMeta};
use crate::metrics::{Counter, Declaration, Family, Gauge, Registry};

/// Most pods of the node that are followed; a kubelet runs a few hundred at most.
const PODS_MAX: usize = 1024;
/// Between two tries to reach the API server: at first, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often owners and labels that are not watched are asked for anew.
const REFRESH: Duration = Duration::from_secs(300);
/// Seconds after which the server ends a watch by itself; the client notices a dead connection shortly after.
const WATCH_SECONDS: u32 = 290;
/// Marks the copy that the API server has of a pod which a kubelet made from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The uid that the kubelet calls such a pod by.
const HASH: &str = "kubernetes.io/config.hash";

/// How the API server answers.
#[derive(Clone, Debug)]
pub struct KubernetesMetrics {
    up: Gauge,
    errors: Family<1, Counter>,
    lookups: Family<1, Counter>,
}

impl KubernetesMetrics {
    /// Declares them.
    pub fn declare(registry: &mut Registry) -> Self {
        Self {
            up: registry.gauge(Declaration {
                name: "saker_kubernetes_up",
                help: "Whether the pods of this node are being watched at the Kubernetes API server.",
                labels: [],
            }),
            errors: registry.counters(Declaration {
                name: "saker_kubernetes_watch_errors_total",
                help: "Faults of the watch of this node's pods, by the reason.",
                labels: ["reason"],
            }),
            lookups: registry.counters(Declaration {
                name: "saker_kubernetes_lookups_total",
                help: "Owners, namespaces and nodes that the Kubernetes API server was asked for, by what came of it.",
                labels: ["outcome"],
            }),
        }
    }
}

/// The API server, not spoken to yet.
pub struct Kubernetes {
    node: String,
    kubeconfig: Option<PathBuf>,
    metrics: KubernetesMetrics,
}

/// A pod that has been told of.
struct Told {
    meta: Arc<PodMeta>,
    /// Its namespace's name.
    namespace: String,
    owner: Option<Owner>,
}

/// Why the API server is not followed any more.
#[derive(Debug, thiserror::Error)]
enum KubernetesError {
    #[error("the way to the API server is not known: {0}")]
    Config(String),
    #[error("the API server cannot be spoken to: {0}")]
    Client(#[from] kube::Error),
    #[error("the API server does not accept the token")]
    Unauthorized,
    #[error("the watch has ended")]
    Ended,
}

impl Kubernetes {
    /// The API server that the settings name, and the node whose pods are watched.
    #[must_use]
    pub fn new(settings: &config::Kubernetes, metrics: KubernetesMetrics) -> Self {
        Self {
            node: settings.node.clone().unwrap_or_default(),
            kubeconfig: settings.kubeconfig.clone(),
            metrics,
        }
    }

    /// Follows the pods of the node, until it is dropped.
    pub async fn run(self, deliver: Deliver) {
        let mut pods = HashMap::new();
        let mut pause = PAUSE_MIN;
        loop {
            let mut is_up = false;
            let Err(error) = self.attend(&deliver, &mut pods, &mut is_up).await;
            self.metrics.up.set(0.0);
            tracing::warn!(node = self.node, %error, "Kubernetes API server: no news of pods; what is known stays");
            if is_up {
                pause = PAUSE_MIN;
            }
            sleep(jittered(pause)).await;
            pause = (2 * pause).min(PAUSE_MAX);
        }
    }

    /// Follows them with one client.
    async fn attend(
        &self,
        deliver: &Deliver,
        pods: &mut HashMap<String, Told>,
        is_up: &mut bool,
    ) -> Result<std::convert::Infallible, KubernetesError> {
        let client = self.client().await?;
        let mut lookup = Lookup::new(client.clone(), self.metrics.lookups.clone());
        let watched = watcher::Config::default()
            .fields(&format!("spec.nodeName={}", self.node))
            .timeout(WATCH_SECONDS)
            .any_semantic();
        let mut events = pin!(watcher(Api::<Pod>::all(client), watched));
        let mut refresh = interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        refresh.reset();
        let mut listed = HashSet::new();
        let mut pause = PAUSE_MIN;
        loop {
            let event = tokio::select! {
                event = events.next() => event.ok_or(KubernetesError::Ended)?,
                _ = refresh.tick() => {
                    lookup.forget();
                    self.tell_anew(&mut lookup, deliver, pods).await;
                    continue;
                }
            };
            match event {
                // Says that it will ask, not that it was answered.
                Ok(Event::Init) => listed.clear(),
                Ok(event) => {
                    self.hear(event, &mut listed, &mut lookup, deliver, pods)
                        .await;
                    self.metrics.up.set(1.0);
                    if !*is_up {
                        tracing::info!(node = self.node, "Kubernetes API server answers");
                    }
                    *is_up = true;
                    pause = PAUSE_MIN;
                }
                Err(error) => {
                    let reason = reason(&error);
                    self.metrics.errors.with([reason]).inc();
                    tracing::debug!(%error, reason, "watch of pods");
                    if reason == "unauthorized" {
                        return Err(KubernetesError::Unauthorized);
                    }
                    // One that is too old begins anew by itself, with a list; the server is well.
                    if reason != "expired" {
                        self.metrics.up.set(0.0);
                    }
                    sleep(jittered(pause)).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                }
            }
        }
    }

    async fn client(&self) -> Result<Client, KubernetesError> {
        let told = |error: &dyn std::error::Error| KubernetesError::Config(error.to_string());
        let config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path).map_err(|error| told(&error))?;
                let options = KubeConfigOptions::default();
                let config = Config::from_custom_kubeconfig(file, &options).await;
                config.map_err(|error| told(&error))?
            }
            None => Config::incluster().map_err(|error| told(&error))?,
        };
        Ok(Client::try_from(config)?)
    }

    async fn hear(
        &self,
        event: Event<Pod>,
        listed: &mut HashSet<String>,
        lookup: &mut Lookup,
        deliver: &Deliver,
        pods: &mut HashMap<String, Told>,
    ) {
        match event {
            Event::Init => {}
            Event::InitApply(pod) => {
                listed.extend(pod.metadata.uid.clone());
                self.there(&pod, lookup, deliver, pods).await;
            }
            Event::InitDone => {
                let gone = pods.keys().filter(|uid| !listed.contains(*uid));
                for uid in gone.cloned().collect::<Vec<_>>() {
                    gone_pod(&uid, deliver, pods).await;
                }
                listed.clear();
            }
            Event::Apply(pod) => self.there(&pod, lookup, deliver, pods).await,
            Event::Delete(pod) => {
                if let Some(uid) = &pod.metadata.uid {
                    gone_pod(uid, deliver, pods).await;
                }
            }
        }
    }

    /// Tells of a pod, if that is news.
    async fn there(
        &self,
        pod: &Pod,
        lookup: &mut Lookup,
        deliver: &Deliver,
        pods: &mut HashMap<String, Told>,
    ) {
        let Some(uid) = pod.metadata.uid.clone() else {
            return;
        };
        if is_over(pod) {
            return gone_pod(&uid, deliver, pods).await;
        }
        if !pods.contains_key(&uid) && pods.len() >= PODS_MAX {
            self.metrics.errors.with(["too_many_pods"]).inc();
            return;
        }
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let owner = Owner::of(&pod.metadata);
        let mut meta = bare(pod);
        lookup
            .complete(&mut meta, &namespace, owner.as_ref(), &self.node)
            .await;
        let meta = Arc::new(meta);
        let told = Told {
            meta: Arc::clone(&meta),
            namespace,
            owner,
        };
        let before = pods.insert(uid, told);
        if before.is_none_or(|before| before.meta != meta) {
            tell(deliver, ContainerNews::Pod(meta)).await;
        }
    }

    /// Asks anew for all that pods belong to, and tells what has changed.
    async fn tell_anew(
        &self,
        lookup: &mut Lookup,
        deliver: &Deliver,
        pods: &mut HashMap<String, Told>,
    ) {
        for told in pods.values_mut() {
            let mut meta = PodMeta::clone(&told.meta);
            lookup
                .complete(&mut meta, &told.namespace, told.owner.as_ref(), &self.node)
                .await;
            if meta != *told.meta {
                told.meta = Arc::new(meta);
                tell(deliver, ContainerNews::Pod(Arc::clone(&told.meta))).await;
            }
        }
    }
}

async fn gone_pod(uid: &str, deliver: &Deliver, pods: &mut HashMap<String, Told>) {
    if pods.remove(uid).is_some() {
        tell(deliver, ContainerNews::PodGone(uid.into())).await;
    }
}

/// Its containers have ended and will not run again.
fn is_over(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What the pod itself tells.
fn bare(pod: &Pod) -> PodMeta {
    let annotation = |name: &str| pod.metadata.annotations.as_ref()?.get(name);
    let hash = annotation(MIRROR).and_then(|_| annotation(HASH));
    let ip = pod
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.as_deref());
    PodMeta {
        pod: object(&pod.metadata),
        cgroup_uid: hash.map_or("", String::as_str).into(),
        ip: ip.unwrap_or_default().into(),
        ..PodMeta::default()
    }
}

fn object(meta: &kube::core::ObjectMeta) -> Object {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    let pairs = meta.labels.iter().flatten();
    Object {
        name: text(&meta.name),
        uid: text(&meta.uid),
        labels: labels(pairs.map(|(key, value)| (key.as_str(), value.as_str()))),
    }
}

/// Half of a pause to all of it: the agents of a thousand nodes shall not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    // A new hasher has random keys.
    let random = RandomState::new().build_hasher().finish();
    pause.mul_f64(0.5 + 0.5 * (random as f64 / u64::MAX as f64))
}

/// The label of an error.
fn reason(error: &watcher::Error) -> &'static str {
    let status = match error {
        watcher::Error::WatchError(status) => Some(status),
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status),
        _ => None,
    };
    match status.map(|status| status.code) {
        Some(401) => "unauthorized",
        Some(403) => "forbidden",
        Some(410) => "expired",
        Some(429) => "throttled",
        Some(_) => "refused",
        None => "connection",
    }
}

#[cfg(test)]
mod tests;
