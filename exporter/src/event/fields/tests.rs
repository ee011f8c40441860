//! Every field of the lists, asked of events whose facts are known.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use rule_engine::schema::{ArgKind, Type};

use super::*;
use crate::event::container::{ContainerId, ContainerInfo, Metadata, Runtime};
use crate::event::kubernetes::PodMeta;
use crate::event::model::{
    Cgroup, Comm, Credentials, Image, Process, ProcessKey, Surroundings, User,
};
use crate::event::{Call, Exit, Facts, File, Inode, Named, Socket, View};

mod calls;
mod files;
mod sockets;

mod container;

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::syscall()));

struct World {
    processes: HashMap<ProcessKey, Process>,
    root: User,
    /// None: it is awaited.
    metadata: Option<Arc<ContainerInfo>>,
    /// What the API server says of its pod.
    pod: Option<PodMeta>,
}

impl Surroundings for World {
    fn process(&self, key: ProcessKey) -> Option<&Process> {
        self.processes.get(&key)
    }

    fn user(&self, uid: u32) -> Option<&User> {
        (uid == 0).then_some(&self.root)
    }

    fn group(&self, gid: u32) -> Option<&str> {
        (gid == 0).then_some("wheel")
    }

    fn container(&self, _: &ContainerId) -> Metadata<'_> {
        match &self.metadata {
            Some(info) => Metadata::Known(info),
            None => Metadata::Awaited,
        }
    }

    fn pod(&self, uid: &str) -> Option<&PodMeta> {
        self.pod.as_ref().filter(|pod| *pod.pod.uid == *uid)
    }
}

fn key(pid: u32) -> ProcessKey {
    ProcessKey {
        pid,
        start_boot_ns: u64::from(pid) * 1000,
    }
}

fn process(pid: u32, parent: u32, name: &str, args: &str) -> Process {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    Process {
        key: key(pid),
        parent: key(parent),
        comm: Comm::new(comm),
        image: Arc::new(Image {
            path: format!("/usr/bin/{name}").into_bytes().into(),
            exe: format!("./{name}").into_bytes().into(),
            args: args.as_bytes().into(),
            ctime_ns: 7,
            mtime_ns: 8,
            inode: 9,
            env: format!("NAME={name}\0HOME=/h\0").into_bytes().into(),
            lower_layer: true,
            ..Image::default()
        }),
        cwd: Arc::from(&b"/work"[..]),
        credentials: Credentials {
            loginuid: u32::MAX,
            cap_effective: 0b11,
            ..Credentials::default()
        },
        tty: 34816,
        sid: 20,
        pgid: 30,
        vpid: pid - 9,
        vpgid: 21,
        pid_namespace_start_boot_ns: 10_000,
        ..Process::default()
    }
}

/// `init → sh(20) → make(25) → cat(30)`
fn world() -> World {
    let processes = [
        process(10, 0, "init", ""),
        process(20, 10, "sh", "-l\0"),
        process(25, 20, "make", "all\0-j\0"),
        process(30, 25, "cat", "-n\0a b\0"),
    ];
    World {
        processes: processes.into_iter().map(|p| (p.key, p)).collect(),
        root: User {
            name: "root".into(),
            home: "/root".into(),
            shell: "/bin/sh".into(),
        },
        metadata: None,
        pod: None,
    }
}

/// What a field of an event prints as, roughly: enough to compare.
fn check(facts: Facts<'_>, kind: &str, view: View, known: bool, rows: &[(&str, &str)]) {
    check_in(&world(), facts, kind, view, known, rows);
}

fn check_in(
    world: &World,
    facts: Facts<'_>,
    kind: &str,
    view: View,
    known: bool,
    rows: &[(&str, &str)],
) {
    let table = FieldTable::new(Arc::clone(&SCHEMA), "node-1");
    let cgroup = Cgroup {
        container: Some(ContainerId {
            full: "0123456789abcdef".repeat(4).into(),
            runtime: Runtime::Docker,
            pod_uid: None,
        }),
        ..Cgroup::default()
    };
    let event = Event {
        kind: SCHEMA.event(kind).unwrap(),
        number: 1,
        boot_ns: 1_000_000,
        boot_wall_ns: 0,
        cpu: 3,
        tid: 31,
        actor: key(30),
        uid: 0,
        gid: 0,
        process: known.then(|| &world.processes[&key(30)]),
        cgroup: known.then_some(&cgroup),
        surroundings: world,
        facts,
        view,
        table: &table,
    };
    let arena = Bump::new();
    for (text, expected) in rows {
        let field = field(text);
        let missing = if event.awaited(&field) { "?" } else { "-" };
        let value = event.get(&field, &arena);
        assert_eq!(value.map_or(missing.to_owned(), show), *expected, "{text}");
    }
}

