//! What judging an event costs: a realistic mix of events over the shipped rules, and the cost as rules grow in number.
//!
//! `SAKER_COMPAT_RULES=DIR` adds Falco's stable rules from that directory. Figures are per event.

use std::path::{Path, PathBuf};

use bumpalo::Bump;
use divan::counter::ItemsCount;
use rule_engine::compile::{RuleSpec, rule_set};
use rule_engine::eval::Evaluator;
use rule_engine::load::{self, LoadOptions};
use rule_engine::priority::Priority;
use rule_engine::program::{Matching, RuleSet};
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::source::TextId;
use rule_engine::value::{FieldRef, Fields, Value};
use rule_engine::{check, parse, template};

fn main() {
    divan::main();
}

/// An event as a host holds it: values at hand by field.
struct Event {
    ty: EventTypeId,
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
fn mix(schema: &Schema) -> Vec<Event> {
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

fn judge_all(bencher: divan::Bencher<'_, '_>, set: &RuleSet, events: &[Event]) {
    let mut evaluator = Evaluator::new(set);
    bencher
        .counter(ItemsCount::new(events.len()))
        .bench_local(|| {
            let mut matches = 0;
            for event in events {
                evaluator.evaluate(set, divan::black_box(event), |_| matches += 1);
            }
            matches
        });
}

fn load(paths: &[PathBuf], schema: &Schema) -> RuleSet {
    let (sources, unread) = load::read_paths(paths);
    assert!(unread.is_empty(), "{unread:?}");
    let loaded = load::load(sources, schema, &LoadOptions::default());
    loaded
        .rules
        .unwrap_or_else(|| panic!("the rules load: {:?}", loaded.diagnostics))
}

#[divan::bench]
fn shipped_rules(bencher: divan::Bencher<'_, '_>) {
    let schema = Schema::syscall();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    judge_all(bencher, &load(&[directory], &schema), &mix(&schema));
}

#[divan::bench]
fn falco_stable_rules(bencher: divan::Bencher<'_, '_>) {
    let Some(directory) = std::env::var_os("SAKER_COMPAT_RULES") else {
        eprintln!("NOT RUN: SAKER_COMPAT_RULES does not name the directory of Falco's rule files");
        return;
    };
    let schema = Schema::syscall();
    let file = PathBuf::from(directory).join("falco_rules.yaml");
    judge_all(bencher, &load(&[file], &schema), &mix(&schema));
}

/// So many rules for opens that differ in what they look for.
fn many(count: usize, event: &str, schema: &Schema) -> RuleSet {
    let spec = |position: usize| {
        let text = format!(
            "evt.type = {event} and evt.is_open_read = true and fd.num >= 0 and \
             ((fd.name startswith /opt/app{position}/ or fd.name endswith .key{position}) and \
             not proc.name in (nginx{position}, sshd) and container.id != host)"
        );
        let expr = parse::condition(&text, TextId(0)).expect("the condition parses");
        let checked = check::condition(&expr, schema).expect("the condition is right");
        let (output, _) =
            template::parse("%fd.name", TextId(0), schema).expect("the output is right");
        RuleSpec {
            name: format!("rule {position}"),
            desc: "a rule".to_owned(),
            priority: Priority::Notice,
            source: "syscall".to_owned(),
            tags: Vec::new(),
            enabled: true,
            position,
            condition: checked.typed,
            events: checked.events,
            output,
        }
    };
    rule_set((0..count).map(spec).collect(), schema, Matching::All)
}

#[divan::bench(args = [25, 100, 400, 1000])]
fn rules_for_this_event_type(bencher: divan::Bencher<'_, '_>, count: usize) {
    let schema = Schema::syscall();
    let events: Vec<Event> = mix(&schema)
        .into_iter()
        .filter(|event| schema.event_def(event.ty).name == "openat")
        .collect();
    judge_all(bencher, &many(count, "openat", &schema), &events);
}

#[divan::bench(args = [25, 100, 400, 1000])]
fn rules_for_another_event_type(bencher: divan::Bencher<'_, '_>, count: usize) {
    let schema = Schema::syscall();
    let events: Vec<Event> = mix(&schema)
        .into_iter()
        .filter(|event| schema.event_def(event.ty).name == "openat")
        .collect();
    judge_all(bencher, &many(count, "open", &schema), &events);
}
