//! Events as maps of fields, for tests: those that the edge-case table speaks of, and a way to judge conditions over them.

use std::collections::HashMap;

use bumpalo::Bump;

use crate::check;
use crate::compile::{RuleSpec, rule_set};
use crate::diagnostic::Finding;
use crate::eval::Evaluator;
use crate::eventset::EventSet;
use crate::parse;
use crate::priority::Priority;
use crate::program::{Matching, RuleSet};
use crate::reference::Plain;
use crate::schema::{EventTypeId, Schema};
use crate::source::TextId;
use crate::template;
use crate::typed::Condition;
use crate::value::{FieldRef, Fields, Value};

/// A value that owns what it holds.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    Text(&'static str),
    Bytes(&'static [u8]),
    Int(i64),
    Uint(u64),
    Bool(bool),
    Ip(&'static str),
    List(Vec<Datum>),
    Several(Vec<Datum>),
}

use Datum::{Bool, Bytes, Int, Ip, List, Several, Text, Uint};

impl Datum {
    fn value<'a>(&'a self, arena: &'a Bump) -> Value<'a> {
        let all = |items: &'a [Datum]| {
            &*arena.alloc_slice_fill_iter(items.iter().map(|item| item.value(arena)))
        };
        match self {
            Text(text) => Value::Text(text.as_bytes()),
            Bytes(bytes) => Value::Bytes(bytes),
            Int(number) => Value::Int(*number),
            Uint(number) => Value::Uint(*number),
            Bool(truth) => Value::Bool(*truth),
            Ip(address) => Value::Ip(address.parse().expect("a sample's address")),
            List(items) => Value::List(all(items)),
            Several(items) => Value::Several(all(items)),
        }
    }
}

/// An event: its type and exactly the fields that have a value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) event: EventTypeId,
    pub(crate) fields: HashMap<FieldRef, Datum>,
}

impl Sample {
    pub(crate) fn new(event: &str, fields: &[(&str, Datum)]) -> Self {
        let schema = Schema::syscall();
        let event = schema.event(event).expect("a sample's event type");
        let mut sample = Self {
            event,
            fields: HashMap::new(),
        };
        for (field, datum) in fields {
            sample.set(field, datum.clone());
        }
        sample
    }

    fn set(&mut self, field: &str, datum: Datum) {
        let (name, arg) = match field
            .strip_suffix(']')
            .and_then(|field| field.split_once('['))
        {
            Some((name, arg)) => (name, Some(arg)),
            None => (field, None),
        };
        let field = FieldRef::resolve(&Schema::syscall(), name, arg).expect(field);
        self.fields.insert(field, datum);
    }

    fn with(mut self, fields: &[(&str, Datum)]) -> Self {
        fields
            .iter()
            .for_each(|(field, datum)| self.set(field, datum.clone()));
        self
    }
}

impl Fields for Sample {
    fn event_type(&self) -> EventTypeId {
        self.event
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        self.fields.get(field).map(|datum| datum.value(arena))
    }
}

/// The sample of a name; the names are those of the edge-case table.
pub(crate) fn sample(name: &str) -> Sample {
    match name {
        "open" => open(),
        "exec" => exec(),
        "fail" => fail(),
        "conn" => conn(),
        "chmod" => Sample::new(
            "chmod",
            &[
                ("evt.num", Uint(9)),
                ("evt.arg.mode", Text("S_IXUSR|S_IRUSR|S_ISUID")),
                ("evt.rawarg.mode", Uint(0o4500)),
            ],
        ),
        "symlink" => Sample::new(
            "symlink",
            &[
                ("evt.arg.linkpath", Text("/root/lnk")),
                ("evt.arg.target", Text("/etc/shadow")),
                ("fs.path.source", Text("/root/lnk")),
                ("fs.path.target", Text("/etc/shadow")),
            ],
        ),
        "unlinkat" => Sample::new(
            "unlinkat",
            &[
                ("fd.name", Text("")),
                ("fd.num", Int(-100)),
                ("evt.arg.name", Text("/root/x")),
            ],
        ),
        "ghost" => Sample::new(
            "read",
            &[
                ("proc.name", Text("<NA>")),
                ("proc.pid", Int(-1)),
                ("proc.exepath", Text("")),
                ("user.uid", Uint(0xffff_ffff)),
                ("user.loginuid", Int(-1)),
                ("evt.io_dir", Text("read")),
                ("evt.buffer", Bytes(b"ab\0aaab")),
                ("fd.types", List(vec![])),
            ],
        ),
        "setuid" => Sample::new(
            "setuid",
            &[
                ("evt.arg.uid", Text("root")),
                ("evt.rawarg.uid", Uint(0)),
                ("user.uid", Uint(0)),
            ],
        ),
        "modify_ldt" => Sample::new("modify_ldt", &[("proc.name", Text("x"))]),
        other => panic!("no sample {other}"),
    }
}

