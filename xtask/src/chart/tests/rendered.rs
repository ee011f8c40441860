//! What both Helms make of the chart.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::engine::{faults, helm3, helm4, lint3, lint4, objects, set, sets};
use super::{read, root};

const VERSIONS: [&str; 5] = ["1.25", "1.29", "1.30", "1.33", "1.37"];
const OPERATOR: [&str; 2] = [
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
];

fn render(name: &str) -> Vec<Value> {
    helm4(&set(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

fn pod(objects: &[Value]) -> &Value {
    &of_kind(objects, "DaemonSet")[0]["spec"]["template"]["spec"]
}

fn container(objects: &[Value]) -> &Value {
    &pod(objects)["containers"][0]
}

fn names(objects: &Value, key: &str) -> BTreeSet<String> {
    let items = objects.as_array().expect("a list").iter();
    items
        .map(|item| item[key].as_str().expect("a text").to_owned())
        .collect()
}

/// The agent's configuration file.
fn config(objects: &[Value]) -> Value {
    let maps = of_kind(objects, "ConfigMap");
    let text = maps
        .iter()
        .find_map(|map| map["data"]["saker.yaml"].as_str())
        .expect("a configuration");
    super::engine::objects(text).remove(0)
}

#[test]
fn both_helms_accept_every_set_and_make_the_same_of_it() {
    let sets = sets();
    assert!(sets.len() >= 10, "{sets:?}");
    for name in sets {
        let values = set(&name);
        assert_eq!(lint4(&values), "", "{name}");
        lint3(&values).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let sorted = |mut objects: Vec<Value>| {
            objects.retain(|object| object["kind"] != "NOTES");
            objects.sort_by_key(ToString::to_string);
            objects
        };
        let third = helm3(&values, &[]).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (third, fourth) = (sorted(third), sorted(render(&name)));
        assert_eq!(third, fourth, "{name}");
    }
}

#[test]
fn kubernetes_of_every_age_takes_what_is_made() {
    // What many sets have in common is looked at once; a field that came with 1.30 is there only if it was asked for.
    let (mut common, mut newer) = (BTreeSet::new(), BTreeSet::new());
    for name in sets() {
        let made = match name.as_str() {
            "everything-else" => &mut newer,
            _ => &mut common,
        };
        let objects = helm3(&set(&name), &OPERATOR).expect(&name);
        made.extend(objects.iter().map(Value::to_string));
    }
    for (objects, versions) in [(common, &VERSIONS[..]), (newer, &VERSIONS[2..])] {
        let objects: Vec<Value> = objects
            .iter()
            .map(|object| serde_json::from_str(object).expect("it was written from one"))
            .collect();
        assert_eq!(faults(&objects, versions), "");
    }
}

#[test]
fn what_is_wrong_would_be_found() {
    let broken = json!([
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": "x"}]}},
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "b"},
         "spec": {"selector": {}, "template": {"spec": {"hostPid": true, "containers": []}}}},
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "c"},
         "spec": {"selector": {}, "podMetricsEndpoints": [{"interval": "30 s"}]}},
    ]);
    let found = faults(broken.as_array().unwrap(), &["1.33"]);
    for word in ["Service a", "DaemonSet b", "hostPid", "PodMonitor c"] {
        assert!(found.contains(word), "{word}: {found}");
    }
}

