//! The layout of every record and map value that crosses the kernel border: the Rust twin of `bpf/record.h`.
//!
//! In: nothing. Out: plain structs with the C layout, the constants, and [`Record::parse`] (in `record/parse.rs`).
//! Never: a cast, a transmute, a panic, an assumption about text.
//! `tests/layout.rs` proves both texts equal through the BTF of the object: structs, members, offsets, sizes, values.

use crate::layout::{EnumLayout, constants, structs};

mod parse;

pub use crate::syscall::id::*;
pub use parse::{
    ConnectRecord, ExecRecord, ExitRecord, ForkRecord, Kind, LayoutError, OpenRecord, Path, Record,
    Records, SyscallRecord, Tail, TaskRecord,
};

constants! {
    "rec_limit": usize {
        /// Version of this layout; a record of another one is refused.
        LAYOUT_VERSION = 2,
        /// Entries of the counters map.
        KINDS_MAX = 64,
        /// System call numbers are below it.
        CALLS_MAX = 1024,
        /// Numbers within i386's socketcall are below it; they follow the others in the watch table.
        SOCKETCALLS_MAX = 32,
        /// Opcodes of io_uring's requests are below it; they follow those in the watch table.
        REQUESTS_MAX = 64,
        /// Bytes of a task's name.
        COMM_BYTES = 16,
        /// Longest path.
        PATH_BYTES_MAX = 4096,
        /// Most bytes of arguments.
        ARGS_BYTES_MAX = 8192,
        /// Most bytes of environment.
        ENV_BYTES_MAX = 4096,
        /// Longest socket address.
        SOCKADDR_BYTES_MAX = 128,
        /// Most bytes of what a call reads or writes.
        DATA_BYTES_MAX = 80,
    }
    "rec_header_flag": u32 {
        /// At least one tail was cut at its limit.
        RECORD_TRUNCATED = 1,
        /// At least one fact could not be read; what is missing is zero or empty.
        RECORD_READ_FAILED = 2,
        /// System call by the 32-bit entry (i386, arm).
        RECORD_COMPAT = 4,
        /// System call by the x32 numbers.
        RECORD_X32 = 8,
        /// No rule wants it, says the filter, and it was picked to find out whether that is so.
        RECORD_AUDIT = 16,
    }
    "rec_tail_flag": u16 {
        /// Cut: strings lose their end, paths their beginning (the root's side).
        TAIL_TRUNCATED = 1,
        /// Nothing could be read, or not all.
        TAIL_READ_FAILED = 2,
        /// The name is no longer in its directory.
        PATH_DELETED = 4,
        /// Not below the root directory of the task.
        PATH_OUTSIDE_ROOT = 8,
        /// Below a mount that is in no mount namespace.
        PATH_DETACHED = 16,
        /// No path: a nameless file system's own name, as `memfd:x`, or an empty name for a pipe.
        PATH_PSEUDO = 32,
    }
    "rec_process_flag": u32 {
        /// A kernel thread: no program, no arguments, no directory.
        PROCESS_KERNEL_THREAD = 1,
        /// Its root directory is not the root of its mount namespace.
        PROCESS_CHROOTED = 2,
    }
    "rec_inode_flag": u16 {
        /// On overlayfs, and in the upper layer: new or changed since the image.
        INODE_OVERLAY_UPPER = 1,
        /// On overlayfs, untouched.
        INODE_OVERLAY_LOWER = 2,
        /// Made by `memfd_create`.
        INODE_MEMFD = 4,
        /// A process descriptor of a kernel that gives them a file system (6.9); before, their path is `[pidfd]`.
        INODE_PIDFD = 8,
    }
    "rec_open_effect": u32 {
        /// This call created the file.
        OPEN_CREATED = 1,
    }
    "rec_setting": u32 {
        /// Records of exec carry the environment.
        SETTING_ENV = 1,
        /// Records of calls that read or write carry the first bytes.
        SETTING_DATA = 2,
    }
}

