//! What exact events hold, what fixtures derive, and what bad fields are told.

use serde_json::{Value as Json, json};

use super::*;
use crate::schema::{FieldDef, Type};

fn show(value: Value<'_>) -> String {
    let list = |members: &[Value<'_>]| {
        members
            .iter()
            .map(|member| show(*member))
            .collect::<Vec<_>>()
            .join(",")
    };
    match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Bytes(bytes) => format!("b{bytes:?}"),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => format!("{number}u"),
        Value::Double(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Ip(address) => address.to_string(),
        Value::List(members) => format!("({})", list(members)),
        Value::Several(members) => format!("[{}]", list(members)),
    }
}

/// The field's value as text, `-` when it is missing.
fn get(schema: &Schema, event: &MapEvent, written: &str) -> String {
    let (name, bracket) = facts::split_bracket(written);
    let field = FieldRef::resolve(schema, name, bracket)
        .unwrap_or_else(|error| panic!("{written}: {error}"));
    let arena = Bump::new();
    event.get(&field, &arena).map_or("-".to_owned(), show)
}

fn check(event: Result<MapEvent, Vec<SampleError>>, expected: &[(&str, &str)]) {
    let schema = Schema::syscall();
    let event = event.unwrap_or_else(|errors| panic!("{errors:?}"));
    for (field, value) in expected {
        assert_eq!(get(&schema, &event, field), *value, "{field}");
    }
}

fn exact(fields: Json) -> Result<MapEvent, Vec<SampleError>> {
    MapEvent::from_json(&Schema::syscall(), &fields)
}

fn fixture(
    name: &str,
    changes: Json,
    ancestors: Option<Json>,
) -> Result<MapEvent, Vec<SampleError>> {
    let base = Fixture::find(name).unwrap_or_else(|| panic!("no fixture {name}"));
    let ancestors = ancestors.map(|list| Datum::from(&list));
    MapEvent::fixture(
        &Schema::syscall(),
        &base,
        &Datum::from(&changes),
        ancestors.as_ref(),
    )
}

#[test]
fn exact_events_have_their_fields_and_no_other() {
    check(
        exact(json!({
            "evt.type": "openat", "proc.name": "cat", "fd.num": -1, "fd.sport": 80, "fd.ip": ["10.0.0.1", "::1"],
            "evt.is_open_read": true, "fd.types": ["file", "pipe"], "proc.pname": null, "evt.arg.flags": "O_RDONLY",
            "evt.buffer": {"hex": "7f45"}, "fd.net": "10.0.0.1",
        })),
        &[
            ("evt.type", "openat"),
            ("evt.type.is.openat", "1u"),
            ("evt.type.is.open", "0u"),
            ("proc.name", "cat"),
            ("proc.aname[0]", "cat"),
            ("fd.num", "-1"),
            ("fd.sport", "80u"),
            ("fd.ip", "[10.0.0.1,::1]"),
            ("fd.net", "[10.0.0.1]"),
            ("evt.is_open_read", "true"),
            ("fd.types", "(file,pipe)"),
            ("evt.arg.flags", "O_RDONLY"),
            ("evt.arg[3]", "O_RDONLY"),
            ("evt.arg[0]", "-"),
            ("evt.buffer", "b[127, 69]"),
            ("proc.pname", "-"),
            ("proc.exe", "-"),
            ("fd.name", "-"),
            ("proc.args[0]", "-"),
            ("evt.num", "-"),
        ],
    );
}

