//! What a container is called, and what its engine says of it.
//!
//! Out: [`ContainerId`], made from a cgroup path by `state::cgroup`; [`ContainerInfo`], made from an engine's answer by
//! `runtime`; [`ContainerNews`], which carries the latter to the event thread.

use std::sync::Arc;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Process ids.
    pub pid: Option<bool>,
    /// Network.
    pub network: Option<bool>,
    /// System V IPC.
    pub ipc: Option<bool>,
}

/// Commands that somebody runs in a container to see how it is: program and arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// What engines tell about containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerNews {
    /// A container is there, or has changed.
    Known(Arc<ContainerInfo>),
    /// No engine knows the container with this id.
    Unknown(Box<str>),
    /// The container with this id is no more.
    Gone(Box<str>),
}

impl Runtime {
    /// Whether some engine can be asked about its containers.
    #[must_use]
    pub fn answers(self) -> bool {
        !matches!(self, Self::Lxc | Self::Nspawn | Self::Buildkit)
    }

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
