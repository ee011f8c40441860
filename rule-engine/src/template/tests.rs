//! The rows of the edge-case table that are about output strings, by number.

use proptest::prelude::*;

use super::*;
use crate::diagnostic::Code;
use crate::eval::Evaluator;
use crate::program::Matching;
use crate::samples::{Datum, Sample, checked, rules, sample};
use crate::schema::Schema;
use crate::value::Value;

/// What an output says for an event.
fn filled(output: &str, event: &Sample) -> String {
    let always = checked("evt.type exists").expect("the condition is right");
    let set = rules(&[(always.typed, always.events)], output, Matching::All);
    let mut text = String::new();
    Evaluator::new(&set).evaluate(&set, event, |found| found.output(&mut text));
    text
}

#[track_caller]
fn says(row: u32, name: &str, output: &str, expected: &str) {
    assert_eq!(
        filled(output, &sample(name)),
        expected,
        "row {row}: {output}"
    );
}

#[track_caller]
fn refuses(row: u32, output: &str, part: &str) -> Finding {
    let findings = parse(output, TextId(0), &Schema::syscall()).expect_err(output);
    assert!(
        findings[0].message.contains(part),
        "row {row}: {output}: {findings:?}"
    );
    assert_eq!(findings[0].code, Code::CompileOutput, "row {row}: {output}");
    findings[0].clone()
}

#[test]
fn outputs_are_filled_in() {
    says(242, "open", "%20evt.type|", "open                |");
    says(242, "open", "%3evt.type|", "ope|");
    says(242, "open", "%0evt.type|", "open|");
    says(246, "open", "%evt.typeX", "openX");
    says(246, "open", "%evt.type. end", "open. end");
    says(246, "open", "%evt.type%evt.type.x", "openopen.x");
    says(
        246,
        "open",
        "%proc.aname[a] %proc.name[1] %proc.args[1]",
        "<NA>[a] init[1] ls",
    );
    says(
        246,
        "open",
        "%proc.name[ 1 ]%proc.args[\"0\"]",
        "init[ 1 ]context",
    );
    says(246, "exec", "%evt.arg.flagsX", "0X");
    says(247, "open", "*%fs.path.source", "*<NA>");
    says(
        248,
        "open",
        "%join(\"->\",(proc.name,fd.name))",
        "init->/home/file.txt",
    );
    says(248, "open", "%toupper(proc.name)[1]", "INIT[1]");
    says(248, "open", "%toupper(proc.name)[a b]", "INIT[a b]");
    says(248, "open", "%toupper(proc.name)[%evt.type", "INIT[open");
    says(248, "open", "[%len(proc.name)[]", "[4[]");
    says(249, "open", "%toupper(proc.name)", "INIT");
    says(
        249,
        "open",
        "%len(proc.name) %6toupper(proc.name)|",
        "4 INIT  |",
    );
    says(250, "open", "%len(proc.pname)", "<NA>");
    says(251, "open", "\\%evt.type\n", "\\open\n");
    says(252, "exec", "%proc.aname", "bash bash bash bash init");
    says(253, "open", "a %container.infob", "a b");
    says(254, "open", "%evt.dir %evt.latency", "< <NA>");
    says(137, "exec", "%evt.arg.flags", "0");
    says(
        0,
        "conn",
        "%fd.ip %fd.cnet %fd.sip %fd.sport %fd.port",
        "<NA> <IPNET> 142.251.111.147 443 <NA>",
    );
    says(
        0,
        "open",
        "%fd.types %proc.is_exe_writable %proc.pid",
        "(file) false 1",
    );
    says(0, "open", "%proc.namespace", "initspace");
    says(0, "open", "no fields", "no fields");
    says(0, "open", "", "");
}

#[test]
fn values_print_by_kind() {
    let shown = |value, format| {
        let mut out = Vec::new();
        write_value(&mut out, Some(value), format);
        String::from_utf8(out).unwrap()
    };
    let items = [Value::Text(b"a"), Value::Int(-1)];
    assert_eq!(shown(Value::List(&items), Format::Plain), "(a,-1)");
    assert_eq!(shown(Value::Several(&items), Format::Plain), "a -1");
    assert_eq!(shown(Value::Double(1.25), Format::Plain), "1.2");
    assert_eq!(
        shown(Value::Uint(255), Format::Number(NumberFormat::Hex)),
        "FF"
    );
    assert_eq!(
        shown(Value::Uint(8), Format::Number(NumberFormat::Oct)),
        "010"
    );
    assert_eq!(
        shown(Value::Ip("::1".parse().unwrap()), Format::Plain),
        "::1"
    );
}

