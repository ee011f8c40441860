/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of every record and map value that crosses the kernel border.
 *
 * Out:   structs and enums for the kernel programs; src/record.rs holds the same layout in Rust and
 *        tests/layout.rs proves both equal through the object's BTF, both ways.
 * Never: a kernel header, a pointer, hidden padding, a constant outside of an enum (BTF knows no macros).
 *
 * A record is a fixed part followed by its tails. Each tail has a descriptor (struct rec_tail or struct
 * rec_path) in the fixed part; the tails' bytes follow the fixed part in the order of their descriptors,
 * without gaps, and end where the record ends (rec_header.bytes). All integers have the byte order of the
 * machine. Strings are bytes: no encoding, no NUL at the end unless said so.
 *
 * A new kind of record is a struct here, a line in RECORDS and its twin in record.rs. Any change of the
 * layout raises LAYOUT_VERSION.
 */
#ifndef SAKER_RECORD_H
#define SAKER_RECORD_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;

/* The one list of records: NUMBER is stable (captures keep it), NAME gives struct rec_NAME. */
#define RECORDS(X)         \
	X(1, EXEC, exec)       \
	X(2, FORK, fork)       \
	X(3, EXIT, exit)       \
	X(4, TASK, task)       \
	X(5, OPEN, open)       \
	X(6, CONNECT, connect) \
	X(7, SYSCALL, syscall)

/* What a record tells; also its index in the counters map. */
enum rec_kind {
#define X(number, upper, lower) KIND_##upper = number,
	RECORDS(X)
#undef X
};

/* Limits in bytes and entries. */
enum rec_limit {
	LAYOUT_VERSION = 2,
	KINDS_MAX = 64,          /* entries of the counters map; kinds stay below */
	CALLS_MAX = 1024,        /* system call numbers are below */
	SOCKETCALLS_MAX = 32,    /* numbers within i386's socketcall are below; they follow the others in the watch table */
	REQUESTS_MAX = 64,       /* opcodes of io_uring's requests are below; they follow those */
	COMM_BYTES = 16,
	PATH_BYTES_MAX = 4096,
	ARGS_BYTES_MAX = 8192,
	ENV_BYTES_MAX = 4096,
	SOCKADDR_BYTES_MAX = 128,
	DATA_BYTES_MAX = 80,     /* of what a call reads or writes */
};

/* rec_header.flags */
enum rec_header_flag {
	RECORD_TRUNCATED = 1,    /* at least one tail was cut at its limit */
	RECORD_READ_FAILED = 2,  /* at least one fact could not be read; what is missing is zero or empty */
	RECORD_COMPAT = 4,       /* system call by the 32-bit entry (i386, arm) */
	RECORD_X32 = 8,          /* system call by the x32 numbers */
	RECORD_AUDIT = 16,       /* no rule wants it, says the filter, and it was picked to find out whether that is so */
};

/* rec_tail.flags and rec_path.flags; the DELETED and later ones on paths only */
enum rec_tail_flag {
	TAIL_TRUNCATED = 1,      /* cut: strings lose their end, paths their beginning (the root's side) */
	TAIL_READ_FAILED = 2,    /* nothing could be read, or not all */
	PATH_DELETED = 4,        /* the name is no longer in its directory */
	PATH_OUTSIDE_ROOT = 8,   /* not below the root directory of the task */
	PATH_DETACHED = 16,      /* below a mount that is in no mount namespace (lazily unmounted, open_tree) */
	PATH_PSEUDO = 32,        /* no path: a nameless file system's own name, as memfd:x or an empty name for a pipe */
};

/*
 * System calls by names that do not depend on the architecture: NUMBER is stable, NAME gives CALL_NAME. What
 * each means, and its numbers on every architecture, stands in src/syscall/calls.rs.
 */
