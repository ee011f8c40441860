//! The law of soundness: what the plan lets not pass, no rule matches.
//!
//! Random rules are held against random events. An event is made of what happened ([`Happening`]); from it follow the
//! fields that rules see, in both views, and the facts that the plan sees, of which some are withheld. Where the meaning of
//! a field leaves hosts a choice, the event makes it at random.
//!
//! `SAKER_FILTER_PAIRS` says over how many pairs of a rule and an event the law is tried; the default is 20,000.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use bumpalo::Bump;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::facts::{Facts, Known, Path};
use super::{EventPlan, atom};
use crate::check::Checked;
use crate::compile::tests::{event, other_check, pick, text_check};
use crate::errno;
use crate::eventset::EventSet;
use crate::program::Matching;
use crate::reference::Plain;
use crate::samples::{Sample, checked, rules};
use crate::schema::{EventTypeId, Schema};
use crate::value::{FieldKey, FieldRef, Fields, Value};

const PAIRS: u64 = 20_000;

const EVENTS: &[&str] = &[
    "open", "openat", "openat2", "creat", "openat", "connect", "connect", "execve", "setuid",
    "socket", "unshare", "chmod", "ptrace", "close", "procexit",
];
const PATHS: &[&str] = &[
    "/",
    "/etc",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/ssh/key",
    "/tmp/a.c",
    "/a/b",
    "/a/bc",
    "/shadow",
];
const RAW: &[&str] = &[
    "shadow",
    "etc/shadow",
    "../etc/shadow",
    "./a.c",
    "",
    "b/",
    "/etc//shadow",
    "/etc/./shadow",
    "/tmp/../etc/shadow",
    "..",
    "/etc/",
    "bc",
];
const PARTS: &[&str] = &[
    "", "/", "/etc", "/etc/", "/etc/s", "shadow", "c/shadow", "hadow", ".c", "a.c", "/a", "b",
    "key", "etc", "//a//b/",
];
const GLOBS: &[&str] = &[
    "*",
    "/etc/*",
    "*.c",
    "/etc/*w",
    "/etc/[s]hadow",
    "/???/shadow",
    "shadow",
    "*/shadow",
    "/etc\\\\/*",
    "/*/b",
];
const NAMES: &[&str] = &["a", "ab", "abc", "sshd", "cat", "a/b"];
const ADDRESSES: &[&str] = &[
    "1.2.3.4", "10.0.0.1", "10.0.0.2", "::1", "0.0.0.0", "fe80::1",
];
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "::1/128",
    "fe80::/10",
];
const RESULTS: &[i64] = &[0, 0, 3, 7, -1, -2, -13, -115, -512, -9999];
const FAMILIES: &[u16] = &[0, 1, 2, 2, 10, 16, 17];

/// What happened.
#[derive(Clone, Debug)]
struct Happening {
    event: &'static str,
    result: i64,
    flags: u64,
    mode: u64,
    file_type: u64,
    raw: &'static str,
    dir: &'static str,
    /// Nothing: user space does not know it.
    effective: &'static str,
    comm: &'static str,
    exe: &'static str,
    uid: u32,
    container: &'static str,
    family: u16,
    socket_type: u16,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    args: [u64; 6],
    /// Bits that decide what is left to hosts.
    choice: u32,
    /// Bits of facts that are withheld.
    withheld: u32,
}

/// The fields of a happening, in one of its views.
struct Seen<'h> {
    schema: &'h Schema,
    event: EventTypeId,
    what: &'h Happening,
    effective: bool,
    /// Fields that the kernel knows nothing of.
    rest: &'h Sample,
}

impl Fields for Seen<'_> {
    fn event_type(&self) -> EventTypeId {
        self.event
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        let arg = match &field.arg {
            FieldKey::Name(name) => Some(&**name),
            _ => None,
        };
        if !self.schema.supplies(self.event, field.id, arg) {
            return None;
        }
        let name = self.schema.field_def(field.id).name;
        let name = arg.map_or(name.to_owned(), |arg| format!("{name}.{arg}"));
        match self.modelled(&name) {
            Some(value) => value.map(|value| value.give(arena)),
            None => self.rest.get(field, arena),
        }
    }
}

