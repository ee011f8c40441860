//! Lines as their readers get them, and the books of the queue and the writer.

mod schema;

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bumpalo::Bump;
use rule_engine::priority::Priority;
use rule_engine::value::Value;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::metrics::{self, Registry};

const PATIENCE: Duration = Duration::from_secs(20);

/// A match of 2017-10-09T23:31:56.746609046Z.
fn sample(message: &str, fields: Vec<(Arc<str>, FieldValue)>) -> OwnedMatch {
    OwnedMatch {
        uuid: Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").expect("a UUID"),
        time_wall_ns: 1_507_591_916_746_609_046,
        rule: Arc::new(RuleFacts {
            name: "Write below binary dir".into(),
            priority: Priority::Error,
            source: "syscall".into(),
            file: "rules.yaml".into(),
            description: "".into(),
            tags: ["filesystem".into(), "mitre_persistence".into()].into(),
        }),
        message: message.to_owned(),
        fields,
        asked: Vec::new(),
    }
}

fn rendered(format: Format, owned: &OwnedMatch) -> String {
    let mut lines = Vec::new();
    Lines::new(format, "node-1".to_owned()).render(owned, &mut lines);
    String::from_utf8(lines).expect("lines are UTF-8")
}

fn fields(values: Vec<(&str, Option<Value<'_>>)>) -> Vec<(Arc<str>, FieldValue)> {
    let owned =
        |(name, value): (&str, Option<Value<'_>>)| (Arc::from(name), FieldValue::from(value));
    values.into_iter().map(owned).collect()
}

/// One field of each type.
fn fields_of_all_types(arena: &Bump) -> Vec<(Arc<str>, FieldValue)> {
    let names = arena.alloc_slice_copy(&[Value::Text(b"eth0"), Value::Text(b"lo")]);
    fields(vec![
        (
            "proc.cmdline",
            Some(Value::Text(b"touch /bin/\xff\xfe\"hack\"")),
        ),
        ("proc.name", None),
        ("proc.pid", Some(Value::Int(-1))),
        ("evt.time", Some(Value::Uint(1_507_591_916_746_609_046))),
        ("fd.num", Some(Value::Uint(u64::MAX))),
        ("evt.failed", Some(Value::Bool(false))),
        ("thread.cpu", Some(Value::Double(12.5))),
        ("fd.sip", Some(Value::Ip([192, 0, 2, 7].into()))),
        ("net.names", Some(Value::List(names))),
    ])
}

#[test]
fn json_has_the_keys_and_types_of_falco() {
    let arena = Bump::new();
    let owned = sample(
        "File below /bin opened (file=\u{1b}[2Jx\u{9b}2J)",
        fields_of_all_types(&arena),
    );
    let line = rendered(Format::Json, &owned);
    assert!(
        line.ends_with("}\n") && line.matches('\n').count() == 1,
        "{line}"
    );
    assert!(!line.trim_end().contains(char::is_control), "{line:?}");
    let mut value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let output = value["output"].take();
    let output = output.as_str().expect("text");
    // The time of day is local, so only its form is known here.
    assert!(
        output.contains(".746609046: Error File below /bin opened (file=\u{1b}[2Jx\u{9b}2J)"),
        "{output}"
    );
    assert_eq!(
        value,
        json!({
            "time": "2017-10-09T23:31:56.746609046Z",
            "rule": "Write below binary dir",
            "priority": "Error",
            "source": "syscall",
            "output": null,
            "output_fields": {
                "evt.time": 1_507_591_916_746_609_046_u64,
                "proc.cmdline": "touch /bin/\u{fffd}\u{fffd}\"hack\"",
                "proc.name": null,
                "proc.pid": -1,
                "fd.num": u64::MAX,
                "evt.failed": false,
                "thread.cpu": 12.5,
                "fd.sip": "192.0.2.7",
                "net.names": ["eth0", "lo"],
            },
            "tags": ["filesystem", "mitre_persistence"],
            "hostname": "node-1",
            "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
        })
    );
    assert_eq!(line.matches("\"evt.time\"").count(), 1, "{line}");
}

#[test]
fn lines_keep_to_the_published_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../docs/match.schema.json"))
            .expect("the schema is JSON");
    let arena = Bump::new();
    let line = rendered(Format::Json, &sample("x", fields_of_all_types(&arena)));
    let good: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(schema::violations(&schema, &good), [""; 0]);
    for (path, wrong) in [
        ("/time", json!("2017-10-09T23:31:56Z")),
        ("/priority", json!("error")),
        ("/output", json!("no time")),
        ("/output_fields/proc.pid", json!({})),
        ("/output_fields/net.names/0", json!([])),
        ("/output_fields/evt.time", json!("23:31")),
        ("/tags", json!("filesystem")),
        ("/uuid", json!("")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).expect("a value to replace") = wrong;
        assert_eq!(schema::violations(&schema, &bad).len(), 1, "{path}");
    }
    let mut more = good.clone();
    more["severity"] = json!(3);
    assert_eq!(schema::violations(&schema, &more).len(), 1);
    let mut less = good;
    less.as_object_mut().expect("an object").remove("hostname");
    assert_eq!(schema::violations(&schema, &less).len(), 1);
}

#[test]
fn text_is_one_printable_line() {
    let line = rendered(
        Format::Text,
        &sample("a\tb\nc \\n \"q\" \u{1b}[2J \u{9b} \u{7f} ü", Vec::new()),
    );
    let (time, rest) = line.split_once(": ").expect("a time");
    assert_eq!(
        rest,
        "Error a\\tb\\nc \\n \"q\" \\u001b[2J \\u009b \\u007f ü\n"
    );
    assert!(
        time.len() == 18 && time.ends_with(":56.746609046"),
        "{time}"
    );
}

/// A sink that keeps what it is given, and refuses as told.
#[derive(Clone, Default)]
struct Sink {
    taken: Arc<Mutex<Vec<u8>>>,
    /// Answers to come before it takes everything: so many bytes, or an error.
    answers: Arc<Mutex<Vec<io::Result<usize>>>>,
}

impl Sink {
    fn answering(answers: Vec<io::Result<usize>>) -> Sink {
        Sink {
            answers: Arc::new(Mutex::new(answers)),
            ..Sink::default()
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.taken.lock().unwrap().clone()).expect("UTF-8")
    }
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.is_empty() {
            Ok(buffer.len())
        } else {
            answers.remove(0)
        };
        let count = answer?.min(buffer.len());
        self.taken
            .lock()
            .unwrap()
            .extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The samples of the line counter, without those at 0.
fn counted(registry: &Registry) -> Vec<String> {
    let text = metrics::classic_text(registry);
    text.lines()
        .filter_map(|line| line.strip_prefix("saker_output_lines_total"))
        .filter(|line| !line.ends_with(" 0"))
        .map(str::to_owned)
        .collect()
}

fn text_lines() -> Lines {
    Lines::new(Format::Text, "node-1".to_owned())
}

#[test]
fn everything_queued_is_written_before_the_end() {
    let mut registry = Registry::new();
    let (queue, pending) = queue(&mut registry);
    let sink = Sink::default();
    let writer = Writer::start(pending, sink.clone(), text_lines()).expect("a thread");
    for turn in 0..1000 {
        queue.send(sample(&format!("turn {turn}"), Vec::new()).into());
    }
    drop(queue);
    assert!(writer.finish(PATIENCE));
    let text = sink.text();
    assert_eq!(text.lines().count(), 1000);
    assert!(
        text.lines()
            .enumerate()
            .all(|(turn, line)| line.ends_with(&format!(" turn {turn}")))
    );
    assert_eq!(counted(&registry), ["{outcome=\"written\"} 1000"]);
}

#[test]
fn a_full_queue_drops_and_counts() {
    let mut registry = Registry::new();
    let (queue, pending) = queue(&mut registry);
    let owned = Arc::new(sample("x", Vec::new()));
    for _ in 0..5000 {
        queue.send(owned.clone());
    }
    let text = metrics::classic_text(&registry);
    assert!(
        text.contains("\nsaker_output_queue_length 4096\n"),
        "{text}"
    );
    assert!(
        text.contains("\nsaker_output_queue_capacity 4096"),
        "{text}"
    );
    let sink = Sink::default();
    let writer = Writer::start(pending, sink.clone(), text_lines()).expect("a thread");
    drop(queue);
    assert!(writer.finish(PATIENCE));
    assert_eq!(sink.text().lines().count(), 4096);
    assert_eq!(
        counted(&registry),
        [
            "{outcome=\"dropped\",reason=\"queue_full\"} 904",
            "{outcome=\"written\"} 4096"
        ]
    );
}

#[test]
fn a_sink_that_fails_is_counted_and_tried_again() {
    let line_len = {
        let mut line = Vec::new();
        text_lines().render(&sample("0", Vec::new()), &mut line);
        line.len()
    };
    let closed = || Err(io::ErrorKind::BrokenPipe.into());
    let busy = || Err(io::ErrorKind::WouldBlock.into());
    let disk_full = || Err(io::ErrorKind::StorageFull.into());
    for (answers, expected_turns, failed) in [
        // In turn: nothing goes wrong; small bites; a closed pipe; a disk that fills within the second line.
        (vec![], "0 1 2 3", None),
        (
            vec![Ok(3), busy(), Ok(1), Err(io::ErrorKind::Interrupted.into())],
            "0 1 2 3",
            None,
        ),
        (
            vec![closed()],
            "3",
            Some("{outcome=\"failed\",reason=\"closed\"} 3"),
        ),
        (
            vec![Ok(line_len + 4), disk_full()],
            "0 torn 3",
            Some("{outcome=\"failed\",reason=\"refused\"} 2"),
        ),
    ] {
        let mut registry = Registry::new();
        let (queue, pending) = queue(&mut registry);
        for turn in 0..3 {
            queue.send(sample(&turn.to_string(), Vec::new()).into());
        }
        let sink = Sink::answering(answers);
        let writer = Writer::start(pending, sink.clone(), text_lines()).expect("a thread");
        while counted(&registry).is_empty() {
            std::thread::yield_now();
        }
        queue.send(sample("3", Vec::new()).into());
        drop(queue);
        assert!(writer.finish(PATIENCE));
        let text = sink.text();
        let turn = |line: &str| {
            line.rsplit_once("Error ")
                .map_or("torn", |(_, turn)| turn)
                .to_owned()
        };
        let turns: Vec<String> = text.lines().map(turn).collect();
        assert_eq!(turns.join(" "), expected_turns, "{text}");
        let books = counted(&registry);
        assert_eq!(
            books
                .iter()
                .find(|line| line.contains("failed"))
                .map(String::as_str),
            failed,
            "{books:?}"
        );
    }
}

#[test]
fn a_stalled_reader_does_not_hold_the_end_up() {
    struct Stalled(mpsc::Receiver<()>);
    impl Write for Stalled {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(buffer.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut registry = Registry::new();
    let (queue, pending) = queue(&mut registry);
    let (go_on, wait) = mpsc::channel();
    let writer = Writer::start(pending, Stalled(wait), text_lines()).expect("a thread");
    queue.send(sample("x", Vec::new()).into());
    drop(queue);
    assert!(!writer.finish(Duration::from_millis(20)));
    drop(go_on);
}

#[test]
fn the_page_gets_what_fits_and_the_rest_is_counted() {
    let mut registry = Registry::new();
    let (queue, pending) = page::queue(&mut registry);
    let owned = Arc::new(sample("x", Vec::new()));
    for _ in 0..1500 {
        queue.send(owned.clone());
    }
    let shows = |sample: &str| {
        let text = metrics::classic_text(&registry);
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}: {text}");
    };
    shows("saker_page_queue_length 1024");
    shows("saker_page_queue_capacity 1024");
    drop(queue);
    let mut kept = 0;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let handing_over = pending.hand_over(|matches| kept += matches.count());
    runtime.expect("a runtime").block_on(handing_over);
    assert_eq!(kept, 1024);
    shows("saker_page_queue_length 0");
    shows("saker_page_matches_total{outcome=\"shown\"} 1024");
    shows("saker_page_matches_total{outcome=\"dropped\",reason=\"queue_full\"} 476");
}

#[test]
fn who_went_away_is_owed_nothing() {
    let mut registry = Registry::new();
    let (queue, pending) = page::queue(&mut registry);
    drop(pending);
    queue.send(sample("x", Vec::new()).into());
    let text = metrics::classic_text(&registry);
    let dropped = "\nsaker_page_matches_total{outcome=\"dropped\",reason=\"shutdown\"} 1\n";
    assert!(text.contains(dropped), "{text}");
    assert!(text.contains("\nsaker_page_queue_length 0\n"), "{text}");
}
