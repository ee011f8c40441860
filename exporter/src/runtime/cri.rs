//! The Kubernetes Container Runtime Interface, as containerd and CRI-O serve it.
//!
//! In: answers in protobuf, and the JSON that verbose ones carry. Out: [`ContainerInfo`]s, of containers and of the sandboxes
//! around them. What an answer lacks stays unknown.
//!
//! Sources: `runtime/v1/api.proto` of Kubernetes 1.26 (events came with it, and with containerd 1.7); the JSON is whatever
//! each engine writes: containerd's `config` is the request that made the container, CRI-O has `privileged` by itself.

mod message;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use tokio::sync::mpsc;

use self::message::{
    ContainerEventResponse, ContainerStatusRequest, ContainerStatusResponse, GetEventsRequest,
    ListContainersRequest, ListContainersResponse, ListPodSandboxRequest, ListPodSandboxResponse,
    NamespaceOption, PodSandboxStatusRequest, PodSandboxStatusResponse, VersionRequest,
    VersionResponse,
};
use super::call::{CallError, within};
use super::engine::{Change, labels, last_applied, pod_by_labels};
use super::grpc::{Answers, Method, known, unary};
use super::image;
use crate::event::container::{ContainerInfo, Mount, PodInfo, Probes, Runtime, Shares};

const LIST_CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
const LIST_SANDBOXES: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
const CONTAINER_STATUS: &str = "/runtime.v1.RuntimeService/ContainerStatus";
const SANDBOX_STATUS: &str = "/runtime.v1.RuntimeService/PodSandboxStatus";
const EVENTS: &str = "/runtime.v1.RuntimeService/GetContainerEvents";
const VERSION: &str = "/runtime.v1.RuntimeService/Version";

/// `CONTAINER_CREATED`, `CONTAINER_RUNNING`
const STATE_RUNNING: i32 = 1;
/// `SANDBOX_READY`
const STATE_READY: i32 = 0;
/// `CONTAINER_STARTED_EVENT`; that of creation is 0, those of the end are greater.
const EVENT_STARTED: i32 = 1;
/// `NODE`
const NAMESPACE_OF_NODE: i32 = 2;
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An engine that speaks CRI.
pub(super) struct Cri {
    socket: PathBuf,
    /// Which one it is, once it has said so.
    runtime: OnceLock<Runtime>,
}

impl Cri {
    /// An engine behind this socket.
    pub(super) fn new(socket: PathBuf) -> Self {
        Self {
            socket,
            runtime: OnceLock::new(),
        }
    }

    /// Ids of the containers and sandboxes that run or may soon.
    pub(super) async fn list(&self) -> Result<Vec<Box<str>>, CallError> {
        if self.runtime.get().is_none() {
            let question = VersionRequest::default();
            let answer: VersionResponse = within(unary(&self.method(VERSION), &question)).await?;
            // Two at once would say the same.
            let _ = self.runtime.set(runtime(&answer.runtime_name));
        }
        let question = ListContainersRequest {};
        let containers: ListContainersResponse =
            within(unary(&self.method(LIST_CONTAINERS), &question)).await?;
        let question = ListPodSandboxRequest {};
        let sandboxes: ListPodSandboxResponse =
            within(unary(&self.method(LIST_SANDBOXES), &question)).await?;
        let containers = containers.containers.into_iter();
        let sandboxes = sandboxes.items.into_iter();
        Ok(containers
            .filter(|container| container.state <= STATE_RUNNING)
            .map(|container| container.id)
            .chain(
                sandboxes
                    .filter(|sandbox| sandbox.state == STATE_READY)
                    .map(|sandbox| sandbox.id),
            )
            .map(String::into_boxed_str)
            .collect())
    }

