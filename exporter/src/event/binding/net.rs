//! Sockets.

use bumpalo::Bump;

use super::Descriptor::Own;
use super::Paths::None as NoPath;
use super::Source::{Address, Arg, Data, Fd, FdValue, Made, Of, Result, Tuple, Uncollected, Value};
use super::{Binding, Datum, Source, bindings, symbols};
use crate::event::symbols::net as words;
use crate::event::{Event, Facts};

/// The rows of this file. Kernel addresses (`source`, `peer`) are nobody's business, and control data is not collected.
pub(super) const ROWS: &[Binding] = bindings! {
    socket [Own; NoPath] (fd: Made, domain: Arg(0) => words::FAMILY, type: Arg(1), proto: Arg(2));
    socketpair [Own; NoPath] (
        res: Result, fd1: FdValue(0), fd2: FdValue(1), source: Uncollected, peer: Uncollected,
        domain: Arg(0) => words::FAMILY, type: Arg(1), proto: Arg(2));
    bind [Own; NoPath] (res: Result, addr: Address, fd: Fd(0));
    connect [Own; NoPath] (res: Result, tuple: Tuple, fd: Fd(0), addr: Address);
    listen [Own; NoPath] (res: Result, fd: Fd(0), backlog: Arg(1));
    accept [Own; NoPath] (fd: Made, tuple: Tuple, queuepct: Of(queue_share), queuelen: Value(0), queuemax: Value(1));
    accept4 [Own; NoPath] (
        fd: Made, tuple: Tuple, queuepct: Of(queue_share), queuelen: Value(0), queuemax: Value(1), flags: Arg(3));
    send [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2));
    sendto [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2), tuple: Tuple);
    sendmsg [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: PIECES, tuple: Tuple);
    sendmmsg [Own; NoPath] (res: Result, fd: Fd(0), size: PIECES, data: Data, tuple: Tuple);
    recv [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2));
    recvfrom [Own; NoPath] (res: Result, data: Data, tuple: Tuple, fd: Fd(0), size: Arg(2));
    recvmsg [Own; NoPath] (res: Result, size: PIECES, data: Data, tuple: Tuple, msgcontrol: Uncollected, fd: Fd(0));
    recvmmsg [Own; NoPath] (
        res: Result, fd: Fd(0), size: PIECES, data: Data, tuple: Tuple, msgcontrol: Uncollected);
    setsockopt [Own; NoPath] (
        res: Result, fd: Fd(0), level: Arg(1) => words::LEVEL, optname: Arg(2) => words::OPTION, val: Of(option_value),
        optlen: Arg(4));
    getsockopt [Own; NoPath] (
        res: Result, fd: Fd(0), level: Arg(1) => words::LEVEL, optname: Arg(2) => words::OPTION, val: Of(option_value),
        optlen: Of(|e, _| value_len(e)));
};

/// Bytes that a call with several pieces was for: those of the only piece, or those that the message had.
pub(super) const PIECES: Source = Of(pieces);

fn pieces<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    let Facts::Call(call) = &event.facts else {
        return None;
    };
    let [pieces, first, message] = call.values;
    Some(Datum::Number(match pieces {
        0 | 1 => first,
        _ => message
            .max(first)
            .max(u64::try_from(call.result).unwrap_or(0)),
    }))
}

/// How full the queue of waiting connections is, in percent.
fn queue_share<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    let Facts::Call(call) = &event.facts else {
        return None;
    };
    let [waiting, max, _] = call.values;
    let share = waiting.saturating_mul(100).checked_div(max).unwrap_or(0);
    Some(Datum::Number(share.min(100)))
}

/// The value of an option: sockets' own, if as wide as a number, are numbers.
fn option_value<'a>(event: &'a Event<'_>, _: &'a Bump) -> Option<Datum<'a>> {
    const SOL_SOCKET: u64 = 1;
    let Facts::Call(call) = &event.facts else {
        return None;
    };
    Some(match <[u8; 4]>::try_from(call.data) {
        Ok(bytes) if call.args[1] == SOL_SOCKET => Datum::Number(u32::from_ne_bytes(bytes).into()),
        _ => Datum::Bytes(call.data),
    })
}

fn value_len<'a>(event: &Event<'_>) -> Option<Datum<'a>> {
    match &event.facts {
        Facts::Call(call) => Some(Datum::Number(call.data.len() as u64)),
        Facts::Exec { .. } | Facts::Exit(_) | Facts::Container => None,
    }
}
