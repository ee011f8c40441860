//! The exporter against a receiver that answers as it is told: whatever it answers, the books balance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exporter::config::{Layer, Settings};
use exporter::metrics::{self, Registry};
use exporter::output::otlp::{self, Exporter, Identity, Running};
use exporter::output::{OwnedMatch, Queue, RuleFacts};
use rule_engine::priority::Priority;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::http::free_address;
use crate::support::otlp::{Certificates, PROTOCOLS, Receiver};
use crate::support::wait::wait_until;

/// Longer than any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running exporter, and how many matches it was given.
struct Exporting {
    registry: Registry,
    /// Until the end.
    running: Option<(Queue, Running)>,
    produced: u64,
}

/// What became of the matches: `outcome reason` and a number, those that are 0 left out.
type Books = BTreeMap<String, u64>;

impl Exporting {
    /// Exports to an endpoint, with `settings` more in the section `otlp`.
    fn start(protocol: &str, endpoint: &str, settings: Value) -> Exporting {
        let mut section = json!({ "endpoint": endpoint, "protocol": protocol });
        let section_keys = section.as_object_mut().expect("an object");
        section_keys.extend(settings.as_object().expect("an object").clone());
        let folder = TempDir::new().expect("a scratch folder");
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, json!({ "otlp": section }).to_string()).expect("writable");
        let layer = Layer::read(&path).expect("these settings are right");
        let settings = Settings::from_layers([layer]).expect("these settings are right");
        let otlp = settings.otlp.expect("there is an endpoint");
        let target = otlp.logs.as_ref().expect("there is an endpoint");
        let mut registry = Registry::new();
        let (queue, pending) = otlp::queue(&mut registry, otlp.queue_len_max);
        let exporter = Exporter::new(&otlp, target, &Identity::default()).expect("certificates");
        let running = exporter.start(pending).expect("a thread");
        Exporting {
            registry,
            running: Some((queue, running)),
            produced: 0,
        }
    }

    fn to(receiver: &Receiver, protocol: &str, settings: Value) -> Exporting {
        Self::start(protocol, &receiver.endpoint(), settings)
    }

    fn produce(&mut self, count: u64) {
        let (queue, _) = self.running.as_ref().expect("not ended yet");
        for _ in 0..count {
            queue.send(Arc::new(sample(self.produced)));
            self.produced += 1;
        }
    }

    fn scrape(&self) -> String {
        metrics::classic_text(&self.registry)
    }

    fn books(&self) -> Books {
        let mut books = Books::new();
        for line in self.scrape().lines() {
            let Some(rest) = line.strip_prefix("saker_otlp_log_records_total{") else {
                continue;
            };
            let (labels, count) = rest.split_once("} ").expect("a sample");
            let count = count.parse().expect("a whole number");
            if count > 0 {
                let values = labels
                    .split(',')
                    .filter_map(|label| label.split('"').nth(1));
                books.insert(values.collect::<Vec<_>>().join(" "), count);
            }
        }
        books
    }

    /// Waits until all matches are in the books, and compares these.
    fn expect(&self, expected: &[(&str, u64)]) {
        let settled = |books: &Books| books.values().sum::<u64>() == self.produced;
        wait_until("all records are in the books", || settled(&self.books()));
        let expected: Books = expected
            .iter()
            .map(|(what, count)| ((*what).to_owned(), *count))
            .collect();
        assert_eq!(self.books(), expected);
        assert!(self.scrape().contains("\nsaker_otlp_queue_length 0\n"));
    }

    /// Ends it, and compares the books.
    fn end(mut self, within: Duration, expected: &[(&str, u64)]) {
        let (queue, running) = self.running.take().expect("not ended yet");
        drop(queue);
        assert!(running.finish(within), "the thread has ended");
        self.expect(expected);
    }
}

fn sample(number: u64) -> OwnedMatch {
    OwnedMatch {
        uuid: Uuid::now_v7(),
        time_wall_ns: 1_800_000_000_000_000_000 + number,
        rule: Arc::new(RuleFacts {
            name: "Sample".into(),
            priority: Priority::Notice,
            source: "syscall".into(),
            file: "sample.yaml".into(),
            description: "".into(),
            tags: [].into(),
        }),
        message: format!("sample {number}"),
        fields: Vec::new(),
        asked: Vec::new(),
    }
}

