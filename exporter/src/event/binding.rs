//! Which fact of an event is which of its parameters: one row an event, one entry a parameter.
//!
//! In: the rows of this folder, in the order of the schema's parameters. Out: [`Binding`] of an event by name, and the
//! parameter's value as a [`Datum`]. Never: how a value is printed: its type in the schema says that.

mod container;
mod descriptor;
mod file;
mod kernel;
mod net;
mod process;

use bumpalo::Bump;
use rule_engine::schema::EventDef;

use super::descriptor::Kind;
use super::fields::{label, peer, tuple};
use super::symbols::Symbols;
use super::{Call, Event, Facts, Named, View};

/// What an event's parameters, descriptor and paths are.
#[derive(Debug)]
pub struct Binding {
    /// The event's name.
    pub event: &'static str,
    /// Its descriptor, which `fd.*` speak of.
    pub descriptor: Descriptor,
    /// Its paths, which `fs.path.*` speak of.
    pub paths: Paths,
    /// Its parameters.
    pub params: &'static [Param],
}

/// One parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// Words for the value.
    pub symbols: Option<Symbols>,
}

/// The descriptor of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descriptor {
    /// It has none.
    None,
    /// The one that the record tells of.
    Own,
    /// The file that the call opens: the caller's path names it.
    Opened,
    /// This argument is a directory, where the path starts.
    Directory(usize),
}

/// The paths of an event.
#[derive(Clone, Copy, Debug)]
pub enum Paths {
    /// None.
    None,
    /// One.
    Name(Source),
    /// A source and a target.
    Pair(Source, Source),
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The result of the call.
    Result,
    /// The result, which is a descriptor.
    Made,
    /// An argument.
    Arg(usize),
    /// An argument that is a descriptor.
    Fd(usize),
    /// An argument that is the second descriptor.
    SecondFd(usize),
    /// An argument that is a directory, where the first or the second path starts.
    Dir(usize, Which),
    /// What the call was given or gave by address.
    Value(usize),
    /// A descriptor that the call gave by address.
    FdValue(usize),
    /// A path, absolute.
    Path(Which),
    /// The path of the descriptor's file.
    FilePath,
    /// The other string, as it was given.
    Text,
    /// The other string, as a path that starts where the first one does.
    TextPath,
    /// The first path, as it was given.
    Given,
    /// The first bytes.
    Data,
    /// Both sides of the connection.
    Tuple,
    /// The other side, or the address that was asked for.
    Address,
    /// Device of the descriptor's file.
    Dev,
    /// Inode number of the descriptor's file.
    Ino,
    /// Something that the event as a whole tells.
    Of(for<'a> fn(&'a Event<'_>, &'a Bump) -> Option<Datum<'a>>),
    /// Nothing: the agent does not collect it, and the parameter is missing.
    Uncollected,
}

/// One of a call's two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first.
    First,
    /// The second.
    Second,
}

/// The value of a parameter, before it is printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Datum<'a> {
    /// A number, as wide as a register.
    Number(u64),
    /// Text.
    Text(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An address or a pair of them, as text; empty when there is none.
    Address(&'a [u8]),
    /// A path.
    Path {
        /// As the caller wrote it.
        written: &'a [u8],
        /// Joined and folded, or what the kernel made of it: as the event's view wants it.
        absolute: &'a [u8],
    },
    /// A descriptor.
    Descriptor {
        /// Its number, or the negative error number.
        number: i64,
        /// `<f>/etc/passwd`, where it is known.
        name: Option<&'a [u8]>,
    },
}

/// The rows of all events.
pub fn all() -> impl Iterator<Item = &'static Binding> {
    [
        process::PROGRAMS,
        process::CLONES,
        process::ROWS,
        file::ROWS,
        net::ROWS,
        descriptor::ROWS,
        kernel::ROWS,
        container::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The row of an event; none for one that no probe supplies. Generic events have one in common.
#[must_use]
pub fn of(event: &EventDef) -> Option<&'static Binding> {
    match event.generic {
        true => kernel::GENERIC.first(),
        false => all().find(|row| row.event == event.name),
    }
}

/// Builds rows: `name [descriptor; paths] param: source, param: source => symbols;`
macro_rules! bindings {
    ($($event:ident [$descriptor:expr; $paths:expr] ($($param:ident: $source:expr $(=> $symbols:expr)?),* $(,)?);)*) => {
        &[$($crate::event::binding::Binding {
            event: stringify!($event),
            descriptor: $descriptor,
            paths: $paths,
            params: &[$($crate::event::binding::Param {
                name: stringify!($param),
                source: $source,
                symbols: symbols!($($symbols)?),
            }),*],
        }),*]
    };
}

macro_rules! symbols {
    () => {
        None
    };
    ($symbols:expr) => {
        Some($symbols)
    };
}

use {bindings, symbols};

impl Source {
    /// The value for an event; none where the event has no such thing.
    #[must_use]
    pub fn read<'a>(&self, event: &'a Event<'_>, arena: &'a Bump) -> Option<Datum<'a>> {
        match self {
            Self::Of(get) => return get(event, arena),
            Self::Uncollected => return None,
            Self::Result => return event.result().map(number),
            _ => {}
        }
        let Facts::Call(call) = &event.facts else {
            return None;
        };
        Some(match self {
            Self::Arg(n) => Datum::Number(*call.args.get(*n)?),
            Self::Value(n) => Datum::Number(*call.values.get(*n)?),
            Self::Made => descriptor(event, call, call.result, arena),
            Self::Fd(n) => descriptor(event, call, low(*call.args.get(*n)?), arena),
            Self::SecondFd(n) => second(event, call, low(*call.args.get(*n)?), arena),
            // A call that failed made none, and 0 would be one.
            Self::FdValue(_) if call.result < 0 => descriptor(event, call, -1, arena),
            Self::FdValue(n) => descriptor(event, call, low(*call.values.get(*n)?), arena),
            Self::Dir(n, which) => directory(call, low(*call.args.get(*n)?), *which, arena),
            Self::Path(which) => path(event, call, *which, arena),
            Self::FilePath => Datum::Path {
                written: call.file.path,
                absolute: call.file.path,
            },
            Self::Text => Datum::Text(call.text),
            Self::TextPath => named(
                Named {
                    written: call.text,
                    dir: first_directory(event, call),
                },
                arena,
            ),
            Self::Given => Datum::Text(call.first.written),
            Self::Data => Datum::Bytes(call.data),
            Self::Tuple => Datum::Address(tuple(event, call, arena)),
            Self::Address => Datum::Address(peer(call, arena)),
            Self::Dev => Datum::Number(u64::from(call.file.inode.dev)),
            Self::Ino => Datum::Number(call.file.inode.number),
            Self::Of(_) | Self::Uncollected | Self::Result => return None,
        })
    }
}

