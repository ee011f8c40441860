//! Asks the face of another agent: over TCP, TLS or a unix socket, with a password or a certificate.
//!
//! In: an [`Access`]. Out: bodies of answers. Never: a certificate that nobody vouches for, or a wait without end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::listener::Stream;

/// Time for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Where an agent is, and how it lets one in.
#[derive(Clone, Default)]
pub struct Access {
    /// `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`.
    pub url: String,
    /// Who vouches for its certificate; none: those whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key, for an agent that asks for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// User and password.
    pub user: Option<(String, String)>,
}

/// Why there is no answer: a sentence with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The way to the agent cannot be used.
    #[error("{0}")]
    Access(String),
    /// Nobody answers there.
    #[error("no agent answers at {url}: {cause}; is it running, and is --url right?")]
    Connect {
        /// The address asked for.
        url: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The agent refused, or it is no agent.
    #[error("{url} answered {status}{advice}")]
    Refused {
        /// What was asked for.
        url: String,
        /// What it said.
        status: StatusCode,
        /// What to do.
        advice: &'static str,
    },
    /// What came was no answer.
    #[error("the answer of {url} cannot be read: {message}")]
    Malformed {
        /// The address asked for.
        url: String,
        /// Why.
        message: String,
    },
    /// No answer in time.
    #[error("{url} gave no answer within {} s", ANSWER_TIME.as_secs())]
    TimedOut {
        /// The address asked for.
        url: String,
    },
}

/// A way to an agent that has been checked.
pub struct Client {
    url: String,
    target: Target,
    host: String,
    /// Before every path, for an agent behind a proxy; without a slash at its end.
    prefix: String,
    authorization: Option<HeaderValue>,
}

enum Target {
    Tcp(String, u16),
    Tls(String, u16, ServerName<'static>, TlsConnector),
    Unix(PathBuf),
}

impl Client {
    /// Reads the files and checks the address.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn new(access: &Access) -> Result<Self, ClientError> {
        let authorization = access.user.as_ref().map(|(user, password)| {
            let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
            let mut value = HeaderValue::try_from(format!("Basic {encoded}"))
                .expect("base64 is made of what headers are made of");
            value.set_sensitive(true);
            value
        });
        let url = access.url.trim_end_matches('/').to_owned();
        if let Some(path) = url.strip_prefix("unix:") {
            return Ok(Self {
                target: Target::Unix(path.into()),
                host: "localhost".to_owned(),
                prefix: String::new(),
                authorization,
                url,
            });
        }
        let fault = |what: &str| {
            ClientError::Access(format!(
                "`{}` {what}; use http://HOST:PORT, https://HOST:PORT or unix:/PATH",
                access.url
            ))
        };
        let uri: Uri = url.parse().map_err(|_| fault("is not an address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(fault("has no scheme or no host"));
        };
        let name = authority.host().trim_matches(['[', ']']).to_owned();
        let target = match scheme {
            "http" => Target::Tcp(name, authority.port_u16().unwrap_or(80)),
            "https" => {
                let server = ServerName::try_from(name.clone())
                    .map_err(|_| fault("has no host that a certificate could name"))?;
                let port = authority.port_u16().unwrap_or(443);
                Target::Tls(name, port, server, connector(access)?)
            }
            _ => return Err(fault("has a scheme that is not spoken here")),
        };
        Ok(Self {
            target,
            host: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authorization,
            url,
        })
    }

    /// The address, as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body of the answer to a GET.
    ///
    /// # Errors
    /// When there is none in time, or it is a refusal.
    pub async fn get(&self, path: &str) -> Result<Bytes, ClientError> {
        match tokio::time::timeout(ANSWER_TIME, self.ask(path)).await {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::TimedOut {
                url: self.url.clone(),
            }),
        }
    }

    async fn ask(&self, path: &str) -> Result<Bytes, ClientError> {
        let stream = self.connect().await.map_err(|cause| ClientError::Connect {
            url: self.url.clone(),
            cause,
        })?;
        let malformed = |message: String| ClientError::Malformed {
            url: self.url.clone(),
            message,
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| malformed(error.to_string()))?;
        // Ends when the sender and the body are gone.
        tokio::spawn(connection);
        let mut request = Request::get(format!("{}{path}", self.prefix))
            .header(HOST, &self.host)
            .body(Empty::<Bytes>::new())
            .map_err(|error| malformed(error.to_string()))?;
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(AUTHORIZATION, authorization.clone());
        }
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| malformed(error.to_string()))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(ClientError::Refused {
                url: format!("{}{path}", self.url),
                status,
                advice: advice(status),
            });
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await;
        body.map(|body| body.to_bytes())
            .map_err(|error| malformed(error.to_string()))
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.target {
            Target::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Target::Tcp(host, port) => Box::new(TcpStream::connect((host.as_str(), *port)).await?),
            Target::Tls(host, port, name, connector) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                Box::new(connector.connect(name.clone(), stream).await?)
            }
        })
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "; give the right --user and --password-file",
        StatusCode::NOT_FOUND => "; is this an agent, of this version or a later one?",
        StatusCode::BAD_REQUEST => "; does the agent want https:// here?",
        _ => "",
    }
}

fn connector(access: &Access) -> Result<TlsConnector, ClientError> {
    let unusable = |path: &Path, why: String| {
        ClientError::Access(format!("{} cannot be used: {why}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    match &access.ca_file {
        Some(path) => {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|error| unusable(path, error.to_string()))?;
            }
        }
        // What cannot be read of the system's store vouches for nobody.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Access(error.to_string()))?
        .with_root_certificates(roots);
    let config = match &access.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| unusable(key, error.to_string()))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .map_err(|error| unusable(certificate, error.to_string()))?
        }
    };
    Ok(Arc::new(config).into())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = || -> Result<Vec<_>, String> {
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let found = found.map_err(|error| error.to_string())?;
        match found.is_empty() {
            true => Err("it holds no certificate in PEM form".to_owned()),
            false => Ok(found),
        }
    };
    read().map_err(|why| ClientError::Access(format!("{} cannot be used: {why}", path.display())))
}
