//! Bytes from the kernel become typed events, and events answer the rules' questions about themselves.
//!
//! In: one record as it stood in the ring ([`decode`]), or many as they were recorded ([`capture`]). Out: [`Event`], which
//! gives every field by [`fields`]. Never: state, locks, clocks, files.

pub mod capture;
pub mod container;
pub mod decode;
pub mod fields;
pub mod model;
pub mod path;

use std::net::SocketAddr;

use bumpalo::Bump;
use rule_engine::schema::EventTypeId;

use self::container::{ContainerId, Metadata};
use self::fields::FieldTable;
use self::model::{Cgroup, Process, ProcessKey, Surroundings};

/// One event, placed: what happened, who did it, and where to ask for more. All by reference.
pub struct Event<'a> {
    /// Its type in the schema.
    pub kind: EventTypeId,
    /// Running number, from 1.
    pub number: u64,
    /// When it happened, ns since boot.
    pub boot_ns: u64,
    /// Wall time of the moment of boot, ns since the epoch.
    pub boot_wall_ns: u64,
    /// The CPU it happened on.
    pub cpu: u32,
    /// The acting thread.
    pub tid: u32,
    /// Key of the acting process.
    pub actor: ProcessKey,
    /// Its effective user id at the event.
    pub uid: u32,
    /// Its effective group id at the event.
    pub gid: u32,
    /// The acting process; none if no record told of it.
    pub process: Option<&'a Process>,
    /// The cgroup it was in at the event; none if no record told of that.
    pub cgroup: Option<&'a Cgroup>,
    /// Ancestors and users.
    pub surroundings: &'a dyn Surroundings,
    /// What happened.
    pub facts: Facts<'a>,
    /// Which path the file fields show.
    pub view: View,
    /// Where fields are looked up.
    pub table: &'a FieldTable,
}

/// Which of two paths of a file event the rules see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What the caller wrote, joined to its directory and folded: what `fd.name` means.
    Requested,
    /// What the kernel opened.
    Effective,
}

impl View {
    /// The word in `evt.view`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Effective => "effective",
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Facts<'a> {
    /// A program was executed; the process says which.
    Exec {
        /// The path as the caller named it.
        filename: &'a [u8],
    },
    /// A process ended.
    Exit {
        /// As wait(2) gives it.
        status: u32,
    },
    /// open(2) and kin.
    Open(Open<'a>),
    /// connect(2).
    Connect(Connect<'a>),
    /// A container has become known; its fields say which.
    Container,
}

/// What an open call asked for and got.
#[derive(Clone, Copy, Debug)]
pub struct Open<'a> {
    /// File descriptor, or the negative error number.
    pub result: i64,
    /// Directory file descriptor of the *at forms; `AT_FDCWD` for the others.
    pub dirfd: i32,
    /// `O_…` as asked for.
    pub flags: u64,
    /// Permissions asked for.
    pub mode: u32,
    /// `RESOLVE_…` (openat2).
    pub resolve: u64,
    /// The path as the caller wrote it.
    pub requested: &'a [u8],
    /// The directory that a relative path starts from, as the caller sees it.
    pub dir: &'a [u8],
    /// What the kernel opened, as the caller sees it; empty on failure.
    pub effective: &'a [u8],
    /// Which file that is.
    pub inode: Inode,
    /// The call created it.
    pub created: bool,
}

/// A file behind its names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inode {
    /// Inode number.
    pub number: u64,
    /// Device number of its file system.
    pub dev: u32,
    /// Type and permissions.
    pub mode: u32,
    /// On overlayfs: in the upper layer, new or changed since the image.
    pub upper_layer: bool,
    /// On overlayfs: untouched since the image.
    pub lower_layer: bool,
}

/// What a connect call asked for, and the socket afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// 0, or the negative error number.
    pub result: i64,
    /// The descriptor.
    pub fd: i32,
    /// The socket; family 0 when the descriptor is none.
    pub socket: Socket,
    /// Path of the unix socket that was asked for (abstract ones begin with a NUL); empty otherwise.
    pub unix_path: &'a [u8],
}

/// A socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// Inode number.
    pub inode: u64,
    /// `AF_…`
    pub family: u16,
    /// `SOCK_…`
    pub kind: u16,
    /// `IPPROTO_…`
    pub protocol: u16,
    /// This side.
    pub local: Option<SocketAddr>,
    /// The other side.
    pub remote: Option<SocketAddr>,
}

impl Event<'_> {
    /// Wall time of a moment given in ns since boot, in ns since the epoch.
    #[must_use]
    pub fn wall_ns(&self, boot_ns: u64) -> u64 {
        self.boot_wall_ns.saturating_add(boot_ns)
    }

    /// The container that acted; none on the host.
    #[must_use]
    pub fn container(&self) -> Option<&ContainerId> {
        self.cgroup.and_then(|cgroup| cgroup.container.as_ref())
    }

    /// What can be said of the container that acted.
    #[must_use]
    pub fn metadata(&self) -> Metadata<'_> {
        self.container()
            .map_or(Metadata::Absent, |id| self.surroundings.container(id))
    }

    /// Whether the kernel opened another path than the one that was written, links and `..` undone as text.
    #[must_use]
    pub fn effective_path_differs(&self, arena: &Bump) -> bool {
        let Facts::Open(open) = self.facts else {
            return false;
        };
        !open.effective.is_empty()
            && path::absolute(open.dir, open.requested, arena) != open.effective
    }

    /// The result of the call: a descriptor, zero or a negative error number.
    #[must_use]
    pub fn result(&self) -> Option<i64> {
        match self.facts {
            Facts::Exec { .. } => Some(0),
            Facts::Exit { .. } | Facts::Container => None,
            Facts::Open(open) => Some(open.result),
            Facts::Connect(connect) => Some(connect.result),
        }
    }
}
