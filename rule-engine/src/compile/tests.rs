//! What compiling must not change, and what it must do: share, decide by event type, order.

use bumpalo::Bump;
use proptest::prelude::*;

use crate::check::Checked;
use crate::eval::Evaluator;
use crate::eventset::EventSet;
use crate::program::{Matching, NodeKind, RuleId, RuleSet};
use crate::reference::Plain;
use crate::samples::{Datum, Sample, checked, rules, sample};
use crate::schema::{EventTypeId, Schema};
use crate::value::{FieldRef, Fields, Value};

fn compiled(conditions: &[&str], matching: Matching) -> RuleSet {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|text| {
            let Checked { typed, events, .. } = checked(text).expect(text);
            (typed, events)
        })
        .collect();
    rules(&conditions, "%proc.pid", matching)
}

fn matches(set: &RuleSet, event: &Sample) -> Vec<String> {
    let mut names = Vec::new();
    Evaluator::new(set).evaluate(set, event, |found| names.push(found.rule.name.clone()));
    names
}

#[test]
fn all_rules_match_or_the_first_one() {
    let conditions = [
        "proc.name = x",
        "fd.num > 0",
        "evt.type = close",
        "evt.type = open",
    ];
    assert_eq!(
        matches(&compiled(&conditions, Matching::All), &sample("open")),
        ["r1", "r3"]
    );
    assert_eq!(
        matches(&compiled(&conditions, Matching::First), &sample("open")),
        ["r1"]
    );
}

#[test]
fn disabled_rules_are_known_but_not_tried() {
    let schema = Schema::syscall();
    let set = compiled(&["evt.type = open", "evt.type = close"], Matching::All);
    let mut specs: Vec<_> = set.rules().iter().map(spec).collect();
    specs[0].enabled = false;
    let set = super::rule_set(specs, &schema, Matching::All);
    assert_eq!(set.rules().len(), 2);
    assert!(matches(&set, &sample("open")).is_empty());
    let watched: Vec<_> = set
        .events()
        .iter()
        .map(|event| schema.event_def(event).name)
        .collect();
    assert_eq!(watched, ["close"]);
}

fn spec(rule: &crate::program::Rule) -> super::RuleSpec {
    super::RuleSpec {
        name: rule.name.clone(),
        desc: rule.desc.clone(),
        priority: rule.priority,
        source: rule.source.clone(),
        file: rule.file.clone(),
        tags: rule.tags.clone(),
        enabled: rule.enabled,
        position: rule.id.0 as usize,
        condition: rule.condition.clone(),
        events: rule.events.clone(),
        output: rule.output.clone(),
    }
}

#[test]
fn positions_give_the_order() {
    let schema = Schema::syscall();
    let set = compiled(&["evt.type = open", "fd.num > 0"], Matching::All);
    let mut specs: Vec<_> = set.rules().iter().map(spec).collect();
    specs[0].position = 7;
    let set = super::rule_set(specs, &schema, Matching::All);
    assert_eq!(matches(&set, &sample("open")), ["r1", "r0"]);
}

#[test]
fn types_decide_what_is_left_of_a_condition() {
    let set = compiled(
        &[
            "evt.type in (open, openat) and evt.dir = < and evt.is_open_read = true",
            "evt.type = close",
            "evt.type = open and evt.num = 0",
            "not evt.type = open and proc.name = x",
        ],
        Matching::All,
    );
    let schema = Schema::syscall();
    let program = |name: &str| set.program(schema.event(name).unwrap()).unwrap();
    assert_eq!(program("open").roots.len(), 1);
    assert!(matches!(
        set.nodes[program("open").roots[0].1.0 as usize].kind,
        NodeKind::Check(..)
    ));
    assert_eq!(program("close").roots.len(), 2);
    assert!(matches!(
        set.nodes[program("close").roots[0].1.0 as usize].kind,
        NodeKind::Const(true)
    ));
    // Types with the same rules share a program.
    assert_eq!(
        set.program_of[usize::from(schema.event("kill").unwrap().0)],
        set.program_of[usize::from(schema.event("mkdir").unwrap().0)]
    );
    let fields: Vec<_> = set
        .fields(schema.event("open").unwrap())
        .map(|field| field.written(&schema))
        .collect();
    assert_eq!(fields, ["evt.is_open_read", "proc.pid"]);
}

