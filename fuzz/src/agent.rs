//! The agent's parsers: kernel records, captures, cgroup paths, answers of container engines.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use exporter::bundled;
use exporter::detect::{Detector, RuleMetrics};
use exporter::event::capture::{CaptureReader, CaptureWriter, Host, Item};
use exporter::event::container::{ContainerNews, Interface, is_hex_id};
use exporter::metrics::Registry;
use exporter::pipeline::{Pipeline, PipelineMetrics};
use exporter::runtime::understood;
use exporter::state::cgroup::container;
use exporter::state::{State, user::Users};
use exporter_ebpf::record::{LAYOUT_VERSION, Record, Records};
use rule_engine::load::{LoadOptions, load};
use rule_engine::program::RuleSet;
use rule_engine::schema::{ArgKind, Schema};
use rule_engine::source::Source;

pub(crate) const CGROUP_WORDS: &[&str] = &[
    "/",
    "/docker/",
    "docker-",
    "cri-containerd-",
    "crio-",
    "libpod-",
    ".scope",
    ".slice",
    "/kubepods/besteffort/pod",
    "kubepods-pod",
    "system.slice:docker:",
    "lxc.payload.",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "6a5c1b2e-1111-2222-3333-444455556666",
    "_",
    ":",
    "é",
];

pub(crate) const CAPTURE_WORDS: &[&str] = &[
    "SAKER",
    "\0\0\0",
    "\u{1}\0\0\0",
    "\u{4}\0\0\0",
    r#"{"gone":"x"}"#,
    r#"{"unknown":"x"}"#,
    r#"{"answering":["docker","cri"]}"#,
    r#"{"known":{"id":"x","labels":[["a","b"]],"pod":{}}}"#,
    r#"{"pod":{"pod":{"name":"x"},"workload":{"kind":"Job"}}}"#,
    "\"",
    "é",
];

pub(crate) const ANSWER_WORDS: &[&str] = &[
    r#""Id":"x","#,
    r#""Name":"/web","#,
    r#""Config":{"Image":"a:5/b:c@sha256:00","Labels":{"io.kubernetes.pod.name":"p"}},"#,
    r#""Config":{"Healthcheck":{"Test":["CMD-SHELL","x"]}},"#,
    r#""HostConfig":{"Privileged":true,"PidMode":"host"},"#,
    r#""Mounts":[{"Source":"/a","Destination":"/b","RW":true}],"#,
    r#""State":{"StartedAt":"2026-01-01T00:00:00Z"},"#,
    r#""Actor":{"ID":"x"},"Action":"start""#,
    r#"{"linux":{"namespaces":[{"type":"pid"}]},"mounts":[{"options":["ro","rslave"]}]}"#,
    "info",
    "\n\u{1}x",
    "\u{8}\0",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "é",
];

/// Processes in the table: few, so that it overflows.
const PROCESSES_MAX: usize = 8;

/// A capture ends, in its end or in an error, and holds no longer records than it may; and what is written into one is read
/// from it again.
pub fn capture(bytes: &[u8]) {
    if let Ok(mut reader) = CaptureReader::new(bytes) {
        while let Ok(Some(item)) = reader.next() {
            if let Item::Record(record) = item {
                assert!(record.len() <= exporter::event::capture::RECORD_BYTES_MAX);
            }
        }
        assert!(
            matches!(reader.next(), Ok(None)),
            "there is no more after the end"
        );
    }
    let mut written = Vec::new();
    let host = Host {
        layout_version: LAYOUT_VERSION as u32,
        version: String::new(),
        architecture: std::env::consts::ARCH.to_owned(),
        kernel_release: String::new(),
        hostname: String::new(),
        watched: Vec::new(),
    };
    let mut writer = CaptureWriter::new(&mut written, &host).expect("memory");
    let short = &bytes[..bytes.len().min(exporter::event::capture::RECORD_BYTES_MAX)];
    writer
        .record(short)
        .expect("it is no longer than it may be");
    let news = serde_json::from_slice::<ContainerNews>(bytes).ok();
    if let Some(news) = &news {
        writer.news(7, news).expect("inputs are short");
    }
    writer.finish(Vec::new()).expect("memory");
    let mut reader = CaptureReader::new(&*written).expect("a capture");
    assert_eq!(reader.next().expect("whole"), Some(Item::Record(short)));
    if let Some(news) = news {
        let expected = Item::News { boot_ns: 7, news };
        assert_eq!(reader.next().expect("whole"), Some(expected));
    }
    assert!(matches!(reader.next(), Ok(Some(Item::End(_)))));
}