    /// What it says of a container or sandbox; none if it does not know it.
    pub(super) async fn describe(&self, id: &str) -> Result<Option<ContainerInfo>, CallError> {
        let question = ContainerStatusRequest {
            container_id: id.to_owned(),
            verbose: true,
        };
        let method = self.method(CONTAINER_STATUS);
        let container = unary(&method, &question);
        let container: Option<ContainerStatusResponse> = known(within(container).await)?;
        let sandbox_id = match &container {
            Some(container) => sandbox_id(container),
            None => id.to_owned(),
        };
        let sandbox = match &*sandbox_id {
            "" => None,
            _ => self.sandbox(sandbox_id).await?,
        };
        let runtime = self.runtime.get().copied().unwrap_or(Runtime::Cri);
        Ok(match container {
            Some(container) => of_container(id, runtime, &container, sandbox.as_ref()),
            None => sandbox.and_then(|sandbox| of_sandbox(id, runtime, &sandbox)),
        })
    }

    /// Tells what changes, until the engine ends it or says that it has no events.
    pub(super) async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<(), CallError> {
        // The answer begins with the first event, which may be hours away.
        let mut events = Answers::open(&self.method(EVENTS), &GetEventsRequest {}).await?;
        while let Some(event) = events.next::<ContainerEventResponse>().await? {
            let id = event.container_id.into_boxed_str();
            let change = if event.container_event_type <= EVENT_STARTED {
                Change::There(id)
            } else {
                Change::Gone(id)
            };
            if changes.send(change).await.is_err() {
                return Ok(());
            }
        }
        Err(CallError::Ended)
    }

    fn method(&self, name: &'static str) -> Method<'_> {
        Method {
            socket: &self.socket,
            name,
            header: None,
        }
    }

    async fn sandbox(&self, id: String) -> Result<Option<PodSandboxStatusResponse>, CallError> {
        let question = PodSandboxStatusRequest {
            pod_sandbox_id: id,
            verbose: true,
        };
        known(within(unary(&self.method(SANDBOX_STATUS), &question)).await)
    }
}

/// What the status of a container says, whichever it is.
pub(super) fn understood(answer: &[u8]) -> Option<ContainerInfo> {
    let container = <ContainerStatusResponse as prost::Message>::decode(answer).ok()?;
    let id = container.status.as_ref()?.id.clone();
    let sandbox = <PodSandboxStatusResponse as prost::Message>::decode(answer).ok();
    of_container(&id, Runtime::Cri, &container, sandbox.as_ref())
}

fn runtime(name: &str) -> Runtime {
    match name {
        "containerd" => Runtime::Containerd,
        "cri-o" => Runtime::Crio,
        "docker" => Runtime::Docker,
        _ => Runtime::Cri,
    }
}

/// The JSON of a verbose answer; null without.
fn info(info: &std::collections::HashMap<String, String>) -> Value {
    let text = info.get("info").map_or("", String::as_str);
    serde_json::from_str(text).unwrap_or_default()
}

fn sandbox_id(container: &ContainerStatusResponse) -> String {
    let info = info(&container.info);
    let id = info.get("sandboxID").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}

fn of_container(
    id: &str,
    runtime: Runtime,
    container: &ContainerStatusResponse,
    sandbox: Option<&PodSandboxStatusResponse>,
) -> Option<ContainerInfo> {
    let status = container.status.as_ref().filter(|status| status.id == id)?;
    let info = info(&container.info);
    let name = status.metadata.as_ref().map_or("", |data| &data.name);
    let image = status.image.as_ref().map_or("", |image| &image.image);
    let image_id = match &*status.image_id {
        "" => pointer(&info, "/config/image/image").unwrap_or(&status.image_ref),
        id => id,
    };
    let labels = labels(texts(&status.labels));
    let by_labels = pod_by_labels(&labels).map(|(_, pod)| pod);
    let annotations = sandbox.and_then(|sandbox| sandbox.status.as_ref());
    let manifest = annotations.and_then(|status| status.annotations.get(LAST_APPLIED));
    Some(ContainerInfo {
        id: id.into(),
        runtime,
        name: name.into(),
        image: image::image(image, image_id, [], [status.image_ref.as_str()]),
        privileged: privileged(&info),
        mounts: status.mounts.iter().map(mount).collect(),
        labels,
        start_wall_ns: u64::try_from(status.started_at).unwrap_or(0),
        ip: sandbox.map_or("", ip).into(),
        shares: sandbox.map(shares).unwrap_or_default(),
        probes: manifest.map_or(Probes::default(), |json| last_applied(json, name)),
        pod: sandbox.and_then(pod).or(by_labels).map(Box::new),
    })
}

/// A sandbox has a process of its own, and so is a container to the kernel.
fn of_sandbox(
    id: &str,
    runtime: Runtime,
    sandbox: &PodSandboxStatusResponse,
) -> Option<ContainerInfo> {
    let status = sandbox.status.as_ref().filter(|status| status.id == id)?;
    let info = info(&sandbox.info);
    let name = status.metadata.as_ref().map_or("", |data| &data.name);
    let image = pointer(&info, "/image").unwrap_or("");
    Some(ContainerInfo {
        id: id.into(),
        runtime,
        name: name.into(),
        image: image::image(image, "", [], []),
        privileged: privileged(&info),
        labels: labels(texts(&status.labels)),
        start_wall_ns: u64::try_from(status.created_at).unwrap_or(0),
        ip: ip(sandbox).into(),
        shares: shares(sandbox),
        pod: pod(sandbox).map(Box::new),
        ..ContainerInfo::default()
    })
}

fn pod(sandbox: &PodSandboxStatusResponse) -> Option<PodInfo> {
    let status = sandbox.status.as_ref()?;
    let metadata = status.metadata.as_ref()?;
    let info = info(&sandbox.info);
    let cni = info.get("cniResult").filter(|result| !result.is_null());
    Some(PodInfo {
        namespace: metadata.namespace.as_str().into(),
        name: metadata.name.as_str().into(),
        uid: metadata.uid.as_str().into(),
        sandbox_id: status.id.as_str().into(),
        labels: labels(texts(&status.labels)),
        ip: ip(sandbox).into(),
        cni_json: cni.map(Value::to_string).unwrap_or_default().into(),
    })
}

fn texts(map: &std::collections::HashMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

fn pointer<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path).and_then(Value::as_str)
}

