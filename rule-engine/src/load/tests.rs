//! Tests of options and listing; what files say is tested by `tests/load_cases.rs`.

use super::*;

const FILE: &str = r#"
- list: shells
  items: [bash, sh]
- list: more_shells
  items: [zsh]
- macro: shell
  condition: proc.name in (shells)
- rule: Shell
  condition: evt.type = execve and shell and fd.name startswith anyof (/a, /b)
  desc: a shell
  output: shell %proc.name
  priority: NOTICE
  tags: [shell, t]
  exceptions:
    - {name: e, fields: [tolower(proc.name), fd.name], comps: [=, contains], values: [[x, y]]}
- rule: Other
  condition: evt.type = open and len(fd.name) > 3
  desc: another
  output: other
  priority: DEBUG
"#;

fn loaded(options: &LoadOptions) -> Loaded {
    let source = Source {
        name: "t.yaml".into(),
        text: FILE.into(),
    };
    let loaded = load(vec![source], &Schema::syscall(), options);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    loaded
}

fn states(options: &LoadOptions) -> Vec<bool> {
    let loaded = loaded(options);
    loaded
        .rules
        .unwrap()
        .rules()
        .iter()
        .map(|rule| rule.enabled)
        .collect()
}

#[test]
fn priority_and_selectors_switch_rules() {
    let mut options = LoadOptions::default();
    assert_eq!(states(&options), [true, true]);
    options.minimum_priority = Priority::Notice;
    assert_eq!(states(&options), [true, false]);
    options.minimum_priority = Priority::Debug;
    options.selectors = vec![
        Selector {
            enable: false,
            what: Selected::Rule("*".into()),
        },
        Selector {
            enable: true,
            what: Selected::Tag("shell".into()),
        },
    ];
    assert_eq!(states(&options), [true, false]);
}

#[test]
fn outputs_get_what_configuration_appends() {
    let schema = Schema::syscall();
    let append = |rule: Option<&str>, tags: &[&str], source: Option<&str>| AppendOutput {
        format: "pid=%proc.pid".into(),
        rule: rule.map(str::to_owned),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        source: source.map(str::to_owned),
    };
    for (append, expected) in [
        (append(None, &[], None), [true, true]),
        (append(Some("Other"), &[], None), [false, true]),
        (append(None, &["t", "shell"], None), [true, false]),
        (append(None, &["t", "x"], None), [false, false]),
        (append(None, &[], Some("syscall")), [true, true]),
        (append(None, &[], Some("other")), [false, false]),
    ] {
        let options = LoadOptions {
            append_output: vec![append],
            ..LoadOptions::default()
        };
        let infos = loaded(&options).rule_infos(&schema);
        let appended: Vec<_> = infos
            .iter()
            .map(|info| info.details.output_compiled.ends_with(" pid=%proc.pid"))
            .collect();
        assert_eq!(appended, expected);
    }
    let infos = loaded(&LoadOptions::default()).rule_infos(&schema);
    assert!(
        infos[1]
            .details
            .output_compiled
            .starts_with("other container_id=%container.id ")
    );
    assert_eq!(infos[1].output, "other");
}

#[test]
fn a_listing_tells_what_a_rule_uses() {
    let options = LoadOptions {
        append_output: Vec::new(),
        ..LoadOptions::default()
    };
    let loaded = loaded(&options);
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&loaded.rule_infos(&Schema::syscall())[0]).unwrap()
    );
    let lists: Vec<_> = loaded
        .list_infos()
        .iter()
        .map(|list| (list.name.clone(), list.items.len(), list.used))
        .collect();
    assert_eq!(
        lists,
        [
            ("shells".to_owned(), 2, true),
            ("more_shells".to_owned(), 1, false)
        ]
    );
    let macros: Vec<_> = loaded
        .macro_infos()
        .iter()
        .map(|item| (item.name.clone(), item.used))
        .collect();
    assert_eq!(macros, [("shell".to_owned(), true)]);
}

#[test]
fn no_files_are_no_rules_and_no_error() {
    let loaded = load(Vec::new(), &Schema::syscall(), &LoadOptions::default());
    assert!(loaded.rules.is_some_and(|rules| rules.rules().is_empty()));
}

