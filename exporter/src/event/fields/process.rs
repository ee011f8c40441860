//! `proc.*`, `thread.*`, `user.*` and `group.*`: answered from the process that acts and its ancestors.
//!
//! Placeholders for an unknown process are Falco's: rules are written against them.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::value::{FieldKey, Value};

use super::{Get, format, text};
use crate::event::Event;
use crate::event::model::{Image, Process, User};
use crate::event::symbols::process::{
    CAPABILITIES, EXE_FROM_MEMFD, EXE_LOWER_LAYER, EXE_UPPER_LAYER, EXE_WRITABLE,
};

/// What stands for a name that nobody knows.
const UNKNOWN: &[u8] = b"<NA>";
/// Joined arguments are cut here, as Falco cuts them.
const ARGS_LEN_MAX: usize = 4096;
/// Ancestors that are looked at: the deepest trees of real machines are a fifth of that, and a loop ends.
pub(super) const ANCESTORS_MAX: usize = 128;

/// The fields of this file.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("proc.name", |e, _, _| {
        Some(
            e.process
                .map_or(Value::Text(UNKNOWN), |p| text(p.comm.bytes())),
        )
    }),
    ("proc.exe", |e, _, _| {
        Some(
            e.process
                .map_or(Value::Text(UNKNOWN), |p| text(&p.image.exe)),
        )
    }),
    ("proc.exepath", |e, _, _| {
        Some(e.process.map_or(Value::Text(b""), |p| text(&p.image.path)))
    }),
    ("proc.args", args),
    ("proc.cmdline", |e, _, arena| {
        Some(Value::Text(
            e.process
                .map_or(UNKNOWN, |p| command_line(p, p.comm.bytes(), arena)),
        ))
    }),
    ("proc.exeline", |e, _, arena| {
        Some(Value::Text(
            e.process
                .map_or(UNKNOWN, |p| command_line(p, &p.image.exe, arena)),
        ))
    }),
    ("proc.cmdnargs", |e, _, _| {
        e.process
            .map(|p| Value::Uint(p.image.args().count() as u64))
    }),
    ("proc.cmdlenargs", |e, _, _| {
        e.process
            .map(|p| Value::Uint(p.image.args().map(<[u8]>::len).sum::<usize>() as u64))
    }),
    ("proc.pid", |e, _, _| {
        Some(Value::Int(i64::from(e.actor.pid)))
    }),
    ("proc.ppid", |e, _, _| {
        e.process.map(|p| Value::Int(i64::from(p.parent.pid)))
    }),
    ("proc.vpid", |e, _, _| {
        e.process.map(|p| Value::Int(i64::from(p.vpid)))
    }),
    ("proc.pvpid", |e, _, _| {
        ancestor(e, 1).map(|p| Value::Int(i64::from(p.vpid)))
    }),
    ("proc.sid", |e, _, _| {
        e.process.map(|p| Value::Int(i64::from(p.sid)))
    }),
    ("proc.pgid", |e, _, _| {
        e.process.map(|p| Value::Int(i64::from(p.pgid)))
    }),
    ("proc.sid.exe", |e, _, _| {
        leader(e, |p| p.sid).map(|p| text(&p.image.exe))
    }),
    ("proc.sid.exepath", |e, _, _| {
        leader(e, |p| p.sid).map(|p| text(&p.image.path))
    }),
    ("proc.pgid.name", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(p.comm.bytes()))
    }),
    ("proc.pgid.exe", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(&p.image.exe))
    }),
    ("proc.pgid.exepath", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(&p.image.path))
    }),
    // A group's leader has one number here and one there: it is the same process.
    ("proc.vpgid.name", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(p.comm.bytes()))
    }),
    ("proc.vpgid.exe", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(&p.image.exe))
    }),
    ("proc.vpgid.exepath", |e, _, _| {
        leader(e, |p| p.pgid).map(|p| text(&p.image.path))
    }),
    ("proc.vpgid", |e, _, _| {
        e.process.map(|p| Value::Int(i64::from(p.vpgid)))
    }),
    ("proc.is_vpgid_leader", |e, _, _| {
        e.process.map(|p| Value::Bool(p.vpgid == p.vpid))
    }),
    ("proc.loginshellid", login_shell),
    ("proc.env", env),
    ("proc.aenv", ancestors_env),
    ("proc.pidns_init_start_ts", |e, _, _| {
        e.process
            .map(|p| Value::Uint(e.wall_ns(p.pid_namespace_start_boot_ns)))
    }),
    ("proc.is_sid_leader", |e, _, _| {
        e.process.map(|p| Value::Bool(p.sid == p.key.pid))
    }),
    ("proc.is_pgid_leader", |e, _, _| {
        e.process.map(|p| Value::Bool(p.pgid == p.key.pid))
    }),
    ("proc.tty", |e, _, _| {
        Some(Value::Uint(e.process.map_or(0, |p| u64::from(p.tty))))
    }),
    ("proc.cwd", cwd),
    ("proc.duration", |e, _, _| {
        Some(Value::Uint(e.boot_ns.saturating_sub(e.actor.start_boot_ns)))
    }),
    ("proc.ppid.duration", |e, _, _| {
        ancestor(e, 1).map(|p| Value::Uint(e.boot_ns.saturating_sub(p.key.start_boot_ns)))
    }),
    ("proc.pid.ts", |e, _, _| {
        Some(Value::Uint(e.wall_ns(e.actor.start_boot_ns)))
    }),
    ("proc.ppid.ts", |e, _, _| {
        ancestor(e, 1).map(|p| Value::Uint(e.wall_ns(p.key.start_boot_ns)))
    }),
    ("proc.sname", session_name),
    ("proc.pname", |e, _, _| {
        ancestor(e, 1).map(|p| text(p.comm.bytes()))
    }),
    ("proc.pexe", |e, _, _| {
        ancestor(e, 1).map(|p| text(&p.image.exe))
    }),
    ("proc.pexepath", |e, _, _| {
        ancestor(e, 1).map(|p| text(&p.image.path))
    }),
    ("proc.pcmdline", |e, _, arena| {
        ancestor(e, 1).map(|p| Value::Text(command_line(p, p.comm.bytes(), arena)))
    }),
    ("proc.aname", |e, key, arena| {
        ancestors(e, key, arena, |p, _| text(p.comm.bytes()))
    }),
    ("proc.aexe", |e, key, arena| {
        ancestors(e, key, arena, |p, _| text(&p.image.exe))
    }),
    ("proc.aexepath", |e, key, arena| {
        ancestors(e, key, arena, |p, _| text(&p.image.path))
    }),
    ("proc.acmdline", |e, key, arena| {
        ancestors(e, key, arena, |p, arena| {
            Value::Text(command_line(p, p.comm.bytes(), arena))
        })
    }),
    ("proc.aargs", |e, key, arena| {
        ancestors(e, key, arena, |p, arena| Value::Text(joined_args(p, arena)))
    }),
    ("proc.apid", |e, key, arena| {
        ancestors(e, key, arena, |p, _| Value::Int(i64::from(p.key.pid)))
    }),
    ("proc.is_exe_writable", |e, _, _| {
        Some(Value::Bool(e.process.is_some_and(|p| p.image.writable)))
    }),
    ("proc.is_exe_upper_layer", |e, _, _| {
        Some(Value::Bool(e.process.is_some_and(|p| p.image.upper_layer)))
    }),
    ("proc.is_exe_lower_layer", |e, _, _| {
        Some(Value::Bool(e.process.is_some_and(|p| p.image.lower_layer)))
    }),
    ("proc.is_exe_from_memfd", |e, _, _| {
        Some(Value::Bool(e.process.is_some_and(|p| p.image.memfd)))
    }),
    ("proc.exe_ino", |e, _, _| {
        e.process.map(|p| Value::Int(p.image.inode.cast_signed()))
    }),
    ("proc.exe_ino.ctime", |e, _, _| {
        e.process.map(|p| Value::Uint(p.image.ctime_ns))
    }),
    ("proc.exe_ino.mtime", |e, _, _| {
        e.process.map(|p| Value::Uint(p.image.mtime_ns))
    }),
    ("proc.exe_ino.ctime_duration_proc_start", |e, _, _| {
        e.process.map(|p| {
            Value::Uint(
                e.wall_ns(p.key.start_boot_ns)
                    .saturating_sub(p.image.ctime_ns),
            )
        })
    }),
    ("proc.exe_ino.ctime_duration_pidns_start", |e, _, _| {
        e.process.map(|p| {
            let start = e.wall_ns(p.pid_namespace_start_boot_ns);
            Value::Uint(p.image.ctime_ns.saturating_sub(start))
        })
    }),
    ("thread.vtid", |e, _, _| {
        // Records tell of the namespaced number of main threads only.
        let process = e.process.filter(|p| p.key.pid == e.tid)?;
        Some(Value::Int(i64::from(process.vpid)))
    }),
    ("thread.nametid", |e, _, arena| {
        let mut name = ArenaVec::new_in(arena);
        name.extend_from_slice(e.process?.comm.bytes());
        name.extend_from_slice(format(arena, format_args!("{}", e.tid)));
        Some(text(name.into_bump_slice()))
    }),
    ("thread.tid", |e, _, _| Some(Value::Int(i64::from(e.tid)))),
    ("thread.ismain", |e, _, _| {
        Some(Value::Bool(e.actor.pid == e.tid))
    }),
    ("thread.cap_effective", |e, _, arena| {
        e.process
            .map(|p| capabilities(p.credentials.cap_effective, arena))
    }),
    ("thread.cap_permitted", |e, _, arena| {
        e.process
            .map(|p| capabilities(p.credentials.cap_permitted, arena))
    }),
    ("thread.cap_inheritable", |e, _, arena| {
        e.process
            .map(|p| capabilities(p.credentials.cap_inheritable, arena))
    }),
    ("user.uid", |e, _, _| Some(Value::Uint(u64::from(e.uid)))),
    ("user.name", |e, _, _| {
        Some(account(e, e.uid, |user| &user.name))
    }),
    ("user.homedir", |e, _, _| {
        Some(account(e, e.uid, |user| &user.home))
    }),
    ("user.shell", |e, _, _| {
        Some(account(e, e.uid, |user| &user.shell))
    }),
    ("user.loginuid", |e, _, _| {
        // Unset is the kernel's (uid_t)-1, which Falco gives as -1.
        Some(Value::Int(e.process.map_or(
            -1,
            |p| match p.credentials.loginuid {
                u32::MAX => -1,
                uid => i64::from(uid),
            },
        )))
    }),
    ("user.loginname", |e, _, _| {
        let uid = e.process.map_or(u32::MAX, |p| p.credentials.loginuid);
        Some(account(e, uid, |user| &user.name))
    }),
    ("group.gid", |e, _, _| Some(Value::Uint(u64::from(e.gid)))),
    ("group.name", |e, _, _| {
        Some(Value::Text(
            e.surroundings.group(e.gid).map_or(UNKNOWN, str::as_bytes),
        ))
    }),
];