structs! {
    /// Length and state of a tail of bytes.
    "rec_tail" TailDesc {
        /// Length in the record.
        bytes: u16,
        /// `TAIL_…`
        flags: u16,
    }
    /// Length and state of a tail that is a path; [`Path`] is what it describes.
    "rec_path" PathDesc {
        /// Length in the record.
        bytes: u16,
        /// `TAIL_…` and `PATH_…`
        flags: u16,
        /// Leading bytes that lie above the task's root directory; at most `bytes`.
        root_bytes: u16,
        /// Zero.
        pad: u16,
    }
    /// What every record begins with: when, and who acted. Of a fork that is the parent, of a task record the task.
    "rec_header" Header {
        /// Bytes of the whole record.
        bytes: u32,
        /// [`Kind`]
        kind: u16,
        /// [`LAYOUT_VERSION`]
        version: u16,
        /// When it was collected, CLOCK_BOOTTIME.
        time_boot_ns: u64,
        /// Start of the acting process, CLOCK_BOOTTIME; with `pid` its key.
        start_boot_ns: u64,
        /// Cgroup of the acting task, as [`Process::cgroup_id`].
        cgroup_id: u64,
        /// Process (thread group) in the first pid namespace.
        pid: u32,
        /// Thread in the first pid namespace.
        tid: u32,
        /// Effective user in the first user namespace.
        euid: u32,
        /// Effective group in the first user namespace.
        egid: u32,
        /// CPU it was collected on.
        cpu: u32,
        /// `RECORD_…`
        flags: u32,
    }
    /// A process: who it is, whose child, with which rights, where. Ids are those of the first namespaces unless named `v…`.
    "rec_process" Process {
        /// Start, CLOCK_BOOTTIME; with `pid` the key of the process.
        start_boot_ns: u64,
        /// Start of the parent; with `parent_pid` the parent's key.
        parent_start_boot_ns: u64,
        /// Start of the first process of its pid namespace.
        pid_ns_start_boot_ns: u64,
        /// Kernfs id; on a v1 hierarchy that hierarchy's number in the top 16 bits, which are 0 on v2.
        cgroup_id: u64,
        /// Effective capabilities, bit n is capability n.
        cap_effective: u64,
        /// Permitted capabilities.
        cap_permitted: u64,
        /// Inheritable capabilities.
        cap_inheritable: u64,
        /// Process id.
        pid: u32,
        /// Process id of the parent; 0 for the first process and kthreadd.
        parent_pid: u32,
        /// Process id in its own pid namespace.
        vpid: u32,
        /// Process group.
        pgid: u32,
        /// Process group in its own pid namespace.
        vpgid: u32,
        /// Session.
        sid: u32,
        /// Controlling terminal, encoded as in `/proc/PID/stat`; 0 none.
        tty: u32,
        /// Audit login uid; `u32::MAX` not set.
        login_uid: u32,
        /// Real user.
        uid: u32,
        /// Effective user.
        euid: u32,
        /// Saved user.
        suid: u32,
        /// File system user.
        fsuid: u32,
        /// Real group.
        gid: u32,
        /// Effective group.
        egid: u32,
        /// Saved group.
        sgid: u32,
        /// File system group.
        fsgid: u32,
        /// Inode number of its pid namespace.
        pid_ns: u32,
        /// Inode number of its mount namespace.
        mnt_ns: u32,
        /// Depth of its pid namespace; 0 the first one.
        pid_ns_level: u32,
        /// `PROCESS_…`
        flags: u32,
        /// Name, cut at the first NUL; what follows that has no meaning.
        comm: [u8; COMM_BYTES],
    }
    /// An inode that an open file or a program is; all zero where there is none.
    "rec_inode" Inode {
        /// Number.
        ino: u64,
        /// Device of the file system: `minor & 0xff | major << 8 | minor >> 8 << 20`.
        dev: u32,
        /// Type and permissions.
        mode: u16,
        /// `INODE_…`
        flags: u16,
    }
    /// What else stat(2) tells of a program's file.
    "rec_stat" Stat {
        /// Last change of the inode since 1970.
        ctime_ns: i64,
        /// Last change of the content since 1970.
        mtime_ns: i64,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
    }
    /// What the records of system calls have in common.
    "rec_call" Call {
        /// -errno, or what the call returned; -512 to -516: interrupted, and restarted by the kernel.
        result: i64,
        /// `CALL_…`
        call: u8,
        /// Zero.
        pad: [u8; 7],
    }
    /// A socket as the kernel knows it when the call ends; `family` 0 when the descriptor is not a socket.
    "rec_socket" Socket {
        /// Inode number.
        ino: u64,
        /// Inode number of its network namespace.
        net_ns: u32,
        /// `AF_…`
        family: u16,
        /// `SOCK_…`
        sock_type: u16,
        /// `IPPROTO_…`
        protocol: u16,
        /// `TCP_…`
        state: u16,
        /// Host byte order.
        local_port: u16,
        /// Host byte order.
        remote_port: u16,
        /// Network byte order; IPv4 in the first 4 bytes.
        local_addr: [u8; 16],
        /// Network byte order; IPv4 in the first 4 bytes.
        remote_addr: [u8; 16],
    }
    /// Fixed part of an exec: a process has a new program (successful execve or execveat).
    "rec_exec" Exec {
        /// Who acted.
        header: Header,
        /// The process after the exec.
        process: Process,
        /// The executable.
        inode: Inode,
        /// Its owner and times.
        stat: Stat,
        /// Path of the executable; of a script its interpreter.
        exe: PathDesc,
        /// Working directory.
        cwd: PathDesc,
        /// The program as the caller named it; `/dev/fd/N…` for execveat.
        filename: TailDesc,
        /// Every argument with a NUL after it.
        args: TailDesc,
        /// Path in the hierarchy of `process.cgroup_id`.
        cgroup: TailDesc,
        /// Every variable with a NUL after it; empty unless `SETTING_ENV` is set.
        env: TailDesc,
    }
    /// A process (never a thread) was made.
    "rec_fork" Fork {
        /// Who made it.
        header: Header,
        /// The new process.
        process: Process,
        /// `CLONE_…`, without the exit signal.
        clone_flags: u64,
    }
    /// The last thread of a process is gone. May come twice for one process.
    "rec_exit" Exit {
        /// Who ended.
        header: Header,
        /// Start of the process that adopts its children; 0 when `reaper_pid` is.
        reaper_start_boot_ns: u64,
        /// That process; 0 when nobody does, since it was the first of its pid namespace, which ends with it.
        reaper_pid: u32,
        /// As wait(2) gives it: `signal & 0x7f`, `0x80` core dumped, `exit code << 8`.
        status: u32,
    }
    /// Fixed part of a task: a process that was there when its turn came in the scan.
    "rec_task" Task {
        /// The process itself.
        header: Header,
        /// The process.
        process: Process,
        /// Its executable.
        inode: Inode,
        /// Its owner and times.
        stat: Stat,
        /// Path of the executable.
        exe: PathDesc,
        /// Working directory.
        cwd: PathDesc,
        /// Arguments; `TAIL_READ_FAILED` where the kernel has no way to read them.
        args: TailDesc,
        /// Path in the hierarchy of `process.cgroup_id`.
        cgroup: TailDesc,
    }
    /// Fixed part of an open: open, openat, openat2 or creat has returned.
    "rec_open" Open {
        /// Who acted.
        header: Header,
        /// Which call, and its result.
        call: Call,
        /// `O_…` as asked for; of creat what it stands for.
        flags: u64,
        /// `RESOLVE_…`, openat2 only.
        resolve: u64,
        /// `AT_FDCWD` for open and creat.
        dirfd: i32,
        /// As asked for; has a meaning only with `O_CREAT` or `O_TMPFILE`.
        mode: u32,
        /// `OPEN_…`
        effects: u32,
        /// Zero.
        pad: u32,
        /// The file opened; zero on failure.
        inode: Inode,
        /// The path as the caller wrote it.
        requested: TailDesc,
        /// Zero.
        pad2: u32,
        /// Directory that a relative path starts from; empty for an absolute one.
        dir: PathDesc,
        /// What the kernel opened; empty on failure.
        effective: PathDesc,
    }
    /// Fixed part of a connect: connect has returned.
    "rec_connect" Connect {
        /// Who acted.
        header: Header,
        /// The call and its result.
        call: Call,
        /// The socket, afterwards.
        socket: Socket,
        /// Descriptor.
        fd: i32,
        /// `struct sockaddr` as the caller wrote it.
        addr: TailDesc,
    }
    /// Fixed part of a system call that has returned, whichever has no record of its own kind.
    "rec_syscall" Syscall {
        /// Who acted.
        header: Header,
        /// Which call, and its result.
        call: Call,
        /// As the registers had them: those of 32-bit callers have zeros above their 32 bits, and an `int` is the low 32 bits
        /// of any. What lies beyond the arguments of the call has no meaning.
        args: [u64; 6],
        /// What lies behind addresses, zero where nothing does:
        /// - accept, accept4: connections that wait at the listening socket, and how many may;
        /// - capset: effective, permitted and inheritable capabilities as asked for;
        /// - clone3: flags, exit signal;
        /// - io_uring_setup: the first 24 bytes of `struct io_uring_params`, as the kernel filled them in;
        /// - pipe, pipe2, socketpair: both descriptors;
        /// - prctl: the thread's name as it is now, 16 bytes, cut at the first NUL;
        /// - setuid, setreuid, setresuid, setfsuid, setns, unshare: effective, permitted and inheritable capabilities as they
        ///   are now;
        /// - sendfile (the input), splice and copy_file_range (the output), of the second descriptor: mode and in the upper half
        ///   `INODE_…`; number of the inode; of a socket family, type and in the upper half protocol;
        /// - readv, writev, sendmsg, recvmsg, sendmmsg, recvmmsg (of these two the first message): how many pieces, bytes of
        ///   the first piece, and bytes of the first message sent or received.
        values: [u64; 3],
        /// The file of `fd`.
        inode: Inode,
        /// The socket of `fd`.
        socket: Socket,
        /// The descriptor that the call made or, if it made none, used; -1 none.
        fd: i32,
        /// See [`SyscallRecord`].
        path: TailDesc,
        /// See [`SyscallRecord`].
        dir: PathDesc,
        /// See [`SyscallRecord`].
        path2: TailDesc,
        /// See [`SyscallRecord`].
        dir2: PathDesc,
        /// See [`SyscallRecord`].
        target: PathDesc,
        /// See [`SyscallRecord`].
        unix_name: TailDesc,
        /// See [`SyscallRecord`].
        addr: TailDesc,
        /// See [`SyscallRecord`].
        text: TailDesc,
        /// See [`SyscallRecord`].
        data: TailDesc,
        /// Zero.
        pad: u32,
    }
    /// What all programs are told: value of the one entry of the array `settings`.
    "rec_settings" Settings {
        /// `SETTING_…`
        flags: u32,
    }
    /// Counters of one kind on one CPU: value of the per-CPU array `counters`, index [`Kind`].
    "rec_counters" Counters {
        /// Now in the ring; the scan, which goes another way, counts nothing here.
        submitted: u64,
        /// Seen by a program, and not wanted: by no rule, or since it is the agent's own system call.
        filtered: u64,
        /// The ring had no room.
        lost_ring_full: u64,
        /// No memory to collect it in.
        lost_no_scratch: u64,
    }
    /// One system call number: value of the table `watch`; `CALL_…` by way of entry.
    "rec_watch" Watch {
        /// 64-bit entry, x32 included.
        native: u8,
        /// 32-bit entry.
        compat: u8,
    }
}