#define CALLS(X)                                                                                   \
	/* Files opened, connections. */                                                            \
	X(1, OPEN) X(2, OPENAT) X(3, OPENAT2) X(4, CREAT) X(5, CONNECT) X(6, SOCKETCALL)            \
	/* Sockets. */                                                                              \
	X(7, SOCKET) X(8, SOCKETPAIR) X(9, BIND) X(10, LISTEN) X(11, ACCEPT) X(12, ACCEPT4)         \
	X(13, SEND) X(14, SENDTO) X(15, SENDMSG) X(16, SENDMMSG) X(17, RECV) X(18, RECVFROM)        \
	X(19, RECVMSG) X(20, RECVMMSG) X(21, SETSOCKOPT) X(22, GETSOCKOPT)                          \
	/* Names of files, their owners and rights. */                                              \
	X(23, SYMLINK) X(24, SYMLINKAT) X(25, LINK) X(26, LINKAT) X(27, RENAME) X(28, RENAMEAT)     \
	X(29, RENAMEAT2) X(30, MKDIR) X(31, MKDIRAT) X(32, RMDIR) X(33, UNLINK) X(34, UNLINKAT)     \
	X(35, MKNOD) X(36, MKNODAT) X(37, CHMOD) X(38, FCHMOD) X(39, FCHMODAT) X(40, FCHMODAT2)     \
	X(41, CHOWN) X(42, LCHOWN) X(43, FCHOWN) X(44, FCHOWNAT) X(45, CHOWN16) X(46, LCHOWN16)     \
	X(47, FCHOWN16) X(48, CHROOT) X(49, CHDIR) X(50, FCHDIR)                                    \
	/* Mounts and file systems. */                                                              \
	X(51, MOUNT) X(52, UMOUNT) X(53, UMOUNT2) X(54, MOVE_MOUNT) X(55, PIVOT_ROOT) X(56, FSOPEN) \
	X(57, FSCONFIG) X(58, FSMOUNT) X(59, QUOTACTL) X(60, OPEN_BY_HANDLE_AT)                     \
	/* Programs, modules, processes. */                                                         \
	X(61, EXECVE) X(62, EXECVEAT) X(63, INIT_MODULE) X(64, FINIT_MODULE) X(65, DELETE_MODULE)   \
	X(66, CLONE) X(67, CLONE3) X(68, FORK) X(69, VFORK) X(70, PTRACE) X(71, PROCESS_VM_READV)   \
	X(72, PROCESS_VM_WRITEV) X(73, KILL) X(74, TKILL) X(75, TGKILL) X(76, PRCTL)                \
	X(77, PERSONALITY) X(78, SETSID) X(79, SETPGID) X(80, SETNS) X(81, UNSHARE)                 \
	/* Rights. */                                                                               \
	X(82, SETUID) X(83, SETGID) X(84, SETREUID) X(85, SETREGID) X(86, SETRESUID)                \
	X(87, SETRESGID) X(88, SETFSUID) X(89, SETFSGID) X(90, SETUID16) X(91, SETGID16)            \
	X(92, SETREUID16) X(93, SETREGID16) X(94, SETRESUID16) X(95, SETRESGID16) X(96, SETFSUID16) \
	X(97, SETFSGID16) X(98, CAPSET)                                                             \
	/* Descriptors. */                                                                          \
	X(99, DUP) X(100, DUP2) X(101, DUP3) X(102, FCNTL) X(103, CLOSE) X(104, PIPE) X(105, PIPE2) \
	X(106, EVENTFD) X(107, EVENTFD2) X(108, INOTIFY_INIT) X(109, INOTIFY_INIT1)                 \
	X(110, TIMERFD_CREATE) X(111, SIGNALFD) X(112, SIGNALFD4) X(113, EPOLL_CREATE)              \
	X(114, EPOLL_CREATE1) X(115, MEMFD_CREATE) X(116, USERFAULTFD) X(117, PIDFD_OPEN)           \
	X(118, PIDFD_GETFD) X(119, BPF) X(120, IO_URING_SETUP) X(121, IO_URING_ENTER)               \
	X(122, IO_URING_REGISTER)                                                                   \
	/* Content. */                                                                              \
	X(123, READ) X(124, WRITE) X(125, READV) X(126, WRITEV) X(127, PREAD) X(128, PWRITE)        \
	X(129, SENDFILE) X(130, SPLICE) X(131, COPY_FILE_RANGE)                                     \
	/* Memory. */                                                                               \
	X(132, MMAP) X(133, MMAP2) X(134, OLD_MMAP) X(135, MPROTECT)                               

