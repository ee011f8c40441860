//! The law that the order of definitions does not matter: lists stand anywhere in a file, rules too, macros before the macros that
//! use them. However they are ordered, conditions come out the same and hold for the same events.

use proptest::prelude::*;
use rule_engine::eval::Evaluator;
use rule_engine::load::{LoadOptions, load};
use rule_engine::sample::MapEvent;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

/// How many lists and how many macros there are.
const EACH: usize = 4;

/// What macros and rules are made of; `N` stands for the number of a list.
const CHECKS: &[&str] = &[
    "proc.name in (listN)",
    "proc.name in (x, listN, a)",
    "not fd.name pmatch (listN)",
    "fd.name startswith anyof (listN)",
    "proc.name in ( listN , listN )",
    "fd.name exists",
];

/// A condition over lists and over the macros before `macros`.
fn condition(macros: usize) -> impl Strategy<Value = String> {
    let check = (prop::sample::select(CHECKS), 0..EACH)
        .prop_map(|(check, list)| check.replace('N', &list.to_string()));
    let called = (0..macros.max(1)).prop_map(move |index| match macros {
        0 => "fd.name exists".to_owned(),
        _ => format!("macro{index}"),
    });
    let part = prop_oneof![check, called];
    (
        prop::collection::vec(part, 1..4),
        prop::sample::select(vec![" and ", " or ", " and not ", " or not "]),
    )
        .prop_map(|(parts, by)| parts.join(by))
}

/// The items of a file, and an order for them.
fn items() -> impl Strategy<Value = (Vec<String>, Vec<usize>)> {
    let words = prop::collection::vec(
        prop::sample::select(vec!["a", "b", "/etc", "/etc/x", "'a b'"]),
        0..4,
    );
    let lists = prop::collection::vec(words, EACH);
    let macros: Vec<_> = (0..EACH).map(condition).collect();
    let order = Just((0..2 * EACH + 1).collect::<Vec<_>>()).prop_shuffle();
    (lists, macros, condition(EACH), order).prop_map(|(lists, macros, rule, order)| {
        let list = |(index, words): (usize, Vec<&str>)| {
            format!("- list: list{index}\n  items: [{}]\n", words.join(", "))
        };
        let item = |(index, condition): (usize, String)| {
            format!("- macro: macro{index}\n  condition: {condition}\n")
        };
        let mut items: Vec<_> = lists.into_iter().enumerate().map(list).collect();
        items.extend(macros.into_iter().enumerate().map(item));
        items.push(format!(
            "- rule: r\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = open and ({rule})\n"
        ));
        (items, order)
    })
}

/// The order with macros brought into the order of their numbers, since a macro sees the earlier ones only.
fn with_macros_sorted(order: &[usize]) -> Vec<usize> {
    let is_macro = |index: &usize| (EACH..2 * EACH).contains(index);
    let mut macros = EACH..2 * EACH;
    let sorted = order.iter().map(|index| match is_macro(index) {
        true => macros.next().unwrap_or(*index),
        false => *index,
    });
    sorted.collect()
}

/// The rule's condition with all put in, and for which events it holds.
fn outcome(text: String) -> (String, Vec<bool>) {
    let schema = Schema::syscall();
    let name = "order.yaml".to_owned();
    let loaded = load(
        vec![Source { name, text }],
        &schema,
        &LoadOptions::default(),
    );
    let condition = loaded
        .rule_infos(&schema)
        .remove(0)
        .details
        .condition_compiled;
    let rules = loaded
        .rules
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let mut evaluator = Evaluator::new(&rules);
    let mut holds = Vec::new();
    for program in ["a", "b", "x", "a b"] {
        for file in [Some("/etc/x"), Some("a"), None] {
            let fields =
                serde_json::json!({"evt.type": "open", "proc.name": program, "fd.name": file});
            let event = MapEvent::from_json(&schema, &fields).expect("these fields exist");
            let mut found = false;
            evaluator.evaluate(&rules, &event, |_| found = true);
            holds.push(found);
        }
    }
    (condition, holds)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_definitions_does_not_matter((items, order) in items()) {
        let ordered: String = with_macros_sorted(&order).iter().map(|index| items[*index].as_str()).collect();
        prop_assert_eq!(outcome(ordered), outcome(items.concat()));
    }
}
