//! The event types of the `syscall` source: one row per dedicated event, one word per generic one.
//!
//! In: nothing. Out: [`dedicated`], [`generic`], [`RAW_TYPES`] for [`super::Schema::syscall`].
//! Never: how an event is caught, or how its parameters are read; those are the host's.
//! Sources: Falco's list of supported events and its public event schema. Only exit events exist here; what an enter event
//! used to carry stands behind the exit event's own parameters, as upstream does since enter events are gone.

use super::{EventDef, EventKind, NumberFormat, ParamDef, ParamType};

/// Builds rows of the table. A parameter is `name: Type`, followed by `hex` or `oct` where it is not printed in decimal.
macro_rules! events {
    ($($name:ident: $category:literal [$($mark:ident)*] ($($param:ident: $ty:ident $($format:ident)?),*);)*) => {
        &[$({
            const PARAMS: &[ParamDef] = &[$(ParamDef {
                name: stringify!($param),
                ty: ParamType::$ty,
                format: format!($($format)?),
            }),*];
            EventDef::new(stringify!($name), $category, PARAMS)$(.$mark())*
        }),*]
    };
}

macro_rules! format {
    () => {
        NumberFormat::Dec
    };
    (hex) => {
        NumberFormat::Hex
    };
    (oct) => {
        NumberFormat::Oct
    };
}

/// What the marks of the table mean.
impl EventDef {
    const fn syscall(self) -> EventDef {
        self
    }

    const fn tracepoint(mut self) -> EventDef {
        self.kind = EventKind::Tracepoint;
        self
    }

    const fn meta(mut self) -> EventDef {
        self.kind = EventKind::Meta;
        self
    }

    const fn creates_fd(mut self) -> EventDef {
        self.creates_fd = true;
        // The new descriptor is the result where no parameter `res` is.
        self.has_result = true;
        self
    }

    const fn uses_fd(mut self) -> EventDef {
        self.uses_fd = true;
        self
    }

    const fn reads(mut self) -> EventDef {
        self.reads = true;
        self
    }

    const fn writes(mut self) -> EventDef {
        self.writes = true;
        self
    }

    const fn waits(mut self) -> EventDef {
        self.waits = true;
        self
    }
}

/// Events with parameters of their own.
pub(super) fn dedicated() -> &'static [EventDef] {
    DEDICATED
}

/// Names of syscalls that are reported without parameters of their own, and names upstream knows as event types besides.
pub(super) fn generic() -> impl Iterator<Item = EventDef> {
    GENERIC
        .split_ascii_whitespace()
        .map(|name| EventDef::new(name, "other", GENERIC_PARAMS).generic())
}

/// Types that `evt.rawarg.NAME` has at load time where it is not that of the first event in the table: upstream's table
/// still lists retired versions of events, and they come first. The last two belong to retired versions only.
pub(super) const RAW_TYPES: &[ParamDef] = &[
    ParamDef {
        name: "uid",
        ty: ParamType::Uint32,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "gid",
        ty: ParamType::Uint32,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "tty",
        ty: ParamType::Int32,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "addr",
        ty: ParamType::SockAddr,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "image",
        ty: ParamType::CharBuf,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "res_or_fd",
        ty: ParamType::Dyn,
        format: NumberFormat::Dec,
    },
];

const GENERIC_PARAMS: &[ParamDef] = &[
    ParamDef {
        name: "ID",
        ty: ParamType::SyscallId,
        format: NumberFormat::Dec,
    },
    ParamDef {
        name: "nativeID",
        ty: ParamType::Uint16,
        format: NumberFormat::Dec,
    },
];

