//! `evt.arg.*`, `evt.args`: the parameters of the call, as text in Falco's forms.

use bumpalo::Bump;
use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};
use rule_engine::value::{FieldKey, Value};

use super::call::{O_ACCMODE, O_RDWR, O_WRONLY, errno_name};
use super::{Get, file, socket, text, written};
use crate::event::{Connect, Event, Facts, Open};

/// `AT_FDCWD`
const AT_FDCWD: i32 = -100;

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("evt.arg", |e, key, arena| match key {
        FieldKey::Name(name) => arg(e, name, arena),
        FieldKey::Index(n) => arg(e, e.table.params(e.kind).get(*n as usize)?.name, arena),
        FieldKey::None => None,
    }),
    ("evt.args", all),
    ("evt.info", all),
    ("evt.rawarg", |e, key, _| match key {
        FieldKey::Name(name) => raw(e, name),
        _ => None,
    }),
    ("evt.type.is", |e, key, _| match key {
        FieldKey::Name(name) => Some(Value::Uint(u64::from(
            **name == *e.table.event_name(e.kind),
        ))),
        _ => None,
    }),
];

/// Flags of open in Falco's order, with the kernel's bits (include/uapi/asm-generic/fcntl.h). Reading and writing come
/// from the access mode.
const OPEN_FLAGS: &[(u64, &str)] = &[
    (0o100_000, "O_LARGEFILE"),
    (0o200_000, "O_DIRECTORY"),
    (0o40_000, "O_DIRECT"),
    (0o1_000, "O_TRUNC"),
    (0o4_000_000, "O_SYNC"),
    (0o4_000, "O_NONBLOCK"),
    (0o200, "O_EXCL"),
    (0o10_000, "O_DSYNC"),
    (0o2_000, "O_APPEND"),
    (0o100, "O_CREAT"),
];
const O_CLOEXEC: u64 = 0o2_000_000;
const O_TMPFILE: u64 = 0o20_000_000;

/// Permission bits, low ones first.
const MODE_BITS: [&str; 12] = [
    "S_IXOTH", "S_IWOTH", "S_IROTH", "S_IXGRP", "S_IWGRP", "S_IRGRP", "S_IXUSR", "S_IWUSR",
    "S_IRUSR", "S_ISVTX", "S_ISGID", "S_ISUID",
];

/// All parameters as `name=value`, one blank between.
fn all<'a>(event: &'a Event<'_>, _: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let mut line = ArenaVec::new_in(arena);
    for param in event.table.params(event.kind) {
        let Some(Value::Text(value)) = arg(event, param.name, arena) else {
            continue;
        };
        if !line.is_empty() {
            line.push(b' ');
        }
        line.extend_from_slice(param.name.as_bytes());
        line.push(b'=');
        line.extend_from_slice(value);
    }
    Some(Value::Text(line.into_bump_slice()))
}

fn arg<'a>(event: &'a Event<'_>, name: &str, arena: &'a Bump) -> Option<Value<'a>> {
    match &event.facts {
        Facts::Exec { filename } => exec_arg(event, filename, name, arena),
        Facts::Exit { status } => match name {
            "status" => Some(number(arena, i64::from(*status))),
            "ret" => Some(number(arena, i64::from(*status >> 8 & 0xff))),
            "sig" => Some(number(arena, i64::from(*status & 0x7f))),
            "core" => Some(number(arena, i64::from(*status >> 7 & 1))),
            _ => None,
        },
        Facts::Open(open) => open_arg(event, open, name, arena),
        Facts::Connect(connect) => connect_arg(connect, name, arena),
        Facts::Container => None,
    }
}

fn exec_arg<'a>(
    event: &'a Event<'_>,
    filename: &'a [u8],
    name: &str,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    let process = event.process?;
    Some(match name {
        "res" => Value::Text(b"0"),
        "exe" => text(&process.image.exe),
        "tid" => number(arena, i64::from(event.tid)),
        "pid" => number(arena, i64::from(process.key.pid)),
        "ptid" => number(arena, i64::from(process.parent.pid)),
        "comm" => text(process.comm.bytes()),
        "filename" => text(filename),
        "trusted_exepath" => text(&process.image.path),
        "flags" => exec_flags(process.image.upper_layer, process.image.memfd),
        _ => return None,
    })
}

fn exec_flags<'a>(upper_layer: bool, memfd: bool) -> Value<'a> {
    Value::Text(match (upper_layer, memfd) {
        (true, true) => b"EXE_UPPER_LAYER|EXE_FROM_MEMFD",
        (true, false) => b"EXE_UPPER_LAYER",
        (false, true) => b"EXE_FROM_MEMFD",
        (false, false) => b"0",
    })
}

