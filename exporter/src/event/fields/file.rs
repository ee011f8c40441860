//! `fd.*` of any descriptor, `fs.path.*` and `evt.abspath*`: names, numbers and types.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::value::Value;

use super::{Get, format, socket, text};
use crate::event::binding::{Binding, Datum, Descriptor, Paths, Source, Which};
use crate::event::descriptor::Kind;
use crate::event::path::{directory, file_name};
use crate::event::symbols::file::O_DIRECTORY;
use crate::event::{Call, Event, Inode, View};

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("fd.num", |e, _, _| number(e).map(Value::Int)),
    ("fd.uid", |e, _, arena| {
        let number = number(e)?;
        Some(text(format(arena, format_args!("{}{number}", e.tid))))
    }),
    ("fd.name", |e, _, arena| name(e, arena).map(text)),
    ("fd.nameraw", |e, _, _| match used(e)? {
        (Descriptor::Opened, call) => Some(text(call.first.written)),
        _ => None,
    }),
    ("fd.type", |e, _, _| {
        kind(e).map(|kind| text(kind.name().as_bytes()))
    }),
    ("fd.typechar", |e, _, _| {
        let (descriptor, call) = used(e)?;
        Some(text(match (kind(e), descriptor) {
            (Some(kind), _) => kind.letter().as_bytes(),
            // What a failed open meant is told by its flags.
            (None, Descriptor::Opened) if call.args[2] & O_DIRECTORY != 0 => b"d",
            (None, _) => guessed_letter(e.table.event_name(e.kind)),
        }))
    }),
    ("fd.directory", |e, _, arena| {
        file_path(e, arena).map(|path| text(directory(path)))
    }),
    ("fd.filename", |e, _, arena| {
        kind(e)?;
        file_path(e, arena).map(|path| text(file_name(path)))
    }),
    ("fd.dev", |e, _, _| {
        inode(e).map(|inode| Value::Int(i64::from(inode.dev)))
    }),
    ("fd.dev.major", |e, _, _| {
        inode(e).map(|inode| Value::Int(i64::from(inode.dev >> 8 & 0xfff)))
    }),
    ("fd.dev.minor", |e, _, _| {
        inode(e)
            .map(|inode| Value::Int(i64::from((inode.dev & 0xff) | (inode.dev >> 12 & 0xfff00))))
    }),
    ("fd.ino", |e, _, _| {
        let (_, call) = used(e)?;
        match (call.socket.family, inode(e)) {
            (0, inode) => inode.map(|inode| Value::Int(inode.number.cast_signed())),
            _ => Some(Value::Int(call.socket.inode.cast_signed())),
        }
    }),
    ("fd.is_upper_layer", |e, _, _| {
        inode(e).map(|inode| Value::Bool(inode.upper_layer))
    }),
    ("fd.is_lower_layer", |e, _, _| {
        inode(e).map(|inode| Value::Bool(inode.lower_layer))
    }),
    ("fd.containername", |e, _, arena| {
        Some(with_container(e, name(e, arena)?, arena))
    }),
    ("fd.containerdirectory", |e, _, arena| {
        Some(with_container(e, directory(file_path(e, arena)?), arena))
    }),
    ("fs.path.name", |e, _, arena| {
        absolute(path_of(e, only, arena)?)
    }),
    ("fs.path.nameraw", |e, _, arena| {
        given(path_of(e, only, arena)?)
    }),
    ("fs.path.source", |e, _, arena| {
        absolute(path_of(e, source, arena)?)
    }),
    ("fs.path.sourceraw", |e, _, arena| {
        given(path_of(e, source, arena)?)
    }),
    ("fs.path.target", |e, _, arena| {
        absolute(path_of(e, target, arena)?)
    }),
    ("fs.path.targetraw", |e, _, arena| {
        given(path_of(e, target, arena)?)
    }),
    ("evt.abspath", |e, _, arena| at_path(e, Which::First, arena)),
    ("evt.abspath.src", |e, _, arena| {
        at_path(e, Which::Second, arena)?;
        at_path(e, Which::First, arena)
    }),
    ("evt.abspath.dst", |e, _, arena| {
        at_path(e, Which::Second, arena)
    }),
];

