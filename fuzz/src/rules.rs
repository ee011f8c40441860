//! The parsers of the rule language: rule files, conditions, outputs, rule tests.

use std::sync::LazyLock;

use bumpalo::Bump;
use rule_engine::ast::Expr;
use rule_engine::casetest::{self, Suite};
use rule_engine::check;
use rule_engine::compile::{RuleSpec, rule_set};
use rule_engine::diagnostic::{Diagnostic, Diagnostics, Severity};
use rule_engine::eval::Evaluator;
use rule_engine::explain;
use rule_engine::load::{LoadOptions, load};
use rule_engine::parse;
use rule_engine::priority::Priority;
use rule_engine::program::{Matching, RuleSet};
use rule_engine::reference::Plain;
use rule_engine::render;
use rule_engine::sample::{MapEvent, fixtures};
use rule_engine::schema::Schema;
use rule_engine::source::{Source, TextId};
use rule_engine::template::{self, Template};

pub(crate) const FILE_WORDS: &[&str] = &[
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
    "\0",
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

pub(crate) const CONDITION_WORDS: &[&str] = &[
    " and ",
    " or ",
    "not ",
    "(",
    ")",
    " in ",
    " intersects ",
    " pmatch ",
    " glob ",
    " regex ",
    " contains ",
    " icontains ",
    " startswith ",
    " bstartswith ",
    " endswith ",
    " exists ",
    " = ",
    " != ",
    " >= ",
    " anyof ",
    " allof ",
    " oneof ",
    ", ",
    "evt.type",
    "openat",
    "proc.name",
    "proc.aname[2]",
    "proc.aname",
    "fd.name",
    "fd.sip",
    "fd.snet",
    "fd.port",
    "fd.num",
    "evt.arg.flags",
    "evt.dir",
    "user.uid",
    "10.0.0.0/8",
    "/etc/*",
    "\"a b\"",
    "'\\x2f'",
    "tolower(",
    "toupper(",
    "basename(",
    "b64(",
    "len(",
    "val(",
    "join(",
    "concat(",
    "getopt(",
    "0x7f",
    "-1",
    "<NA>",
];

pub(crate) const TEMPLATE_WORDS: &[&str] = &[
    "%",
    "%proc.name",
    "%evt.time",
    "%proc.aname[2]",
    "%evt.arg.flags",
    "%fd.sip",
    "%container.info",
    "%toupper(",
    "%join(",
    "%20",
    "%65536",
    "%99999999999999999999",
    "(",
    ")",
    "[",
    "]",
    "é",
    " ",
    ",",
    "\"",
];

pub(crate) const TEST_WORDS: &[&str] = &[
    "- name: a\n",
    "- name: b\n",
    "  event:\n    evt.type: openat\n",
    "  event: {evt.type: execve, proc.name: sh}\n",
    "  fixture: open_read\n",
    "  fixture: exec\n",
    "  set: {fd.name: /etc/shadow, proc.name: cat}\n",
    "  set:\n    proc.tty: 34816\n",
    "  ancestors: [sh, sshd]\n",
    "  ancestors:\n    - {proc.name: sh}\n",
    "  match: Read sensitive file untrusted\n",
    "  no_match: [Read sensitive file untrusted]\n",
    "  output: {Read sensitive file untrusted: x}\n",
    "&a ",
    "*a",
    "~",
    "[",
    "]",
    "---\n",
    "  ",
    "\n",
];

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::syscall);

/// What the rules' conditions and outputs are judged over: the seeds of every fixture as an event of just these fields.
static EVENTS: LazyLock<Vec<MapEvent>> = LazyLock::new(|| {
    let event = |fixture: rule_engine::sample::Fixture| {
        let seeds = fixture.seeds().iter();
        let mut fields: serde_json::Map<_, _> = seeds
            .map(|(field, value)| ((*field).to_owned(), (*value).into()))
            .collect();
        fields.insert("evt.type".to_owned(), fixture.event.into());
        MapEvent::from_json(&SCHEMA, &fields.into()).expect("a fixture's own fields are right")
    };
    fixtures().into_iter().map(event).collect()
});

/// The rules that test files are run against.
static BUNDLED: LazyLock<RuleSet> = LazyLock::new(|| {
    let loaded = load(
        exporter::bundled::rules(),
        &SCHEMA,
        &casetest::load_options(),
    );
    loaded.rules.expect("the bundled rules are right")
});

/// Several rule files, NULs between them: there are rules or errors, every message can be drawn and is told once, and the
/// rules can be judged by and listed.
pub fn rule_files(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let source = |(index, text): (usize, &str)| Source {
        name: format!("{index}.yaml"),
        text: text.to_owned(),
    };
    let sources = text.split('\0').enumerate().map(source).collect();
    let loaded = load(sources, &SCHEMA, &LoadOptions::default());
    draw(&loaded.diagnostics, &loaded.sources);
    let errors = loaded.diagnostics.iter();
    let errors = errors
        .filter(|found| found.severity == Severity::Error)
        .count();
    assert_eq!(loaded.rules.is_none(), errors > 0);
    let listed = loaded.rule_infos(&SCHEMA).len();
    let _ = (loaded.macro_infos(), loaded.list_infos());
    if let Some(rules) = &loaded.rules {
        assert_eq!(rules.rules().len(), listed);
        judge(rules);
    }
}

