//! What a field has to do with what the kernel knows of an event.
//!
//! In: a field and the event's type. Out: [`Subject`]. Sources: the fields' meanings as the schema and Falco's documents have
//! them; where hosts may differ in a detail, the subject leaves it open.

use super::args;
use super::atom::{Number, Side, Text};
use super::bounds::{Bounds, Formula};
use crate::schema::{EventTypeId, FieldId, Multiplicity, Schema};
use crate::typed::{FieldUse, Function, Operand};
use crate::value::FieldKey;

/// What a check is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Such an event never has the field.
    Missing,
    /// Such an event has the field, if at all, without a value.
    Empty,
    /// Only user space can tell.
    Undecidable,
    /// A text, or a part of it; `present` says when there is one.
    Text {
        text: Text,
        part: Part,
        present: Formula,
    },
    /// A number.
    Number {
        number: Number,
        domain: Domain,
        present: Formula,
    },
    /// One or both ports.
    Ports(&'static [Number]),
    /// One or both addresses.
    Addresses {
        sides: &'static [Side],
        multiplicity: Multiplicity,
    },
    /// True as far as this is known.
    Truth(Bounds),
    /// `evt.res`
    Outcome,
    /// `container.id`
    Container,
    /// One of a few texts.
    Choice(Vec<Choice>),
    /// The name of a number.
    Symbols {
        number: Number,
        mask: u64,
        names: &'static [(&'static str, u64)],
    },
    /// The names of the bits that are set, `others` maybe among them.
    Flags {
        number: Number,
        names: &'static [(&'static str, u64)],
        others: &'static [&'static str],
    },
    /// The bits of a number.
    Bits { number: Number, mask: u64 },
}

/// Texts of which a field has one when facts are so; none: then it is missing.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) texts: &'static [&'static str],
    pub(super) when: Formula,
}

/// Which part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Name,
    Directory,
}

/// Which numbers a field can have, and what they say of the fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// The result of a call.
    Result,
    /// The new descriptor; -1 stands for every failure.
    Descriptor,
    /// Up to this, from 0.
    UpTo(i64),
}

/// The calls that open a file by its path.
const OPENS: [&str; 4] = ["open", "openat", "openat2", "creat"];

/// Bits that are the same on all architectures that Linux has generic numbers for (include/uapi/asm-generic/fcntl.h).
const O_ACCMODE: u64 = 3;
const O_WRONLY: u64 = 1;
const O_RDWR: u64 = 2;
const O_CREAT: u64 = 0o100;
/// `O_TMPFILE` without the bit of `O_DIRECTORY` that goes with it.
const O_TMPFILE: u64 = 0o20_000_000;
const MODE_EXEC: u64 = 0o111;
const S_IFDIR: i64 = 0o040_000;
const S_IFREG: i64 = 0o100_000;
const AF_UNIX: i64 = 1;
const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;
const AF_NETLINK: i64 = 16;
const SOCK_STREAM: i64 = 1;
const SOCK_DGRAM: i64 = 2;
const SOCK_RAW: i64 = 3;

impl Domain {
    pub(super) const PORT: Self = Self::UpTo(u16::MAX as i64);
    const ID: Self = Self::UpTo(u32::MAX as i64);

    /// The least and the greatest.
    pub(super) fn range(self) -> (i64, i64) {
        match self {
            Self::Result => (i64::MIN, i64::MAX),
            Self::Descriptor => (-1, i64::MAX),
            Self::UpTo(most) => (0, most),
        }
    }

    /// The facts behind values of the field.
    pub(super) fn facts(self, mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
        if let (Self::Descriptor, Some((first @ -1, _))) = (self, ranges.first_mut()) {
            *first = i64::MIN;
        }
        ranges
    }
}

/// What an operand is about.
pub(super) fn of_operand(schema: &Schema, event: EventTypeId, operand: &Operand) -> Subject {
    match operand {
        Operand::Field(used) => of(schema, event, used),
        Operand::Transform(transform) => match &transform.function {
            Function::Basename(Operand::Field(used)) => match of(schema, event, used) {
                Subject::Text {
                    text,
                    part: Part::Whole,
                    present,
                } if text != Text::Comm => Subject::Text {
                    text,
                    part: Part::Name,
                    present,
                },
                Subject::Missing => Subject::Missing,
                _ => Subject::Undecidable,
            },
            _ => Subject::Undecidable,
        },
        Operand::Text(_) | Operand::Number(_) | Operand::List(_) => Subject::Undecidable,
    }
}