#[test]
fn ancestors_answer_with_and_without_index() {
    let all = [
        ("proc.aname", "[sh,init]"),
        ("proc.aname[1]", "sh"),
        ("proc.aname[2]", "init"),
        ("proc.aname[3]", "-"),
    ];
    check(
        exact(json!({"evt.type": "open", "proc.aname": ["sh", "init"]})),
        &all,
    );
    check(
        exact(json!({"evt.type": "open", "proc.aname[1]": "sh", "proc.aname[2]": "init"})),
        &all,
    );
    check(
        exact(json!({"evt.type": "open", "proc.aname": "sh"})),
        &[("proc.aname", "[sh]"), ("proc.pname", "-")],
    );
    let ancestors = Datum::from(&json!(["sh", {"name": "sshd", "cmdline": "sshd -D", "pid": 7}]));
    let fields = Datum::from(&json!({"evt.type": "open"}));
    check(
        MapEvent::exact(&Schema::syscall(), &fields, Some(&ancestors)),
        &[
            ("proc.pname", "sh"),
            ("proc.pcmdline", "-"),
            ("proc.aname", "[sh,sshd]"),
            ("proc.acmdline", "[sshd -D]"),
            ("proc.acmdline[2]", "sshd -D"),
            ("proc.apid[2]", "7"),
            ("proc.aexepath", "-"),
        ],
    );
}

#[test]
fn words_and_variables_are_found_by_argument() {
    check(
        exact(json!({
            "evt.type": "execve", "proc.args": ["-c", "echo a b"], "proc.env": {"HOME": "/root", "A": "b c"},
        })),
        &[
            ("proc.args", "-c echo a b"),
            ("proc.args[1]", "echo a b"),
            ("proc.args[2]", ""),
            ("proc.env[A]", "b c"),
            ("proc.env[UNSET]", ""),
            ("proc.env", "HOME=/root A=b c"),
        ],
    );
    check(
        exact(json!({"evt.type": "execve", "proc.args": "a b"})),
        &[("proc.args[1]", "b"), ("proc.args[9]", "")],
    );
}

#[test]
fn matches_as_written_are_events() {
    let line = json!({"rule": "x", "output_fields": {"evt.type": "open", "proc.name": "cat", "fd.name": null}});
    check(exact(line), &[("proc.name", "cat"), ("fd.name", "-")]);
}

#[test]
fn a_name_gives_a_process() {
    check(
        fixture(
            "exec",
            json!({"proc.name": "nc", "proc.args": "-e /bin/sh"}),
            None,
        ),
        &[
            ("evt.type", "execve"),
            ("proc.cmdline", "nc -e /bin/sh"),
            ("proc.exe", "nc"),
            ("proc.exepath", "/usr/bin/nc"),
            ("proc.args[1]", "/bin/sh"),
            ("proc.cmdnargs", "2u"),
            ("proc.pname", "bash"),
            ("proc.pcmdline", "bash"),
            ("proc.aname", "[bash,sshd,systemd]"),
            ("proc.aexepath[2]", "/usr/bin/sshd"),
            ("proc.sname", "bash"),
            ("evt.arg.exe", "nc"),
            ("evt.arg.flags", "0"),
            ("evt.arg.res", "0"),
            ("evt.rawarg.res", "0"),
            ("evt.res", "SUCCESS"),
            ("container.id", "host"),
            ("container.name", "-"),
            ("user.name", "root"),
            ("fd.name", "-"),
        ],
    );
    check(
        fixture(
            "exec",
            json!({"proc.exepath": "/opt/a-very-long-program-name"}),
            None,
        ),
        &[
            ("proc.name", "a-very-long-pro"),
            ("proc.cmdline", "a-very-long-pro"),
        ],
    );
    check(
        fixture(
            "exec",
            json!({"proc.cmdline": "python3 -m http.server"}),
            None,
        ),
        &[
            ("proc.name", "python3"),
            ("proc.args", "-m http.server"),
            ("proc.exepath", "/usr/bin/python3"),
        ],
    );
    check(
        fixture(
            "exec",
            json!({"proc.is_exe_upper_layer": true, "proc.is_exe_from_memfd": true}),
            None,
        ),
        &[("evt.arg.flags", "EXE_UPPER_LAYER|EXE_FROM_MEMFD")],
    );
}