/* Values of the watch table, rec_call.call. */
enum rec_call_id {
	CALL_NONE = 0,           /* not wanted */
#define X(number, name) CALL_##name = number,
	CALLS(X)
#undef X
};

/* rec_process.flags */
enum rec_process_flag {
	PROCESS_KERNEL_THREAD = 1,
	PROCESS_CHROOTED = 2,    /* its root directory is not the root of its mount namespace */
};

/* rec_inode.flags */
enum rec_inode_flag {
	INODE_OVERLAY_UPPER = 1, /* on overlayfs, and in the upper layer: new or changed since the image */
	INODE_OVERLAY_LOWER = 2, /* on overlayfs, untouched */
	INODE_MEMFD = 4,         /* made by memfd_create */
	INODE_PIDFD = 8,         /* a process descriptor, where they have a file system of their own (6.9) */
};

/* rec_open.effects */
enum rec_open_effect {
	OPEN_CREATED = 1,        /* this call created the file */
};

/* rec_settings.flags */
enum rec_setting {
	SETTING_ENV = 1,         /* exec records carry the environment */
	SETTING_DATA = 2,        /* records of calls that read or write carry the first bytes */
};

/* Length and state of a tail of bytes. */
struct rec_tail {
	u16 bytes;
	u16 flags;               /* enum rec_tail_flag */
};

/*
 * Length and state of a tail that is a path as the kernel resolved it: from the root of the mount
 * namespace down, '/' between names. The first root_bytes bytes lie above the root directory of the
 * task: bytes [root_bytes..] are the path as the task sees it, empty for its root directory itself.
 */
struct rec_path {
	u16 bytes;
	u16 flags;               /* enum rec_tail_flag */
	u16 root_bytes;          /* 0 unless the task is in a chroot; <= bytes */
	u16 pad;
};

/*
 * Every record begins so. The acting task is the one that did what the record tells; in a fork the
 * parent, in a task record the task itself. (pid, start_boot_ns) is the key of its process.
 */
struct rec_header {
	u32 bytes;               /* of the whole record, this header and all tails included */
	u16 kind;                /* enum rec_kind */
	u16 version;             /* LAYOUT_VERSION */
	u64 time_boot_ns;        /* when it was collected, CLOCK_BOOTTIME */
	u64 start_boot_ns;       /* start of the acting process (of its group leader), CLOCK_BOOTTIME */
	u64 cgroup_id;           /* of the acting task, see rec_process.cgroup_id */
	u32 pid;                 /* process (thread group) in the first pid namespace */
	u32 tid;                 /* thread in the first pid namespace */
	u32 euid;                /* effective ids in the first user namespace */
	u32 egid;
	u32 cpu;
	u32 flags;               /* enum rec_header_flag */
};

