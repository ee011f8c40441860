//! Answers of real engines, shortened, and answers that are nonsense.

use proptest::prelude::*;

use super::*;

const ID: &str = "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";
const IMAGE: &str = "sha256:5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f89f1c2b3a4d";

/// As Docker 20.10 answers.
fn container() -> Value {
    json!({
        "Id": ID,
        "Name": "/web",
        "Image": IMAGE,
        "State": { "Status": "running", "Pid": 4711, "StartedAt": "2026-11-23T16:14:21.000000007Z" },
        "HostConfig": { "Privileged": true, "PidMode": "", "NetworkMode": "host", "IpcMode": "private" },
        "Mounts": [
            { "Type": "bind", "Source": "/etc", "Destination": "/host/etc", "Mode": "ro", "RW": false, "Propagation": "rprivate" },
            { "Type": "volume", "Name": "v", "Source": "/var/lib/docker/volumes/v/_data", "Destination": "/data", "Mode": "z", "RW": true, "Propagation": "" }
        ],
        "Config": {
            "Image": "registry:5000/team/web:1.2",
            "Labels": { "tier": "front", "app": "web" },
            "Healthcheck": { "Test": ["CMD-SHELL", "curl -f localhost"] }
        },
        "NetworkSettings": { "IPAddress": "", "Networks": { "front": { "IPAddress": "172.18.0.2" } } }
    })
}

#[test]
fn an_answer_tells_everything() {
    let image = json!({
        "RepoTags": ["registry:5000/team/web:1.2"],
        "RepoDigests": ["registry:5000/team/web@sha256:77"]
    });
    let got = info(ID, Runtime::Docker, &container(), &image).unwrap();
    assert_eq!((&*got.name, got.privileged), ("web", Some(true)));
    assert_eq!(
        (&*got.image.repository, &*got.image.tag),
        ("registry:5000/team/web", "1.2")
    );
    assert_eq!(
        (&*got.image.id, &*got.image.digest),
        (&IMAGE[7..], "sha256:77")
    );
    assert_eq!(got.start_wall_ns, 1_795_450_461_000_000_007);
    assert_eq!(&*got.ip, "172.18.0.2");
    let shares = [got.shares.pid, got.shares.network, got.shares.ipc];
    assert_eq!(shares, [Some(false), Some(true), Some(false)]);
    assert_eq!(got.labels[0], ("app".into(), "web".into()));
    assert_eq!(got.mounts.len(), 2);
    assert_eq!(
        (&*got.mounts[0].destination, got.mounts[0].writable),
        ("/host/etc", false)
    );
    let health = got.probes.health.unwrap();
    assert_eq!(health.join(" "), "/bin/sh -c curl -f localhost");
    assert_eq!(got.pod, None);
}

#[test]
fn an_item_of_the_list_tells_the_name_and_the_image() {
    let item = json!({
        "Id": ID, "Names": ["/web"], "Image": "team/web:1.2", "ImageID": IMAGE,
        "Labels": { "app": "web" }, "State": "running", "HostConfig": { "NetworkMode": "host" },
        "Mounts": [{ "Source": "/etc", "Destination": "/host/etc", "RW": false }]
    });
    let got = info(ID, Runtime::Docker, &detailed(&item), &Value::Null).unwrap();
    assert_eq!((&*got.name, &*got.image.tag), ("web", "1.2"));
    assert_eq!((got.privileged, got.shares.network), (None, Some(true)));
    assert_eq!((got.labels.len(), got.mounts.len()), (1, 1));
}

#[test]
fn health_checks_have_several_forms() {
    for (test, expected) in [
        (json!(null), None),
        (json!([]), None),
        (json!(["NONE"]), None),
        (json!(["CMD"]), None),
        (json!(["CMD", "check", "-q"]), Some("check|-q")),
        (json!(["CMD-SHELL", "a b"]), Some("/bin/sh|-c|a b")),
    ] {
        let container = json!({ "Config": { "Healthcheck": { "Test": test } } });
        let got = health(&container).map(|words| words.join("|"));
        assert_eq!(got.as_deref(), expected, "{test}");
    }
}

