//! Parameters of events that are arguments of the call: which argument, and how its number is named.
//!
//! In: an event, a parameter. Out: its [`Subject`]. Sources: the calls' prototypes (man pages, section 2), Falco's names of
//! numbers, include/uapi/linux/ and asm-generic/ for the numbers.

use super::atom::{Number, Text};
use super::subject::{Subject, whole};

/// The bits of an `int` or of an id.
const INT: u64 = 0xffff_ffff;

/// `evt.arg.PARAM` or, as `field` says, `evt.rawarg.PARAM`.
pub(super) fn of(event: &str, field: &str, param: &str) -> Subject {
    let bits = |number| Subject::Bits {
        number: Number::Arg(number),
        mask: INT,
    };
    let symbols = |number, names| Subject::Symbols {
        number: Number::Arg(number),
        mask: INT,
        names,
    };
    let flags = |number, names, others| Subject::Flags {
        number: Number::Arg(number),
        names,
        others,
    };
    match (field, event, param) {
        ("evt.rawarg", "setuid", "uid") | ("evt.rawarg", "setgid", "gid") => bits(0),
        ("evt.rawarg", "setresuid", "ruid") | ("evt.rawarg", "setresgid", "rgid") => bits(0),
        ("evt.rawarg", "setresuid", "euid") | ("evt.rawarg", "setresgid", "egid") => bits(1),
        ("evt.rawarg", "setresuid", "suid") | ("evt.rawarg", "setresgid", "sgid") => bits(2),
        ("evt.rawarg", "chown" | "lchown" | "fchown", "uid") => bits(1),
        ("evt.rawarg", "chown" | "lchown" | "fchown", "gid") => bits(2),
        ("evt.rawarg", "fchownat", "uid") => bits(2),
        ("evt.rawarg", "fchownat", "gid") => bits(3),
        ("evt.rawarg", "socket", "domain") => bits(0),
        ("evt.arg", "open" | "openat" | "openat2" | "creat", "name") => whole(Text::Path),
        ("evt.arg", "open" | "openat" | "openat2", "flags") => Subject::Flags {
            number: Number::OpenFlags,
            names: OPEN_FLAGS,
            others: OTHER_OPEN_FLAGS,
        },
        ("evt.arg", "socket", "domain") => symbols(0, FAMILIES),
        ("evt.arg", "ptrace", "request") => symbols(0, PTRACE_REQUESTS),
        ("evt.arg", "unshare", "flags") => flags(0, NAMESPACES, OTHER_UNSHARE_FLAGS),
        ("evt.arg", "chmod" | "fchmod", "mode") => flags(1, MODES, &[]),
        ("evt.arg", "fchmodat", "mode") => flags(2, MODES, &[]),
        _ => Subject::Undecidable,
    }
}

/// Flags with one number on all architectures that print when and only when they are set.
const OPEN_FLAGS: &[(&str, u64)] = &[
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1_000),
    ("O_APPEND", 0o2_000),
    ("O_NONBLOCK", 0o4_000),
    ("O_CLOEXEC", 0o2_000_000),
];

/// What else may be printed.
const OTHER_OPEN_FLAGS: &[&str] = &[
    "O_RDONLY",
    "O_WRONLY",
    "O_RDWR",
    "O_NONE",
    "O_LARGEFILE",
    "O_DIRECTORY",
    "O_DIRECT",
    "O_SYNC",
    "O_DSYNC",
    "O_TMPFILE",
    "O_PATH",
    "O_F_CREATED",
    "FD_UPPER_LAYER",
    "FD_LOWER_LAYER",
];

const FAMILIES: &[(&str, u64)] = &[
    ("AF_UNSPEC", 0),
    ("AF_INET", 2),
    ("AF_INET6", 10),
    ("AF_NETLINK", 16),
    ("AF_PACKET", 17),
];

const PTRACE_REQUESTS: &[(&str, u64)] = &[
    ("PTRACE_TRACEME", 0),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_CONT", 7),
    ("PTRACE_KILL", 8),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_DETACH", 17),
    ("PTRACE_SETOPTIONS", 0x4200),
    ("PTRACE_SETREGSET", 0x4205),
    ("PTRACE_SEIZE", 0x4206),
];

const NAMESPACES: &[(&str, u64)] = &[
    ("CLONE_NEWNS", 0x0002_0000),
    ("CLONE_NEWUTS", 0x0400_0000),
    ("CLONE_NEWIPC", 0x0800_0000),
    ("CLONE_NEWUSER", 0x1000_0000),
    ("CLONE_NEWPID", 0x2000_0000),
    ("CLONE_NEWNET", 0x4000_0000),
    ("CLONE_NEWCGROUP", 0x0200_0000),
];

const OTHER_UNSHARE_FLAGS: &[&str] = &[
    "CLONE_FILES",
    "CLONE_FS",
    "CLONE_NEWTIME",
    "CLONE_SIGHAND",
    "CLONE_SYSVSEM",
    "CLONE_THREAD",
    "CLONE_VM",
];

const MODES: &[(&str, u64)] = &[
    ("S_IXOTH", 0o1),
    ("S_IWOTH", 0o2),
    ("S_IROTH", 0o4),
    ("S_IXGRP", 0o10),
    ("S_IWGRP", 0o20),
    ("S_IRGRP", 0o40),
    ("S_IXUSR", 0o100),
    ("S_IWUSR", 0o200),
    ("S_IRUSR", 0o400),
    ("S_ISVTX", 0o1000),
    ("S_ISGID", 0o2000),
    ("S_ISUID", 0o4000),
];
