//! exec, fork and exit: who, whose child, with what, and how it ended.

use std::{
    os::unix::{
        ffi::OsStrExt, fs::MetadataExt, fs::PermissionsExt, process::CommandExt,
        process::ExitStatusExt,
    },
    process::{Command, Stdio},
};

use exporter_ebpf::record::{
    ExecRecord, ExitRecord, ForkRecord, INODE_MEMFD, PROCESS_CHROOTED, Process, RECORD_TRUNCATED,
    Record, SETTING_ENV,
};

use crate::{
    raw::process_that_outlives_its_first_thread,
    rig::{Rig, pid, shell, start_ticks, start_ticks_of, stat, tid},
};

fn exec_of(rig: &mut Rig, pid: u32) -> ExecRecord<'static> {
    rig.wait("exec", |record| match record {
        Record::Exec(exec) if exec.fixed.header.pid == pid => Some(exec),
        _ => None,
    })
}

/// Runs a command to its end; its exec.
fn exec_by(rig: &mut Rig, command: &mut Command) -> ExecRecord<'static> {
    let mut child = command.spawn().expect("spawn");
    child.wait().expect("wait");
    exec_of(rig, child.id())
}

fn exit_of(rig: &mut Rig, pid: u32) -> ExitRecord<'static> {
    rig.wait("exit", |record| match record {
        Record::Exit(exit) if exit.fixed.header.pid == pid => Some(exit),
        _ => None,
    })
}

fn fork_of(rig: &mut Rig, pid: u32) -> ForkRecord<'static> {
    rig.wait("fork", |record| match record {
        Record::Fork(fork) if fork.fixed.process.pid == pid => Some(fork),
        _ => None,
    })
}

fn arguments(bytes: &[u8]) -> Vec<String> {
    bytes
        .split_inclusive(|byte| *byte == 0)
        .map(|one| one.escape_ascii().to_string())
        .collect()
}

fn namespace(name: &str) -> u32 {
    let meta = std::fs::metadata(format!("/proc/self/ns/{name}")).expect("ns");
    u32::try_from(meta.ino()).expect("inode numbers of namespaces are 32 bits")
}

fn real(path: &str) -> Vec<u8> {
    std::fs::canonicalize(path)
        .expect("canonical")
        .as_os_str()
        .as_bytes()
        .to_vec()
}

/// What both fork and exec must say of a child of this thread.
fn assert_child(process: &Process, child: u32) {
    assert_eq!(
        (process.pid, process.vpid, process.parent_pid),
        (child, child, pid())
    );
    assert_eq!(
        start_ticks(process.parent_start_boot_ns),
        start_ticks_of(pid())
    );
    assert!(process.start_boot_ns > process.parent_start_boot_ns);
    // Not by getsid(2): started by the first process, this one may be in session 0, which rustix takes for impossible.
    let [pgid, sid] = [2, 3].map(|field| stat(pid())[field].parse().expect("number"));
    assert_eq!(
        (process.pgid, process.vpgid, process.sid),
        (pgid, pgid, sid)
    );
    assert_eq!(
        (process.pid_ns, process.mnt_ns),
        (namespace("pid"), namespace("mnt"))
    );
    assert_eq!((process.pid_ns_level, process.flags), (0, 0));
    assert_eq!(
        (process.uid, process.euid, process.suid, process.fsuid),
        (0, 0, 0, 0)
    );
    assert_eq!(
        (process.gid, process.egid, process.sgid, process.fsgid),
        (0, 0, 0, 0)
    );
    let login = std::fs::read_to_string("/proc/self/loginuid").expect("loginuid");
    assert_eq!(
        process.login_uid,
        login.trim().parse::<u32>().expect("number")
    );
    for (name, set) in [
        ("CapInh", process.cap_inheritable),
        ("CapPrm", process.cap_permitted),
        ("CapEff", process.cap_effective),
    ] {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"))
            .expect(name);
        assert_eq!(format!("{set:016x}"), line, "{name}");
    }
}

