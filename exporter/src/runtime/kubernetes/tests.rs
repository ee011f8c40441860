//! What objects of the API say; how the watch fares is tried on a server in `tests/e2e`.

use kube::core::Status;
use serde_json::json;

use super::*;

fn pod(value: serde_json::Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_pod_tells_its_name_labels_and_address() {
    let pod = pod(json!({
        "metadata": { "name": "web-1", "uid": "u", "labels": { "app": "web" }, "annotations": { HASH: "no mirror" } },
        "status": { "podIP": "10.0.0.9", "phase": "Running" },
    }));
    let got = bare(&pod);
    assert_eq!(
        (&*got.pod.name, &*got.pod.uid, &*got.ip),
        ("web-1", "u", "10.0.0.9")
    );
    assert_eq!(got.pod.labels, [("app".into(), "web".into())].into());
    assert_eq!(&*got.cgroup_uid, "");
    assert!(!is_over(&pod));
    assert_eq!(bare(&Pod::default()), PodMeta::default());
}

#[test]
fn a_pod_from_a_file_has_the_uid_that_its_kubelet_knows() {
    let annotations = json!({ MIRROR: "h", HASH: "h" });
    let pod = pod(json!({ "metadata": { "uid": "u", "annotations": annotations } }));
    assert_eq!(&*bare(&pod).cgroup_uid, "h");
}

#[test]
fn pods_that_are_over_are_gone() {
    for (phase, expected) in [("Succeeded", true), ("Failed", true), ("Pending", false)] {
        let pod = pod(json!({ "metadata": {}, "status": { "phase": phase } }));
        assert_eq!(is_over(&pod), expected, "{phase}");
    }
}

#[test]
fn the_owner_is_who_controls() {
    let owners = json!([
        { "apiVersion": "v1", "kind": "Node", "name": "n", "uid": "1" },
        { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "2", "controller": true },
    ]);
    let pod = pod(json!({ "metadata": { "ownerReferences": owners } }));
    let owner = Owner::of(&pod.metadata).unwrap();
    assert!(format!("{owner:?}").contains("ReplicaSet"), "{owner:?}");
    assert_eq!(Owner::of(&Pod::default().metadata), None);
}

#[test]
fn pauses_are_spread() {
    let pause = Duration::from_secs(8);
    let pauses: HashSet<Duration> = (0..20).map(|_| jittered(pause)).collect();
    assert!(pauses.len() > 1);
    assert!(
        pauses.iter().all(|one| (pause / 2..=pause).contains(one)),
        "{pauses:?}"
    );
}

#[test]
fn errors_have_their_reasons() {
    let refused = |code| {
        let status = Status {
            code,
            ..Status::default()
        };
        reason(&watcher::Error::WatchStartFailed(kube::Error::Api(
            Box::new(status),
        )))
    };
    for (code, expected) in [
        (401, "unauthorized"),
        (403, "forbidden"),
        (410, "expired"),
        (429, "throttled"),
        (500, "refused"),
    ] {
        assert_eq!(refused(code), expected);
    }
    assert_eq!(reason(&watcher::Error::NoResourceVersion), "connection");
}