/* A process: who it is, whose child, with which rights, where. Ids are those of the first namespaces unless named v…. */
struct rec_process {
	u64 start_boot_ns;       /* with pid the key of the process */
	u64 parent_start_boot_ns;
	u64 pid_ns_start_boot_ns; /* start of the first process of its pid namespace */
	u64 cgroup_id;           /* kernfs id; v1: number of the hierarchy in the top 16 bits, v2: 0 there */
	u64 cap_effective;
	u64 cap_permitted;
	u64 cap_inheritable;
	u32 pid;
	u32 parent_pid;          /* 0: none (the first process, kthreadd) */
	u32 vpid;                /* in its own pid namespace */
	u32 pgid;
	u32 vpgid;
	u32 sid;
	u32 tty;                 /* controlling terminal as in /proc/PID/stat: minor & 0xff | major << 8 | minor >> 8 << 20; 0 none */
	u32 login_uid;           /* 4294967295: not set */
	u32 uid;
	u32 euid;
	u32 suid;
	u32 fsuid;
	u32 gid;
	u32 egid;
	u32 sgid;
	u32 fsgid;
	u32 pid_ns;              /* inode numbers of /proc/PID/ns/… */
	u32 mnt_ns;
	u32 pid_ns_level;        /* 0: the first pid namespace */
	u32 flags;               /* enum rec_process_flag */
	u8 comm[COMM_BYTES];     /* cut at the first NUL; what follows it has no meaning */
};

/* An inode that an open file or a program is; all zero where there is none. */
struct rec_inode {
	u64 ino;
	u32 dev;                 /* of the file system: minor & 0xff | major << 8 | minor >> 8 << 20 */
	u16 mode;                /* type and permissions */
	u16 flags;               /* enum rec_inode_flag */
};

/* What else stat(2) tells of a program's file. */
struct rec_stat {
	s64 ctime_ns;            /* since 1970 */
	s64 mtime_ns;
	u32 uid;
	u32 gid;
};

/* What the records of system calls have in common. */
struct rec_call {
	s64 result;              /* -errno, or what the call returned; -512…-516: interrupted, and restarted by the kernel */
	u8 call;                 /* enum rec_call_id */
	u8 pad[7];
};

/* A socket as the kernel knows it when the call ends; family 0 when the descriptor is not a socket. */
struct rec_socket {
	u64 ino;
	u32 net_ns;              /* inode number of the network namespace */
	u16 family;              /* AF_… */
	u16 sock_type;              /* SOCK_… */
	u16 protocol;            /* IPPROTO_… */
	u16 state;               /* TCP_… */
	u16 local_port;          /* host byte order */
	u16 remote_port;
	u8 local_addr[16];       /* network byte order; IPv4 in the first 4 bytes */
	u8 remote_addr[16];
};

/* A process has a new program (successful execve or execveat). */
struct rec_exec {
	struct rec_header header;
	struct rec_process process;
	struct rec_inode inode;  /* of the executable */
	struct rec_stat stat;
	struct rec_path exe;     /* executable; of a script its interpreter */
	struct rec_path cwd;
	struct rec_tail filename; /* as the caller named it, the kernel's copy; /dev/fd/N… for execveat */
	struct rec_tail args;    /* every argument with a NUL after it */
	struct rec_tail cgroup;  /* path in the hierarchy of process.cgroup_id */
	struct rec_tail env;     /* every variable with a NUL after it; empty unless SETTING_ENV */
};

/* A process (never a thread) was made; header is the maker, process the new one. */
struct rec_fork {
	struct rec_header header;
	struct rec_process process;
	u64 clone_flags;         /* CLONE_…, without the exit signal */
};

/* The last thread of a process is gone. May come twice for one process. */
struct rec_exit {
	struct rec_header header;
	u64 reaper_start_boot_ns;
	u32 reaper_pid;          /* who adopts its children; 0: nobody, its pid namespace ends with it */
	u32 status;              /* as wait(2) gives it: signal & 0x7f, 0x80 core dumped, exit code << 8 */
};

/* A process that was there when its turn came in the scan. */
struct rec_task {
	struct rec_header header;
	struct rec_process process;
	struct rec_inode inode;
	struct rec_stat stat;
	struct rec_path exe;
	struct rec_path cwd;
	struct rec_tail args;    /* TAIL_READ_FAILED where the kernel has no way to read it */
	struct rec_tail cgroup;
};

