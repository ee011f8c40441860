//! Files made to nest or to grow without end: each is refused with the limit in the message, or taken, and no stack overflows.
//!
//! Tests run on threads with a stack of 2 MiB, which is what the agent's threads have.

use std::fmt::Write as _;
use std::time::Instant;

use rule_engine::casetest::Suite;
use rule_engine::diagnostic::Severity;
use rule_engine::load::{LoadOptions, Loaded, load};
use rule_engine::render;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

fn source(text: String) -> Source {
    Source {
        name: "rules.yaml".to_owned(),
        text,
    }
}

fn loaded(text: String) -> Loaded {
    load(
        vec![source(text)],
        &Schema::syscall(),
        &LoadOptions::default(),
    )
}

/// A rule with this condition and output, both plain text.
fn rule(condition: &str, output: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  condition: '{}'\n  output: '{output}'\n",
        condition.replace('\'', "''")
    )
}

/// The file has an error with a place, and one that says this.
fn refused(what: &str, text: String, saying: &str) {
    let started = Instant::now();
    let loaded = loaded(text);
    let errors = loaded
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let errors: Vec<_> = errors.collect();
    let said: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
    assert!(
        errors.iter().any(|error| error.message.contains(saying)),
        "{what}: wanted {saying:?} among {said:.300?}"
    );
    assert!(errors.iter().all(|error| error.span.is_some()), "{what}");
    for error in errors {
        let drawn = render::draw(error, &loaded.sources, false);
        assert!(
            drawn.len() < 100_000,
            "{what}: a message of {} bytes",
            drawn.len()
        );
    }
    println!("{what}: {:?}", started.elapsed());
}

/// The file is taken.
fn taken(what: &str, text: String) {
    let started = Instant::now();
    let loaded = loaded(text);
    let error = loaded
        .diagnostics
        .iter()
        .find(|found| found.severity == Severity::Error);
    assert!(
        error.is_none(),
        "{what}: {:?}",
        error.map(|error| &error.message)
    );
    println!("{what}: {:?}", started.elapsed());
}

/// `start` and `end` around `inner`, `times` over.
fn nested(start: &str, inner: &str, end: &str, times: usize) -> String {
    [&start.repeat(times), inner, &end.repeat(times)].concat()
}

#[test]
fn conditions_nest_to_a_limit() {
    for times in [2_000, 1_000_000] {
        let deep = nested("(", "evt.type = open", ")", times);
        refused("brackets", rule(&deep, "o"), "1000");
        // A chain of them is none of brackets: it is read in a row.
        let chain = nested("not ", "evt.type = open", "", times);
        taken("nots", rule(&chain, "o"));
        let deep = nested(
            "evt.type = open and (proc.name = a or (",
            "evt.type = open",
            "))",
            times,
        );
        refused("ands and ors", rule(&deep, "o"), "");
    }
    taken(
        "brackets",
        rule(&nested("(", "evt.type = open", ")", 900), "o"),
    );
    taken(
        "nots",
        rule(&nested("not (", "evt.type = open", ")", 400), "o"),
    );
}

#[test]
fn transformers_nest_to_a_limit() {
    for times in [101, 500_000] {
        let deep = nested("tolower(", "proc.name", ")", times);
        refused("transformers", rule(&format!("{deep} = a"), "o"), "100");
        refused(
            "transformers in outputs",
            rule("evt.type = open", &format!("%{deep}")),
            "100",
        );
    }
    let deep = nested("tolower(", "proc.name", ")", 99);
    taken(
        "transformers",
        rule(&format!("{deep} = a"), &format!("%{deep}")),
    );
}

#[test]
fn macros_grow_to_a_limit() {
    let mut doubling = "- macro: m0\n  condition: proc.name = a\n".to_owned();
    for i in 1..50 {
        let _ = writeln!(doubling, "- macro: m{i}\n  condition: m{0} or m{0}", i - 1);
    }
    refused(
        "macros doubling",
        doubling.clone() + &rule("evt.type = open and m49", "o"),
        "checks",
    );
    refused(
        "macros doubling, unused",
        doubling + &rule("evt.type = open", "o"),
        "checks",
    );

    // Each redefined by the next file's item: bodies that come later are expanded anew.
    let mut backwards = String::new();
    for i in 0..50 {
        let _ = writeln!(backwards, "- macro: m{i}\n  condition: proc.name = a");
    }
    for i in 0..49 {
        let _ = writeln!(backwards, "- macro: m{i}\n  condition: m{0} or m{0}", i + 1);
    }
    refused(
        "macros doubling backwards",
        backwards + &rule("evt.type = open and m0", "o"),
        "limit",
    );

    for count in [2_000, 50_000] {
        let mut chain = "- macro: m0\n  condition: proc.name = a\n".to_owned();
        for i in 1..count {
            let _ = writeln!(chain, "- macro: m{i}\n  condition: not m{}", i - 1);
        }
        let last = format!("evt.type = open and m{}", count - 1);
        refused("chain of macros", chain + &rule(&last, "o"), "1000");
    }
}