/// A value that owns what it holds.
enum Owned {
    Text(String),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Ip(IpAddr),
    Several(Vec<Owned>),
}

impl Owned {
    fn give<'a>(&self, arena: &'a Bump) -> Value<'a> {
        match self {
            Self::Text(text) => Value::Text(arena.alloc_str(text).as_bytes()),
            Self::Int(number) => Value::Int(*number),
            Self::Uint(number) => Value::Uint(*number),
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Ip(address) => Value::Ip(*address),
            Self::Several(items) => {
                let items = items.iter().map(|item| item.give(arena));
                Value::Several(arena.alloc_slice_fill_iter(items))
            }
        }
    }
}

fn text(text: impl Into<String>) -> Option<Owned> {
    Some(Owned::Text(text.into()))
}

impl Seen<'_> {
    /// Whether hosts do one thing or the other.
    fn chosen(&self, bit: u32) -> bool {
        self.what.choice >> bit & 1 == 1
    }

    /// The value of a field that facts have to do with; `None`: it is none of those.
    fn modelled(&self, field: &str) -> Option<Option<Owned>> {
        let what = self.what;
        let opens = what.opens();
        let connect = what.event == "connect";
        Some(match field {
            "proc.name" => text(what.comm),
            "proc.exepath" => text(what.exe),
            "user.uid" => Some(Owned::Uint(what.uid.into())),
            "group.gid" => Some(Owned::Uint(u64::from(what.uid) + 1)),
            "container.id" => text(what.container),
            "evt.res" => text(outcome(what.result)),
            "evt.rawres" => Some(Owned::Int(what.result)),
            "evt.failed" => Some(Owned::Bool(what.result < 0)),
            _ if field.starts_with("evt.is_open_") => Some(Owned::Bool(self.opening(field))),
            "evt.arg.name" if opens => text(self.path()),
            "evt.arg.flags" if opens => text(flags(what.flags)),
            "evt.arg.flags" if what.event == "unshare" => text(unshared(what.args[0])),
            "evt.rawarg.uid" => Some(Owned::Uint(what.args[0] & 0xffff_ffff)),
            "evt.arg.domain" => text(match what.args[0] & 0xffff_ffff {
                2 => "AF_INET".to_owned(),
                17 => "AF_PACKET".to_owned(),
                other => other.to_string(),
            }),
            "evt.arg.request" => text(match what.args[0] & 0xffff_ffff {
                0 => "PTRACE_TRACEME".to_owned(),
                16 => "PTRACE_ATTACH".to_owned(),
                other => format!("PTRACE_{other}"),
            }),
            "evt.arg.mode" if what.event == "chmod" => text(match what.args[1] & 0o7001 {
                0 => "0",
                0o4000 => "S_ISUID",
                0o4001 => "S_IXOTH|S_ISUID",
                1 => "S_IXOTH",
                _ => return None,
            }),
            _ if opens => return self.file(field),
            _ if connect => return self.socket(field),
            _ => return None,
        })
    }

    fn opening(&self, field: &str) -> bool {
        let what = self.what;
        let creating = what.flags & 0o20_000_100 != 0;
        let access = what.flags & 3;
        let named = matches!(what.event, "open" | "openat" | "openat2");
        match field {
            "evt.is_open_read" => {
                named && (matches!(access, 0 | 2) || access == 3 && self.chosen(0))
            }
            "evt.is_open_write" => {
                named && (matches!(access, 1 | 2) || access == 3 && self.chosen(1))
            }
            "evt.is_open_exec" => what.opens() && creating && what.mode & 0o111 != 0,
            _ => what.opens() && creating && what.result >= 0 && self.chosen(2),
        }
    }

    fn path(&self) -> String {
        if self.effective {
            self.what.effective.to_owned()
        } else {
            absolute(self.what.dir, self.what.raw)
        }
    }

    fn file(&self, field: &str) -> Option<Option<Owned>> {
        let what = self.what;
        let path = self.path();
        let slash = path.rfind('/').expect("it is absolute");
        let succeeded = what.result >= 0;
        let type_name = |regular, directory, others: [&'static str; 2]| match what.file_type {
            0o100_000 => regular,
            0o040_000 => directory,
            _ => others[usize::from(self.chosen(3))],
        };
        Some(match field {
            "fd.name" => text(path),
            "fd.nameraw" => text(what.raw),
            "fd.directory" => text(if slash == 0 { "/" } else { &path[..slash] }),
            "fd.filename" => succeeded.then(|| Owned::Text(path[slash + 1..].to_owned())),
            "fs.path.name" => (what.result != -1).then_some(Owned::Text(path)),
            "fs.path.nameraw" => (what.result != -1).then(|| Owned::Text(what.raw.to_owned())),
            "fd.num" => Some(Owned::Int(what.result.max(-1))),
            "fd.typechar" if succeeded => text(type_name("f", "d", ["f", "p"])),
            "fd.typechar" => text(if self.chosen(4) { "d" } else { "f" }),
            "fd.type" => succeeded
                .then(|| Owned::Text(type_name("file", "directory", ["file", "pipe"]).to_owned())),
            "fd.l4proto" => (succeeded || self.chosen(5)).then(|| Owned::Text("<NA>".to_owned())),
            "fd.ip" | "fd.net" | "fd.port" | "fd.proto" => {
                self.chosen(6).then(|| Owned::Several(Vec::new()))
            }
            _ => return field.starts_with("fd.").then_some(None),
        })
    }

    fn socket(&self, field: &str) -> Option<Option<Owned>> {
        let what = self.what;
        let ip = |side: Option<SocketAddr>| side.map(|side| Owned::Ip(side.ip()));
        let port = |side: Option<SocketAddr>| side.map(|side| Owned::Uint(side.port().into()));
        let both = |one: &dyn Fn(Option<SocketAddr>) -> Option<Owned>| {
            let sides = [one(what.local), one(what.remote)];
            Some(Owned::Several(sides.into_iter().flatten().collect()))
        };
        let internet = matches!(what.family, 2 | 10);
        Some(match field {
            "fd.cip" | "fd.lip" | "fd.cnet" | "fd.lnet" => ip(what.local),
            "fd.sip" | "fd.rip" | "fd.snet" | "fd.rnet" => ip(what.remote),
            "fd.cport" | "fd.lport" => port(what.local),
            "fd.sport" | "fd.rport" => port(what.remote),
            "fd.ip" | "fd.net" => both(&ip),
            "fd.port" | "fd.proto" => both(&port),
            "fd.typechar" => text(match what.family {
                2 => "4",
                10 => "6",
                1 => "u",
                16 => "n",
                0 => "4",
                _ => "X",
            }),
            "fd.type" => match what.family {
                2 => text("ipv4"),
                10 => text("ipv6"),
                1 => text("unix"),
                0 => None,
                _ => text("unsupported"),
            },
            "fd.sockfamily" => match what.family {
                2 | 10 => text("ip"),
                1 => text("unix"),
                _ => None,
            },
            "fd.l4proto" => text(match what.socket_type {
                1 if internet => "tcp",
                2 if internet && self.chosen(7) => "icmp",
                2 if internet => "udp",
                3 if internet => "raw",
                _ => "<NA>",
            }),
            _ => return None,
        })
    }
}