#[test]
fn checks_of_one_field_become_one_check() {
    let only = |text: &str| {
        let set = compiled(&[text], Matching::All);
        let program = set.program(EventTypeId(1)).unwrap();
        let kind = &set.nodes[program.roots[0].1.0 as usize].kind;
        matches!(kind, NodeKind::Check(..))
    };
    for (text, merged) in [
        (
            "proc.name = a or proc.name = b or proc.name in (c, d)",
            true,
        ),
        ("fd.name contains a or fd.name contains b", true),
        ("fd.name startswith a or fd.name startswith b", true),
        ("fd.name pmatch (/a) or fd.name pmatch (/b)", true),
        ("proc.name != a and proc.name != b", true),
        ("proc.aname = a or proc.aname = b", true),
        ("proc.aname != a and proc.aname != b", false),
        ("fd.types in (a) or fd.types in (b)", false),
        ("proc.name = a or proc.name != b", false),
        ("proc.name = a or proc.exepath = b", false),
        ("proc.name = a and proc.name = b", false),
        ("not (proc.name = a or not proc.name = a)", false),
    ] {
        assert_eq!(only(text), merged, "{text}");
    }
}

/// An event that counts how often it is asked for each field.
struct Counting<'e>(&'e Sample, std::cell::RefCell<Vec<FieldRef>>);

impl Fields for Counting<'_> {
    fn event_type(&self) -> EventTypeId {
        self.0.event
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        self.1.borrow_mut().push(field.clone());
        self.0.get(field, arena)
    }
}

#[test]
fn fields_are_fetched_once_and_only_when_needed() {
    let conditions = [
        "fd.num < 0 and proc.name contains x",
        "proc.pid = 1 and len(proc.name) = 9",
        "tolower(proc.name) = abc",
        "fd.num = 4 and proc.pid = 1",
    ];
    let set = compiled(&conditions, Matching::All);
    let sample = sample("open");
    let event = Counting(&sample, Default::default());
    Evaluator::new(&set).evaluate(&set, &event, |found| {
        let mut text = String::new();
        found.output(&mut text);
        found.output(&mut text);
        assert_eq!(text, "11");
    });
    let schema = Schema::syscall();
    let mut asked: Vec<_> = event
        .1
        .borrow()
        .iter()
        .map(|field| field.written(&schema))
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["fd.num", "proc.name", "proc.pid"]);
}

#[test]
fn rules_that_a_guard_excludes_are_not_judged() {
    let conditions = [
        "proc.name = a and fd.name = x",
        "fd.name in (y, z) and proc.name = b",
        "proc.name startswith c and fd.name endswith w",
        "fd.num = 4 and proc.name contains d",
        "proc.pid = 1",
    ];
    let set = compiled(&conditions, Matching::All);
    let mut judged = Vec::new();
    let mut evaluator = Evaluator::new(&set);
    evaluator.evaluate_watched(&set, &sample("open"), |_| {}, |rule| judged.push(rule));
    // Names exclude the first three; one that is left over is as well judged by itself.
    assert_eq!(judged, [None, Some(RuleId(3)), Some(RuleId(4))]);
    assert_eq!(evaluator.judged_rules(), conditions.len());
}

#[test]
fn an_evaluator_may_change_its_rule_set() {
    let small = compiled(&["evt.type = open"], Matching::All);
    let large = compiled(
        &[
            "fd.num = 4 and proc.pid = 1",
            "fd.num = 4 and proc.pid = 2",
            "proc.name = init",
        ],
        Matching::All,
    );
    let mut evaluator = Evaluator::new(&small);
    let mut count = |set: &RuleSet| {
        let mut matches = 0;
        evaluator.evaluate(set, &sample("open"), |_| matches += 1);
        matches
    };
    assert_eq!(
        [count(&small), count(&large), count(&small), count(&large)],
        [1, 2, 1, 2]
    );
}

