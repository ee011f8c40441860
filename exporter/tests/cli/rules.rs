//! `saker check`, `saker list` over rules, `saker test`, `saker explain`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{root, saker, saker_in};

const RULES: &str = "\
- list: readers
  items: [passwd]
- macro: opened
  condition: evt.type in (open, openat) and fd.num>=0
- rule: Shadow read
  desc: Somebody reads
    the hashes.
  condition: opened and fd.name=/etc/shadow and not proc.name in (readers)
  output: read by %proc.name
  priority: INFO
  tags: [b, a]
- rule: Off
  desc: d
  condition: evt.type=execve and proc.name=nc
  output: o
  priority: ERROR
  enabled: false
";

const TESTS: &str = "\
- name: cat reads
  fixture: open_read
  set: {proc.name: cat, fd.name: /etc/shadow}
  match: Shadow read
- name: passwd may
  fixture: open_read
  set: {proc.name: passwd, fd.name: /etc/shadow}
  no_match: Shadow read
";

/// A folder with `rules/a.yaml` and `rules/tests/a.test.yaml`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write(&folder, "rules/a.yaml", RULES);
    write(&folder, "rules/tests/deep/a.test.yaml", TESTS);
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("the file stands in a folder"))
        .expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

#[test]
fn good_rules_are_ok_and_untested_ones_are_remarked() {
    let folder = folder();
    let run = saker_in(folder.path(), &["check", "-r", "rules"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("ok: 0 errors, 0 warnings, 1 lints\n"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("2 rules (1 enabled), 1 macros, 1 lists from 1 files"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("event types needed: 2\n  supplied by tier base: open, openat\n"),
        "{}",
        run.out
    );
    assert!(
        run.err
            .contains("lint[LINT_UNTESTED_RULE]: no test case expects rule `Off` to match"),
        "{}",
        run.err
    );
    assert!(run.err.contains("rules/a.yaml:12:9"), "{}", run.err);
    assert!(!run.err.contains("rule `Shadow read`"), "{}", run.err);
}

#[test]
fn rules_without_a_folder_of_tests_are_not_remarked() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    write(&folder, "a.yaml", RULES);
    let run = saker_in(folder.path(), &["check", "-r", "a.yaml"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    write(&folder, "tests/of_something_else.py", "");
    let run = saker_in(folder.path(), &["check", "-r", "a.yaml"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn what_no_probe_supplies_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let rule = "- {rule: R, desc: d, output: o, priority: INFO, condition: 'evt.type in (open, modify_ldt) and thread.cpu.user > 1'}\n";
    write(&folder, "a.yaml", rule);
    let run = saker_in(folder.path(), &["check", "-r", "a.yaml"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for line in [
        "supplied by tier base: open\n",
        "supplied by no probe: modify_ldt\n",
        "always missing: 1\n  R: thread.cpu.user\n",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
}

#[test]
fn every_malformed_file_fails_with_a_place_and_a_caret() {
    let folder = Path::new("rule-engine/testdata/malformed");
    let mut files = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root().join(folder)).expect("the engine's tests are there") {
        let name = entry.expect("a readable folder").file_name();
        let path = folder.join(&name);
        if path.extension().is_none_or(|is| is != "yaml") {
            continue;
        }
        files += 1;
        let path = path.to_str().expect("a UTF-8 path");
        let run = saker(&["check", "-r", path]);
        let place = regex::Regex::new(&format!("--> {}:[0-9]+:[0-9]+\n", regex::escape(path)));
        let place = place.expect("a pattern").is_match(&run.err);
        if run.code != 1 || !run.err.contains("error[") || !place || !run.err.contains('^') {
            wrong.push(format!("{path}: {}: {}", run.code, run.err));
        }
    }
    assert!(files >= 100, "{files} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bad_rules_are_told_with_place_and_caret() {
    let folder = folder();
    write(
        &folder,
        "rules/b.yaml",
        "- rule: R\n  desc: d\n  condition: evt.type=open and proc.nmae=x\n  output: o\n  priority: INFO\n",
    );
    let run = saker_in(folder.path(), &["check", "-r", "rules"]);
    assert_eq!(run.code, 1);
    assert!(run.out.starts_with("invalid: 1 errors, "), "{}", run.out);
    for part in [
        "error[LOAD_ERR_COMPILE_CONDITION]",
        "rules/b.yaml:3:32",
        "^^^^^^^^^",
        "proc.name",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    assert!(!run.err.contains('\x1b'), "colours belong on terminals");
    let list = saker_in(folder.path(), &["list", "rules", "-r", "rules"]);
    assert_eq!((list.code, list.out.as_str()), (1, ""));
    assert!(list.err.contains("rules/b.yaml:3:32"), "{}", list.err);
}

#[test]
fn paths_that_cannot_be_read_are_errors() {
    let folder = folder();
    let run = saker_in(
        folder.path(),
        &["check", "-r", "nowhere.yaml", "-r", "rules"],
    );
    assert_eq!(run.code, 1);
    assert!(
        run.err
            .contains("error[LOAD_ERR_FILE_READ]: nowhere.yaml does not exist"),
        "{}",
        run.err
    );
}

#[test]
fn the_summary_as_json() {
    let folder = folder();
    write(
        &folder,
        "rules/b.yaml",
        "- macro: m\n  condition: evt.type=open\n",
    );
    let run = saker_in(folder.path(), &["check", "--json", "-r", "rules"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&run.out).expect("the summary is JSON");
    assert_eq!(json["valid"], true);
    assert_eq!(json["files"], json!(["rules/a.yaml", "rules/b.yaml"]));
    assert_eq!(
        (
            &json["rules"],
            &json["enabled"],
            &json["macros"],
            &json["lists"]
        ),
        (&json!(2), &json!(1), &json!(2), &json!(1))
    );
    assert_eq!(
        (&json["errors"], &json["warnings"], &json["lints"]),
        (&json!(0), &json!(1), &json!(1))
    );
    assert_eq!(json["events"], json!({"open": "base", "openat": "base"}));
    let diagnostics = json["diagnostics"]
        .as_array()
        .expect("diagnostics are an array");
    let unused = diagnostics
        .iter()
        .find(|one| one["code"] == "LOAD_UNUSED_MACRO")
        .expect("the macro is not used");
    assert_eq!(
        (&unused["file"], &unused["line"], &unused["severity"]),
        (&json!("rules/b.yaml"), &json!(1), &json!("warning"))
    );
}

#[test]
fn rules_macros_and_lists_are_listed() {
    let folder = folder();
    let text = |subject| saker_in(folder.path(), &["list", subject, "-r", "rules"]).out;
    assert_eq!(
        text("rules"),
        "Informational  Shadow read: Somebody reads the hashes.\nError          Off (off): d\n"
    );
    assert_eq!(
        text("macros"),
        "opened: evt.type in (open, openat) and fd.num>=0\n"
    );
    assert_eq!(text("lists"), "readers: passwd\n");
    let json = saker_in(folder.path(), &["list", "rules", "--json", "-r", "rules"]).out;
    let rules: Value = serde_json::from_str(&json).expect("the list is JSON");
    assert_eq!(rules[0]["name"], "Shadow read");
    assert_eq!(rules[0]["tags"], json!(["a", "b"]));
    assert_eq!(rules[0]["details"]["macros"], json!(["opened"]));
    assert_eq!(rules[0]["details"]["events"], json!(["open", "openat"]));
    assert_eq!(rules[1]["enabled"], false);
}

#[test]
fn passing_tests_are_zero() {
    let folder = folder();
    for args in [
        &["test", "rules"][..],
        &["test", "rules/tests/deep/a.test.yaml"],
        &["test", "rules/tests", "-r", "rules/a.yaml"],
    ] {
        let run = saker_in(folder.path(), args);
        assert_eq!(
            (run.code, run.err.as_str()),
            (0, ""),
            "{args:?}: {}",
            run.out
        );
        assert!(run.out.ends_with("2 cases, 0 failed\n"), "{}", run.out);
        assert!(
            run.out
                .contains("ok   rules/tests/deep/a.test.yaml:1: cat reads\n"),
            "{}",
            run.out
        );
    }
}

#[test]
fn failing_tests_are_one_and_go_to_junit_too() {
    let folder = folder();
    write(
        &folder,
        "rules/tests/b.test.yaml",
        "- name: bad\n  fixture: exec\n  match: Shadow read\n",
    );
    let run = saker_in(folder.path(), &["test", "rules", "--junit", "out.xml"]);
    assert_eq!(run.code, 1);
    assert!(
        run.out.contains("FAIL rules/tests/b.test.yaml:1: bad\n"),
        "{}",
        run.out
    );
    assert!(
        run.out
            .contains("false evt.type in (open, openat)    evt.type is \"execve\" (in opened)"),
        "{}",
        run.out
    );
    assert!(run.out.ends_with("3 cases, 1 failed\n"), "{}", run.out);
    let xml = fs::read_to_string(folder.path().join("out.xml")).expect("the results were written");
    assert!(
        xml.contains("<testsuites tests=\"3\" failures=\"1\" errors=\"0\">"),
        "{xml}"
    );
}

#[test]
fn tests_that_cannot_run_are_one() {
    let folder = folder();
    write(
        &folder,
        "x.test.yaml",
        "- {name: x, fixture: exe, match: R}\n",
    );
    write(&folder, "empty/readme.txt", "");
    for (args, message) in [
        (
            &["test", "x.test.yaml"][..],
            "it stands in no folder named tests; name rules with -r PATH",
        ),
        (
            &["test", "empty"],
            "empty holds no test files; their names end in .test.yaml",
        ),
        (&["test", "nowhere"], "nowhere does not exist"),
        (
            &["test", "rules", "-r", "nowhere.yaml"],
            "nowhere.yaml does not exist",
        ),
    ] {
        let run = saker_in(folder.path(), args);
        assert_eq!(run.code, 1, "{args:?}");
        assert!(run.err.contains(message), "{args:?}: {}", run.err);
    }
    let run = saker_in(folder.path(), &["test", "x.test.yaml", "-r", "rules"]);
    assert_eq!(run.code, 1);
    assert!(
        run.out
            .contains("error[TEST_ERR_CASE]: no fixture is named `exe`"),
        "{}",
        run.out
    );
    assert!(run.out.contains("x.test.yaml:1:22"), "{}", run.out);
    assert_eq!(saker_in(folder.path(), &["test"]).code, 2);
}

fn explain(folder: &Path, args: &[&str], stdin: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_saker"))
        .arg("explain")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("standard input is a pipe");
    // Whoever does not want the event has closed the pipe.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("the binary ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (
        output.status.code().expect("the binary exits by itself"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn conditions_are_explained_with_values() {
    let folder = folder();
    let event = r#"{"output_fields": {"evt.type": "open", "fd.num": 3, "fd.name": "/etc/shadow", "proc.name": "cat"}}"#;
    let (code, out, err) = explain(
        folder.path(),
        &["--rule", "Shadow read", "-r", "rules", "-"],
        event,
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("Shadow read matches\n"), "{out}");
    assert!(
        out.contains("true      fd.name = /etc/shadow    fd.name is \"/etc/shadow\""),
        "{out}"
    );

    write(&folder, "event.json", event);
    let (code, out, _) = explain(
        folder.path(),
        &["--rule", "Off", "-r", "rules", "--json", "event.json"],
        "",
    );
    assert_eq!(code, 0);
    let json: Value = serde_json::from_str(&out).expect("the explanation is JSON");
    assert_eq!(json["matches"], false);
}

#[test]
fn what_cannot_be_explained_is_one() {
    let folder = folder();
    for (rule, event, message) in [
        (
            "Shadow raed",
            "{}",
            "there is no rule `Shadow raed`; did you mean `Shadow read`?",
        ),
        ("Shadow read", "{", "- is not JSON"),
        ("Shadow read", "{}", "the event has no `evt.type`"),
        (
            "Shadow read",
            r#"{"evt.type": "open", "fd.nmae": 1}"#,
            "unknown field fd.nmae; did you mean `fd.name`?",
        ),
    ] {
        let (code, out, err) = explain(folder.path(), &["--rule", rule, "-r", "rules", "-"], event);
        assert_eq!((code, out.as_str()), (1, ""), "{rule}: {event}");
        assert!(err.contains(message), "{rule}: {event}: {err}");
    }
    let (code, _, err) = explain(
        folder.path(),
        &["--rule", "Off", "-r", "rules", "nowhere.json"],
        "",
    );
    assert_eq!(code, 1);
    assert!(err.contains("cannot read nowhere.json"), "{err}");
}
