//! Rules that change under a running agent.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::wait::wait_until;

/// A rules file with one rule of this name, and what more is given.
fn write_rules(path: &Path, name: &str, more: &str) {
    let text = format!(
        "- rule: {name}\n  desc: d\n  condition: evt.type = execve and proc.name = no-such-program\n  output: o\n  priority: NOTICE\n{more}"
    );
    put(path, &text);
}

/// As an editor does it: another file takes the name.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("the scratch folder is writable");
    fs::rename(&new, path).expect("renamed");
}

#[test]
fn good_rules_replace_the_old_ones_and_bad_ones_do_not() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("rules.yaml");
    write_rules(&path, "First", "");
    let mut agent = Agent::start(&["-r", path.to_str().expect("a UTF-8 path")]);
    let successful = |agent: &Agent| {
        agent
            .scrape()
            .sum("saker_rules_last_reload_successful", &[])
    };
    let has_rule = |agent: &Agent, name: &str| {
        agent
            .scrape()
            .sum("saker_rule_matches_total", &[("rule", name)])
            .is_some()
    };
    assert_eq!(successful(&agent), Some(1.0));
    assert!(has_rule(&agent, "First") && !has_rule(&agent, "Second"));

    write_rules(&path, "Second", "- rule: Third\n  condition: and\n");
    wait_until("the bad rules are refused", || {
        successful(&agent) == Some(0.0)
    });
    assert!(has_rule(&agent, "First") && !has_rule(&agent, "Second"));

    write_rules(&path, "Second", "");
    wait_until("the good rules are taken", || {
        successful(&agent) == Some(1.0)
    });
    assert!(has_rule(&agent, "Second"));

    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    assert!(
        log.contains("rules.yaml:6:3"),
        "the log has the place of the error: {log}"
    );
}

/// A rule that whoever opens this file matches.
fn opened(name: &str, path: &Path) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  condition: evt.type in (open, openat, openat2) and fd.name = {}\n  output: o\n  priority: NOTICE\n",
        path.display()
    )
}

#[test]
fn an_added_rule_counts_from_zero_and_a_removed_one_matches_no_more() {
    let scratch = TempDir::new().expect("a scratch folder");
    let rules = scratch.path().join("rules");
    fs::create_dir(&rules).expect("the scratch folder is writable");
    let [first, second] = ["first", "second"].map(|name| scratch.path().join(name));
    for path in [&first, &second] {
        fs::write(path, "").expect("the scratch folder is writable");
    }
    let open = |path: &Path| drop(fs::File::open(path).expect("the file is there"));
    put(&rules.join("a.yaml"), &opened("First", &first));
    let mut agent = Agent::start(&["-r", rules.to_str().expect("a UTF-8 path")]);
    let count = |agent: &Agent, rule| {
        agent
            .scrape()
            .sum("saker_rule_matches_total", &[("rule", rule)])
    };
    let loaded = |agent: &Agent| agent.scrape().sum("saker_rules_loaded", &[]);
    open(&second);
    open(&first);
    wait_until("the first rule matches", || {
        count(&agent, "First") == Some(1.0)
    });

    put(&rules.join("b.yaml"), &opened("Second", &second));
    wait_until("two rules are in force", || loaded(&agent) == Some(2.0));
    assert_eq!(
        count(&agent, "Second"),
        Some(0.0),
        "what was before does not count"
    );
    open(&second);
    wait_until("the second rule matches", || {
        count(&agent, "Second") == Some(1.0)
    });

    fs::remove_file(rules.join("a.yaml")).expect("it is there");
    wait_until("one rule is left", || loaded(&agent) == Some(1.0));
    // Events come in order: when the second is counted, the first has been judged.
    open(&first);
    open(&second);
    wait_until("the second rule matches again", || {
        count(&agent, "Second") == Some(2.0)
    });
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
    assert_eq!(agent.count_matches(|line| line["rule"] == "First"), 1);
}