static DEDICATED: &[EventDef] = events! {
    syscall: "other" [meta] (ID: SyscallId, nativeID: Uint16);
    open: "file" [syscall creates_fd] (
        fd: Fd, name: FsPath, flags: Flags32 hex, mode: Uint32 oct, dev: Uint32 hex, ino: Uint64);
    close: "io" [syscall uses_fd] (res: Errno, fd: Fd);
    read: "io" [syscall uses_fd reads] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32);
    write: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32);
    brk: "memory" [syscall] (res: Uint64 hex, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, addr: Uint64 hex);
    execve: "process" [syscall] (
        res: Errno, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Uint64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, env: ByteBuf, tty: Uint32, vpgid: Pid, loginuid: Uid, flags: Flags32 hex,
        cap_inheritable: Uint64 hex, cap_permitted: Uint64 hex, cap_effective: Uint64 hex, exe_ino: Uint64,
        exe_ino_ctime: AbsTime, exe_ino_mtime: AbsTime, uid: Uid, trusted_exepath: FsPath, pgid: Pid, gid: Gid,
        filename: FsPath);
    clone: "process" [syscall] (
        res: Pid, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Int64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, flags: Flags32 hex, uid: Uint32, gid: Uint32, vtid: Pid, vpid: Pid,
        pidns_init_start_ts: Uint64);
    procexit: "process" [tracepoint] (status: Errno, ret: Errno, sig: SigType, core: Uint8, reaper_tid: Pid);
    socket: "net" [syscall creates_fd] (fd: Fd, domain: EnumFlags32, type: Uint32, proto: Uint32);
    bind: "net" [syscall uses_fd] (res: Errno, addr: SockAddr, fd: Fd);
    connect: "net" [syscall uses_fd] (res: Errno, tuple: SockTuple, fd: Fd, addr: SockAddr);
    listen: "net" [syscall uses_fd] (res: Errno, fd: Fd, backlog: Int32);
    accept: "net" [syscall creates_fd] (
        fd: Fd, tuple: SockTuple, queuepct: Uint8, queuelen: Uint32, queuemax: Uint32);
    send: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32);
    sendto: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32, tuple: SockTuple);
    recv: "io" [syscall uses_fd reads] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32);
    recvfrom: "io" [syscall uses_fd reads] (res: Errno, data: ByteBuf, tuple: SockTuple, fd: Fd, size: Uint32);
    shutdown: "net" [syscall uses_fd] (res: Errno, fd: Fd, how: EnumFlags8 hex);
    getsockname: "net" [syscall] ();
    getpeername: "net" [syscall] ();
    socketpair: "IPC" [syscall creates_fd] (
        res: Errno, fd1: Fd, fd2: Fd, source: Uint64 hex, peer: Uint64 hex, domain: EnumFlags32, type: Uint32,
        proto: Uint32);
    setsockopt: "net" [syscall uses_fd] (
        res: Errno, fd: Fd, level: EnumFlags8, optname: EnumFlags8, val: Dyn, optlen: Uint32);
    getsockopt: "net" [syscall uses_fd] (
        res: Errno, fd: Fd, level: EnumFlags8, optname: EnumFlags8, val: Dyn, optlen: Uint32);
    sendmsg: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32, tuple: SockTuple);
    sendmmsg: "io" [syscall uses_fd writes] (res: Errno, fd: Fd, size: Uint32, data: ByteBuf, tuple: SockTuple);
    recvmsg: "io" [syscall uses_fd reads] (
        res: Errno, size: Uint32, data: ByteBuf, tuple: SockTuple, msgcontrol: ByteBuf, fd: Fd);
    recvmmsg: "io" [syscall uses_fd reads] (
        res: Errno, fd: Fd, size: Uint32, data: ByteBuf, tuple: SockTuple, msgcontrol: ByteBuf);
    creat: "file" [syscall creates_fd] (
        fd: Fd, name: FsPath, mode: Uint32 oct, dev: Uint32 hex, ino: Uint64, creat_flags: Flags16 hex);
    pipe: "IPC" [syscall creates_fd] (res: Errno, fd1: Fd, fd2: Fd, ino: Uint64);
    eventfd: "IPC" [syscall creates_fd] (res: Fd, initval: Uint64, flags: Uint32 hex);
    futex: "IPC" [syscall] (res: Errno, addr: Uint64 hex, op: Flags16 hex, val: Uint64);
    stat: "file" [syscall] (res: Errno, path: FsPath);
    lstat: "file" [syscall] (res: Errno, path: FsPath);
    fstat: "file" [syscall uses_fd] (res: Errno, fd: Fd);
    stat64: "file" [syscall] (res: Errno, path: FsPath);
    lstat64: "file" [syscall] (res: Errno, path: FsPath);
    fstat64: "file" [syscall uses_fd] (res: Errno, fd: Fd);
    epoll_wait: "wait" [syscall waits] (res: Errno, maxevents: Errno);
    poll: "wait" [syscall waits] (res: Errno, fds: FdList, timeout: Int64);
    select: "wait" [syscall waits] (res: Errno);
    lseek: "file" [syscall uses_fd] (res: Errno, fd: Fd, offset: Uint64, whence: EnumFlags8);
    llseek: "file" [syscall uses_fd] (res: Errno, fd: Fd, offset: Uint64, whence: EnumFlags8);
    ioctl: "io" [syscall uses_fd] (res: Errno, fd: Fd, request: Uint64 hex, argument: Uint64 hex);
    getcwd: "file" [syscall] (res: Errno, path: CharBuf);
    chdir: "file" [syscall] (res: Errno, path: CharBuf);
    fchdir: "file" [syscall uses_fd] (res: Errno, fd: Fd);
    mkdir: "file" [syscall] (res: Errno, path: FsPath, mode: Uint32 hex);
    rmdir: "file" [syscall] (res: Errno, path: FsPath);
    openat: "file" [syscall creates_fd] (
        fd: Fd, dirfd: Fd, name: FsRelPath, flags: Flags32 hex, mode: Uint32 oct, dev: Uint32 hex, ino: Uint64);
    link: "file" [syscall] (res: Errno, oldpath: FsPath, newpath: FsPath);
    linkat: "file" [syscall] (
        res: Errno, olddir: Fd, oldpath: FsRelPath, newdir: Fd, newpath: FsRelPath, flags: Flags32 hex);
    unlink: "file" [syscall] (res: Errno, path: FsPath);
    unlinkat: "file" [syscall uses_fd] (res: Errno, dirfd: Fd, name: FsRelPath, flags: Flags32 hex);
    pread: "io" [syscall uses_fd reads] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32, pos: Uint64);
    pwrite: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32, pos: Uint64);
    readv: "io" [syscall uses_fd reads] (res: Errno, size: Uint32, data: ByteBuf, fd: Fd);
    writev: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32);
    preadv: "io" [syscall uses_fd reads] (res: Errno, size: Uint32, data: ByteBuf, fd: Fd, pos: Uint64);
    pwritev: "io" [syscall uses_fd writes] (res: Errno, data: ByteBuf, fd: Fd, size: Uint32, pos: Uint64);
    dup: "io" [syscall creates_fd uses_fd] (res: Fd, oldfd: Fd);
    signalfd: "signal" [syscall creates_fd] (res: Fd, fd: Fd, mask: Uint32 hex, flags: Uint8 hex);
    kill: "signal" [syscall] (res: Errno, pid: Pid, sig: SigType);
    tkill: "signal" [syscall] (res: Errno, tid: Pid, sig: SigType);
    tgkill: "signal" [syscall] (res: Errno, pid: Pid, tid: Pid, sig: SigType);
    nanosleep: "sleep" [syscall waits] (res: Errno, interval: RelTime);
    timerfd_create: "time" [syscall creates_fd] (res: Fd, clockid: Uint8, flags: Uint8 hex);
    inotify_init: "IPC" [syscall creates_fd] (res: Fd, flags: Uint8 hex);
    getrlimit: "process" [syscall] (res: Errno, cur: Int64, max: Int64, resource: EnumFlags8);
    setrlimit: "process" [syscall] (res: Errno, cur: Int64, max: Int64, resource: EnumFlags8);
    prlimit: "process" [syscall] (
        res: Errno, newcur: Int64, newmax: Int64, oldcur: Int64, oldmax: Int64, pid: Int64, resource: EnumFlags8);
    switch: "scheduler" [tracepoint] (
        next: Pid, pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32);
    drop: "internal" [meta] (ratio: Uint32);
    fcntl: "io" [syscall uses_fd] (res: Fd, fd: Fd, cmd: EnumFlags8);
    mmap: "memory" [syscall] (
        res: Errno hex, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, addr: Uint64 hex, length: Uint64,
        prot: Flags32 hex, flags: Flags32 hex, fd: Fd, offset: Uint64);
    mmap2: "memory" [syscall] (
        res: Errno hex, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, addr: Uint64 hex, length: Uint64,
        prot: Flags32 hex, flags: Flags32 hex, fd: Fd, pgoffset: Uint64);
    munmap: "memory" [syscall] (
        res: Errno, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, addr: Uint64 hex, length: Uint64);
    splice: "io" [syscall uses_fd] (res: Errno, fd_in: Fd, fd_out: Fd, size: Uint64, flags: Flags32 hex);
    ptrace: "process" [syscall] (res: Errno, addr: Dyn hex, data: Dyn hex, request: EnumFlags16, pid: Pid);
    rename: "file" [syscall] (res: Errno, oldpath: FsPath, newpath: FsPath);
    renameat: "file" [syscall] (res: Errno, olddirfd: Fd, oldpath: FsRelPath, newdirfd: Fd, newpath: FsRelPath);
    symlink: "file" [syscall] (res: Errno, target: CharBuf, linkpath: FsPath);
    symlinkat: "file" [syscall uses_fd] (res: Errno, target: CharBuf, linkdirfd: Fd, linkpath: FsRelPath);
    fork: "process" [syscall] (
        res: Pid, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Int64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, flags: Flags32 hex, uid: Uint32, gid: Uint32, vtid: Pid, vpid: Pid,
        pidns_init_start_ts: Uint64);
    vfork: "process" [syscall] (
        res: Pid, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Int64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, flags: Flags32 hex, uid: Uint32, gid: Uint32, vtid: Pid, vpid: Pid,
        pidns_init_start_ts: Uint64);
    sendfile: "io" [syscall uses_fd] (res: Errno, offset: Uint64, out_fd: Fd, in_fd: Fd, size: Uint64);
    quotactl: "user" [syscall] (
        res: Errno, special: CharBuf, quotafilepath: CharBuf, dqb_bhardlimit: Uint64, dqb_bsoftlimit: Uint64,
        dqb_curspace: Uint64, dqb_ihardlimit: Uint64, dqb_isoftlimit: Uint64, dqb_btime: RelTime, dqb_itime: RelTime,
        dqi_bgrace: RelTime, dqi_igrace: RelTime, dqi_flags: Flags8, quota_fmt_out: Flags8, cmd: Flags16,
        type: Flags8, id: Uint32, quota_fmt: Flags8);
    setresuid: "user" [syscall] (res: Errno, ruid: Uid, euid: Uid, suid: Uid);
    setresgid: "user" [syscall] (res: Errno, rgid: Gid, egid: Gid, sgid: Gid);
    scapevent: "internal" [meta] (event_type: Uint32, event_data: Uint64);
    setuid: "user" [syscall] (res: Errno, uid: Uid);
    setgid: "user" [syscall] (res: Errno, gid: Gid);
    getuid: "user" [syscall] (uid: Uid);
    geteuid: "user" [syscall] (euid: Uid);
    getgid: "user" [syscall] (gid: Gid);
    getegid: "user" [syscall] (egid: Gid);
    getresuid: "user" [syscall] (res: Errno, ruid: Uid, euid: Uid, suid: Uid);
    getresgid: "user" [syscall] (res: Errno, rgid: Gid, egid: Gid, sgid: Gid);
    container: "process" [meta] (json: CharBuf);
    signaldeliver: "signal" [tracepoint] (spid: Pid, dpid: Pid, sig: SigType);
    procinfo: "internal" [meta] (cpu_usr: Uint64, cpu_sys: Uint64);
    getdents: "file" [syscall uses_fd] (res: Errno, fd: Fd);
    getdents64: "file" [syscall uses_fd] (res: Errno, fd: Fd);
    setns: "process" [syscall uses_fd] (res: Errno, fd: Fd, nstype: Flags32 hex);
    flock: "file" [syscall uses_fd] (res: Errno, fd: Fd, operation: Flags32 hex);
    cpu_hotplug: "system" [meta] (cpu: Uint32, action: Uint32);
    semop: "process" [syscall] (
        res: Errno, nsops: Uint32, sem_num_0: Uint16, sem_op_0: Int16, sem_flg_0: Flags16 hex, sem_num_1: Uint16,
        sem_op_1: Int16, sem_flg_1: Flags16 hex, semid: Int32);
    semctl: "process" [syscall] (res: Errno, semid: Int32, semnum: Int32, cmd: Flags16 hex, val: Int32);
    ppoll: "wait" [syscall waits] (res: Errno, fds: FdList, timeout: RelTime, sigmask: SigSet);
    mount: "file" [syscall] (res: Errno, dev: CharBuf, dir: FsPath, type: CharBuf, flags: Flags32 hex);
    umount: "file" [syscall] (res: Errno, name: FsPath);
    k8s: "internal" [meta] (json: CharBuf);
    semget: "process" [syscall] (res: Errno, key: Int32 hex, nsems: Int32, semflg: Flags32 hex);
    access: "file" [syscall] (res: Errno, name: FsPath, mode: Flags32 hex);
    chroot: "process" [syscall] (res: Errno, path: FsPath);
    tracer: "other" [meta] (id: Int64, tags: CharBufArray, args: CharBufPairArray);
    mesos: "internal" [meta] (json: CharBuf);
    setsid: "process" [syscall] (res: Pid);
    notification: "other" [meta] (id: CharBuf, desc: CharBuf);
    unshare: "process" [syscall] (res: Errno, flags: Flags32 hex);
    infra: "internal" [meta] (source: CharBuf, name: CharBuf, description: CharBuf, scope: CharBuf);
    page_fault: "other" [tracepoint] (addr: Uint64 hex, ip: Uint64 hex, error: Flags32 hex);
    setpgid: "process" [syscall] (res: Pid, pid: Pid, pgid: Pid);
    bpf: "other" [syscall creates_fd] (fd: Fd, cmd: EnumFlags32);
    seccomp: "other" [syscall] (res: Errno, op: Uint64, flags: Uint64 hex);
    mkdirat: "file" [syscall uses_fd] (res: Errno, dirfd: Fd, path: FsRelPath, mode: Uint32 hex);
    fchmodat: "file" [syscall uses_fd] (res: Errno, dirfd: Fd, filename: FsRelPath, mode: Mode oct);
    chmod: "file" [syscall] (res: Errno, filename: FsPath, mode: Mode oct);
    fchmod: "file" [syscall uses_fd] (res: Errno, fd: Fd, mode: Mode oct);
    renameat2: "file" [syscall] (
        res: Errno, olddirfd: Fd, oldpath: FsRelPath, newdirfd: Fd, newpath: FsRelPath, flags: Flags32 hex);
    userfaultfd: "file" [syscall creates_fd] (res: Errno, flags: Flags32 hex);
    pluginevent: "other" [meta] (plugin_id: Uint32, event_data: ByteBuf);
    openat2: "file" [syscall creates_fd] (
        fd: Fd, dirfd: Fd, name: FsRelPath, flags: Flags32 hex, mode: Uint32 oct, resolve: Flags32 hex,
        dev: Uint32 hex, ino: Uint64);
    mprotect: "memory" [syscall] (res: Errno, addr: Uint64 hex, length: Uint64, prot: Flags32 hex);
    execveat: "process" [syscall] (
        res: Errno, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Uint64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, env: ByteBuf, tty: Uint32, vpgid: Pid, loginuid: Uid, flags: Flags32 hex,
        cap_inheritable: Uint64 hex, cap_permitted: Uint64 hex, cap_effective: Uint64 hex, exe_ino: Uint64,
        exe_ino_ctime: AbsTime, exe_ino_mtime: AbsTime, uid: Uid, trusted_exepath: FsPath, pgid: Pid, gid: Gid,
        filename: FsPath);
    copy_file_range: "file" [syscall uses_fd reads writes] (
        res: Errno, fdout: Fd, offout: Uint64, fdin: Fd, offin: Uint64, len: Uint64);
    clone3: "process" [syscall] (
        res: Pid, exe: CharBuf, args: ByteBuf, tid: Pid, pid: Pid, ptid: Pid, cwd: CharBuf, fdlimit: Int64,
        pgft_maj: Uint64, pgft_min: Uint64, vm_size: Uint32, vm_rss: Uint32, vm_swap: Uint32, comm: CharBuf,
        cgroups: ByteBuf, flags: Flags32 hex, uid: Uint32, gid: Uint32, vtid: Pid, vpid: Pid,
        pidns_init_start_ts: Uint64);
    open_by_handle_at: "file" [syscall creates_fd] (
        fd: Fd, mountfd: Fd, flags: Flags32 hex, path: FsPath, dev: Uint32 hex, ino: Uint64);
    io_uring_setup: "io" [syscall creates_fd] (
        res: Errno, entries: Uint32, sq_entries: Uint32, cq_entries: Uint32, flags: Flags32 hex,
        sq_thread_cpu: Uint32, sq_thread_idle: Uint32, features: Flags32 hex);
    io_uring_enter: "io" [syscall uses_fd] (
        res: Errno, fd: Fd, to_submit: Uint32, min_complete: Uint32, flags: Flags32 hex, sig: SigSet);
    io_uring_register: "io" [syscall uses_fd] (
        res: Errno, fd: Fd, opcode: EnumFlags16, arg: Uint64 hex, nr_args: Uint32);
    mlock: "memory" [syscall] (res: Errno, addr: Uint64 hex, len: Uint64);
    munlock: "memory" [syscall] (res: Errno, addr: Uint64 hex, len: Uint64);
    mlockall: "memory" [syscall] (res: Errno, flags: Flags32 hex);
    munlockall: "memory" [syscall] (res: Errno);
    capset: "process" [syscall] (
        res: Errno, cap_inheritable: Uint64 hex, cap_permitted: Uint64 hex, cap_effective: Uint64 hex);
    useradded: "process" [meta] (
        uid: Uint32, gid: Uint32, name: CharBuf, home: CharBuf, shell: CharBuf, container_id: CharBuf);
    userdeleted: "process" [meta] (
        uid: Uint32, gid: Uint32, name: CharBuf, home: CharBuf, shell: CharBuf, container_id: CharBuf);
    groupadded: "process" [meta] (gid: Uint32, name: CharBuf, container_id: CharBuf);
    groupdeleted: "process" [meta] (gid: Uint32, name: CharBuf, container_id: CharBuf);
    dup2: "io" [syscall creates_fd uses_fd] (res: Fd, oldfd: Fd, newfd: Fd);
    dup3: "io" [syscall creates_fd uses_fd] (res: Fd, oldfd: Fd, newfd: Fd, flags: Flags32 hex);
    mlock2: "memory" [syscall] (res: Errno, addr: Uint64 hex, len: Uint64, flags: Flags32 hex);
    fsconfig: "system" [syscall uses_fd] (
        res: Errno, fd: Fd, cmd: EnumFlags32, key: CharBuf, value_bytebuf: ByteBuf, value_charbuf: CharBuf,
        aux: Int32);
    epoll_create: "wait" [syscall creates_fd] (res: Errno, size: Int32);
    epoll_create1: "wait" [syscall creates_fd] (res: Errno, flags: Flags32 hex);
    chown: "file" [syscall] (res: Errno, path: FsPath, uid: Uint32, gid: Uint32);
    lchown: "file" [syscall] (res: Errno, path: FsPath, uid: Uint32, gid: Uint32);
    fchown: "file" [syscall uses_fd] (res: Errno, fd: Fd, uid: Uint32, gid: Uint32);
    fchownat: "file" [syscall uses_fd] (
        res: Errno, dirfd: Fd, pathname: FsRelPath, uid: Uint32, gid: Uint32, flags: Flags32 hex);
    accept4: "net" [syscall creates_fd] (
        fd: Fd, tuple: SockTuple, queuepct: Uint8, queuelen: Uint32, queuemax: Uint32, flags: Int32 hex);
    umount2: "file" [syscall] (res: Errno, name: FsPath, flags: Flags32 hex);
    pipe2: "IPC" [syscall creates_fd] (res: Errno, fd1: Fd, fd2: Fd, ino: Uint64, flags: Flags32 hex);
    inotify_init1: "IPC" [syscall creates_fd] (res: Fd, flags: Flags16 hex);
    eventfd2: "IPC" [syscall creates_fd] (res: Fd, flags: Flags16 hex, initval: Uint64);
    signalfd4: "signal" [syscall creates_fd] (res: Fd, flags: Flags16 hex, fd: Fd, mask: Uint32 hex);
    prctl: "process" [syscall] (res: Errno, option: EnumFlags32, arg2_str: CharBuf, arg2_int: Int64);
    asyncevent: "other" [meta] (plugin_id: Uint32, name: CharBuf, data: ByteBuf);
    memfd_create: "memory" [syscall creates_fd] (fd: Fd, name: CharBuf, flags: Flags32 hex);
    pidfd_getfd: "process" [syscall creates_fd] (fd: Fd, pid_fd: Fd, target_fd: Fd, flags: Uint32 hex);
    pidfd_open: "process" [syscall creates_fd] (fd: Fd, pid: Pid, flags: Flags32 hex);
    init_module: "other" [syscall] (res: Errno, img: ByteBuf, length: Uint64, uargs: CharBuf);
    finit_module: "other" [syscall uses_fd reads] (res: Errno, fd: Fd, uargs: CharBuf, flags: Flags32 hex);
    mknod: "other" [syscall] (res: Errno, path: FsPath, mode: Mode oct, dev: Uint32);
    mknodat: "other" [syscall uses_fd] (res: Errno, dirfd: Fd, path: FsRelPath, mode: Mode oct, dev: Uint32);
    newfstatat: "file" [syscall uses_fd] (res: Errno, dirfd: Fd, path: FsRelPath, flags: Flags32 hex);
    process_vm_readv: "IPC" [syscall] (res: Int64, pid: Pid, data: ByteBuf);
    process_vm_writev: "IPC" [syscall] (res: Int64, pid: Pid, data: ByteBuf);
    delete_module: "other" [syscall] (res: Errno, name: CharBuf, flags: Flags32 hex);
    setreuid: "user" [syscall] (res: Errno, ruid: Uid, euid: Uid);
    setregid: "user" [syscall] (res: Errno, rgid: Uid, egid: Uid);
    container_removed: "other" [meta] (plugin_id: Uint32, name: CharBuf, data: ByteBuf);
};

