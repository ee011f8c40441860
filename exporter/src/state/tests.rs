//! Records in, tables out.

use exporter_ebpf::record::{
    Exec, Exit, Fork, Header, Inode, Kind, LAYOUT_VERSION, Open, PathDesc, Process as Who, Stat,
    Syscall, TailDesc, Task,
};
use zerocopy::{FromZeros, IntoBytes};

use super::*;

const ID: &str = "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";

pub(crate) fn who(pid: u32, parent: u32, comm: &str, cgroup_id: u64) -> Who {
    let mut who = Who::new_zeroed();
    who.pid = pid;
    who.start_boot_ns = u64::from(pid) * 10;
    who.parent_pid = parent;
    who.parent_start_boot_ns = u64::from(parent) * 10;
    who.cgroup_id = cgroup_id;
    who.comm[..comm.len()].copy_from_slice(comm.as_bytes());
    who
}

pub(crate) fn header(kind: Kind, who: &Who, at: u64) -> Header {
    let mut header = Header::new_zeroed();
    header.kind = kind.number();
    header.version = LAYOUT_VERSION as u16;
    header.pid = who.pid;
    header.start_boot_ns = who.start_boot_ns;
    header.cgroup_id = who.cgroup_id;
    header.time_boot_ns = at;
    header
}

pub(crate) fn tail(bytes: &[u8]) -> TailDesc {
    TailDesc {
        bytes: bytes.len() as u16,
        flags: 0,
    }
}

fn path(bytes: &[u8]) -> PathDesc {
    PathDesc {
        bytes: bytes.len() as u16,
        flags: 0,
        root_bytes: 0,
        pad: 0,
    }
}

/// Fixed part and tails as one record, its length filled in.
pub(crate) fn record(fixed: &[u8], tails: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [fixed, &tails.concat()].concat();
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes
}

pub(crate) fn exec(who: Who, at: u64, args: &[u8], cgroup: &str) -> Vec<u8> {
    let (exe, cwd) = (b"/usr/bin/x", b"/work");
    let fixed = Exec {
        header: header(Kind::Exec, &who, at),
        process: who,
        inode: Inode::new_zeroed(),
        stat: Stat::new_zeroed(),
        exe: path(exe),
        cwd: path(cwd),
        filename: tail(b"x"),
        args: tail(args),
        cgroup: tail(cgroup.as_bytes()),
        env: tail(b""),
    };
    record(fixed.as_bytes(), &[exe, cwd, b"x", args, cgroup.as_bytes()])
}

pub(crate) fn task(who: Who, at: u64, args: &[u8], cgroup: &str) -> Vec<u8> {
    let (exe, cwd) = (b"/usr/bin/x", b"/work");
    let fixed = Task {
        header: header(Kind::Task, &who, at),
        process: who,
        inode: Inode::new_zeroed(),
        stat: Stat::new_zeroed(),
        exe: path(exe),
        cwd: path(cwd),
        args: tail(args),
        cgroup: tail(cgroup.as_bytes()),
    };
    record(fixed.as_bytes(), &[exe, cwd, args, cgroup.as_bytes()])
}

pub(crate) fn fork(maker: &Who, child: Who, at: u64) -> Vec<u8> {
    let fixed = Fork {
        header: header(Kind::Fork, maker, at),
        process: child,
        clone_flags: 0,
    };
    record(fixed.as_bytes(), &[])
}

pub(crate) fn exit(who: &Who, at: u64) -> Vec<u8> {
    let fixed = Exit {
        header: header(Kind::Exit, who, at),
        reaper_start_boot_ns: 0,
        reaper_pid: 0,
        status: 0,
    };
    record(fixed.as_bytes(), &[])
}

fn open(who: &Who, at: u64) -> Vec<u8> {
    let mut fixed = Open::new_zeroed();
    fixed.header = header(Kind::Open, who, at);
    record(fixed.as_bytes(), &[])
}

/// A call that succeeded, with what it changes.
fn call(who: &Who, id: u8, args: [u64; 2], target: &[u8], text: &[u8]) -> Vec<u8> {
    call_giving(who, id, args, [1, 3, 7], target, text)
}

