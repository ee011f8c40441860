//! Everything that crosses the border with the kernel: the kernel programs, the layout of what they send, the built objects.
//!
//! In: nothing at run time. Out: [`BASE`] (an ELF object for a BPF loader), the names in it, [`record`], [`syscall`].
//! Never: rules, policies, names of files to watch, a loader.
//!
//! # The base object
//!
//! Written for kernels from 5.8 with BTF, tested on 5.10, 6.1, 6.12 and 6.18. Programs: [`PROGRAMS`]; each loads and attaches by itself, so one that a
//! kernel refuses takes no other with it. Nested runs of one program on one CPU are refused by the kernel, which counts
//! them as `recursion_misses` of the program.
//!
//! | map | type | key → value | user space |
//! |---|---|---|---|
//! | [`RING`] | ring buffer | records, each for [`record::Record::parse`] | sets the size (a power of two, default 8 MiB) before the load; drains |
//! | [`COUNTERS`] | per-CPU array | `u32` [`record::Kind`] → [`record::Counters`] | reads, sums the CPUs |
//! | [`WATCH`] | array | `u32` system call number → [`record::Watch`] | writes entries from [`syscall::watch_table`], at any time |
//! | [`SETTINGS`] | array | `u32` 0 → [`record::Settings`] | writes the one entry, at any time |
//! | [`FILTERS`] | array | `u32` generation → [`plan::Filter`] | writes the one that is not in force |
//! | [`FILTER_CONTROL`] | array | `u32` 0 → [`plan::Control`] | writes the one entry: what is in force from then on |
//! | [`FILTER_CGROUPS`] | LRU hash | `u64` cgroup, as in [`record::Header`] → `u32` 1 of a container, 0 of the host | enters what it knows |
//! | `buffers`, `walks`, `filter_works`, `pending` | | | leaves alone |
//!
//! There are no globals to set. The process that runs the scan is taken for the agent: its own system calls give no
//! records from then on, and count as filtered (its forks, execs and exits do give records).
//!
//! Order: load → write [`WATCH`] → attach the tracepoints → run the scan and apply its records → drain the ring.
//! A record of the ring that is older than a process's task record (`header.time_boot_ns`) tells nothing new about it.
//!
//! The scan: attach [`SCAN_ARGS`] (kernel 5.18 and later) or else [`SCAN`], and read the iterator's file to its end:
//! records of kind [`record::Kind::Task`] without gaps, to be cut by [`record::Records`]. Nothing is lost there.
//! Without [`SCAN_ARGS`] the arguments of those processes say `TAIL_READ_FAILED`, and are in `/proc/PID/cmdline`.
//!
//! The iterator lists the processes of the caller's pid namespace. [`SCANNER`] is an object of its own for a caller who is in another
//! than the first: load it, attach [`SCAN_ALL`] and read the iterator's file to its end, again and again, until the number in
//! [`CURSOR`] (`u32` 0 → three `u64`, of which it is the first) is [`CURSOR_END`]: records as above, of all processes there
//! are, without arguments.
//!
//! # Wake-ups
//!
//! A record wakes the reader of the ring unless one did so less than [`WAKE_GAP`] ago. So the reader, after it found
//! something, must look again within that time, until it finds nothing; then it may sleep until it is woken. (A timer
//! of some 20 ms besides covers a program that was held up between its clock and the ring.)

use std::time::Duration;

pub mod layout;
pub mod plan;
pub mod record;
pub mod syscall;

/// How long a wake-up stands for the records after it.
pub const WAKE_GAP: Duration = Duration::from_millis(1);

/// Name of the ring buffer.
pub const RING: &str = "ring";
/// Name of the counters' map.
pub const COUNTERS: &str = "counters";
/// Name of the watch table.
pub const WATCH: &str = "watch";
/// Name of the settings' map.
pub const SETTINGS: &str = "settings";

/// Name of the filter's tables.
pub const FILTERS: &str = "filters";
/// Name of the map that says which of them are in force.
pub const FILTER_CONTROL: &str = "filter_control";
/// Name of the map of cgroups.
pub const FILTER_CGROUPS: &str = "filter_cgroups";

/// Name of the program that scans the processes that are there.
pub const SCAN: &str = "on_scan";
/// Name of the program that does so with their arguments (sleepable, kernel 5.18).
pub const SCAN_ARGS: &str = "on_scan_args";
/// Name of the program of [`SCANNER`].
pub const SCAN_ALL: &str = "on_scan_all";
/// Name of the map of [`SCANNER`] that says which number is looked at next.
pub const CURSOR: &str = "cursor";
/// What stands there after the last.
pub const CURSOR_END: u64 = u64::MAX;
/// Name of the program behind every watched system call; without it the others see processes only.
pub const SYS_EXIT: &str = "on_sys_exit";

/// Name of the program that meets the requests of io_uring when they are submitted. A kernel without its tracepoint (before 6.4)
/// refuses it.
pub const REQUEST: &str = "on_request";
/// Name of the program that meets them when they complete.
pub const REQUEST_END: &str = "on_request_end";

/// What a program attaches to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// The kernel tracepoint of this name, with typed arguments (`tp_btf`).
    Tracepoint(&'static str),
    /// The iterator over these objects.
    Iterator(&'static str),
}

impl Hook {
    /// Name of the tracepoint, or of what is iterated over.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tracepoint(name) | Self::Iterator(name) => name,
        }
    }
}

/// A program of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    /// What it attaches to.
    pub hook: Hook,
    /// The kinds of record that it makes.
    pub kinds: &'static [record::Kind],
}

/// Every program of [`BASE`].
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "on_exec",
        hook: Hook::Tracepoint("sched_process_exec"),
        kinds: &[record::Kind::Exec],
    },
    Program {
        name: "on_fork",
        hook: Hook::Tracepoint("task_newtask"),
        kinds: &[record::Kind::Fork],
    },
    Program {
        name: "on_exit",
        hook: Hook::Tracepoint("sched_process_exit"),
        kinds: &[record::Kind::Exit],
    },
    Program {
        name: SYS_EXIT,
        hook: Hook::Tracepoint("sys_exit"),
        kinds: &[
            record::Kind::Open,
            record::Kind::Connect,
            record::Kind::Syscall,
        ],
    },
    Program {
        name: REQUEST,
        hook: Hook::Tracepoint("io_uring_submit_req"),
        kinds: &[
            record::Kind::Open,
            record::Kind::Connect,
            record::Kind::Syscall,
        ],
    },
    Program {
        name: REQUEST_END,
        hook: Hook::Tracepoint("io_uring_complete"),
        kinds: &[
            record::Kind::Open,
            record::Kind::Connect,
            record::Kind::Syscall,
        ],
    },
    Program {
        name: SCAN,
        hook: Hook::Iterator("task"),
        kinds: &[record::Kind::Task],
    },
    Program {
        name: SCAN_ARGS,
        hook: Hook::Iterator("task"),
        kinds: &[record::Kind::Task],
    },
];

/// Loaders read ELF structures in place, so the bytes lie where a `u64` may.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

static SCANNER_OBJECT: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/scan.bpf.o")));

/// The scan of all processes, for who is in a pid namespace of his own. Its ring is not used.
pub static SCANNER: &[u8] = &SCANNER_OBJECT.0;

static BASE_OBJECT: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/base.bpf.o")));

/// The base tier: processes and the end of system calls, on every supported kernel.
pub static BASE: &[u8] = &BASE_OBJECT.0;