#[test]
fn the_container_has_the_rights_that_it_needs_and_no_others() {
    for (name, capabilities) in [
        ("default", json!(["BPF", "PERFMON"])),
        ("old-kernel", json!(["SYS_ADMIN", "SYS_RESOURCE"])),
    ] {
        let made = render(name);
        let rights = &container(&made)["securityContext"];
        assert_eq!(
            rights["capabilities"],
            json!({"drop": ["ALL"], "add": capabilities})
        );
        assert_eq!(rights["allowPrivilegeEscalation"], false);
        assert_eq!(rights["readOnlyRootFilesystem"], true);
        assert_eq!(rights["privileged"], false);
    }
    for name in sets() {
        let made = render(&name);
        let own = json!("scratch");
        for mount in container(&made)["volumeMounts"].as_array().unwrap() {
            assert!(
                mount["readOnly"] == true || mount["name"] == own,
                "{name}: {mount}"
            );
        }
        let mounted = names(&container(&made)["volumeMounts"], "name");
        assert_eq!(mounted, names(&pod(&made)["volumes"], "name"), "{name}");
    }
    let made = render("default");
    assert_eq!(
        pod(&made)["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    assert_eq!(pod(&made)["hostNetwork"], Value::Null);
}

#[test]
fn rights_in_the_cluster_are_only_there_when_they_are_used() {
    for name in sets() {
        let made = render(&name);
        let asked = name == "workloads";
        assert_eq!(
            of_kind(&made, "ClusterRole").len(),
            usize::from(asked),
            "{name}"
        );
        assert_eq!(pod(&made)["automountServiceAccountToken"], asked, "{name}");
    }
    let made = render("workloads");
    for rule in of_kind(&made, "ClusterRole")[0]["rules"]
        .as_array()
        .unwrap()
    {
        for verb in rule["verbs"].as_array().unwrap() {
            assert!(
                ["get", "list", "watch"].contains(&verb.as_str().unwrap()),
                "{rule}"
            );
        }
        assert!(!rule["resources"].to_string().contains("secrets"), "{rule}");
    }
    let subject = &of_kind(&made, "ClusterRoleBinding")[0]["subjects"][0];
    assert_eq!(subject["name"], pod(&made)["serviceAccountName"]);
    assert_eq!(config(&made)["kubernetes"], json!({}));
}

#[test]
fn alerts_and_dashboards_are_the_very_files() {
    let made = render("operator");
    let rules = of_kind(&made, "PrometheusRule");
    assert_eq!(rules.len(), 3);
    for rule in rules {
        let name = rule["metadata"]["name"].as_str().unwrap();
        let name = name.strip_prefix("saker-").expect(name);
        assert_eq!(
            rule["metadata"]["labels"]["release"],
            "kube-prometheus-stack"
        );
        let file = objects(&read(&format!("alerts/{name}.yaml"))).remove(0);
        assert_eq!(rule["spec"], file, "{name}");
    }
    let maps = of_kind(&made, "ConfigMap");
    let dashboards = maps
        .iter()
        .find(|map| map["metadata"]["name"] == "saker-dashboards")
        .expect("dashboards");
    assert_eq!(dashboards["metadata"]["labels"]["grafana_dashboard"], "1");
    let data = dashboards["data"].as_object().unwrap();
    let files = fs::read_dir(root().join("grafana")).unwrap().count();
    assert_eq!(data.len(), files);
    for (name, text) in data {
        let file: Value = serde_json::from_str(&read(&format!("grafana/{name}"))).unwrap();
        let carried: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(carried, file, "{name}");
    }
}

#[test]
fn monitors_are_made_where_the_cluster_knows_them() {
    let values = set("default");
    let annotation = |made: &[Value]| {
        let annotations =
            &of_kind(made, "DaemonSet")[0]["spec"]["template"]["metadata"]["annotations"];
        annotations["prometheus.io/scrape"].clone()
    };
    for (kinds, monitors, rules, scraped) in [
        (&[][..], 0, 0, json!("true")),
        (&OPERATOR, 1, 3, Value::Null),
    ] {
        let made = helm3(&values, kinds).unwrap();
        assert_eq!(of_kind(&made, "PodMonitor").len(), monitors);
        assert_eq!(of_kind(&made, "PrometheusRule").len(), rules);
        assert_eq!(annotation(&made), scraped);
    }
    let made = helm3(&set("servicemonitor-tls"), &OPERATOR).unwrap();
    assert_eq!(of_kind(&made, "PodMonitor").len(), 0);
    let endpoint = &of_kind(&made, "ServiceMonitor")[0]["spec"]["endpoints"][0];
    assert_eq!(endpoint["scheme"], "https");
    assert_eq!(
        endpoint["port"],
        of_kind(&made, "Service")[0]["spec"]["ports"][0]["name"]
    );
}

#[test]
fn rules_come_from_where_they_are_mounted_and_change_without_a_restart() {
    let made = render("rules");
    let paths = config(&made)["rules"].clone();
    assert_eq!(
        paths,
        json!([
            "/usr/share/saker/rules",
            "/etc/saker/rules.d/custom",
            "/etc/saker/rules.d/configmap-team-a-rules",
            "/etc/saker/rules.d/configmap-team-b.rules"
        ])
    );
    let mounts = names(&container(&made)["volumeMounts"], "mountPath");
    for path in &paths.as_array().unwrap()[1..] {
        assert!(mounts.contains(path.as_str().unwrap()), "{path}");
    }
    assert_eq!(
        config(&render("only-own-rules"))["rules"],
        json!(["/etc/saker/rules.d/configmap-falco-rules"])
    );
    assert_eq!(config(&render("default"))["rules"], Value::Null);

    let folder = TempDir::new().expect("a scratch folder");
    let daemon_set = |values: &str| {
        let path = folder.path().join("values.yaml");
        fs::write(&path, values).expect("the scratch folder is writable");
        of_kind(&helm4(&path).expect(values), "DaemonSet")[0].clone()
    };
    let first = daemon_set("rules: {custom: {a.yaml: '- list: a'}}");
    assert_eq!(first, daemon_set("rules: {custom: {a.yaml: '- list: b'}}"));
    let other = daemon_set("rules: {custom: {a.yaml: '- list: a'}}\nconfig: {output: text}");
    assert_ne!(first, other, "a changed configuration replaces the pods");
}

#[test]
fn probes_and_the_face_speak_alike() {
    for (name, probe) in [
        (
            "default",
            json!({"httpGet": {"path": "/-/ready", "port": "metrics"}}),
        ),
        (
            "servicemonitor-tls",
            json!({"tcpSocket": {"port": "metrics"}}),
        ),
        ("passwords", json!({"tcpSocket": {"port": "metrics"}})),
    ] {
        let made = render(name);
        let got = container(&made)["readinessProbe"].as_object().unwrap();
        for (key, value) in probe.as_object().unwrap() {
            assert_eq!(&got[key], value, "{name}");
        }
    }
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("values.yaml");
    fs::write(&path, "web: {tls: {enabled: true, secretName: a}}").expect("writable");
    let made = helm4(&path).unwrap();
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(container(&made)[probe]["httpGet"]["scheme"], "HTTPS");
    }
    assert_eq!(
        config(&made)["web_config_file"],
        "/etc/saker/config/web.yaml"
    );
}

#[test]
fn helm_test_reaches_the_face_as_it_is_protected() {
    let test = |name: &str| {
        let made = render(name);
        let pod = of_kind(&made, "Pod").first().copied()?;
        let container = &pod["spec"]["containers"][0];
        if let Some(mounts) = container["volumeMounts"].as_array() {
            assert_eq!(mounts.len(), pod["spec"]["volumes"].as_array()?.len());
        }
        assert_eq!(
            container["securityContext"]["capabilities"],
            json!({"drop": ["ALL"]})
        );
        Some((container["args"].clone(), pod["spec"]["volumes"].clone()))
    };
    for (name, args, secrets) in [
        (
            "default",
            json!(["http://saker.security.svc:9797"]),
            &[][..],
        ),
        (
            "servicemonitor-tls",
            json!([
                "https://saker.security.svc:9797",
                "--ca-file=/etc/saker/tls/ca.crt",
                "--cert-file=/etc/saker/tls/tls.crt",
                "--key-file=/etc/saker/tls/tls.key",
            ]),
            &["saker-test"],
        ),
        (
            "passwords",
            json!([
                "https://saker.security.svc:9443",
                "--ca-file=/etc/saker/tls/ca.crt",
                "--user=helm",
                "--password-file=/etc/saker/password/password",
            ]),
            &["saker-tls", "saker-test"],
        ),
    ] {
        let (got, volumes) = test(name).expect(name);
        let mut expected = vec![json!("selftest"), json!("--against")];
        expected.extend(args.as_array().unwrap().iter().cloned());
        assert_eq!(got, json!(expected), "{name}");
        let named: Vec<&Value> = volumes
            .as_array()
            .into_iter()
            .flatten()
            .map(|volume| &volume["secret"]["secretName"])
            .collect();
        assert_eq!(json!(named), json!(secrets), "{name}");
    }
    assert_eq!(test("only-own-rules"), None);
}

#[test]
fn the_node_s_proc_is_mounted_unless_its_processes_are_shared() {
    for (name, shared) in [("default", false), ("everything-else", true)] {
        let made = render(name);
        assert_eq!(pod(&made)["hostPID"], shared, "{name}");
        let mounted = names(&container(&made)["volumeMounts"], "mountPath");
        assert_eq!(mounted.contains("/host/proc"), !shared, "{name}");
    }
}

#[test]
fn the_policy_lets_out_what_is_needed() {
    let made = render("workloads");
    let egress = &of_kind(&made, "NetworkPolicy")[0]["spec"]["egress"];
    let ports: Vec<&Value> = egress
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|rule| rule["ports"].as_array())
        .flatten()
        .map(|port| &port["port"])
        .collect();
    assert_eq!(json!(ports), json!([53, 53, 80, 443, 6443]));
    let ingress = &of_kind(&made, "NetworkPolicy")[0]["spec"]["ingress"][0]["from"];
    let labels = &of_kind(&made, "Pod")[0]["metadata"]["labels"];
    assert_eq!(
        ingress[1]["podSelector"]["matchLabels"],
        json!(labels),
        "helm test may connect"
    );
}

