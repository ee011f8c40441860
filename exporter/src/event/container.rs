//! What a container is called, and what its engine says of it.
//!
//! Out: [`ContainerId`], made from a cgroup path by `state::cgroup`; [`ContainerInfo`], made from an engine's answer by
//! `runtime`; [`ContainerNews`], which carries the latter to the event thread and into captures.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kubernetes::PodMeta;

/// Digits of a Docker or CRI id.
const HEX_ID_LEN: usize = 64;
/// Digits of an id in its short form, as `docker ps` and `container.id` show it.
const SHORT_ID_LEN: usize = 12;

/// A container as its cgroup path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerId {
    /// The runtime's whole id.
    pub full: Box<str>,
    /// Who runs it, as far as the path tells.
    pub runtime: Runtime,
    /// The Kubernetes pod around it.
    pub pod_uid: Option<Box<str>>,
}

/// Container runtimes that can be told from a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// Docker Engine.
    Docker,
    /// containerd, through CRI, nerdctl or `ctr`.
    Containerd,
    /// CRI-O.
    Crio,
    /// podman.
    Podman,
    /// LXC and LXD.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
    /// BuildKit's workers.
    Buildkit,
    /// A pod's container under the cgroupfs driver, whose path names no runtime.
    Cri,
    /// A container id under a parent that tells nothing.
    #[default]
    Unknown,
}

/// What an engine says of a container. Never changed: news make a new one. An empty text is one that the engine did not
/// tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerInfo {
    /// The whole id.
    pub id: Box<str>,
    /// The engine.
    pub runtime: Runtime,
    /// The name that people know it by.
    pub name: Box<str>,
    /// Its image.
    pub image: ImageInfo,
    /// Runs privileged.
    pub privileged: Option<bool>,
    /// What is mounted into it, in the engine's order.
    pub mounts: Box<[Mount]>,
    /// Labels, ordered by key.
    pub labels: Labels,
    /// When it was started, ns since the epoch; 0 before that.
    pub start_wall_ns: u64,
    /// Its address; empty where it has none of its own.
    pub ip: Box<str>,
    /// Which namespaces of the host it shares.
    pub shares: Shares,
    /// Commands that the engine or the kubelet runs in it.
    pub probes: Probes,
    /// The pod around it.
    pub pod: Option<Box<PodInfo>>,
}

/// Labels, ordered by key.
pub type Labels = Box<[(Box<str>, Box<str>)]>;

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageInfo {
    /// As whoever started the container named it.
    pub name: Box<str>,
    /// Id, without the name of the hash in front.
    pub id: Box<str>,
    /// Name without tag and digest.
    pub repository: Box<str>,
    /// Tag.
    pub tag: Box<str>,
    /// Digest in its registry, with the name of the hash in front.
    pub digest: Box<str>,
}

/// One mount of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// Path on the host, or the name of a volume.
    pub source: Box<str>,
    /// Path in the container.
    pub destination: Box<str>,
    /// Options as the engine shows them.
    pub mode: Box<str>,
    /// May be written to.
    pub writable: bool,
    /// `rprivate` and so on.
    pub propagation: Box<str>,
}

/// Which namespaces of the host a container shares, as far as the engine tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shares {
    /// Process ids.
    pub pid: Option<bool>,
    /// Network.
    pub network: Option<bool>,
    /// System V IPC.
    pub ipc: Option<bool>,
}

/// Commands that somebody runs in a container to see how it is: program and arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probes {
    /// Of the engine.
    pub health: Option<Command>,
    /// Of the kubelet, to restart the container.
    pub liveness: Option<Command>,
    /// Of the kubelet, to send it traffic.
    pub readiness: Option<Command>,
}

/// A program and its arguments, at least the program.
pub type Command = Box<[Box<str>]>;

/// A Kubernetes pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodInfo {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// Unique id.
    pub uid: Box<str>,
    /// Whole id of the sandbox around its containers.
    pub sandbox_id: Box<str>,
    /// Its labels.
    pub labels: Labels,
    /// Its address; empty where it has none of its own.
    pub ip: Box<str>,
    /// What the network plugin answered, as JSON.
    pub cni_json: Box<str>,
}

