//! What a kernel program knows of an event at the moment it decides whether to report it.
//!
//! In: what the host's kernel programs read. Out: [`Facts`], which atoms are asked about. Never: a guess: what is not known
//! for certain is [`Known::Unknown`], and passes.

use std::net::IpAddr;

/// A fact, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// It is this.
    Is(T),
    /// There is none: the fields that show it are missing.
    Missing,
    /// Nobody knows; every atom about it is undecided.
    #[default]
    Unknown,
}

/// A path, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path<'a> {
    /// All of it. Invariant: absolute, no component is empty, `.` or `..`, no slash at the end but for `/` itself.
    Whole(&'a [u8]),
    /// Its last component, which is neither empty nor `.` nor `..`.
    Name(&'a [u8]),
    /// There is none.
    Missing,
    /// Nothing of it.
    #[default]
    Unknown,
}

/// The facts of one event. Those that nobody sets are unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// What the call returned: `evt.rawres`.
    pub result: Known<i64>,
    /// Flags of an open: the `O_…` bits of the kernel, those that `creat` stands for included.
    pub open_flags: Known<u64>,
    /// Permissions that an open asks for.
    pub open_mode: Known<u64>,
    /// `S_IFMT` bits of the file that was opened; missing after a failed open.
    pub file_type: Known<u64>,
    /// Effective user id in the first user namespace: `user.uid`.
    pub uid: Known<u32>,
    /// Effective group id in the first user namespace: `group.gid`.
    pub gid: Known<u32>,
    /// `AF_…` of the event's socket, `AF_INET` for IPv4 through an IPv6 socket; missing when the descriptor is no socket.
    pub family: Known<u16>,
    /// `SOCK_…` of the event's socket, without flags.
    pub socket_type: Known<u16>,
    /// Port of this side, host byte order.
    pub local_port: Known<u16>,
    /// Port of the other side.
    pub remote_port: Known<u16>,
    /// Address of this side, IPv4 in IPv6 undone; as the fields show it, also after a refused connect.
    pub local: Known<IpAddr>,
    /// Address of the other side.
    pub remote: Known<IpAddr>,
    /// Arguments of the call by number.
    pub args: [Known<u64>; 6],
    /// Whether `container.id` is anything but `host`.
    pub in_container: Known<bool>,
    /// `proc.name`: the name of the *process* as its birth or its last exec set it, which a thread's own name is not.
    pub comm: Known<&'a [u8]>,
    /// `proc.exepath`.
    pub exe: Path<'a>,
    /// `fd.nameraw`: the path as it was given, all of it.
    pub raw_path: Known<&'a [u8]>,
    /// The path that was asked for, made absolute: see [`Path::requested`].
    pub requested: Path<'a>,
    /// The path that the kernel came to; missing when it came to none.
    pub effective: Path<'a>,
}

/// Which of two paths of an event a condition is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Requested,
    Effective,
}

impl<'a> Path<'a> {
    /// What a path as it was given tells of the absolute path, without looking at any directory: all of it if it is
    /// absolute and folded already, else its last component. `raw` is whole, not cut.
    pub fn requested(raw: &'a [u8]) -> Self {
        let absolute = raw.strip_prefix(b"/");
        let mut names = absolute.unwrap_or(raw).split(|byte| *byte == b'/');
        let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        if raw == b"/" || absolute.is_some() && names.clone().all(is_name) {
            return Self::Whole(raw);
        }
        match names.next_back() {
            Some(name) if is_name(name) => Self::Name(name),
            _ => Self::Unknown,
        }
    }
}

impl<T> Known<T> {
    /// The same of what it is made into.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Is(value) => Known::Is(make(value)),
            Self::Missing => Known::Missing,
            Self::Unknown => Known::Unknown,
        }
    }
}

impl<T> From<Option<T>> for Known<T> {
    /// `None`: there is none.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Self::Is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_given_tell_what_they_can() {
        for (raw, expected) in [
            ("/", Path::Whole(&b"/"[..])),
            ("/etc/shadow", Path::Whole(b"/etc/shadow")),
            ("/etc/..x/.y", Path::Whole(b"/etc/..x/.y")),
            ("etc/shadow", Path::Name(b"shadow")),
            ("shadow", Path::Name(b"shadow")),
            ("/etc//shadow", Path::Name(b"shadow")),
            ("/etc/../x", Path::Name(b"x")),
            ("//", Path::Unknown),
            ("/etc/", Path::Unknown),
            ("/etc/.", Path::Unknown),
            ("..", Path::Unknown),
            ("", Path::Unknown),
        ] {
            assert_eq!(Path::requested(raw.as_bytes()), expected, "{raw}");
        }
    }
}
