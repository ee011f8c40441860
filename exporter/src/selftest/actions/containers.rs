//! Actions about ways out of a container, and calls that change what a process may do.

use crate::selftest::action::Action;
use crate::selftest::program::Arg::{Bytes, Program, Text, Value, Words};
use crate::selftest::program::Word;
use crate::selftest::program::calls::{bind, call, call5, connect, listen, read, socket, write};

const NONE: crate::selftest::program::Arg = Value(0);

/// `struct sockaddr_un`.
const ENGINE: &[u8] = b"\x01\0/run/docker.sock\0";

pub(super) const ESCAPES: &[Action] = &[
    Action::new(
        "Change thread namespace",
        "enters a network namespace, its own",
        "/usr/bin/selftest-enter",
        &[
            read(NETWORK_NAMESPACE),
            call(libc::SYS_setns, [Value(3), NONE, NONE, NONE]),
        ],
    )
    .excused_below_engine("the rule excuses what container engines start"),
    Action::new(
        "Change namespace privileges via unshare",
        "makes a user namespace",
        "/usr/bin/selftest-unshare",
        &[call(
            libc::SYS_unshare,
            [Value(libc::CLONE_NEWUSER as u64), NONE, NONE, NONE],
        )],
    )
    .in_container(),
    Action::run(
        "Launch Namespace Tool in Container",
        "runs a program of the name nsenter",
        "/usr/bin/nsenter",
        &["--help"],
    )
    .in_container(),
    Action::new(
        "Mount Host Device or Control Group in Container",
        "mounts an empty file system that is called /dev/loop-selftest",
        "/usr/bin/selftest-mount",
        &[call5(
            libc::SYS_mount,
            [
                Text("/dev/loop-selftest"),
                Text("/tmp"),
                Text("tmpfs"),
                NONE,
                NONE,
            ],
        )],
    )
    .files(&["/tmp/selftest"])
    .in_container(),
    Action::run(
        "Debugfs Launched in Privileged Container",
        "runs a program of the name debugfs",
        "/usr/sbin/debugfs",
        &["-V"],
    )
    .in_container()
    .excused_below_engine("the engine may tell that the container of the test is not privileged"),
    Action::new(
        "Privileged Container Device Access",
        "opens a file of the name /dev/sda",
        "/bin/dd",
        &[read("/dev/sda")],
    )
    .files(&["/dev/sda"])
    .in_container(),
    Action::new(
        "Container Access to Host Sensitive Paths",
        "opens /host/etc/shadow",
        "/bin/cat",
        &[read("/host/etc/shadow")],
    )
    .files(&["/host/etc/shadow"])
    .in_container(),
    Action::new(
        "Detect release_agent File Container Escapes",
        "writes a file of the name release_agent",
        "/bin/tee",
        &[write("/tmp/release_agent")],
    )
    .in_container(),
    Action::new(
        "Write to Kernel Helper Setting in Container",
        "writes a file of the name /proc/sys/kernel/core_pattern",
        "/bin/tee",
        &[write("/proc/sys/kernel/core_pattern")],
    )
    .in_container(),
    Action::new(
        "Container Overwrites Program in Use",
        "writes a file of the name /proc/77/exe",
        "/bin/tee",
        &[write("/proc/77/exe")],
    )
    .in_container(),
    Action::new(
        "Contact Container Engine Socket From Container",
        "connects to a socket of the name /run/docker.sock",
        "/usr/bin/curl",
        &[
            socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
            bind(3, ENGINE),
            listen(3),
            socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
            connect(4, ENGINE),
        ],
    )
    .files(&["/run/selftest"])
    .in_container(),
    Action::run(
        "Launch Container Escape Tool",
        "runs a program of the name amicontained",
        "/tmp/amicontained",
        &[],
    ),
];

/// Where the stage binds its network namespace to.
pub(in crate::selftest) const NETWORK_NAMESPACE: &str = "/run/netns/selftest";