#[test]
fn a_kubelets_labels_tell_the_pod_and_its_probes() {
    let mut container = container();
    let manifest = json!({ "spec": { "containers": [
        { "name": "other", "livenessProbe": { "exec": { "command": ["no"] } } },
        { "name": "web", "livenessProbe": { "exec": { "command": ["live", "-x"] } },
          "readinessProbe": { "httpGet": {} } }
    ] } });
    container["Config"]["Labels"] = json!({
        "io.kubernetes.container.name": "web",
        "io.kubernetes.pod.name": "web-1",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.pod.uid": "u",
        "io.kubernetes.sandbox.id": "s",
        LAST_APPLIED: manifest.to_string(),
    });
    let got = info(ID, Runtime::Docker, &container, &Value::Null).unwrap();
    let pod = got.pod.unwrap();
    assert_eq!((&*pod.namespace, &*pod.name), ("shop", "web-1"));
    assert_eq!((&*pod.uid, &*pod.sandbox_id), ("u", "s"));
    assert_eq!(got.probes.liveness.unwrap().join(" "), "live -x");
    assert_eq!(got.probes.readiness, None);
}

#[test]
fn a_container_that_has_not_started_has_no_start() {
    assert_eq!(time("0001-01-01T00:00:00Z"), 0);
    assert_eq!(time(""), 0);
    assert_eq!(time("2026-11-23T17:14:21+01:00"), 1_795_450_461_000_000_000);
}

#[test]
fn an_answer_about_another_container_is_refused() {
    let other = "0".repeat(64);
    assert!(info(&other, Runtime::Docker, &container(), &Value::Null).is_err());
    assert!(info(&other, Runtime::Docker, &json!([]), &Value::Null).is_err());
}

#[test]
fn lists_have_what_runs_or_may_soon() {
    let answer = json!([
        { "Id": "a", "State": "running" }, { "Id": "b", "State": "Exited" },
        { "Id": "c", "State": "created" }, { "State": "running" }, 7
    ]);
    let got = listed(answer.to_string().as_bytes()).unwrap();
    assert_eq!(got, ["a".into(), "c".into()]);
    assert!(listed(b"no JSON").is_err());
}

#[test]
fn events_come_and_go() {
    let event = |action: &str| {
        json!({ "Type": "container", "Action": action, "Actor": { "ID": ID } }).to_string()
    };
    let there = Some(Change::There(ID.into()));
    let gone = Some(Change::Gone(ID.into()));
    for (action, expected) in [
        ("create", &there),
        ("start", &there),
        ("die", &gone),
        ("died", &gone),
        ("exec_create: sh", &None),
        ("health_status: healthy", &None),
    ] {
        assert_eq!(change(event(action).as_bytes()), *expected, "{action}");
    }
    // The older names of the same.
    let old = json!({ "status": "start", "id": ID }).to_string();
    assert_eq!(change(old.as_bytes()), there);
    assert_eq!(change(b"{}"), None);
    assert_eq!(change(b"\xff"), None);
}

const KEYS: &[&str] = &[
    "Id",
    "Config",
    "Labels",
    "State",
    "StartedAt",
    "Mounts",
    "Image",
    "Test",
    "Healthcheck",
    "NetworkSettings",
    "Networks",
    "RepoTags",
    "Actor",
    "ID",
    "Action",
];

/// Any JSON, with the keys that matter among its own.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from(ID)),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(proptest::sample::select(KEYS), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_an_answer_or_an_error(mut container in any_json(), image in any_json()) {
        let text = container.to_string();
        let _ = listed(text.as_bytes());
        change(text.as_bytes());
        if let Some(object) = container.as_object_mut() {
            object.insert("Id".into(), ID.into());
            prop_assert!(info(ID, Runtime::Docker, &container, &image).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes: Vec<u8>) {
        let _ = listed(&bytes);
        change(&bytes);
        last_applied(&String::from_utf8_lossy(&bytes), "x");
    }
}