/// The bodies of all records that were taken.
fn taken(receiver: &mut Receiver) -> Vec<String> {
    let requests = receiver.all_requests().iter();
    let taken = requests.filter(|request| {
        let answer = &request["answer"];
        answer["code"].is_null() && answer["status"].is_null()
    });
    let records = taken.flat_map(|request| request["records"].as_array().expect("records"));
    records
        .map(|record| record["body"].as_str().expect("text").to_owned())
        .collect()
}

/// An answer that means the same in both protocols.
fn fault(protocol: &str, code: &str, status: u16) -> Value {
    match protocol {
        "grpc" => json!({ "code": code }),
        _ => json!({ "status": status }),
    }
}

#[test]
fn an_unavailable_collector_is_tried_again() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        let unavailable = fault(protocol, "UNAVAILABLE", 503);
        receiver.answer(&[unavailable.clone(), unavailable.clone(), unavailable]);
        let mut exporting = Exporting::to(&receiver, protocol, json!({}));
        exporting.produce(100);
        exporting.expect(&[("exported", 100)]);
        let bodies = taken(&mut receiver);
        let expected: Vec<String> = (0..100).map(|number| format!("sample {number}")).collect();
        assert_eq!(bodies, expected, "{protocol}: each once, in order");
    }
}

#[test]
fn a_collector_that_stays_unavailable_costs_only_what_was_tried() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        let unavailable = fault(protocol, "UNAVAILABLE", 503);
        receiver.answer(&vec![unavailable; 50]);
        let settings = json!({ "retry_ms": 300, "delay_ms": 0, "batch_len_max": 10 });
        let mut exporting = Exporting::to(&receiver, protocol, settings);
        exporting.produce(10);
        exporting.expect(&[("failed unavailable", 10)]);
    }
}

#[test]
fn a_refusal_is_final() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        receiver.answer(&[fault(protocol, "INVALID_ARGUMENT", 400)]);
        let mut exporting = Exporting::to(&receiver, protocol, json!({}));
        exporting.produce(1);
        exporting.expect(&[("failed refused", 1)]);
        exporting.produce(1);
        exporting.expect(&[("exported", 1), ("failed refused", 1)]);
        assert_eq!(
            receiver.all_requests().len(),
            2,
            "{protocol}: not tried again"
        );
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept() {
    const PAUSE_MS: u64 = 1000;
    for (protocol, answer) in [
        (
            "grpc",
            json!({ "code": "RESOURCE_EXHAUSTED", "retry_ms": PAUSE_MS }),
        ),
        (
            "http/protobuf",
            json!({ "status": 429, "retry_after": PAUSE_MS / 1000 }),
        ),
    ] {
        let mut receiver = Receiver::start(protocol);
        receiver.answer(&[answer]);
        let mut exporting = Exporting::to(&receiver, protocol, json!({}));
        exporting.produce(3);
        exporting.expect(&[("exported", 3)]);
        let times: Vec<u64> = receiver
            .all_requests()
            .iter()
            .filter_map(|request| request["time"].as_u64())
            .collect();
        assert_eq!(times.len(), 2);
        assert!(times[1] - times[0] >= PAUSE_MS * 1_000_000, "{times:?}");
    }
}

#[test]
fn exhausted_without_a_word_of_when_is_final() {
    let mut receiver = Receiver::start("grpc");
    receiver.answer(&[json!({ "code": "RESOURCE_EXHAUSTED" })]);
    let mut exporting = Exporting::to(&receiver, "grpc", json!({}));
    exporting.produce(3);
    exporting.expect(&[("failed refused", 3)]);
}

#[test]
fn what_is_rejected_of_a_request_is_counted_and_not_sent_again() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        receiver.answer(&[json!({ "rejected": 2 })]);
        let settings = json!({ "delay_ms": 2000, "batch_len_max": 5 });
        let mut exporting = Exporting::to(&receiver, protocol, settings);
        exporting.produce(5);
        exporting.expect(&[("exported", 3), ("failed rejected", 2)]);
        assert_eq!(receiver.all_requests().len(), 1, "{protocol}");
    }
}

#[test]
fn a_slow_collector_fills_the_queue_and_no_more() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        receiver.answer(&[json!({ "slow_ms": 500 })]);
        let settings = json!({ "queue_len_max": 10, "batch_len_max": 1, "delay_ms": 0 });
        let mut exporting = Exporting::to(&receiver, protocol, settings);
        exporting.produce(1);
        wait_until("the first request is under way", || {
            !receiver.requests().is_empty()
        });
        exporting.produce(30);
        exporting.expect(&[("dropped queue_full", 20), ("exported", 11)]);
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_tried_again() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        receiver.answer(&[json!({ "slow_ms": 3000 })]);
        let mut exporting = Exporting::to(&receiver, protocol, json!({ "timeout_ms": 500 }));
        exporting.produce(1);
        exporting.expect(&[("exported", 1)]);
        assert!(receiver.all_requests().len() >= 2, "{protocol}");
    }
}

