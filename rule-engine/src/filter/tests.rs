//! What plans look like, and what keeps them open.

use super::*;
use crate::check::Checked;
use crate::compile::{RuleSpec, rule_set};
use crate::program::Matching;
use crate::samples::{checked, rules};

fn set(conditions: &[&str]) -> RuleSet {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|text| {
            let Checked { typed, events, .. } = checked(text).expect(text);
            (typed, events)
        })
        .collect();
    rules(&conditions, "x", Matching::All)
}

fn plan(conditions: &[&str], event: &str) -> EventPlan {
    let schema = Schema::syscall();
    let event = schema.event(event).expect(event);
    EventPlan::of(&set(conditions), &schema, event)
}

/// Clauses with the texts of their atoms, a line each.
fn drawn(plan: &EventPlan) -> String {
    let literals = |mask: u64, sign: &'static str| {
        let atoms = plan.atoms.iter().enumerate();
        atoms
            .filter(move |(bit, _)| mask >> bit & 1 == 1)
            .map(move |(_, atom)| format!("{sign}{atom}"))
    };
    let clause = |clause: &Clause| {
        let mut all: Vec<_> = literals(clause.required, "")
            .chain(literals(clause.refused, "not "))
            .collect();
        all.sort();
        format!("{{{}}}", all.join("; "))
    };
    let mut clauses: Vec<_> = plan.clauses.iter().map(clause).collect();
    clauses.sort();
    clauses.join(" ")
}

/// Event type, condition, clauses.
const PLANS: &[(&str, &str, &str)] = &[
    ("open", "evt.type = open", "{}"),
    ("open", "evt.type = open and evt.num = 0", ""),
    ("open", "not evt.type = close", "{}"),
    (
        "openat",
        "evt.type = openat and evt.is_open_read = true and fd.typechar = f and fd.num >= 0 and fd.name = /etc/shadow",
        "{not file type in 16384; not open flags & 0o3 = 0o1; path = /etc/shadow; result in 0…}",
    ),
    // The opposite of what is not known either.
    (
        "open",
        "evt.type = open and not proc.cmdline contains x",
        "{}",
    ),
    ("open", "evt.type = open and proc.pname = x", "{}"),
    // A field that such an event never has.
    ("execve", "evt.type = execve and fd.name = x", ""),
    ("execve", "evt.type = execve and not fd.name = x", "{}"),
    (
        "open",
        "evt.type = open and not (proc.name in (a, b) or proc.name = c)",
        "{not process name = a or = b or = c}",
    ),
    (
        "open",
        "evt.type = open and (fd.name startswith /etc or fd.name startswith /usr)",
        "{path startswith /etc or startswith /usr}",
    ),
    // The upper bound where a pattern is wanted, and nothing where it is not.
    (
        "open",
        "evt.type = open and fd.name glob /home/*/.ssh/*",
        "{path startswith /home/}",
    ),
    (
        "open",
        "evt.type = open and not fd.name glob /home/*/.ssh/*",
        "{}",
    ),
    (
        "open",
        "evt.type = open and evt.res != SUCCESS",
        "{not result in 0…}",
    ),
    (
        "open",
        "evt.type = open and evt.res = ENOENT",
        "{result in -2}",
    ),
    (
        "open",
        "evt.type = open and evt.failed = false",
        "{result in 0…}",
    ),
    (
        "connect",
        "evt.type = connect and (evt.rawres >= 0 or evt.res = EINPROGRESS)",
        "{result in -115 or 0…}",
    ),
    (
        "open",
        "evt.type = open and container.id != host",
        "{in a container}",
    ),
    (
        "open",
        "evt.type = open and container.id = host",
        "{not in a container}",
    ),
    (
        "open",
        "evt.type = open and container.id = abc",
        "{in a container}",
    ),
    (
        "connect",
        "evt.type = connect and fd.typechar in (4, 6) and fd.l4proto = tcp and not fd.snet in (\"10.0.0.0/8\")",
        "{not address family in 1 or 16; not remote address in 10.0.0.0/8; not socket type in 2…3}",
    ),
    (
        "connect",
        "evt.type = connect and fd.sport in (22, 80)",
        "{remote port in 22 or 80}",
    ),
    (
        "socket",
        "evt.type = socket and evt.arg.domain = AF_PACKET",
        "{argument 0 & 0o37777777777 = 0o21}",
    ),
    (
        "open",
        "evt.type = open and fd.nameraw contains ../ and user.uid != 0",
        "{not user id in 0; path as given with two dots}",
    ),
    (
        "open",
        "evt.type = open and basename(fd.name) in (a, b)",
        "{path with name a or with name b}",
    ),
];

#[test]
fn conditions_become_clauses() {
    for (event, condition, expected) in PLANS {
        assert_eq!(&drawn(&plan(&[condition], event)), expected, "{condition}");
    }
}

#[test]
fn rules_of_one_type_share_atoms_and_clauses() {
    let read = "evt.type = open and evt.is_open_read = true";
    let both = plan(
        &[
            &format!("{read} and fd.name = /a"),
            &format!("{read} and fd.name = /b"),
            &format!("{read} and fd.name = /a and proc.name = x"),
        ],
        "open",
    );
    assert_eq!(
        drawn(&both),
        "{not open flags & 0o3 = 0o1; path = /a or = /b} {not open flags & 0o3 = 0o1; path = /a; process name = x}"
    );
}

