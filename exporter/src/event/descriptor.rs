//! What a file descriptor is: a file, a socket, a pipe, one of the kernel's own kinds.
//!
//! In: what a record says of the file behind it. Out: [`Kind`], with Falco's names and letters.

use super::facts::Call;

/// `AF_UNIX`
pub(super) const AF_UNIX: u16 = 1;
/// `AF_INET`
pub(super) const AF_INET: u16 = 2;
/// `AF_INET6`
pub(super) const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;

/// File type bits of a mode (include/uapi/linux/stat.h).
const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFIFO: u32 = 0o010_000;

/// A kind of descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    File,
    Directory,
    Ipv4,
    Ipv6,
    Unix,
    Netlink,
    Pipe,
    Event,
    Signal,
    Poll,
    Inotify,
    Timer,
    Bpf,
    UserFault,
    IoUring,
    Memory,
    Process,
    /// A socket of a family that has no letter of its own.
    Unsupported,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// What the descriptor of a call is; none where the record knows no file behind it.
    #[must_use]
    pub fn of(call: &Call<'_>) -> Option<Self> {
        let file = &call.file;
        if call.socket.family != 0 {
            return Some(Self::of_socket(call));
        }
        if file.inode.number == 0 && file.path.is_empty() {
            return None;
        }
        Some(match file.inode.mode & S_IFMT {
            _ if file.inode.memfd => Self::Memory,
            _ if file.inode.pidfd => Self::Process,
            S_IFDIR => Self::Directory,
            S_IFIFO => Self::Pipe,
            _ if file.pseudo => Self::of_pseudo(file.path),
            _ => Self::File,
        })
    }

    fn of_socket(call: &Call<'_>) -> Self {
        let socket = &call.socket;
        match socket.family {
            AF_INET => Self::Ipv4,
            // IPv4 through an IPv6 socket is IPv4 to those who write rules.
            AF_INET6 if socket.remote.is_some_and(|address| address.is_ipv4()) => Self::Ipv4,
            AF_INET6 => Self::Ipv6,
            AF_UNIX => Self::Unix,
            AF_NETLINK => Self::Netlink,
            _ => Self::Unsupported,
        }
    }

    /// By the name that the kernel gives what has no path.
    fn of_pseudo(name: &[u8]) -> Self {
        let name = name.strip_prefix(b"anon_inode:").unwrap_or(name);
        match name.strip_prefix(b"[").unwrap_or(name) {
            b"eventfd]" => Self::Event,
            b"signalfd]" => Self::Signal,
            b"eventpoll]" => Self::Poll,
            b"timerfd]" => Self::Timer,
            b"userfaultfd]" => Self::UserFault,
            b"io_uring]" => Self::IoUring,
            b"pidfd]" => Self::Process,
            name if name.starts_with(b"inotify") => Self::Inotify,
            name if name.starts_with(b"bpf") || name.starts_with(b"btf") => Self::Bpf,
            name if name.starts_with(b"memfd:") => Self::Memory,
            _ => Self::Unknown,
        }
    }

    /// `fd.type`
    #[must_use]
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// `fd.typechar`
    #[must_use]
    pub fn letter(self) -> &'static str {
        self.words().1
    }

    /// Whether it has a path.
    #[must_use]
    pub fn is_path(self) -> bool {
        matches!(self, Self::File | Self::Directory)
    }

    /// Whether it is a socket of the internet.
    #[must_use]
    pub fn is_inet(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6)
    }

    /// `evt.category` of reading, writing and closing it.
    #[must_use]
    pub fn category(self) -> &'static str {
        match self {
            Self::File | Self::Directory => "file",
            Self::Ipv4 | Self::Ipv6 | Self::Unix | Self::Netlink | Self::Unsupported => "net",
            Self::Pipe | Self::Event | Self::Signal | Self::Poll | Self::Inotify => "ipc",
            _ => "other",
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::File => ("file", "f"),
            Self::Directory => ("directory", "d"),
            Self::Ipv4 => ("ipv4", "4"),
            Self::Ipv6 => ("ipv6", "6"),
            Self::Unix => ("unix", "u"),
            Self::Netlink => ("netlink", "n"),
            Self::Pipe => ("pipe", "p"),
            Self::Event => ("event", "e"),
            Self::Signal => ("signalfd", "s"),
            Self::Poll => ("eventpoll", "l"),
            Self::Inotify => ("inotify", "i"),
            Self::Timer => ("timerfd", "t"),
            Self::Bpf => ("bpf", "b"),
            // Falco's letter for it is that of unix sockets.
            Self::UserFault => ("userfaultfd", "u"),
            Self::IoUring => ("io_uring", "r"),
            Self::Memory => ("memfd", "m"),
            Self::Process => ("pidfd", "P"),
            Self::Unsupported => ("unsupported", "X"),
            Self::Unknown => ("unknown", "o"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::facts::{File, Inode, Socket};

    #[test]
    fn the_kernels_own_kinds_are_told_by_their_names() {
        for (name, mode, expected) in [
            ("[eventfd]", 0o600, "e"),
            ("anon_inode:[eventfd]", 0o600, "e"),
            ("[signalfd]", 0o600, "s"),
            ("[eventpoll]", 0o600, "l"),
            ("inotify", 0o600, "i"),
            ("[timerfd]", 0o600, "t"),
            ("bpf-map", 0o600, "b"),
            ("bpf-prog", 0o600, "b"),
            ("btf", 0o600, "b"),
            ("[userfaultfd]", 0o600, "u"),
            ("[io_uring]", 0o600, "r"),
            ("[pidfd]", 0o600, "P"),
            ("memfd:x", 0o100_777, "m"),
            ("[perf_event]", 0o600, "o"),
            ("", 0o010_600, "p"),
        ] {
            let call = Call {
                file: File {
                    inode: Inode {
                        number: 5,
                        mode,
                        ..Inode::default()
                    },
                    path: name.as_bytes(),
                    pseudo: true,
                },
                ..Call::default()
            };
            assert_eq!(Kind::of(&call).map(Kind::letter), Some(expected), "{name}");
        }
    }

    #[test]
    fn sockets_are_told_by_family() {
        for (family, remote, expected) in [
            (AF_INET, None, "ipv4"),
            (AF_INET6, None, "ipv6"),
            (AF_INET6, "1.2.3.4:5".parse().ok(), "ipv4"),
            (AF_UNIX, None, "unix"),
            (AF_NETLINK, None, "netlink"),
            (17, None, "unsupported"),
        ] {
            let call = Call {
                socket: Socket {
                    family,
                    remote,
                    ..Socket::default()
                },
                ..Call::default()
            };
            assert_eq!(Kind::of(&call).map(Kind::name), Some(expected));
        }
        assert_eq!(Kind::of(&Call::default()), None);
    }
}