/// A program of BPF that answers 0.
const BPF_CODE: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
/// `union bpf_attr` for it: a socket filter of two instructions.
const BPF_PROGRAM: [Word; 4] = [
    Word::Value(1 | 2 << 32),
    Word::Bytes(&BPF_CODE),
    Word::Bytes(b"GPL\0"),
    Word::Value(0),
];
/// An argument list of one.
const PAYLOAD: [Word; 2] = [Word::Bytes(b"payload\0"), Word::Value(0)];

/// Nobody has this process number.
const NOBODY: u64 = 4_194_305;

pub(super) const KERNEL: &[Action] = &[
    Action::new(
        "Linux Kernel Module Injection Detected",
        "asks to load what is no module",
        "/usr/bin/selftest-module",
        &[call(
            libc::SYS_init_module,
            [Bytes(b"no module"), Value(9), Text(""), NONE],
        )
        .in_vain()],
    ),
    Action::new(
        "BPF Program Not Profiled",
        "loads a BPF program that does nothing",
        "/usr/bin/selftest-bpf",
        &[call(
            libc::SYS_bpf,
            [Value(5), Words(&BPF_PROGRAM), Value(32), NONE],
        )],
    ),
    Action::new(
        "PTRACE attached to process",
        "asks to trace a process that is not there",
        "/usr/bin/selftest-trace",
        &[call(
            libc::SYS_ptrace,
            [Value(libc::PTRACE_ATTACH as u64), Value(NOBODY), NONE, NONE],
        )
        .in_vain()],
    ),
    Action::new(
        "PTRACE anti-debug attempt",
        "asks to be traced by its parent",
        "/usr/bin/selftest-trace",
        &[call(
            libc::SYS_ptrace,
            [Value(libc::PTRACE_TRACEME as u64), NONE, NONE, NONE],
        )],
    ),
    Action::new(
        "Write to Memory of Other Process",
        "writes a file of the name /proc/77/mem",
        "/usr/bin/selftest-write",
        &[write("/proc/77/mem")],
    ),
    Action::new(
        "Unprivileged Delegation of Page Faults Handling to a Userspace Process",
        "asks for userfaultfd as the user nobody",
        "/usr/bin/selftest-faults",
        // UFFD_USER_MODE_ONLY: what everybody may ask for.
        &[call(libc::SYS_userfaultfd, [Value(1), NONE, NONE, NONE])],
    )
    .user(65534),
    Action::new(
        "io_uring Used in Container",
        "sets up io_uring",
        "/usr/bin/selftest-uring",
        &[call(
            libc::SYS_io_uring_setup,
            [Value(1), Bytes(&[0; 120]), NONE, NONE],
        )],
    )
    .in_container(),
];

pub(super) const EXECUTION: &[Action] = &[
    Action::run(
        "Drop and execute new binary in container",
        "runs a program that lies in the upper layer of an overlay",
        "/layers/merged/selftest",
        &[],
    )
    .in_upper_layer()
    .in_container(),
    Action::new(
        "Fileless execution via memfd_create",
        "runs a program from memory",
        "/usr/bin/selftest-memory",
        &[
            call(
                libc::SYS_memfd_create,
                [Text("selftest"), Value(0), NONE, NONE],
            ),
            call(libc::SYS_write, [Value(3), Program, NONE, NONE]),
            call5(
                libc::SYS_execveat,
                [
                    Value(3),
                    Text(""),
                    Words(&PAYLOAD),
                    NONE,
                    Value(libc::AT_EMPTY_PATH as u64),
                ],
            ),
        ],
    ),
    Action::run(
        "Execution from /dev/shm",
        "runs a program that lies in /dev/shm",
        "/dev/shm/selftest",
        &[],
    ),
    Action::run(
        "Execution of hidden file",
        "runs a program of the name .selftest in /tmp",
        "/tmp/.selftest",
        &[],
    ),
    Action::run(
        "Decoding Payload in Container",
        "tells a program of the name sh to decode and run something",
        "/bin/sh",
        &["-c", "echo | base64 -d | sh"],
    )
    .in_container(),
];