#[test]
fn a_child_from_fork_to_exit() {
    let mut rig = Rig::new(&[]);
    let dir = tempfile::tempdir().expect("tempdir");
    let cwd = dir.path().canonicalize().expect("canonical");
    let mut child = Command::new("/bin/sh")
        .args(["-c", "read line; exit 7", "", "two words", "line\nbreak"])
        .current_dir(&cwd)
        .stdin(Stdio::piped())
        .spawn()
        .expect("spawn");

    let fork = fork_of(&mut rig, child.id());
    assert_eq!(
        (fork.fixed.header.pid, fork.fixed.header.tid),
        (pid(), tid())
    );
    assert_child(&fork.fixed.process, child.id());

    let exec = exec_of(&mut rig, child.id());
    assert_eq!(exec.fixed.header.tid, child.id());
    assert_child(&exec.fixed.process, child.id());
    assert_eq!(
        exec.fixed.process.start_boot_ns, fork.fixed.process.start_boot_ns,
        "one key from fork on"
    );
    assert_eq!(
        exec.fixed.header.start_boot_ns,
        fork.fixed.process.start_boot_ns
    );
    assert_eq!(
        start_ticks(exec.fixed.header.start_boot_ns),
        start_ticks_of(child.id())
    );
    assert_eq!(&exec.fixed.process.comm[..3], b"sh\0");
    assert_eq!(exec.exe.bytes, real("/bin/sh"));
    assert_eq!(exec.filename.bytes, b"/bin/sh");
    assert_eq!(exec.cwd.bytes, cwd.as_os_str().as_bytes());
    assert_eq!(
        arguments(exec.args.bytes),
        [
            "/bin/sh\\x00",
            "-c\\x00",
            "read line; exit 7\\x00",
            "\\x00",
            "two words\\x00",
            "line\\nbreak\\x00"
        ]
    );
    let meta = std::fs::metadata("/bin/sh").expect("metadata");
    let (inode, stat) = (exec.fixed.inode, exec.fixed.stat);
    assert_eq!(
        (inode.ino, u64::from(inode.dev), u32::from(inode.mode)),
        (meta.ino(), meta.dev(), meta.mode())
    );
    assert_eq!((stat.uid, stat.gid), (meta.uid(), meta.gid()));
    assert_eq!(
        stat.ctime_ns,
        meta.ctime() * 1_000_000_000 + meta.ctime_nsec()
    );
    assert_eq!(
        stat.mtime_ns,
        meta.mtime() * 1_000_000_000 + meta.mtime_nsec()
    );
    assert_eq!(exec.fixed.header.flags, 0);

    drop(child.stdin.take());
    let status = child.wait().expect("wait");
    let exit = exit_of(&mut rig, child.id());
    assert_eq!(
        exit.fixed.header.start_boot_ns,
        fork.fixed.process.start_boot_ns
    );
    assert_eq!(exit.fixed.status, status.into_raw().unsigned_abs());
    assert_eq!(exit.fixed.status >> 8, 7);
}

#[test]
fn long_arguments_are_whole_to_the_limit_and_flagged_beyond() {
    let mut rig = Rig::new(&[]);
    for (length, whole) in [(4096, true), (8000, true), (20_000, false)] {
        let long = "a".repeat(length);
        let exec = exec_by(&mut rig, Command::new("/bin/true").arg(&long));
        let expected = [&b"/bin/true\0"[..], long.as_bytes(), b"\0"].concat();
        assert_eq!(exec.args.truncated(), !whole, "{length}");
        assert_eq!(
            exec.fixed.header.flags,
            if whole { 0 } else { RECORD_TRUNCATED },
            "{length}"
        );
        assert_eq!(
            exec.args.bytes,
            &expected[..expected.len().min(8192)],
            "{length}"
        );
    }
}

#[test]
fn the_environment_comes_if_asked_for() {
    let mut rig = Rig::new(&[]);
    let run = |rig: &mut Rig, value: &str| {
        exec_by(
            rig,
            Command::new("/bin/true")
                .env_clear()
                .env("A", "1\n2")
                .env("B", value),
        )
    };
    let exec = run(&mut rig, "x");
    assert_eq!((exec.env.bytes, exec.env.flags), (&b""[..], 0));

    rig.set(SETTING_ENV);
    let exec = run(&mut rig, "x");
    assert_eq!((exec.env.bytes, exec.env.flags), (&b"A=1\n2\0B=x\0"[..], 0));
    let exec = run(&mut rig, &"y".repeat(5000));
    let whole = [&b"A=1\n2\0B="[..], &[b'y'; 5000]].concat();
    assert_eq!(exec.env.bytes, &whole[..4096]);
    assert!(exec.env.truncated());
    assert_eq!(exec.fixed.header.flags, RECORD_TRUNCATED);

    rig.set(0);
    assert!(run(&mut rig, "x").env.bytes.is_empty());
}

#[test]
fn a_script_names_itself_and_its_interpreter() {
    let mut rig = Rig::new(&[]);
    let dir = tempfile::tempdir().expect("tempdir");
    let script = dir.path().join("script");
    std::fs::write(&script, "#!/bin/sh\nexit 0\n").expect("write");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let exec = exec_by(&mut rig, &mut Command::new(&script));
    assert_eq!(exec.filename.bytes, script.as_os_str().as_bytes());
    assert_eq!(exec.exe.bytes, real("/bin/sh"));
    assert_eq!(&exec.fixed.process.comm[..7], b"script\0");
}

