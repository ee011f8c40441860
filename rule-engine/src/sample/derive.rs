//! What follows from what: the fields of a fixture that nobody set.
//!
//! In: the seeds of a base and the changes of a case. Out: everything an ordinary rule may ask of such an event. Never: a
//! value in place of one that is set, or of one that is said to be missing.
//!
//! Sources: the meanings of the fields as the schema has them, and the rule language's table of placeholders.

use std::net::IpAddr;

use super::datum::Owned;
use super::facts::{Facts, PROPERTIES};
use crate::errno;
use crate::schema::{EventDef, EventKind, NumberFormat};

/// Fields that say which program runs: one of them set, the base's own program is dropped.
pub(super) const IDENTITY: &[&str] = &["proc.name", "proc.exe", "proc.exepath", "proc.cmdline", "proc.args"];

/// Names that the kernel keeps have at most this many bytes.
const COMM: usize = 15;

/// When every fixture happens: 2024-01-01T00:00:00Z.
const NOW_NS: u64 = 1_704_067_200_000_000_000;

/// Types of descriptors and their letters.
const FD_TYPES: &[(&str, &str)] = &[
    ("file", "f"), ("directory", "d"), ("ipv4", "4"), ("ipv6", "6"), ("unix", "u"), ("pipe", "p"), ("event", "e"),
    ("signalfd", "s"), ("eventpoll", "l"), ("inotify", "i"), ("timerfd", "t"), ("netlink", "n"), ("bpf", "b"),
    ("userfaultfd", "u"), ("io_uring", "r"), ("memfd", "m"), ("pidfd", "P"),
];

/// What a new descriptor is, by the event that makes it.
const CREATED: &[(&str, &str)] = &[
    ("socket", "ipv4"), ("pipe", "pipe"), ("pipe2", "pipe"), ("eventfd", "event"), ("eventfd2", "event"),
    ("signalfd", "signalfd"), ("signalfd4", "signalfd"), ("epoll_create", "eventpoll"), ("epoll_create1", "eventpoll"),
    ("inotify_init", "inotify"), ("inotify_init1", "inotify"), ("timerfd_create", "timerfd"), ("bpf", "bpf"),
    ("userfaultfd", "userfaultfd"), ("io_uring_setup", "io_uring"), ("memfd_create", "memfd"), ("pidfd_open", "pidfd"),
];

const OPENS: &[&str] = &["open", "openat", "openat2", "open_by_handle_at", "creat"];

/// Gives every field that follows from others its value.
pub(super) fn derive(facts: &mut Facts<'_>) {
    let event = facts.schema.event_def(facts.event).clone();
    let result = result(facts, &event);
    processes(facts);
    process_facts(facts, &event);
    user(facts);
    container(facts);
    open_flags(facts, &event);
    if event.creates_fd || event.uses_fd || facts.is_set("fd.name") || facts.is_set("fd.type") {
        descriptor(facts, &event, result);
    }
    event_facts(facts, &event);
    arguments(facts, &event, result);
    paths(facts, &event, result);
    argument_list(facts, &event);
}

fn text(facts: &Facts<'_>, field: &str) -> Option<String> {
    facts.get(field).and_then(Owned::as_str).map(str::to_owned)
}

