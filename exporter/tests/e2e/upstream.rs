//! Falco's stable rules, unmodified: the real action fires the rule, one that comes close does not.
//!
//! The rule file is not part of this project: `SAKER_COMPAT_RULES` names a folder that holds it. Without it this test says
//! that it did not run. `UPDATE=1` writes docs/coverage.md anew.

mod cases;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use self::cases::{CASES, Case, Place, UNPROVEN};
use crate::support::agent::{Agent, field};

/// The container that actions pretend to be in: a cgroup is all that makes a container for the agent.
const CONTAINER: &str = "5a4b3c2d1e0f5a4b3c2d1e0f5a4b3c2d1e0f5a4b3c2d1e0f5a4b3c2d1e0f5a4b";

/// A cgroup as a container runtime makes it, gone when the test ends.
struct Cgroup {
    folders: Vec<PathBuf>,
}

impl Cgroup {
    fn new() -> Cgroup {
        let mount = Path::new("/sys/fs/cgroup");
        let hierarchies = match mount.join("cgroup.procs").exists() {
            true => vec![mount.to_owned()],
            // Before the unified hierarchy every controller had its own.
            false => vec![mount.join("memory"), mount.join("pids")],
        };
        let folders: Vec<_> = hierarchies
            .iter()
            .map(|hierarchy| hierarchy.join("docker").join(CONTAINER))
            .collect();
        for folder in &folders {
            fs::create_dir_all(folder).expect("root may make cgroups");
        }
        Cgroup { folders }
    }

    /// A shell command that enters it.
    fn enter(&self) -> String {
        let enter = |folder: &PathBuf| format!("echo $$ > {}/cgroup.procs && ", folder.display());
        self.folders.iter().map(enter).collect()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in &self.folders {
            // Whatever is left in it keeps it; the next run takes it as it is.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Runs an action, a Perl script that is told its marker and a folder of its own, and waits for its end.
fn act(script: &str, place: Place, marker: &str, scratch: &Path, cgroup: &Cgroup) {
    let folder = scratch.join(marker);
    fs::create_dir(&folder).expect("a folder for the action");
    let file = folder.join("action.pl");
    fs::write(&file, script).expect("the script is written");
    let perl = format!("exec perl {} {marker} {}", file.display(), folder.display());
    let mut command = match place {
        Place::Host => {
            let mut command = Command::new("perl");
            command.arg(&file).arg(marker).arg(&folder);
            command
        }
        Place::Container => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(cgroup.enter() + &perl);
            command
        }
        Place::Terminal => {
            let mut command = Command::new("script");
            let inside = cgroup.enter() + &perl;
            command.args(["--quiet", "--return", "--command", &inside, "/dev/null"]);
            command
        }
    };
    let output = command.output().expect("the program is there");
    assert!(
        output.status.success(),
        "{marker}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn is_of(rule: &str, marker: &str) -> impl Fn(&Value) -> bool {
    move |line| {
        let says = |name| {
            field(line, name)
                .as_str()
                .is_some_and(|text| text.contains(marker))
        };
        line["rule"] == rule && (says("proc.cmdline") || says("proc.pcmdline"))
    }
}

fn check(case: &Case, number: usize, agent: &mut Agent, scratch: &Path, cgroup: &Cgroup) {
    let (near, fire) = (format!("near-{number}-x"), format!("fire-{number}-x"));
    let near_place = case.near_place.unwrap_or(case.place);
    // The near miss comes first: once the other is seen, so was it.
    act(case.near, near_place, &near, scratch, cgroup);
    act(case.fire, case.place, &fire, scratch, cgroup);
    agent.wait_for_match(case.rule, is_of(case.rule, &fire));
    let missed = agent.matches(is_of(case.rule, &near));
    assert!(missed.is_empty(), "{}: {missed:?}", case.rule);
}

#[test]
fn every_stable_rule_that_can_be_provoked_fires_and_its_near_miss_does_not() {
    let Some(folder) = std::env::var_os("SAKER_COMPAT_RULES") else {
        eprintln!("DID NOT RUN: SAKER_COMPAT_RULES names no folder with Falco's rule files");
        return;
    };
    let rules = PathBuf::from(folder).join("falco_rules.yaml");
    let scratch = TempDir::with_prefix("saker-upstream-").expect("a scratch folder");
    let cgroup = Cgroup::new();
    let mut agent = Agent::start(&["--rules", rules.to_str().expect("a path in UTF-8")]);
    for (number, case) in CASES.iter().enumerate() {
        check(case, number, &mut agent, scratch.path(), &cgroup);
    }
    let text = fs::read_to_string(&rules).expect("the rule file");
    let names: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("- rule: "))
        .collect();
    let listed: Vec<_> = CASES
        .iter()
        .map(|case| case.rule)
        .chain(UNPROVEN.iter().map(|(rule, _)| *rule))
        .collect();
    for name in &names {
        assert!(listed.contains(name), "nothing is said of {name:?}");
    }
    assert_eq!(names.len(), listed.len(), "of each rule something once");
    write_coverage(&names);
}

/// Brings docs/coverage.md up to the run, or compares.
fn write_coverage(names: &[&str]) {
    let mut page = String::from(
        "# Rules proven live\n\nFalco's stable rules, unmodified, on a real kernel: the action that a rule is about was done and \
         the rule fired, and one that\ncomes close was done and it did not. The test run writes this table \
         (`exporter/tests/e2e/upstream.rs`, `UPDATE=1`).\n\n| rule | proven | action, or why not |\n|---|---|---|\n",
    );
    for name in names {
        let row = match CASES.iter().find(|case| case.rule == *name) {
            Some(case) => format!("| {name} | yes | {} |\n", case.action),
            None => {
                let why = UNPROVEN.iter().find(|(rule, _)| rule == name);
                format!("| {name} | no | {} |\n", why.map_or("", |(_, why)| why))
            }
        };
        page.push_str(&row);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coverage.md");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &page).expect("the folder is there");
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        page,
        "UPDATE=1 writes it anew"
    );
}
