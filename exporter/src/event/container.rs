//! What a container is called.
//!
//! Out: [`ContainerId`], made from a cgroup path by `state::cgroup`.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    Unknown,
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
    /// `container.id`: the first twelve digits of a hexadecimal id; a name that somebody chose stays whole.
    #[must_use]
    pub fn short(&self) -> &str {
        if is_hex_id(&self.full) {
            self.full.get(..SHORT_ID_LEN).unwrap_or(&self.full)
        } else {
            &self.full
        }
    }
}

/// Whether a text is an id as Docker and CRI make them: 64 hexadecimal digits, lower case.
#[must_use]
pub fn is_hex_id(text: &str) -> bool {
    text.len() == HEX_ID_LEN && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