fn privileged(info: &Value) -> Option<bool> {
    let own = info.pointer("/privileged").and_then(Value::as_bool);
    // Protobuf's JSON leaves out what is false.
    let asked = info.get("config").map(|config| {
        let asked = config.pointer("/linux/security_context/privileged");
        asked.and_then(Value::as_bool) == Some(true)
    });
    own.or(asked)
}

fn mount(mount: &message::Mount) -> Mount {
    Mount {
        source: mount.host_path.as_str().into(),
        destination: mount.container_path.as_str().into(),
        mode: "".into(),
        writable: !mount.readonly,
        propagation: match mount.propagation {
            1 => "host_to_container",
            2 => "bidirectional",
            _ => "private",
        }
        .into(),
    }
}

fn ip(sandbox: &PodSandboxStatusResponse) -> &str {
    let status = sandbox.status.as_ref();
    let network = status.and_then(|status| status.network.as_ref());
    network.map_or("", |network| &network.ip)
}

fn shares(sandbox: &PodSandboxStatusResponse) -> Shares {
    let options = (|| {
        let linux = sandbox.status.as_ref()?.linux.as_ref()?;
        linux.namespaces.as_ref()?.options.as_ref()
    })();
    let of_node = |part: fn(&NamespaceOption) -> i32| {
        options.map(|options| part(options) == NAMESPACE_OF_NODE)
    };
    Shares {
        pid: of_node(|options| options.pid),
        network: of_node(|options| options.network),
        ipc: of_node(|options| options.ipc),
    }
}

#[cfg(test)]
mod tests;
