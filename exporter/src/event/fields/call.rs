//! `evt.*` that does not depend on the call's parameters.

use bumpalo::Bump;
use rule_engine::schema::EventDef;
use rule_engine::value::{FieldKey, Value};

use super::{Get, file, format, text};
use crate::event::binding::Descriptor;
use crate::event::symbols::file::{O_ACCMODE, O_CREAT, O_TMPFILE, O_WRONLY};
use crate::event::{Call, Event, Facts};

/// Any of the three execute bits.
const MODE_EXEC: u64 = 0o111;
/// Where programs send their log messages; the second is what the first leads to under systemd.
const SYSLOG_SOCKETS: [&[u8]; 2] = [b"/dev/log", b"/run/systemd/journal/dev-log"];

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("evt.num", |e, _, _| Some(Value::Uint(e.number))),
    ("evt.type", |e, _, _| {
        Some(text(e.table.event_name(e.kind).as_bytes()))
    }),
    ("syscall.type", |e, _, _| {
        (!matches!(e.facts, Facts::Exit(_) | Facts::Container))
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
    ("evt.outputtime", |e, _, arena| {
        Some(local_time(e, "%H:%M:%S%.9f", arena))
    }),
    ("evt.latency.quantized", |_, _, _| Some(Value::Uint(0))),
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
    ("evt.is_async", |e, _, _| {
        Some(Value::Bool(matches!(e.facts, Facts::Container)))
    }),
    ("evt.asynctype", |e, _, _| {
        matches!(e.facts, Facts::Container).then(|| text(e.table.event_name(e.kind).as_bytes()))
    }),
    ("evt.hostname", |e, _, _| {
        Some(text(e.table.hostname.as_bytes()))
    }),
    ("evt.is_open_read", |e, _, _| {
        Some(Value::Bool(opens(e, |flags| flags & O_ACCMODE != O_WRONLY)))
    }),
    ("evt.is_open_write", |e, _, _| {
        Some(Value::Bool(opens(e, |flags| flags & O_ACCMODE != 0)))
    }),
    ("evt.is_open_exec", |e, _, _| {
        Some(Value::Bool(opened(e).is_some_and(|call| {
            call.args[2] & (O_CREAT | O_TMPFILE) != 0 && call.args[3] & MODE_EXEC != 0
        })))
    }),
    ("evt.is_open_create", |e, _, _| {
        Some(Value::Bool(opened(e).is_some_and(|call| {
            call.created || (call.result >= 0 && call.args[2] & O_TMPFILE != 0)
        })))
    }),
    ("evt.category", |e, _, _| {
        let category = e.table.event(e.kind)?.category;
        Some(text(match category {
            // Reading, writing and closing are of the kind of their descriptor.
            "io" => file::kind(e)
                .map_or("other", |kind| kind.category())
                .as_bytes(),
            category => category.as_bytes(),
        }))
    }),
    ("evt.is_io", |e, _, _| {
        Some(Value::Bool(is(e, |event| event.reads || event.writes)))
    }),
    ("evt.is_io_read", |e, _, _| {
        Some(Value::Bool(is(e, |event| event.reads)))
    }),
    ("evt.is_io_write", |e, _, _| {
        Some(Value::Bool(is(e, |event| event.writes)))
    }),
    ("evt.io_dir", |e, _, _| {
        if is(e, |event| event.reads) {
            return Some(Value::Text(b"read"));
        }
        is(e, |event| event.writes).then_some(Value::Text(b"write"))
    }),
    ("evt.is_wait", |e, _, _| {
        Some(Value::Bool(is(e, |event| event.waits)))
    }),
    ("evt.is_syslog", |e, _, arena| {
        let writes = is(e, |event| event.writes);
        Some(Value::Bool(
            writes && file::name(e, arena).is_some_and(|name| SYSLOG_SOCKETS.contains(&name)),
        ))
    }),
    ("evt.buffer", |e, _, _| {
        let io = is(e, |event| event.reads || event.writes);
        io.then(|| e.call().map(|call| Value::Bytes(call.data)))
            .flatten()
    }),
    ("evt.buflen", |e, _, _| moved(e, |_| true)),
    ("evt.buflen.in", |e, _, _| {
        moved(e, |e| is(e, |event| event.reads))
    }),
    ("evt.buflen.out", |e, _, _| {
        moved(e, |e| is(e, |event| event.writes))
    }),
    ("evt.buflen.file", |e, _, _| moved(e, is_file)),
    ("evt.buflen.file.in", |e, _, _| {
        moved(e, |e| is_file(e) && is(e, |event| event.reads))
    }),
    ("evt.buflen.file.out", |e, _, _| {
        moved(e, |e| is_file(e) && is(e, |event| event.writes))
    }),
    ("evt.buflen.net", |e, _, _| moved(e, is_net)),
    ("evt.buflen.net.in", |e, _, _| {
        moved(e, |e| is_net(e) && is(e, |event| event.reads))
    }),
    ("evt.buflen.net.out", |e, _, _| {
        moved(e, |e| is_net(e) && is(e, |event| event.writes))
    }),
    ("evt.count.error", |e, _, _| failures(e, |_| true)),
    ("evt.count.error.file", |e, _, _| failures(e, is_file)),
    ("evt.count.error.net", |e, _, _| failures(e, is_net)),
    ("evt.count.error.memory", |e, _, _| failures(e, is_memory)),
    ("evt.count.error.other", |e, _, _| {
        failures(e, |e| !is_file(e) && !is_net(e) && !is_memory(e))
    }),
    ("evt.count.exit", |_, _, _| Some(Value::Uint(1))),
    ("evt.count.procinfo", |_, _, _| Some(Value::Uint(0))),
    ("evt.count.threadinfo", |_, _, _| Some(Value::Uint(0))),
    ("evt.view", |e, _, _| Some(text(e.view.name().as_bytes()))),
];

/// The call, if it opens a file.
fn opened<'a>(event: &'a Event<'_>) -> Option<&'a Call<'a>> {
    match file::used(event)? {
        (Descriptor::Opened, call) => Some(call),
        _ => None,
    }
}

