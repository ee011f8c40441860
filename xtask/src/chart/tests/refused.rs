//! Values that cannot work are refused, by both Helms, with a message that names them.

use std::fs;

use tempfile::TempDir;

use super::engine::{helm3, helm4};

#[test]
fn a_wrong_value_is_refused_with_its_name_and_what_would_be_right() {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("values.yaml");
    for (values, expected) in [
        ("rule: {}", &["rule"][..]),
        ("config: {otuput: json}", &["config", "otuput"]),
        ("config: {output: xml}", &["output", "json", "text", "none"]),
        (
            "config: {minimum_priority: urgent}",
            &["minimum_priority", "warning"],
        ),
        ("config: {ring_bytes: 1000000}", &["ring_bytes", "1048576"]),
        (
            "config: {otlp: {endpoint: collector}}",
            &["endpoint", "https?://"],
        ),
        (
            "config: {runtimes: [{crio: /run/crio/crio.sock}]}",
            &["runtimes", "crio"],
        ),
        (
            "config: {rule_selection: [{disable: {rules: x}}]}",
            &["rule_selection", "rules"],
        ),
        ("rules: {custom: {acme.txt: x}}", &["acme.txt"]),
        ("rules: {configMaps: [Team_A]}", &["configMaps", "a-z0-9"]),
        ("web: {port: 70000}", &["port", "65"]),
        ("image: {digest: sha256:abc}", &["digest", "sha256:"]),
        ("podMonitor: {enabled: maybe}", &["podMonitor", "auto"]),
        ("podMonitor: {interval: 15}", &["interval", "string"]),
        ("capabilities: [CAP_BPF]", &["capabilities"]),
        ("hostPID: \"yes\"", &["hostPID", "boolean"]),
        (
            "rules: {bundled: false}",
            &["rules: no rule would be loaded", "rules.custom"],
        ),
        (
            "web: {tls: {enabled: true}}",
            &["web.tls.secretName: names no Secret"],
        ),
        (
            "web: {configSecret: a, tls: {enabled: true, secretName: b}}",
            &["web.configSecret: takes the place"],
        ),
        (
            "otlp: {tlsSecret: a}",
            &["none is named; set config.otlp.endpoint"],
        ),
        (
            "tests: {user: helm}",
            &["tests.user: has no password; set tests.passwordSecret"],
        ),
        (
            "serviceMonitor: {enabled: true}\nservice: {enabled: false}",
            &["serviceMonitor.enabled: needs the Service"],
        ),
    ] {
        fs::write(&path, values).expect("the scratch folder is writable");
        for (engine, outcome) in [("3", helm3(&path, &[])), ("4", helm4(&path))] {
            let message = outcome.expect_err(values);
            for word in expected {
                assert!(
                    message.contains(word),
                    "Helm {engine} on {values}: {message}"
                );
            }
        }
    }
}
