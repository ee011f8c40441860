//! Web configurations that are taken, and those that are refused, with the reason.

use std::path::Path;
use std::time::Duration;

use super::*;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

fn parse(text: &str) -> Result<WebConfig, String> {
    WebConfig::parse(text, Path::new("/etc/saker"))
}

#[test]
fn everything_that_can_be_said_is_read() {
    let text = format!(
        "\
tls_server_config:
  cert_file: tls/server.crt
  key: |
    -----BEGIN PRIVATE KEY-----
  client_ca_file: /ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
  prefer_server_cipher_suites: false
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    X-XSS-Protection: ''
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: {HASH}
rate_limit:
  interval: 1m30s
  burst: 20
"
    );
    let config = parse(&text).unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.cert, Pem::File("/etc/saker/tls/server.crt".into()));
    assert_eq!(
        tls.key,
        Pem::Inline("-----BEGIN PRIVATE KEY-----\n".to_owned())
    );
    assert_eq!(tls.client_ca, Some(Pem::File("/ca.crt".into())));
    assert_eq!(tls.client_auth, ClientAuth::RequireAndVerify);
    assert_eq!(tls.client_allowed_sans.unwrap().len(), 2);
    assert_eq!(tls.versions, (TlsVersion::Tls13, TlsVersion::Tls13));
    assert!(!tls.prefer_server_cipher_suites && !config.http2);
    let headers = config.headers.iter().map(|(name, _)| name.as_str());
    assert_eq!(
        headers.collect::<Vec<_>>(),
        ["Strict-Transport-Security", "X-Frame-Options"]
    );
    assert_eq!(config.users["alice"], HASH);
    let limit = config.rate_limit.unwrap();
    assert_eq!((limit.interval, limit.burst), (Duration::from_secs(90), 20));
}

#[test]
fn what_is_not_said_is_plain_and_open() {
    for text in [
        "",
        "# nothing\n",
        "tls_server_config: {}\n",
        "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n",
        "rate_limit: {interval: '0', burst: 0}\n",
    ] {
        let config = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((config.tls, config.http2), (None, true), "{text}");
        assert!(config.users.is_empty() && config.headers.is_empty());
        assert_eq!(config.rate_limit, None, "{text}");
    }
    let config = parse("tls_server_config: {cert_file: c, key_file: k}\n").unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.versions, (TlsVersion::Tls12, TlsVersion::Tls13));
    assert_eq!(tls.client_auth, ClientAuth::None);
    assert!(tls.prefer_server_cipher_suites);
}

#[test]
fn faults_say_what_to_do() {
    let tls = |more: &str| format!("tls_server_config: {{cert_file: c, key_file: k, {more}}}\n");
    for (text, parts) in [
        (
            "tls_sever_config: {}".to_owned(),
            &["did you mean `tls_server_config`?", "line 1"][..],
        ),
        (tls("cert_fiel: x"), &["did you mean `cert_file`?"]),
        (tls("cert: x"), &["cert and cert_file are both set"]),
        (
            "tls_server_config: {cert_file: c}".to_owned(),
            &["key_file or key is missing"],
        ),
        (
            "tls_server_config: {key_file: c}".to_owned(),
            &["cert_file or cert is missing"],
        ),
        (
            "tls_server_config: {client_auth_type: RequestClientCert}".to_owned(),
            &["cert_file or cert is missing"],
        ),
        (
            tls("client_auth_type: RequireAndVerify"),
            &["RequireAndVerifyClientCert"],
        ),
        (
            tls("client_ca_file: x"),
            &["client_auth_type", "RequireAndVerifyClientCert"],
        ),
        (
            tls("client_auth_type: VerifyClientCertIfGiven"),
            &["client_ca_file", "missing"],
        ),
        (
            tls("client_auth_type: RequestClientCert, client_allowed_sans: [a]"),
            &["client_allowed_sans", "RequireAndVerifyClientCert"],
        ),
        (tls("min_version: TLS11"), &["min_version", "TLS12"]),
        (
            tls("min_version: TLS13, max_version: TLS12"),
            &["newer than max_version"],
        ),
        (tls("min_version: SSL30"), &["SSL30"]),
        (
            "basic_auth_users: {alice: geheim}".to_owned(),
            &["`alice`", "htpasswd"],
        ),
        (
            format!(
                "basic_auth_users: {{alice: {}}}",
                HASH.replace("$10$", "$31$")
            ),
            &["the cost 31"],
        ),
        (
            format!("basic_auth_users: {{alice: {}}}", &HASH[..50]),
            &["not a bcrypt hash"],
        ),
        (
            "http_server_config: {headers: {X-Frame-Option: deny}}".to_owned(),
            &["did you mean `X-Frame-Options`?"],
        ),
        (
            "http_server_config: {headers: {Server: x}}".to_owned(),
            &["`Server` cannot be set", "X-XSS-Protection"],
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: no}}".to_owned(),
            &["deny or sameorigin"],
        ),
        (
            "http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb: c\"}}".to_owned(),
            &["no header can have"],
        ),
        (
            "rate_limit: {interval: often, burst: 3}".to_owned(),
            &["`often`", "200ms"],
        ),
        (
            "rate_limit: {interval: -1s, burst: 3}".to_owned(),
            &["`-1s`"],
        ),
        (
            "rate_limit: {interval: 1s}".to_owned(),
            &["burst", "1 at least"],
        ),
        ("basic_auth_users: {a: b".to_owned(), &["1"]),
    ] {
        let error = parse(&text).expect_err(&text);
        for part in parts {
            assert!(error.contains(part), "{text}\n{error}");
        }
        assert!(
            !error.contains("geheim") && !error.contains(HASH),
            "{error}"
        );
    }
}

#[test]
fn secrets_are_in_no_message() {
    let text = "tls_server_config:\n  cert_file: c\n  key: SECRET-KEY\n  key_fiel: x\n";
    let error = parse(text).unwrap_err();
    assert!(
        error.contains("key_file") && !error.contains("SECRET"),
        "{error}"
    );
}