fn outcome(result: i64) -> String {
    if result >= 0 {
        return "SUCCESS".to_owned();
    }
    let name = u32::try_from(-result).ok().and_then(errno::name);
    name.map_or_else(|| result.to_string(), str::to_owned)
}

fn flags(flags: u64) -> String {
    let mut names = vec![["O_RDONLY", "O_WRONLY", "O_RDWR", "O_NONE"][(flags & 3) as usize]];
    names.extend((flags & 0o100 != 0).then_some("O_CREAT"));
    names.extend((flags & 0o1000 != 0).then_some("O_TRUNC"));
    names.extend((flags & 0o2_000_000 != 0).then_some("O_CLOEXEC"));
    names.extend((flags & 0o100 != 0).then_some("O_F_CREATED"));
    names.join("|")
}

fn unshared(flags: u64) -> String {
    let mut names = Vec::new();
    names.extend((flags & 0x1000_0000 != 0).then_some("CLONE_NEWUSER"));
    names.extend((flags & 0x200 != 0).then_some("CLONE_FS"));
    names.join("|")
}

/// A path joined to its directory and folded.
fn absolute(dir: &str, raw: &str) -> String {
    let joined = if raw.starts_with('/') {
        raw.to_owned()
    } else {
        format!("{dir}/{raw}")
    };
    let mut names = Vec::new();
    for name in joined.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

impl Happening {
    fn opens(&self) -> bool {
        matches!(self.event, "open" | "openat" | "openat2" | "creat")
    }

    /// The path that the kernel came to, if user space knows it.
    fn effective(&self) -> Option<&'static str> {
        (self.opens() && self.result >= 0 && !self.effective.is_empty()).then_some(self.effective)
    }

    fn facts(&self) -> Facts<'static> {
        let withheld = |bit: u32| self.withheld >> bit & 1 == 1;
        fn unless<T>(withheld: bool, fact: Known<T>) -> Known<T> {
            if withheld { Known::Unknown } else { fact }
        }
        fn path(withheld: (bool, bool), path: Path<'static>) -> Path<'static> {
            match (withheld, path) {
                ((true, _), _) => Path::Unknown,
                ((_, true), Path::Whole(whole)) if whole != b"/" => {
                    Path::Name(atom::last_name(whole))
                }
                (_, path) => path,
            }
        }
        let whole = |text: &'static str| Path::Whole(text.as_bytes());
        let opened = self.opens() && self.result >= 0;
        let ip = |side: Option<SocketAddr>| side.map(|side| side.ip()).into();
        let port = |side: Option<SocketAddr>| side.map(|side| side.port()).into();
        let effective = self.effective().map_or(Path::Missing, whole);
        Facts {
            result: unless(withheld(0), Known::Is(self.result)),
            open_flags: unless(withheld(1), Known::Is(self.flags)),
            open_mode: unless(withheld(2), Known::Is(self.mode)),
            file_type: unless(withheld(3), opened.then_some(self.file_type).into()),
            uid: unless(withheld(4), Known::Is(self.uid)),
            gid: unless(withheld(5), Known::Is(self.uid + 1)),
            family: unless(
                withheld(6),
                (self.family != 0).then_some(self.family).into(),
            ),
            socket_type: unless(
                withheld(7),
                (self.family != 0).then_some(self.socket_type).into(),
            ),
            local_port: unless(withheld(8), port(self.local)),
            remote_port: unless(withheld(9), port(self.remote)),
            local: unless(withheld(10), ip(self.local)),
            remote: unless(withheld(11), ip(self.remote)),
            args: self.args.map(|arg| unless(withheld(12), Known::Is(arg))),
            in_container: unless(withheld(13), Known::Is(self.container != "host")),
            comm: unless(withheld(14), Known::Is(self.comm.as_bytes())),
            exe: path((withheld(15), withheld(16)), whole(self.exe)),
            raw_path: unless(withheld(17), Known::Is(self.raw.as_bytes())),
            requested: path(
                (withheld(18), withheld(19)),
                Path::requested(self.raw.as_bytes()),
            ),
            effective: path((withheld(20), withheld(21)), effective),
        }
    }
}

