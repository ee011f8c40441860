//! Processes: programs, clones, ends, ids, signals, namespaces, tracing.

use bumpalo::Bump;

use super::Descriptor::{None as NoFd, Own};
use super::Paths::None as NoPath;
use super::Source::{Arg, Data, Fd, Of, Path, Result, Text, Uncollected, Value};
use super::Which::First;
use super::{Binding, Datum, Source, argument, bindings, symbols};
use crate::event::fields::{exe_flags, joined_env};
use crate::event::model::Process;
use crate::event::symbols::process as words;
use crate::event::{Event, Exit, Facts};

const EXE: Source = Of(|e, _| e.process.map(|p| Datum::Text(&p.image.exe)));
const ARGS: Source = Of(|e, _| e.process.map(|p| Datum::Bytes(&p.image.args)));
const CWD: Source = Of(|e, _| e.process.map(|p| Datum::Text(&p.cwd)));
const COMM: Source = Of(|e, _| e.process.map(|p| Datum::Text(p.comm.bytes())));
const CGROUPS: Source = Of(|e, _| e.cgroup.map(|cgroup| Datum::Bytes(&cgroup.path)));
const TID: Source = Of(|e, _| Some(Datum::Number(e.tid.into())));
const PID: Source = Of(|e, _| Some(Datum::Number(e.actor.pid.into())));
const PTID: Source = Of(|e, _| of(e, |p| p.parent.pid.into()));
const UID: Source = Of(|e, _| Some(Datum::Number(e.uid.into())));
const GID: Source = Of(|e, _| Some(Datum::Number(e.gid.into())));

/// Rows of programs: what they run stands in the process. Of a call that failed that is the caller.
macro_rules! programs {
    ($($event:ident)*) => {
        bindings! {$(
            $event [NoFd; NoPath] (
                res: Result, exe: EXE, args: ARGS, tid: TID, pid: PID, ptid: PTID, cwd: CWD, fdlimit: Uncollected,
                pgft_maj: Uncollected, pgft_min: Uncollected, vm_size: Uncollected, vm_rss: Uncollected,
                vm_swap: Uncollected, comm: COMM, cgroups: CGROUPS,
                env: Of(|e, arena| Some(Datum::Bytes(joined_env(e.process?, arena)))),
                tty: Of(|e, _| of(e, |p| p.tty.into())),
                vpgid: Of(|e, _| of(e, |p| p.vpgid.into())),
                loginuid: Of(|e, _| of(e, |p| p.credentials.loginuid.into())),
                flags: Of(|e, _| of(e, exe_flags)) => words::EXE,
                cap_inheritable: Of(|e, _| of(e, |p| p.credentials.cap_inheritable)),
                cap_permitted: Of(|e, _| of(e, |p| p.credentials.cap_permitted)),
                cap_effective: Of(|e, _| of(e, |p| p.credentials.cap_effective)),
                exe_ino: Of(|e, _| of(e, |p| p.image.inode)),
                exe_ino_ctime: Of(|e, _| of(e, |p| p.image.ctime_ns)),
                exe_ino_mtime: Of(|e, _| of(e, |p| p.image.mtime_ns)),
                uid: UID, trusted_exepath: Of(exe_path),
                pgid: Of(|e, _| of(e, |p| p.pgid.into())),
                gid: GID, filename: Of(filename));
        )*}
    };
}

/// Rows of calls that make a process: they tell of the caller.
macro_rules! clones {
    ($($event:ident $flags:expr;)*) => {
        bindings! {$(
            $event [NoFd; NoPath] (
                res: Result, exe: EXE, args: ARGS, tid: TID, pid: PID, ptid: PTID, cwd: CWD, fdlimit: Uncollected,
                pgft_maj: Uncollected, pgft_min: Uncollected, vm_size: Uncollected, vm_rss: Uncollected,
                vm_swap: Uncollected, comm: COMM, cgroups: CGROUPS, flags: $flags => words::CLONE, uid: UID, gid: GID,
                vtid: Of(vtid),
                vpid: Of(|e, _| of(e, |p| p.vpid.into())),
                pidns_init_start_ts: Of(|e, _| of(e, |p| e.wall_ns(p.pid_namespace_start_boot_ns))));
        )*}
    };
}

/// Programs.
pub(super) const PROGRAMS: &[Binding] = programs!(execve execveat);

/// New processes. The flags of fork and vfork are what these calls stand for.
pub(super) const CLONES: &[Binding] = clones! {
    clone Of(|e, _| argument(e, |args| args[0] & !EXIT_SIGNAL));
    clone3 Value(0);
    fork Of(|_, _| Some(Datum::Number(0)));
    vfork Of(|_, _| Some(Datum::Number(CLONE_VFORK | CLONE_VM)));
};