/// Whatever an engine answers, labels come in order and not without end, and what is made of it can be kept in a capture.
pub fn engine_answer(bytes: &[u8]) {
    for interface in Interface::ALL {
        let Some(info) = understood(interface, bytes) else {
            continue;
        };
        let labels = [Some(&info.labels), info.pod.as_ref().map(|pod| &pod.labels)];
        for labels in labels.into_iter().flatten() {
            assert!(labels.is_sorted() && labels.len() <= 512, "{labels:?}");
        }
        assert!(info.bytes() >= info.name.len() + info.image.name.len());
        let news = ContainerNews::Known(Arc::new(info));
        let text = serde_json::to_vec(&news).expect("texts, numbers and lists");
        let back = serde_json::from_slice::<ContainerNews>(&text);
        assert_eq!(back.expect("it was written so"), news);
    }
}

/// A container's id is part of the path that names it, and so is its pod's but for the hyphens.
pub fn cgroup_path(bytes: &[u8]) {
    let Some(found) = container(bytes) else {
        return;
    };
    let path = std::str::from_utf8(bytes).expect("only text names a container");
    assert!(!found.full.is_empty(), "an empty id from {path:?}");
    assert!(path.contains(&*found.full), "{found:?} from {path:?}");
    assert!(found.full.starts_with(found.short()), "{found:?}");
    assert_eq!(
        found.short().len() == 12,
        is_hex_id(&found.full) || found.full.len() == 12
    );
    if let Some(pod) = &found.pod_uid {
        let written = pod.replace('-', "_");
        assert!(
            path.replace('-', "_").contains(&written),
            "{found:?} from {path:?}"
        );
    }
}

/// A stream of records goes through the whole line: decoded, into the tables, judged by the bundled rules and by one that
/// asks for every field.
pub fn record(bytes: &[u8]) {
    if let Ok(record) = Record::parse(bytes) {
        assert_eq!(record.header().bytes as usize, bytes.len());
    }
    let taken: usize = Records::new(bytes).map(<[u8]>::len).sum();
    assert!(taken <= bytes.len(), "{taken} of {} bytes", bytes.len());
    let mut pipeline = pipeline();
    pipeline.scanned(bytes);
    pipeline.record(bytes);
}

/// A pipeline that has seen nothing yet, so that an input does the same again.
fn pipeline() -> Pipeline {
    static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| Arc::new(Schema::syscall()));
    thread_local! {
        static RULES: RefCell<RuleSet> = RefCell::new(rules(&SCHEMA));
    }
    let mut registry = Registry::new();
    let metrics = PipelineMetrics::declare(&mut registry, &SCHEMA, &[], PROCESSES_MAX);
    let users = Users::parse("root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n");
    let rules = RULES.with_borrow(RuleSet::clone);
    let detector = Detector::new(rules, &RuleMetrics::declare(&mut registry));
    let state = State::new(PROCESSES_MAX, Arc::new(users));
    Pipeline::new(state, detector, &SCHEMA, "host", metrics, Vec::new())
}

/// The bundled rules, and one that matches every event and prints every field.
fn rules(schema: &Schema) -> RuleSet {
    let plain = schema
        .fields
        .iter()
        .filter(|field| field.arg == ArgKind::None);
    let fields: Vec<_> = plain.map(|field| format!("%{}", field.name)).collect();
    let all = format!(
        "- rule: every event\n  desc: d\n  condition: evt.num >= 0\n  priority: DEBUG\n  warn_evttypes: false\n  output: '{}'\n",
        fields.join(" ")
    );
    let mut sources = bundled::rules();
    sources.push(Source {
        name: "every.yaml".to_owned(),
        text: all,
    });
    let loaded = load(sources, schema, &LoadOptions::default());
    loaded
        .rules
        .unwrap_or_else(|| panic!("these rules are right: {:?}", loaded.diagnostics))
}