/// What the arguments of a call say.
fn argument<'a>(event: &Event<'_>, get: impl Fn(&[u64; 6]) -> u64) -> Option<Datum<'a>> {
    match &event.facts {
        Facts::Call(call) => Some(Datum::Number(get(&call.args))),
        Facts::Exec { .. } | Facts::Exit(_) | Facts::Container => None,
    }
}

/// A signed number, as wide as a register.
fn number<'a>(number: i64) -> Datum<'a> {
    Datum::Number(number.cast_unsigned())
}

/// An `int` argument.
fn low(register: u64) -> i64 {
    i64::from((register as u32).cast_signed())
}

/// A descriptor, with the name of its file if it is the one that the record tells of.
fn descriptor<'a>(
    event: &'a Event<'_>,
    call: &'a Call<'_>,
    number: i64,
    arena: &'a Bump,
) -> Datum<'a> {
    // The descriptors that dup joins have one file, and both ends of a pair one name.
    const OF_ONE_FILE: [&str; 6] = ["dup", "dup2", "dup3", "pipe", "pipe2", "socketpair"];
    let joined = OF_ONE_FILE.contains(&event.table.event_name(event.kind));
    let known = number >= 0 && (number == call.fd || joined);
    let name = match Kind::of(call) {
        Some(kind) if known => Some(label(event, call, kind, arena)),
        _ => None,
    };
    Datum::Descriptor { number, name }
}

/// The second descriptor of a call, with the name of its file if the record tells of it.
fn second<'a>(event: &'a Event<'_>, call: &'a Call<'_>, number: i64, arena: &'a Bump) -> Datum<'a> {
    let second: &Call<'_> = arena.alloc(Call {
        file: call.second_file,
        socket: call.second_socket,
        ..Call::default()
    });
    let name = Kind::of(second).map(|kind| label(event, second, kind, arena));
    Datum::Descriptor { number, name }
}

/// A directory that a path starts from.
fn directory<'a>(call: &'a Call<'_>, number: i64, which: Which, arena: &'a Bump) -> Datum<'a> {
    let path = match which {
        Which::First => call.first,
        Which::Second => call.second,
    };
    let known = number >= 0 && !path.dir.is_empty();
    let name = known.then(|| {
        let mut name = bumpalo::collections::Vec::with_capacity_in(path.dir.len() + 3, arena);
        name.extend_from_slice(b"<d>");
        name.extend_from_slice(path.dir);
        name.into_bump_slice() as &[u8]
    });
    Datum::Descriptor { number, name }
}

fn path<'a>(event: &Event<'_>, call: &'a Call<'_>, which: Which, arena: &'a Bump) -> Datum<'a> {
    match which {
        Which::First if event.view == View::Effective && !call.effective.is_empty() => {
            Datum::Path {
                written: call.first.written,
                absolute: call.effective,
            }
        }
        Which::First => named(call.first, arena),
        Which::Second => named(call.second, arena),
    }
}

fn named<'a>(path: Named<'a>, arena: &'a Bump) -> Datum<'a> {
    Datum::Path {
        written: path.written,
        absolute: path.absolute(arena),
    }
}

/// Where the first path would start if it were relative; the kernel tells that for relative ones only.
fn first_directory<'a>(event: &'a Event<'_>, call: &'a Call<'_>) -> &'a [u8] {
    match call.first.dir {
        b"" => event.process.map_or(b"", |process| &*process.cwd),
        dir => dir,
    }
}

#[cfg(test)]
mod tests;