fn open() -> Sample {
    Sample::new(
        "open",
        &[
            ("evt.num", Uint(1)),
            ("evt.is_open_read", Bool(true)),
            ("evt.is_open_write", Bool(false)),
            ("evt.rawarg.mode", Uint(0)),
            ("evt.res", Text("SUCCESS")),
            ("proc.name", Text("init")),
            ("proc.pid", Int(1)),
            ("proc.exepath", Text("/sbin/init")),
            ("proc.args", Text("context ls --format {{json .}}")),
            ("proc.args[0]", Text("context")),
            ("proc.args[1]", Text("ls")),
            ("proc.cwd", Text("/home/")),
            ("proc.is_exe_writable", Bool(false)),
            ("proc.fdusage", Uint(0)),
            ("fd.name", Text("/home/file.txt")),
            ("fd.directory", Text("/home")),
            ("fd.filename", Text("file.txt")),
            ("fd.num", Int(4)),
            ("fd.ino", Int(17)),
            ("fd.type", Text("file")),
            ("fd.types", List(vec![Text("file")])),
            ("fd.typechar", Text("f")),
            ("fd.l4proto", Text("<NA>")),
            ("fd.ip", Several(vec![])),
            ("fd.net", Several(vec![])),
            ("fd.port", Several(vec![])),
            ("fd.proto", Several(vec![])),
        ],
    )
}

fn exec() -> Sample {
    Sample::new(
        "execve",
        &[
            ("evt.num", Uint(2)),
            ("evt.res", Text("SUCCESS")),
            ("evt.arg.res", Text("0")),
            ("evt.arg.flags", Text("0")),
            ("proc.name", Text("good-exe")),
            ("proc.pname", Text("bash")),
            ("proc.exepath", Text("/usr/bin/good-exe")),
            ("proc.args", Text("")),
            ("proc.args[0]", Text("")),
            ("proc.env[HOME]", Text("")),
            ("proc.aname[0]", Text("good-exe")),
            ("proc.aname[1]", Text("bash")),
            ("proc.aname[2]", Text("bash")),
            (
                "proc.aname",
                Several(vec![
                    Text("bash"),
                    Text("bash"),
                    Text("bash"),
                    Text("bash"),
                    Text("init"),
                ]),
            ),
            ("user.loginuid", Int(-1)),
        ],
    )
}

fn fail() -> Sample {
    Sample::new(
        "openat",
        &[
            ("evt.num", Uint(3)),
            ("evt.is_open_read", Bool(true)),
            ("evt.res", Text("ENOENT")),
            ("evt.rawres", Int(-2)),
            ("evt.failed", Bool(true)),
            ("evt.arg.fd", Text("ENOENT")),
            ("evt.arg.dirfd", Text("AT_FDCWD")),
            ("evt.arg.flags", Text("O_RDONLY|O_CLOEXEC")),
            ("fd.num", Int(-1)),
            ("fd.name", Text("/etc/shadow")),
            ("fd.directory", Text("/etc")),
            ("fd.typechar", Text("f")),
            ("fs.path.name", Text("/etc/shadow")),
        ],
    )
}

fn conn() -> Sample {
    let (client, server) = ("172.40.111.222", "142.251.111.147");
    Sample::new(
        "connect",
        &[
            ("evt.num", Uint(4)),
            ("fd.num", Int(5)),
            ("fd.typechar", Text("4")),
            ("fd.name", Text("172.40.111.222:54321->142.251.111.147:443")),
            ("fd.ip", Several(vec![Ip(client), Ip(server)])),
            ("fd.net", Several(vec![Ip(client), Ip(server)])),
            ("fd.port", Several(vec![Uint(54321), Uint(443)])),
            ("fd.proto", Several(vec![Uint(54321), Uint(443)])),
        ],
    )
    .with(&[
        ("fd.cip", Ip(client)),
        ("fd.cnet", Ip(client)),
        ("fd.cport", Uint(54321)),
        ("fd.sip", Ip(server)),
        ("fd.snet", Ip(server)),
        ("fd.sport", Uint(443)),
    ])
}

/// Parses and checks a condition.
pub(crate) fn checked(text: &str) -> Result<check::Checked, Vec<Finding>> {
    let expr = parse::condition(text, TextId(0)).map_err(|finding| vec![finding])?;
    check::condition(&expr, &Schema::syscall())
}

/// A rule set of conditions, in order; the rules are called `r0`, `r1` and so on.
pub(crate) fn rules(
    conditions: &[(Condition, EventSet)],
    output: &str,
    matching: Matching,
) -> RuleSet {
    let schema = Schema::syscall();
    let (output, _) = template::parse(output, TextId(1), &schema).expect("the output is right");
    let spec = |(position, (condition, events)): (usize, &(Condition, EventSet))| RuleSpec {
        name: format!("r{position}"),
        desc: "a rule".to_owned(),
        priority: Priority::Notice,
        source: "syscall".to_owned(),
        file: "rules.yaml".to_owned(),
        tags: Vec::new(),
        enabled: true,
        position,
        condition: condition.clone(),
        events: events.clone(),
        output: output.clone(),
    };
    rule_set(
        conditions.iter().enumerate().map(spec).collect(),
        &schema,
        matching,
    )
}

/// Whether a condition holds for an event: by the compiled rules, which must agree with the plain evaluator.
pub(crate) fn judge(text: &str, event: &Sample) -> Result<bool, Vec<Finding>> {
    let checked = checked(text)?;
    let schema = Schema::syscall();
    let arena = Bump::new();
    let plain = Plain {
        schema: &schema,
        event,
        arena: &arena,
    };
    let expected = plain.holds(&checked.typed.root);
    let all = EventSet::all(&schema);
    for events in [all, checked.events.clone()] {
        let set = rules(
            &[(checked.typed.clone(), events)],
            "%evt.type",
            Matching::All,
        );
        let mut evaluator = Evaluator::new(&set);
        for _ in 0..2 {
            let mut found = false;
            evaluator.evaluate(&set, event, |_| found = true);
            assert_eq!(found, expected, "compiled and plain disagree on {text}");
        }
    }
    Ok(expected)
}