/// What the flags of an open call say; false for other events and for creat, which Falco leaves out.
fn opens(event: &Event<'_>, says: impl Fn(u64) -> bool) -> bool {
    event.table.event_name(event.kind) != "creat"
        && opened(event).is_some_and(|call| says(call.args[2]))
}

/// What the schema says of the event's type.
fn is(event: &Event<'_>, says: impl Fn(&EventDef) -> bool) -> bool {
    event.table.event(event.kind).is_some_and(says)
}

fn is_file(event: &Event<'_>) -> bool {
    match file::kind(event) {
        Some(kind) => kind.category() == "file",
        None => is(event, |event| event.category == "file"),
    }
}

fn is_net(event: &Event<'_>) -> bool {
    match file::kind(event) {
        Some(kind) => kind.category() == "net",
        None => is(event, |event| event.category == "net"),
    }
}

fn is_memory(event: &Event<'_>) -> bool {
    is(event, |event| event.category == "memory")
}

/// Bytes that were read or written, for events of a kind.
fn moved<'a>(event: &Event<'_>, of: impl Fn(&Event<'_>) -> bool) -> Option<Value<'a>> {
    let io = is(event, |event| event.reads || event.writes);
    if !io || !of(event) {
        return None;
    }
    let bytes = u64::try_from(event.result()?).unwrap_or(0);
    Some(Value::Uint(bytes))
}

/// 1 for a failed call of a kind, 0 for another.
fn failures<'a>(event: &Event<'_>, of: impl Fn(&Event<'_>) -> bool) -> Option<Value<'a>> {
    let failed = event.result()? < 0;
    Some(Value::Uint(u64::from(failed && of(event))))
}

/// `SUCCESS`, or the error's name.
fn result_name(result: i64, arena: &Bump) -> Value<'_> {
    text(match result {
        0.. => b"SUCCESS",
        _ => errno_name(result, arena),
    })
}

/// The name of a negative error number, or its digits.
pub(super) fn errno_name(result: i64, arena: &Bump) -> &[u8] {
    let name = usize::try_from(result.unsigned_abs())
        .ok()
        .and_then(|number| ERRNO.get(number));
    match name {
        Some(name) if !name.is_empty() => name.as_bytes(),
        _ => format(arena, format_args!("{result}")),
    }
}

/// A time in ns since the epoch as Falco prints it in parameters.
pub(super) fn zoned_time(wall_ns: u64, arena: &Bump) -> &[u8] {
    let time = jiff::Timestamp::from_nanosecond(wall_ns.into())
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::system());
    let text = time.strftime("%Y-%m-%d %H:%M:%S.%9f %z");
    format(arena, format_args!("{text}"))
}

fn formatted<'a>(arena: &'a Bump, what: std::fmt::Arguments<'_>) -> Value<'a> {
    text(format(arena, what))
}

fn local_time<'a>(event: &Event<'_>, format: &str, arena: &'a Bump) -> Value<'a> {
    let time = timestamp(event).to_zoned(jiff::tz::TimeZone::system());
    formatted(arena, format_args!("{}", time.strftime(format)))
}

fn iso_time<'a>(event: &'a Event<'_>, _: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let time = timestamp(event);
    Some(formatted(arena, format_args!("{time:.9}")))
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