/// The descriptor that an event is about, and the call that tells of it; none for events without one.
pub(super) fn used<'a>(event: &'a Event<'_>) -> Option<(Descriptor, &'a Call<'a>)> {
    match event.table.binding(event.kind)?.descriptor {
        Descriptor::None => None,
        descriptor => Some((descriptor, event.call()?)),
    }
}

/// What that descriptor is; none where that is not known, as after a failed open.
pub(super) fn kind(event: &Event<'_>) -> Option<Kind> {
    let (descriptor, call) = used(event)?;
    match descriptor {
        Descriptor::None => None,
        Descriptor::Own => Kind::of(call),
        Descriptor::Opened if call.result < 0 => None,
        Descriptor::Opened => Some(Kind::of(call).unwrap_or(Kind::File)),
        Descriptor::Directory(_) => {
            (number(event)? >= 0 && !call.first.dir.is_empty()).then_some(Kind::Directory)
        }
    }
}

/// The path of an opened file in the view that the rules are shown.
fn opened_path<'a>(event: &Event<'_>, call: &'a Call<'_>, arena: &'a Bump) -> &'a [u8] {
    match event.view {
        View::Effective if !call.effective.is_empty() => call.effective,
        _ => call.first.absolute(arena),
    }
}

/// What Falco calls a descriptor of a kind.
fn kind_name<'a>(
    event: &'a Event<'_>,
    call: &'a Call<'_>,
    kind: Kind,
    arena: &'a Bump,
) -> &'a [u8] {
    match kind {
        Kind::Ipv4 | Kind::Ipv6 => socket::tuple(event, call, arena),
        Kind::Unix => call.socket.unix_path,
        Kind::Memory => call
            .file
            .path
            .strip_prefix(b"memfd:")
            .unwrap_or(call.file.path),
        _ if call.file.pseudo || call.socket.family != 0 => b"",
        _ => match event.table.binding(event.kind).map(|row| row.descriptor) {
            Some(Descriptor::Opened) => opened_path(event, call, arena),
            _ => call.file.path,
        },
    }
}

/// A descriptor as Falco prints it in parameters: `<f>/etc/hosts`, `<4t>10.0.0.1:40000->10.0.0.2:80`.
pub(in crate::event) fn label<'a>(
    event: &'a Event<'_>,
    call: &'a Call<'_>,
    kind: Kind,
    arena: &'a Bump,
) -> &'a [u8] {
    let name = kind_name(event, call, kind, arena);
    let mut line = ArenaVec::with_capacity_in(name.len() + 4, arena);
    line.push(b'<');
    line.extend_from_slice(kind.letter().as_bytes());
    if kind.is_inet() {
        match socket::l4proto(&call.socket) {
            b"tcp" => line.push(b't'),
            b"udp" => line.push(b'u'),
            b"icmp" => line.push(b'i'),
            b"raw" => line.push(b'r'),
            _ => {}
        }
    }
    line.push(b'>');
    line.extend_from_slice(name);
    line.into_bump_slice()
}

fn number(event: &Event<'_>) -> Option<i64> {
    let (descriptor, call) = used(event)?;
    match descriptor {
        Descriptor::None => None,
        Descriptor::Own => Some(call.fd),
        Descriptor::Opened => Some(call.result.max(-1)),
        Descriptor::Directory(n) => Some(i64::from((*call.args.get(n)? as u32).cast_signed())),
    }
}

/// `fd.name`
pub(super) fn name<'a>(event: &'a Event<'_>, arena: &'a Bump) -> Option<&'a [u8]> {
    let (descriptor, call) = used(event)?;
    match (descriptor, kind(event)) {
        (Descriptor::Opened, _) => Some(opened_path(event, call, arena)),
        (Descriptor::Directory(_), Some(_)) => Some(call.first.dir),
        // Falco knows of no descriptor there, and has an empty name for it.
        (Descriptor::Directory(_), None) => Some(b""),
        (_, kind) if event.table.event_name(event.kind) == "connect" => {
            let name = kind.map_or(&b""[..], |kind| kind_name(event, call, kind, arena));
            Some(match (name, call.socket.remote) {
                (b"", _) => b"NULL",
                (_, None) if kind.is_some_and(Kind::is_inet) => b"NULL",
                (name, _) => name,
            })
        }
        (_, Some(kind)) => Some(kind_name(event, call, kind, arena)),
        (_, None) => None,
    }
}

