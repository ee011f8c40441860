//! Calls on processes, descriptors and the kernel, each with its parameters.

use super::*;

/// A call with these arguments, a result of 0 and no descriptor.
fn with(args: [u64; 6]) -> Call<'static> {
    Call {
        args,
        fd: -1,
        ..Call::default()
    }
}

#[test]
fn users_are_names_and_numbers() {
    let root = with([0; 6]);
    let rows = [
        ("evt.arg.uid", "root"),
        ("evt.rawarg.uid", "0"),
        ("evt.arg.res", "0"),
        ("evt.res", "SUCCESS"),
        ("evt.args", "res=0 uid=0(root)"),
    ];
    called("setuid", root, &rows);
    let nobody = with([4242, 0xffff_ffff, 0, 0, 0, 0]);
    let rows = [
        ("evt.arg.ruid", "<NA>"),
        ("evt.arg.euid", "<NONE>"),
        ("evt.arg.suid", "root"),
    ];
    called("setresuid", nobody, &rows);
    let group = with([0, 7, 0, 0, 0, 0]);
    called(
        "setresgid",
        group,
        &[("evt.arg.rgid", "wheel"), ("evt.arg.egid", "<NA>")],
    );
}

#[test]
fn requests_flags_and_commands_are_symbols() {
    for (event, args, name, expected) in [
        ("ptrace", [16, 30, 0, 0, 0, 0], "request", "PTRACE_ATTACH"),
        ("ptrace", [16, 30, 0xbeef, 0, 0, 0], "addr", "beef"),
        ("ptrace", [16, 30, 0, 0, 0, 0], "pid", "30"),
        (
            "unshare",
            [0x1000_0000, 0, 0, 0, 0, 0],
            "flags",
            "CLONE_NEWUSER",
        ),
        ("unshare", [0; 6], "flags", "0"),
        (
            "clone",
            [0x0002_0011, 0, 0, 0, 0, 0],
            "flags",
            "CLONE_NEWNS",
        ),
        ("prctl", [15, 0, 0, 0, 0, 0], "option", "PR_SET_NAME"),
        ("prctl", [4, 1, 0, 0, 0, 0], "arg2_int", "1"),
        ("kill", [u64::MAX, 9, 0, 0, 0, 0], "pid", "-1"),
        ("kill", [1, 9, 0, 0, 0, 0], "sig", "SIGKILL"),
        ("tgkill", [1, 2, 15, 0, 0, 0], "sig", "SIGTERM"),
        (
            "userfaultfd",
            [1, 0, 0, 0, 0, 0],
            "flags",
            "UFFD_USER_MODE_ONLY",
        ),
        (
            "delete_module",
            [0, 0o4_000, 0, 0, 0, 0],
            "flags",
            "O_NONBLOCK",
        ),
        (
            "mprotect",
            [0x1000, 4096, 7, 0, 0, 0],
            "prot",
            "PROT_READ|PROT_WRITE|PROT_EXEC",
        ),
        ("mprotect", [0x1000, 4096, 0, 0, 0, 0], "prot", "PROT_NONE"),
        (
            "quotactl",
            [0x8000_0701, 0, 50, 0, 0, 0],
            "cmd",
            "Q_GETQUOTA",
        ),
        (
            "mmap",
            [0, 4096, 3, 0x22, u64::MAX, 0],
            "flags",
            "MAP_PRIVATE|MAP_ANONYMOUS",
        ),
    ] {
        let field = format!("evt.arg.{name}");
        called(event, with(args), &[(&field, expected)]);
    }
    // The first argument of quotactl is an int: command << 8 | type.
    let quota = with([0x8000_0201, 0, 1, 0, 0, 0]);
    called("quotactl", quota, &[("evt.arg.type", "GRPQUOTA")]);
}

#[test]
fn new_descriptors_are_named_by_their_kind() {
    let made = |path: &'static [u8], mode| Call {
        result: 9,
        fd: 9,
        text: b"payload",
        file: File {
            inode: Inode {
                number: 4,
                mode,
                ..Inode::default()
            },
            path,
            pseudo: true,
        },
        args: [5, 1, 0, 0, 0, 0],
        ..Call::default()
    };
    let rows = [
        ("fd.name", "payload"),
        ("fd.typechar", "m"),
        ("evt.arg.fd", "<m>payload"),
        ("evt.arg.name", "payload"),
        ("evt.arg.flags", "MFD_CLOEXEC"),
    ];
    let mut memfd = made(b"memfd:payload", 0o100_777);
    memfd.file.inode.memfd = true;
    called("memfd_create", memfd, &rows);
    let rows = [
        ("fd.type", "event"),
        ("fd.name", ""),
        ("evt.arg.res", "<e>"),
    ];
    called("eventfd2", made(b"[eventfd]", 0), &rows);
    let rows = [
        ("fd.type", "bpf"),
        ("evt.arg.cmd", "BPF_PROG_LOAD"),
        ("evt.arg.fd", "<b>"),
    ];
    called("bpf", made(b"bpf-prog", 0), &rows);
    let mut pipe = made(b"", 0o010_600);
    pipe.result = 0;
    pipe.values = [9, 10, 0];
    let rows = [
        ("fd.type", "pipe"),
        ("fd.num", "9"),
        ("evt.arg.fd1", "<p>"),
        ("evt.arg.fd2", "<p>"),
        ("evt.arg.ino", "4"),
        ("evt.category", "IPC"),
    ];
    called("pipe2", pipe, &rows);
}

