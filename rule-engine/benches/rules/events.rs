//! Events as a busy host makes them, with their fields at hand.

use bumpalo::Bump;
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::value::{FieldRef, Fields, Value};

/// An event as a host holds it: values at hand by field.
pub(crate) struct Event {
    /// Its type.
    pub(crate) ty: EventTypeId,
    /// By the field's id; fields with an argument are in `others`.
    plain: Vec<Option<Value<'static>>>,
    others: Vec<(FieldRef, Value<'static>)>,
}

impl Fields for Event {
    fn event_type(&self) -> EventTypeId {
        self.ty
    }

    fn get<'a>(&'a self, field: &FieldRef, _: &'a Bump) -> Option<Value<'a>> {
        match field.arg {
            rule_engine::value::FieldKey::None => self.plain[usize::from(field.id.0)],
            _ => self
                .others
                .iter()
                .find(|(known, _)| known == field)
                .map(|(_, value)| *value),
        }
    }
}

fn event(schema: &Schema, name: &str, fields: &[(&str, Value<'static>)]) -> Event {
    let mut event = Event {
        ty: schema.event(name).expect("the event type exists"),
        plain: vec![None; schema.fields.len()],
        others: Vec::new(),
    };
    for (field, value) in PROCESS.iter().chain(fields) {
        let (name, arg) = match field
            .strip_suffix(']')
            .and_then(|field| field.split_once('['))
        {
            Some((name, arg)) => (name, Some(arg)),
            None => (*field, None),
        };
        let field = FieldRef::resolve(schema, name, arg).expect("the field exists");
        match field.arg {
            rule_engine::value::FieldKey::None => {
                event.plain[usize::from(field.id.0)] = Some(*value)
            }
            _ => event.others.push((field, *value)),
        }
    }
    event
}

const fn text(text: &'static str) -> Value<'static> {
    Value::Text(text.as_bytes())
}

/// What every event has: a worker of a web server in a container.
const PROCESS: &[(&str, Value<'static>)] = &[
    ("evt.num", Value::Uint(1)),
    ("evt.is_open_read", Value::Bool(false)),
    ("evt.is_open_write", Value::Bool(false)),
    ("proc.name", text("nginx")),
    ("proc.exe", text("nginx: worker process")),
    ("proc.exepath", text("/usr/sbin/nginx")),
    ("proc.cmdline", text("nginx -g daemon off;")),
    ("proc.args", text("-g daemon off;")),
    ("proc.pname", text("nginx")),
    ("proc.pcmdline", text("nginx -g daemon off;")),
    ("proc.pexe", text("nginx")),
    (
        "proc.aname",
        Value::Several(&[text("nginx"), text("containerd-shim"), text("systemd")]),
    ),
    ("proc.aname[2]", text("containerd-shim")),
    ("proc.aname[3]", text("systemd")),
    ("proc.tty", Value::Uint(0)),
    ("proc.cwd", text("/")),
    ("proc.duration", Value::Uint(3_600_000_000_000)),
    ("proc.is_exe_upper_layer", Value::Bool(false)),
    ("proc.is_exe_from_memfd", Value::Bool(false)),
    ("thread.cap_effective", text("CAP_NET_BIND_SERVICE")),
    ("user.name", text("www-data")),
    ("user.uid", Value::Uint(33)),
    ("user.loginuid", Value::Int(-1)),
    ("container.id", text("3ad7b26ded6d")),
    (
        "container.image.repository",
        text("docker.io/library/nginx"),
    ),
    ("container.privileged", Value::Bool(false)),
];

/// Client and server of a connection.
const SIDES: &[Value<'static>] = &[
    Value::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3))),
    Value::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 9, 9))),
];

type Values = Vec<(&'static str, Value<'static>)>;

fn file(path: &'static str, directory: &'static str, name: &'static str, write: bool) -> Values {
    vec![
        ("evt.rawres", Value::Int(9)),
        ("evt.res", text("SUCCESS")),
        ("evt.is_open_read", Value::Bool(!write)),
        ("evt.is_open_write", Value::Bool(write)),
        (
            "evt.arg.flags",
            text(if write {
                "O_TRUNC|O_CREAT|O_WRONLY"
            } else {
                "O_RDONLY|O_CLOEXEC"
            }),
        ),
        ("fd.name", text(path)),
        ("fd.nameraw", text(path)),
        ("fd.directory", text(directory)),
        ("fd.filename", text(name)),
        ("fd.num", Value::Int(9)),
        ("fd.type", text("file")),
        ("fd.typechar", text("f")),
        ("fs.path.name", text(path)),
    ]
}

fn connection() -> Values {
    vec![
        ("evt.rawres", Value::Int(-115)),
        ("evt.res", text("EINPROGRESS")),
        ("fd.name", text("10.1.2.3:51234->10.1.9.9:5432")),
        ("fd.num", Value::Int(11)),
        ("fd.type", text("ipv4")),
        ("fd.typechar", text("4")),
        ("fd.l4proto", text("tcp")),
        ("fd.sockfamily", text("ip")),
        ("fd.connected", Value::Bool(false)),
        ("fd.name_changed", Value::Bool(true)),
        ("fd.cip", SIDES[0]),
        ("fd.sip", SIDES[1]),
        ("fd.rip", SIDES[1]),
        ("fd.lip", SIDES[0]),
        ("fd.snet", SIDES[1]),
        ("fd.cnet", SIDES[0]),
        ("fd.ip", Value::Several(SIDES)),
        ("fd.net", Value::Several(SIDES)),
        ("fd.sport", Value::Uint(5432)),
        ("fd.cport", Value::Uint(51234)),
        (
            "fd.port",
            Value::Several(&[Value::Uint(51234), Value::Uint(5432)]),
        ),
    ]
}

const SUCCESS: &[(&str, Value<'static>)] = &[
    ("evt.rawres", Value::Int(0)),
    ("evt.res", text("SUCCESS")),
    ("evt.arg.res", text("0")),
];

const EXEC: &[(&str, Value<'static>)] = &[
    ("proc.name", text("date")),
    ("proc.exepath", text("/usr/bin/date")),
    ("proc.cmdline", text("date +%s")),
    ("proc.args", text("+%s")),
    ("evt.arg.flags", text("0")),
];

/// Opens for reading and writing, execs, connections and the rest, as a busy host makes them.
pub(crate) fn mix(schema: &Schema) -> Vec<Event> {
    let open = |name: &str, values: Values| event(schema, name, &values);
    let mut events = Vec::new();
    for _ in 0..6 {
        let page = file(
            "/usr/share/nginx/html/index.html",
            "/usr/share/nginx/html",
            "index.html",
            false,
        );
        events.push(open("openat", page));
        events.push(open(
            "openat",
            file(
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib/x86_64-linux-gnu",
                "libc.so.6",
                false,
            ),
        ));
        events.push(open(
            "openat",
            file(
                "/var/log/nginx/access.log",
                "/var/log/nginx",
                "access.log",
                true,
            ),
        ));
    }
    events.push(open("open", file("/etc/hosts", "/etc", "hosts", false)));
    for _ in 0..2 {
        events.push(event(schema, "execve", &[SUCCESS, EXEC].concat()));
        for name in ["connect", "accept4", "sendto"] {
            events.push(event(schema, name, &connection()));
        }
    }
    for name in ["unlink", "rename", "mkdir", "dup2", "chmod"] {
        events.push(event(schema, name, SUCCESS));
    }
    events
}