#[test]
fn disabled_rules_have_no_part() {
    let schema = Schema::syscall();
    let set = set(&["evt.type = open", "evt.type = open and proc.name = x"]);
    let specs = set.rules().iter().map(|rule| RuleSpec {
        name: rule.name.clone(),
        desc: rule.desc.clone(),
        priority: rule.priority,
        source: rule.source.clone(),
        file: rule.file.clone(),
        tags: rule.tags.clone(),
        enabled: rule.id.0 != 0,
        position: rule.id.0 as usize,
        condition: rule.condition.clone(),
        events: rule.events.clone(),
        output: rule.output.clone(),
    });
    let set = rule_set(specs.collect(), &schema, Matching::All);
    let plan = Plan::of(&set, &schema);
    let open = schema.event("open").unwrap();
    assert_eq!(drawn(plan.event(open).unwrap()), "{process name = x}");
    assert_eq!(plan.events.len(), 1);
    assert_eq!(plan.event(schema.event("close").unwrap()), None);
}

#[test]
fn what_is_to_blame_is_named() {
    use Cause::{Field, Nothing, Test};
    for (condition, expected) in [
        ("evt.type = open and fd.name = /a", None),
        ("evt.type = open", Some(("evt.type = open", Nothing))),
        (
            "evt.type = open and proc.cmdline contains a and fd.name contains b",
            Some(("fd.name contains b", Test)),
        ),
        (
            "evt.type = open and proc.cmdline contains a",
            Some(("proc.cmdline contains a", Field)),
        ),
        (
            "evt.type = open and (fd.name = /a or proc.pname = b)",
            Some(("proc.pname = b", Field)),
        ),
        (
            "evt.type = open and not (fd.name = /a and not proc.pname = b)",
            Some(("proc.pname = b", Field)),
        ),
        (
            "evt.type = open and fd.num >= 0 and not proc.name = a",
            Some((
                "evt.type = open and fd.num >= 0 and not proc.name = a",
                Nothing,
            )),
        ),
    ] {
        let plan = plan(&[condition], "open");
        let blamed = plan.wide.first().map(|wide| {
            let Blame { range, cause, .. } = &wide.blame;
            (&condition[range.start as usize..range.end as usize], *cause)
        });
        assert_eq!(blamed, expected, "{condition}");
        assert_eq!(plan.open.is_some(), plan.passes_all(), "{condition}");
    }
}

#[test]
fn either_path_lets_an_event_pass() {
    let plan = plan(&["evt.type = open and fd.name = /etc/shadow"], "open");
    let whole = |path: &'static str| Path::Whole(path.as_bytes());
    for (requested, effective, passes) in [
        (whole("/etc/shadow"), Path::Missing, true),
        (whole("/tmp/x"), whole("/etc/shadow"), true),
        (whole("/tmp/x"), whole("/tmp/x"), false),
        (whole("/tmp/x"), Path::Missing, false),
        (whole("/tmp/x"), Path::Unknown, true),
        (Path::Name(b"shadow"), Path::Missing, true),
        (Path::Name(b"x"), Path::Name(b"y"), false),
        (Path::Unknown, Path::Missing, true),
    ] {
        let facts = Facts {
            requested,
            effective,
            ..Facts::default()
        };
        assert_eq!(plan.passes(&facts), passes, "{requested:?} {effective:?}");
    }
}

#[test]
fn nothing_passes_where_no_rule_can_match_and_unknown_facts_pass() {
    let never = plan(
        &[
            "evt.type = open and fd.sip = \"1.2.3.4\"",
            "evt.type = close",
        ],
        "open",
    );
    assert!(!never.passes(&Facts::default()));
    let some = plan(&["evt.type = open and proc.name = x"], "open");
    assert!(some.passes(&Facts::default()));
}

#[test]
fn many_rules_and_exceptions_stay_within_limits() {
    let exceptions: Vec<_> = (0..60)
        .map(|n| format!("not (proc.name = p{n} and fd.name startswith /x{n})"))
        .collect();
    let excepted = format!(
        "evt.type = open and fd.name startswith /etc/ and {}",
        exceptions.join(" and ")
    );
    let one = plan(&[&excepted], "open");
    assert!(
        one.clauses.len() <= 4 && one.wide.is_empty(),
        "{}",
        drawn(&one)
    );
    let conditions: Vec<_> = (0..300)
        .map(|n| {
            let who = format!("user.uid = {n} and not proc.name = p{n}");
            format!("evt.type = open and fd.num > 0 and fd.directory = /d{n} and {who}")
        })
        .collect();
    let conditions: Vec<_> = conditions.iter().map(String::as_str).collect();
    let many = plan(&conditions, "open");
    assert!(many.atoms.len() <= ATOMS_MAX && many.clauses.len() <= CLAUSES_MAX);
    assert_eq!(
        drawn(&many),
        "{path in directory /d0 or in directory /d1 or in directory /d10 or 297 more; result in 1…; user id in 0…299}"
    );
    assert_eq!(many, plan(&conditions, "open"));
}
