//! Values that come late: what is decided without them stays decided, and the rest waits for them.

use std::collections::HashMap;

use bumpalo::Bump;
use proptest::prelude::*;
use rule_engine::eval::{Evaluator, Outcome};
use rule_engine::load::{self, LoadOptions};
use rule_engine::program::{Matching, RuleSet};
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::source::Source;
use rule_engine::value::{FieldRef, Fields, Value};

/// An event whose fields have a value, have none, or have none yet.
struct Late<'s> {
    schema: &'s Schema,
    kind: EventTypeId,
    values: HashMap<&'static str, Option<&'static str>>,
    /// Fields in `values` that are not told yet.
    awaited: Vec<&'static str>,
}

impl Late<'_> {
    fn name(&self, field: &FieldRef) -> &'static str {
        self.schema.field_def(field.id).name
    }
}

impl Fields for Late<'_> {
    fn event_type(&self) -> EventTypeId {
        self.kind
    }

    fn get<'a>(&'a self, field: &FieldRef, _: &'a Bump) -> Option<Value<'a>> {
        let name = self.name(field);
        let value = self.values.get(name).copied().flatten()?;
        (!self.awaited.contains(&name)).then_some(Value::Text(value.as_bytes()))
    }

    fn awaited(&self, field: &FieldRef) -> bool {
        self.awaited.contains(&self.name(field))
    }
}

/// Rules of these conditions and outputs, named by their place.
fn rules(schema: &Schema, rules: &[(&str, &str)], matching: Matching) -> RuleSet {
    let text: String = rules
        .iter()
        .enumerate()
        .map(|(n, (condition, output))| {
            format!(
                "- rule: r{n}\n  desc: d\n  priority: INFO\n  condition: evt.type = open and ({condition})\n  output: {output:?}\n"
            )
        })
        .collect();
    let source = Source {
        name: "rules.yaml".into(),
        text,
    };
    let options = LoadOptions {
        append_output: Vec::new(),
        matching,
        ..LoadOptions::default()
    };
    let loaded = load::load(vec![source], schema, &options);
    loaded
        .rules
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

fn judge(set: &RuleSet, event: &Late<'_>) -> (Vec<String>, Outcome) {
    let mut matched = Vec::new();
    let outcome = Evaluator::new(set).evaluate(set, event, |found| {
        matched.push(found.rule.name.clone());
    });
    (matched, outcome)
}

const FIELDS: [&str; 4] = ["proc.name", "fd.name", "container.name", "k8s.ns.name"];
const VALUES: [Option<&str>; 3] = [None, Some("a"), Some("b")];

#[test]
fn only_rules_that_depend_on_it_wait_for_a_value() {
    let schema = Schema::syscall();
    let event = |awaited: &[&'static str]| Late {
        schema: &schema,
        kind: schema.event("open").expect("the event type exists"),
        values: HashMap::from([
            ("proc.name", Some("a")),
            ("container.name", Some("a")),
            ("k8s.ns.name", None),
        ]),
        awaited: awaited.to_vec(),
    };
    for (condition, output, now, later) in [
        ("proc.name = a", "%proc.name", true, true),
        ("proc.name = a", "%container.name", false, true),
        ("proc.name = a and container.name = a", "x", false, true),
        (
            "proc.name = b and container.name = a",
            "%container.name",
            false,
            false,
        ),
        ("proc.name = a or container.name = b", "x", true, true),
        ("not container.name = b", "x", false, true),
        ("container.name = val(proc.name)", "x", false, true),
        ("toupper(container.name) = A", "x", false, true),
        ("not k8s.ns.name exists", "x", false, true),
        ("fd.name = val(container.name)", "x", false, false),
    ] {
        let set = rules(&schema, &[(condition, output)], Matching::All);
        let (matched, outcome) = judge(&set, &event(&["container.name", "k8s.ns.name"]));
        assert_eq!(!matched.is_empty(), now, "{condition} now");
        let waits = later && !now;
        assert_eq!(outcome == Outcome::Open, waits, "{condition} waits");
        let (matched, outcome) = judge(&set, &event(&[]));
        assert_eq!(!matched.is_empty(), later, "{condition} later");
        assert_eq!(outcome, Outcome::Decided);
    }
}

#[test]
fn nobody_is_first_behind_a_rule_that_is_open() {
    let schema = Schema::syscall();
    let conditions = [
        ("proc.name = b", "x"),
        ("container.name = b", "x"),
        ("proc.name = a", "x"),
    ];
    let set = rules(&schema, &conditions, Matching::First);
    let mut event = Late {
        schema: &schema,
        kind: schema.event("open").expect("the event type exists"),
        values: HashMap::from([("proc.name", Some("a")), ("container.name", Some("b"))]),
        awaited: vec!["container.name"],
    };
    assert_eq!(judge(&set, &event), (vec![], Outcome::Open));
    event.awaited.clear();
    assert_eq!(judge(&set, &event), (vec!["r1".into()], Outcome::Decided));
}

/// Any condition over the fields.
fn condition() -> impl Strategy<Value = String> {
    let field = || proptest::sample::select(&FIELDS[..]);
    let check = prop_oneof![
        (field(), proptest::sample::select(vec!["=", "!="]), "[ab]")
            .prop_map(|(field, op, value)| format!("{field} {op} {value}")),
        field().prop_map(|field| format!("{field} exists")),
        (field(), field()).prop_map(|(left, right)| format!("{left} = val({right})")),
        field().prop_map(|field| format!("toupper({field}) in (A, C)")),
    ];
    check.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|all| joined(&all, " and ")),
            proptest::collection::vec(inner, 2..4).prop_map(|any| joined(&any, " or ")),
        ]
    })
}

fn joined(parts: &[String], word: &str) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
    parts.join(word)
}

proptest! {
    #[test]
    fn what_is_decided_holds_whatever_comes(
        conditions in proptest::collection::vec(condition(), 1..8),
        told in proptest::array::uniform4(0..VALUES.len()),
        awaited in proptest::array::uniform4(any::<bool>()),
    ) {
        let schema = Schema::syscall();
        let conditions: Vec<(&str, &str)> =
            conditions.iter().map(|text| (text.as_str(), "x")).collect();
        let set = rules(&schema, &conditions, Matching::All);
        let mut event = Late {
            schema: &schema,
            kind: schema.event("open").expect("the event type exists"),
            values: FIELDS.iter().zip(told).map(|(field, n)| (*field, VALUES[n])).collect(),
            awaited: FIELDS.iter().zip(awaited).filter(|(_, late)| *late).map(|(f, _)| *f).collect(),
        };
        let (now, outcome) = judge(&set, &event);
        let late = std::mem::take(&mut event.awaited);
        for n in 0..VALUES.len().pow(late.len() as u32) {
            for (place, field) in late.iter().enumerate() {
                let digit = n / VALUES.len().pow(place as u32) % VALUES.len();
                event.values.insert(field, VALUES[digit]);
            }
            let (later, settled) = judge(&set, &event);
            prop_assert_eq!(settled, Outcome::Decided);
            prop_assert!(now.iter().all(|rule| later.contains(rule)), "{:?} {:?}", now, later);
            if outcome == Outcome::Decided {
                prop_assert_eq!(&now, &later);
            }
        }
    }
}