fn field(text: &str) -> FieldRef {
    let (name, bracket) = match text.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']'))),
        None => (text, None),
    };
    FieldRef::resolve(&SCHEMA, name, bracket).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The same for a system call of a known process.
fn called(kind: &str, call: Call<'_>, rows: &[(&str, &str)]) {
    check(Facts::Call(call), kind, View::Requested, true, rows);
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::List(values) | Value::Several(values) => {
            let shown: Vec<_> = values.iter().map(|value| show(*value)).collect();
            format!("({})", shown.join(","))
        }
    }
}

const EXEC: Facts<'_> = Facts::Exec { filename: b"./cat" };

/// `openat(AT_FDCWD, "../etc//shadow", O_RDONLY | O_CLOEXEC)`, which led elsewhere.
fn open(result: i64) -> Call<'static> {
    Call {
        result,
        args: [AT_FDCWD, 0, 0o2_000_000, 0, 0, 0],
        fd: result.max(-1),
        first: Named {
            written: b"../etc//shadow",
            dir: b"/work",
        },
        effective: b"/etc/shadow.real",
        file: File {
            inode: Inode {
                number: 77,
                dev: 0x0080_0301,
                mode: 0o100_640,
                upper_layer: true,
                ..Inode::default()
            },
            path: b"/etc/shadow.real",
            pseudo: false,
        },
        ..Call::default()
    }
}

/// `AT_FDCWD`, as a register has it.
const AT_FDCWD: u64 = 0xffff_ff9c;

fn connect(result: i64, remote: Option<SocketAddr>) -> Call<'static> {
    Call {
        result,
        args: [5, 0, 0, 0, 0, 0],
        fd: 5,
        socket: Socket {
            inode: 1,
            family: 2,
            kind: 1,
            protocol: 6,
            local: remote.map(|_| "10.0.0.2:4000".parse().unwrap()),
            remote,
            connected: result == 0,
            ..Socket::default()
        },
        ..Call::default()
    }
}

#[test]
fn every_listed_field_exists_once_and_has_the_value_type_of_the_schema() {
    let world = world();
    let table = FieldTable::new(Arc::clone(&SCHEMA), "node-1");
    let arena = Bump::new();
    let mut names = std::collections::HashSet::new();
    for (name, _) in FieldTable::supplied_fields() {
        assert!(names.insert(name), "{name} is listed twice");
        let id = SCHEMA
            .field(name)
            .unwrap_or_else(|| panic!("{name} is not in the schema"));
        assert!(table.supplies(id));
        let definition = SCHEMA.field_def(id);
        for (kind, facts) in [
            ("execve", EXEC),
            ("openat", Facts::Call(open(3))),
            (
                "connect",
                Facts::Call(connect(0, "1.2.3.4:80".parse().ok())),
            ),
        ] {
            let event = Event {
                kind: SCHEMA.event(kind).unwrap(),
                number: 1,
                boot_ns: 1_000_000,
                boot_wall_ns: 0,
                cpu: 0,
                tid: 30,
                actor: key(30),
                uid: 0,
                gid: 0,
                process: Some(&world.processes[&key(30)]),
                cgroup: None,
                surroundings: &world,
                facts,
                view: View::Requested,
                table: &table,
            };
            let arg = match definition.arg {
                ArgKind::None | ArgKind::OptionalIndex | ArgKind::OptionalKey => FieldKey::None,
                _ => continue,
            };
            let values = match event.get(&FieldRef { id, arg }, &arena) {
                Some(Value::Several(values)) => values.to_vec(),
                value => value.into_iter().collect(),
            };
            for value in values {
                assert!(
                    fits(definition.ty, value),
                    "{name}: {value:?} is no {:?}",
                    definition.ty
                );
            }
        }
    }
}

fn fits(ty: Type, value: Value<'_>) -> bool {
    match ty {
        Type::CharBuf | Type::FsPath | Type::FsRelPath => matches!(value, Value::Text(_)),
        Type::ByteBuf => matches!(value, Value::Bytes(_)),
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::IpAddr | Type::IpNet => matches!(value, Value::Ip(_)),
        Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 | Type::Fd | Type::Pid => {
            matches!(value, Value::Int(_))
        }
        Type::Double => matches!(value, Value::Double(_)),
        _ => matches!(value, Value::Uint(_)),
    }
}

