//! containerd's own services, which know the containers that CRI does not: those of `ctr`, nerdctl and BuildKit.
//!
//! In: answers in protobuf, and the OCI specification that they carry as JSON. Out: [`ContainerInfo`]s. What an answer lacks
//! stays unknown. Never: a call that changes something, or an environment.
//!
//! Namespaces of containerd keep its users apart; a question names one in a header. Those of Kubernetes and Docker are left
//! to their own interfaces, which tell more.

mod message;

use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::mpsc;

use self::message::{
    AboutContainer, Container, Envelope, GetContainerRequest, GetContainerResponse,
    GetImageRequest, GetImageResponse, ListNamespacesRequest, ListNamespacesResponse,
    ListTasksRequest, ListTasksResponse, SubscribeRequest, TaskExit, Timestamp,
};
use super::call::{CallError, within};
use super::engine::{Change, labels};
use super::grpc::{Answers, Method, known, unary};
use super::image;
use crate::event::container::{ContainerInfo, ImageInfo, Mount, Runtime, Shares};

const LIST_NAMESPACES: &str = "/containerd.services.namespaces.v1.Namespaces/List";
const LIST_TASKS: &str = "/containerd.services.tasks.v1.Tasks/List";
const GET_CONTAINER: &str = "/containerd.services.containers.v1.Containers/Get";
const GET_IMAGE: &str = "/containerd.services.images.v1.Images/Get";
const SUBSCRIBE: &str = "/containerd.services.events.v1.Events/Subscribe";

/// The header that names a namespace.
const NAMESPACE: &str = "containerd-namespace";
/// Namespaces of those who have an interface of their own.
const OTHERS: [&str; 2] = ["k8s.io", "moby"];
/// Namespace of BuildKit's workers.
const BUILDKIT: &str = "buildkit";
/// Most namespaces that are looked into.
const NAMESPACES_MAX: usize = 64;
/// `STOPPED`
const STATUS_STOPPED: i32 = 3;
/// Where nerdctl keeps the name that people gave.
const NAME_LABEL: &str = "nerdctl/name";
/// The right that comes near to all of them.
const CAP_SYS_ADMIN: &str = "CAP_SYS_ADMIN";

/// An engine that serves this.
pub(super) struct Containerd {
    /// Where.
    pub(super) socket: PathBuf,
}

impl Containerd {
    /// Ids of the containers that run.
    pub(super) async fn list(&self) -> Result<Vec<Box<str>>, CallError> {
        let mut ids = Vec::new();
        for namespace in self.namespaces().await? {
            let method = self.in_namespace(LIST_TASKS, &namespace);
            let answer: ListTasksResponse = within(unary(&method, &ListTasksRequest {})).await?;
            let running = answer.tasks.into_iter();
            let running = running.filter(|task| task.status != STATUS_STOPPED);
            ids.extend(running.map(|task| match task.container_id.is_empty() {
                true => task.id.into_boxed_str(),
                false => task.container_id.into_boxed_str(),
            }));
        }
        Ok(ids)
    }

    /// What it says of a container; none if it does not know it. Should several namespaces have one of this id, that is the
    /// first one's.
    pub(super) async fn describe(&self, id: &str) -> Result<Option<ContainerInfo>, CallError> {
        let question = GetContainerRequest { id: id.to_owned() };
        for namespace in self.namespaces().await? {
            let method = self.in_namespace(GET_CONTAINER, &namespace);
            let answer: Option<GetContainerResponse> =
                known(within(unary(&method, &question)).await)?;
            if let Some(container) = answer.and_then(|answer| answer.container) {
                let digest = self.digest(&container.image, &namespace).await?;
                return Ok(info(id, &namespace, &container, &digest));
            }
        }
        Ok(None)
    }

    /// Tells what changes, until the engine ends it.
    pub(super) async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<(), CallError> {
        let others = OTHERS.map(|name| format!("namespace!={name}"));
        let question = SubscribeRequest {
            // One filter is what all its parts are true of.
            filters: vec![others.join(",")],
        };
        // The answer begins with the first event, which may be hours away.
        let mut events = Answers::open(&self.method(SUBSCRIBE), &question).await?;
        while let Some(event) = events.next::<Envelope>().await? {
            if let Some(change) = change(&event)
                && changes.send(change).await.is_err()
            {
                return Ok(());
            }
        }
        Err(CallError::Ended)
    }

    async fn namespaces(&self) -> Result<Vec<String>, CallError> {
        let method = self.method(LIST_NAMESPACES);
        let answer: ListNamespacesResponse =
            within(unary(&method, &ListNamespacesRequest {})).await?;
        let names = answer.namespaces.into_iter().map(|one| one.name);
        Ok(names
            .filter(|name| !OTHERS.contains(&name.as_str()))
            .take(NAMESPACES_MAX)
            .collect())
    }

    /// Digest of an image in its registry; empty if containerd has none of this name.
    async fn digest(&self, image: &str, namespace: &str) -> Result<String, CallError> {
        if image.is_empty() {
            return Ok(String::new());
        }
        let question = GetImageRequest {
            name: image.to_owned(),
        };
        let method = self.in_namespace(GET_IMAGE, namespace);
        let answer: Option<GetImageResponse> = known(within(unary(&method, &question)).await)?;
        let target = answer.and_then(|answer| answer.image?.target);
        Ok(target.map(|target| target.digest).unwrap_or_default())
    }

