//! TLS as the web configuration wants it, with rustls.
//!
//! In: a [`TlsConfig`] and the files that it names. Out: what a handshake needs. Never: a version or cipher suite that is known
//! to be broken: rustls has none, and who asks for one is told.

use std::path::PathBuf;
use std::sync::Arc;

use rule_engine::suggest;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls::{RootCertStore, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::client_certificate::Clients;
use crate::config::web::{ClientAuth, Pem, TlsConfig, TlsVersion};

/// Key exchanges by the names of Go.
const CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", ring::kx_group::X25519),
    ("CurveP256", ring::kx_group::SECP256R1),
    ("CurveP384", ring::kx_group::SECP384R1),
];

/// Makes the configuration of a server.
///
/// # Errors
/// A sentence that names the setting or file at fault.
pub(super) fn server_config(tls: &TlsConfig, http2: bool) -> Result<ServerConfig, String> {
    let provider = Arc::new(provider(tls)?);
    let certificates = certificates(&tls.cert, "cert")?;
    let key = PrivateKeyDer::from_pem_slice(&read(&tls.key, "key")?)
        .map_err(|error| format!("{} holds no private key: {error}", name(&tls.key, "key")))?;
    let versions: Vec<&'static SupportedProtocolVersion> = [
        (TlsVersion::Tls13, &version::TLS13),
        (TlsVersion::Tls12, &version::TLS12),
    ]
    .into_iter()
    .filter(|(version, _)| (tls.versions.0..=tls.versions.1).contains(version))
    .map(|(_, version)| version)
    .collect();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| format!("tls_server_config: {error}"))?;
    let builder = match clients(tls, &provider)? {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(certificates, key)
        .map_err(|error| {
            format!(
                "{} and {} do not belong together: {error}",
                name(&tls.cert, "cert"),
                name(&tls.key, "key")
            )
        })?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(config)
}

/// The files whose change is a change of the configuration.
pub(super) fn files(tls: &TlsConfig) -> Vec<PathBuf> {
    [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(|pem| match pem {
            Pem::File(path) => Some(path.clone()),
            Pem::Inline(_) => None,
        })
        .collect()
}

fn clients(tls: &TlsConfig, provider: &Arc<CryptoProvider>) -> Result<Option<Clients>, String> {
    let (mandatory, verified) = match tls.client_auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Request => (false, false),
        ClientAuth::RequireAny => (true, false),
        ClientAuth::VerifyIfGiven => (false, true),
        ClientAuth::RequireAndVerify => (true, true),
    };
    let authority = match &tls.client_ca {
        Some(ca) if verified => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca, "client_ca")? {
                roots.add(certificate).map_err(|error| {
                    format!("{} cannot be used: {error}", name(ca, "client_ca"))
                })?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            let verifier = verifier
                .build()
                .map_err(|error| format!("{} cannot be used: {error}", name(ca, "client_ca")))?;
            Some(verifier)
        }
        _ => None,
    };
    Ok(Some(Clients {
        authority,
        mandatory,
        allowed_sans: tls.client_allowed_sans.clone(),
        algorithms: provider.signature_verification_algorithms,
    }))
}

/// The provider of cryptography, cut down to what is wanted.
fn provider(tls: &TlsConfig) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !tls.curve_preferences.is_empty() {
        let chosen = tls.curve_preferences.iter().map(|wanted| {
            let known = CURVES.iter().find(|(name, _)| name == wanted);
            known.map(|(_, group)| *group).ok_or_else(|| {
                unknown(
                    "curve_preferences",
                    wanted,
                    CURVES.iter().map(|(name, _)| *name),
                )
            })
        });
        provider.kx_groups = chosen.collect::<Result<_, _>>()?;
    }
    if !tls.cipher_suites.is_empty() {
        let all = std::mem::take(&mut provider.cipher_suites);
        let names: Vec<String> = all.iter().map(go_name).collect();
        // As in Go, the list is about TLS 1.2, and the three suites of TLS 1.3 stand beside it.
        let mut chosen: Vec<SupportedCipherSuite> = all
            .iter()
            .filter(|suite| suite.tls13().is_some())
            .copied()
            .collect();
        for wanted in &tls.cipher_suites {
            match names.iter().position(|name| name == wanted) {
                Some(index) if all[index].tls13().is_none() => chosen.push(all[index]),
                Some(_) => {}
                None => {
                    let names = names.iter().map(String::as_str);
                    return Err(unknown("cipher_suites", wanted, names));
                }
            }
        }
        provider.cipher_suites = chosen;
    }
    Ok(provider)
}

/// The name that Go has for a cipher suite, which for TLS 1.2 is the registered one.
fn go_name(suite: &SupportedCipherSuite) -> String {
    let name = suite.suite().as_str().unwrap_or("");
    name.replace("TLS13_", "TLS_")
}

fn unknown<'a>(
    setting: &str,
    wanted: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let hint = match suggest::closest(wanted, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    format!("tls_server_config: {setting}: `{wanted}` is not offered; {hint}")
}

fn certificates(pem: &Pem, setting: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(pem, setting)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(format!(
            "{} holds no certificate in PEM form",
            name(pem, setting)
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{} is malformed: {error}", name(pem, setting))),
    }
}

fn read(pem: &Pem, setting: &str) -> Result<Vec<u8>, String> {
    match pem {
        Pem::Inline(text) => Ok(text.clone().into_bytes()),
        Pem::File(path) => std::fs::read(path)
            .map_err(|error| format!("{} cannot be read: {error}", name(pem, setting))),
    }
}

/// What a message calls it.
fn name(pem: &Pem, setting: &str) -> String {
    match pem {
        Pem::Inline(_) => format!("tls_server_config: {setting}"),
        Pem::File(path) => format!("tls_server_config: {setting}_file {}", path.display()),
    }
}
