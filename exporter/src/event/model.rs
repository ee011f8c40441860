//! What an event is about: the process that acts, its image, its credentials, its cgroup.
//!
//! Out: types that `state` keeps in its tables and that `event::fields` answers rules from. Never: state, locks, clocks.

use std::sync::Arc;

use crate::event::container::{ContainerId, Metadata};
use crate::event::kubernetes::PodMeta;

/// Identity of a process: a pid alone is used again, with its start time it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    /// Process id (tgid) in the root pid namespace; 0 means that the kernel names none.
    pub pid: u32,
    /// When its first thread was made, in ns since boot (`task_struct.start_boottime` of the group leader).
    pub start_boot_ns: u64,
}

/// A thread's name as the kernel keeps it: up to 15 bytes, any but NUL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comm([u8; 16]);

impl Comm {
    /// From the kernel's field, which ends at its first NUL and may lack one.
    #[must_use]
    pub fn new(field: [u8; 16]) -> Self {
        Self(field)
    }

    /// The name's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}

/// A process as it was when an event happened. Never changed: a change makes a new one that shares what stayed.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Who it is.
    pub key: ProcessKey,
    /// Who made it, or who adopted it later.
    pub parent: ProcessKey,
    /// `proc.name`.
    pub comm: Comm,
    /// What it runs.
    pub image: Arc<Image>,
    /// Working directory as far as records have told, without a slash at the end (but for `/`).
    pub cwd: Arc<[u8]>,
    /// Who it runs as.
    pub credentials: Credentials,
    /// Where it is accounted, and so which container it is in.
    pub cgroup: Arc<Cgroup>,
    /// Device number of the controlling terminal, 0 for none.
    pub tty: u32,
    /// Session id.
    pub sid: u32,
    /// Process group id.
    pub pgid: u32,
    /// Process id in the innermost pid namespace.
    pub vpid: u32,
    /// Process group id in its pid namespace.
    pub vpgid: u32,
    /// Inode number of its pid namespace.
    pub pid_namespace: u32,
    /// Start of the first process of its pid namespace, ns since boot.
    pub pid_namespace_start_boot_ns: u64,
    /// When the newest record about it was made, ns since boot.
    pub seen_boot_ns: u64,
}

/// A program in execution, shared by a process and the children that did not exec.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// `proc.exepath`: path of the executable as the kernel resolved it.
    pub path: Box<[u8]>,
    /// `proc.exe`: argv\[0\].
    pub exe: Box<[u8]>,
    /// The arguments behind argv\[0\], each ended by a NUL.
    pub args: Box<[u8]>,
    /// The environment that it was executed with, each variable ended by a NUL; empty where no rule asks for it.
    pub env: Box<[u8]>,
    /// The arguments were longer than what the kernel side carries.
    pub args_truncated: bool,
    /// When it was executed, in ns since boot; the process's start when it never was.
    pub exec_boot_ns: u64,
    /// Inode number of the executable.
    pub inode: u64,
    /// Its status change and modification times, ns since the epoch.
    pub ctime_ns: u64,
    /// See `ctime_ns`.
    pub mtime_ns: u64,
    /// It lies in the upper layer of an overlay: new or changed since the image was made.
    pub upper_layer: bool,
    /// It lies in a lower layer of an overlay: it comes from the image.
    pub lower_layer: bool,
    /// It is a memfd: no file system holds it.
    pub memfd: bool,
    /// Who executed it may write it, by its permissions.
    pub writable: bool,
}

impl Image {
    /// The arguments behind argv\[0\].
    pub fn args(&self) -> impl Iterator<Item = &[u8]> {
        strings(&self.args)
    }

    /// The variables of the environment, as `NAME=value`.
    pub fn env(&self) -> impl Iterator<Item = &[u8]> {
        strings(&self.env)
    }

    /// The value of a variable of the environment.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<&[u8]> {
        self.env()
            .find_map(|variable| variable.strip_prefix(name)?.strip_prefix(b"="))
    }
}

/// Strings that a NUL ends each.
fn strings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = text.is_empty();
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    text.split(|byte| *byte == 0).filter(move |_| !empty)
}

/// Ids and capabilities, in the root user namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Audit login uid; [`u32::MAX`] is unset.
    pub loginuid: u32,
    /// Effective capabilities, a bit each.
    pub cap_effective: u64,
    /// Permitted capabilities.
    pub cap_permitted: u64,
    /// Inheritable capabilities.
    pub cap_inheritable: u64,
}

/// A cgroup.
#[derive(Clone, Debug, Default)]
pub struct Cgroup {
    /// The kernel's id of it.
    pub id: u64,
    /// Its path in its hierarchy.
    pub path: Box<[u8]>,
    /// The container that it is of; none on the host.
    pub container: Option<ContainerId>,
}

/// Who else is known: where an event's fields find ancestors, the names of users, and what is said of containers and pods.
pub trait Surroundings {
    /// A process, if it is known.
    fn process(&self, key: ProcessKey) -> Option<&Process>;
    /// An account by its user id.
    fn user(&self, uid: u32) -> Option<&User>;
    /// A group's name by its id.
    fn group(&self, gid: u32) -> Option<&str>;
    /// What can be said of a container.
    fn container(&self, id: &ContainerId) -> Metadata<'_>;
    /// What the Kubernetes API server says of a pod, by the uid in its cgroup paths.
    fn pod(&self, uid: &str) -> Option<&PodMeta>;
}

/// An account of the user database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: Box<str>,
    /// Home directory.
    pub home: Box<str>,
    /// Login shell.
    pub shell: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_first_nul_or_not_at_all() {
        assert_eq!(Comm::new(*b"bash\0stale-bytes").bytes(), b"bash");
        assert_eq!(Comm::new(*b"sixteen-bytes-no").bytes(), b"sixteen-bytes-no");
        assert_eq!(Comm::default().bytes(), b"");
    }

    #[test]
    fn arguments_are_cut_at_nul() {
        let args = |bytes: &[u8]| {
            let image = Image {
                args: bytes.into(),
                ..Image::default()
            };
            image.args().map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(args(b""), Vec::<Vec<u8>>::new());
        assert_eq!(args(b"\0"), [b""]);
        assert_eq!(args(b"-c\0\0x y\0"), [&b"-c"[..], b"", b"x y"]);
        assert_eq!(args(b"-c\0cut off"), [&b"-c"[..], b"cut off"]);
    }
}