/* open, openat, openat2 or creat has returned. */
struct rec_open {
	struct rec_header header;
	struct rec_call call;
	u64 flags;               /* O_… as asked for; creat: what it stands for */
	u64 resolve;             /* RESOLVE_…, openat2 only */
	s32 dirfd;               /* AT_FDCWD for open and creat */
	u32 mode;                /* as asked for, has a meaning only with O_CREAT or O_TMPFILE */
	u32 effects;             /* enum rec_open_effect */
	u32 pad;
	struct rec_inode inode;  /* of the file opened; zero on failure */
	struct rec_tail requested; /* the path as the caller wrote it */
	u32 pad2;
	struct rec_path dir;     /* directory that a relative path starts from; empty for an absolute one */
	struct rec_path effective; /* what the kernel opened; empty on failure */
};

/* connect has returned. */
struct rec_connect {
	struct rec_header header;
	struct rec_call call;
	struct rec_socket socket;
	s32 fd;
	struct rec_tail addr;    /* struct sockaddr as the caller wrote it */
};

/* A system call has returned, whichever has no record of its own kind. record.rs says what each member holds. */
struct rec_syscall {
	struct rec_header header;
	struct rec_call call;
	u64 args[6];             /* of 32-bit callers with zeros above; beyond the call's own they have no meaning */
	u64 values[3];           /* what lies behind addresses */
	struct rec_inode inode;  /* of fd */
	struct rec_socket socket; /* of fd */
	s32 fd;                  /* the descriptor that the call made or else used; -1 none */
	struct rec_tail path;    /* first path that the call looks up, as the caller wrote it */
	struct rec_path dir;     /* directory that it starts from if it is relative */
	struct rec_tail path2;   /* second path */
	struct rec_path dir2;
	struct rec_path target;  /* file of fd; chdir and chroot: the new directory */
	struct rec_tail unix_name; /* bound name of the unix socket fd, or else of its peer */
	struct rec_tail addr;    /* struct sockaddr of the caller */
	struct rec_tail text;    /* another string */
	struct rec_tail data;    /* first bytes read or written, value of an option */
	u32 pad;
};

/* What all programs are told: value of the one entry of the array `settings`. */
struct rec_settings {
	u32 flags;               /* enum rec_setting */
};

/* Counters of one kind on one CPU: value of the per-CPU array `counters`, index enum rec_kind. */
struct rec_counters {
	u64 submitted;           /* now in the ring; the scan, which goes another way, counts nothing here */
	u64 filtered;            /* seen by a program, and not wanted: the agent's own system calls */
	u64 lost_ring_full;      /* the ring had no room */
	u64 lost_no_scratch;     /* no memory to collect it in */
};

/* One system call number: value of the table `watch`; enum rec_call_id by way of entry, 0 not wanted. */
struct rec_watch {
	u8 native;               /* 64-bit entry, x32 included */
	u8 compat;               /* 32-bit entry */
};

/* All records: its size is the largest fixed part. */
union rec_any {
#define X(number, upper, lower) struct rec_##lower lower;
	RECORDS(X)
#undef X
};

#include "plan.h"

/* Everything above, so that one variable of this type brings all of it into BTF. */
struct rec_layout {
	union rec_any record;
	struct rec_counters counters;
	struct rec_settings settings;
	struct rec_watch watch;
	enum rec_kind kind;
	enum rec_limit limit;
	enum rec_header_flag header_flag;
	enum rec_tail_flag tail_flag;
	enum rec_call_id call_id;
	enum rec_process_flag process_flag;
	enum rec_inode_flag inode_flag;
	enum rec_open_effect open_effect;
	enum rec_setting setting;
	struct rec_filter filter[0]; /* of no size: the types count */
	struct rec_filter_control filter_control;
	enum rec_filter_limit filter_limit;
	enum rec_filter_number filter_number;
	enum rec_filter_stage filter_stage;
	enum rec_filter_text_id filter_text_id;
	enum rec_filter_test_flag filter_test_flag;
};

#endif