/// A quarter of the bits are set.
fn few_bits() -> impl Strategy<Value = u32> {
    (any::<u32>(), any::<u32>(), any::<bool>()).prop_map(|(a, b, all)| if all { 0 } else { a & b })
}

fn happening() -> impl Strategy<Value = Happening> {
    let side = || {
        let address = (
            pick(ADDRESSES),
            proptest::sample::select(vec![0u16, 1, 22, 255, 443]),
        );
        proptest::option::weighted(0.8, address).prop_map(|side| {
            side.map(|(ip, port)| SocketAddr::new(ip.parse().expect("an address"), port))
        })
    };
    let number = |from: &'static [u64]| proptest::sample::select(from);
    let call = (
        pick(EVENTS),
        proptest::sample::select(RESULTS),
        number(&[0, 0, 1, 2, 3, 0o100, 0o1101, 0o2, 0o20_000_002, 0o2_000_000]),
        number(&[0, 0o644, 0o755, 0o1]),
        number(&[0o100_000, 0o100_000, 0o040_000, 0o010_000]),
    );
    let file = (
        prop_oneof![pick(PATHS), pick(RAW)],
        pick(&["/", "/etc", "/tmp", "/a"]),
        prop_oneof![4 => pick(PATHS), 1 => Just("")],
    );
    let process = (
        pick(NAMES),
        pick(PATHS),
        proptest::sample::select(vec![0u32, 1, 1000, u32::MAX - 1]),
        pick(&["host", "host", "c1", "abc"]),
    );
    let socket = (
        proptest::sample::select(FAMILIES),
        proptest::sample::select(vec![1u16, 1, 2, 3, 5]),
        side(),
        side(),
    );
    let arg = || {
        number(&[
            0,
            1,
            2,
            16,
            17,
            0o4000,
            0o4001,
            0x1000_0000,
            0x1000_0200,
            0xffff_ffff_0000_0011,
        ])
    };
    let rest = (arg(), arg(), any::<u32>(), few_bits());
    (call, file, process, socket, rest).prop_map(|(call, file, process, socket, rest)| Happening {
        event: call.0,
        result: call.1,
        flags: if call.0 == "creat" { 0o1101 } else { call.2 },
        mode: call.3,
        file_type: call.4,
        raw: file.0,
        dir: file.1,
        effective: file.2,
        comm: process.0,
        exe: process.1,
        uid: process.2,
        container: process.3,
        family: socket.0,
        socket_type: socket.1,
        local: if socket.0 == 0 { None } else { socket.2 },
        remote: if socket.0 == 0 { None } else { socket.3 },
        args: [rest.0, rest.1, 0, 0, 0, 0],
        choice: rest.2,
        withheld: rest.3,
    })
}