/// The path of the descriptor, if it is of what has one. After a failed open the path that was asked for.
fn file_path<'a>(event: &'a Event<'_>, arena: &'a Bump) -> Option<&'a [u8]> {
    match (used(event)?, kind(event)) {
        ((Descriptor::Opened, _), _) => name(event, arena),
        (_, Some(kind)) if kind.is_path() => name(event, arena),
        _ => None,
    }
}

/// The letter that Falco guesses from the event where nothing is known of the descriptor.
fn guessed_letter(event: &str) -> &'static [u8] {
    match event {
        "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" => b"f",
        "socket" | "bind" | "connect" | "listen" | "accept" | "accept4" | "sendto" | "sendmsg"
        | "recvfrom" | "recvmsg" => b"4",
        "pipe" | "pipe2" => b"p",
        "eventfd" | "eventfd2" => b"e",
        "signalfd" | "signalfd4" => b"s",
        "timerfd_create" => b"t",
        "inotify_init" | "inotify_init1" => b"i",
        "epoll_create" | "epoll_create1" => b"l",
        "bpf" => b"b",
        "userfaultfd" => b"u",
        "io_uring_setup" => b"r",
        "memfd_create" => b"m",
        "pidfd_open" => b"P",
        _ => b"o",
    }
}

fn inode(event: &Event<'_>) -> Option<Inode> {
    let (_, call) = used(event)?;
    (call.file.inode.number != 0).then_some(call.file.inode)
}

/// `CONTAINER:NAME`
fn with_container<'a>(event: &'a Event<'_>, name: &[u8], arena: &'a Bump) -> Value<'a> {
    let container = event
        .container()
        .map_or("host", |container| container.short());
    let mut joined = ArenaVec::with_capacity_in(container.len() + 1 + name.len(), arena);
    joined.extend_from_slice(container.as_bytes());
    joined.push(b':');
    joined.extend_from_slice(name);
    Value::Text(joined.into_bump_slice())
}

/// One of the paths that `fs.path.*` speak of; none if the call failed.
fn path_of<'a>(
    event: &'a Event<'_>,
    pick: impl Fn(Paths) -> Option<Source>,
    arena: &'a Bump,
) -> Option<Datum<'a>> {
    let binding = event.table.binding(event.kind)?;
    let source = pick(binding.paths)?;
    let result = event.result()?;
    // Falco's word for a failed open is a result of -1, which is one error among many.
    let succeeded = match binding.descriptor {
        Descriptor::Opened => result != -1,
        _ => result >= 0,
    };
    if !succeeded {
        return None;
    }
    source.read(event, arena)
}

fn only(paths: Paths) -> Option<Source> {
    match paths {
        Paths::Name(name) => Some(name),
        Paths::None | Paths::Pair(..) => None,
    }
}

fn source(paths: Paths) -> Option<Source> {
    match paths {
        Paths::Pair(source, _) => Some(source),
        Paths::None | Paths::Name(_) => None,
    }
}

fn target(paths: Paths) -> Option<Source> {
    match paths {
        Paths::Pair(_, target) => Some(target),
        Paths::None | Paths::Name(_) => None,
    }
}

fn absolute(path: Datum<'_>) -> Option<Value<'_>> {
    match path {
        Datum::Path { absolute, .. } => Some(text(absolute)),
        Datum::Text(written) => Some(text(written)),
        _ => None,
    }
}

fn given(path: Datum<'_>) -> Option<Value<'_>> {
    match path {
        Datum::Path { written, .. } | Datum::Text(written) => Some(text(written)),
        _ => None,
    }
}

/// The path of an `…at` call that starts at a directory descriptor.
fn at_path<'a>(event: &'a Event<'_>, which: Which, arena: &'a Bump) -> Option<Value<'a>> {
    let starts = |row: &Binding| {
        row.params
            .iter()
            .any(|param| matches!(param.source, Source::Dir(_, start) if start == which))
    };
    let binding = event.table.binding(event.kind)?;
    starts(binding)
        .then(|| absolute(Source::Path(which).read(event, arena)?))
        .flatten()
}
