//! Captures through the whole line: every line of matches and the whole exposition, as they were found good.
//!
//! `UPDATE=1` rewrites what is expected. `REMAKE=1` records the captures anew before, which has to be done when the layout
//! of records changes; docs/record-replay.md tells how.

// Numbers in records (flags of open, for one) mean what they mean on the machine that recorded them.
#![cfg(target_arch = "x86_64")]

mod ordinary;
mod remake;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

const CAPTURE: &str = "captures/container.capture";
/// Rules and the name of what they give; without rules the bundled ones are meant.
const RULES: [(Option<&str>, &str); 2] = [
    (None, "bundled"),
    (Some("captures/everything.yaml"), "everything"),
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Standard output of a replay.
fn replay(rules: Option<&str>, arguments: &[&str]) -> String {
    replay_of(CAPTURE, rules, arguments)
}

fn replay_of(capture: &str, rules: Option<&str>, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saker"));
    command.arg("replay").arg(tests().join(capture));
    if let Some(rules) = rules {
        command.arg("-r").arg(tests().join(rules));
    }
    // Clock times in lines are local.
    let output = command.args(arguments).env("TZ", "UTC").output();
    let output = output.expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\nif the layout of records has changed, record anew: REMAKE=1 cargo test -p exporter --test replay"
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Compares with a file, or writes it.
fn expect(name: &str, got: &str) {
    let path = tests().join("golden").join(name);
    if is_set("UPDATE") || is_set("REMAKE") {
        fs::write(&path, got).expect("written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    for (number, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, expected, "golden/{name}, line {}", number + 1);
    }
    assert_eq!(
        got.lines().count(),
        expected.lines().count(),
        "golden/{name}: lines"
    );
}

fn check_with_promtool(exposition: &Path) {
    let output = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::from(
            fs::File::open(exposition).expect("it is there"),
        ))
        .output()
        .expect("Debian package prometheus");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn captures_give_the_lines_and_the_exposition_that_were_found_good() {
    if is_set("REMAKE") {
        remake::remake(&tests().join(CAPTURE));
    }
    let uuid = Regex::new(r#""uuid":"[0-9a-f-]{36}""#).expect("a pattern of this file");
    let seconds = Regex::new(r"(?m)^(saker_rule_evaluation_seconds_total\{.*\}) .*$");
    let seconds = seconds.expect("a pattern of this file");
    for (rules, name) in RULES {
        let lines = replay(rules, &[]);
        assert_eq!(
            uuid.find_iter(&lines).count(),
            lines.lines().count(),
            "every line has a name"
        );
        let lines = uuid.replace_all(&lines, r#""uuid":"""#);
        expect(&format!("{name}.jsonl"), &lines);

        let exposition = replay(rules, &["--output", "none", "--metrics"]);
        let exposition = seconds.replace_all(&exposition, "$1 0");
        expect(&format!("{name}.prom"), &exposition);
        check_with_promtool(&tests().join(format!("golden/{name}.prom")));
    }
    the_lines_hold_what_was_done();
}

/// Expectations that nobody may update away.
fn the_lines_hold_what_was_done() {
    let bundled = replay(None, &[]);
    for rule in [
        "Terminal shell in container",
        "Read sensitive file untrusted",
    ] {
        assert!(
            bundled.contains(&format!(r#""rule":"{rule}""#)),
            "{rule}: {bundled}"
        );
    }
    let everything = replay(RULES[1].0, &[]);
    let programs = everything
        .matches(r#""proc.exepath":"/bin/busybox""#)
        .count();
    assert!(programs >= remake::BURST, "{programs}");
    assert!(
        everything.contains(r#""evt.type":"connect""#),
        "{everything}"
    );
}
