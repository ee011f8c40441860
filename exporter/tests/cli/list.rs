//! `saker list`, `saker completions`, and usage in general.

use serde_json::Value;

use crate::support::saker;

fn json(args: &[&str]) -> Vec<Value> {
    let run = saker(args);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

#[test]
fn wrong_usage_is_two_and_says_so_on_standard_error() {
    for args in [
        &["list"][..],
        &["list", "nothing"],
        &["nothing"],
        &[],
        &["list", "fields", "--nothing"],
    ] {
        let run = saker(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for args in [&["--help"][..], &["list", "--help"], &["--version"]] {
        let run = saker(args);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        assert!(run.out.contains("saker"), "{args:?}");
    }
}

#[test]
fn fields_and_events_are_listed_as_text_and_json() {
    let text = saker(&["list", "fields"]).out;
    assert!(
        text.lines()
            .any(|line| line.starts_with("proc.aname, proc.aname[N] ")),
        "{text}"
    );
    let fields = json(&["list", "fields", "--json"]);
    assert_eq!(fields.len(), text.lines().count());
    let field = fields
        .iter()
        .find(|field| field["name"] == "evt.arg")
        .expect("evt.arg is a field");
    assert_eq!(field["argument"], "name or index");
    assert_eq!(field["type"], "CHARBUF");
    assert!(
        fields
            .iter()
            .any(|field| field["name"] == "proc.name" && field["supplied"] == true)
    );
    assert!(
        fields
            .iter()
            .any(|field| field["name"] == "thread.cpu" && field["supplied"] == false)
    );

    let text = saker(&["list", "events"]).out;
    let events = json(&["list", "events", "--json"]);
    assert_eq!(events.len(), text.lines().count());
    let event = events
        .iter()
        .find(|event| event["name"] == "unlinkat")
        .expect("unlinkat is an event");
    assert_eq!(event["parameters"][1]["name"], "dirfd");
    assert_eq!(event["generic"], false);
    assert!(
        events
            .iter()
            .any(|event| event["name"] == "execve" && event["tier"] == "base")
    );
    assert!(
        events
            .iter()
            .any(|event| event["name"] == "modify_ldt" && event["tier"].is_null())
    );
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef saker"),
        ("fish", "complete -c saker"),
    ] {
        let run = saker(&["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        assert!(run.out.contains(part), "{shell}");
    }
}
