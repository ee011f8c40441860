//! Answers as containerd gives them, and bytes that are none.

use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use super::message::{Any, Container, Envelope};
use super::*;

fn spec() -> Value {
    json!({
        "process": { "capabilities": { "bounding": ["CAP_CHOWN", "CAP_KILL"] }, "env": ["SECRET=1"] },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"] },
            { "destination": "/etc/conf", "type": "bind", "source": "/srv/conf", "options": ["rbind", "rslave", "ro"] },
        ],
        "linux": {
            "namespaces": [{ "type": "pid" }, { "type": "network", "path": "/var/run/netns/x" }],
            "maskedPaths": ["/proc/kcore"],
        },
    })
}

fn container(image: &str, spec: &Value) -> Container {
    let labels = [(NAME_LABEL, "web"), ("tier", "front")];
    let container = Container {
        id: "job-1".to_owned(),
        labels: labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        image: image.to_owned(),
        spec: Some(Any {
            value: spec.to_string().into_bytes(),
        }),
        created_at: Some(Timestamp {
            seconds: 3,
            nanos: 7,
        }),
    };
    // Through the bytes, as it comes.
    Container::decode(&*container.encode_to_vec()).unwrap()
}

#[test]
fn an_answer_tells_everything_but_the_environment() {
    let container = container("docker.io/team/web:7", &spec());
    let got = info("job-1", "default", &container, "sha256:12").unwrap();
    assert_eq!((&*got.name, got.runtime), ("web", Runtime::Containerd));
    assert_eq!(
        (&*got.image.repository, &*got.image.tag, &*got.image.digest),
        ("docker.io/team/web", "7", "sha256:12")
    );
    assert_eq!(got.privileged, Some(false));
    assert_eq!(got.start_wall_ns, 3_000_000_007);
    let shares = [got.shares.pid, got.shares.network, got.shares.ipc];
    assert_eq!(shares, [Some(false), None, Some(true)]);
    let mount = &got.mounts[1];
    assert_eq!(
        (&*mount.source, &*mount.destination),
        ("/srv/conf", "/etc/conf")
    );
    assert_eq!(
        (&*mount.mode, mount.writable, &*mount.propagation),
        ("rbind,rslave,ro", false, "rslave")
    );
    assert!(got.mounts[0].writable);
    assert_eq!(got.labels.len(), 2);
    assert!(!format!("{got:?}").contains("SECRET"));
    assert!(info("job-2", "default", &container, "").is_none());
    assert_eq!(
        info("job-1", BUILDKIT, &container, "").unwrap().runtime,
        Runtime::Buildkit
    );
}

#[test]
fn privileged_is_who_may_all_and_sees_all() {
    let told = |rights: &[&str], masked: &[&str], readonly: &[&str]| {
        privileged(&json!({
            "process": { "capabilities": { "bounding": rights } },
            "linux": { "maskedPaths": masked, "readonlyPaths": readonly },
        }))
    };
    assert_eq!(told(&["CAP_CHOWN", CAP_SYS_ADMIN], &[], &[]), Some(true));
    assert_eq!(told(&[CAP_SYS_ADMIN], &["/proc/kcore"], &[]), Some(false));
    assert_eq!(told(&[CAP_SYS_ADMIN], &[], &["/proc/sys"]), Some(false));
    assert_eq!(told(&["CAP_CHOWN"], &[], &[]), Some(false));
    assert_eq!(privileged(&Value::Null), None);
}

#[test]
fn without_a_specification_much_is_unknown() {
    let got = info("job-1", "default", &container("", &Value::Null), "").unwrap();
    assert_eq!((got.privileged, got.shares), (None, Shares::default()));
    assert_eq!((&*got.image.name, got.mounts.len()), ("", 0));
}

#[test]
fn events_say_who_comes_and_goes() {
    let event = |namespace: &str, topic: &str, id: &str, process: &str| {
        let event = TaskExit {
            container_id: id.to_owned(),
            id: process.to_owned(),
        };
        change(&Envelope {
            namespace: namespace.to_owned(),
            topic: topic.to_owned(),
            event: Some(Any {
                value: event.encode_to_vec(),
            }),
        })
    };
    let there = Some(Change::There("a".into()));
    let gone = Some(Change::Gone("a".into()));
    assert_eq!(event("default", "/containers/create", "a", ""), there);
    assert_eq!(event("default", "/tasks/start", "a", ""), there);
    assert_eq!(event("default", "/containers/delete", "a", ""), gone);
    assert_eq!(event("default", "/tasks/exit", "a", "a"), gone);
    assert_eq!(event("default", "/tasks/exit", "a", "exec-1"), None);
    assert_eq!(event("default", "/images/create", "a", ""), None);
    assert_eq!(event("default", "/tasks/start", "", ""), None);
    assert_eq!(event("k8s.io", "/tasks/start", "a", ""), None);
    assert_eq!(event("moby", "/tasks/start", "a", ""), None);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_none(bytes: Vec<u8>, spec: Vec<u8>) {
        if let Ok(container) = Container::decode(&*bytes) {
            let _ = info(&container.id, "default", &container, "");
        }
        if let Ok(event) = Envelope::decode(&*bytes) {
            let _ = change(&event);
        }
        let odd = Container { id: "x".to_owned(), spec: Some(Any { value: spec }), ..Container::default() };
        prop_assert!(info("x", "default", &odd, "").is_some());
    }
}