// What follows are random conditions over random events.

const TEXTS: &[&str] = &[
    "", "a", "ab", "abc", "b", "/a/b", "/a/bc", "A", "a.b", "open", "<NA>", "aXb",
];
const PATTERNS: &[&str] = &["a*", "*b", "a?c", "*", "[ab]*", "a\\\\*", "/a/*", "[!a]b*"];
const NUMBERS: &[&str] = &["0", "1", "2", "-1", "7", "255"];
const ADDRESSES: &[&str] = &["1.2.3.4", "10.0.0.1", "10.0.0.2", "::1"];
const NETWORKS: &[&str] = &["10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "::1/128"];
const TEXT_FIELDS: &[&str] = &[
    "proc.name",
    "fd.name",
    "proc.aname",
    "proc.aname[2]",
    "evt.arg.flags",
    "evt.type",
    "evt.dir",
];
const SIGNED_FIELDS: &[&str] = &["fd.num", "proc.pid", "user.loginuid", "proc.apid"];
const UNSIGNED_FIELDS: &[&str] = &["user.uid", "fd.port", "evt.num", "evt.type.is.open"];
const EVENTS: &[&str] = &["open", "close", "execve", "connect", "procexit"];

pub(crate) fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    proptest::sample::select(from)
}

pub(crate) fn list(from: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(pick(from), 0..4).prop_map(|values| {
        let quoted: Vec<_> = values
            .into_iter()
            .map(|value| format!("\"{value}\""))
            .collect();
        format!("({})", quoted.join(", "))
    })
}

fn modifier() -> impl Strategy<Value = &'static str> {
    pick(&["anyof", "oneof", "allof"])
}

