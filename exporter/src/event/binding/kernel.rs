//! The kernel's own machinery: modules, bpf, io_uring, user faults, quotas, mounts by descriptor.

use super::Descriptor::{None as NoFd, Own};
use super::Paths::{Name, None as NoPath};
use super::Source::{Arg, Data, Fd, Given, Made, Of, Path, Result, Text, Uncollected};
use super::Which::First;
use super::{Binding, Datum, argument, bindings, symbols};
use crate::event::symbols::kernel as words;
use crate::event::{Event, Facts};

/// The rows of this file.
pub(super) const ROWS: &[Binding] = bindings! {
    init_module [NoFd; NoPath] (res: Result, img: Data, length: Arg(1), uargs: Text);
    finit_module [Own; NoPath] (res: Result, fd: Fd(0), uargs: Text, flags: Arg(2) => words::FINIT_MODULE);
    delete_module [NoFd; NoPath] (res: Result, name: Text, flags: Arg(1) => words::DELETE_MODULE);
    bpf [Own; NoPath] (fd: Made, cmd: Arg(0) => words::BPF);
    userfaultfd [Own; NoPath] (res: Result, flags: Arg(0) => words::USERFAULTFD);
    io_uring_setup [Own; NoPath] (
        res: Result, entries: Arg(0),
        sq_entries: Of(|e, _| half(e, 0)), cq_entries: Of(|e, _| half(e, 1)),
        flags: Of(|e, _| half(e, 2)) => words::IO_URING_SETUP, sq_thread_cpu: Of(|e, _| half(e, 3)),
        sq_thread_idle: Of(|e, _| half(e, 4)), features: Of(|e, _| half(e, 5)) => words::IO_URING_FEATURES);
    io_uring_enter [Own; NoPath] (
        res: Result, fd: Fd(0), to_submit: Arg(1), min_complete: Arg(2), flags: Arg(3) => words::IO_URING_ENTER,
        sig: Uncollected);
    io_uring_register [Own; NoPath] (
        res: Result, fd: Fd(0), opcode: Arg(1) => words::IO_URING_REGISTER, arg: Arg(2), nr_args: Arg(3));
    quotactl [NoFd; Name(Path(First))] (
        res: Result, special: Given, quotafilepath: Text, dqb_bhardlimit: Uncollected, dqb_bsoftlimit: Uncollected,
        dqb_curspace: Uncollected, dqb_ihardlimit: Uncollected, dqb_isoftlimit: Uncollected, dqb_btime: Uncollected,
        dqb_itime: Uncollected, dqi_bgrace: Uncollected, dqi_igrace: Uncollected, dqi_flags: Uncollected,
        quota_fmt_out: Uncollected,
        cmd: Of(|e, _| argument(e, quota_command)) => words::QUOTA_COMMAND,
        type: Of(|e, _| argument(e, |args| args[0] & 0xff)) => words::QUOTA_TYPE, id: Arg(2),
        quota_fmt: Of(|e, _| argument(e, quota_format)) => words::QUOTA_FORMAT);
    fsconfig [Own; NoPath] (
        res: Result, fd: Fd(0), cmd: Arg(1) => words::FSCONFIG, key: Text, value_bytebuf: Uncollected,
        value_charbuf: Data, aux: Arg(4));
};

/// System calls without parameters of their own.
pub(super) const GENERIC: &[Binding] = bindings! {
    generic [NoFd; NoPath] (
        ID: Of(|e, _| Some(Datum::Text(e.table.event_name(e.kind).as_bytes()))), nativeID: Uncollected);
};

/// `Q_QUOTAON`, whose third argument is a format.
const QUOTA_ON: u64 = 0x80_0002;

/// The number of the command, without the bits that all of them have in common.
fn quota_command(args: &[u64; 6]) -> u64 {
    u64::from(args[0] as u32 >> 8) & 0xffff
}

/// The format of quotas that `Q_QUOTAON` asks for; other commands have an id in its place.
fn quota_format(args: &[u64; 6]) -> u64 {
    match u64::from(args[0] as u32 >> 8) {
        QUOTA_ON => args[2],
        _ => 0,
    }
}

/// One of the six 32-bit numbers that io_uring_setup's parameters begin with.
fn half<'a>(event: &Event<'_>, at: usize) -> Option<Datum<'a>> {
    let Facts::Call(call) = &event.facts else {
        return None;
    };
    let bytes = call.values.get(at / 2)?.to_ne_bytes();
    let half = bytes.get(at % 2 * 4..)?.first_chunk::<4>()?;
    Some(Datum::Number(u32::from_ne_bytes(*half).into()))
}