#[test]
fn a_collector_that_was_away_gets_everything() {
    for protocol in PROTOCOLS {
        let port = free_address().port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut exporting = Exporting::start(protocol, &endpoint, json!({}));
        let port = port.to_string();
        exporting.produce(5);
        let mut receiver = Receiver::start_with(protocol, &["--port", &port]);
        exporting.expect(&[("exported", 5)]);
        assert_eq!(taken(&mut receiver).len(), 5, "{protocol}");

        drop(receiver);
        exporting.produce(5);
        let mut receiver = Receiver::start_with(protocol, &["--port", &port]);
        exporting.expect(&[("exported", 10)]);
        assert_eq!(taken(&mut receiver).len(), 5, "{protocol}");
    }
}

#[test]
fn a_collector_that_is_gone_for_good_costs_what_was_produced() {
    for protocol in PROTOCOLS {
        let endpoint = format!("http://{}", free_address());
        let settings = json!({ "retry_ms": 200, "delay_ms": 100 });
        let mut exporting = Exporting::start(protocol, &endpoint, settings);
        exporting.produce(7);
        exporting.expect(&[("failed unreachable", 7)]);
    }
}

#[test]
fn certificates_are_verified_both_ways() {
    let certificates = Certificates::make();
    let others = Certificates::make();
    let (certificate, key) = (
        certificates.path("certificate.pem"),
        certificates.path("key.pem"),
    );
    let ca = certificates.path("ca.pem");
    let serve = [
        "--certificate",
        &*certificate,
        "--key",
        &*key,
        "--client-ca",
        &*ca,
    ];
    for protocol in PROTOCOLS {
        let receiver = Receiver::start_with(protocol, &serve);
        let endpoint = format!("https://127.0.0.1:{}", receiver.port());
        let right = json!({ "ca": ca, "certificate": certificate, "key": key });
        let mut exporting = Exporting::start(protocol, &endpoint, json!({ "tls": right }));
        exporting.produce(4);
        exporting.expect(&[("exported", 4)]);

        // An authority that we do not trust, and one of ours that the receiver does not.
        let wrong = json!({ "ca": others.path("ca.pem") });
        let settings = json!({ "tls": wrong, "retry_ms": 100, "delay_ms": 100 });
        let mut exporting = Exporting::start(protocol, &endpoint, settings);
        exporting.produce(4);
        exporting.expect(&[("failed tls", 4)]);

        let wrong = json!({
            "ca": ca,
            "certificate": others.path("certificate.pem"),
            "key": others.path("key.pem"),
        });
        let settings = json!({ "tls": wrong, "retry_ms": 100, "delay_ms": 100 });
        let mut exporting = Exporting::start(protocol, &endpoint, settings);
        exporting.produce(4);
        wait_until("all records are in the books", || {
            exporting.books().values().sum::<u64>() == 4
        });
        assert!(!exporting.books().contains_key("exported"), "{protocol}");
    }
}

#[test]
fn the_end_flushes_what_it_can_and_counts_the_rest() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        let settings = json!({ "batch_len_max": 100 });
        let mut exporting = Exporting::to(&receiver, protocol, settings);
        exporting.produce(1000);
        exporting.end(PATIENCE, &[("exported", 1000)]);
        assert_eq!(taken(&mut receiver).len(), 1000, "{protocol}");

        let endpoint = format!("http://{}", free_address());
        let mut exporting = Exporting::start(protocol, &endpoint, json!({ "batch_len_max": 100 }));
        exporting.produce(1000);
        exporting.end(Duration::from_millis(300), &[("dropped shutdown", 1000)]);
    }
}

#[test]
fn headers_and_compression_arrive() {
    for protocol in PROTOCOLS {
        let mut receiver = Receiver::start(protocol);
        let settings = json!({ "compression": "gzip", "headers": { "x-token": "secret" } });
        let mut exporting = Exporting::to(&receiver, protocol, settings);
        exporting.produce(20);
        exporting.expect(&[("exported", 20)]);
        let requests = receiver.all_requests();
        assert_eq!(requests[0]["headers"]["x-token"], "secret", "{protocol}");
        if protocol != "grpc" {
            assert_eq!(requests[0]["headers"]["content-encoding"], "gzip");
        }
    }
}
