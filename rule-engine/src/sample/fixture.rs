//! Named bases of events: what typically happens, to be changed by a test case.
//!
//! In: a name. Out: the seeds of an event, from which `derive` makes the rest. Never: values that follow from others.

use super::datum::Owned;
use super::derive::IDENTITY;
use super::facts::{Facts, PROPERTIES};

/// A base.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// Its name in a test file.
    pub name: String,
    /// What it stands for.
    pub doc: &'static str,
    /// The event's type, unless the case changes it.
    pub event: &'static str,
    seeds: &'static [(&'static str, &'static str)],
    place: Place,
}

/// Where the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host,
    Container,
    Pod,
}

impl Fixture {
    /// The base of this name.
    pub fn find(name: &str) -> Option<Fixture> {
        let suffixes = [
            ("_in_container", Place::Container),
            ("_in_pod", Place::Pod),
            ("", Place::Host),
        ];
        suffixes.into_iter().find_map(|(suffix, place)| {
            let stem = name.strip_suffix(suffix)?;
            let base = BASES.iter().find(|base| base.name == stem)?;
            Some(Fixture {
                name: name.to_owned(),
                doc: base.doc,
                event: base.event,
                seeds: base.seeds,
                place,
            })
        })
    }

    /// The values that make the base, before anything follows from them.
    pub fn seeds(&self) -> &'static [(&'static str, &'static str)] {
        self.seeds
    }

    /// Gives every field that the base knows its value, unless something else is known of it.
    pub(super) fn fill(&self, facts: &mut Facts<'_>, own_ancestors: bool) {
        for property in PROPERTIES {
            let value = property
                .parent
                .and_then(|parent| facts.get(parent))
                .cloned();
            if let Some(value) = value {
                facts.put_at(property.ancestor, 1, value);
                facts.ancestors = facts.ancestors.max(1);
            }
        }
        if !own_ancestors && !facts.is_missing("proc.pname") {
            let names = if self.place == Place::Host {
                HOST_ANCESTORS
            } else {
                CONTAINER_ANCESTORS
            };
            for (above, name) in names.iter().enumerate() {
                if !PROPERTIES
                    .iter()
                    .any(|property| facts.get_at(property.ancestor, above as u32 + 1).is_some())
                {
                    facts.put_at("proc.aname", above as u32 + 1, Owned::text(name));
                }
            }
            facts.ancestors = facts.ancestors.max(names.len());
        }
        let named = IDENTITY.iter().any(|field| facts.is_set(field));
        let other_family = ["fd.type", "fd.typechar"]
            .iter()
            .any(|field| facts.is_set(field));
        for (field, value) in self.seeds {
            let replaced =
                named && IDENTITY.contains(field) || other_family && ADDRESSES.contains(field);
            if !replaced {
                facts.put_text(field, value);
            }
        }
        let place = match self.place {
            Place::Host => &[][..],
            Place::Container => CONTAINER,
            Place::Pod => POD,
        };
        for (field, value) in place {
            facts.put_text(field, value);
        }
        if !named {
            facts.put_text("proc.name", "app");
        }
    }
}

/// All bases, each for a process on the host. Every one has a twin `NAME_in_container`, and `NAME_in_pod`.
pub fn fixtures() -> Vec<Fixture> {
    BASES
        .iter()
        .filter_map(|base| Fixture::find(base.name))
        .collect()
}

const HOST_ANCESTORS: &[&str] = &["bash", "sshd", "systemd"];
const CONTAINER_ANCESTORS: &[&str] = &["containerd-shim", "systemd"];

const CONTAINER: &[(&str, &str)] = &[
    ("container.id", "3ad7b26ded6d"),
    ("container.name", "app"),
    ("container.image.repository", "docker.io/library/app"),
    ("container.image.tag", "1.0"),
];

const POD: &[(&str, &str)] = &[
    ("container.id", "3ad7b26ded6d"),
    ("container.name", "app"),
    ("container.image.repository", "docker.io/library/app"),
    ("container.image.tag", "1.0"),
    ("k8s.ns.name", "default"),
    ("k8s.pod.name", "app-5d4f8c7b9-x2x7q"),
    ("k8s.pod.uid", "1b7f1c3e-6c0f-4d3e-9a53-0f2f4a4d7c11"),
    ("k8s.pod.sandbox_id", "63060edc2d3a"),
];

/// Seeds that a socket of another family, or no socket, has no use for.
const ADDRESSES: &[&str] = &["fd.cip", "fd.cport", "fd.sip", "fd.sport", "fd.l4proto"];

struct Base {
    name: &'static str,
    doc: &'static str,
    event: &'static str,
    seeds: &'static [(&'static str, &'static str)],
}

const fn base(
    name: &'static str,
    event: &'static str,
    doc: &'static str,
    seeds: &'static [(&'static str, &'static str)],
) -> Base {
    Base {
        name,
        doc,
        event,
        seeds,
    }
}