/// What the user database says of an id.
fn account<'a>(event: &'a Event<'_>, uid: u32, part: impl Fn(&User) -> &str) -> Value<'a> {
    Value::Text(
        event
            .surroundings
            .user(uid)
            .map_or(UNKNOWN, |user| part(user).as_bytes()),
    )
}

/// The process itself, its parent, and so on as far as they are known.
fn lineage<'a>(event: &'a Event<'_>) -> impl Iterator<Item = &'a Process> {
    // Longer ones are loops, which records of used pids can make.
    std::iter::successors(event.process, |process| {
        // Number 0 is the kernel's own: the first process has no parent.
        let parent = process.parent;
        (parent.pid != 0)
            .then(|| event.surroundings.process(parent))
            .flatten()
    })
    .take(ANCESTORS_MAX)
}

/// The `n`-th ancestor: 0 is the process itself, 1 its parent.
fn ancestor<'a>(event: &'a Event<'_>, n: u32) -> Option<&'a Process> {
    lineage(event).nth(n as usize)
}

/// A field of ancestors: of one with an index, of all but the process itself without.
fn ancestors<'a>(
    event: &'a Event<'_>,
    key: &FieldKey,
    arena: &'a Bump,
    value: impl Fn(&'a Process, &'a Bump) -> Value<'a>,
) -> Option<Value<'a>> {
    if let FieldKey::Index(n) = key {
        return ancestor(event, *n).map(|process| value(process, arena));
    }
    let mut values = ArenaVec::new_in(arena);
    values.extend(lineage(event).skip(1).map(|process| value(process, arena)));
    // With no ancestor known the field is missing.
    (!values.is_empty()).then(|| Value::Several(values.into_bump_slice()))
}