fn number(facts: &Facts<'_>, field: &str) -> Option<i64> {
    match facts.get(field)? {
        Owned::Int(number) => Some(*number),
        Owned::Uint(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// The result of the call, if it has one: what is set of it, in whichever form, else success.
fn result(facts: &mut Facts<'_>, event: &EventDef) -> Option<i64> {
    if !event.has_result {
        return None;
    }
    let makes_fd = makes_fd(event);
    let new_fd = if makes_fd { number(facts, "fd.num").unwrap_or(3) } else { 0 };
    let named = text(facts, "evt.res").or_else(|| text(facts, "evt.arg.res"));
    let named = named.map(|name| errno::number(&name).map_or(new_fd, |number| -i64::from(number)));
    let failed = matches!(facts.get("evt.failed"), Some(Owned::Bool(true))).then_some(-1);
    let result = number(facts, "evt.rawres").or(named).or(failed).unwrap_or(new_fd);
    let error = u32::try_from(-result).ok().filter(|_| result < 0).and_then(errno::name);
    facts.put("evt.rawres", Owned::Int(result));
    facts.put("evt.res", Owned::text(if result < 0 { error.unwrap_or("EPERM") } else { "SUCCESS" }));
    facts.put("evt.failed", Owned::Bool(result < 0));
    facts.put("evt.count.error", Owned::Uint(u64::from(result < 0)));
    Some(result)
}

/// Whether the result is the number of the event's descriptor.
fn makes_fd(event: &EventDef) -> bool {
    event.creates_fd && !matches!(event.name, "pipe" | "pipe2" | "socketpair")
}

/// Each known process: a path gives a name, a name gives a command line, and so on.
fn processes(facts: &mut Facts<'_>) {
    for level in 0..=facts.ancestors as u32 {
        let get = |facts: &Facts<'_>, at: usize| -> Option<String> {
            let property = &PROPERTIES[at];
            let value = if level == 0 { facts.get(property.own) } else { facts.get_at(property.ancestor, level) };
            value.and_then(Owned::as_str).map(str::to_owned)
        };
        let (name, exe, exepath, cmdline) = (get(facts, 0), get(facts, 1), get(facts, 2), get(facts, 3));
        let (first, rest) = match cmdline.as_deref().map(|line| line.split_once(' ').unwrap_or((line, ""))) {
            Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
            None => (None, None),
        };
        let inferred = exepath.as_deref().or(exe.as_deref()).or(first.as_deref()).map(basename);
        let Some(name) = name.or(inferred) else { continue };
        let args = get(facts, 4).or(rest).unwrap_or_default();
        let exe = exe.or(first).unwrap_or_else(|| name.clone());
        let exepath = exepath.unwrap_or_else(|| if exe.starts_with('/') { exe.clone() } else { format!("/usr/bin/{name}") });
        let line = if args.is_empty() { name.clone() } else { format!("{name} {args}") };
        let values = [name, exe, exepath, line, args, String::new()];
        for (property, value) in PROPERTIES.iter().zip(values) {
            put_level(facts, property.own, property.ancestor, level, Owned::text(value));
        }
        let pid = 4242 - 100 * i64::from(level);
        put_level(facts, "proc.pid", "proc.apid", level, Owned::Int(pid.max(1)));
    }
    facts.name_parent();
    let args = text(facts, "proc.args").unwrap_or_default();
    for (at, word) in args.split(' ').filter(|word| !word.is_empty()).enumerate() {
        facts.put_at("proc.args", at as u32, Owned::text(word));
    }
}

fn put_level(facts: &mut Facts<'_>, own: &str, ancestor: &str, level: u32, value: Owned) {
    if level == 0 {
        facts.put(own, value);
    } else {
        facts.put_at(ancestor, level, value);
    }
}

fn basename(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut end = name.len().min(COMM);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// The rest of the process's own fields.
fn process_facts(facts: &mut Facts<'_>, event: &EventDef) {
    let args = text(facts, "proc.args").unwrap_or_default();
    let words = args.split(' ').filter(|word| !word.is_empty()).count();
    facts.put("proc.cmdnargs", Owned::Uint(words as u64));
    facts.put("proc.cmdlenargs", Owned::Uint(args.bytes().filter(|byte| *byte != b' ').count() as u64));
    if let Some(exe) = text(facts, "proc.exe") {
        facts.put("proc.exeline", Owned::text(if args.is_empty() { exe } else { format!("{exe} {args}") }));
    }
    let leader = facts.get_at("proc.aname", 1).cloned().or_else(|| facts.get("proc.name").cloned());
    if let Some(leader) = leader {
        facts.put("proc.sname", leader);
    }
    let pid = number(facts, "proc.pid").unwrap_or(-1);
    for field in ["proc.vpid", "proc.pgid", "proc.vpgid", "thread.tid", "thread.vtid"] {
        facts.put(field, Owned::Int(pid));
    }
    let parent = number(facts, "proc.ppid").unwrap_or(pid);
    facts.put("proc.sid", Owned::Int(parent));
    facts.put("proc.pvpid", Owned::Int(parent));
    let leads = |facts: &Facts<'_>, group| Owned::Bool(number(facts, group) == number(facts, "proc.vpid"));
    let (session, group) = (leads(facts, "proc.sid"), leads(facts, "proc.vpgid"));
    facts.put("proc.is_sid_leader", session);
    facts.put("proc.is_pgid_leader", group.clone());
    facts.put("proc.is_vpgid_leader", group);
    let layer = matches!(facts.get("proc.is_exe_upper_layer"), Some(Owned::Bool(true)));
    let in_container = text(facts, "container.id").is_some_and(|id| id != "host");
    facts.put("proc.is_exe_lower_layer", Owned::Bool(in_container && !layer));
    for (field, value) in PROCESS_DEFAULTS {
        facts.put_text(field, value);
    }
    let started = number(facts, "proc.pid.ts").unwrap_or(0) as u64;
    facts.put("proc.duration", Owned::Uint(NOW_NS.saturating_sub(started)));
    if event.kind == EventKind::Meta {
        facts.put("evt.is_async", Owned::Bool(true));
    }
}

/// The clone of a fixture's process was 1 ms ago, its executable is a year old.
const PROCESS_DEFAULTS: &[(&str, &str)] = &[
    ("proc.tty", "0"),
    ("proc.cwd", "/"),
    ("proc.pid.ts", "1704067199999000000"),
    ("proc.ppid.ts", "1704067100000000000"),
    ("proc.ppid.duration", "100000000000"),
    ("proc.is_exe_writable", "false"),
    ("proc.is_exe_upper_layer", "false"),
    ("proc.is_exe_from_memfd", "false"),
    ("proc.exe_ino", "1048577"),
    ("proc.exe_ino.ctime", "1672531200000000000"),
    ("proc.exe_ino.mtime", "1672531200000000000"),
    ("proc.exe_ino.ctime_duration_proc_start", "31535999999000000"),
    ("proc.pidns_init_start_ts", "1700000000000000000"),
    ("proc.nthreads", "1"),
    ("proc.nchilds", "0"),
    ("proc.fdlimit", "1024"),
    ("proc.is_container_healthcheck", "false"),
    ("proc.is_container_liveness_probe", "false"),
    ("proc.is_container_readiness_probe", "false"),
    ("thread.ismain", "true"),
    ("thread.cap_effective", ""),
    ("thread.cap_permitted", ""),
    ("thread.cap_inheritable", ""),
];

/// User and group: root, unless the case says another.
fn user(facts: &mut Facts<'_>) {
    let id_and_name = |facts: &mut Facts<'_>, id_field: &str, name_field: &str, other: u64| {
        let id = number(facts, id_field);
        let name = text(facts, name_field);
        let other_name = name.as_deref().is_some_and(|name| name != "root");
        facts.put(id_field, Owned::Uint(if other_name { other } else { 0 }));
        facts.put(name_field, Owned::text(if id.is_none_or(|id| id == 0) { "root" } else { "<NA>" }));
    };
    id_and_name(facts, "user.uid", "user.name", 1000);
    id_and_name(facts, "group.gid", "group.name", 1000);
    facts.put("user.loginuid", Owned::Int(-1));
    let login = match number(facts, "user.loginuid") {
        Some(0) => Some("root".to_owned()),
        Some(id) if id > 0 && number(facts, "user.uid") == Some(id) => text(facts, "user.name"),
        _ => None,
    };
    facts.put("user.loginname", Owned::text(login.as_deref().unwrap_or("<NA>")));
}

/// The container: none unless the case or the base says so; its metadata only where the base has it.
fn container(facts: &mut Facts<'_>) {
    facts.put("container.id", Owned::text("host"));
    let id = text(facts, "container.id").unwrap_or_default();
    facts.put("container.full_id", Owned::text(if id == "host" { id.clone() } else { format!("{id:0<64}") }));
    facts.put("container.type", Owned::text(if id == "host" { "host" } else { "containerd" }));
    let Some(repository) = text(facts, "container.image.repository") else { return };
    let image = text(facts, "container.image.tag").map_or(repository.clone(), |tag| format!("{repository}:{tag}"));
    facts.put("container.image", Owned::text(image));
    for (field, value) in CONTAINER_DEFAULTS {
        facts.put_text(field, value);
    }
    for (field, same) in [("k8s.pod.id", "k8s.pod.uid"), ("k8smeta.pod.uid", "k8s.pod.uid"),
        ("k8smeta.pod.name", "k8s.pod.name"), ("k8smeta.ns.name", "k8s.ns.name")]
    {
        if let Some(value) = facts.get(same).cloned() {
            facts.put(field, value);
        }
    }
}

const CONTAINER_DEFAULTS: &[(&str, &str)] = &[
    ("container.privileged", "false"),
    ("container.mounts", ""),
    ("container.host_pid", "false"),
    ("container.host_network", "false"),
    ("container.host_ipc", "false"),
    ("container.healthcheck", "NONE"),
    ("container.liveness_probe", "NONE"),
    ("container.readiness_probe", "NONE"),
    ("container.start_ts", "1700000000000000000"),
    ("container.duration", "4067200000000000"),
];

/// What an open asks for, from its flags; false for other events.
fn open_flags(facts: &mut Facts<'_>, event: &EventDef) {
    let opens = OPENS.contains(&event.name) && event.name != "creat";
    let flags = if opens { text(facts, "evt.arg.flags").unwrap_or_default() } else { String::new() };
    let has = |names: &[&str]| flags.split('|').any(|flag| names.contains(&flag));
    let creates = event.name == "creat" || has(&["O_CREAT", "O_TMPFILE"]);
    let mode = text(facts, "evt.arg.mode").unwrap_or_default();
    let executable = mode.contains("S_IX") || u32::from_str_radix(&mode, 8).is_ok_and(|mode| mode & 0o111 != 0);
    facts.put("evt.is_open_read", Owned::Bool(has(&["O_RDONLY", "O_RDWR"])));
    facts.put("evt.is_open_write", Owned::Bool(has(&["O_WRONLY", "O_RDWR"])));
    facts.put("evt.is_open_exec", Owned::Bool(creates && executable));
    facts.put("evt.is_open_create", Owned::Bool(has(&["O_F_CREATED"])));
}

/// The event's descriptor.
fn descriptor(facts: &mut Facts<'_>, event: &EventDef, result: Option<i64>) {
    let failed = makes_fd(event) && result.is_some_and(|result| result < 0);
    let num = if failed { -1 } else if makes_fd(event) { result.unwrap_or(3) } else { 3 };
    facts.put("fd.num", Owned::Int(num));
    let kind = descriptor_type(facts, event);
    let letter = FD_TYPES.iter().find(|(name, _)| *name == kind).map_or("o", |(_, letter)| letter);
    facts.put("fd.typechar", Owned::text(letter));
    if failed {
        for field in ["fd.type", "fd.filename"] {
            facts.miss(field);
        }
    }
    facts.put("fd.type", Owned::text(&kind));
    if matches!(kind.as_str(), "ipv4" | "ipv6") {
        connection(facts, event);
    } else {
        facts.put("fd.l4proto", Owned::text("<NA>"));
        for field in ["fd.ip", "fd.net", "fd.port", "fd.proto"] {
            facts.put(field, Owned::Several(Vec::new()));
        }
    }
    if kind == "unix" {
        facts.put("fd.sockfamily", Owned::text("unix"));
    }
    facts.put("fd.connected", Owned::Bool(matches!(event.name, "connect" | "accept" | "accept4") && !failed));
    facts.put("fd.name_changed", Owned::Bool(false));
    if let Some(name) = text(facts, "fd.name") {
        facts.put("fd.nameraw", Owned::text(&name));
        if let Some((directory, file)) = name.rsplit_once('/').filter(|_| matches!(kind.as_str(), "file" | "directory")) {
            facts.put("fd.directory", Owned::text(if directory.is_empty() { "/" } else { directory }));
            facts.put("fd.filename", Owned::text(file));
        }
    }
    facts.put("fd.is_upper_layer", Owned::Bool(false));
    facts.put("fd.is_lower_layer", Owned::Bool(false));
    facts.put("fd.ino", Owned::Int(1_048_578));
}

/// Type of the descriptor: as set, else by its addresses, its name, or the event that makes it.
fn descriptor_type(facts: &Facts<'_>, event: &EventDef) -> String {
    if let Some(kind) = text(facts, "fd.type") {
        return kind;
    }
    if let Some(letter) = text(facts, "fd.typechar") {
        return FD_TYPES.iter().find(|(_, known)| *known == letter).map_or("unknown", |(kind, _)| kind).to_owned();
    }
    let address = ["fd.sip", "fd.cip", "fd.lip", "fd.rip"].iter().find_map(|field| facts.get(field));
    let kind = match address {
        Some(Owned::Ip(IpAddr::V4(_))) => "ipv4",
        Some(Owned::Ip(IpAddr::V6(_))) => "ipv6",
        _ => match CREATED.iter().find(|(name, _)| *name == event.name) {
            Some((_, kind)) => kind,
            None if event.category == "net" => "ipv4",
            None if text(facts, "fd.name").is_some_and(|name| name.len() > 1 && name.ends_with('/')) => "directory",
            None => "file",
        },
    };
    kind.to_owned()
}

/// Both ends of a connection, in every form that fields have for them.
fn connection(facts: &mut Facts<'_>, event: &EventDef) {
    let accepts = matches!(event.name, "accept" | "accept4" | "listen");
    facts.put("fd.is_server", Owned::Bool(accepts));
    let server = matches!(facts.get("fd.is_server"), Some(Owned::Bool(true)));
    facts.put("fd.sockfamily", Owned::text("ip"));
    facts.put("fd.l4proto", Owned::text("tcp"));
    let (local, remote) = if server { ("s", "c") } else { ("c", "s") };
    for (side, name) in [(local, "l"), (remote, "r")] {
        for what in ["ip", "port"] {
            let (by_role, by_place) = (format!("fd.{side}{what}"), format!("fd.{name}{what}"));
            if let Some(value) = facts.get(&by_role).cloned() {
                facts.put(&by_place, value);
            } else if let Some(value) = facts.get(&by_place).cloned() {
                facts.put(&by_role, value);
            }
        }
    }
    for side in ["c", "s", "l", "r"] {
        if let Some(address) = facts.get(&format!("fd.{side}ip")).cloned() {
            facts.put(&format!("fd.{side}net"), address);
        }
    }
    for what in ["ip", "net", "port"] {
        let both = ["c", "s"].iter().filter_map(|side| facts.get(&format!("fd.{side}{what}")).cloned()).collect();
        facts.put(&format!("fd.{what}"), Owned::Several(both));
    }
    let end = |facts: &Facts<'_>, side: &str| match facts.get(&format!("fd.{side}ip")) {
        Some(Owned::Ip(address)) => Some(format!("{address}:{}", number(facts, &format!("fd.{side}port")).unwrap_or(0))),
        _ => None,
    };
    match (end(facts, "c"), end(facts, "s")) {
        (Some(client), Some(server)) => facts.put("fd.name", Owned::text(format!("{client}->{server}"))),
        (None, Some(server)) => facts.put("fd.name", Owned::text(server)),
        _ => {}
    }
}

/// Facts about the event itself.
fn event_facts(facts: &mut Facts<'_>, event: &EventDef) {
    if event.kind == EventKind::Syscall {
        facts.put("syscall.type", Owned::text(event.name));
    }
    let of_fd = || match text(facts, "fd.typechar").as_deref() {
        Some("4" | "6" | "u") => "net",
        Some("p") => "ipc",
        _ => "file",
    };
    let category = if event.category == "io" { of_fd() } else { event.category };
    facts.put("evt.category", Owned::text(category));
    for (field, truth) in [
        ("evt.is_io", event.reads || event.writes),
        ("evt.is_io_read", event.reads),
        ("evt.is_io_write", event.writes),
        ("evt.is_wait", event.waits),
    ] {
        facts.put(field, Owned::Bool(truth));
    }
    if event.reads || event.writes {
        facts.put("evt.io_dir", Owned::text(if event.reads { "read" } else { "write" }));
        let length = match facts.get("evt.buffer") {
            Some(Owned::Bytes(bytes)) => bytes.len() as u64,
            _ => 0,
        };
        facts.put("evt.buflen", Owned::Uint(length));
    }
    for (field, value) in EVENT_DEFAULTS {
        facts.put_text(field, value);
    }
}

const EVENT_DEFAULTS: &[(&str, &str)] = &[
    ("evt.num", "1"),
    ("evt.time", "00:00:00.000000000"),
    ("evt.time.s", "00:00:00"),
    ("evt.time.iso8601", "2024-01-01T00:00:00.000000000Z"),
    ("evt.datetime", "2024-01-01 00:00:00.000000000"),
    ("evt.datetime.s", "2024-01-01 00:00:00"),
    ("evt.rawtime", "1704067200000000000"),
    ("evt.rawtime.s", "1704067200"),
    ("evt.rawtime.ns", "0"),
    ("evt.reltime", "0"),
    ("evt.deltatime", "0"),
    ("evt.dir", "<"),
    ("evt.source", "syscall"),
    ("evt.is_async", "false"),
    ("evt.is_syslog", "false"),
    ("evt.cpu", "0"),
    ("evt.count", "1"),
    ("evt.hostname", "localhost"),
    ("evt.latency", "0"),
    ("evt.latency.s", "0"),
    ("evt.latency.ns", "0"),
    ("evt.latency.human", "0ns"),
    ("evt.wait_latency", "0"),
];

/// Parameters that are known from elsewhere.
fn arguments(facts: &mut Facts<'_>, event: &EventDef, result: Option<i64>) {
    let spawns = event.params.iter().any(|param| param.name == "exe");
    for param in event.params {
        let value = match param.name {
            "res" => result.map(|result| match result {
                0.. => result.to_string(),
                _ => text(facts, "evt.res").unwrap_or_default(),
            }),
            "fd" => descriptor_argument(facts),
            "tuple" => text(facts, "fd.name"),
            "name" | "path" if OPENS.contains(&event.name) => text(facts, "fd.name"),
            "flags" if spawns => Some(exec_flags(facts)),
            name if spawns => process_argument(facts, name),
            _ => None,
        };
        if let Some(value) = value {
            facts.put(&format!("evt.arg.{}", param.name), Owned::text(value));
        }
        raw_argument(facts, param.name, param.format);
    }
}

/// `<f>/path`; the name of the error after a failed open.
fn descriptor_argument(facts: &Facts<'_>) -> Option<String> {
    let num = number(facts, "fd.num")?;
    match (num, text(facts, "fd.name")) {
        (..0, _) => text(facts, "evt.res").filter(|res| res != "SUCCESS"),
        (_, Some(name)) if !name.is_empty() => Some(format!("<{}>{name}", text(facts, "fd.typechar").unwrap_or_default())),
        _ => Some(num.to_string()),
    }
}

fn exec_flags(facts: &Facts<'_>) -> String {
    let names = [
        ("proc.is_exe_writable", "EXE_WRITABLE"),
        ("proc.is_exe_upper_layer", "EXE_UPPER_LAYER"),
        ("proc.is_exe_from_memfd", "EXE_FROM_MEMFD"),
        ("proc.is_exe_lower_layer", "EXE_LOWER_LAYER"),
    ];
    let set = names.iter().filter(|(field, _)| matches!(facts.get(field), Some(Owned::Bool(true))));
    let flags = set.map(|(_, name)| *name).collect::<Vec<_>>().join("|");
    if flags.is_empty() { "0".to_owned() } else { flags }
}

fn process_argument(facts: &Facts<'_>, param: &str) -> Option<String> {
    let field = match param {
        "exe" => "proc.exe",
        "args" => "proc.args",
        "env" => "proc.env",
        "cwd" => "proc.cwd",
        "comm" => "proc.name",
        "trusted_exepath" | "filename" => "proc.exepath",
        "uid" => "user.name",
        "gid" => "group.name",
        "tid" => "thread.tid",
        "pid" => "proc.pid",
        "ptid" => "proc.ppid",
        "tty" => "proc.tty",
        "vpgid" => "proc.vpgid",
        "pgid" => "proc.pgid",
        "vpid" => "proc.vpid",
        "vtid" => "thread.vtid",
        "loginuid" => "user.loginuid",
        _ => return None,
    };
    text(facts, field).or_else(|| number(facts, field).map(|number| number.to_string()))
}

/// The typed twin of a parameter whose text is a number.
fn raw_argument(facts: &mut Facts<'_>, param: &str, format: NumberFormat) {
    let Some(value) = text(facts, &format!("evt.arg.{param}")) else { return };
    let radix = match format {
        NumberFormat::Dec => 10,
        NumberFormat::Hex => 16,
        NumberFormat::Oct => 8,
    };
    let number = match param {
        "res" => number(facts, "evt.rawres"),
        "fd" => number(facts, "fd.num"),
        _ => i64::from_str_radix(&value, radix).ok(),
    };
    let raw = number.map_or(value, |number| number.to_string());
    facts.put_text(&format!("evt.rawarg.{param}"), &raw);
}

/// `fs.path.*` of a call that did what it was asked.
fn paths(facts: &mut Facts<'_>, event: &EventDef, result: Option<i64>) {
    let opens = OPENS.contains(&event.name);
    if result.is_some_and(|result| if opens { result == -1 } else { result < 0 }) {
        return;
    }
    let arg = |name: &str| format!("evt.arg.{name}");
    let pair = |source, target| [("source", arg(source)), ("target", arg(target))];
    let found: Vec<(&str, String)> = match event.name {
        "rename" | "renameat" | "renameat2" => pair("oldpath", "newpath").into(),
        "link" | "linkat" => pair("newpath", "oldpath").into(),
        "symlink" | "symlinkat" => pair("linkpath", "target").into(),
        "mount" => pair("dev", "dir").into(),
        "fchmod" | "fchown" => vec![("name", "fd.name".to_owned())],
        "quotactl" => vec![("name", arg("special"))],
        _ if opens => vec![("name", "fd.name".to_owned())],
        "mkdir" | "mkdirat" | "rmdir" | "unlink" | "unlinkat" | "chmod" | "fchmodat" | "chown" | "lchown" | "fchownat"
        | "umount" | "umount2" => ["path", "name", "filename", "pathname"].map(|name| ("name", arg(name))).into(),
        _ => Vec::new(),
    };
    for (part, field) in found {
        if let Some(path) = facts.get(&field).cloned() {
            let raw = facts.get("fd.nameraw").filter(|_| opens).cloned().unwrap_or_else(|| path.clone());
            facts.put(&format!("fs.path.{part}"), path);
            facts.put(&format!("fs.path.{part}raw"), raw);
        }
    }
}

/// `evt.args`: all known parameters in order.
fn argument_list(facts: &mut Facts<'_>, event: &EventDef) {
    let known = event.params.iter().filter_map(|param| {
        let value = text(facts, &format!("evt.arg.{}", param.name))?;
        Some(format!("{}={value}", param.name))
    });
    let list = known.collect::<Vec<_>>().join(" ");
    facts.put("evt.args", Owned::text(&list));
    facts.put("evt.info", Owned::text(list));
}
