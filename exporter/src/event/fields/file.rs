//! `fd.*` of any descriptor, and `fs.path.*`: names, numbers and types.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::value::Value;

use super::{Get, socket, text};
use crate::event::path::{absolute, directory, file_name};
use crate::event::{Event, Facts, Inode, Open, View};

/// File type bits of a mode (include/uapi/linux/stat.h).
const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
const O_DIRECTORY: u64 = 0o200_000;

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("fd.num", |e, _, _| match e.facts {
        Facts::Open(open) => Some(Value::Int(open.result.max(-1))),
        Facts::Connect(connect) => Some(Value::Int(i64::from(connect.fd))),
        _ => None,
    }),
    ("fd.name", |e, _, arena| name(e, arena)),
    ("fd.nameraw", |e, _, _| match e.facts {
        Facts::Open(open) => Some(text(open.requested)),
        _ => None,
    }),
    ("fd.type", |e, _, _| match &e.facts {
        Facts::Open(open) if open.result >= 0 => Some(text(file_type(open).0)),
        Facts::Connect(connect) => socket::fd_type(connect).map(|(name, _)| text(name)),
        _ => None,
    }),
    ("fd.typechar", |e, _, _| match &e.facts {
        Facts::Open(open) => Some(text(file_type(open).1)),
        // What a failed connect was for is told by the call itself, as Falco guesses it.
        Facts::Connect(connect) => Some(text(
            socket::fd_type(connect).map_or(b"4", |(_, letter)| letter),
        )),
        _ => None,
    }),
    ("fd.directory", |e, _, arena| match &e.facts {
        Facts::Open(open) => Some(text(directory(path(e, open, arena)))),
        _ => None,
    }),
    ("fd.filename", |e, _, arena| match &e.facts {
        Facts::Open(open) if open.result >= 0 => Some(text(file_name(path(e, open, arena)))),
        _ => None,
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
    ("fd.ino", |e, _, _| match e.facts {
        Facts::Connect(connect) => Some(Value::Int(connect.socket.inode.cast_signed())),
        _ => inode(e).map(|inode| Value::Int(inode.number.cast_signed())),
    }),
    ("fd.is_upper_layer", |e, _, _| {
        inode(e).map(|inode| Value::Bool(inode.upper_layer))
    }),
    ("fd.is_lower_layer", |e, _, _| {
        inode(e).map(|inode| Value::Bool(inode.lower_layer))
    }),
    ("fd.containername", |e, _, arena| {
        with_container(e, name(e, arena)?, arena)
    }),
    ("fd.containerdirectory", |e, _, arena| match &e.facts {
        Facts::Open(open) => with_container(e, text(directory(path(e, open, arena))), arena),
        _ => None,
    }),
    ("fs.path.name", |e, _, arena| match &e.facts {
        // Falco's word for a failed open is a result of -1, which is one error among many.
        Facts::Open(open) if open.result != -1 => Some(text(path(e, open, arena))),
        _ => None,
    }),
    ("fs.path.nameraw", |e, _, _| match e.facts {
        Facts::Open(open) if open.result != -1 => Some(text(open.requested)),
        _ => None,
    }),
];

/// The path of a file event in the view that the rules are shown.
pub(super) fn path<'a>(event: &Event<'_>, open: &Open<'a>, arena: &'a Bump) -> &'a [u8] {
    match event.view {
        View::Effective if !open.effective.is_empty() => open.effective,
        _ => absolute(open.dir, open.requested, arena),
    }
}

fn name<'a>(event: &'a Event<'_>, arena: &'a Bump) -> Option<Value<'a>> {
    match &event.facts {
        Facts::Open(open) => Some(text(path(event, open, arena))),
        Facts::Connect(connect) => Some(socket::name(connect, arena)),
        _ => None,
    }
}

/// Type and letter. After a failed open the flags tell what was meant.
fn file_type(open: &Open<'_>) -> (&'static [u8], &'static [u8]) {
    let is_directory = match open.result {
        0.. => open.inode.mode & S_IFMT == S_IFDIR,
        _ => open.flags & O_DIRECTORY != 0,
    };
    if is_directory {
        (b"directory", b"d")
    } else {
        (b"file", b"f")
    }
}

fn inode(event: &Event<'_>) -> Option<Inode> {
    match event.facts {
        Facts::Open(open) if open.result >= 0 => Some(open.inode),
        _ => None,
    }
}

/// `CONTAINER:NAME`
fn with_container<'a>(event: &'a Event<'_>, name: Value<'a>, arena: &'a Bump) -> Option<Value<'a>> {
    let Value::Text(name) = name else { return None };
    let container = event
        .container()
        .map_or("host", |container| container.short());
    let mut joined = ArenaVec::with_capacity_in(container.len() + 1 + name.len(), arena);
    joined.extend_from_slice(container.as_bytes());
    joined.push(b':');
    joined.extend_from_slice(name);
    Some(Value::Text(joined.into_bump_slice()))
}