fn call_giving(
    who: &Who,
    id: u8,
    args: [u64; 2],
    values: [u64; 3],
    target: &[u8],
    text: &[u8],
) -> Vec<u8> {
    let mut fixed = Syscall::new_zeroed();
    fixed.header = header(Kind::Syscall, who, 50);
    fixed.header.tid = who.pid;
    fixed.call.call = id;
    fixed.args[..2].copy_from_slice(&args);
    fixed.values = values;
    fixed.target = path(target);
    fixed.text = tail(text);
    record(fixed.as_bytes(), &[target, text])
}

fn apply(state: &mut State, bytes: &[u8]) -> Applied {
    state.apply(&Record::parse(bytes).expect("the test makes whole records"))
}

fn state() -> State {
    State::new(
        64,
        Arc::new(Users::parse("root:x:0:0::/root:/bin/sh\n", "root:x:0:\n")),
    )
}

fn known(state: &State, pid: u32) -> &Process {
    let key = ProcessKey {
        pid,
        start_boot_ns: u64::from(pid) * 10,
    };
    state.process(key).expect("the process is known")
}

#[test]
fn a_child_shares_its_makers_image_until_it_executes() {
    let mut state = state();
    let sh = who(10, 1, "sh", 1);
    assert_eq!(
        apply(&mut state, &exec(sh, 5, b"sh\0-c\0ls\0", "/")),
        Applied::Event
    );
    let child = who(11, 10, "sh", 1);
    assert_eq!(apply(&mut state, &fork(&sh, child, 6)), Applied::StateOnly);
    assert_eq!(known(&state, 11).image.args().count(), 2);
    assert!(Arc::ptr_eq(
        &known(&state, 11).image,
        &known(&state, 10).image
    ));

    apply(&mut state, &exec(who(11, 10, "ls", 1), 7, b"ls\0", "/"));
    let ls = known(&state, 11);
    assert_eq!(
        (ls.comm.bytes(), &*ls.image.exe, ls.image.args().count()),
        (&b"ls"[..], &b"ls"[..], 0)
    );
    assert_eq!(known(&state, 10).comm.bytes(), b"sh");
}

#[test]
fn the_scan_fills_gaps_and_never_takes_back_what_the_ring_told() {
    let mut state = state();
    apply(&mut state, &exec(who(10, 1, "new", 1), 50, b"new\0", "/"));
    apply(&mut state, &task(who(10, 1, "old", 1), 40, b"old\0", "/"));
    assert_eq!(known(&state, 10).comm.bytes(), b"new");
    apply(
        &mut state,
        &task(who(10, 1, "newer", 1), 60, b"newer\0", "/"),
    );
    assert_eq!(known(&state, 10).comm.bytes(), b"newer");

    // The scan met the child, with its new image, before the ring told of its birth.
    apply(
        &mut state,
        &task(who(11, 10, "child", 1), 60, b"child\0", "/"),
    );
    apply(
        &mut state,
        &fork(&who(10, 1, "new", 1), who(11, 10, "new", 1), 55),
    );
    assert_eq!(known(&state, 11).comm.bytes(), b"child");
}

#[test]
fn a_scan_of_the_same_program_keeps_what_it_does_not_tell() {
    let mut state = state();
    apply(&mut state, &exec(who(10, 1, "a", 1), 50, b"a\0b\0", "/"));
    let image = Arc::clone(&known(&state, 10).image);
    // Its name has changed, by a call whose record was lost.
    apply(&mut state, &task(who(10, 1, "new", 1), 60, b"a\0b\0", "/"));
    assert_eq!(known(&state, 10).comm.bytes(), b"new");
    assert!(Arc::ptr_eq(&known(&state, 10).image, &image));
    // So has its program.
    apply(&mut state, &task(who(10, 1, "new", 1), 70, b"c\0", "/"));
    assert_eq!(&*known(&state, 10).image.exe, b"c");
}

#[test]
fn an_exit_is_told_once_and_leaves_the_process_to_its_children() {
    let mut state = state();
    let sh = who(10, 1, "sh", 1);
    apply(&mut state, &exec(sh, 5, b"sh\0", "/"));
    assert_eq!(apply(&mut state, &exit(&sh, 6)), Applied::Event);
    assert_eq!(apply(&mut state, &exit(&sh, 6)), Applied::StateOnly);
    assert_eq!(known(&state, 10).comm.bytes(), b"sh");
}

