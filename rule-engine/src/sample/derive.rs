//! What follows from what: the fields of a fixture that nobody set.
//!
//! In: the seeds of a base and the changes of a case. Out: everything an ordinary rule may ask of such an event. Never: a
//! value in place of one that is set, or of one that is said to be missing.
//!
//! Sources: the meanings of the fields as the schema has them, and the rule language's table of placeholders.

mod descriptor;
mod process;

pub(super) use process::IDENTITY;

use super::datum::Owned;
use super::facts::Facts;
use crate::errno;
use crate::schema::{EventDef, NumberFormat};

const OPENS: &[&str] = &["open", "openat", "openat2", "open_by_handle_at", "creat"];

/// Gives every field that follows from others its value.
pub(super) fn derive(facts: &mut Facts<'_>) {
    let event = facts.schema.event_def(facts.event).clone();
    let result = result(facts, &event);
    process::derive(facts, &event);
    open_flags(facts, &event);
    if event.creates_fd || event.uses_fd || facts.is_set("fd.name") || facts.is_set("fd.type") {
        descriptor::derive(facts, &event, result);
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
    let new_fd = if makes_fd {
        number(facts, "fd.num").unwrap_or(3)
    } else {
        0
    };
    let named = text(facts, "evt.res").or_else(|| text(facts, "evt.arg.res"));
    let named = named.map(|name| errno::number(&name).map_or(new_fd, |number| -i64::from(number)));
    let failed = matches!(facts.get("evt.failed"), Some(Owned::Bool(true))).then_some(-1);
    let result = number(facts, "evt.rawres")
        .or(named)
        .or(failed)
        .unwrap_or(new_fd);
    let error = u32::try_from(-result)
        .ok()
        .filter(|_| result < 0)
        .and_then(errno::name);
    facts.put("evt.rawres", Owned::Int(result));
    facts.put(
        "evt.res",
        Owned::text(if result < 0 {
            error.unwrap_or("EPERM")
        } else {
            "SUCCESS"
        }),
    );
    facts.put("evt.failed", Owned::Bool(result < 0));
    facts.put("evt.count.error", Owned::Uint(u64::from(result < 0)));
    Some(result)
}

/// Whether the result is the number of the event's descriptor.
fn makes_fd(event: &EventDef) -> bool {
    event.creates_fd && !matches!(event.name, "pipe" | "pipe2" | "socketpair")
}

/// What an open asks for, from its flags; false for other events.
fn open_flags(facts: &mut Facts<'_>, event: &EventDef) {
    let opens = OPENS.contains(&event.name) && event.name != "creat";
    let flags = if opens {
        text(facts, "evt.arg.flags").unwrap_or_default()
    } else {
        String::new()
    };
    let has = |names: &[&str]| flags.split('|').any(|flag| names.contains(&flag));
    let creates = event.name == "creat" || has(&["O_CREAT", "O_TMPFILE"]);
    let mode = text(facts, "evt.arg.mode").unwrap_or_default();
    let executable =
        mode.contains("S_IX") || u32::from_str_radix(&mode, 8).is_ok_and(|mode| mode & 0o111 != 0);
    facts.put(
        "evt.is_open_read",
        Owned::Bool(has(&["O_RDONLY", "O_RDWR"])),
    );
    facts.put(
        "evt.is_open_write",
        Owned::Bool(has(&["O_WRONLY", "O_RDWR"])),
    );
    facts.put("evt.is_open_exec", Owned::Bool(creates && executable));
    facts.put("evt.is_open_create", Owned::Bool(has(&["O_F_CREATED"])));
}

/// Facts about the event itself.
fn event_facts(facts: &mut Facts<'_>, event: &EventDef) {
    let of_fd = || match text(facts, "fd.typechar").as_deref() {
        Some("4" | "6" | "u") => "net",
        Some("p") => "ipc",
        _ => "file",
    };
    let category = if event.category == "io" {
        of_fd()
    } else {
        event.category
    };
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
        facts.put_text("evt.buffer", "");
        facts.put(
            "evt.io_dir",
            Owned::text(if event.reads { "read" } else { "write" }),
        );
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
        (_, Some(name)) if !name.is_empty() => Some(format!(
            "<{}>{name}",
            text(facts, "fd.typechar").unwrap_or_default()
        )),
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
    let set = names
        .iter()
        .filter(|(field, _)| matches!(facts.get(field), Some(Owned::Bool(true))));
    let flags = set.map(|(_, name)| *name).collect::<Vec<_>>().join("|");
    if flags.is_empty() {
        "0".to_owned()
    } else {
        flags
    }
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
    let Some(value) = text(facts, &format!("evt.arg.{param}")) else {
        return;
    };
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
        "mkdir" | "mkdirat" | "rmdir" | "unlink" | "unlinkat" | "chmod" | "fchmodat" | "chown"
        | "lchown" | "fchownat" | "umount" | "umount2" => ["path", "name", "filename", "pathname"]
            .map(|name| ("name", arg(name)))
            .into(),
        _ => Vec::new(),
    };
    for (part, field) in found {
        if let Some(path) = facts.get(&field).cloned() {
            let raw = facts
                .get("fd.nameraw")
                .filter(|_| opens)
                .cloned()
                .unwrap_or_else(|| path.clone());
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