const BASES: &[Base] = &[
    base(
        "exec",
        "execve",
        "A program is started.",
        &[("proc.name", "ls")],
    ),
    base(
        "shell",
        "execve",
        "A shell is started on a terminal.",
        &[("proc.name", "bash"), ("proc.tty", "34816")],
    ),
    base(
        "fork",
        "clone",
        "A process is cloned.",
        &[("proc.name", "bash")],
    ),
    base(
        "exit",
        "procexit",
        "A process ends.",
        &[("proc.name", "ls")],
    ),
    base(
        "open_read",
        "openat",
        "A file is opened for reading.",
        &[
            ("proc.name", "cat"),
            ("fd.name", "/tmp/file"),
            ("evt.arg.flags", "O_RDONLY|O_CLOEXEC"),
        ],
    ),
    base(
        "open_write",
        "openat",
        "A file is opened for writing and made if it was not there.",
        &[
            ("proc.name", "cp"),
            ("fd.name", "/tmp/file"),
            ("evt.arg.flags", "O_TRUNC|O_CREAT|O_WRONLY"),
            ("evt.arg.mode", "0644"),
        ],
    ),
    base(
        "creat",
        "creat",
        "A file is made by creat.",
        &[
            ("proc.name", "cp"),
            ("fd.name", "/tmp/file"),
            ("evt.arg.mode", "0644"),
        ],
    ),
    base(
        "read",
        "read",
        "Data is read from a file.",
        &[("proc.name", "cat"), ("fd.name", "/tmp/file")],
    ),
    base(
        "write",
        "write",
        "Data is written to a file.",
        &[("proc.name", "cp"), ("fd.name", "/tmp/file")],
    ),
    base(
        "close",
        "close",
        "A file is closed.",
        &[("proc.name", "cat"), ("fd.name", "/tmp/file")],
    ),
    base(
        "rename",
        "rename",
        "A file is renamed.",
        &[
            ("proc.name", "mv"),
            ("evt.arg.oldpath", "/tmp/file"),
            ("evt.arg.newpath", "/tmp/file.old"),
        ],
    ),
    base(
        "unlink",
        "unlinkat",
        "A file is removed.",
        &[
            ("proc.name", "rm"),
            ("evt.arg.name", "/tmp/file"),
            ("evt.arg.flags", "0"),
            ("fd.num", "-100"),
            ("fd.name", ""),
        ],
    ),
    base(
        "mkdir",
        "mkdir",
        "A directory is made.",
        &[
            ("proc.name", "mkdir"),
            ("evt.arg.path", "/tmp/dir"),
            ("evt.arg.mode", "1ff"),
        ],
    ),
    base(
        "rmdir",
        "rmdir",
        "A directory is removed.",
        &[("proc.name", "rmdir"), ("evt.arg.path", "/tmp/dir")],
    ),
    base(
        "symlink",
        "symlinkat",
        "A symbolic link is made.",
        &[
            ("proc.name", "ln"),
            ("evt.arg.target", "/tmp/file"),
            ("evt.arg.linkpath", "/tmp/link"),
            ("fd.num", "-100"),
            ("fd.name", ""),
        ],
    ),
    base(
        "link",
        "linkat",
        "A hard link is made.",
        &[
            ("proc.name", "ln"),
            ("evt.arg.oldpath", "/tmp/file"),
            ("evt.arg.newpath", "/tmp/link"),
            ("evt.arg.flags", "0"),
        ],
    ),
    base(
        "chmod",
        "fchmodat",
        "Permissions of a file are changed.",
        &[
            ("proc.name", "chmod"),
            ("evt.arg.filename", "/tmp/file"),
            ("evt.arg.mode", "S_IXUSR|S_IWUSR|S_IRUSR"),
            ("fd.num", "-100"),
            ("fd.name", ""),
        ],
    ),
    base(
        "chown",
        "fchownat",
        "The owner of a file is changed.",
        &[
            ("proc.name", "chown"),
            ("evt.arg.pathname", "/tmp/file"),
            ("evt.arg.uid", "0"),
            ("evt.arg.gid", "0"),
            ("fd.num", "-100"),
            ("fd.name", ""),
        ],
    ),
    base(
        "mount",
        "mount",
        "A file system is mounted.",
        &[
            ("proc.name", "mount"),
            ("evt.arg.dev", "/dev/sda1"),
            ("evt.arg.dir", "/mnt"),
            ("evt.arg.type", "ext4"),
            ("evt.arg.flags", "0"),
        ],
    ),
    base(
        "socket",
        "socket",
        "A socket is made.",
        &[
            ("proc.name", "app"),
            ("evt.arg.domain", "AF_INET"),
            ("evt.arg.type", "1"),
            ("evt.arg.proto", "0"),
        ],
    ),
    base(
        "connect",
        "connect",
        "A TCP connection to the outside is made.",
        &[
            ("proc.name", "curl"),
            ("fd.cip", "10.0.0.5"),
            ("fd.cport", "45678"),
            ("fd.sip", "203.0.113.10"),
            ("fd.sport", "443"),
            ("fd.l4proto", "tcp"),
        ],
    ),
    base(
        "accept",
        "accept4",
        "A TCP connection from the outside is accepted.",
        &[
            ("proc.name", "nginx"),
            ("fd.cip", "203.0.113.10"),
            ("fd.cport", "45678"),
            ("fd.sip", "10.0.0.5"),
            ("fd.sport", "80"),
            ("fd.l4proto", "tcp"),
        ],
    ),
    base(
        "listen",
        "listen",
        "A TCP socket begins to listen.",
        &[
            ("proc.name", "nginx"),
            ("fd.sip", "0.0.0.0"),
            ("fd.sport", "80"),
            ("fd.l4proto", "tcp"),
        ],
    ),
    base(
        "send",
        "sendto",
        "A UDP datagram is sent.",
        &[
            ("proc.name", "dig"),
            ("fd.cip", "10.0.0.5"),
            ("fd.cport", "45678"),
            ("fd.sip", "203.0.113.53"),
            ("fd.sport", "53"),
            ("fd.l4proto", "udp"),
        ],
    ),
    base(
        "receive",
        "recvfrom",
        "A UDP datagram is received.",
        &[
            ("proc.name", "dig"),
            ("fd.cip", "10.0.0.5"),
            ("fd.cport", "45678"),
            ("fd.sip", "203.0.113.53"),
            ("fd.sport", "53"),
            ("fd.l4proto", "udp"),
        ],
    ),
    base(
        "dup",
        "dup2",
        "A connected socket becomes standard input.",
        &[
            ("proc.name", "bash"),
            ("fd.num", "0"),
            ("fd.cip", "10.0.0.5"),
            ("fd.cport", "45678"),
            ("fd.sip", "203.0.113.10"),
            ("fd.sport", "4444"),
            ("fd.l4proto", "tcp"),
            ("evt.arg.oldfd", "3"),
            ("evt.arg.newfd", "0"),
        ],
    ),
    base(
        "ptrace",
        "ptrace",
        "A process attaches to another.",
        &[
            ("proc.name", "gdb"),
            ("evt.arg.request", "PTRACE_ATTACH"),
            ("evt.arg.pid", "1"),
        ],
    ),
    base(
        "kill",
        "kill",
        "A signal is sent.",
        &[
            ("proc.name", "kill"),
            ("evt.arg.pid", "1"),
            ("evt.arg.sig", "SIGTERM"),
        ],
    ),
    base(
        "setuid",
        "setuid",
        "A process takes another user id.",
        &[("proc.name", "su"), ("evt.arg.uid", "root")],
    ),
    base(
        "setns",
        "setns",
        "A process enters a namespace.",
        &[
            ("proc.name", "nsenter"),
            ("fd.name", "/proc/1/ns/mnt"),
            ("evt.arg.nstype", "CLONE_NEWNS"),
        ],
    ),
    base(
        "unshare",
        "unshare",
        "A process leaves a namespace.",
        &[("proc.name", "unshare"), ("evt.arg.flags", "CLONE_NEWUSER")],
    ),
    base(
        "init_module",
        "init_module",
        "A kernel module is loaded from memory.",
        &[("proc.name", "insmod"), ("evt.arg.uargs", "")],
    ),
    base(
        "finit_module",
        "finit_module",
        "A kernel module is loaded from a file.",
        &[
            ("proc.name", "insmod"),
            ("fd.name", "/tmp/module.ko"),
            ("evt.arg.uargs", ""),
            ("evt.arg.flags", "0"),
        ],
    ),
    base(
        "bpf",
        "bpf",
        "The bpf call loads a program.",
        &[("proc.name", "app"), ("evt.arg.cmd", "BPF_PROG_LOAD")],
    ),
    base(
        "userfaultfd",
        "userfaultfd",
        "A process asks to handle page faults.",
        &[
            ("proc.name", "app"),
            ("evt.arg.flags", "O_NONBLOCK|O_CLOEXEC"),
        ],
    ),
    base(
        "memfd",
        "memfd_create",
        "A file in memory is made.",
        &[
            ("proc.name", "app"),
            ("evt.arg.name", "x"),
            ("fd.name", "/memfd:x"),
            ("evt.arg.flags", "MFD_CLOEXEC"),
        ],
    ),
    base(
        "syscall",
        "modify_ldt",
        "Some syscall is made that is reported by name only; the case says which as `evt.type`.",
        &[("proc.name", "app")],
    ),
];