#[test]
fn a_program_in_memory_is_flagged() {
    let mut rig = Rig::new(&[]);
    let memfd = rustix::fs::memfd_create("hidden", rustix::fs::MemfdFlags::empty()).expect("memfd");
    let mut file = std::fs::File::from(memfd);
    std::io::copy(
        &mut std::fs::File::open("/bin/true").expect("open"),
        &mut file,
    )
    .expect("copy");
    let link = format!(
        "/proc/{}/fd/{}",
        pid(),
        std::os::fd::AsRawFd::as_raw_fd(&file)
    );
    // A descriptor for reading: a file that is open for writing cannot be executed.
    let reader = std::fs::File::open(&link).expect("reopen");
    drop(file);
    let link = format!(
        "/proc/{}/fd/{}",
        pid(),
        std::os::fd::AsRawFd::as_raw_fd(&reader)
    );
    let exec = exec_by(&mut rig, &mut Command::new(&link));
    assert_eq!(exec.exe.bytes, b"memfd:hidden");
    assert_eq!(exec.fixed.inode.flags, INODE_MEMFD);
}

#[test]
fn rights_session_and_root_are_those_after_the_exec() {
    let mut rig = Rig::new(&[]);
    let exec = exec_by(
        &mut rig,
        Command::new("/bin/true")
            .uid(65_534)
            .gid(65_533)
            .process_group(0),
    );
    let child = exec.fixed.header.pid;
    let process = exec.fixed.process;
    assert_eq!(
        (process.uid, process.euid, process.suid, process.fsuid),
        (65_534, 65_534, 65_534, 65_534)
    );
    assert_eq!(
        (process.gid, process.egid, process.sgid, process.fsgid),
        (65_533, 65_533, 65_533, 65_533)
    );
    assert_eq!((process.cap_effective, process.cap_permitted), (0, 0));
    assert_eq!((process.pgid, process.vpgid), (child, child));
    assert_eq!(
        (exec.fixed.header.euid, exec.fixed.header.egid),
        (65_534, 65_533)
    );
}

#[test]
fn a_pid_namespace_has_its_own_numbers_and_start() {
    let mut rig = Rig::new(&[]);
    shell(
        "unshare -p -f -m sh -c 'sh -c \"exec /bin/true in-a-namespace\"; exit'",
        &[],
    );
    let exec = rig.wait("exec in a namespace", |record| match record {
        Record::Exec(exec) if exec.args.bytes == b"/bin/true\0in-a-namespace\0" => Some(exec),
        _ => None,
    });
    let process = exec.fixed.process;
    assert_eq!((process.vpid, process.pid_ns_level), (2, 1));
    assert_ne!(process.pid_ns, namespace("pid"));
    assert_ne!(process.mnt_ns, namespace("mnt"));
    // Its first process is the parent.
    assert_eq!(process.pid_ns_start_boot_ns, process.parent_start_boot_ns);
    assert_eq!(process.flags, 0);
}

#[test]
fn a_chroot_is_flagged() {
    let mut rig = Rig::new(&[]);
    let dir = tempfile::tempdir().expect("tempdir");
    let root = dir.path().canonicalize().expect("canonical");
    shell(
        r#"unshare -m sh -euc 'mount --rbind / "$1"; chroot "$1" /bin/true in-a-chroot' sh "$1""#,
        &[&root],
    );
    let exec = rig.wait("exec in a chroot", |record| match record {
        Record::Exec(exec) if exec.args.bytes == b"/bin/true\0in-a-chroot\0" => Some(exec),
        _ => None,
    });
    assert_eq!(exec.fixed.process.flags, PROCESS_CHROOTED);
    assert_eq!(exec.exe.in_root(), real("/bin/true"));
    assert!(exec.exe.bytes.starts_with(root.as_os_str().as_bytes()));
    assert_eq!(
        (exec.cwd.in_root(), exec.cwd.bytes),
        (&b"/"[..], root.as_os_str().as_bytes())
    );
}

#[test]
fn a_terminal_is_named_by_its_number() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let mut rig = Rig::new(&[]);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("terminal");
    grantpt(&master).expect("grant");
    unlockpt(&master).expect("unlock");
    let name = ptsname(&master, Vec::new())
        .expect("name")
        .into_string()
        .expect("text");
    let terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open(name)
        .expect("terminal");
    let number = terminal.metadata().expect("metadata").rdev();
    // setsid(1) makes its input the terminal of a new session.
    let status = Command::new("setsid")
        .args(["-c", "/bin/true", "on-a-terminal"])
        .stdin(terminal)
        .status();
    assert!(status.expect("setsid").success());
    let exec = rig.wait("exec on a terminal", |record| match record {
        Record::Exec(exec) if exec.args.bytes == b"/bin/true\0on-a-terminal\0" => Some(exec),
        _ => None,
    });
    assert_eq!(u64::from(exec.fixed.process.tty), number);
    assert_eq!(exec.fixed.process.sid, exec.fixed.header.pid);
}

