//! Workloads and labels from the Kubernetes API server: on a small server that can fail in all the ways of a real one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};

use exporter::config;
use exporter::event::container::ContainerNews;
use exporter::event::kubernetes::PodMeta;
use exporter::metrics::{Registry, classic_text};
use exporter::runtime::{Kubernetes, KubernetesMetrics};
use serde_json::{Value, json};

use crate::support::agent::{Agent, field};
use crate::support::api_server::ApiServer;
use crate::support::daemon::Daemon;
use crate::support::exposition::Exposition;
use crate::support::runtimes::runc_on_terminal;
use crate::support::wait::{wait_for, wait_until};

const NODE: &str = "node-1";

/// A server with a deployment in a namespace, and the node.
fn cluster() -> ApiServer {
    let server = ApiServer::start();
    let object = |kind: &str, name: &str, owner: Option<(&str, &str)>| {
        let owners: Vec<Value> = owner
            .into_iter()
            .map(|(kind, name)| {
                json!({ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("uid-of-{name}"), "controller": true })
            })
            .collect();
        json!({
            "apiVersion": if kind.ends_with("Set") || kind == "Deployment" { "apps/v1" } else { "v1" }, "kind": kind,
            "metadata": {
                "name": name, "uid": format!("uid-of-{name}"), "labels": { "is": kind }, "ownerReferences": owners,
            },
        })
    };
    server.put("/api/v1/nodes/node-1", object("Node", NODE, None));
    server.put("/api/v1/namespaces/shop", object("Namespace", "shop", None));
    let apps = "/apis/apps/v1/namespaces/shop";
    let deployment = object("Deployment", "web", None);
    server.put(&format!("{apps}/deployments/web"), deployment);
    let set = object("ReplicaSet", "web-7f", Some(("Deployment", "web")));
    server.put(&format!("{apps}/replicasets/web-7f"), set);
    server
}

fn pod(name: &str, uid: &str, node: &str) -> (String, Value) {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7f", "uid": "uid-of-web-7f", "controller": true,
    });
    let object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "shop", "uid": uid, "labels": { "app": "web" }, "ownerReferences": [owner],
        },
        "spec": { "nodeName": node, "containers": [] },
        "status": { "phase": "Running", "podIP": "10.0.0.9" },
    });
    (format!("/api/v1/namespaces/shop/pods/{name}"), object)
}

/// What follows the server, without an agent around it.
struct Follower {
    news: Receiver<ContainerNews>,
    registry: Registry,
    _runtime: tokio::runtime::Runtime,
}