    fn method<'a>(&'a self, name: &'static str) -> Method<'a> {
        Method {
            socket: &self.socket,
            name,
            header: None,
        }
    }

    fn in_namespace<'a>(&'a self, name: &'static str, namespace: &'a str) -> Method<'a> {
        Method {
            header: Some((NAMESPACE, namespace)),
            ..self.method(name)
        }
    }
}

/// What the message of a container says, whichever it is.
pub(super) fn understood(answer: &[u8]) -> Option<ContainerInfo> {
    // It may be an event just as well.
    let _ = <Envelope as prost::Message>::decode(answer).map(|event| change(&event));
    let container = <Container as prost::Message>::decode(answer).ok()?;
    info(&container.id, "default", &container, "")
}

/// What an event means; none for those that change nothing that is shown.
fn change(event: &Envelope) -> Option<Change> {
    if OTHERS.contains(&event.namespace.as_str()) {
        return None;
    }
    let value = &*event.event.as_ref()?.value;
    let about = <AboutContainer as prost::Message>::decode(value).ok()?;
    let id = about.container_id.into_boxed_str();
    if id.is_empty() {
        return None;
    }
    match &*event.topic {
        "/containers/create" | "/containers/update" | "/tasks/create" | "/tasks/start" => {
            Some(Change::There(id))
        }
        "/containers/delete" => Some(Change::Gone(id)),
        "/tasks/exit" => {
            let exit = <TaskExit as prost::Message>::decode(value).ok()?;
            (exit.id == exit.container_id).then_some(Change::Gone(id))
        }
        _ => None,
    }
}

fn info(id: &str, namespace: &str, container: &Container, digest: &str) -> Option<ContainerInfo> {
    if container.id != id {
        return None;
    }
    let spec = container.spec.as_ref().map_or(&[][..], |any| &*any.value);
    let spec: Value = serde_json::from_slice(spec).unwrap_or_default();
    let labelled = container.labels.get(NAME_LABEL);
    let pairs = container.labels.iter();
    Some(ContainerInfo {
        id: id.into(),
        runtime: match namespace {
            BUILDKIT => Runtime::Buildkit,
            _ => Runtime::Containerd,
        },
        name: labelled.map_or(id, String::as_str).into(),
        image: image(&container.image, digest),
        privileged: privileged(&spec),
        mounts: items(&spec, "/mounts").map(mount).collect(),
        labels: labels(pairs.map(|(key, value)| (key.as_str(), value.as_str()))),
        start_wall_ns: container.created_at.as_ref().map_or(0, wall_ns),
        shares: shares(&spec),
        ..ContainerInfo::default()
    })
}

/// An image by its name, which may hold a digest itself.
fn image(name: &str, digest: &str) -> ImageInfo {
    let mut image = image::image(name, "", [], []);
    if image.digest.is_empty() {
        image.digest = digest.into();
    }
    image
}

/// ns since the epoch; 0 for what is before it.
fn wall_ns(time: &Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let nanos = u64::try_from(time.nanos).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The items of a list in the specification.
fn items<'v>(spec: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    let list = spec.pointer(path).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The specification has no word for it. Who asks for a privileged container gets one with all rights from which nothing of
/// /proc and /sys is hidden.
fn privileged(spec: &Value) -> Option<bool> {
    spec.pointer("/linux")?;
    let mut rights = items(spec, "/process/capabilities/bounding");
    let hides = |path| items(spec, path).next().is_some();
    Some(
        rights.any(|right| right == CAP_SYS_ADMIN)
            && !hides("/linux/maskedPaths")
            && !hides("/linux/readonlyPaths"),
    )
}

/// A container shares the host's namespace of a kind if it is given none. One that it joins may be anybody's.
fn shares(spec: &Value) -> Shares {
    let of = |kind: &str| {
        spec.pointer("/linux")?;
        let mut given = items(spec, "/linux/namespaces");
        match given.find(|namespace| namespace["type"] == kind) {
            None => Some(true),
            Some(given) => match given["path"].as_str() {
                None | Some("") => Some(false),
                Some(_) => None,
            },
        }
    };
    Shares {
        pid: of("pid"),
        network: of("network"),
        ipc: of("ipc"),
    }
}

fn mount(mount: &Value) -> Mount {
    let text = |key| mount.get(key).and_then(Value::as_str).unwrap_or_default();
    let options: Vec<&str> = items(mount, "/options").filter_map(Value::as_str).collect();
    let propagations = ["private", "shared", "slave", "unbindable"];
    let is_propagation = |option: &&&str| {
        let bare = option.strip_prefix('r').unwrap_or(option);
        propagations.contains(&bare)
    };
    let propagation = options.iter().find(is_propagation);
    Mount {
        source: text("source").into(),
        destination: text("destination").into(),
        mode: options.join(",").into(),
        writable: !options.contains(&"ro"),
        propagation: propagation.map_or("", |option| *option).into(),
    }
}

#[cfg(test)]
mod tests;