/// What can be said of a container now.
#[derive(Clone, Copy, Debug)]
pub enum Metadata<'a> {
    /// This.
    Known(&'a Arc<ContainerInfo>),
    /// Nothing yet, but an engine may still answer.
    Awaited,
    /// Nothing.
    Absent,
}

/// What is told about containers and their pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerNews {
    /// Engines answer by these interfaces, and by no others.
    Answering(Interfaces),
    /// A container is there, or has changed.
    Known(#[serde(with = "shared")] Arc<ContainerInfo>),
    /// No engine knows the container with this id.
    Unknown(Box<str>),
    /// The container with this id is no more.
    Gone(Box<str>),
    /// The Kubernetes API server says this of a pod.
    Pod(#[serde(with = "shared")] Arc<PodMeta>),
    /// The pod with this uid is no more.
    PodGone(Box<str>),
}

/// What is shared, as serde writes what it is about.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        T::serialize(value, serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// How an engine is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// The Docker Engine API, which podman speaks as well.
    Docker,
    /// The Kubernetes Container Runtime Interface.
    Cri,
    /// containerd's own.
    Containerd,
}

/// A set of interfaces.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Interface>", into = "Vec<Interface>")]
pub struct Interfaces(u8);

impl Interface {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Cri, Self::Containerd];
}

impl Interfaces {
    /// None.
    pub const NONE: Self = Self(0);

    /// Whether one of them is in both sets.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether one is in the set.
    #[must_use]
    pub fn contains(self, interface: Interface) -> bool {
        self.meets([interface].into_iter().collect())
    }
}

impl FromIterator<Interface> for Interfaces {
    fn from_iter<I: IntoIterator<Item = Interface>>(interfaces: I) -> Self {
        let bits = interfaces.into_iter().map(|one| 1 << one as u8);
        Self(bits.fold(0, |all, bit: u8| all | bit))
    }
}

impl From<Vec<Interface>> for Interfaces {
    fn from(interfaces: Vec<Interface>) -> Self {
        interfaces.into_iter().collect()
    }
}

impl From<Interfaces> for Vec<Interface> {
    fn from(interfaces: Interfaces) -> Self {
        let all = Interface::ALL.into_iter();
        all.filter(|one| interfaces.contains(*one)).collect()
    }
}

impl fmt::Debug for Interfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Vec::from(*self)).finish()
    }
}

impl ContainerInfo {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Self {
            id,
            runtime: _,
            name,
            image,
            privileged: _,
            mounts,
            labels,
            start_wall_ns: _,
            ip,
            shares: _,
            probes,
            pod,
        } = self;
        let texts = [id, name, ip, &image.name, &image.id, &image.repository]
            .into_iter()
            .chain([&image.tag, &image.digest])
            .map(|text| text.len());
        let mounts = mounts.iter().map(|mount| {
            let texts = [&mount.source, &mount.destination, &mount.mode];
            texts.map(|text| text.len()).iter().sum::<usize>() + size_of::<Mount>()
        });
        let commands = [&probes.health, &probes.liveness, &probes.readiness];
        let words = commands.into_iter().flatten().flatten();
        let words = words.map(|word| word.len() + size_of::<Box<str>>());
        let pod = pod.as_ref().map_or(0, |pod| {
            let texts = [
                &pod.namespace,
                &pod.name,
                &pod.uid,
                &pod.sandbox_id,
                &pod.ip,
            ];
            texts.map(|text| text.len()).iter().sum::<usize>()
                + pod.cni_json.len()
                + label_bytes(&pod.labels)
        });
        texts.chain(mounts).chain(words).sum::<usize>()
            + label_bytes(labels)
            + pod
            + size_of::<Self>()
    }
}

fn label_bytes(labels: &Labels) -> usize {
    let bytes = |(key, value): &(Box<str>, Box<str>)| key.len() + value.len();
    labels.iter().map(bytes).sum::<usize>() + size_of_val(&**labels)
}

impl Runtime {
    /// The name in `container.type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Crio => "cri-o",
            Self::Podman => "podman",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
            Self::Buildkit => "buildkit",
            Self::Cri => "cri",
            Self::Unknown => "unknown",
        }
    }
}

