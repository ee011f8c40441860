//! `evt.*` that does not depend on the call's parameters.

use bumpalo::Bump;
use rule_engine::value::{FieldKey, Value};

use super::{Get, text, written};
use crate::event::{Event, Facts};

/// `O_WRONLY`, `O_RDWR` and the mask of both (include/uapi/asm-generic/fcntl.h).
pub(super) const O_WRONLY: u64 = 1;
pub(super) const O_RDWR: u64 = 2;
pub(super) const O_ACCMODE: u64 = 3;
const O_CREAT: u64 = 0o100;
/// `__O_TMPFILE` without the directory bit that goes with it.
const O_TMPFILE: u64 = 0o20_000_000;
/// Any of the three execute bits.
const MODE_EXEC: u32 = 0o111;

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("evt.num", |e, _, _| Some(Value::Uint(e.number))),
    ("evt.type", |e, _, _| {
        Some(text(e.table.event_name(e.kind).as_bytes()))
    }),
    ("syscall.type", |e, _, _| {
        (!matches!(e.facts, Facts::Exit { .. } | Facts::Container))
            .then(|| text(e.table.event_name(e.kind).as_bytes()))
    }),
    ("evt.dir", |_, _, _| Some(Value::Text(b"<"))),
    ("evt.cpu", |e, _, _| Some(Value::Int(i64::from(e.cpu)))),
    ("evt.count", |_, _, _| Some(Value::Uint(1))),
    ("evt.time", |e, _, arena| {
        Some(local_time(e, "%H:%M:%S%.9f", arena))
    }),
    ("evt.time.s", |e, _, arena| {
        Some(local_time(e, "%H:%M:%S", arena))
    }),
    ("evt.datetime", |e, _, arena| {
        Some(local_time(e, "%Y-%m-%d %H:%M:%S%.9f", arena))
    }),
    ("evt.datetime.s", |e, _, arena| {
        Some(local_time(e, "%Y-%m-%d %H:%M:%S", arena))
    }),
    ("evt.time.iso8601", iso_time),
    ("evt.rawtime", |e, _, _| {
        Some(Value::Uint(e.wall_ns(e.boot_ns)))
    }),
    ("evt.rawtime.s", |e, _, _| {
        Some(Value::Uint(e.wall_ns(e.boot_ns) / 1_000_000_000))
    }),
    ("evt.rawtime.ns", |e, _, _| {
        Some(Value::Uint(e.wall_ns(e.boot_ns) % 1_000_000_000))
    }),
    ("evt.latency", |_, _, _| Some(Value::Uint(0))),
    ("evt.latency.s", |_, _, _| Some(Value::Uint(0))),
    ("evt.latency.ns", |_, _, _| Some(Value::Uint(0))),
    ("evt.latency.human", |_, _, _| Some(Value::Text(b"0ns"))),
    ("evt.wait_latency", |_, _, _| Some(Value::Uint(0))),
    ("evt.res", |e, _, arena| {
        e.result().map(|result| result_name(result, arena))
    }),
    ("evt.rawres", |e, _, _| e.result().map(Value::Int)),
    ("evt.failed", |e, _, _| {
        e.result().map(|result| Value::Bool(result < 0))
    }),
    ("evt.source", |_, _, _| Some(Value::Text(b"syscall"))),
    ("evt.is_async", |_, _, _| Some(Value::Bool(false))),
    ("evt.hostname", |e, _, _| {
        Some(text(e.table.hostname.as_bytes()))
    }),
    ("evt.is_open_read", |e, _, _| {
        Some(Value::Bool(opens(e, |flags, _| {
            flags & O_ACCMODE != O_WRONLY
        })))
    }),
    ("evt.is_open_write", |e, _, _| {
        Some(Value::Bool(opens(e, |flags, _| flags & O_ACCMODE != 0)))
    }),
    ("evt.is_open_exec", |e, _, _| {
        let executable = |open: &crate::event::Open<'_>| {
            open.flags & (O_CREAT | O_TMPFILE) != 0 && open.mode & MODE_EXEC != 0
        };
        Some(Value::Bool(
            matches!(&e.facts, Facts::Open(open) if executable(open)),
        ))
    }),
    ("evt.is_open_create", |e, _, _| {
        let created = |open: &crate::event::Open<'_>| {
            open.created || (open.result >= 0 && open.flags & O_TMPFILE != 0)
        };
        Some(Value::Bool(
            matches!(&e.facts, Facts::Open(open) if created(open)),
        ))
    }),
    ("evt.view", |e, _, _| Some(text(e.view.name().as_bytes()))),
];

/// What the flags of an open call say; false for other events and for creat, which Falco leaves out.
fn opens(event: &Event<'_>, says: impl Fn(u64, u32) -> bool) -> bool {
    matches!(event.facts, Facts::Open(open) if event.table.event_name(event.kind) != "creat" && says(open.flags, open.mode))
}

/// `SUCCESS`, or the error's name.
pub(super) fn result_name(result: i64, arena: &Bump) -> Value<'_> {
    match result {
        0.. => Value::Text(b"SUCCESS"),
        _ => errno_name(result, arena),
    }
}

/// The name of a negative error number, or its digits.
pub(super) fn errno_name(result: i64, arena: &Bump) -> Value<'_> {
    let name = usize::try_from(result.unsigned_abs())
        .ok()
        .and_then(|number| ERRNO.get(number));
    match name {
        Some(name) if !name.is_empty() => text(name.as_bytes()),
        _ => written(arena, format_args!("{result}")),
    }
}

fn local_time<'a>(event: &Event<'_>, format: &str, arena: &'a Bump) -> Value<'a> {
    let time = timestamp(event).to_zoned(jiff::tz::TimeZone::system());
    written(arena, format_args!("{}", time.strftime(format)))
}

fn iso_time<'a>(event: &'a Event<'_>, _: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let time = timestamp(event);
    Some(written(arena, format_args!("{time:.9}")))
}

fn timestamp(event: &Event<'_>) -> jiff::Timestamp {
    let ns = i128::from(event.wall_ns(event.boot_ns));
    jiff::Timestamp::from_nanosecond(ns).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

/// Names of errors by number (include/uapi/asm-generic/errno-base.h and errno.h).
#[rustfmt::skip]
const ERRNO: [&str; 134] = [
    "", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF",
    "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV",
    "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE",
    "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY",
    "ELOOP", "", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG", "EUNATCH",
    "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO", "EBADRQC", "EBADSLT", "", "EBFONT",
    "ENOSTR", "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT",
    "ECOMM", "EPROTO", "EMULTIHOP", "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC",
    "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC", "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK", "EDESTADDRREQ",
    "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT",
    "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL", "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET",
    "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN", "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN",
    "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN", "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO",
    "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED", "EKEYREVOKED", "EKEYREJECTED",
    "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
];
