//! What follows about the process, its ancestors, its user and its container.
//!
//! In: seeds and changes, the event's definition. Out: `proc.*`, `thread.*`, `user.*`, `group.*`, `container.*`, `k8s.*`.

use super::{number, text};
use crate::sample::datum::Owned;
use crate::sample::facts::{Facts, PROPERTIES};
use crate::schema::{EventDef, EventKind};

/// Fields that say which program runs: one of them set, the base's own program is dropped.
pub(in crate::sample) const IDENTITY: &[&str] = &[
    "proc.name",
    "proc.exe",
    "proc.exepath",
    "proc.cmdline",
    "proc.args",
];

/// Names that the kernel keeps have at most this many bytes.
const COMM: usize = 15;

/// When every fixture happens: 2024-01-01T00:00:00Z.
const NOW_NS: u64 = 1_704_067_200_000_000_000;

/// Gives the process and all around it their values.
pub(super) fn derive(facts: &mut Facts<'_>, event: &EventDef) {
    processes(facts);
    process_facts(facts, event);
    user(facts);
    container(facts);
}

/// Each known process: a path gives a name, a name gives a command line, and so on.
fn processes(facts: &mut Facts<'_>) {
    for level in 0..=facts.ancestors as u32 {
        let get = |facts: &Facts<'_>, at: usize| -> Option<String> {
            let property = &PROPERTIES[at];
            let value = if level == 0 {
                facts.get(property.own)
            } else {
                facts.get_at(property.ancestor, level)
            };
            value.and_then(Owned::as_str).map(str::to_owned)
        };
        let (name, exe, exepath, cmdline) =
            (get(facts, 0), get(facts, 1), get(facts, 2), get(facts, 3));
        let (first, rest) = match cmdline
            .as_deref()
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
        {
            Some((first, rest)) => (Some(first.to_owned()), Some(rest.to_owned())),
            None => (None, None),
        };
        let inferred = exepath
            .as_deref()
            .or(exe.as_deref())
            .or(first.as_deref())
            .map(basename);
        let Some(name) = name.or(inferred) else {
            continue;
        };
        let args = get(facts, 4).or(rest).unwrap_or_default();
        let exe = exe.or(first).unwrap_or_else(|| name.clone());
        let exepath = exepath.unwrap_or_else(|| {
            if exe.starts_with('/') {
                exe.clone()
            } else {
                format!("/usr/bin/{name}")
            }
        });
        let line = if args.is_empty() {
            name.clone()
        } else {
            format!("{name} {args}")
        };
        let values = [name, exe, exepath, line, args, String::new()];
        for (property, value) in PROPERTIES.iter().zip(values) {
            put_level(
                facts,
                property.own,
                property.ancestor,
                level,
                Owned::text(value),
            );
        }
        let pid = 4242 - 100 * i64::from(level);
        put_level(
            facts,
            "proc.pid",
            "proc.apid",
            level,
            Owned::Int(pid.max(1)),
        );
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
    facts.put(
        "proc.cmdlenargs",
        Owned::Uint(args.bytes().filter(|byte| *byte != b' ').count() as u64),
    );
    if let Some(exe) = text(facts, "proc.exe") {
        facts.put(
            "proc.exeline",
            Owned::text(if args.is_empty() {
                exe
            } else {
                format!("{exe} {args}")
            }),
        );
    }
    let leader = facts
        .get_at("proc.aname", 1)
        .cloned()
        .or_else(|| facts.get("proc.name").cloned());
    if let Some(leader) = leader {
        facts.put("proc.sname", leader);
    }
    let pid = number(facts, "proc.pid").unwrap_or(-1);
    for field in [
        "proc.vpid",
        "proc.pgid",
        "proc.vpgid",
        "thread.tid",
        "thread.vtid",
    ] {
        facts.put(field, Owned::Int(pid));
    }
    let parent = number(facts, "proc.ppid").unwrap_or(pid);
    facts.put("proc.sid", Owned::Int(parent));
    facts.put("proc.pvpid", Owned::Int(parent));
    let leads =
        |facts: &Facts<'_>, group| Owned::Bool(number(facts, group) == number(facts, "proc.vpid"));
    let (session, group) = (leads(facts, "proc.sid"), leads(facts, "proc.vpgid"));
    facts.put("proc.is_sid_leader", session);
    facts.put("proc.is_pgid_leader", group.clone());
    facts.put("proc.is_vpgid_leader", group);
    let layer = matches!(
        facts.get("proc.is_exe_upper_layer"),
        Some(Owned::Bool(true))
    );
    let in_container = text(facts, "container.id").is_some_and(|id| id != "host");
    facts.put(
        "proc.is_exe_lower_layer",
        Owned::Bool(in_container && !layer),
    );
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
    (
        "proc.exe_ino.ctime_duration_proc_start",
        "31535999999000000",
    ),
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
        facts.put(
            name_field,
            Owned::text(if id.is_none_or(|id| id == 0) {
                "root"
            } else {
                "<NA>"
            }),
        );
    };
    id_and_name(facts, "user.uid", "user.name", 1000);
    id_and_name(facts, "group.gid", "group.name", 1000);
    facts.put("user.loginuid", Owned::Int(-1));
    let login = match number(facts, "user.loginuid") {
        Some(0) => Some("root".to_owned()),
        Some(id) if id > 0 && number(facts, "user.uid") == Some(id) => text(facts, "user.name"),
        _ => None,
    };
    facts.put(
        "user.loginname",
        Owned::text(login.as_deref().unwrap_or("<NA>")),
    );
}

/// The container: none unless the case or the base says so; its metadata only where the base has it.
fn container(facts: &mut Facts<'_>) {
    facts.put("container.id", Owned::text("host"));
    let id = text(facts, "container.id").unwrap_or_default();
    facts.put(
        "container.full_id",
        Owned::text(if id == "host" {
            id.clone()
        } else {
            format!("{id:0<64}")
        }),
    );
    facts.put(
        "container.type",
        Owned::text(if id == "host" { "host" } else { "containerd" }),
    );
    let Some(repository) = text(facts, "container.image.repository") else {
        return;
    };
    let image = text(facts, "container.image.tag")
        .map_or(repository.clone(), |tag| format!("{repository}:{tag}"));
    facts.put("container.image", Owned::text(image));
    for (field, value) in CONTAINER_DEFAULTS {
        facts.put_text(field, value);
    }
    for (field, same) in [
        ("k8s.pod.id", "k8s.pod.uid"),
        ("k8smeta.pod.uid", "k8s.pod.uid"),
        ("k8smeta.pod.name", "k8s.pod.name"),
        ("k8smeta.ns.name", "k8s.ns.name"),
    ] {
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