fn open_arg<'a>(
    event: &'a Event<'_>,
    open: &'a Open<'_>,
    name: &str,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    Some(match name {
        "fd" if open.result < 0 => errno_name(open.result, arena),
        "fd" => {
            let path = text(file::path(event, open, arena));
            prefixed(open.result, b"f", path, arena)
        }
        "dirfd" if open.dirfd == AT_FDCWD => Value::Text(b"AT_FDCWD"),
        "dirfd" => prefixed(i64::from(open.dirfd), b"d", text(open.dir), arena),
        "name" => text(file::path(event, open, arena)),
        "flags" | "creat_flags" => open_flags(open.flags, arena),
        "mode" => mode(open.mode, arena),
        "resolve" => number(arena, open.resolve.cast_signed()),
        "dev" => written(arena, format_args!("{:x}", open.inode.dev)),
        "ino" => number(arena, open.inode.number.cast_signed()),
        _ => return None,
    })
}

fn connect_arg<'a>(connect: &'a Connect<'_>, name: &str, arena: &'a Bump) -> Option<Value<'a>> {
    Some(match name {
        "res" if connect.result < 0 => errno_name(connect.result, arena),
        "res" => Value::Text(b"0"),
        "fd" => {
            let letter = match (socket::fd_type(connect), connect.socket.kind) {
                (Some((_, b"4")), 1) => &b"4t"[..],
                (Some((_, b"4")), 2) => b"4u",
                (Some((_, b"6")), 1) => b"6t",
                (Some((_, b"6")), 2) => b"6u",
                (Some((_, letter)), _) => letter,
                (None, _) => return Some(number(arena, i64::from(connect.fd))),
            };
            prefixed(
                i64::from(connect.fd),
                letter,
                socket::name(connect, arena),
                arena,
            )
        }
        "tuple" => socket::name(connect, arena),
        "addr" => match connect.socket.remote {
            Some(address) => written(arena, format_args!("{}:{}", address.ip(), address.port())),
            None if connect.unix_path.is_empty() => Value::Text(b"NULL"),
            None => text(connect.unix_path),
        },
        _ => return None,
    })
}

fn raw<'a>(event: &Event<'_>, name: &str) -> Option<Value<'a>> {
    Some(match (&event.facts, name) {
        (Facts::Open(open), "fd") => Value::Int(open.result),
        (Facts::Open(open), "dirfd") => Value::Int(i64::from(open.dirfd)),
        (Facts::Open(open), "mode") => Value::Uint(u64::from(open.mode)),
        (Facts::Open(open), "dev") => Value::Uint(u64::from(open.inode.dev)),
        (Facts::Open(open), "ino") => Value::Uint(open.inode.number),
        (Facts::Connect(connect), "res") => Value::Int(connect.result),
        (Facts::Connect(connect), "fd") => Value::Int(i64::from(connect.fd)),
        (Facts::Exec { .. }, "res") => Value::Int(0),
        (Facts::Exit { status }, "status") => Value::Int(i64::from(*status)),
        _ => return None,
    })
}

/// Symbols joined by `|`.
fn open_flags(flags: u64, arena: &Bump) -> Value<'_> {
    let mut symbols = ArenaVec::new_in(arena);
    let mut push = |symbol: &str| {
        if !symbols.is_empty() {
            symbols.push(b'|');
        }
        symbols.extend_from_slice(symbol.as_bytes());
    };
    let tmpfile = flags & O_TMPFILE != 0;
    for (bits, symbol) in OPEN_FLAGS {
        // O_TMPFILE brings the bit of O_DIRECTORY along.
        if flags & bits == *bits && !(tmpfile && *symbol == "O_DIRECTORY") {
            push(symbol);
        }
    }
    match flags & O_ACCMODE {
        O_RDWR => push("O_RDWR"),
        O_WRONLY => push("O_WRONLY"),
        0 => push("O_RDONLY"),
        _ => push("O_NONE"),
    }
    if flags & O_CLOEXEC != 0 {
        push("O_CLOEXEC");
    }
    if tmpfile {
        push("O_TMPFILE");
    }
    Value::Text(symbols.into_bump_slice())
}

fn mode(mode: u32, arena: &Bump) -> Value<'_> {
    let mut symbols = ArenaString::new_in(arena);
    for (bit, symbol) in MODE_BITS.iter().enumerate() {
        if mode >> bit & 1 == 1 {
            if !symbols.is_empty() {
                symbols.push('|');
            }
            symbols.push_str(symbol);
        }
    }
    if symbols.is_empty() {
        symbols.push('0');
    }
    text(symbols.into_bump_str().as_bytes())
}

fn number(arena: &Bump, number: i64) -> Value<'_> {
    written(arena, format_args!("{number}"))
}

/// A descriptor as Falco prints it: `<f>/etc/hosts`.
fn prefixed<'a>(fd: i64, letter: &[u8], name: Value<'a>, arena: &'a Bump) -> Value<'a> {
    let Value::Text(name) = name else {
        return number(arena, fd);
    };
    let mut line = ArenaVec::with_capacity_in(letter.len() + name.len() + 2, arena);
    line.push(b'<');
    line.extend_from_slice(letter);
    line.push(b'>');
    line.extend_from_slice(name);
    Value::Text(line.into_bump_slice())
}