const GENERIC: &str = "
    _llseek _newselect _sysctl acct add_key adjtimex alarm arch_prctl bdflush cachestat capget clock_adjtime
    clock_getres clock_gettime clock_nanosleep clock_settime close_range create_module epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait_old exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_init
    fanotify_mark fchmodat2 fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr
    fsmount fsopen fspick fstatat64 fstatfs fstatfs64 fsync ftruncate futex_requeue futex_wait futex_waitv
    futex_wake futimesat get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu getegid32 geteuid32
    getgid32 getgroups getitimer getpgid getpgrp getpid getpmsg getppid getpriority getrandom getresgid32
    getresuid32 getrusage getsid gettid gettimeofday getuid32 getxattr getxattrat idle inotify_add_watch
    inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioperm iopl ioprio_get
    ioprio_set ipc kcmp kexec_file_load kexec_load keyctl landlock_add_rule landlock_create_ruleset
    landlock_restrict_self lgetxattr listmount listxattr listxattrat llistxattr lookup_dcookie lremovexattr
    lsetxattr lsm_get_self_attr lsm_list_modules lsm_set_self_attr madvise map_shadow_stack mbind membarrier
    memfd_secret migrate_pages mincore modify_ldt mount_setattr move_mount move_pages mq_getsetattr mq_notify
    mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync multiplexer
    name_to_handle_at nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open_tree open_tree_attr
    page_fault_kernel page_fault_user pause pciconfig_iobase pciconfig_read pciconfig_write perf_event_open
    personality pidfd_send_signal pivot_root pkey_alloc pkey_free pkey_mprotect pread64 preadv2 prlimit64
    process_madvise process_mrelease pselect6 pwrite64 pwritev2 query_module quotactl_fd readahead readdir readlink
    readlinkat reboot remap_file_pages removexattr removexattrat request_key restart_syscall riscv_flush_icache
    riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_tgsigqueueinfo rtas s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write
    s390_runtime_instr s390_sthyi sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_process_exit sched_rr_get_interval sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_switch sched_yield semtimedop sendfile64 set_mempolicy
    set_mempolicy_home_node set_robust_list set_thread_area set_tid_address setdomainname setfsgid setfsuid setgid32
    setgroups sethostname setitimer setpriority setresgid32 setresuid32 settimeofday setuid32 setxattr setxattrat
    sgetmask shmat shmctl shmdt shmget sigaction sigaltstack signal signal_deliver sigpending sigprocmask sigreturn
    sigsuspend socketcall spu_create spu_run ssetmask statfs statfs64 statmount statx stime subpage_prot swapcontext
    swapoff swapon switch_endian sync sync_file_range sync_file_range2 syncfs sys_debug_setcontext sysfs sysinfo
    syslog tee time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_gettime
    timerfd_settime times truncate ugetrlimit umask uname unknown uretprobe uselib ustat utime utimensat utimes
    vhangup vm86 vmsplice wait4 waitid waitpid
";