fn of(schema: &Schema, event: EventTypeId, used: &FieldUse) -> Subject {
    let arg = match &used.field.arg {
        FieldKey::Name(name) => Some(&**name),
        FieldKey::None | FieldKey::Index(_) => None,
    };
    if !schema.supplies(event, used.field.id, arg) {
        return Subject::Missing;
    }
    let event = schema.event_def(event).name;
    let field = name(schema, used.field.id);
    match (field, arg) {
        ("evt.arg" | "evt.rawarg", Some(param)) => args::of(event, field, param),
        ("proc.name", _) => whole(Text::Comm),
        ("proc.exepath", _) => whole(Text::Exe),
        ("user.uid", _) => number(Number::Uid, Domain::ID),
        ("group.gid", _) => number(Number::Gid, Domain::ID),
        ("container.id", _) => Subject::Container,
        ("evt.res", _) => Subject::Outcome,
        ("evt.rawres", _) => number(Number::Result, Domain::Result),
        ("evt.failed", _) => Subject::Truth(Bounds::exact(succeeded().not())),
        _ if field.starts_with("evt.is_open_") => of_opening(event, field),
        _ if OPENS.contains(&event) => of_open(field),
        _ if event == "connect" => of_connect(field),
        _ => Subject::Undecidable,
    }
}

fn name(schema: &Schema, field: FieldId) -> &'static str {
    schema.field_def(field).name
}

pub(super) fn whole(text: Text) -> Subject {
    Subject::Text {
        text,
        part: Part::Whole,
        present: Formula::Always,
    }
}

fn number(number: Number, domain: Domain) -> Subject {
    Subject::Number {
        number,
        domain,
        present: Formula::Always,
    }
}

fn succeeded() -> Formula {
    Formula::number(Number::Result, vec![(0, i64::MAX)])
}

/// What an open asks for; false for everything else.
fn of_opening(event: &str, field: &str) -> Subject {
    let flags = |mask, value| Formula::bits(Number::OpenFlags, mask, value);
    let creating = || flags(O_CREAT | O_TMPFILE, 0).not();
    // The fourth access mode means neither, but to some it means reading.
    let access = |other, this| Bounds {
        may: flags(O_ACCMODE, other).not(),
        must: Formula::Any(vec![flags(O_ACCMODE, this), flags(O_ACCMODE, O_RDWR)]),
    };
    let is_open = OPENS.contains(&event);
    Subject::Truth(match (event, field) {
        ("open_by_handle_at", _) => return Subject::Undecidable,
        ("open" | "openat" | "openat2", "evt.is_open_read") => access(O_WRONLY, 0),
        ("open" | "openat" | "openat2", "evt.is_open_write") => access(0, O_WRONLY),
        (_, "evt.is_open_read" | "evt.is_open_write") => Bounds::exact(Formula::Never),
        (_, "evt.is_open_exec") if is_open => {
            let executable = Formula::bits(Number::OpenMode, MODE_EXEC, 0).not();
            Bounds::exact(Formula::All(vec![creating(), executable]))
        }
        (_, "evt.is_open_create") if is_open => {
            Bounds::at_most(Formula::All(vec![succeeded(), creating()]))
        }
        (_, "evt.is_open_exec" | "evt.is_open_create") => Bounds::exact(Formula::Never),
        _ => return Subject::Undecidable,
    })
}

