//! Answers as containerd and CRI-O give them, and bytes that are none.

use std::collections::HashMap;

use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use super::message::{
    ContainerMetadata, ContainerStatus, ImageSpec, LinuxPodSandboxStatus, Namespace,
    PodSandboxMetadata, PodSandboxNetworkStatus, PodSandboxStatus,
};
use super::*;

fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn container(info: Value) -> ContainerStatusResponse {
    let status = ContainerStatus {
        id: "c1".into(),
        metadata: Some(ContainerMetadata { name: "web".into() }),
        started_at: 1_000_000_007,
        image: Some(ImageSpec {
            image: "docker.io/team/web:1.2".into(),
        }),
        image_ref: "docker.io/team/web@sha256:77".into(),
        labels: map(&[
            ("io.kubernetes.pod.name", "web-1"),
            ("io.kubernetes.pod.namespace", "shop"),
        ]),
        mounts: vec![message::Mount {
            container_path: "/data".into(),
            host_path: "/srv".into(),
            readonly: true,
            propagation: 1,
        }],
        image_id: String::new(),
    };
    ContainerStatusResponse {
        status: Some(status),
        info: map(&[("info", &info.to_string())]),
    }
}

fn sandbox() -> PodSandboxStatusResponse {
    let manifest = json!({ "spec": { "containers": [
        { "name": "web", "readinessProbe": { "exec": { "command": ["ready"] } } }
    ] } });
    let status = PodSandboxStatus {
        id: "s1".into(),
        metadata: Some(PodSandboxMetadata {
            name: "web-1".into(),
            uid: "u".into(),
            namespace: "shop".into(),
        }),
        created_at: 5,
        network: Some(PodSandboxNetworkStatus {
            ip: "10.0.0.9".into(),
        }),
        linux: Some(LinuxPodSandboxStatus {
            namespaces: Some(Namespace {
                options: Some(NamespaceOption {
                    network: 2,
                    pid: 1,
                    ipc: 0,
                }),
            }),
        }),
        labels: map(&[("app", "web")]),
        annotations: map(&[(LAST_APPLIED, &manifest.to_string())]),
    };
    let info = json!({ "image": "registry.k8s.io/pause:3.9", "cniResult": { "Interfaces": {} } });
    PodSandboxStatusResponse {
        status: Some(status),
        info: map(&[("info", &info.to_string())]),
    }
}

#[test]
fn an_answer_tells_everything() {
    // As containerd writes it.
    let info = json!({ "sandboxID": "s1", "pid": 4711, "config": {
        "image": { "image": "sha256:12" }, "linux": { "security_context": { "privileged": true } }
    } });
    let answer = container(info);
    assert_eq!(sandbox_id(&answer), "s1");
    // Through the bytes, as they come.
    let answer = ContainerStatusResponse::decode(&*answer.encode_to_vec()).unwrap();
    let sandbox = PodSandboxStatusResponse::decode(&*sandbox().encode_to_vec()).unwrap();
    let got = of_container("c1", Runtime::Containerd, &answer, Some(&sandbox)).unwrap();
    assert_eq!((&*got.name, got.privileged), ("web", Some(true)));
    assert_eq!(
        (&*got.image.repository, &*got.image.tag),
        ("docker.io/team/web", "1.2")
    );
    assert_eq!((&*got.image.id, &*got.image.digest), ("12", "sha256:77"));
    assert_eq!((got.start_wall_ns, &*got.ip), (1_000_000_007, "10.0.0.9"));
    let shares = [got.shares.pid, got.shares.network, got.shares.ipc];
    assert_eq!(shares, [Some(false), Some(true), Some(false)]);
    let mount = &got.mounts[0];
    assert_eq!((&*mount.source, mount.writable), ("/srv", false));
    assert_eq!(&*mount.propagation, "host_to_container");
    assert_eq!(got.probes.readiness.unwrap().join(" "), "ready");
    let pod = got.pod.unwrap();
    assert_eq!(
        (&*pod.namespace, &*pod.name, &*pod.uid),
        ("shop", "web-1", "u")
    );
    assert_eq!((&*pod.sandbox_id, pod.labels.len()), ("s1", 1));
    assert_eq!(&*pod.cni_json, r#"{"Interfaces":{}}"#);
}

#[test]
fn engines_tell_of_privileges_in_their_own_ways() {
    let told = |info: Value| privileged(&info);
    assert_eq!(told(json!({ "privileged": true })), Some(true));
    let asked = json!({ "config": { "linux": { "security_context": {} } } });
    assert_eq!(told(asked), Some(false));
    assert_eq!(told(json!({ "config": {} })), Some(false));
    assert_eq!(told(Value::Null), None);
}

#[test]
fn without_its_sandbox_a_container_still_has_its_labels() {
    let got = of_container("c1", Runtime::Crio, &container(Value::Null), None).unwrap();
    assert_eq!(&*got.pod.unwrap().namespace, "shop");
    assert_eq!((got.privileged, got.shares), (None, Shares::default()));
    // What is about another container is not believed.
    assert_eq!(
        of_container("c2", Runtime::Crio, &container(Value::Null), None),
        None
    );
}

#[test]
fn a_sandbox_is_a_container_of_its_own() {
    let got = of_sandbox("s1", Runtime::Containerd, &sandbox()).unwrap();
    assert_eq!((&*got.name, &*got.image.tag), ("web-1", "3.9"));
    assert_eq!(&*got.pod.unwrap().name, "web-1");
    assert_eq!(of_sandbox("s2", Runtime::Containerd, &sandbox()), None);
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_an_error(bytes: Vec<u8>, info: String) {
        let sandbox = PodSandboxStatusResponse::decode(&*bytes).ok();
        if let Some(sandbox) = &sandbox {
            let id = sandbox.status.as_ref().map_or("", |status| &status.id);
            of_sandbox(id, Runtime::Cri, sandbox);
        }
        if let Ok(mut container) = ContainerStatusResponse::decode(&*bytes) {
            container.info = map(&[("info", &info)]);
            sandbox_id(&container);
            let id = container.status.as_ref().map(|status| status.id.clone());
            of_container(&id.unwrap_or_default(), Runtime::Cri, &container, sandbox.as_ref());
        }
        let _ = ListContainersResponse::decode(&*bytes);
        let _ = ContainerEventResponse::decode(&*bytes);
    }
}