/// A condition: what is printed of it reads as the same condition, and the engine judges as the plain evaluator does.
pub fn condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let expr = match parse::condition(text, TextId(0)) {
        Ok(expr) => expr,
        Err(finding) => return inside(&[finding], text),
    };
    let printed = expr.to_string();
    let again = parse::condition(&printed, TextId(0));
    let again = again.unwrap_or_else(|error| panic!("{printed:?}: {}", error.message));
    assert_eq!(printed, again.to_string(), "of {text:?}");
    match (checked(&expr), checked(&again)) {
        (Ok(first), Ok(second)) => {
            assert_eq!(first.events, second.events, "of {printed:?}");
            agree(first, text);
        }
        (Err(first), Err(second)) => {
            inside(&first, text);
            assert_eq!(messages(&first), messages(&second), "of {printed:?}");
        }
        (first, _) => panic!(
            "{text:?} is right: {}, but {printed:?} is not so",
            first.is_ok()
        ),
    }
}

/// An output: it can be filled in by any event, and mentions each field once.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match template::parse(text, TextId(0), &SCHEMA) {
        Ok((template, warnings)) => {
            inside(&warnings, text);
            let mut keys: Vec<_> = template.fields().iter().map(|field| &field.key).collect();
            keys.sort();
            assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
            let any = parse::condition("evt.type in (openat, execve, connect)", TextId(0));
            let any = checked(&any.expect("this parses")).expect("this is right");
            judge(&one_rule(any, template));
        }
        Err(findings) => {
            assert!(!findings.is_empty());
            inside(&findings, text);
        }
    }
}

/// A file of rule tests: it has cases that can be run, or errors; a report of either can be written.
pub fn rule_test_file(bytes: &[u8]) {
    let source = Source {
        name: "a.test.yaml".to_owned(),
        text: String::from_utf8_lossy(bytes).into_owned(),
    };
    let report = match Suite::read(source, &SCHEMA) {
        Ok(suite) => suite.run(&BUNDLED, &SCHEMA),
        Err(report) => {
            assert!(!report.errors.is_empty());
            draw(&report.errors, std::slice::from_ref(&report.source));
            report
        }
    };
    let reports = [report];
    let _ = (casetest::text(&reports, false), casetest::junit(&reports));
}

fn draw(diagnostics: &[Diagnostic], sources: &[Source]) {
    // So many of each severity.
    assert!(diagnostics.len() <= 3 * Diagnostics::LIMIT);
    for diagnostic in diagnostics {
        let _ = render::draw(diagnostic, sources, false);
        let _ = render::to_json(diagnostic, sources);
    }
}

type Findings = Vec<rule_engine::diagnostic::Finding>;

fn checked(expr: &Expr) -> Result<check::Checked, Findings> {
    check::condition(expr, &SCHEMA)
}

/// Every finding points into the text, between characters.
fn inside(findings: &[rule_engine::diagnostic::Finding], text: &str) {
    for finding in findings {
        let range = finding.range.start as usize..finding.range.end as usize;
        assert!(text.get(range).is_some(), "{finding:?} of {text:?}");
    }
}

fn messages(findings: &[rule_engine::diagnostic::Finding]) -> Vec<&str> {
    findings.iter().map(|finding| &*finding.message).collect()
}

fn agree(checked: check::Checked, text: &str) {
    let typed = checked.typed.clone();
    let (template, _) = template::parse("o", TextId(0), &SCHEMA).expect("a text");
    let rules = one_rule(checked, template);
    let mut evaluator = Evaluator::new(&rules);
    for event in EVENTS.iter() {
        let arena = Bump::new();
        let plain = Plain {
            schema: &SCHEMA,
            event,
            arena: &arena,
        };
        let expected = plain.holds(&typed.root);
        let mut got = false;
        evaluator.evaluate(&rules, event, |_| got = true);
        assert_eq!(got, expected, "{text:?} over {event:?}");
    }
}

fn one_rule(checked: check::Checked, output: Template) -> RuleSet {
    let rule = RuleSpec {
        name: "r".to_owned(),
        desc: "d".to_owned(),
        priority: Priority::Notice,
        source: "syscall".to_owned(),
        file: "rules.yaml".to_owned(),
        tags: Vec::new(),
        enabled: true,
        position: 0,
        condition: checked.typed,
        events: checked.events,
        output,
    };
    rule_set(vec![rule], &SCHEMA, Matching::All)
}

/// Judges every event, and explains the first rule.
fn judge(rules: &RuleSet) {
    let mut evaluator = Evaluator::new(rules);
    let mut output = String::new();
    for event in EVENTS.iter() {
        evaluator.evaluate(rules, event, |found| {
            output.clear();
            found.output(&mut output);
        });
        for rule in rules.rules().iter().take(1) {
            let _ = explain::explain(rule, event, &SCHEMA).map(|found| found.text());
        }
    }
}
