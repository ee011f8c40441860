//! Explanations as text and JSON, and how checks are printed.

use super::*;
use crate::casetest::load_options;
use crate::load;
use crate::sample::MapEvent;
use crate::source::Source;

const RULES: &str = r#"
- list: shells
  items: [bash, sh]
- macro: shell
  condition: proc.name in (shells)
- macro: spawned
  condition: evt.type in (execve, execveat)
- rule: Shell
  desc: d
  condition: spawned and (shell or proc.aname = "a b") and not fd.ip = 10.0.0.1
  output: o
  priority: INFO
"#;

fn explanation(condition: Option<&str>, event: Json) -> Explanation {
    let schema = Schema::syscall();
    let mut text = RULES.to_owned();
    if let Some(condition) = condition {
        let condition = serde_json::to_string(condition).expect("text is JSON");
        text = format!(
            "- {{rule: Shell, desc: d, output: o, priority: INFO, condition: {condition}}}\n"
        );
    }
    let loaded = load::load(
        vec![Source {
            name: "r.yaml".to_owned(),
            text,
        }],
        &schema,
        &load_options(),
    );
    let rules = loaded
        .rules
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let event = MapEvent::from_json(&schema, &event).unwrap_or_else(|errors| panic!("{errors:?}"));
    explain(&rules.rules()[0], &event, &schema).expect("the condition is small")
}

#[test]
fn the_tree_as_text() {
    let event = json!({"evt.type": "execve", "proc.name": "zsh", "proc.aname": ["a b", "init"]});
    insta::assert_snapshot!(explanation(None, event).text(), @r#"
    Shell matches
    true    and
    true      macro spawned
    true        evt.type in (execve, execveat)    evt.type is "execve"
    true      or
    false       macro shell
    false         proc.name in (bash, sh)    proc.name is "zsh"
    true        proc.aname = "a b"    proc.aname is ["a b","init"]
    true      not
    false       fd.ip = 10.0.0.1    fd.ip is missing
    "#);
}

#[test]
fn the_tree_as_json() {
    let event = json!({"evt.type": "execve", "proc.name": "bash", "fd.ip": "10.0.0.1"});
    let json = explanation(None, event).json();
    assert_eq!(json["rule"], "Shell");
    assert_eq!(json["matches"], false);
    assert_eq!(json["condition"]["kind"], "and");
    assert_eq!(json["condition"]["members"][0]["name"], "spawned");
    let check = &json["condition"]["members"][2]["members"][0];
    assert_eq!(
        *check,
        json!({"kind": "check", "check": "fd.ip = 10.0.0.1", "holds": true, "fields": {"fd.ip": ["10.0.0.1"]}})
    );
    assert_eq!(
        json["condition"]["members"][1]["members"][1]["fields"],
        json!({"proc.aname": null})
    );
}

#[test]
fn only_what_decided() {
    for (event, expected) in [
        (
            json!({"evt.type": "open"}),
            "false evt.type in (execve, execveat)    evt.type is \"open\" (in spawned)",
        ),
        (
            json!({"evt.type": "execve"}),
            "false proc.name in (bash, sh)    proc.name is missing (in shell)\n\
             false proc.aname = \"a b\"    proc.aname is missing",
        ),
        (
            json!({"evt.type": "execve", "proc.name": "sh", "fd.ip": "10.0.0.1"}),
            "true  fd.ip = 10.0.0.1    fd.ip is [\"10.0.0.1\"]",
        ),
    ] {
        assert_eq!(
            explanation(None, event.clone()).decided(),
            expected,
            "{event}"
        );
    }
}

#[test]
fn many_deciding_parts_are_counted() {
    let condition: Vec<_> = (0..20).map(|n| format!("proc.name = x{n}")).collect();
    let decided = explanation(Some(&condition.join(" or ")), json!({"evt.type": "open"})).decided();
    assert_eq!(decided.lines().count(), 13);
    assert!(decided.ends_with("and 8 more"), "{decided}");
}

#[test]
fn checks_are_printed_as_they_are_written() {
    for (condition, printed) in [
        ("proc.name exists", "proc.name exists"),
        ("proc.name == cat", "proc.name = cat"),
        ("proc.name = 'a b'", "proc.name = \"a b\""),
        (
            "fd.name pmatch (/etc, '/a b')",
            "fd.name pmatch (/etc, \"/a b\")",
        ),
        (
            "proc.name startswith anyof (a, b)",
            "proc.name startswith anyof (a, b)",
        ),
        ("fd.num in (1, 2)", "fd.num in (1, 2)"),
        ("fd.num >= 3", "fd.num >= 3"),
        ("evt.failed = true", "evt.failed = true"),
        (
            "fd.snet in ('10.0.0.0/8', ::1/128)",
            "fd.snet in (10.0.0.0/8, ::1/128)",
        ),
        (
            "proc.aname[2] = x and evt.arg.flags contains y",
            "proc.aname[2] = x",
        ),
        ("proc.name = val(proc.pname)", "proc.name = val(proc.pname)"),
        (
            "tolower(proc.name) = toupper(proc.exe)",
            "tolower(proc.name) = toupper(proc.exe)",
        ),
        ("len(basename(fd.name)) > 3", "len(basename(fd.name)) > 3"),
        (
            "concat(proc.name, '-', proc.exe) = x",
            "concat(proc.name, \"-\", proc.exe) = x",
        ),
        (
            "join(',', (proc.name, proc.exe)) contains x",
            "join(\",\", (proc.name, proc.exe)) contains x",
        ),
        (
            "proc.name in (a, b, c, d, e, f, g, h, i, j)",
            "proc.name in (a, b, c, d, e, f, g, h, … 10 in all)",
        ),
        (
            "evt.buffer contains \"\\x00\"",
            "evt.buffer contains \"\\x00\"",
        ),
    ] {
        let text = explanation(Some(condition), json!({"evt.type": "open"})).text();
        assert!(text.contains(printed), "{condition}: {text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_escaped() {
    let explanation = explanation(
        Some("evt.buffer exists"),
        json!({"evt.type": "read", "evt.buffer": {"hex": "7fff"}}),
    );
    assert!(
        explanation.text().contains(r#"evt.buffer is "\\x7f\\xff""#),
        "{}",
        explanation.text()
    );
}

#[test]
fn conditions_beyond_the_limit_are_refused() {
    let mut text = String::from("- {macro: m0, condition: proc.name = a or proc.name = b}\n");
    for level in 1..20 {
        text.push_str(&format!(
            "- {{macro: m{level}, condition: m{} or m{}}}\n",
            level - 1,
            level - 1
        ));
    }
    text.push_str("- {rule: R, desc: d, output: o, priority: INFO, condition: m19}\n");
    let schema = Schema::syscall();
    let loaded = load::load(
        vec![Source {
            name: "r.yaml".to_owned(),
            text,
        }],
        &schema,
        &load_options(),
    );
    let rules = loaded
        .rules
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let event = MapEvent::from_json(&schema, &json!({"evt.type": "open"}))
        .expect("the event is well formed");
    assert_eq!(
        explain(&rules.rules()[0], &event, &schema).err(),
        Some(TooLarge)
    );
}
