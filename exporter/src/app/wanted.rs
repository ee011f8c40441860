//! What the probes are to collect for a rule set: which system calls, and which costly extras.
//!
//! In: the events that rules can match and the fields that they read. Out: names of calls, and `SETTING_…` bits. Never: more
//! than a loaded rule needs.

use std::collections::HashSet;

use exporter_ebpf::record::{SETTING_DATA, SETTING_ENV};
use rule_engine::program::RuleSet;
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::value::{FieldKey, FieldRef};

use crate::event::decode::call_names;

/// Calls that change what later events say of their process, and what they change. Fields end in `.` where all that begin so
/// are meant.
const FEEDERS: &[(&[&str], &[&str])] = &[
    (&["proc.cwd", "evt.arg.cwd"], &["chdir", "fchdir"]),
    (
        &[
            "proc.name",
            "proc.pname",
            "proc.aname",
            "proc.sname",
            "proc.cmdline",
            "proc.pcmdline",
            "proc.acmdline",
            "proc.pgid.",
            "proc.vpgid.",
            "proc.loginshellid",
            "evt.arg.comm",
        ],
        &["prctl"],
    ),
    (
        &[
            "proc.sid",
            "proc.sid.",
            "proc.sname",
            "proc.tty",
            "proc.is_sid_leader",
            "evt.arg.tty",
        ],
        &["setsid"],
    ),
    (
        &[
            "proc.pgid",
            "proc.pgid.",
            "proc.vpgid",
            "proc.vpgid.",
            "proc.is_pgid_leader",
            "proc.is_vpgid_leader",
            "evt.arg.pgid",
            "evt.arg.vpgid",
        ],
        &["setsid", "setpgid"],
    ),
    (
        &["thread.cap_", "evt.arg.cap_"],
        &["capset", "setuid", "setreuid", "setresuid", "setfsuid"],
    ),
];

/// Fields for which extras are collected.
const EXTRAS: &[(&[&str], u32)] = &[
    (
        &[
            "proc.env",
            "proc.aenv",
            "evt.arg.env",
            "evt.args",
            "evt.info",
        ],
        SETTING_ENV,
    ),
    (
        &[
            "evt.buffer",
            "evt.arg.data",
            "evt.rawarg.data",
            "evt.args",
            "evt.info",
        ],
        SETTING_DATA,
    ),
];

/// Names of the system calls whose records the rules want: those that they can match, and those that feed what they read.
pub(super) fn watched_calls(rules: &RuleSet, schema: &Schema) -> Vec<&'static str> {
    let fed = fed_calls(rules, schema);
    let matched = |name: &str| {
        let event = schema.event(name);
        event.is_some_and(|event| rules.events().contains(event))
    };
    call_names()
        .into_iter()
        .filter(|name| matched(name) || fed.contains(name))
        .collect()
}

/// Names of the system calls that feed what the rules read, whether a rule can match them or not.
pub(super) fn fed_calls(rules: &RuleSet, schema: &Schema) -> Vec<&'static str> {
    let read = fields(rules, schema);
    let fed = FEEDERS.iter().filter(|(fields, _)| reads(&read, fields));
    fed.flat_map(|(_, calls)| calls.iter().copied()).collect()
}

/// The extras that the rules want, `SETTING_…` bits.
pub(super) fn settings(rules: &RuleSet, schema: &Schema) -> u32 {
    let read = fields(rules, schema);
    EXTRAS
        .iter()
        .filter(|(fields, _)| reads(&read, fields))
        .fold(0, |bits, (_, bit)| bits | bit)
}

/// The fields that the enabled rules read in conditions and outputs, dotted arguments included.
fn fields(rules: &RuleSet, schema: &Schema) -> HashSet<String> {
    let ids = (0..schema.events.len()).filter_map(|id| u16::try_from(id).ok());
    ids.map(EventTypeId)
        .filter(|event| rules.events().contains(*event))
        .flat_map(|event| rules.fields(event))
        .map(|field| name(field, schema))
        .collect()
}

fn name(field: &FieldRef, schema: &Schema) -> String {
    let base = schema.field_def(field.id).name;
    match (base, &field.arg) {
        ("evt.arg" | "evt.rawarg", FieldKey::Name(param)) => format!("{base}.{param}"),
        // Which parameter a number means depends on the event: any.
        ("evt.arg", FieldKey::Index(_)) => "evt.args".to_owned(),
        _ => base.to_owned(),
    }
}

fn reads(read: &HashSet<String>, fields: &[&str]) -> bool {
    fields
        .iter()
        .any(|field| match field.ends_with(['.', '_']) {
            true => read.iter().any(|name| name.starts_with(field)),
            false => read.contains(*field),
        })
}

#[cfg(test)]
mod tests {
    use rule_engine::load::{LoadOptions, load};
    use rule_engine::source::Source;

    use super::*;

    /// What is wanted for one rule.
    fn check(condition: &str, output: &str, expected_calls: &[&str], expected_settings: u32) {
        let schema = Schema::syscall();
        let text = format!(
            "- rule: one\n  desc: d\n  condition: {condition}\n  output: {output}\n  priority: INFO\n"
        );
        let source = Source {
            name: "test.yaml".to_owned(),
            text,
        };
        let loaded = load(vec![source], &schema, &LoadOptions::default());
        let rules = loaded.rules.expect("the rule is right");
        assert_eq!(
            watched_calls(&rules, &schema),
            expected_calls,
            "{condition}"
        );
        assert_eq!(settings(&rules, &schema), expected_settings, "{condition}");
    }

    #[test]
    fn rules_get_what_they_read_and_nothing_else() {
        check("evt.type = mkdir", "x %fs.path.name", &["mkdir"], 0);
        check(
            "evt.type = mkdir",
            "x %proc.cwd",
            &["mkdir", "chdir", "fchdir"],
            0,
        );
        check(
            "evt.type = mkdir and proc.name = a",
            "x",
            &["mkdir", "prctl"],
            0,
        );
        check(
            "evt.type = mkdir",
            "x %proc.sid.exe",
            &["mkdir", "setsid"],
            0,
        );
        check(
            "evt.type = mkdir",
            "x %thread.cap_effective",
            &[
                "mkdir",
                "setuid",
                "setreuid",
                "setresuid",
                "setfsuid",
                "capset",
            ],
            0,
        );
        check("evt.type = setuid and user.uid = 0", "x", &["setuid"], 0);
        check("evt.type = procexit", "x %proc.env[HOME]", &[], SETTING_ENV);
        check(
            "evt.type = sendto",
            "x %evt.buffer",
            &["sendto"],
            SETTING_DATA,
        );
        check(
            "evt.type = mkdir",
            "x %evt.args",
            &["mkdir"],
            SETTING_ENV | SETTING_DATA,
        );
    }
}
