//! Whatever the bytes of a rules file are, loading them ends, with rules or with errors, and every place can be drawn.

use proptest::prelude::*;
use rule_engine::load::{LoadOptions, load};
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

/// Pieces that rule files are made of, sound and unsound.
const PIECES: [&str; 44] = [
    "- rule: r\n",
    "- rule: s\n",
    "- macro: m\n",
    "- list: l\n",
    "- required_engine_version: 0.57.0\n",
    "  items: [a, b c, m, l]\n",
    "  items:\n    - x\n    - 'y z'\n",
    "  items: []\n",
    "  condition: evt.type = open\n",
    "  condition: >\n    evt.type = open\n    and m\n",
    "  condition: m or proc.name in (l)\n",
    "  condition: and not m\n",
    "  condition: \"proc.name = \\\"é\\\"\"\n",
    "  output: o %proc.name\n",
    "  output: |\n    %evt.type\n    é\n",
    "  desc: d\n",
    "  priority: INFO\n",
    "  append: true\n",
    "  override: {condition: append}\n",
    "  override: {items: append}\n",
    "  override:\n    exceptions: append\n",
    "  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n",
    "  exceptions:\n    - {name: e, fields: [proc.name, fd.name], comps: [in, =], values: [[l, x], [[a, b], y]]}\n",
    "  exceptions: &x\n    - {name: f, values: [b]}\n",
    "  exceptions: *x\n",
    "  enabled: false\n",
    "  tags: [a]\n",
    "  source: other\n",
    "  skip-if-unknown-filter: true\n",
    "---\n",
    "\n",
    "# é\n",
    "  ",
    "\t",
    "[",
    "]",
    "{",
    "'",
    "\"",
    "\r\n",
    ": ",
    "é",
    "(",
    ")",
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_rule_files_in_any_order(files in prop::collection::vec(prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24), 1..4)) {
        let texts: Vec<String> = files.iter().map(|pieces| pieces.concat()).collect();
        check(&texts);
    }

    #[test]
    fn any_text(text in ".{0,200}", condition in "[ -~é]{0,60}") {
        check(&[text, format!("- macro: m\n  condition: '{}'\n", condition.replace('\'', "''"))]);
    }
}
