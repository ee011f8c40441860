//! Log records as a collector gets them.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use rule_engine::schema::Schema;
use uuid::Uuid;

use super::*;
use crate::output::otlp::asked;
use crate::output::{FieldValue, RuleFacts};

/// A match whose event has these values for the fields that are asked for.
fn sample(values: &[(&str, FieldValue)]) -> OwnedMatch {
    let schema = Schema::syscall();
    let value = |name: &str| {
        let found = values.iter().find(|(known, _)| *known == name);
        found.map_or(FieldValue::Null, |(_, value)| value.clone())
    };
    let fields = asked(&schema);
    let asked: Vec<_> = fields
        .iter()
        .map(|field| value(&field.written(&schema)))
        .collect();
    OwnedMatch {
        uuid: Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a UUID"),
        time_wall_ns: 1_507_591_916_746_609_046,
        rule: Arc::new(RuleFacts {
            name: "Write below binary dir".into(),
            priority: Priority::Error,
            source: "syscall".into(),
            file: "bundled:files.yaml".into(),
            description: "Somebody writes there.".into(),
            tags: ["filesystem".into()].into(),
        }),
        message: "opened \u{1b}[2J (file=/bin/x)".to_owned(),
        fields: vec![
            ("proc.name".into(), FieldValue::Text("sh".to_owned())),
            ("proc.pid".into(), FieldValue::Int(7)),
            ("fd.num".into(), FieldValue::Uint(u64::MAX)),
            ("k8s.pod.name".into(), FieldValue::Null),
        ],
        asked,
    }
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text(value.to_owned())
}

/// The record of such a match, as it is sent.
fn sent(values: &[(&str, FieldValue)]) -> LogRecord {
    LogRecord::from(&record(&logger(), &sample(values)))
}

/// The attributes as `key=value`, sorted.
fn attributes_of(values: &[(&str, FieldValue)]) -> Vec<String> {
    let show = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(truth)) => truth.to_string(),
        Some(Any::ArrayValue(list)) => format!("{} values", list.values.len()),
        other => format!("{other:?}"),
    };
    let record = sent(values);
    let mut shown: Vec<_> = record
        .attributes
        .iter()
        .map(|pair| format!("{}={}", pair.key, show(&pair.value)))
        .collect();
    shown.sort();
    shown
}

#[test]
fn a_record_is_an_event_with_both_times() {
    let record = sent(&[]);
    assert_eq!(record.event_name, "security.rule.match");
    assert_eq!(record.time_unix_nano, 1_507_591_916_746_609_046);
    // The UUID was made in 2023.
    assert_eq!(record.observed_time_unix_nano, 1_688_096_058_518_000_000);
    assert_eq!(
        (record.severity_number, &*record.severity_text),
        (17, "Error")
    );
    let body = record.body.and_then(|body| body.value);
    let expected = "opened \\u001b[2J (file=/bin/x)".to_owned();
    assert_eq!(body, Some(Any::StringValue(expected)));
}

#[test]
fn severities_are_those_of_syslog() {
    let numbers = [
        (Priority::Emergency, 21),
        (Priority::Alert, 19),
        (Priority::Critical, 18),
        (Priority::Error, 17),
        (Priority::Warning, 13),
        (Priority::Notice, 10),
        (Priority::Informational, 9),
        (Priority::Debug, 5),
    ];
    for (priority, expected) in numbers {
        assert_eq!(severity(priority) as i32, expected, "{priority}");
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let unknown = [
        ("proc.pid", FieldValue::Int(-1)),
        ("user.name", text("<NA>")),
        ("user.uid", FieldValue::Uint(u64::from(u32::MAX))),
        ("proc.exepath", text("")),
    ];
    let expected = [
        "log.record.uid=01890a5d-ac96-774b-bcce-b302099a8057",
        "saker.fd.num=18446744073709551615",
        "saker.proc.name=sh",
        "saker.proc.pid=7",
        "saker.tags=1 values",
        "security_rule.description=Somebody writes there.",
        "security_rule.name=Write below binary dir",
        "security_rule.ruleset.name=bundled:files.yaml",
    ];
    assert_eq!(attributes_of(&unknown), expected);
}

#[test]
fn what_is_known_has_the_names_of_the_conventions() {
    let file = [
        ("proc.exepath", text("/bin/busybox")),
        ("proc.tty", FieldValue::Uint(34816)),
        ("user.uid", FieldValue::Uint(0)),
        ("container.full_id", text("0123")),
        ("container.name", text("web")),
        ("container.type", text("docker")),
        ("container.image.repository", text("nginx")),
        ("container.image.tag", text("1")),
        ("container.image.digest", text("sha256:1")),
        ("k8s.pod.uid", text("u")),
        ("fd.typechar", text("f")),
        ("fd.name", text("/etc/shadow")),
        ("fd.cip", text("192.0.2.1")),
    ];
    let expected = [
        "container.id=0123",
        "container.image.name=nginx",
        "container.image.repo_digests=1 values",
        "container.image.tags=1 values",
        "container.name=web",
        "container.runtime.name=docker",
        "file.path=/etc/shadow",
        "k8s.container.name=web",
        "k8s.pod.uid=u",
        "process.executable.name=busybox",
        "process.executable.path=/bin/busybox",
        "process.interactive=true",
        "user.id=0",
    ];
    let shown = attributes_of(&file);
    let is_rule = |line: &&String| line.starts_with("saker.") || line.starts_with("security_");
    let found: Vec<_> = shown.iter().filter(|line| !is_rule(line)).collect();
    assert_eq!(found[..9], expected[..9]);
    assert_eq!(found[10..], expected[9..]);

    let connection = [
        ("fd.typechar", text("4")),
        ("fd.name", text("192.0.2.1:5->192.0.2.2:443")),
        ("fd.l4proto", text("tcp")),
        ("fd.cip", text("192.0.2.1")),
        ("fd.cport", FieldValue::Uint(5)),
        ("fd.sip", text("192.0.2.2")),
        ("fd.sport", FieldValue::Uint(443)),
    ];
    let shown = attributes_of(&connection).join(" ");
    for part in [
        "destination.address=192.0.2.2 destination.port=443",
        "network.transport=tcp network.type=ipv4",
        "source.address=192.0.2.1 source.port=5",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains("file.path"), "{shown}");
}

#[test]
fn rejected_records_are_counted_once_and_no_more_than_were_sent() {
    let answer = |rejected: i64| {
        let partial_success = Some(ExportLogsPartialSuccess {
            rejected_log_records: rejected,
            error_message: "no".to_owned(),
        });
        ExportLogsServiceResponse { partial_success }.encode_to_vec()
    };
    assert_eq!(rejected(&answer(3), 5), (3, "no".to_owned()));
    assert_eq!(rejected(&answer(9), 5).0, 5);
    assert_eq!(rejected(&answer(-1), 5).0, 0);
    assert_eq!(rejected(b"", 5), (0, String::new()));
    assert_eq!(rejected(b"{}", 5).0, 0);
}