#[test]
fn expansion_is_limited() {
    // Each macro calls the one before it ten times.
    let mut text = "- macro: m0\n  condition: proc.pid = 1\n".to_owned();
    for level in 1..9 {
        let calls = vec![format!("m{}", level - 1); 10].join(" or ");
        text += &format!("- macro: m{level}\n  condition: {calls}\n");
    }
    let check = |text: String, message: &str| {
        let source = Source {
            name: "t.yaml".into(),
            text,
        };
        let loaded = load(vec![source], &Schema::syscall(), &LoadOptions::default());
        let errors: Vec<_> = loaded
            .diagnostics
            .iter()
            .map(|error| error.message.as_str())
            .collect();
        assert!(errors.contains(&message), "{errors:?}");
    };
    let message =
        "condition has more than 10000000 checks with its macros put in, which is the limit";
    check(text, message);
    // The same with each macro before the one that it calls, made visible by an addition.
    let mut text = String::new();
    for level in 0..9 {
        let calls = vec![format!("m{}", level + 1); 10].join(" or ");
        text += &format!("- macro: m{level}\n  condition: {calls}\n");
    }
    text += "- macro: m9\n  condition: proc.pid = 1\n";
    text += "- macro: m0\n  condition: or m9\n  override: {condition: append}\n";
    let message = "macro expands macros defined after it more than 10000 times, which is the limit";
    check(text, message);
    // Lists that double.
    let mut text = format!("- list: l0\n  items: [{}]\n", "x".repeat(200));
    for level in 1..30 {
        text = format!("- list: l{level}\n  items: [l{0}, l{0}]\n{text}", level - 1);
    }
    text += "- macro: m\n  condition: proc.name in (l29)\n";
    let message = "condition has more than 4194304 bytes with its lists put in, which is the limit";
    check(text, message);
}

/// Items that define, change and use each other.
const ITEMS: &[&str] = &[
    "- {list: A, items: [a, b]}",
    "- {list: B, items: [A, c]}",
    "- {list: C, items: [B, p=q]}",
    "- {list: C, items: [d], override: {items: append}}",
    "- {list: A, items: ['x y', m], append: true}",
    "- {list: A, items: []}",
    "- {list: m, items: [n]}",
    "- {list: 'a, b', items: ['p=q']}",
    "- {list: word, items: [proc.nosuch]}",
    "- {macro: m, condition: proc.name in (A)}",
    "- {macro: m, condition: proc.nosuch = x}",
    "- {macro: n, condition: m and not k}",
    "- {macro: n, condition: or fd.name in (B), append: true}",
    "- {macro: k, condition: fd.name in (word)}",
    "- {macro: k, condition: m or n}",
    "- {macro: k, condition: proc.name = }",
    "- {rule: r, desc: d, output: o, priority: INFO, condition: evt.type = open and n}",
    "- {rule: r, desc: d, output: o, priority: INFO, condition: 'not(k)and proc.name in (C)'}",
    "- {rule: r, condition: or m, override: {condition: append}}",
    "- {rule: s, desc: d, output: '%proc.nosuch', priority: INFO, condition: evt.type = close}",
    "- {rule: s, desc: d, output: o, priority: INFO, condition: 'proc.name = \"run A now\" or fd.name in (a, b)'}",
    "- {rule: s, desc: d, output: o, priority: INFO, condition: proc.name = a, exceptions: [{name: e, fields: fd.name, values: [B, 'x y']}]}",
    "- {rule: s, append: true, exceptions: [{name: e, values: [C]}]}",
    "- {rule: s, output: more, override: {output: replace}}",
    "- {rule: s, enabled: false}",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// After each file only what it can have changed is compiled; nothing must be missed by that.
    #[test]
    fn a_load_finds_what_the_loads_of_its_first_files_find(
        files in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(ITEMS), 1..6), 2..5),
    ) {
        let found = |count: usize| {
            let source = |(index, items): (usize, &Vec<&str>)| Source {
                name: format!("{index}.yaml"),
                text: items.join("\n"),
            };
            let sources = files[..count].iter().enumerate().map(source).collect();
            let loaded = load(sources, &Schema::syscall(), &LoadOptions::default());
            let told = loaded.diagnostics.into_iter().map(|d| (d.severity.as_str(), d.code.as_str(), d.span.map(|span| (span.source.0, span.start, span.end)), d.message, d.help));
            told.filter(|told| !told.1.starts_with("LOAD_UNUSED")).collect::<std::collections::BTreeSet<_>>()
        };
        let all = found(files.len());
        let each: std::collections::BTreeSet<_> = (1..=files.len()).flat_map(found).collect();
        proptest::prop_assert_eq!(all, each);
    }
}