fn of_open(field: &str) -> Subject {
    let path = |part, present| Subject::Text {
        text: Text::Path,
        part,
        present,
    };
    let file_type = |texts, value| Choice {
        texts,
        when: Formula::number(Number::FileType, vec![(value, value)]),
    };
    // Falco's word for a failed open is a result of -1, which is one error among many.
    let not_refused = || Formula::number(Number::Result, vec![(-1, -1)]).not();
    match field {
        "fd.name" => whole(Text::Path),
        "fd.nameraw" => whole(Text::RawPath),
        "fd.directory" => path(Part::Directory, Formula::Always),
        "fd.filename" => path(Part::Name, succeeded()),
        "fs.path.name" => path(Part::Whole, not_refused()),
        "fs.path.nameraw" => Subject::Text {
            text: Text::RawPath,
            part: Part::Whole,
            present: not_refused(),
        },
        "fd.num" => number(Number::Result, Domain::Descriptor),
        // What a failed open was for, hosts see in different ways.
        "fd.typechar" => {
            Subject::Choice(vec![file_type(&["f"], S_IFREG), file_type(&["d"], S_IFDIR)])
        }
        "fd.type" => Subject::Choice(vec![
            file_type(&["file"], S_IFREG),
            file_type(&["directory"], S_IFDIR),
            Choice {
                texts: &[],
                when: succeeded().not(),
            },
        ]),
        "fd.l4proto" => Subject::Choice(vec![Choice {
            texts: &["<NA>"],
            when: succeeded(),
        }]),
        "fd.ip" | "fd.net" | "fd.port" | "fd.proto" => Subject::Empty,
        "fd.cip" | "fd.sip" | "fd.lip" | "fd.rip" | "fd.cnet" | "fd.snet" | "fd.lnet"
        | "fd.rnet" | "fd.cport" | "fd.sport" | "fd.lport" | "fd.rport" | "fd.sockfamily" => {
            Subject::Missing
        }
        _ => Subject::Undecidable,
    }
}

/// The client of a connect is this side, the server the other one.
fn of_connect(field: &str) -> Subject {
    const LOCAL: Subject = addresses(&[Side::Local], Multiplicity::One);
    const REMOTE: Subject = addresses(&[Side::Remote], Multiplicity::One);
    match field {
        "fd.cip" | "fd.lip" | "fd.cnet" | "fd.lnet" => LOCAL,
        "fd.sip" | "fd.rip" | "fd.snet" | "fd.rnet" => REMOTE,
        "fd.ip" | "fd.net" => addresses(&[Side::Local, Side::Remote], Multiplicity::Sides),
        "fd.cport" | "fd.lport" => Subject::Ports(&[Number::LocalPort]),
        "fd.sport" | "fd.rport" => Subject::Ports(&[Number::RemotePort]),
        "fd.port" | "fd.proto" => Subject::Ports(&[Number::LocalPort, Number::RemotePort]),
        "fd.typechar" => Subject::Choice(vec![
            family(&["4"], &[AF_INET]),
            family(&["6"], &[AF_INET6]),
            family(&["u"], &[AF_UNIX]),
            family(&["n", "X"], &[AF_NETLINK]),
        ]),
        "fd.type" => Subject::Choice(vec![
            family(&["ipv4"], &[AF_INET]),
            family(&["ipv6"], &[AF_INET6]),
            family(&["unix"], &[AF_UNIX]),
            family(&["netlink", "unsupported"], &[AF_NETLINK]),
        ]),
        "fd.sockfamily" => Subject::Choice(vec![
            family(&["ip"], &[AF_INET, AF_INET6]),
            family(&["unix"], &[AF_UNIX]),
            family(&[], &[AF_NETLINK]),
        ]),
        "fd.l4proto" => transport(),
        _ => Subject::Undecidable,
    }
}

const fn addresses(sides: &'static [Side], multiplicity: Multiplicity) -> Subject {
    Subject::Addresses {
        sides,
        multiplicity,
    }
}

fn family(texts: &'static [&'static str], families: &[i64]) -> Choice {
    Choice {
        texts,
        when: one_of(Number::Family, families),
    }
}

fn transport() -> Subject {
    let internet = one_of(Number::Family, &[AF_INET, AF_INET6]);
    let stream = one_of(Number::SocketType, &[SOCK_STREAM]);
    Subject::Choice(vec![
        Choice {
            texts: &["tcp"],
            when: Formula::All(vec![internet, stream]),
        },
        Choice {
            texts: &["udp", "icmp", "<NA>"],
            when: one_of(Number::SocketType, &[SOCK_DGRAM]),
        },
        Choice {
            texts: &["raw", "icmp", "<NA>"],
            when: one_of(Number::SocketType, &[SOCK_RAW]),
        },
        family(&["<NA>"], &[AF_UNIX, AF_NETLINK]),
    ])
}

fn one_of(number: Number, values: &[i64]) -> Formula {
    Formula::number(
        number,
        values.iter().map(|value| (*value, *value)).collect(),
    )
}
