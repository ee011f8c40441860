//! Fields of the event itself: `evt.*`, `syscall.type`, `util.*`, `fdlist.*`, `fs.path.*`.

use crate::schema::{ArgKind, FieldDef, Supply};

const POLLS: &[&str] = &["poll", "ppoll"];
const AT_CALLS: &[&str] = &[
    "openat",
    "openat2",
    "open_by_handle_at",
    "renameat",
    "renameat2",
    "symlinkat",
    "linkat",
    "unlinkat",
    "mkdirat",
    "fchmodat",
    "fchownat",
];
const TWO_PATHS: &[&str] = &["renameat", "renameat2", "linkat"];
const ONE_PATH: &[&str] = &[
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "open",
    "openat",
    "openat2",
    "creat",
    "open_by_handle_at",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "quotactl",
    "umount",
    "umount2",
];
const SOURCE_AND_TARGET: &[&str] = &[
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mount",
];

pub(super) static FIELDS: &[FieldDef] = fields! {
    "evt.num" Uint64 [] "Running number of the event, from 1."
    "evt.time" CharBuf [] "Local time of the event, with nanoseconds (`13:02:11.123456789`)."
    "evt.time.s" CharBuf [] "Local time of the event, whole seconds."
    "evt.time.iso8601" CharBuf [] "Time of the event in UTC, ISO 8601, with nanoseconds."
    "evt.datetime" CharBuf [] "Local date and time of the event, with nanoseconds."
    "evt.datetime.s" CharBuf [] "Local date and time of the event, whole seconds."
    "evt.rawtime" AbsTime [] "Time of the event, nanoseconds since the epoch."
    "evt.rawtime.s" AbsTime [] "Whole seconds of `evt.rawtime`."
    "evt.rawtime.ns" AbsTime [] "Nanoseconds of `evt.rawtime` beyond the whole second."
    "evt.reltime" RelTime [] "Nanoseconds since the agent saw its first event."
    "evt.reltime.s" RelTime [] "Whole seconds of `evt.reltime`."
    "evt.reltime.ns" RelTime [] "Nanoseconds of `evt.reltime` beyond the whole second."
    "evt.deltatime" RelTime [] "Nanoseconds since the event before."
    "evt.deltatime.s" RelTime [] "Whole seconds of `evt.deltatime`."
    "evt.deltatime.ns" RelTime [] "Nanoseconds of `evt.deltatime` beyond the whole second."
    "evt.outputtime" CharBuf [] "Time of the event in the form of the output; the same as `evt.time`."
    "evt.latency" RelTime [deprecated] "Always 0: there are no enter events to measure from."
    "evt.latency.s" RelTime [deprecated] "Always 0."
    "evt.latency.ns" RelTime [deprecated] "Always 0."
    "evt.latency.quantized" Uint64 [deprecated] "Always 0."
    "evt.latency.human" CharBuf [deprecated] "Always `0ns`."
    "evt.wait_latency" RelTime [deprecated] "Always 0."
    "evt.dir" CharBuf [deprecated] "Direction of the event: always `<`, since all events are exit events."
    "evt.type" CharBuf [] "Name of the event (`openat`); generic syscalls have the syscall's name."
    "evt.type.is" Uint32 [arg(ArgKind::Dotted { index_too: false })] "1 if the event has the type that the dotted argument names, else 0."
    "syscall.type" CharBuf [of(Supply::Syscall)] "Name of the syscall; missing for events that are none."
    "evt.category" CharBuf [] "Kind of event: file, net, IPC, memory, process, sleep, system, signal, user, time, wait, scheduler, internal, other; reads, writes and closes have the kind of their file descriptor."
    "evt.cpu" Int16 [] "Number of the CPU on which the event happened."
    "evt.args" CharBuf [] "All parameters of the event as `name=value`, one blank between."
    "evt.arg" CharBuf [arg(ArgKind::Dotted { index_too: true }) of(Supply::Param)] "One parameter of the event as text, by name (`evt.arg.flags`) or number (`evt.arg[0]`); flags and modes as symbols, relative paths made absolute."
    "evt.rawarg" Uint64 [arg(ArgKind::Dotted { index_too: false }) bare of(Supply::Param)] "One parameter of the event by name, as number or text without formatting."
    "evt.info" CharBuf [] "The same as `evt.args`."
    "evt.buffer" ByteBuf [of(Supply::Io)] "First bytes of what was read or written (80 unless configured)."
    "evt.buflen" Uint64 [of(Supply::Io)] "Number of bytes read or written."
    "evt.buflen.in" Uint64 [of(Supply::Io)] "Number of bytes read."
    "evt.buflen.out" Uint64 [of(Supply::Io)] "Number of bytes written."
    "evt.buflen.file" Uint64 [of(Supply::Io)] "Number of bytes read from or written to a file."
    "evt.buflen.file.in" Uint64 [of(Supply::Io)] "Number of bytes read from a file."
    "evt.buflen.file.out" Uint64 [of(Supply::Io)] "Number of bytes written to a file."
    "evt.buflen.net" Uint64 [of(Supply::Io)] "Number of bytes received or sent."
    "evt.buflen.net.in" Uint64 [of(Supply::Io)] "Number of bytes received."
    "evt.buflen.net.out" Uint64 [of(Supply::Io)] "Number of bytes sent."
    "evt.res" CharBuf [of(Supply::Result)] "Result as text: `SUCCESS`, or the name of the error (`ENOENT`)."
    "evt.rawres" Int64 [of(Supply::Result)] "Result as number; negative for an error."
    "evt.failed" Bool [of(Supply::Result)] "The call returned an error."
    "evt.is_io" Bool [] "The event reads from or writes to a file descriptor."
    "evt.is_io_read" Bool [] "The event reads from a file descriptor."
    "evt.is_io_write" Bool [] "The event writes to a file descriptor."
    "evt.io_dir" CharBuf [of(Supply::Io)] "`read` or `write`."
    "evt.is_wait" Bool [] "The event makes the thread wait (sleep, poll, select)."
    "evt.is_syslog" Bool [] "The event writes to /dev/log."
    "evt.count" Uint32 [] "Always 1."
    "evt.count.error" Uint32 [of(Supply::Result)] "1 if the call returned an error, else 0."
    "evt.count.error.file" Uint32 [of(Supply::Result)] "1 if the call returned an error and was about a file, else 0."
    "evt.count.error.net" Uint32 [of(Supply::Result)] "1 if the call returned an error and was about the network, else 0."
    "evt.count.error.memory" Uint32 [of(Supply::Result)] "1 if the call returned an error and was about memory, else 0."
    "evt.count.error.other" Uint32 [of(Supply::Result)] "1 if the call returned an error of no kind above, else 0."
    "evt.count.exit" Uint32 [] "Always 1: all events are exit events."
    "evt.count.procinfo" Uint32 [] "Always 0: there are no procinfo events."
    "evt.count.threadinfo" Uint32 [] "Always 0: there are no procinfo events."
    "evt.abspath" CharBuf [on(AT_CALLS)] "Absolute path made of the directory descriptor and the path of an `*at` call."
    "evt.abspath.src" CharBuf [on(TWO_PATHS)] "Absolute source path of an `*at` call with two paths."
    "evt.abspath.dst" CharBuf [on(TWO_PATHS)] "Absolute destination path of an `*at` call with two paths."
    "evt.is_open_read" Bool [] "The open call asks for reading, whether it succeeds or not; false for other events."
    "evt.is_open_write" Bool [] "The open call asks for writing, whether it succeeds or not; false for other events."
    "evt.is_open_exec" Bool [] "The open or creat call creates a file that may be executed; false for other events."
    "evt.is_open_create" Bool [] "The open call really created a file; false for other events."
    "evt.view" CharBuf [] "Which path of a file event the rule was judged by: `requested` as the caller wrote it, `effective` as the kernel opened it; ours, Falco has no such field."
    "evt.infra.docker.name" CharBuf [of(Supply::Never)] "Name of a Docker infrastructure event; always missing."
    "evt.infra.docker.container.id" CharBuf [of(Supply::Never)] "Container of a Docker infrastructure event; always missing."
    "evt.infra.docker.container.name" CharBuf [of(Supply::Never)] "Container name of a Docker infrastructure event; always missing."
    "evt.infra.docker.container.image" CharBuf [of(Supply::Never)] "Image of a Docker infrastructure event; always missing."
    "evt.pluginname" CharBuf [of(Supply::Never)] "Name of the plugin that made the event; always missing."
    "evt.plugininfo" CharBuf [of(Supply::Never)] "Summary of a plugin's event; always missing."
    "evt.source" CharBuf [] "Name of the event's source: `syscall`."
    "evt.is_async" Bool [] "The event was made by the agent, not by the kernel."
    "evt.asynctype" CharBuf [on(&["asyncevent", "container", "container_removed"])] "Name of an event that the agent made."
    "evt.hostname" CharBuf [] "Name of the host."
    "util.cnt" Uint64 [of(Supply::Never)] "A running number of evaluations upstream; always missing here."
    "fdlist.nums" CharBuf [on(POLLS)] "File descriptor numbers of a poll call, commas between."
    "fdlist.names" CharBuf [on(POLLS)] "Names of the file descriptors of a poll call, commas between."
    "fdlist.cips" CharBuf [on(POLLS)] "Client addresses of the file descriptors of a poll call, commas between."
    "fdlist.sips" CharBuf [on(POLLS)] "Server addresses of the file descriptors of a poll call, commas between."
    "fdlist.cports" CharBuf [on(POLLS)] "Client ports of the file descriptors of a poll call, commas between."
    "fdlist.sports" CharBuf [on(POLLS)] "Server ports of the file descriptors of a poll call, commas between."
    "fs.path.name" CharBuf [on(ONE_PATH)] "Absolute path that a successful call acts on."
    "fs.path.nameraw" CharBuf [on(ONE_PATH)] "That path as it was given."
    "fs.path.source" CharBuf [on(SOURCE_AND_TARGET)] "Absolute source: the old path of a rename, the new link of a link or symlink, the device of a mount."
    "fs.path.sourceraw" CharBuf [on(SOURCE_AND_TARGET)] "That path as it was given."
    "fs.path.target" CharBuf [on(SOURCE_AND_TARGET)] "Absolute target: the new path of a rename, what a link or symlink points to, the directory of a mount."
    "fs.path.targetraw" CharBuf [on(SOURCE_AND_TARGET)] "That path as it was given."
};