/// The blocks of all pages that are marked so.
fn examples(mark: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("docs")).expect("docs/");
    let pages = entries.map(|entry| entry.expect("an entry").path());
    let mut found = Vec::new();
    for page in pages.chain([root().join("charts/saker/README.md")]) {
        if page.extension().is_none_or(|suffix| suffix != "md") {
            continue;
        }
        let text = fs::read_to_string(&page).expect("a page");
        for part in text.split(&format!("```{mark}\n")).skip(1) {
            let block = part.split("```").next().expect("a part");
            found.push((page.display().to_string(), block.to_owned()));
        }
    }
    found
}

#[test]
fn values_in_the_documentation_are_accepted() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("values.yaml");
    let examples = examples("yaml values");
    assert!(examples.len() >= 6, "{} examples", examples.len());
    for (page, values) in examples {
        fs::write(&path, values).expect("the scratch folder is writable");
        helm4(&path).unwrap_or_else(|fault| panic!("{page}: {fault}"));
    }
}

#[test]
fn objects_in_the_documentation_are_those_of_the_chart() {
    let made = render("workloads");
    let variables = &container(&made)["env"];
    for (page, text) in examples("yaml object") {
        let object = objects(&text).remove(0);
        match object["kind"].as_str() {
            Some(kind) => assert_eq!(object["rules"], of_kind(&made, kind)[0]["rules"], "{page}"),
            None => assert!(
                variables.as_array().unwrap().contains(&object["env"][0]),
                "{page}: {object}"
            ),
        }
    }
}