#[test]
fn a_failed_maker_of_descriptors_has_none() {
    let failed = Call {
        result: -1,
        ..with([0; 6])
    };
    for (event, letter) in [
        ("userfaultfd", "u"),
        ("bpf", "b"),
        ("socket", "4"),
        ("memfd_create", "m"),
        ("dup", "o"),
    ] {
        let rows = [
            ("fd.num", "-1"),
            ("fd.type", "-"),
            ("fd.name", "-"),
            ("fd.typechar", letter),
            ("evt.res", "EPERM"),
        ];
        called(event, failed, &rows);
    }
}

#[test]
fn copies_are_of_the_same_file() {
    let mut call = connect(0, "1.2.3.4:443".parse().ok());
    call.fd = 0;
    call.args = [5, 0, 0, 0, 0, 0];
    let rows = [
        ("fd.num", "0"),
        ("fd.type", "ipv4"),
        ("evt.rawres", "0"),
        ("evt.arg.res", "<4t>10.0.0.2:4000->1.2.3.4:443"),
        ("evt.arg.oldfd", "<4t>10.0.0.2:4000->1.2.3.4:443"),
        ("evt.arg.newfd", "<4t>10.0.0.2:4000->1.2.3.4:443"),
    ];
    called("dup2", call, &rows);
}

#[test]
fn modules_and_tracing() {
    let finit = Call {
        fd: 3,
        file: open(3).file,
        text: b"debug=1",
        ..with([3, 0, 4, 0, 0, 0])
    };
    let rows = [
        ("evt.arg.fd", "<f>/etc/shadow.real"),
        ("fd.name", "/etc/shadow.real"),
        ("evt.arg.uargs", "debug=1"),
        ("evt.arg.flags", "MODULE_INIT_COMPRESSED_FILE"),
    ];
    called("finit_module", finit, &rows);
    called(
        "init_module",
        with([0, 77, 0, 0, 0, 0]),
        &[
            ("evt.arg.length", "77"),
            ("evt.arg.img", "NULL"),
            ("evt.arg.uargs", "<NA>"),
        ],
    );
}

#[test]
fn io_uring_parameters_come_in_halves() {
    let setup = Call {
        values: [8 | 16 << 32, 3, 5 << 32],
        ..with([8, 0, 0, 0, 0, 0])
    };
    let rows = [
        ("evt.arg.entries", "8"),
        ("evt.arg.sq_entries", "8"),
        ("evt.arg.cq_entries", "16"),
        ("evt.arg.flags", "IORING_SETUP_IOPOLL|IORING_SETUP_SQPOLL"),
        (
            "evt.arg.features",
            "IORING_FEAT_SINGLE_MMAP|IORING_FEAT_SUBMIT_STABLE",
        ),
    ];
    called("io_uring_setup", setup, &rows);
}

#[test]
fn a_failed_exec_shows_the_caller() {
    let failed = Call {
        result: -2,
        first: Named {
            written: b"nothing",
            dir: b"/work",
        },
        ..with([0; 6])
    };
    let rows = [
        ("evt.res", "ENOENT"),
        ("evt.arg.res", "ENOENT"),
        ("evt.arg.filename", "/work/nothing"),
        ("proc.name", "cat"),
        ("evt.arg.comm", "cat"),
    ];
    called("execve", failed, &rows);
    called("execveat", failed, &rows);
}

#[test]
fn generic_calls_have_no_result() {
    let call = Call {
        result: -1,
        ..with([0; 6])
    };
    let rows = [
        ("evt.type", "personality"),
        ("evt.res", "-"),
        ("evt.rawres", "-"),
        ("evt.failed", "-"),
        ("evt.arg.ID", "personality"),
        ("evt.args", "ID=personality"),
        ("evt.category", "other"),
        ("fd.num", "-"),
    ];
    called("personality", call, &rows);
}

#[test]
fn an_exit_has_parameters_and_no_result() {
    let exit = Facts::Exit(Exit {
        status: 0x8b,
        reaper: key(1),
    });
    let rows = [
        ("evt.res", "-"),
        ("evt.arg.sig", "SIGSEGV"),
        ("evt.arg.core", "1"),
        ("evt.arg.ret", "0"),
        ("evt.arg.status", "139"),
        ("evt.arg.reaper_tid", "1"),
        ("syscall.type", "-"),
    ];
    check(exit, "procexit", View::Requested, true, &rows);
}