fn quoted(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(pick(from), 0..4).prop_map(|values| {
        let quoted: Vec<_> = values.iter().map(|value| format!("\"{value}\"")).collect();
        format!("({})", quoted.join(", "))
    })
}

fn path_check() -> impl Strategy<Value = String> {
    let field = || {
        pick(&[
            "fd.name",
            "fd.name",
            "fd.directory",
            "fd.filename",
            "fs.path.name",
            "fd.nameraw",
            "proc.exepath",
            "evt.arg.name",
            "basename(fd.name)",
            "fs.path.nameraw",
        ])
    };
    let value = || prop_oneof![pick(PATHS), pick(PARTS)];
    let op = || pick(&["=", "!=", "startswith", "endswith", "contains"]);
    let modifier = || pick(&["anyof", "oneof", "allof"]);
    prop_oneof![
        4 => (field(), op(), value()).prop_map(|(f, op, v)| format!("{f} {op} \"{v}\"")),
        3 => (field(), pick(&["in", "pmatch", "intersects"]), quoted(PATHS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        2 => (field(), pick(&["in", "pmatch"]), quoted(PARTS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        2 => (field(), op(), modifier(), quoted(PARTS)).prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        2 => (field(), pick(GLOBS)).prop_map(|(f, v)| format!("{f} glob \"{v}\"")),
        1 => (field(), quoted(&["/etc/*", "/*/b", "/etc/s*", "tmp"])).prop_map(|(f, v)| format!("{f} pmatch {v}")),
        1 => field().prop_map(|f| format!("{f} exists")),
    ]
}

fn call_check() -> impl Strategy<Value = String> {
    let order = || pick(&["=", "!=", "<", "<=", ">", ">="]);
    let equal = || pick(&["=", "!="]);
    prop_oneof![
        2 => (pick(&["read", "write", "exec", "create"]), equal(), pick(&["true", "false"])).prop_map(|(f, op, v)| format!("evt.is_open_{f} {op} {v}")),
        2 => (pick(&["evt.rawres", "fd.num"]), order(), pick(&["-2", "-1", "0", "3", "7"])).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        2 => (equal(), pick(&["SUCCESS", "ENOENT", "EPERM", "EINPROGRESS", "-512", "x"])).prop_map(|(op, v)| format!("evt.res {op} {v}")),
        1 => quoted(&["SUCCESS", "EACCES", "EPERM"]).prop_map(|v| format!("evt.res in {v}")),
        1 => pick(&["evt.res startswith E", "evt.res contains S", "evt.failed = true", "evt.failed != true", "evt.res exists"]).prop_map(str::to_owned),
        2 => (pick(&["fd.typechar", "fd.type"]), equal(), pick(&["f", "d", "4", "6", "u", "n", "file", "directory", "ipv4", "unix"])).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => pick(&["fd.typechar in (4, 6)", "fd.typechar in (f, d)", "fd.type exists", "fd.sockfamily = ip", "fd.sockfamily exists", "fd.type contains i"]).prop_map(str::to_owned),
        1 => (equal(), pick(&["tcp", "udp", "icmp", "\"<NA>\""])).prop_map(|(op, v)| format!("fd.l4proto {op} {v}")),
        1 => (pick(&["O_CREAT", "O_TRUNC", "O_RDWR", "O_C", "CREAT", "O_F_CREATED", "CLONE_NEWUSER", "CLONE_", "CLONE_NEW"])).prop_map(|v| format!("evt.arg.flags contains {v}")),
        1 => (equal(), pick(&["AF_PACKET", "AF_INET", "17"])).prop_map(|(op, v)| format!("evt.arg.domain {op} {v}")),
        1 => (equal(), pick(&["PTRACE_ATTACH", "PTRACE_TRACEME", "PTRACE_1"])).prop_map(|(op, v)| format!("evt.arg.request {op} {v}")),
        1 => pick(&["evt.arg.domain in (AF_PACKET, AF_INET6)", "evt.arg.request in (PTRACE_ATTACH, PTRACE_SEIZE)", "evt.rawarg.uid = 0", "evt.rawarg.uid != 17", "evt.arg.mode contains S_ISUID", "evt.arg.mode contains S_I"]).prop_map(str::to_owned),
        2 => quoted(EVENTS).prop_map(|v| format!("evt.type in {v}")),
    ]
}

fn actor_check() -> impl Strategy<Value = String> {
    let order = || pick(&["=", "!=", "<", "<=", ">", ">="]);
    let equal = || pick(&["=", "!="]);
    let address = || pick(&["fd.ip", "fd.sip", "fd.cip", "fd.rip"]);
    let network = || pick(&["fd.net", "fd.snet", "fd.cnet"]);
    prop_oneof![
        3 => quoted(NAMES).prop_map(|v| format!("proc.name in {v}")),
        2 => (pick(&["=", "!=", "startswith", "endswith", "glob", "pmatch"]), pick(NAMES)).prop_map(|(op, v)| {
            if op == "pmatch" { format!("proc.name {op} ({v})") } else { format!("proc.name {op} {v}") }
        }),
        2 => (pick(&["user.uid", "group.gid"]), order(), pick(&["0", "1", "1000", "-1"])).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => quoted(&["0", "1", "1000"]).prop_map(|v| format!("user.uid in {v}")),
        3 => (equal(), pick(&["host", "host", "c1"])).prop_map(|(op, v)| format!("container.id {op} {v}")),
        1 => pick(&["container.id exists", "container.id in (host, c1)", "container.id startswith h"]).prop_map(str::to_owned),
        2 => (address(), equal(), pick(ADDRESSES)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (address(), quoted(ADDRESSES)).prop_map(|(f, v)| format!("{f} in {v}")),
        2 => (network(), equal(), pick(NETWORKS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (network(), quoted(NETWORKS)).prop_map(|(f, v)| format!("{f} in {v}")),
        1 => (network(), pick(&["anyof", "oneof", "allof"]), quoted(NETWORKS)).prop_map(|(f, m, v)| format!("{f} != {m} {v}")),
        2 => (pick(&["fd.port", "fd.sport", "fd.cport", "fd.rport"]), order(), pick(&["0", "22", "443", "65535"])).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => pick(&["fd.sport in (22, 443)", "fd.port exists", "fd.sip exists", "fd.snet exists", "fd.ip exists"]).prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let check = prop_oneof![
        6 => path_check(),
        6 => call_check(),
        5 => actor_check(),
        2 => text_check(),
        2 => other_check(),
    ];
    check.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => proptest::collection::vec(inner.clone(), 2..5)
                .prop_map(|members| format!("({})", members.join(" and "))),
            2 => proptest::collection::vec(inner.clone(), 2..5)
                .prop_map(|members| format!("({})", members.join(" or "))),
            2 => inner.prop_map(|inner| format!("not {inner}")),
        ]
    })
}

/// How often the law was tried, and with what results.
#[derive(Default)]
struct Tally {
    pairs: Cell<u64>,
    matches: Cell<u64>,
    filtered: Cell<u64>,
}

fn add(cell: &Cell<u64>, count: usize) {
    cell.set(cell.get() + count as u64);
}

#[test]
fn what_does_not_pass_matches_no_rule() {
    let pairs = match std::env::var("SAKER_FILTER_PAIRS") {
        Ok(count) => count.parse().expect("SAKER_FILTER_PAIRS is a number"),
        Err(_) => PAIRS,
    };
    let schema = Schema::syscall();
    let tally = Tally::default();
    let cases = (
        proptest::collection::vec(condition(), 1..4),
        proptest::collection::vec(happening(), 20),
        event(),
    );
    while tally.pairs.get() < pairs {
        let mut runner = TestRunner::new(Config {
            cases: 64,
            failure_persistence: None,
            ..Config::default()
        });
        let result = runner.run(&cases, |(conditions, happenings, rest)| {
            law(&schema, &conditions, &happenings, &rest, &tally)
        });
        if let Err(broken) = result {
            panic!("{broken}");
        }
    }
    let (pairs, filtered) = (tally.pairs.get(), tally.filtered.get());
    println!(
        "{pairs} pairs, {} matches, {filtered} pairs filtered",
        tally.matches.get()
    );
    assert!(
        filtered * 10 > pairs && tally.matches.get() * 20 > pairs,
        "the events are not of the kind that shows anything"
    );
}

fn law(
    schema: &Schema,
    conditions: &[String],
    happenings: &[Happening],
    rest: &Sample,
    tally: &Tally,
) -> Result<(), TestCaseError> {
    let all: Vec<Checked> = conditions
        .iter()
        .map(|text| checked(text).expect(text))
        .collect();
    // Other types than those that happen need no programs.
    let mut happening = EventSet::none(schema);
    EVENTS
        .iter()
        .filter_map(|name| schema.event(name))
        .for_each(|event| happening.insert(event));
    let indexed: Vec<_> = all
        .iter()
        .map(|c| (c.typed.clone(), c.events.clone().intersection(&happening)))
        .collect();
    let set = rules(&indexed, "x", Matching::All);
    let mut plans = HashMap::new();
    for what in happenings {
        let event = schema.event(what.event).expect("an event of the schema");
        let plan = plans
            .entry(event)
            .or_insert_with(|| EventPlan::of(&set, schema, event));
        let passes = plan.passes(&what.facts());
        let views: &[bool] = match what.effective() {
            Some(_) => &[false, true],
            None => &[false],
        };
        let mut matching = 0;
        for (text, checked) in conditions.iter().zip(&all) {
            let arena = Bump::new();
            let matches = views.iter().any(|effective| {
                let effective = *effective;
                let seen = Seen {
                    schema,
                    event,
                    what,
                    effective,
                    rest,
                };
                let plain = Plain {
                    schema,
                    event: &seen,
                    arena: &arena,
                };
                plain.holds(&checked.typed.root)
            });
            matching += usize::from(matches);
            prop_assert!(
                passes || !matches,
                "{text}\nmatches {what:?}\nwhich does not pass {plan:#?}"
            );
        }
        add(&tally.pairs, conditions.len());
        add(&tally.matches, matching);
        add(&tally.filtered, if passes { 0 } else { conditions.len() });
    }
    Ok(())
}