impl ContainerId {
    /// `container.id`: see [`short`].
    #[must_use]
    pub fn short(&self) -> &str {
        short(&self.full)
    }

    /// Whom it makes sense to ask about it. Of a pod's containers CRI tells more than containerd does, which has them in a
    /// namespace of their own; nobody tells of those of LXC and systemd-nspawn.
    #[must_use]
    pub fn asked_of(&self) -> Interfaces {
        use Interface::{Containerd, Cri, Docker};
        let asked: &[Interface] = match (self.runtime, self.pod_uid.is_some()) {
            (Runtime::Docker | Runtime::Podman, false) => &[Docker],
            // dockershim and its heirs put Docker's containers into pods.
            (Runtime::Docker | Runtime::Podman | Runtime::Cri, _) => &[Docker, Cri],
            (Runtime::Crio, _) | (Runtime::Containerd, true) => &[Cri],
            (Runtime::Containerd, false) => &[Cri, Containerd],
            (Runtime::Buildkit, _) => &[Containerd],
            (Runtime::Unknown, _) => &Interface::ALL,
            (Runtime::Lxc | Runtime::Nspawn, _) => &[],
        };
        asked.iter().copied().collect()
    }
}

/// The first twelve digits of a hexadecimal id; a name that somebody chose stays whole.
#[must_use]
pub fn short(id: &str) -> &str {
    if is_hex_id(id) {
        id.get(..SHORT_ID_LEN).unwrap_or(id)
    } else {
        id
    }
}

/// Whether a text is an id as Docker and CRI make them: 64 hexadecimal digits, lower case.
#[must_use]
pub fn is_hex_id(text: &str) -> bool {
    text.len() == HEX_ID_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::kubernetes::Object;

    #[test]
    fn containers_are_asked_of_those_who_may_know_them() {
        use Interface::{Containerd, Cri, Docker};
        for (runtime, in_pod, expected) in [
            (Runtime::Docker, false, &[Docker][..]),
            (Runtime::Docker, true, &[Docker, Cri]),
            (Runtime::Podman, false, &[Docker]),
            (Runtime::Containerd, true, &[Cri]),
            (Runtime::Containerd, false, &[Cri, Containerd]),
            (Runtime::Crio, true, &[Cri]),
            (Runtime::Cri, true, &[Docker, Cri]),
            (Runtime::Buildkit, false, &[Containerd]),
            (Runtime::Unknown, false, &Interface::ALL),
            (Runtime::Lxc, false, &[]),
            (Runtime::Nspawn, false, &[]),
        ] {
            let id = ContainerId {
                full: "x".into(),
                runtime,
                pod_uid: in_pod.then(|| "u".into()),
            };
            assert_eq!(Vec::from(id.asked_of()), expected, "{runtime:?}");
        }
    }

    #[test]
    fn news_are_what_they_were_after_a_way_as_json() {
        let info = ContainerInfo {
            id: "1".into(),
            privileged: Some(true),
            labels: [("a".into(), "b".into())].into(),
            probes: Probes {
                health: Some(["x".into()].into()),
                ..Probes::default()
            },
            pod: Some(Box::default()),
            ..ContainerInfo::default()
        };
        for news in [
            ContainerNews::Known(Arc::new(info)),
            ContainerNews::Unknown("2".into()),
            ContainerNews::Gone("3".into()),
            ContainerNews::Pod(Arc::new(PodMeta {
                namespace: Some(Object::default()),
                ..PodMeta::default()
            })),
            ContainerNews::PodGone("4".into()),
            ContainerNews::Answering(Interface::ALL.into_iter().collect()),
            ContainerNews::Answering(Interfaces::NONE),
        ] {
            let text = serde_json::to_string(&news).unwrap();
            let back: ContainerNews = serde_json::from_str(&text).unwrap();
            assert_eq!(back, news, "{text}");
        }
        let later = r#"{"known":{"id":"1","unheard_of":[]}}"#;
        assert!(serde_json::from_str::<ContainerNews>(later).is_ok());
    }
}
