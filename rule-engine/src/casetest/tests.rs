//! What test files are told when they are wrong, what cases say when they fail, and how results are written.

use super::*;
use crate::load::{self, Loaded};
use crate::render;

const RULES: &str = r#"
- list: readers
  items: [passwd, sshd]
- macro: opened
  condition: evt.type in (open, openat) and fd.num>=0
- rule: Shadow read
  desc: d
  condition: opened and fd.name=/etc/shadow and not proc.name in (readers)
  output: read by %proc.name
  priority: INFO
- rule: Switched off
  desc: d
  condition: evt.type=execve and proc.name=nc
  output: o
  priority: INFO
  enabled: false
"#;

fn schema() -> Schema {
    Schema::syscall()
}

fn loaded() -> Loaded {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: RULES.to_owned(),
    };
    load::load(vec![source], &schema(), &load_options())
}

fn report(text: &str) -> Report {
    let source = Source {
        name: "t.test.yaml".to_owned(),
        text: text.to_owned(),
    };
    let loaded = loaded();
    let rules = loaded.rules.as_ref().expect("the rules have no error");
    match Suite::read(source, &schema()) {
        Ok(suite) => suite.run(rules, &schema()),
        Err(report) => report,
    }
}

/// Messages with place and help, of a file that cannot be read.
fn errors(text: &str) -> Vec<String> {
    let report = report(text);
    let one = |error: &Diagnostic| {
        let (line, column) = error
            .span
            .map_or((0, 0), |span| report.source.position(span.start));
        let help = error
            .help
            .as_ref()
            .map(|help| format!("; {help}"))
            .unwrap_or_default();
        format!("{line}:{column} {}{help}", error.message)
    };
    report.errors.iter().map(one).collect()
}

#[test]
fn cases_pass_when_everything_is_as_expected() {
    let report = report(
        "- name: a\n  fixture: open_read\n  set: {fd.name: /etc/shadow}\n  match: Shadow read\n  output: {Shadow read: read by cat}\n\
         - name: b\n  event: {evt.type: open, fd.name: /etc/shadow}\n  no_match: [Shadow read, Switched off]\n\
         - name: rules that are switched off are tested too\n  fixture: exec\n  set: {proc.name: nc}\n  match: Switched off\n\
         ---\n- name: another document\n  fixture: exec\n  no_match: Switched off\n",
    );
    assert!(report.passed(), "{}", text(&[report], false));
    assert_eq!(report.outcomes.len(), 4);
}

#[test]
fn failures_name_the_part_that_decided() {
    for (case, message, because) in [
        (
            "fixture: open_read\n  match: Shadow read",
            "rule `Shadow read` does not match",
            "false fd.name = /etc/shadow    fd.name is \"/tmp/file\"",
        ),
        (
            "fixture: open_read\n  set: {fd.name: /etc/shadow, proc.name: sshd}\n  match: Shadow read",
            "rule `Shadow read` does not match",
            "true  proc.name in (passwd, sshd)    proc.name is \"sshd\"",
        ),
        (
            "event: {evt.type: open}\n  match: Shadow read",
            "rule `Shadow read` does not match",
            "false fd.num >= 0    fd.num is missing (in opened)",
        ),
        (
            "fixture: open_read\n  set: {fd.name: /etc/shadow}\n  no_match: Shadow read",
            "rule `Shadow read` matches, though it must not",
            "true  evt.type in (open, openat)    evt.type is \"openat\" (in opened)\n\
             true  fd.num >= 0    fd.num is 3 (in opened)\n\
             true  fd.name = /etc/shadow    fd.name is \"/etc/shadow\"\n\
             false proc.name in (passwd, sshd)    proc.name is \"cat\"",
        ),
        (
            "fixture: open_read\n  set: {fd.name: /etc/shadow}\n  output: {Shadow read: read by dog}",
            "rule `Shadow read` matches, but its output is another",
            "expected  read by dog\nfound     read by cat",
        ),
        (
            "fixture: exec\n  no_match: Shadow raed",
            "there is no rule `Shadow raed`",
            "",
        ),
        (
            "fixture: exec\n  match: Nothing like it",
            "there is no rule `Nothing like it`",
            "",
        ),
    ] {
        let report = report(&format!("- name: x\n  {case}\n"));
        assert_eq!(report.errors.len(), 0, "{case}: {}", text(&[report], false));
        let failure = &report.outcomes[0].failures[0];
        assert_eq!(
            (
                failure.diagnostic.message.as_str(),
                failure.because.as_str()
            ),
            (message, because),
            "{case}"
        );
        assert!(!report.passed());
    }
}