impl Follower {
    fn start(server: &ApiServer) -> Follower {
        let mut registry = Registry::new();
        let metrics = KubernetesMetrics::declare(&mut registry);
        let settings = config::Kubernetes {
            node: Some(NODE.to_owned()),
            kubeconfig: Some(server.kubeconfig()),
        };
        let (sender, news) = mpsc::channel();
        let deliver = move |item| {
            let _ = sender.send(item);
            Ok(())
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.spawn(Kubernetes::new(&settings, metrics).run(Arc::new(deliver)));
        Follower {
            news,
            registry,
            _runtime: runtime,
        }
    }

    fn next(&self) -> ContainerNews {
        wait_for("news", || self.news.try_recv().ok())
    }

    fn next_pod(&self) -> Arc<PodMeta> {
        match self.next() {
            ContainerNews::Pod(pod) => pod,
            other => panic!("{other:?}"),
        }
    }

    fn errors(&self, reason: &str) -> f64 {
        let text = classic_text(&self.registry);
        let name = "saker_kubernetes_watch_errors_total";
        Exposition::parse(&text)
            .sum(name, &[("reason", reason)])
            .unwrap_or(0.0)
    }
}

#[test]
fn a_pod_is_told_with_all_it_belongs_to() {
    let server = cluster();
    let (elsewhere, object) = pod("web-0", "uid-0", "node-2");
    server.put(&elsewhere, object);
    let (path, object) = pod("web-1", "uid-1", NODE);
    server.put(&path, object);
    let follower = Follower::start(&server);
    let told = follower.next_pod();
    let shown = |object: &Option<exporter::event::kubernetes::Object>| {
        let object = object.as_ref().expect("told");
        format!("{} {} {:?}", object.name, object.uid, object.labels)
    };
    assert_eq!(
        (&*told.pod.name, &*told.pod.uid, &*told.ip),
        ("web-1", "uid-1", "10.0.0.9")
    );
    assert_eq!(
        shown(&told.namespace),
        r#"shop uid-of-shop [("is", "Namespace")]"#
    );
    assert_eq!(
        shown(&told.node),
        r#"node-1 uid-of-node-1 [("is", "Node")]"#
    );
    assert_eq!(
        shown(&told.replica_set),
        r#"web-7f uid-of-web-7f [("is", "ReplicaSet")]"#
    );
    assert_eq!(
        shown(&told.deployment),
        r#"web uid-of-web [("is", "Deployment")]"#
    );
    let workload = told.workload.as_ref().expect("told");
    assert_eq!((&*workload.kind, &*workload.name), ("Deployment", "web"));
    let requests = server.requests();
    let lists = requests
        .iter()
        .filter(|request| request.starts_with("/api/v1/pods"));
    assert!(lists.clone().count() > 0);
    for list in lists {
        assert!(
            list.contains("fieldSelector=spec.nodeName%3Dnode-1"),
            "{list}"
        );
    }
    // Of the second pod all is known but itself.
    let asked = |requests: &[String]| requests.iter().filter(|one| !one.contains("/pods")).count();
    let before = asked(&requests);
    let (path, object) = pod("web-2", "uid-2", NODE);
    server.put(&path, object);
    assert_eq!(&*follower.next_pod().pod.name, "web-2");
    assert_eq!(asked(&server.requests()), before);
    server.delete(&path);
    assert_eq!(follower.next(), ContainerNews::PodGone("uid-2".into()));
}

#[test]
fn a_watch_outlives_cuts_old_versions_and_new_tokens() {
    let server = cluster();
    let (first, object) = pod("web-1", "uid-1", NODE);
    server.put(&first, object);
    let follower = Follower::start(&server);
    assert_eq!(&*follower.next_pod().pod.uid, "uid-1");

    // Cut off: what happens meanwhile is told when the watch goes on.
    server.cut();
    let (path, object) = pod("web-2", "uid-2", NODE);
    server.put(&path, object);
    assert_eq!(&*follower.next_pod().pod.uid, "uid-2");

    // Too old: what happened meanwhile shows in the new list.
    server.delete(&first);
    assert_eq!(follower.next(), ContainerNews::PodGone("uid-1".into()));
    server.cut();
    server.delete(&path);
    let (third, object) = pod("web-3", "uid-3", NODE);
    server.put(&third, object);
    server.expire();
    server.cut();
    let mut told = [follower.next(), follower.next()];
    told.sort_by_key(|news| matches!(news, ContainerNews::Pod(_)));
    assert_eq!(told[0], ContainerNews::PodGone("uid-2".into()));
    assert!(matches!(&told[1], ContainerNews::Pod(pod) if &*pod.pod.uid == "uid-3"));

    // Rotated: the file has the new token, and the old one is refused.
    server.set_token("second");
    server.cut();
    wait_until("the old token is refused", || {
        follower.errors("unauthorized") >= 1.0
    });
    fs::write(server.token_file(), "second").expect("written");
    let (path, object) = pod("web-4", "uid-4", NODE);
    server.put(&path, object);
    assert_eq!(&*follower.next_pod().pod.uid, "uid-4");
}

#[test]
fn rules_see_the_workload_of_a_pod() {
    const RULES: &str = "
- rule: Program in a pod
  desc: A program of a pod was executed.
  condition: evt.type = execve and k8smeta.deployment.name = web and k8smeta.ns.label[is] = Namespace and proc.exepath startswith /bin
  output: >
    %k8smeta.pod.name %k8smeta.pod.label[app] %k8smeta.pod.labels %k8s.deployment.name %k8s.deployment.label.is %k8s.rs.name
    %k8smeta.node.name %k8smeta.workload.kind %k8smeta.workload.name %k8s.ns.label[is] %k8smeta.svc.name %k8smeta.rc.name
  priority: NOTICE
";
    let server = cluster();
    let uid = "5b0c1f0e-55b1-4c0c-9a58-0a1d4d2c9e77";
    let (path, object) = pod("web-1", uid, NODE);
    server.put(&path, object);
    let file = |name: &str| server.folder().join(name);
    fs::write(file("rules.yaml"), RULES).expect("written");
    let config = json!({
        "rules": [file("rules.yaml")], "runtimes": [],
        "kubernetes": { "node": NODE, "kubeconfig": server.kubeconfig() },
    });
    fs::write(file("config.yaml"), config.to_string()).expect("written");
    let config = file("config.yaml");
    let mut agent = Agent::start(&["-c", config.to_str().expect("a UTF-8 path")]);
    let held = |agent: &Agent| {
        let name = "saker_table_entries";
        agent.scrape().sum(name, &[("table", "pods")])
    };
    wait_until("the pod is known", || held(&agent) == Some(1.0));
    assert_eq!(agent.scrape().sum("saker_kubernetes_up", &[]), Some(1.0));
    let id = "77777777fedcba98".repeat(4);
    let cgroup = format!("/kubepods/burstable/pod{uid}/{id}");
    runc_on_terminal("e2e-workload", &cgroup, &["/bin/true"]);
    let line = agent.wait_for_match("its program", |line| {
        field(line, "container.id") == &id[..12]
    });
    for (name, expected) in [
        ("k8smeta.pod.name", json!("web-1")),
        ("k8smeta.pod.label[app]", json!("web")),
        ("k8s.deployment.name", json!("web")),
        ("k8s.deployment.label.is", json!("Deployment")),
        ("k8s.rs.name", json!("web-7f")),
        ("k8smeta.node.name", json!(NODE)),
        ("k8smeta.workload.kind", json!("Deployment")),
        ("k8s.ns.label[is]", json!("Namespace")),
        ("k8smeta.svc.name", Value::Null),
        ("k8smeta.rc.name", Value::Null),
    ] {
        assert_eq!(*field(&line, name), expected, "{name}: {line}");
    }
}

/// The witness that the server is shaped like a real one.
#[test]
fn kubectl_understands_the_server() {
    if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_err()
    {
        eprintln!("kubectl is not installed: nobody to ask");
        return;
    }
    let server = cluster();
    let (path, object) = pod("web-1", "uid-1", NODE);
    server.put(&path, object);
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(server.kubeconfig())
            .args(arguments);
        command.env("HOME", server.folder());
        command
    };
    let selector = "--field-selector=spec.nodeName=node-1";
    let get = ["get", "pods", "--all-namespaces", selector, "--output=name"];
    let output = kubectl(&get).output().expect("kubectl runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "pod/web-1\n",
        "{output:?}"
    );
    let get = [
        "get",
        "deployment",
        "web",
        "--namespace=shop",
        "--output=jsonpath={.metadata.labels.is}",
    ];
    let output = kubectl(&get).output().expect("kubectl runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Deployment",
        "{output:?}"
    );

    let kubeconfig = server.kubeconfig();
    let mut watch = Daemon::start("kubectl", "kubectl", server.folder(), |command| {
        command
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .env("HOME", server.folder());
        command.args([
            "get",
            "pods",
            "--all-namespaces",
            "--watch",
            "--output=name",
        ]);
        command.stdout(Stdio::piped());
    });
    let stdout = watch.child().stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("pod/web-1"));
    let (path, object) = pod("web-2", "uid-2", NODE);
    server.put(&path, object);
    assert_eq!(lines.next().as_deref(), Some("pod/web-2"));
}
