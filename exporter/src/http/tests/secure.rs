//! The face behind TLS, certificates and passwords, as clients of every kind see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::super::{Access, Client};
use super::{Running, parts};

/// A folder with an authority, a certificate for the server and two for clients, and the web configurations over them.
struct Scratch {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Scratch {
    fn new() -> Scratch {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let scratch = Scratch {
            folder: tempfile::tempdir().unwrap(),
            authority,
        };
        scratch.write("ca.crt", &scratch.authority.pem());
        scratch.issue("server", "127.0.0.1");
        scratch.issue("prometheus", "prometheus.example");
        scratch.issue("other", "other.example");
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Writes NAME.crt and NAME.key.
    fn issue(&self, name: &str, san: &str) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![match san.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(san.try_into().unwrap()),
        }];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.write(&format!("{name}.key"), &key.serialize_pem());
        self.write(&format!("{name}.crt"), &certificate.pem());
    }

    fn start(&self, web_config: &Path) -> Running {
        Running::start_protected(Runtime::new().unwrap(), Some(web_config))
    }

    fn access(&self, server: &Running, scheme: &str) -> Access {
        Access {
            url: format!("{scheme}://{}", server.addr),
            ca_file: Some(self.path("ca.crt")),
            ..Access::default()
        }
    }

    fn certificate(&self, name: &str) -> Option<(PathBuf, PathBuf)> {
        Some((
            self.path(&format!("{name}.crt")),
            self.path(&format!("{name}.key")),
        ))
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

fn users() -> String {
    let hash = bcrypt::hash("wonderland", 4).unwrap();
    format!("basic_auth_users:\n  alice: {hash}\n")
}

fn alice(password: &str) -> Option<(String, String)> {
    Some(("alice".to_owned(), password.to_owned()))
}

/// What a client gets of `/-/healthy`, or why not.
fn get(server: &Running, access: &Access) -> Result<String, String> {
    let client = Client::new(access).map_err(|error| error.to_string())?;
    let answer = server.runtime.block_on(client.get("/-/healthy"));
    let body = answer.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[test]
fn tls_is_spoken_and_nothing_else() {
    let scratch = Scratch::new();
    let server = scratch.start(&scratch.write("web.yaml", TLS));
    let access = scratch.access(&server, "https");
    assert_eq!(get(&server, &access).unwrap(), "healthy\n");
    // The system knows nothing of our authority, and a plain request is no handshake.
    let stranger = Access {
        ca_file: None,
        ..access
    };
    let error = get(&server, &stranger).unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    get(&server, &scratch.access(&server, "http")).unwrap_err();
    server.wait_for_metric(
        "saker_http_connections_ended_total{reason=\"handshake\"}",
        2.0,
    );
}

#[test]
fn clients_show_the_certificate_that_is_asked_for() {
    let scratch = Scratch::new();
    let more = "  client_ca_file: ca.crt\n  client_auth_type: ";
    for (demand, nobody, other, prometheus) in [
        ("NoClientCert", true, true, true),
        ("RequireAnyClientCert", false, true, true),
        ("VerifyClientCertIfGiven", true, true, true),
        ("RequireAndVerifyClientCert", false, true, true),
        (
            "RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example]",
            false,
            false,
            true,
        ),
    ] {
        let ca = if demand == "NoClientCert" {
            "  client_auth_type: "
        } else {
            more
        };
        let server = scratch.start(&scratch.write("web.yaml", &format!("{TLS}{ca}{demand}\n")));
        for (name, let_in) in [
            (None, nobody),
            (Some("other"), other),
            (Some("prometheus"), prometheus),
        ] {
            let access = Access {
                certificate: name.and_then(|name| scratch.certificate(name)),
                ..scratch.access(&server, "https")
            };
            let got = get(&server, &access);
            assert_eq!(got.is_ok(), let_in, "{demand}: {name:?}: {got:?}");
        }
    }
    // Of another authority.
    let foreign = Scratch::new();
    let text = format!("{TLS}{more}RequireAndVerifyClientCert\n");
    let server = scratch.start(&scratch.write("web.yaml", &text));
    let access = Access {
        certificate: foreign.certificate("prometheus"),
        ..scratch.access(&server, "https")
    };
    get(&server, &access).unwrap_err();
}

#[test]
fn passwords_are_asked_for_on_every_path() {
    let scratch = Scratch::new();
    let server = scratch.start(&scratch.write("web.yaml", &format!("{TLS}{}", users())));
    let access = scratch.access(&server, "https");
    for (user, part) in [
        (None, "401"),
        (alice("guess"), "401"),
        (Some(("bob".to_owned(), "wonderland".to_owned())), "401"),
    ] {
        let error = get(
            &server,
            &Access {
                user,
                ..access.clone()
            },
        )
        .unwrap_err();
        assert!(error.contains(part) && error.contains("--user"), "{error}");
    }
    let access = Access {
        user: alice("wonderland"),
        ..access
    };
    assert_eq!(get(&server, &access).unwrap(), "healthy\n");
    let plain = scratch.start(&scratch.write("plain.yaml", &users()));
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/api/v1/matches/stream",
        "/nothing",
    ] {
        let answer = plain.request("GET", path, "");
        assert_eq!(parts(&answer).0, "401", "{path}");
        assert!(
            answer.contains("www-authenticate: Basic realm="),
            "{answer}"
        );
    }
}

#[test]
fn http2_is_for_those_who_agree_on_it() {
    let scratch = Scratch::new();
    for (http2, version) in [("true", "2"), ("false", "1.1")] {
        let text = format!("{TLS}http_server_config:\n  http2: {http2}\n");
        let server = scratch.start(&scratch.write("web.yaml", &text));
        let curl = Command::new("curl")
            .args(["--silent", "--http2", "--output", "/dev/null"])
            .args(["--write-out", "%{http_version} %{http_code}", "--cacert"])
            .arg(scratch.path("ca.crt"))
            .arg(format!("https://{}/metrics", server.addr))
            .output()
            .expect("curl is installed");
        let said = String::from_utf8_lossy(&curl.stdout);
        assert_eq!(said, format!("{version} 200"), "{curl:?}");
    }
}

#[test]
fn configured_headers_are_on_every_response_and_the_page_keeps_its_policy() {
    let scratch = Scratch::new();
    let text = "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    Content-Security-Policy: default-src 'self'\n    Strict-Transport-Security: max-age=60\n";
    let server = scratch.start(&scratch.write("web.yaml", text));
    let answer = server.request("GET", "/metrics", "");
    for header in [
        "x-frame-options: sameorigin",
        "content-security-policy: default-src 'self'",
        "strict-transport-security: max-age=60",
    ] {
        assert!(answer.contains(header), "{header}\n{answer}");
    }
    assert!(!answer.contains("x-frame-options: deny"));
    assert!(
        server
            .request("GET", "/", "")
            .contains("script-src 'sha256-")
    );
}

#[test]
fn requests_beyond_the_rate_are_refused() {
    let scratch = Scratch::new();
    let text = "rate_limit: {interval: 1h, burst: 2}\n";
    let server = scratch.start(&scratch.write("web.yaml", text));
    let codes = ["200", "200", "429"];
    for code in codes {
        assert_eq!(parts(&server.request("GET", "/-/healthy", "")).0, code);
    }
}

#[test]
fn certificates_and_users_are_taken_anew_when_their_files_change() {
    let scratch = Scratch::new();
    let config = scratch.write("web.yaml", &format!("{TLS}{}", users()));
    let server = scratch.start(&config);
    let reloaded = "saker_web_config_last_reload_successful";
    let mut access = Access {
        user: alice("wonderland"),
        ..scratch.access(&server, "https")
    };
    get(&server, &access).unwrap();
    // The old authority and all that it signed is replaced.
    let new = Scratch::new();
    for name in ["server.crt", "server.key"] {
        fs::copy(new.path(name), scratch.path(name)).unwrap();
    }
    get(&server, &access).unwrap_err();
    access.ca_file = Some(new.path("ca.crt"));
    get(&server, &access).unwrap();
    // Another password.
    let hash = bcrypt::hash("looking-glass", 4).unwrap();
    scratch.write(
        "web.yaml",
        &format!("{TLS}basic_auth_users:\n  alice: {hash}\n"),
    );
    get(&server, &access).unwrap_err();
    access.user = alice("looking-glass");
    get(&server, &access).unwrap();
    assert_eq!(server.metric(reloaded), 1.0);
    // What cannot be used, or would let everybody in, is not taken.
    for broken in ["tls_server_config: [", "", TLS, &users()] {
        scratch.write("web.yaml", broken);
        get(&server, &access).unwrap();
        assert_eq!(server.metric(reloaded), 0.0, "{broken}");
        let nobody = Access {
            user: None,
            ..access.clone()
        };
        get(&server, &nobody).unwrap_err();
    }
    scratch.write(
        "web.yaml",
        &format!("{TLS}basic_auth_users:\n  alice: {hash}\n# again\n"),
    );
    get(&server, &access).unwrap();
    assert_eq!(server.metric(reloaded), 1.0);
    // A key that does not fit its certificate, as between two writes.
    scratch.issue("server", "127.0.0.1");
    fs::copy(new.path("server.crt"), scratch.path("server.crt")).unwrap();
    get(&server, &access).unwrap();
    assert_eq!(server.metric(reloaded), 0.0);
    fs::copy(new.path("server.key"), scratch.path("server.key")).unwrap();
    get(&server, &access).unwrap();
    assert_eq!(server.metric(reloaded), 1.0);
}

#[test]
fn a_running_agent_goes_on_demanding_certificates() {
    let scratch = Scratch::new();
    let demand = "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n";
    let config = scratch.write("web.yaml", &format!("{TLS}{demand}"));
    let server = scratch.start(&config);
    let stranger = scratch.access(&server, "https");
    let known = Access {
        certificate: scratch.certificate("prometheus"),
        ..stranger.clone()
    };
    get(&server, &known).unwrap();
    // The first half of the file, as while it is written.
    scratch.write("web.yaml", TLS);
    get(&server, &stranger).unwrap_err();
    get(&server, &known).unwrap();
    assert_eq!(
        server.metric("saker_web_config_last_reload_successful"),
        0.0
    );
}

/// Whether we take a file, and what we say if not.
fn taken(path: &Path) -> Result<(), String> {
    let mut registry = super::Registry::new();
    let metrics = super::HttpMetrics::declare(&mut registry);
    super::Server::bind(&[], Some(path), metrics)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// promtool is the referee of the format.
#[test]
fn promtool_agrees_on_what_a_web_configuration_is() {
    let scratch = Scratch::new();
    let inline = |name: &str| scratch_pem(&scratch.path(name));
    scratch.write("empty.pem", "no PEM\n");
    let tls = |more: &str| format!("{TLS}{more}");
    for (text, good) in [
        (String::new(), true),
        (TLS.to_owned(), true),
        (tls(&users()), true),
        (
            tls(
                "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [a.example]\n",
            ),
            true,
        ),
        (
            tls(
                "  min_version: TLS13\n  max_version: TLS13\n  prefer_server_cipher_suites: false\n",
            ),
            true,
        ),
        (
            tls(
                "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]\n",
            ),
            true,
        ),
        (
            tls("  curve_preferences: [X25519, CurveP256, CurveP384]\n"),
            true,
        ),
        (
            tls(
                "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n",
            ),
            true,
        ),
        (
            format!(
                "tls_server_config:\n  cert: |\n{}  key: |\n{}",
                inline("server.crt"),
                inline("server.key")
            ),
            true,
        ),
        (tls("  key_fiel: x\n"), false),
        (tls("  client_ca_file: ca.crt\n"), false),
        (tls("  client_auth_type: Sometimes\n"), false),
        (tls("  cipher_suites: [TLS_NULL]\n"), false),
        (tls("  curve_preferences: [Curve1]\n"), false),
        (tls("  min_version: SSL3\n"), false),
        (
            tls("http_server_config:\n  headers:\n    Server: x\n"),
            false,
        ),
        (
            tls("http_server_config:\n  headers:\n    X-Frame-Options: maybe\n"),
            false,
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n".to_owned(),
            false,
        ),
        (
            "tls_server_config:\n  cert_file: nowhere.crt\n  key_file: server.key\n".to_owned(),
            false,
        ),
        (
            "tls_server_config:\n  cert_file: server.crt\n  key_file: other.key\n".to_owned(),
            false,
        ),
        (
            "tls_server_config:\n  cert_file: empty.pem\n  key_file: server.key\n".to_owned(),
            false,
        ),
        ("basic_auth_users:\n  alice: geheim\n".to_owned(), false),
        ("basic_auth_user:\n  alice: x\n".to_owned(), false),
    ] {
        let path = scratch.write("web.yaml", &text);
        let promtool = Command::new("promtool")
            .args(["check", "web-config"])
            .arg(&path)
            .output()
            .expect("promtool is installed (Debian package prometheus)");
        let ours = taken(&path);
        assert_eq!(ours.is_ok(), good, "{text}\n{ours:?}");
        // The promtool of Debian 12 is older than these keys.
        let newer = ["client_allowed_sans:", "  cert:"]
            .iter()
            .any(|key| text.contains(key));
        let unknown = String::from_utf8_lossy(&promtool.stderr).contains("not found in type");
        if !(newer && unknown) {
            assert_eq!(promtool.status.success(), good, "{text}\n{promtool:?}");
        }
    }
}

/// A PEM file, as far to the right as YAML wants it.
fn scratch_pem(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn faults_in_the_files_are_told_with_their_names() {
    let scratch = Scratch::new();
    for (text, parts) in [
        (
            "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n",
            &["cipher_suites", "TLS_ECDHE_"][..],
        ),
        (
            "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265]\n",
            &["did you mean `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`?"],
        ),
        (
            "  curve_preferences: [CurveP521]\n",
            &["`CurveP521` is not offered"],
        ),
        (
            "  client_ca_file: nowhere.crt\n  client_auth_type: RequireAndVerifyClientCert\n",
            &["client_ca_file", "nowhere.crt"],
        ),
    ] {
        let path = scratch.write("web.yaml", &format!("{TLS}{text}"));
        let error = taken(&path).unwrap_err();
        assert!(error.contains("web.yaml"), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    let nowhere = taken(&scratch.path("nowhere.yaml")).unwrap_err();
    assert!(nowhere.contains("--web.config.file"), "{nowhere}");
}