#[test]
fn the_cgroup_is_the_one_that_the_kernel_shows() {
    let mut rig = Rig::new(&[]);
    let mut child = Command::new("/bin/cat")
        .stdin(Stdio::piped())
        .spawn()
        .expect("spawn");
    let exec = exec_of(&mut rig, child.id());
    let shown = std::fs::read_to_string(format!("/proc/{}/cgroup", child.id())).expect("cgroup");
    drop(child.stdin.take());
    child.wait().expect("wait");
    let hierarchy = exec.fixed.process.cgroup_id >> 48;
    let line = shown
        .lines()
        .find(|line| line.starts_with(&format!("{hierarchy}:")))
        .expect("its hierarchy");
    let path = line.splitn(3, ':').nth(2).expect("path");
    let seen = if exec.cgroup.bytes.is_empty() {
        "/"
    } else {
        std::str::from_utf8(exec.cgroup.bytes).expect("text")
    };
    assert_eq!(seen, path);
    assert_eq!(exec.fixed.header.cgroup_id, exec.fixed.process.cgroup_id);
}

#[test]
fn a_signal_and_a_last_thread_end_a_process() {
    let mut rig = Rig::new(&[]);
    let mut child = Command::new("/bin/cat")
        .stdin(Stdio::piped())
        .spawn()
        .expect("spawn");
    exec_of(&mut rig, child.id());
    child.kill().expect("kill");
    let status = child.wait().expect("wait");
    let exit = exit_of(&mut rig, child.id());
    assert_eq!((exit.fixed.status, status.into_raw()), (9, 9));
}

#[test]
fn threads_are_not_processes() {
    let mut rig = Rig::new(&[]);
    let thread = std::thread::spawn(tid).join().expect("join");
    let mut child = Command::new("/bin/true").spawn().expect("spawn");
    child.wait().expect("wait");
    rig.wait("exit of the child", |record| match record {
        Record::Fork(fork) => {
            assert_ne!(fork.fixed.process.pid, thread, "a thread was made");
            None
        }
        Record::Exit(exit) if exit.fixed.header.pid == pid() => {
            panic!("a thread is gone, its process is not")
        }
        Record::Exit(exit) if exit.fixed.header.pid == child.id() => Some(()),
        _ => None,
    });
}

#[test]
fn an_exec_by_another_thread_keeps_the_process() {
    // The test runs itself once more as a child; tests do not run on a program's first thread.
    const ROLE: &str = "SAKER_TEST_ROLE";
    if std::env::var_os(ROLE).is_some() {
        assert_ne!(tid(), pid(), "the first thread");
        panic!("{}", Command::new("/bin/true").exec());
    }
    let mut rig = Rig::new(&[]);
    let mut child = Command::new(std::env::current_exe().expect("own program"))
        .args([
            "process::an_exec_by_another_thread_keeps_the_process",
            "--exact",
        ])
        .env(ROLE, "child")
        .stdout(Stdio::null())
        .spawn()
        .expect("spawn");
    let fork = fork_of(&mut rig, child.id());
    let first = exec_of(&mut rig, child.id());
    let second = exec_of(&mut rig, child.id());
    assert_eq!(second.exe.bytes, real("/bin/true"));
    assert_eq!(
        (second.fixed.header.pid, second.fixed.header.tid),
        (child.id(), child.id())
    );
    for exec in [first, second] {
        assert_eq!(
            exec.fixed.process.start_boot_ns,
            fork.fixed.process.start_boot_ns
        );
    }
    assert_eq!(exit_of(&mut rig, child.id()).fixed.status, 0);
    child.wait().expect("wait");
}

#[test]
fn a_process_lives_as_long_as_any_thread() {
    let mut rig = Rig::new(&["open"]);
    let path = c"/saker-test/without the first thread";
    let child = u32::try_from(process_that_outlives_its_first_thread(path)).expect("fork");
    let open = rig.wait("the open of the second thread", |record| match record {
        Record::Exit(exit) if exit.fixed.header.pid == child => panic!("the process lives"),
        Record::Open(open) if open.requested.bytes == path.to_bytes() => Some(open),
        _ => None,
    });
    assert_eq!(open.fixed.header.pid, child);
    assert_ne!(open.fixed.header.tid, child);
    let exit = exit_of(&mut rig, child);
    assert_eq!(exit.fixed.status, 5 << 8);
    assert_eq!(
        exit.fixed.header.start_boot_ns,
        open.fixed.header.start_boot_ns
    );
    let id = rustix::process::Pid::from_raw(child.cast_signed());
    rustix::process::waitpid(id, rustix::process::WaitOptions::empty()).expect("wait");
}
