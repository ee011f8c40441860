//! Tests of the places of decoded scalars.

use proptest::prelude::*;

use crate::read::yaml::{NodeId, NodeKind, Yaml};
use crate::source::{Source, SourceId};

/// All scalars below a node, in order.
fn scalars(yaml: &Yaml<'_>, id: NodeId, out: &mut Vec<NodeId>) {
    match &yaml.node(id).kind {
        NodeKind::Scalar(..) => out.push(id),
        NodeKind::Sequence(members) => members.iter().for_each(|id| scalars(yaml, *id, out)),
        NodeKind::Mapping(pairs) => pairs
            .iter()
            .for_each(|(_, value)| scalars(yaml, *value, out)),
        NodeKind::Null | NodeKind::Open => {}
    }
}

/// Every letter or digit of every scalar must lead to itself in the file.
fn check(text: &str) -> usize {
    let source = Source {
        name: "t.yaml".into(),
        text: text.into(),
    };
    let yaml = Yaml::parse(&source, SourceId(0)).unwrap();
    let mut found = Vec::new();
    yaml.documents
        .iter()
        .for_each(|id| scalars(&yaml, *id, &mut found));
    let mut letters = 0;
    for id in &found {
        let mapped = yaml.text(*id);
        let NodeKind::Scalar(decoded, _) = &yaml.node(*id).kind else {
            unreachable!()
        };
        assert_eq!(mapped.as_str(), &**decoded);
        for (at, c) in decoded.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
            let span = mapped.span(at..at + c.len_utf8()).unwrap();
            let place = &source.text[source.range(span)];
            assert_eq!(place, c.to_string(), "byte {at} of {decoded:?} in {text:?}");
            letters += 1;
        }
    }
    letters
}

#[test]
fn letters_of_every_style_lead_to_themselves() {
    for text in [
        "- plain\n",
        "- plain over\n  two lines\n\n  and a gap\n",
        "- 'it''s 1'\n",
        "- 'over   \n    lines\n\n    x'\n",
        "- \"a\\tb \\\"c\\\" d\"\n",
        "- \"cut \\\n   here  \n  and\n\n\n  there\"\n",
        "- >\n  folded a\n  b\n\n  c\n    kept\n    more\n  d\n",
        "- >-\n   folded\n   strip\n\n\n",
        "- >+\n   folded\n   keep\n\n\n",
        "- |\n  literal\n    in\n\n  out\n",
        "- |2\n    explicit\n   two\n",
        "- k: |1-\n    explicit\n   one\n",
        "- |\n\n\n  late\n",
        "- >\r\n  dos a\r\n  b\r\n\r\n  c\r\n",
        "- k: >  # comment\n    after a\n    comment\n  l: x\n",
        "- é: >\n    ünïcode é\n    ß x\n",
        "- condition: >\n    a and\n    b\n    # no comment\n    c\n  x: 1\n",
        "- [a, 'b', \"c\", d e]\n",
        "- &x !t anchored\n- *x\n",
        "- |\n  no end",
    ] {
        assert!(check(text) > 0, "{text:?}");
    }
}

#[test]
fn folded_break_leads_to_the_end_of_its_line() {
    let source = Source {
        name: "t.yaml".into(),
        text: "- >\n  ab\n  cd\n".into(),
    };
    let yaml = Yaml::parse(&source, SourceId(0)).unwrap();
    let mut found = Vec::new();
    scalars(&yaml, yaml.documents[0], &mut found);
    let text = yaml.text(found[0]);
    assert_eq!(text.as_str(), "ab cd\n");
    let span = text.span(2..3).unwrap();
    assert_eq!((span.start, span.end), (8, 9));
    let over = text.span(1..4).unwrap();
    assert_eq!((over.start, over.end), (7, 12));
}

proptest! {
    #[test]
    fn any_block_of_lines_leads_to_itself(
        lines in prop::collection::vec("[a-z ]{0,6}", 1..8),
        style in prop::sample::select(vec![">", "|", ">-", "|+", ">+"]),
        indent in 1usize..5,
    ) {
        prop_assume!(!lines[0].starts_with(' ') && !lines[0].is_empty());
        let mut text = format!("- {style}\n");
        for line in &lines {
            let pad = if line.is_empty() { 0 } else { indent };
            text += &format!("{}{line}\n", " ".repeat(pad));
        }
        check(&text);
    }

    #[test]
    fn any_double_quoted_text_leads_to_itself(words in prop::collection::vec("[a-z]{1,3}( |\t|\n  |\n\n  |\\\\\n |\\\\t|\\\\x41|\\\\u00e9|\\\\\\\\)?", 1..10)) {
        // Escaped letters have no letter of their own in the file: they are left out of the law by being replaced.
        let text = words.concat().replace("\\x41", "\\x2d").replace("\\u00e9", "\\u2014");
        check(&format!("- \"{text}.\"\n"));
    }
}