#[test]
fn ancestors_of_a_fixture_are_whole_processes() {
    check(
        fixture(
            "exec",
            json!({}),
            Some(json!(["node", {"exepath": "/sbin/runc"}])),
        ),
        &[
            ("proc.pname", "node"),
            ("proc.pexepath", "/usr/bin/node"),
            ("proc.aname", "[node,runc]"),
            ("proc.acmdline[2]", "runc"),
            ("proc.aname[3]", "-"),
        ],
    );
    check(
        fixture("exec", json!({}), Some(json!([]))),
        &[("proc.pname", "-"), ("proc.aname", "-")],
    );
    check(
        fixture("exec", json!({"proc.pname": null}), None),
        &[("proc.pname", "-"), ("proc.aname", "-")],
    );
    check(
        fixture(
            "exec",
            json!({"proc.pname": "java", "proc.aname[3]": "init"}),
            None,
        ),
        &[
            ("proc.aname[1]", "java"),
            ("proc.pcmdline", "java"),
            ("proc.aname", "[java,sshd,init]"),
        ],
    );
}

#[test]
fn a_path_gives_a_descriptor() {
    check(
        fixture("open_read", json!({"fd.name": "/etc/shadow"}), None),
        &[
            ("fd.directory", "/etc"),
            ("fd.filename", "shadow"),
            ("fd.typechar", "f"),
            ("fd.type", "file"),
            ("fd.num", "3"),
            ("evt.rawres", "3"),
            ("evt.is_open_read", "true"),
            ("evt.is_open_write", "false"),
            ("evt.arg.name", "/etc/shadow"),
            ("evt.arg.fd", "<f>/etc/shadow"),
            ("fs.path.name", "/etc/shadow"),
            ("fd.l4proto", "<NA>"),
            ("fd.sip", "-"),
            ("fd.ip", "[]"),
        ],
    );
    check(
        fixture(
            "open_read",
            json!({"fd.name": "/top", "evt.type": "open"}),
            None,
        ),
        &[
            ("fd.directory", "/"),
            ("evt.type", "open"),
            ("evt.arg.dirfd", "-"),
        ],
    );
}

#[test]
fn a_refused_open_has_no_descriptor() {
    for changes in [
        json!({"evt.res": "ENOENT"}),
        json!({"evt.rawres": -2}),
        json!({"evt.arg.res": "ENOENT", "evt.rawres": -2}),
    ] {
        check(
            fixture("open_read", changes, None),
            &[
                ("evt.res", "ENOENT"),
                ("evt.rawres", "-2"),
                ("evt.failed", "true"),
                ("fd.num", "-1"),
                ("fd.name", "/tmp/file"),
                ("fd.directory", "/tmp"),
                ("fd.filename", "-"),
                ("fd.type", "-"),
                ("fd.typechar", "f"),
                ("evt.arg.fd", "ENOENT"),
                ("evt.is_open_read", "true"),
                ("fs.path.name", "/tmp/file"),
            ],
        );
    }
    check(
        fixture("rename", json!({"evt.res": "EACCES"}), None),
        &[("fs.path.source", "-"), ("evt.rawres", "-13")],
    );
}

#[test]
fn connections_have_two_ends() {
    check(
        fixture(
            "connect",
            json!({"fd.sip": "198.51.100.7", "fd.sport": 22}),
            None,
        ),
        &[
            ("fd.name", "10.0.0.5:45678->198.51.100.7:22"),
            ("fd.ip", "[10.0.0.5,198.51.100.7]"),
            ("fd.net", "[10.0.0.5,198.51.100.7]"),
            ("fd.port", "[45678u,22u]"),
            ("fd.snet", "198.51.100.7"),
            ("fd.rip", "198.51.100.7"),
            ("fd.lport", "45678u"),
            ("fd.type", "ipv4"),
            ("fd.connected", "true"),
            ("evt.res", "SUCCESS"),
            ("evt.arg.tuple", "10.0.0.5:45678->198.51.100.7:22"),
        ],
    );
    check(
        fixture("connect", json!({"fd.sip": "::1"}), None),
        &[("fd.typechar", "6")],
    );
    check(
        fixture("accept", json!({}), None),
        &[
            ("fd.lport", "80u"),
            ("fd.rip", "203.0.113.10"),
            ("fd.is_server", "true"),
        ],
    );
    check(
        fixture(
            "connect",
            json!({"fd.type": "unix", "fd.name": "a->b /run/x.sock"}),
            None,
        ),
        &[
            ("fd.sip", "-"),
            ("fd.typechar", "u"),
            ("fd.sockfamily", "unix"),
            ("fd.l4proto", "<NA>"),
        ],
    );
    check(
        fixture("dup", json!({}), None),
        &[("fd.num", "0"), ("evt.rawres", "0"), ("fd.typechar", "4")],
    );
}