#[test]
fn a_process_is_found_in_its_container_by_path_and_by_id() {
    let mut state = state();
    let docker = format!("/docker/{ID}");
    apply(&mut state, &exec(who(10, 1, "sh", 77), 5, b"sh\0", &docker));
    let container = |state: &State, pid| {
        known(state, pid)
            .cgroup
            .container
            .as_ref()
            .map(|container| container.short().to_owned())
    };
    assert_eq!(container(&state, 10).as_deref(), Some(&ID[..12]));
    // A fork has no path with it: the id leads to the same cgroup.
    apply(
        &mut state,
        &fork(&who(10, 1, "sh", 77), who(11, 10, "sh", 77), 6),
    );
    assert_eq!(container(&state, 11).as_deref(), Some(&ID[..12]));
    // A host process that is moved into it is in it with its next event.
    apply(&mut state, &exec(who(12, 1, "runc", 1), 7, b"runc\0", "/"));
    assert_eq!(container(&state, 12), None);
    apply(&mut state, &open(&who(12, 1, "runc", 77), 8));
    assert_eq!(container(&state, 12).as_deref(), Some(&ID[..12]));
    assert_eq!(
        state
            .cgroups
            .get(77)
            .and_then(|cgroup| cgroup.container.as_ref())
            .map(|c| &*c.full),
        Some(ID)
    );
}

#[test]
fn an_unknown_cgroup_is_believed_as_soon_as_its_path_comes() {
    let mut state = state();
    apply(
        &mut state,
        &fork(&who(10, 1, "sh", 5), who(11, 10, "sh", 5), 6),
    );
    assert!(known(&state, 11).cgroup.container.is_none());
    assert!(state.cgroups.get(5).is_none());
    apply(
        &mut state,
        &exec(who(11, 10, "sh", 5), 7, b"sh\0", &format!("/docker/{ID}")),
    );
    assert!(known(&state, 11).cgroup.container.is_some());
}

#[test]
fn a_containerd_shim_vouches_for_names_that_are_free_text() {
    let mut state = state();
    let args = b"shim\0-namespace\0team\0-id\0job\0-address\0/run/x\0";
    apply(
        &mut state,
        &exec(who(10, 1, "containerd-shim", 1), 5, args, "/"),
    );
    apply(&mut state, &exec(who(11, 10, "runc", 1), 6, b"runc\0", "/"));
    apply(
        &mut state,
        &exec(who(12, 11, "app", 9), 7, b"app\0", "/team/job"),
    );
    let container = known(&state, 12).cgroup.container.as_ref();
    assert_eq!(container.map(|container| container.short()), Some("job"));
    apply(
        &mut state,
        &exec(who(13, 11, "app", 10), 8, b"app\0", "/team/other"),
    );
    assert!(known(&state, 13).cgroup.container.is_none());
}

#[test]
fn a_service_keeps_its_cgroup_however_many_come_and_go() {
    let mut state = State::new(8, Arc::default());
    let docker = format!("/docker/{ID}");
    let service = who(10, 1, "service", 7);
    apply(&mut state, &exec(service, 1, b"x\0", &docker));
    for id in 100..CGROUPS_MAX as u64 * 2 {
        let short = who(20, 1, "x", id);
        apply(&mut state, &exec(short, id, b"x\0", &format!("/c{id}")));
    }
    assert!(state.cgroups.len() < CGROUPS_MAX, "{}", state.cgroups.len());
    assert_eq!(state.cgroups.evictions(), 0);
    // A fork brings no path.
    let child = who(11, 10, "service", 7);
    apply(&mut state, &fork(&service, child, u64::MAX));
    let container = known(&state, 11).cgroup.container.as_ref();
    assert_eq!(container.map(|id| &*id.full), Some(ID));
}

