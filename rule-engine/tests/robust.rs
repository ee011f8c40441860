//! Whatever the bytes of a rules file are, loading them ends, with rules or with errors, and every place can be drawn.

use proptest::prelude::*;
use rule_engine::load::{LoadOptions, load};
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

/// Items begin so.
const ITEMS: [&str; 6] = [
    "- rule: r\n",
    "- rule: s\n",
    "- macro: m\n",
    "- macro: n\n",
    "- list: l\n",
    "- required_engine_version: 0.57.0\n",
];

/// What an item may say, sound and unsound.
const KEYS: [&str; 27] = [
    "  items: [a, b c, m, l]\n",
    "  items:\n    - x\n    - 'y z'\n",
    "  items: []\n",
    "  condition: evt.type = open\n",
    "  condition: >\n    evt.type = open\n    and m\n",
    "  condition: m or proc.name in (l)\n",
    "  condition: n and fd.name contains \"l\"\n",
    "  condition: and not m\n",
    "  condition: \"proc.name = \\\"é\\\"\"\n",
    "  output: o %proc.name\n",
    "  output: |\n    %evt.type\n    é\n",
    "  desc: d\n",
    "  priority: INFO\n",
    "  desc: d\n  output: o\n  priority: ERROR\n",
    "  append: true\n",
    "  override: {condition: append}\n",
    "  override: {items: append}\n",
    "  override:\n    exceptions: append\n",
    "  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n",
    "  exceptions:\n    - {name: e, fields: [proc.name, fd.name], comps: [in, =], values: [[l, x], [[a, b], y]]}\n",
    "  exceptions:\n    - {name: e, values: [b]}\n",
    "  enabled: false\n",
    "  tags: [a]\n",
    "  source: other\n",
    "  skip-if-unknown-filter: true\n",
    "  # é\n",
    "  k: [\n",
];

fn check(texts: &[String]) {
    let source = |(index, text): (usize, &String)| Source {
        name: format!("{index}.yaml"),
        text: text.clone(),
    };
    let sources = texts.iter().enumerate().map(source).collect();
    let schema = Schema::syscall();
    let loaded = load(sources, &schema, &LoadOptions::default());
    for diagnostic in &loaded.diagnostics {
        let _ = render::draw(diagnostic, &loaded.sources, false);
        let _ = render::to_json(diagnostic, &loaded.sources);
    }
    let has_error = loaded
        .diagnostics
        .iter()
        .any(|d| d.severity == rule_engine::diagnostic::Severity::Error);
    assert_eq!(loaded.rules.is_none(), has_error);
    let _ = (
        loaded.rule_infos(&schema),
        loaded.macro_infos(),
        loaded.list_infos(),
    );
}

/// An item with some keys.
fn item() -> impl Strategy<Value = String> {
    let keys =
        prop::sample::subsequence(&KEYS[..KEYS.len() - 1], 0..6).prop_map(|keys| keys.concat());
    let unsound = prop::bool::weighted(0.03);
    (prop::sample::select(&ITEMS[..]), keys, unsound).prop_map(|(item, keys, unsound)| {
        let tail = if unsound { KEYS[KEYS.len() - 1] } else { "" };
        format!("{item}{keys}{tail}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn items_with_any_keys(files in prop::collection::vec(prop::collection::vec(item(), 0..8), 1..4)) {
        let texts: Vec<String> = files.iter().map(|items| items.concat()).collect();
        check(&texts);
    }

    #[test]
    fn any_text(text in ".{0,200}", condition in "[ -~é]{0,60}") {
        check(&[text, format!("- macro: m\n  condition: '{}'\n", condition.replace('\'', "''"))]);
    }
}