#[test]
fn lists_grow_to_a_limit() {
    let mut doubling = "- list: l0\n  items: [a]\n".to_owned();
    for i in 1..50 {
        let _ = writeln!(doubling, "- list: l{i}\n  items: [l{0}, l{0}]", i - 1);
    }
    // A list takes the items that another one is written with, and no deeper: this grows by two.
    taken(
        "lists of lists",
        doubling + &rule("evt.type = open and proc.name in (l49)", "o"),
    );

    // A list's name among another's items is put in when the condition is put together, in the order of the lists.
    let mut late = String::new();
    for i in 0..50 {
        let _ = writeln!(late, "- list: l{i}\n  items: [l{0}, l{0}]", i + 1);
    }
    late += "- list: l50\n  items: [a]\n";
    refused(
        "lists doubling late",
        late + &rule("evt.type = open and proc.name in (l0)", "o"),
        "limit",
    );

    let items: Vec<_> = (0..100_000).map(|i| format!("item{i}")).collect();
    let list = format!("- list: l\n  items: [{}]\n", items.join(", "));
    taken(
        "a long list",
        list.clone() + &rule("evt.type = open and proc.name in (l)", "o"),
    );
    let uses = vec!["proc.name in (l)"; 1_000].join(" or ");
    refused(
        "a long list often",
        list + &rule(&format!("evt.type = open and ({uses})"), "o"),
        "limit",
    );

    let mut many = String::new();
    for i in 0..1_000 {
        let _ = writeln!(many, "- list: l{i}\n  items: [a{i}]");
    }
    let uses: Vec<_> = (0..1_000).map(|i| format!("proc.name in (l{i})")).collect();
    taken(
        "many lists",
        many + &rule(&format!("evt.type = open and ({})", uses.join(" or ")), "o"),
    );
}

#[test]
fn yaml_nests_and_repeats_to_a_limit() {
    for times in [65, 100_000] {
        refused("sequences", nested("[", "a", "]", times), "");
        refused("mappings", nested("{a: ", "a", "}", times), "");
        refused("unclosed", "[".repeat(times), "");
        refused("block sequences", "- ".repeat(times) + "a\n", "");
        refused(
            "in exceptions",
            rule("evt.type = open", "o")
                + &format!("  exceptions: {}\n", nested("[", "a", "]", times)),
            "",
        );
    }
    let mut bomb = "- list: l0\n  items: &l0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for i in 1..40 {
        let before = format!("*l{}", i - 1);
        let _ = writeln!(
            bomb,
            "- list: l{i}\n  items: &l{i} [{}]",
            vec![before; 10].join(", ")
        );
    }
    refused("aliases of aliases", bomb, "");
    let many = format!(
        "- list: l\n  items: &l [{}]\n{}",
        vec!["a"; 10_000].join(", "),
        (0..2_000)
            .map(|i| format!("- {{list: l{i}, items: *l}}\n"))
            .collect::<String>()
    );
    refused("one alias often", many, "limit");
    refused(
        "a large file",
        rule("evt.type = open", &"x".repeat(9 << 20)),
        "8388608",
    );
    refused(
        "many values",
        format!("- list: l\n  items: [{}]\n", "a,".repeat(1_200_000)),
        "1000000",
    );
}

#[test]
fn patterns_and_outputs_grow_to_a_limit() {
    refused(
        "repetitions",
        rule(
            "evt.type = open and proc.name regex '((((a{100}){100}){100}){100}'",
            "o",
        ),
        "",
    );
    refused(
        "repetitions",
        rule(
            "evt.type = open and proc.name regex '(((a{100}){100}){100})'",
            "o",
        ),
        "",
    );
    let deep = nested("(", "a", ")", 1_000);
    refused(
        "groups",
        rule(
            &format!("evt.type = open and proc.name regex '{deep}'"),
            "o",
        ),
        "",
    );
    let stars = "*a".repeat(120);
    taken(
        "stars",
        rule(
            &format!("evt.type = open and proc.name glob '{stars}'"),
            "o",
        ),
    );
    let wide = "%65536proc.name".repeat(1_000);
    refused("columns", rule("evt.type = open", &wide), "limit");
    taken(
        "a long output",
        rule("evt.type = open", &"%proc.name ".repeat(10_000)),
    );
}

#[test]
fn many_rules_and_many_errors_are_taken() {
    let many = |condition: &str| -> String {
        (0..5_000)
            .map(|i| rule(condition, "%proc.name").replace("rule: r", &format!("rule: r{i}")))
            .collect()
    };
    taken(
        "many rules",
        many("evt.type = open and fd.name startswith /etc"),
    );
    let bad = loaded(many("evt.type = open and fd.nmae = 1"));
    assert!(bad.rules.is_none() && bad.diagnostics.len() <= 1_000 && bad.omitted > 0);
}

#[test]
fn test_files_grow_to_a_limit() {
    let schema = Schema::syscall();
    let deep = format!("- name: a\n  event: {}\n", nested("[", "a", "]", 100_000));
    let mut bomb = "- name: a\n  event: {proc.name: &l0 [a, a]}\n".to_owned();
    for i in 1..50 {
        let _ = writeln!(
            bomb,
            "- name: a{i}\n  event: {{proc.name: &l{i} [*l{0}, *l{0}]}}",
            i - 1
        );
    }
    for (text, saying) in [(deep, "64"), (bomb, "limit")] {
        let report = Suite::read(source(text), &schema).expect_err("it is refused");
        let said: Vec<_> = report.errors.iter().map(|error| &error.message).collect();
        assert!(
            said.iter().any(|message| message.contains(saying)),
            "{said:.300?}"
        );
    }
}