/// The others.
pub(super) const ROWS: &[Binding] = bindings! {
    procexit [NoFd; NoPath] (
        status: Of(|e, _| exit(e, |exit| exit.status.into())),
        ret: Of(|e, _| exit(e, |exit| u64::from(exit.status >> 8 & 0xff))),
        sig: Of(|e, _| exit(e, |exit| u64::from(exit.status & 0x7f))) => words::SIGNAL,
        core: Of(|e, _| exit(e, |exit| u64::from(exit.status >> 7 & 1))),
        reaper_tid: Of(|e, _| exit(e, |exit| exit.reaper.pid.into())));
    kill [NoFd; NoPath] (res: Result, pid: Arg(0), sig: Arg(1) => words::SIGNAL);
    tkill [NoFd; NoPath] (res: Result, tid: Arg(0), sig: Arg(1) => words::SIGNAL);
    tgkill [NoFd; NoPath] (res: Result, pid: Arg(0), tid: Arg(1), sig: Arg(2) => words::SIGNAL);
    ptrace [NoFd; NoPath] (
        res: Result, addr: Arg(2), data: Arg(3), request: Arg(0) => words::PTRACE, pid: Arg(1));
    process_vm_readv [NoFd; NoPath] (res: Result, pid: Arg(0), data: Data);
    process_vm_writev [NoFd; NoPath] (res: Result, pid: Arg(0), data: Data);
    prctl [NoFd; NoPath] (
        res: Result, option: Arg(0) => words::PRCTL, arg2_str: Text, arg2_int: Of(prctl_number));
    setsid [NoFd; NoPath] (res: Result);
    setpgid [NoFd; NoPath] (res: Result, pid: Arg(0), pgid: Arg(1));
    setns [Own; NoPath] (res: Result, fd: Fd(0), nstype: Arg(1) => words::CLONE);
    unshare [NoFd; NoPath] (res: Result, flags: Arg(0) => words::CLONE);
    chroot [NoFd; NoPath] (res: Result, path: Path(First));
    setuid [NoFd; NoPath] (res: Result, uid: Arg(0));
    setgid [NoFd; NoPath] (res: Result, gid: Arg(0));
    setreuid [NoFd; NoPath] (res: Result, ruid: Arg(0), euid: Arg(1));
    setregid [NoFd; NoPath] (res: Result, rgid: Arg(0), egid: Arg(1));
    setresuid [NoFd; NoPath] (res: Result, ruid: Arg(0), euid: Arg(1), suid: Arg(2));
    setresgid [NoFd; NoPath] (res: Result, rgid: Arg(0), egid: Arg(1), sgid: Arg(2));
    capset [NoFd; NoPath] (
        res: Result, cap_inheritable: Value(2), cap_permitted: Value(1), cap_effective: Value(0));
};

/// The bits of clone's flags that are no flag but the signal which tells of the child's end.
const EXIT_SIGNAL: u64 = 0xff;
const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
const PR_SET_NAME: u64 = 15;

/// The second argument of prctl, unless it is a name's address.
fn prctl_number<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    argument(event, |args| match args[0] {
        PR_SET_NAME => 0,
        _ => args[1],
    })
}

/// A number of the acting process.
fn of<'a>(event: &Event<'_>, get: impl Fn(&Process) -> u64) -> Option<Datum<'a>> {
    event.process.map(|process| Datum::Number(get(process)))
}

fn exit<'a>(event: &Event<'_>, get: impl Fn(&Exit) -> u64) -> Option<Datum<'a>> {
    match &event.facts {
        Facts::Exit(exit) => Some(Datum::Number(get(exit))),
        Facts::Exec { .. } | Facts::Call(_) | Facts::Container => None,
    }
}

/// The thread id in the innermost namespace, which records tell of main threads only.
fn vtid<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    (event.tid == event.actor.pid)
        .then(|| of(event, |process| process.vpid.into()))
        .flatten()
}

fn exe_path<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    event.process.map(|process| Datum::Path {
        written: &process.image.path,
        absolute: &process.image.path,
    })
}

fn filename<'a>(event: &'a Event<'_>, arena: &'a Bump) -> Option<Datum<'a>> {
    match &event.facts {
        Facts::Exec { filename } => Some(Datum::Path {
            written: filename,
            absolute: event.process.map_or(filename, |process| {
                crate::event::path::absolute(&process.cwd, filename, arena)
            }),
        }),
        Facts::Call(_) => Path(First).read(event, arena),
        Facts::Exit(_) | Facts::Container => None,
    }
}
