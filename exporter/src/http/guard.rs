//! What the web configuration says, at this moment: it is read anew when one of its files has changed.
//!
//! In: the path of the file. Out: a [`Protection`]. A file that cannot be used any more changes nothing: the last good one holds,
//! and log and metric say so. Never: a change that takes TLS, the demand for certificates or all users away from a running agent,
//! since a file that is being written looks like that for a moment.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hyper::header::{HeaderName, HeaderValue};
use tokio_rustls::TlsAcceptor;

use super::limiter::Limiter;
use super::{HttpMetrics, tls};
use crate::config::ConfigError;
use crate::config::web::{ClientAuth, WebConfig};

/// What holds for a connection or request.
#[derive(Default)]
pub(super) struct Protection {
    /// Shakes hands; none: plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
    /// Whether only clients with a certificate of the authority are let in.
    demands_certificates: bool,
    /// Hashes of passwords by user.
    pub(super) users: BTreeMap<String, String>,
    /// Set on every response.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Counts requests.
    pub(super) limiter: Option<Limiter>,
}

/// Keeps the protection up to its files.
pub(super) struct Guard {
    /// None: there is no such file, and nothing to protect.
    path: Option<PathBuf>,
    state: Mutex<State>,
    metrics: HttpMetrics,
}

struct State {
    protection: Arc<Protection>,
    /// The files, and what they looked like when they were read.
    files: Vec<(PathBuf, Stamp)>,
}

/// What tells that a file has changed; none, if it is not there.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

impl Guard {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn new(path: Option<&Path>, metrics: HttpMetrics) -> Result<Self, ConfigError> {
        let state = match path {
            Some(path) => State::read(path)?,
            None => State {
                protection: Arc::default(),
                files: Vec::new(),
            },
        };
        metrics.web_config.set(1.0);
        Ok(Self {
            path: path.map(Path::to_owned),
            state: Mutex::new(state),
            metrics,
        })
    }

    /// What holds now. Looks at the files, which takes microseconds, and reads them if they have changed.
    pub(super) fn current(&self) -> Arc<Protection> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path
            && state
                .files
                .iter()
                .any(|(path, stamp)| stamp_of(path) != *stamp)
        {
            state.renew(path, &self.metrics);
        }
        Arc::clone(&state.protection)
    }
}

impl State {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let (files, protection) = read(path);
        Ok(Self {
            protection: Arc::new(protection?),
            files,
        })
    }

    fn renew(&mut self, path: &Path, metrics: &HttpMetrics) {
        let (files, read) = read(path);
        // Also after a failure: it is not tried again before something changes.
        self.files = files;
        let renewed = read.map_err(|error| error.to_string()).and_then(|new| {
            match self.protection.lost_in(&new) {
                Some(lost) => Err(format!(
                    "{}: {lost}, which a running agent does not take; restart it if that is meant",
                    path.display()
                )),
                None => Ok(new),
            }
        });
        match renewed {
            Ok(new) => {
                self.protection = Arc::new(new);
                metrics.web_config.set(1.0);
                tracing::info!("web configuration reloaded");
            }
            Err(error) => {
                metrics.web_config.set(0.0);
                tracing::error!(
                    "the web configuration was not reloaded, the old one holds: {error}"
                );
            }
        }
    }
}

/// Reads the file and what it names, and says which files those are. Their stamps are older than what is read, so that a change
/// in between is seen the next time.
fn read(path: &Path) -> (Vec<(PathBuf, Stamp)>, Result<Protection, ConfigError>) {
    let stamped = |file: PathBuf| {
        let stamp = stamp_of(&file);
        (file, stamp)
    };
    let mut files = vec![stamped(path.to_owned())];
    let config = match WebConfig::read(path) {
        Ok(config) => config,
        Err(error) => return (files, Err(error)),
    };
    files.extend(config.tls.iter().flat_map(tls::files).map(stamped));
    let protection = Protection::new(config).map_err(|message| ConfigError::Parse {
        path: path.to_owned(),
        message,
    });
    (files, protection)
}

impl Protection {
    fn new(config: WebConfig) -> Result<Self, String> {
        let WebConfig {
            tls,
            http2,
            headers,
            users,
            rate_limit,
        } = config;
        let demands_certificates = tls
            .as_ref()
            .is_some_and(|tls| tls.client_auth == ClientAuth::RequireAndVerify);
        let tls = match tls {
            Some(tls) => Some(Arc::new(tls::server_config(&tls, http2)?).into()),
            None => None,
        };
        let headers = headers.into_iter().map(|(name, value)| {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
            Ok((name, value))
        });
        Ok(Self {
            tls,
            demands_certificates,
            users,
            headers: headers.collect::<Result<_, String>>()?,
            limiter: rate_limit.map(|limit| Limiter::new(limit, Instant::now())),
        })
    }

    /// What this one has and a new one would lack.
    fn lost_in(&self, new: &Protection) -> Option<&'static str> {
        if self.tls.is_some() && new.tls.is_none() {
            Some("it ends TLS")
        } else if self.demands_certificates && !new.demands_certificates {
            Some("it ends the demand for certificates of clients")
        } else if !self.users.is_empty() && new.users.is_empty() {
            Some("it ends authentication")
        } else {
            None
        }
    }
}

/// Looks at a file. Links are followed: Kubernetes changes what they lead to.
fn stamp_of(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size(),
    ))
}
