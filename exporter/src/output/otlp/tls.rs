//! What the exporter shows and trusts when it speaks TLS.
//!
//! In: PEM files, or the authorities of the system. Out: a configuration of rustls, with ring. Never: a connection without
//! verification.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::TlsFiles;

/// The configuration of a client.
pub(super) fn client(files: &TlsFiles) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(files.ca.as_deref())?);
    match &files.client {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let private = PrivateKeyDer::from_pem_file(key)
                .with_context(|| format!("cannot read a private key from {}", key.display()))?;
            builder
                .with_client_auth_cert(chain, private)
                .with_context(|| {
                    format!(
                        "the key in {} cannot be used with the certificate in {}",
                        key.display(),
                        certificate.display()
                    )
                })
        }
    }
}

fn roots(ca: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            for certificate in certificates(ca)? {
                roots.add(certificate).with_context(|| {
                    format!("{} holds what is no authority's certificate", ca.display())
                })?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                bail!(
                    "the system has no certificates of authorities; install ca-certificates, or name a file in otlp.tls.ca or OTEL_EXPORTER_OTLP_CERTIFICATE"
                );
            }
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = || format!("cannot read certificates from {}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .with_context(read)?;
    if found.is_empty() {
        bail!(
            "there is no certificate in {}; it must be a PEM file",
            path.display()
        );
    }
    Ok(found)
}

/// A configuration for one who connects without TLS.
pub(super) fn unused() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}