#[test]
fn bad_tokens_are_errors() {
    refuses(243, "%-5evt.type", "unknown filter: -5evt.type");
    refuses(244, "100% done", "unknown filter");
    refuses(244, "%%x", "unknown filter");
    refuses(244, "%nosuch.field", "unknown filter: nosuch.field");
    refuses(244, "%evt.arg", "unknown filter: evt.arg");
    refuses(244, "%evt.arg.nosuch", "unknown filter: evt.arg.nosuch");
    refuses(245, "100%", "cannot end with a %");
    refuses(245, "100%20", "cannot end with a number");
    refuses(248, "%join(->,(proc.name,fd.name))", "unknown filter");
    refuses(248, "%len(proc.pid)", "not supported by 'len'");
    refuses(
        0,
        "%99999999999999999999proc.name",
        "at most 65536 together",
    );
    let near = refuses(0, "user=%proc.nmae x", "unknown filter: proc.nmae");
    assert_eq!(near.help.as_deref(), Some("did you mean `proc.name`?"));
    assert_eq!((near.range.start, near.range.end), (5, 15));
    assert!(near.unknown_filter);
    assert!(!refuses(202, "%", "cannot end").unknown_filter);
}

#[test]
fn all_bad_tokens_are_told() {
    let findings = parse("%a.b %proc.name %c.d %", TextId(3), &Schema::syscall()).unwrap_err();
    let starts: Vec<_> = findings.iter().map(|finding| finding.range.start).collect();
    assert_eq!(starts, [0, 16, 21]);
    assert!(
        findings
            .iter()
            .all(|finding| finding.range.text == TextId(3))
    );
}

#[test]
fn deprecated_fields_are_remarked_on() {
    for (row, output, messages) in [
        (
            253,
            "%container.info",
            vec!["%container.info is deprecated and prints nothing"],
        ),
        (
            254,
            "%evt.dir %evt.latency",
            vec![
                "usage of deprecated field 'evt.dir' has been detected in the rule output",
                "usage of deprecated field 'evt.latency' has been detected in the rule output",
            ],
        ),
        (254, "%evt.type", vec![]),
    ] {
        let (_, warnings) = parse(output, TextId(0), &Schema::syscall()).expect(output);
        let got: Vec<_> = warnings
            .iter()
            .map(|warning| warning.message.as_str())
            .collect();
        assert_eq!(got, messages, "row {row}");
        assert!(
            warnings
                .iter()
                .all(|warning| warning.code == Code::DeprecatedItem)
        );
    }
}

#[test]
fn json_fields_are_the_fields_mentioned() {
    let always = checked("evt.type exists").expect("the condition is right");
    let output = "%toupper(proc.name) %proc.args[\"1\"] %fs.path.source %proc.pid %join(\",\",(proc.name,fd.name)) %fd.types";
    let set = rules(&[(always.typed, always.events)], output, Matching::All);
    let mut fields = Vec::new();
    Evaluator::new(&set).evaluate(&set, &sample("open"), |found| {
        fields = found
            .fields()
            .map(|(key, value, _)| format!("{key}={value:?}"))
            .collect();
    });
    let text = |text: &str| format!("Some(Text({:?}))", text.as_bytes());
    let expected = [
        format!("proc.name={}", text("init")),
        format!("proc.args[1]={}", text("ls")),
        "fs.path.source=None".to_owned(),
        "proc.pid=Some(Int(1))".to_owned(),
        format!("fd.name={}", text("/home/file.txt")),
        format!("fd.types=Some(List([Text({:?})]))", b"file"),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn bytes_that_are_no_text_become_replacement_characters() {
    let event = Sample::new("read", &[("evt.buffer", Datum::Bytes(b"a\xffb"))]);
    assert_eq!(filled("%evt.buffer", &event), "a\u{fffd}b");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(%|[0-9]{1,3}|proc\\.name|evt\\.arg\\.|fd\\.types|len\\(|join\\(|getopt\\(|\\)|\\[|\\]|\"|,|é|[a-z. ]){0,20}"
    ) {
        if let Ok((template, _)) = parse(&text, TextId(0), &Schema::syscall()) {
            prop_assert!(template.fields().len() <= text.len());
        }
    }
}