fn args<'a>(event: &'a Event<'_>, key: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let Some(process) = event.process else {
        return Some(Value::Text(b""));
    };
    Some(match key {
        FieldKey::Index(n) => text(process.image.args().nth(*n as usize).unwrap_or_default()),
        _ => Value::Text(joined_args(process, arena)),
    })
}

fn joined_args<'a>(process: &'a Process, arena: &'a Bump) -> &'a [u8] {
    let mut line = ArenaVec::with_capacity_in(process.image.args.len(), arena);
    join_args(process, &mut line);
    line.truncate(ARGS_LEN_MAX);
    line.into_bump_slice()
}

/// A name and the arguments behind it, joined by blanks.
fn command_line<'a>(process: &'a Process, name: &[u8], arena: &'a Bump) -> &'a [u8] {
    let mut line = ArenaVec::with_capacity_in(name.len() + 1 + process.image.args.len(), arena);
    line.extend_from_slice(name);
    if !process.image.args.is_empty() {
        line.push(b' ');
        join_args(process, &mut line);
        line.truncate(name.len() + 1 + ARGS_LEN_MAX);
    }
    line.into_bump_slice()
}

fn join_args(process: &Process, line: &mut ArenaVec<'_, u8>) {
    for (n, arg) in process.image.args().enumerate() {
        if n > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(arg);
    }
}