#[test]
fn under_load_a_rule_that_stays_misses_nothing_while_others_come_and_go() {
    let scratch = TempDir::new().expect("a scratch folder");
    let rules = scratch.path().join("rules");
    fs::create_dir(&rules).expect("the scratch folder is writable");
    let [stays, other] = ["stays", "other"].map(|name| scratch.path().join(name));
    for path in [&stays, &other] {
        fs::write(path, "").expect("the scratch folder is writable");
    }
    put(&rules.join("a.yaml"), &opened("Stays", &stays));
    let mut agent = Agent::start(&[
        "-r",
        rules.to_str().expect("a UTF-8 path"),
        "--output",
        "none",
    ]);
    let loaded = |agent: &Agent| agent.scrape().sum("saker_rules_loaded", &[]);
    let (ended, opens) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                // Two that rules want, and two that the kernel holds back.
                for path in [&stays, &other] {
                    drop(fs::File::open(path));
                    drop(fs::File::open(path.with_extension("none")));
                }
                opens.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..6 {
            if round % 2 == 0 {
                put(&rules.join("b.yaml"), &opened("Other", &other));
            } else {
                fs::remove_file(rules.join("b.yaml")).expect("it is there");
            }
            let expected = if round % 2 == 0 { 2.0 } else { 1.0 };
            wait_until("the change is in force", || {
                loaded(&agent) == Some(expected)
            });
        }
        ended.store(true, Ordering::Relaxed);
    });
    let opens = opens.into_inner() as f64;
    let count = || {
        agent
            .scrape()
            .sum("saker_rule_matches_total", &[("rule", "Stays")])
    };
    wait_until("every open is counted", || count() == Some(opens));
    let exposition = agent.scrape();
    let filtered = exposition.sum(
        "saker_kernel_events_total",
        &[("type", "open"), ("outcome", "filtered")],
    );
    assert!(filtered >= Some(opens), "{filtered:?} of {opens} rounds");
    assert_eq!(exposition.sum("saker_events_lost_total", &[]), Some(0.0));
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
}

#[test]
fn no_malformed_file_puts_rules_out_of_force() {
    let scratch = TempDir::new().expect("a scratch folder");
    let rules = scratch.path().join("rules");
    fs::create_dir(&rules).expect("the scratch folder is writable");
    let secret = scratch.path().join("secret");
    fs::write(&secret, "").expect("the scratch folder is writable");
    put(&rules.join("good.yaml"), &opened("Opened", &secret));
    // What is written behind the link is not told by the folder that the agent watches: it reads when it is asked to.
    let (link, target) = (rules.join("malformed.yaml"), scratch.path().join("target"));
    fs::write(&target, "# No rules yet.\n").expect("the scratch folder is writable");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    let mut agent = Agent::start(&["-r", rules.to_str().expect("a UTF-8 path")]);

    let place = regex::Regex::new(r"malformed\.yaml:[0-9]+:[0-9]+").expect("a pattern");
    let refusals = |log: &str| log.matches("the rules were not reloaded").count();
    let files = malformed();
    assert!(files.len() >= 100, "{} files", files.len());
    let mut told = 0;
    for (number, file) in files.iter().enumerate() {
        fs::copy(file, &target).expect("a file of this repository");
        agent.hang_up();
        wait_until(&format!("{} is refused", file.display()), || {
            refusals(&agent.log()) == number + 1
        });
        let log = agent.log();
        assert!(
            place.is_match(&log[told..]),
            "{}: no place in {}",
            file.display(),
            &log[told..]
        );
        told = log.len();
        assert_eq!(
            agent
                .scrape()
                .sum("saker_rules_last_reload_successful", &[]),
            Some(0.0)
        );
        fs::File::open(&secret).expect("the file is there");
        wait_until("the old rules are in force", || {
            agent.matches_of("Opened") == (number + 1) as f64
        });
    }

    fs::remove_file(&link).expect("it is there");
    wait_until("the rules are good again", || {
        agent
            .scrape()
            .sum("saker_rules_last_reload_successful", &[])
            == Some(1.0)
    });
    fs::File::open(&secret).expect("the file is there");
    let all = (files.len() + 1) as f64;
    wait_until("the rules are in force", || {
        agent.matches_of("Opened") == all
    });
    let (status, log) = agent.stop();
    assert!(status.success(), "{status}: {log}");
}

/// The malformed rule files of the engine's tests.
fn malformed() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rule-engine/testdata/malformed");
    let entries = fs::read_dir(folder).expect("the engine's tests are there");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|is| is == "yaml"))
        .collect();
    files.sort();
    files
}
