//! Where OTLP goes, by file, environment and flag.

use super::*;
use crate::config::{Layer, Settings};

fn settings(
    file: &str,
    environment: &[(&str, &str)],
    flag: Option<&str>,
) -> Result<Option<Otlp>, String> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let layers = (|| {
        let flags = Layer {
            otlp: flag.map(|endpoint| OtlpLayer::with_endpoint(endpoint.to_owned())),
            ..Layer::default()
        };
        let environment = Layer::from_environment(variable).map_err(|error| error.to_string())?;
        Ok::<_, String>([Layer::parse(file)?, environment, flags])
    })()?;
    let settings = Settings::from_layers(layers).map_err(|error| error.to_string())?;
    Ok(settings.otlp)
}

fn logs(file: &str, environment: &[(&str, &str)], flag: Option<&str>) -> Target {
    let settings = settings(file, environment, flag).expect("right");
    settings.expect("on").logs.expect("logs go somewhere")
}

#[test]
fn without_an_endpoint_it_is_off() {
    for environment in [
        &[][..],
        &[("OTEL_SERVICE_NAME", "x")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_SDK_DISABLED", "TRUE"),
        ],
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ],
    ] {
        assert_eq!(settings("", environment, None), Ok(None), "{environment:?}");
    }
}

#[test]
fn endpoints_become_whole() {
    const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const LOGS: &str = "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT";
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    for (environment, expected) in [
        (&[(ALL, "http://c:4318")][..], "http://c:4318/v1/logs"),
        (&[(ALL, "http://c:4318/")], "http://c:4318/v1/logs"),
        (&[(ALL, "https://c/otlp/")], "https://c/otlp/v1/logs"),
        (
            &[(ALL, "http://c:4318"), (LOGS, "http://d:1/in")],
            "http://d:1/in",
        ),
        (&[(LOGS, "http://d:1")], "http://d:1/"),
        (&[(ALL, "http://c:4317"), grpc], "http://c:4317/"),
        (&[(ALL, "c:4317"), grpc], "https://c:4317/"),
        (&[(ALL, "c:4317"), grpc, insecure], "http://c:4317/"),
    ] {
        let got = logs("", environment, None);
        assert_eq!(got.endpoint.to_string(), expected, "{environment:?}");
    }
}

#[test]
fn later_sources_win() {
    let file = "otlp:\n  endpoint: http://file:1\n  protocol: grpc\n  compression: gzip\n  timeout_ms: 7\n  headers: {a: x, b: y}\n  resource: {team: red, zone: z}\n";
    let got = logs(file, &[], None);
    assert_eq!(
        (got.protocol, got.compression, got.timeout),
        (Protocol::Grpc, Compression::Gzip, Duration::from_millis(7))
    );
    assert_eq!(got.headers["b"], "y");
    assert!(!format!("{got:?}").contains("\"y\""), "{got:?}");

    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://environment:2"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:3/x"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%2Cc, d=e=f"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "8"),
        ("OTEL_RESOURCE_ATTRIBUTES", "zone=a%20b,service.name=x"),
        ("OTEL_SERVICE_NAME", "named"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "9"),
    ];
    let got = settings(file, &environment, None).unwrap().unwrap();
    let (logs_target, metrics_target) = (got.logs.unwrap(), got.metrics.unwrap());
    assert_eq!(logs_target.endpoint, "http://logs:3/x");
    assert_eq!(metrics_target.endpoint, "http://environment:2/v1/metrics");
    assert_eq!(logs_target.headers["a"], "b,c");
    assert_eq!(logs_target.headers["d"], "e=f");
    assert!(logs_target.headers.get("b").is_none());
    assert_eq!(logs_target.timeout, Duration::from_millis(8));
    assert_eq!(metrics_target.timeout, Duration::from_millis(7));
    assert_eq!((got.queue_len_max, got.batch_len_max), (9, 9));
    let resource = got.resource.iter().map(|(key, value)| (&**key, &**value));
    let expected = [("service.name", "named"), ("team", "red"), ("zone", "a b")];
    assert_eq!(resource.collect::<Vec<_>>(), expected);

    let got = logs(file, &environment, Some("http://flag:4"));
    assert_eq!(got.endpoint, "http://flag:4/v1/logs");
}

#[test]
fn faults_say_where_and_what_to_do() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");
    for (file, environment, parts) in [
        (
            "otlp: {endpoint: 'c:4318'}",
            &[][..],
            &["otlp.endpoint", "c:4318", "http://"][..],
        ),
        (
            "otlp: {endpoint: 'ftp://c'}",
            &[],
            &["ftp://c", "http://collector:4318"],
        ),
        ("otlp: {endpoint: 'http://'}", &[], &["otlp.endpoint"]),
        ("otlp: {endpoint: 'http://u:p@c:1'}", &[], &["header"]),
        (
            "otlp: {endpoint: 'http://c/x', protocol: grpc}",
            &[],
            &["path", "gRPC"],
        ),
        (
            "otlp: {endpont: 'http://c'}",
            &[],
            &["endpont", "did you mean `endpoint`?"],
        ),
        (
            "otlp: {endpoint: 'http://c', protocol: http/json}",
            &[],
            &["http/json", "http/protobuf"],
        ),
        (
            "otlp: {endpoint: 'http://c', queue_len_max: 0}",
            &[],
            &["otlp.queue_len_max: 0", "1048576"],
        ),
        (
            "otlp: {endpoint: 'http://c', batch_len_max: 4000}",
            &[],
            &["otlp.batch_len_max: 4000", "2048"],
        ),
        (
            "otlp: {endpoint: 'https://c', tls: {key: /k}}",
            &[],
            &["otlp.tls", "certificate"],
        ),
        (
            "otlp: {endpoint: 'http://c', headers: {'a b': x}}",
            &[],
            &["otlp.headers", "a b"],
        ),
        (
            "otlp: {protocol: grpc}",
            &[],
            &["otlp: no endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"],
        ),
        (
            "otlp: {metrics: true, logs: false}",
            &[],
            &["otlp: no endpoint"],
        ),
        (
            "",
            &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift")],
            &["OTEL_EXPORTER_OTLP_PROTOCOL", "thrift", "grpc"],
        ),
        (
            "",
            &[endpoint, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")],
            &["OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"],
        ),
        (
            "",
            &[endpoint, ("OTEL_LOGS_EXPORTER", "console")],
            &["OTEL_LOGS_EXPORTER", "console"],
        ),
        (
            "",
            &[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "c")],
            &["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "`c`"],
        ),
    ] {
        let error = settings(file, environment, None).expect_err(file);
        for part in parts {
            assert!(error.contains(part), "{file} {environment:?}: {error}");
        }
    }
    // A header may be a secret.
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "secret");
    let error = settings("", &[endpoint, headers], None).unwrap_err();
    assert!(!error.contains("secret"), "{error}");
}