pub(crate) fn text_check() -> impl Strategy<Value = String> {
    let op = || {
        pick(&[
            "=",
            "!=",
            "contains",
            "icontains",
            "startswith",
            "endswith",
            "regex",
        ])
    };
    let field = || {
        pick(&[
            "proc.name",
            "fd.name",
            "proc.aname",
            "proc.aname[2]",
            "evt.arg.flags",
            "evt.dir",
        ])
    };
    prop_oneof![
        4 => (field(), op(), pick(TEXTS)).prop_map(|(f, op, v)| format!("{f} {op} \"{v}\"")),
        2 => (field(), pick(&["glob", "iglob"]), pick(PATTERNS)).prop_map(|(f, op, v)| format!("{f} {op} \"{v}\"")),
        2 => (field(), pick(&["in", "intersects", "pmatch"]), list(TEXTS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        2 => (field(), op(), modifier(), list(TEXTS)).prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        1 => (pick(TEXT_FIELDS)).prop_map(|f| format!("{f} exists")),
        1 => (field(), pick(&["<", "<=", ">", ">="]), pick(NUMBERS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (pick(&["proc.name", "fd.name", "evt.arg.flags"]), pick(&["=", "!=", "contains", "glob", "in", "icontains"])).prop_map(|(f, op)| format!("{f} {op} val(proc.name)")),
        1 => (pick(&["tolower(proc.name)", "toupper(fd.name)", "basename(fd.name)", "concat(proc.name, \"b\")", "join(\"\", (proc.name, fd.num))", "b64(proc.name)"]), op(), pick(TEXTS))
            .prop_map(|(t, op, v)| format!("{t} {op} \"{v}\"")),
        1 => (pick(&["in", "intersects"]), list(TEXTS)).prop_map(|(op, v)| format!("fd.types {op} {v}")),
    ]
}

pub(crate) fn other_check() -> impl Strategy<Value = String> {
    let order = || pick(&["=", "!=", "<", "<=", ">", ">="]);
    let unsigned = || pick(&["0", "1", "2", "255"]);
    prop_oneof![
        2 => (pick(SIGNED_FIELDS), order(), pick(NUMBERS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        2 => (pick(UNSIGNED_FIELDS), order(), unsigned()).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (pick(SIGNED_FIELDS), pick(&["in", "intersects"]), list(NUMBERS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (pick(SIGNED_FIELDS), pick(&["=", "!="]), modifier(), list(NUMBERS)).prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        1 => (order()).prop_map(|op| format!("fd.num {op} val(proc.pid)")),
        1 => (order(), pick(&["0", "1", "3"])).prop_map(|(op, v)| format!("len(proc.name) {op} {v}")),
        1 => (pick(&["=", "!="]), pick(&["true", "false"])).prop_map(|(op, v)| format!("evt.is_open_read {op} {v}")),
        1 => (pick(&["fd.ip", "fd.sip"]), pick(&["=", "!="]), pick(ADDRESSES)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (pick(&["fd.ip", "fd.sip"]), list(ADDRESSES)).prop_map(|(f, v)| format!("{f} in {v}")),
        1 => (pick(&["fd.net", "fd.snet"]), pick(&["=", "!="]), pick(NETWORKS)).prop_map(|(f, op, v)| format!("{f} {op} {v}")),
        1 => (pick(&["fd.net", "fd.snet"]), pick(&["=", "!="]), modifier(), list(NETWORKS)).prop_map(|(f, op, m, v)| format!("{f} {op} {m} {v}")),
        1 => (pick(&["fd.net", "fd.snet"]), list(NETWORKS)).prop_map(|(f, v)| format!("{f} in {v}")),
        2 => (pick(&["=", "!="]), pick(EVENTS)).prop_map(|(op, v)| format!("evt.type {op} {v}")),
        2 => (pick(&["evt.type", "syscall.type"]), list(EVENTS)).prop_map(|(f, v)| format!("{f} in {v}")),
        1 => (pick(&["evt.type contains open", "evt.type = anyof (open, close)", "evt.dir = <", "evt.dir = >", "evt.num = 0", "evt.num >= 0", "fd.ip exists", "fd.types exists"]))
            .prop_map(str::to_owned),
    ]
}

fn condition_text() -> impl Strategy<Value = String> {
    prop_oneof![text_check(), other_check()].prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..5)
                .prop_map(|members| format!("({})", members.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..5)
                .prop_map(|members| format!("({})", members.join(" or "))),
            inner.prop_map(|inner| format!("not {inner}")),
        ]
    })
}

pub(crate) fn event() -> impl Strategy<Value = Sample> {
    let maybe = |field: &'static str, datum: BoxedStrategy<Datum>| {
        proptest::option::of(datum).prop_map(move |datum| datum.map(|datum| (field, datum)))
    };
    let text = || pick(TEXTS).prop_map(Datum::Text).boxed();
    let signed = || {
        proptest::sample::select(vec![-1, 0, 1, 2, 7, 255, i64::MAX])
            .prop_map(Datum::Int)
            .boxed()
    };
    let unsigned = || {
        proptest::sample::select(vec![0, 1, 2, 255, 0xffff_ffff])
            .prop_map(Datum::Uint)
            .boxed()
    };
    let ip = || pick(ADDRESSES).prop_map(Datum::Ip).boxed();
    let several = |one: BoxedStrategy<Datum>| {
        proptest::collection::vec(one, 0..3)
            .prop_map(Datum::Several)
            .boxed()
    };
    let texts = (
        maybe("proc.name", text()),
        maybe("fd.name", text()),
        maybe("proc.aname", several(text())),
        maybe("proc.aname[2]", text()),
        maybe("evt.arg.flags", text()),
        maybe(
            "fd.types",
            proptest::collection::vec(text(), 0..3)
                .prop_map(Datum::List)
                .boxed(),
        ),
    );
    let numbers = (
        maybe("fd.num", signed()),
        maybe("proc.pid", signed()),
        maybe("user.loginuid", signed()),
        maybe("proc.apid", several(signed())),
        maybe("user.uid", unsigned()),
        maybe("fd.port", several(unsigned())),
        maybe(
            "evt.is_open_read",
            any::<bool>().prop_map(Datum::Bool).boxed(),
        ),
    );
    let addresses = (
        maybe("fd.ip", several(ip())),
        maybe("fd.net", several(ip())),
        maybe("fd.sip", ip()),
        maybe("fd.snet", ip()),
    );
    (pick(EVENTS), 1..300u64, texts, numbers, addresses).prop_map(|(name, number, t, n, a)| {
        let mut fields = vec![("evt.num", Datum::Uint(number))];
        fields.extend([t.0, t.1, t.2, t.3, t.4, t.5].into_iter().flatten());
        fields.extend([n.0, n.1, n.2, n.3, n.4, n.5, n.6].into_iter().flatten());
        fields.extend([a.0, a.1, a.2, a.3].into_iter().flatten());
        Sample::new(name, &fields)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn compiled_rules_agree_with_the_plain_evaluator(
        conditions in proptest::collection::vec(condition_text(), 1..6),
        events in proptest::collection::vec(event(), 1..6),
    ) {
        let schema = Schema::syscall();
        let everywhere = EventSet::all(&schema);
        let checked: Vec<Checked> = conditions.iter().map(|text| checked(text).expect(text)).collect();
        let indexed: Vec<_> = checked.iter().map(|c| (c.typed.clone(), c.events.clone())).collect();
        let unindexed: Vec<_> = checked.iter().map(|c| (c.typed.clone(), everywhere.clone())).collect();
        let sets = [rules(&indexed, "x", Matching::All), rules(&unindexed, "x", Matching::All)];
        let mut evaluators = [Evaluator::new(&sets[0]), Evaluator::new(&sets[1])];
        for event in &events {
            let arena = Bump::new();
            let plain = Plain { schema: &schema, event, arena: &arena };
            let expected: Vec<bool> = checked.iter().map(|c| plain.holds(&c.typed.root)).collect();
            for (set, evaluator) in sets.iter().zip(&mut evaluators) {
                let mut found = vec![false; checked.len()];
                evaluator.evaluate(set, event, |m| found[m.rule.id.0 as usize] = true);
                prop_assert_eq!(&found, &expected, "{:?} on {:?}", conditions, event);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn guards_exclude_only_rules_that_are_false(
        // A condition as rules have them, of several checks that must all hold; more than a word has bits.
        checks in proptest::collection::vec(proptest::collection::vec(text_check(), 1..3), 4..80),
        event in event(),
    ) {
        let schema = Schema::syscall();
        let texts: Vec<String> = checks.iter().map(|checks| checks.join(" and ")).collect();
        let checked: Vec<Checked> = texts.iter().map(|text| checked(text).expect(text)).collect();
        let conditions: Vec<_> = checked.iter().map(|c| (c.typed.clone(), c.events.clone())).collect();
        let arena = Bump::new();
        let plain = Plain { schema: &schema, event: &event, arena: &arena };
        let mut expected: Vec<String> = checked
            .iter()
            .enumerate()
            .filter(|(_, c)| plain.holds(&c.typed.root))
            .map(|(place, _)| format!("r{place}"))
            .collect();
        prop_assert_eq!(matches(&rules(&conditions, "x", Matching::All), &event), &expected[..]);
        expected.truncate(1);
        prop_assert_eq!(matches(&rules(&conditions, "x", Matching::First), &event), expected);
    }

}

proptest! {
    #[test]
    fn no_condition_makes_check_or_compile_panic(
        text in "(proc\\.name|fd\\.num|fd\\.ip|fd\\.types|evt\\.(type|buffer|num)|proc\\.aname|nosuch\\.field| = | != | < | in | pmatch | regex | glob | contains | exists| anyof |\\(|\\)|,|\"[a-z(*\\[]{0,3}\"|[0-9]{1,4}|open|val\\(|len\\(|b64\\(|join\\(| and | or |not |\\[[0-9a]\\]){1,14}"
    ) {
        if let Ok(found) = checked(&text) {
            let set = rules(&[(found.typed, found.events)], "x", Matching::All);
            Evaluator::new(&set).evaluate(&set, &sample("conn"), |_| {});
        }
    }
}