#[test]
fn places_add_metadata() {
    check(
        fixture("shell_in_container", json!({}), None),
        &[
            ("proc.name", "bash"),
            ("proc.tty", "34816u"),
            ("container.id", "3ad7b26ded6d"),
            ("container.image", "docker.io/library/app:1.0"),
            ("proc.pname", "containerd-shim"),
            ("k8s.ns.name", "-"),
        ],
    );
    check(
        fixture(
            "open_read_in_pod",
            json!({"k8s.ns.name": "kube-system"}),
            None,
        ),
        &[
            ("k8s.ns.name", "kube-system"),
            ("k8s.pod.id", "1b7f1c3e-6c0f-4d3e-9a53-0f2f4a4d7c11"),
        ],
    );
    check(
        fixture("exec", json!({"container.id": "abc"}), None),
        &[("container.image.repository", "-")],
    );
}

#[test]
fn paths_follow_from_parameters() {
    check(
        fixture("unlink", json!({"evt.arg.name": "/a"}), None),
        &[("fs.path.name", "/a"), ("fd.num", "-100"), ("fd.name", "")],
    );
    check(
        fixture("symlink", json!({}), None),
        &[
            ("fs.path.source", "/tmp/link"),
            ("fs.path.target", "/tmp/file"),
            ("fs.path.name", "-"),
        ],
    );
    check(
        fixture("setuid", json!({}), None),
        &[("evt.arg.uid", "root"), ("evt.args", "res=0 uid=root")],
    );
    check(
        fixture("syscall", json!({}), None),
        &[
            ("evt.type", "modify_ldt"),
            ("evt.res", "-"),
            ("syscall.type", "modify_ldt"),
        ],
    );
}

#[test]
fn every_fixture_makes_an_event_in_every_place() {
    for base in fixtures() {
        for suffix in ["", "_in_container", "_in_pod"] {
            let event = fixture(&format!("{}{suffix}", base.name), json!({}), None);
            check(event, &[("evt.type", base.event), ("evt.dir", "<")]);
            assert!(!base.doc.is_empty());
        }
    }
    assert!(Fixture::find("exec_in_space").is_none());
}

#[test]
fn seeds_are_values_of_their_fields() {
    let schema = Schema::syscall();
    for base in fixtures() {
        let event = fixture(&base.name, json!({}), None).expect("every fixture makes an event");
        for (field, value) in base.seeds() {
            let found = get(&schema, &event, field);
            assert_eq!(
                found.trim_end_matches('u'),
                value.trim_end_matches('u'),
                "{}: {field}",
                base.name
            );
        }
    }
}