#[test]
fn calls_change_what_no_later_record_tells() {
    use exporter_ebpf::record::{
        CALL_CAPSET, CALL_CHDIR, CALL_PRCTL, CALL_SETPGID, CALL_SETSID, CALL_SETUID,
    };

    let mut state = state();
    let mut shell = who(10, 1, "sh", 1);
    (shell.vpid, shell.vpgid, shell.pgid, shell.sid, shell.tty) = (5, 5, 10, 3, 34816);
    apply(&mut state, &exec(shell, 5, b"sh\0", "/"));
    apply(&mut state, &call(&shell, CALL_CHDIR, [0, 0], b"/new", b""));
    assert_eq!(&*known(&state, 10).cwd, b"/new");
    // The name is the kernel's, whatever the caller's memory holds when the call ends; the option is an int.
    let prctl = |option, name: &[u8; 16], text: &[u8]| {
        let [low, high] = [&name[..8], &name[8..]]
            .map(|half| u64::from_ne_bytes(half.try_into().expect("eight bytes")));
        call_giving(&shell, CALL_PRCTL, [option, 0], [low, high, 0], b"", text)
    };
    let name = b"a-name-that-is-\0";
    apply(&mut state, &prctl(15 | 7 << 32, name, b"rewritten"));
    assert_eq!(known(&state, 10).comm.bytes(), b"a-name-that-is-");
    // Other options of prctl, and the names of other threads, are nothing to the process.
    let other = b"other\0\0\0\0\0\0\0\0\0\0\0";
    apply(&mut state, &prctl(4, other, b"other"));
    let mut bytes = prctl(15, other, b"other");
    let tid = std::mem::offset_of!(Header, tid);
    bytes[tid..tid + 4].copy_from_slice(&99_u32.to_ne_bytes());
    apply(&mut state, &bytes);
    assert_eq!(known(&state, 10).comm.bytes(), b"a-name-that-is-");
    apply(&mut state, &call(&shell, CALL_CAPSET, [0, 0], b"", b""));
    let caps = known(&state, 10).credentials;
    assert_eq!(
        (caps.cap_effective, caps.cap_permitted, caps.cap_inheritable),
        (1, 3, 7)
    );
    // Who gives up being root loses rights in the same instant.
    let nobody = call_giving(&shell, CALL_SETUID, [1, 0], [0, 2, 4], b"", b"");
    apply(&mut state, &nobody);
    let caps = known(&state, 10).credentials;
    assert_eq!(
        (caps.cap_effective, caps.cap_permitted, caps.cap_inheritable),
        (0, 2, 4)
    );

    // A job: the shell makes its child the leader of a group, by the numbers of its own namespace.
    let mut job = who(11, 10, "sh", 1);
    (job.vpid, job.vpgid, job.pgid) = (6, 5, 10);
    apply(&mut state, &fork(&shell, job, 6));
    apply(&mut state, &call(&shell, CALL_SETPGID, [6, 6], b"", b""));
    assert_eq!((known(&state, 11).vpgid, known(&state, 11).pgid), (6, 11));
    apply(&mut state, &call(&job, CALL_SETPGID, [0, 0], b"", b""));
    assert_eq!((known(&state, 11).vpgid, known(&state, 11).pgid), (6, 11));
    apply(&mut state, &call(&job, CALL_SETSID, [0, 0], b"", b""));
    assert_eq!((known(&state, 11).sid, known(&state, 11).tty), (11, 0));
}

#[test]
fn a_main_threads_child_tells_its_makers_name_and_login() {
    let mut state = state();
    let mut sh = who(10, 1, "sh", 1);
    apply(&mut state, &exec(sh, 5, b"sh\0", "/"));
    sh.comm[..5].copy_from_slice(b"nginx");
    let mut child = who(12, 10, "nginx", 1);
    child.login_uid = 1000;
    // Another thread of the process: its name is its own.
    apply(&mut state, &fork(&sh, who(11, 10, "nginx", 1), 6));
    assert_eq!(known(&state, 10).comm.bytes(), b"sh");
    let mut bytes = fork(&sh, child, 7);
    let tid = std::mem::offset_of!(Header, tid);
    bytes[tid..tid + 4].copy_from_slice(&10_u32.to_ne_bytes());
    apply(&mut state, &bytes);
    assert_eq!(known(&state, 10).comm.bytes(), b"nginx");
    assert_eq!(known(&state, 10).credentials.loginuid, 1000);
}

#[test]
fn orphans_have_the_parent_that_the_kernel_gave_them() {
    let mut state = state();
    for (pid, parent) in [(2, 1), (10, 2), (11, 10)] {
        apply(&mut state, &exec(who(pid, parent, "x", 1), 5, b"x\0", "/"));
    }
    let fixed = Exit {
        header: header(Kind::Exit, &who(10, 2, "x", 1), 6),
        reaper_start_boot_ns: 20,
        reaper_pid: 2,
        status: 0,
    };
    apply(&mut state, &record(fixed.as_bytes(), &[]));
    assert_eq!(known(&state, 11).parent.pid, 2);
}