/// What is special about the program's file, as `EXE_…` bits.
pub(in crate::event) fn exe_flags(process: &Process) -> u64 {
    let image = &process.image;
    [
        (image.writable, EXE_WRITABLE),
        (image.upper_layer, EXE_UPPER_LAYER),
        (image.memfd, EXE_FROM_MEMFD),
        (image.lower_layer, EXE_LOWER_LAYER),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |bits, (_, bit)| bits | bit)
}

/// The environment, blanks between its variables, cut as Falco cuts it.
pub(in crate::event) fn joined_env<'a>(process: &'a Process, arena: &'a Bump) -> &'a [u8] {
    let mut line = ArenaVec::with_capacity_in(process.image.env.len(), arena);
    for (n, variable) in process.image.env().enumerate() {
        if n > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(variable);
    }
    line.truncate(ARGS_LEN_MAX);
    line.into_bump_slice()
}

fn env<'a>(event: &'a Event<'_>, key: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let variable = |image: &'a Image, name: &[u8]| image.variable(name).unwrap_or_default();
    Some(text(match (event.process, key) {
        (None, _) => b"",
        (Some(process), FieldKey::None) => joined_env(process, arena),
        (Some(process), FieldKey::Name(name)) => variable(&process.image, name.as_bytes()),
        // A variable may have a number for a name.
        (Some(process), FieldKey::Index(n)) => {
            variable(&process.image, format(arena, format_args!("{n}")))
        }
    }))
}

/// With a name the variable of the nearest ancestor that has it, else the environments as of other ancestor fields.
fn ancestors_env<'a>(event: &'a Event<'_>, key: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    match key {
        FieldKey::Name(name) => lineage(event)
            .skip(1)
            .find_map(|process| process.image.variable(name.as_bytes()))
            .map(text),
        _ => ancestors(event, key, arena, |p, arena| text(joined_env(p, arena))),
    }
}

/// The leader of the session or group of the process. Number 0 is the kernel's own: it has no process.
fn leader<'a>(event: &'a Event<'_>, id: impl Fn(&Process) -> u32) -> Option<&'a Process> {
    match id(event.process?) {
        0 => None,
        pid if pid == event.actor.pid => event.process,
        pid => event.surroundings.leader(pid),
    }
}

/// The eldest shell among the process and its ancestors. Like Falco we take a name in `sh` for a shell's.
fn login_shell<'a>(event: &'a Event<'_>, _: &FieldKey, _: &'a Bump) -> Option<Value<'a>> {
    lineage(event)
        .filter(|process| process.comm.bytes().ends_with(b"sh"))
        .last()
        .map(|process| Value::Int(i64::from(process.key.pid)))
}

fn cwd<'a>(event: &'a Event<'_>, _: &FieldKey, arena: &'a Bump) -> Option<Value<'a>> {
    let Some(process) = event.process else {
        return Some(Value::Text(b"./"));
    };
    if process.cwd.ends_with(b"/") {
        return Some(text(&process.cwd));
    }
    let mut path = ArenaVec::with_capacity_in(process.cwd.len() + 1, arena);
    path.extend_from_slice(&process.cwd);
    path.push(b'/');
    Some(Value::Text(path.into_bump_slice()))
}

/// Name of the session's leader, or of the eldest known ancestor that is in the session.
fn session_name<'a>(event: &'a Event<'_>, _: &FieldKey, _: &'a Bump) -> Option<Value<'a>> {
    let sid = event.process?.sid;
    let eldest = || {
        lineage(event)
            .take_while(|process| process.sid == sid)
            .last()
    };
    let leader = leader(event, |process| process.sid).or_else(eldest)?;
    Some(text(leader.comm.bytes()))
}

fn capabilities<'a>(bits: u64, arena: &'a Bump) -> Value<'a> {
    let mut names = ArenaVec::new_in(arena);
    for (bit, name) in CAPABILITIES.iter().enumerate() {
        if bits >> bit & 1 == 1 {
            if !names.is_empty() {
                names.push(b' ');
            }
            names.extend_from_slice(name.as_bytes());
        }
    }
    Value::Text(names.into_bump_slice())
}