#[test]
fn bad_fields_are_told_apart() {
    for (fields, expected) in [
        (
            json!({}),
            "the event has no `evt.type`; add one, such as `evt.type: openat`",
        ),
        (
            json!({"evt.type": "opennat"}),
            "unknown event type opennat; did you mean `openat`?",
        ),
        (
            json!({"evt.type": "open", "proc.nmae": 1}),
            "unknown field proc.nmae; did you mean `proc.name`?",
        ),
        (
            json!({"evt.type": "open", "proc.name[1]": 1}),
            "unknown field proc.name[1]; the field does not take such an argument",
        ),
        (
            json!({"evt.type": "open", "evt.arg": 1}),
            "evt.arg without an argument; the field needs an argument, such as `evt.arg.NAME`",
        ),
        (
            json!({"evt.type": "open", "evt.arg.flag": 1}),
            "unknown event argument flag; did you mean `flags`?",
        ),
        (
            json!({"evt.type": "open", "fd.num": "x"}),
            "fd.num is a whole number from -9223372036854775808 to 9223372036854775807 (INT64), not `x`",
        ),
        (
            json!({"evt.type": "open", "fd.name": [1]}),
            "fd.name is one value, not a list",
        ),
        (
            json!({"evt.type": "open", "evt.buffer": {"hex": "7"}}),
            "evt.buffer as `hex` is an even number of hexadecimal digits, not a mapping",
        ),
        (
            json!(["evt.type"]),
            "the event has no `evt.type`; add one, such as `evt.type: openat`",
        ),
    ] {
        let errors = exact(fields.clone()).expect_err("the fields are wrong");
        let first = &errors[0];
        let help = first
            .help
            .as_ref()
            .map(|help| format!("; {help}"))
            .unwrap_or_default();
        assert_eq!(format!("{}{help}", first.message), expected, "{fields}");
    }
    let errors =
        fixture("exec", json!({}), Some(json!([{"nmae": "x"}]))).expect_err("no such property");
    assert_eq!(errors[0].message, "an ancestor has no property `nmae`");
    assert_eq!(errors[0].help.as_deref(), Some("did you mean `name`?"));
    let many: Vec<_> = (0..65).map(|n| n.to_string()).collect();
    let errors = fixture("exec", json!({}), Some(json!(many))).expect_err("too many");
    assert_eq!(errors[0].message, "65 ancestors; the limit is 64");
}

/// Fields that are written without an argument and do not follow from the event's type.
fn settable(schema: &Schema) -> impl Iterator<Item = &FieldDef> {
    let by_type = ["evt.type", "evt.dir", "syscall.type"];
    schema.fields.iter().filter(move |field| {
        FieldRef::resolve(schema, field.name, None).is_ok() && !by_type.contains(&field.name)
    })
}

#[test]
fn nothing_is_derived_in_place_of_what_is_set_or_missing() {
    let schema = Schema::syscall();
    for base in ["exec_in_pod", "open_write", "connect", "unlink"] {
        for field in settable(&schema) {
            let event =
                fixture(base, json!({ field.name: null }), None).expect("null fits every field");
            assert_eq!(
                get(&schema, &event, field.name),
                "-",
                "{base}: {} is said to be missing",
                field.name
            );
            if field.ty == Type::CharBuf {
                let event = fixture(base, json!({ field.name: "zzz" }), None)
                    .expect("text fits a text field");
                let found = get(&schema, &event, field.name);
                assert!(
                    ["zzz", "[zzz]", "(zzz)"].contains(&found.as_str()),
                    "{base}: {} is {found}",
                    field.name
                );
            }
        }
    }
}

#[test]
fn derived_values_have_the_type_of_their_field() {
    let schema = Schema::syscall();
    let arena = Bump::new();
    for base in fixtures() {
        let event = fixture(&format!("{}_in_pod", base.name), json!({}), None)
            .expect("every fixture makes an event");
        for field in &schema.fields {
            let Ok(resolved) = FieldRef::resolve(&schema, field.name, None) else {
                continue;
            };
            let Some(value) = event.get(&resolved, &arena) else {
                continue;
            };
            let members: Vec<_> = match value {
                Value::List(members) | Value::Several(members) => members.to_vec(),
                one => vec![one],
            };
            for member in members {
                let text = show(member).trim_end_matches('u').to_owned();
                let fits = match (member, Owned::parse(field.ty, &text)) {
                    (Value::Bytes(_), _) => field.ty == Type::ByteBuf,
                    (_, Ok(parsed)) => {
                        std::mem::discriminant(&parsed.borrow(&arena))
                            == std::mem::discriminant(&member)
                    }
                    (_, Err(_)) => false,
                };
                assert!(
                    fits,
                    "{}: {} is {member:?}, not of type {}",
                    base.name,
                    field.name,
                    field.ty.name()
                );
            }
        }
    }
}