#[test]
fn a_process_answers_for_itself_and_its_ancestors() {
    check(
        EXEC,
        "execve",
        View::Requested,
        true,
        &[
            ("evt.type", "execve"),
            ("evt.res", "SUCCESS"),
            ("evt.arg.flags", "EXE_LOWER_LAYER"),
            ("evt.arg.filename", "/work/cat"),
            ("evt.rawarg.filename", "./cat"),
            ("evt.arg.res", "0"),
            ("evt.arg.args", "-n.a b."),
            ("evt.arg.uid", "root"),
            ("evt.arg.loginuid", "<NONE>"),
            ("evt.arg.fdlimit", "-"),
            ("evt.arg.trusted_exepath", "/usr/bin/cat"),
            ("evt.arg[7]", "-"),
            ("evt.arg[99]", "-"),
            ("evt.type.is.execve", "1"),
            ("evt.type.is.open", "0"),
            ("evt.hostname", "node-1"),
            ("evt.is_open_read", "false"),
            ("proc.name", "cat"),
            ("proc.exe", "./cat"),
            ("proc.exepath", "/usr/bin/cat"),
            ("proc.args", "-n a b"),
            ("proc.args[1]", "a b"),
            ("proc.args[2]", ""),
            ("proc.cmdline", "cat -n a b"),
            ("proc.exeline", "./cat -n a b"),
            ("proc.cmdnargs", "2"),
            ("proc.cmdlenargs", "5"),
            ("proc.cwd", "/work/"),
            ("proc.pid", "30"),
            ("proc.ppid", "25"),
            ("proc.vpid", "21"),
            ("proc.vpgid", "21"),
            ("proc.is_vpgid_leader", "true"),
            ("proc.pgid.name", "cat"),
            ("proc.vpgid.exe", "./cat"),
            ("proc.sid.exe", "./sh"),
            ("proc.sid.exepath", "/usr/bin/sh"),
            ("proc.loginshellid", "20"),
            ("proc.env", "NAME=cat HOME=/h"),
            ("proc.env[HOME]", "/h"),
            ("proc.env[HOM]", ""),
            ("proc.aenv[NAME]", "make"),
            ("proc.aenv[2]", "NAME=sh HOME=/h"),
            ("proc.is_exe_lower_layer", "true"),
            ("proc.is_exe_writable", "false"),
            ("proc.pidns_init_start_ts", "10000"),
            ("evt.category", "process"),
            ("evt.is_io", "false"),
            ("evt.io_dir", "-"),
            ("proc.pname", "make"),
            ("proc.pcmdline", "make all -j"),
            ("proc.pexepath", "/usr/bin/make"),
            ("proc.aname[0]", "cat"),
            ("proc.aname[2]", "sh"),
            ("proc.aname[3]", "init"),
            ("proc.aname[4]", "-"),
            ("proc.aname", "(make,sh,init)"),
            ("proc.apid", "(25,20,10)"),
            ("proc.sname", "sh"),
            ("proc.is_pgid_leader", "true"),
            ("proc.is_sid_leader", "false"),
            ("proc.tty", "34816"),
            ("proc.duration", "970000"),
            ("thread.tid", "31"),
            ("thread.ismain", "false"),
            ("thread.cap_effective", "CAP_CHOWN CAP_DAC_OVERRIDE"),
            ("thread.cap_permitted", ""),
            ("user.name", "root"),
            ("user.loginuid", "-1"),
            ("user.loginname", "<NA>"),
            ("group.name", "wheel"),
            ("container.id", "0123456789ab"),
            ("container.type", "docker"),
            ("fd.name", "-"),
            ("fd.num", "-"),
            ("evt.time.iso8601", "1970-01-01T00:00:00.001000000Z"),
        ],
    );
}

#[test]
fn an_unknown_process_has_placeholders() {
    check(
        EXEC,
        "execve",
        View::Requested,
        false,
        &[
            ("proc.name", "<NA>"),
            ("proc.exe", "<NA>"),
            ("proc.cmdline", "<NA>"),
            ("proc.exepath", ""),
            ("proc.args", ""),
            ("proc.cwd", "./"),
            ("proc.tty", "0"),
            ("proc.pname", "-"),
            ("proc.aname", "-"),
            ("container.id", "host"),
            ("proc.is_exe_upper_layer", "false"),
            // What the record itself says is known all the same.
            ("proc.pid", "30"),
            ("user.uid", "0"),
        ],
    );
}