#[test]
fn a_misspelt_rule_gets_a_suggestion_and_its_place() {
    let report = report("- name: x\n  fixture: exec\n  no_match:\n    - Shadow raed\n");
    let diagnostic = &report.outcomes[0].failures[0].diagnostic;
    assert_eq!(
        diagnostic.help.as_deref(),
        Some("did you mean `Shadow read`?")
    );
    insta::assert_snapshot!(render::draw(diagnostic, report.sources(), false), @r"
    error[TEST_FAILED]: there is no rule `Shadow raed`
     --> t.test.yaml:4:7
      |
    4 |     - Shadow raed
      |       ^^^^^^^^^^^
      |
      = help: did you mean `Shadow read`?
    ");
}

#[test]
fn wrong_files_are_told_what_and_where() {
    for (file, expected) in [
        ("a: b", "1:1 a test file is a list of cases, not a mapping"),
        ("- x", "1:3 a case is a mapping, not `x`"),
        (
            "- fixture: exec\n  match: R",
            "1:3 a case without `name`; say in a few words what it shows",
        ),
        (
            "- name: [a]\n  fixture: exec\n  match: R",
            "1:9 a name is text, not a list",
        ),
        (
            "- name: x\n  match: R",
            "1:3 a case without an event; give `event:` with its fields, or `fixture:` with the name of a base",
        ),
        (
            "- name: x\n  fixture: exec",
            "1:3 a case that expects nothing; say which rules must match (`match:`) or must not (`no_match:`)",
        ),
        (
            "- name: x\n  event: {evt.type: open}\n  fixture: exec\n  match: R",
            "2:10 a case has either `event` or `fixture`, not both",
        ),
        (
            "- name: x\n  event: {evt.type: open}\n  set: {fd.num: 1}\n  match: R",
            "3:8 `set` changes a `fixture`; with `event` put the fields there",
        ),
        (
            "- name: x\n  fixture: exe\n  match: R",
            "2:12 no fixture is named `exe`; did you mean `exec`?",
        ),
        (
            "- name: x\n  fixture: opne_read_in_pod\n  match: R",
            "2:12 no fixture is named `opne_read_in_pod`; did you mean `open_read_in_pod`?",
        ),
        (
            "- name: x\n  fixture: exec\n  macth: R",
            "3:3 a case has no key `macth`; did you mean `match`?",
        ),
        (
            "- name: x\n  fixture: exec\n  match: R\n  match: S",
            "4:3 key `match` stands twice",
        ),
        (
            "- name: x\n  fixture: exec\n  match: R\n  no_match: [S, R]",
            "4:17 rule `R` must match and must not match",
        ),
        (
            "- name: x\n  fixture: exec\n  match: [R, {a: b}]",
            "3:14 a rule is text, not a mapping",
        ),
        (
            "- name: x\n  fixture: exec\n  output: R",
            "3:11 `output` is a mapping of rules and texts, not `R`",
        ),
        (
            "- name: x\n  fixture: exec\n  set: {proc.nmae: y}\n  match: R",
            "3:9 unknown field proc.nmae; did you mean `proc.name`?",
        ),
        (
            "- name: x\n  fixture: exec\n  set:\n    proc.pid: many\n  match: R",
            "4:15 proc.pid is a whole number from -9223372036854775808 to 9223372036854775807 (INT64), not `many`",
        ),
        (
            "- name: x\n  event: {evt.type: opn}\n  match: R",
            "2:21 unknown event type opn; did you mean `open`?",
        ),
        (
            "- name: x\n  fixture: exec\n  ancestors: bash\n  match: R",
            "3:14 ancestors are a list, the parent first, not `bash`",
        ),
    ] {
        let found = errors(file);
        assert_eq!(
            found.first().map(String::as_str),
            Some(expected),
            "{file}: {found:?}"
        );
    }
    let twice = "- name: x\n  fixture: exec\n  match: R\n- name: x\n  fixture: exec\n  match: R\n";
    assert_eq!(errors(twice), ["4:9 two cases are named `x`"]);
    assert_eq!(report(twice).errors[0].related.len(), 1);
    assert!(
        errors("- [")
            .first()
            .is_some_and(|error| error.contains("not valid YAML"))
    );
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let found = errors("- fixture: exec\n  set: {a.b: 1, c.d: 2}\n- name: x\n");
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn repeated_aliases_do_not_blow_up() {
    let mut file = String::from("- &a0 [x, x]\n");
    for level in 1..40 {
        file.push_str(&format!("- &a{level} [*a{}, *a{}]\n", level - 1, level - 1));
    }
    assert_eq!(
        errors(&file),
        ["1:1 file stands for more than 1000000 values, which is the limit"]
    );
}

#[test]
fn empty_files_hold_nothing() {
    for file in ["", "# nothing\n", "---\n---\n", "[]"] {
        let report = report(file);
        assert!(report.passed() && report.outcomes.is_empty(), "{file:?}");
    }
}

#[test]
fn tested_rules_are_those_that_must_match() {
    let text = "- {name: a, fixture: exec, match: [A, B], no_match: C}\n- {name: b, fixture: exec, output: {D: d}}\n";
    let source = Source {
        name: "t.test.yaml".to_owned(),
        text: text.to_owned(),
    };
    let suite = Suite::read(source, &schema()).expect("the file is well formed");
    assert_eq!(
        suite.tested_rules().into_iter().collect::<Vec<_>>(),
        ["A", "B", "D"]
    );
    assert_eq!(suite.missed_rules().into_iter().collect::<Vec<_>>(), ["C"]);
}

fn mixed() -> [Report; 2] {
    [
        report(
            "- {name: 'good & fine', fixture: exec, no_match: Shadow read}\n- {name: bad, fixture: exec, match: Shadow read}\n",
        ),
        report("- {name: x, fixture: exe, match: R}\n"),
    ]
}

#[test]
fn results_as_text() {
    insta::assert_snapshot!(text(&mixed(), false), @r#"
    ok   t.test.yaml:1: good & fine
    FAIL t.test.yaml:2: bad
         error[TEST_FAILED]: rule `Shadow read` does not match
          --> t.test.yaml:2:37
           |
         2 | - {name: bad, fixture: exec, match: Shadow read}
           |                                     ^^^^^^^^^^^
         false evt.type in (open, openat)    evt.type is "execve" (in opened)
    FAIL t.test.yaml
         error[TEST_ERR_CASE]: no fixture is named `exe`
          --> t.test.yaml:1:22
           |
         1 | - {name: x, fixture: exe, match: R}
           |                      ^^^
           |
           = help: did you mean `exec`?
    2 cases, 1 failed, 1 file could not be read
    "#);
}

#[test]
fn results_as_junit() {
    let xml = junit(&mixed());
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"3\" failures=\"1\" errors=\"1\">\n"));
    assert!(
        xml.contains("<testsuite name=\"t.test.yaml\" tests=\"2\" failures=\"1\" errors=\"0\">"),
        "{xml}"
    );
    assert!(
        xml.contains("<testcase name=\"good &amp; fine\" classname=\"t.test.yaml\"/>"),
        "{xml}"
    );
    assert!(
        xml.contains("<failure message=\"rule `Shadow read` does not match\">error[TEST_FAILED]"),
        "{xml}"
    );
    assert!(xml.contains("evt.type is &quot;execve&quot;"), "{xml}");
    assert!(
        xml.contains("<error message=\"file cannot be read\">"),
        "{xml}"
    );
    let mut open = Vec::new();
    for tag in xml.split('<').skip(2) {
        let name = tag.split(['>', ' ', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(closing) => assert_eq!(open.pop(), closing.split('>').next(), "{tag}"),
            None if tag
                .split('>')
                .next()
                .is_some_and(|head| head.ends_with('/')) => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

proptest::proptest! {
    /// Whatever stands in a file, reading it ends with cases or with errors.
    #[test]
    fn no_file_makes_reading_panic(text in "(- |  |name: |event: |fixture: exec|set: |evt.type: open|proc.aname\\[1\\]: |match: |ancestors: |output: |[a-z:{}\\[\\], \n'\"&*|>#~0-9.-]){0,60}") {
        let source = Source { name: "t.test.yaml".to_owned(), text };
        if let Err(report) = Suite::read(source, &schema()) {
            proptest::prop_assert!(!report.errors.is_empty());
            proptest::prop_assert!(!super::text(&[report], false).is_empty());
        }
    }
}
