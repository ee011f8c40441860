//! What happened, as typed facts that borrow from the record.
//!
//! Out: [`Facts`]. Never: who did it, and what it is called: `event::binding` says which fact is which parameter.

use std::net::SocketAddr;

use bumpalo::Bump;

use super::model::ProcessKey;
use super::path;

/// What happened.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack of the event loop for one turn"
)]
pub enum Facts<'a> {
    /// A program was executed; the process says which.
    Exec {
        /// The path as the caller named it.
        filename: &'a [u8],
    },
    /// A process ended.
    Exit(Exit),
    /// A system call has returned.
    Call(Call<'a>),
    /// A container has become known; its fields say which.
    Container,
}

/// The end of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// As wait(2) gives it.
    pub status: u32,
    /// Who adopts its children; pid 0 for nobody.
    pub reaper: ProcessKey,
}

/// What a system call asked for and did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// What it returned, or the negative error number.
    pub result: i64,
    /// Its arguments as the registers had them. Of the open family they stand in one order for all: directory descriptor,
    /// nothing, flags, mode, resolve.
    pub args: [u64; 6],
    /// What it was given or gave by address, see [`exporter_ebpf::record::SyscallRecord`].
    pub values: [u64; 3],
    /// The descriptor that it made, or else used; -1 for none.
    pub fd: i64,
    /// The first path.
    pub first: Named<'a>,
    /// The second path.
    pub second: Named<'a>,
    /// What the kernel made of the first path, as the caller sees it; empty on failure, and where the kernel does not tell.
    pub effective: &'a [u8],
    /// The file behind the descriptor.
    pub file: File<'a>,
    /// The socket behind the descriptor; family 0 when it is none.
    pub socket: Socket<'a>,
    /// The file behind a second descriptor.
    pub second_file: File<'a>,
    /// The socket behind it, as far as its kind.
    pub second_socket: Socket<'a>,
    /// Another string that the caller gave.
    pub text: &'a [u8],
    /// The first bytes of what was read or written, or of an option's value.
    pub data: &'a [u8],
    /// The call created the file that it opened.
    pub created: bool,
}

/// A path as a caller names it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    /// As it was written.
    pub written: &'a [u8],
    /// The directory that a relative one starts from, as the caller sees it.
    pub dir: &'a [u8],
}

impl<'a> Named<'a> {
    /// Joined to its directory and folded as text; empty if nothing was written.
    #[must_use]
    pub fn absolute(&self, arena: &'a Bump) -> &'a [u8] {
        if self.written.is_empty() {
            return b"";
        }
        path::absolute(self.dir, self.written, arena)
    }
}

/// A file behind a descriptor.
#[derive(Clone, Copy, Debug, Default)]
pub struct File<'a> {
    /// Which.
    pub inode: Inode,
    /// Its path as the caller sees it, or the name that the kernel has for what has no path (`[eventfd]`).
    pub path: &'a [u8],
    /// `path` is such a name.
    pub pseudo: bool,
}

/// An inode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inode {
    /// Inode number; 0 when nothing is known.
    pub number: u64,
    /// Device number of its file system.
    pub dev: u32,
    /// Type and permissions.
    pub mode: u32,
    /// On overlayfs: in the upper layer, new or changed since the image.
    pub upper_layer: bool,
    /// On overlayfs: untouched since the image.
    pub lower_layer: bool,
    /// Made by memfd_create.
    pub memfd: bool,
    /// A process descriptor.
    pub pidfd: bool,
}

/// A socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket<'a> {
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
    /// The other side: of the connection, or of this call alone.
    pub remote: Option<SocketAddr>,
    /// It is connected to `remote`; else that is the address of this call alone.
    pub connected: bool,
    /// A message of a socket that is connected to nobody, and `remote` is not that of the message before it.
    pub other_peer: bool,
    /// This side is the server's.
    pub server: bool,
    /// Path of the unix socket that was asked for, or that this one or its peer is bound to. Abstract ones begin with a NUL.
    pub unix_path: &'a [u8],
}

impl Facts<'_> {
    /// The result of the call: a descriptor, zero or a negative error number.
    #[must_use]
    pub fn result(&self) -> Option<i64> {
        match self {
            Self::Exec { .. } => Some(0),
            Self::Exit(_) | Self::Container => None,
            Self::Call(call) => Some(call.result),
        }
    }
}
