//! The file behind `--web.config.file`: TLS, users, headers and the rate of requests, in the format of the Prometheus exporters.
//!
//! In: the text of the file. Out: [`WebConfig`], checked as far as that goes without opening what it names. Never: the text of
//! the file in a message, since it may hold keys.
//! Sources: the web configuration of the Prometheus exporter-toolkit (docs/web-configuration.md there).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, parse_yaml};

/// Least and greatest cost of a hash of a password. At 16 a check takes seconds.
const BCRYPT_COST: std::ops::RangeInclusive<u8> = 4..=16;
/// Headers that may be set, and the values that each may have; none: any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// What the face demands and offers.
#[derive(Clone, Debug, PartialEq)]
pub struct WebConfig {
    /// TLS; none: plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Whether HTTP/2 is offered to those who come by TLS.
    pub http2: bool,
    /// Headers set on every response.
    pub headers: Vec<(String, String)>,
    /// Hashes of passwords by user; empty: everybody may ask.
    pub users: BTreeMap<String, String>,
    /// How many requests are answered; none: all.
    pub rate_limit: Option<RateLimit>,
}

/// A request every `interval`, and `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Time after which one more may come; not zero.
    pub interval: Duration,
    /// Requests at once; at least 1.
    pub burst: u32,
}

/// PEM text, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// Whole path.
    File(PathBuf),
    /// The text itself.
    Inline(String),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            // It may be a key.
            Self::Inline(_) => f.write_str("inline"),
        }
    }
}

/// How TLS is spoken.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsConfig {
    /// Our certificates, leaf first.
    pub cert: Pem,
    /// The key of the leaf.
    pub key: Pem,
    /// Who signs the certificates of clients.
    pub client_ca: Option<Pem>,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// Names of which a client's certificate must have one; none: any name will do.
    pub client_allowed_sans: Option<Vec<String>>,
    /// Oldest and newest version.
    pub versions: (TlsVersion, TlsVersion),
    /// Cipher suites of TLS 1.2, by the names of Go; empty: all.
    pub cipher_suites: Vec<String>,
    /// Key exchanges, the preferred one first, by the names of Go; empty: all.
    pub curve_preferences: Vec<String>,
    /// Whether our order of cipher suites counts, and not the client's.
    pub prefer_server_cipher_suites: bool,
}

/// What is asked of clients, by the names of Go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ClientAuth {
    /// Nothing.
    #[default]
    #[serde(rename = "NoClientCert")]
    None,
    /// A certificate if there is one, which is not checked.
    #[serde(rename = "RequestClientCert")]
    Request,
    /// A certificate, which is not checked.
    #[serde(rename = "RequireAnyClientCert", alias = "RequireClientCert")]
    RequireAny,
    /// A certificate if there is one, signed by the authority.
    #[serde(rename = "VerifyClientCertIfGiven")]
    VerifyIfGiven,
    /// A certificate that the authority has signed: the one choice that keeps others out.
    #[serde(rename = "RequireAndVerifyClientCert")]
    RequireAndVerify,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum TlsVersion {
    /// 1.0, which is not spoken.
    #[serde(rename = "TLS10")]
    Tls10,
    /// 1.1, which is not spoken.
    #[serde(rename = "TLS11")]
    Tls11,
    /// 1.2
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3
    #[serde(rename = "TLS13")]
    Tls13,
}

impl WebConfig {
    /// Reads the file. What it names by a relative path lies in its own folder.
    ///
    /// # Errors
    /// When it cannot be read, or is not what a web configuration is.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::ReadWeb {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|message| ConfigError::Parse {
            path: path.to_owned(),
            message,
        })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let file: Option<File> = parse_yaml(text, false)?;
        let File {
            tls_server_config,
            http_server_config,
            basic_auth_users,
            rate_limit,
        } = file.unwrap_or_default();
        let http = http_server_config.unwrap_or_default();
        let users = basic_auth_users.unwrap_or_default();
        for (user, hash) in &users {
            check_hash(hash)
                .map_err(|fault| format!("basic_auth_users: the hash of `{user}` {fault}"))?;
        }
        Ok(Self {
            tls: match tls_server_config {
                Some(tls) => tls.check(folder)?,
                None => None,
            },
            http2: http.http2.unwrap_or(true),
            headers: check_headers(http.headers.unwrap_or_default())?,
            users,
            rate_limit: match rate_limit {
                Some(limit) => limit.check()?,
                None => None,
            },
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tls_server_config: Option<Tls>,
    http_server_config: Option<Http>,
    basic_auth_users: Option<BTreeMap<String, String>>,
    rate_limit: Option<Rate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    http2: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rate {
    interval: Option<String>,
    burst: Option<u32>,
}

impl Rate {
    fn check(self) -> Result<Option<RateLimit>, String> {
        let text = self.interval.as_deref().unwrap_or("0");
        let interval = match text {
            "0" => Duration::ZERO,
            text => text
                .parse::<jiff::SignedDuration>()
                .ok()
                .and_then(|interval| Duration::try_from(interval).ok())
                .ok_or_else(|| {
                    format!("rate_limit: interval: `{text}` is not a duration, such as 1s or 200ms")
                })?,
        };
        if interval.is_zero() {
            return Ok(None);
        }
        match self.burst {
            Some(burst @ 1..) => Ok(Some(RateLimit { interval, burst })),
            _ => Err(
                "rate_limit: burst: it has to be 1 at least, or no request would be answered"
                    .to_owned(),
            ),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    cert: Option<String>,
    key: Option<String>,
    client_ca: Option<String>,
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_ca_file: Option<PathBuf>,
    client_auth_type: Option<ClientAuth>,
    client_allowed_sans: Option<Vec<String>>,
    min_version: Option<TlsVersion>,
    max_version: Option<TlsVersion>,
    cipher_suites: Option<Vec<String>>,
    curve_preferences: Option<Vec<String>>,
    prefer_server_cipher_suites: Option<bool>,
}

impl Tls {
    fn check(self, folder: &Path) -> Result<Option<TlsConfig>, String> {
        let pem = |name: &str, inline: Option<String>, file: Option<PathBuf>| match (inline, file) {
            (Some(_), Some(_)) => Err(format!(
                "tls_server_config: {name} and {name}_file are both set; keep one"
            )),
            (Some(text), None) => Ok(Some(Pem::Inline(text))),
            (None, Some(path)) => Ok(Some(Pem::File(folder.join(path)))),
            (None, None) => Ok(None),
        };
        let cert = pem("cert", self.cert, self.cert_file)?;
        let key = pem("key", self.key, self.key_file)?;
        let client_ca = pem("client_ca", self.client_ca, self.client_ca_file)?;
        let (cert, key) = match (cert, key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) if client_ca.is_none() && self.client_auth_type.is_none() => {
                return Ok(None);
            }
            (None, _) => return Err("tls_server_config: cert_file or cert is missing".to_owned()),
            (_, None) => return Err("tls_server_config: key_file or key is missing".to_owned()),
        };
        let client_auth = self.client_auth_type.unwrap_or_default();
        check_clients(client_auth, &client_ca, &self.client_allowed_sans)?;
        let min = self.min_version.unwrap_or(TlsVersion::Tls12);
        let max = self.max_version.unwrap_or(TlsVersion::Tls13);
        for (name, version) in [("min_version", min), ("max_version", max)] {
            if version < TlsVersion::Tls12 {
                return Err(format!(
                    "tls_server_config: {name}: TLS 1.0 and 1.1 are not offered, since both are broken; TLS12 is the oldest"
                ));
            }
        }
        if min > max {
            return Err(
                "tls_server_config: min_version is newer than max_version; no version is left"
                    .to_owned(),
            );
        }
        Ok(Some(TlsConfig {
            cert,
            key,
            client_ca,
            client_auth,
            client_allowed_sans: self.client_allowed_sans,
            versions: (min, max),
            cipher_suites: self.cipher_suites.unwrap_or_default(),
            curve_preferences: self.curve_preferences.unwrap_or_default(),
            prefer_server_cipher_suites: self.prefer_server_cipher_suites.unwrap_or(true),
        }))
    }
}

/// Whether the settings about clients fit each other.
fn check_clients(
    auth: ClientAuth,
    ca: &Option<Pem>,
    sans: &Option<Vec<String>>,
) -> Result<(), String> {
    let verifies = matches!(
        auth,
        ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify
    );
    let requires = matches!(auth, ClientAuth::RequireAny | ClientAuth::RequireAndVerify);
    let fault = if ca.is_some() && auth == ClientAuth::None {
        "client_ca is set and client_auth_type is not: nobody would be asked for a certificate; RequireAndVerifyClientCert does"
    } else if ca.is_none() && verifies {
        "client_auth_type verifies certificates, and client_ca_file, which says whose, is missing"
    } else if sans.is_some() && !requires {
        "client_allowed_sans needs a certificate from every client: set client_auth_type to RequireAndVerifyClientCert"
    } else {
        return Ok(());
    };
    Err(format!("tls_server_config: {fault}"))
}

fn check_headers(headers: BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    for (name, value) in &headers {
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| known == name) else {
            let names = HEADERS.map(|(known, _)| known);
            let near = rule_engine::suggest::closest(name, names.iter().copied());
            let hint = near.map_or(format!("one of {}", names.join(", ")), |near| {
                format!("did you mean `{near}`?")
            });
            return Err(format!(
                "http_server_config: headers: `{name}` cannot be set; {hint}"
            ));
        };
        if !values.is_empty() && !values.contains(&value.as_str()) {
            return Err(format!(
                "http_server_config: headers: {name} can be {}, not `{value}`",
                values.join(" or ")
            ));
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(format!(
                "http_server_config: headers: {name} has a character that no header can have"
            ));
        }
    }
    // An empty value unsets nothing that would be set otherwise.
    Ok(headers
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect())
}

/// Whether a text is a bcrypt hash that can be checked in reasonable time. The hash itself is in no message.
fn check_hash(hash: &str) -> Result<(), String> {
    const ADVICE: &str = "make one with `htpasswd -nBC 10 NAME`";
    let cost = || {
        let rest = hash.strip_prefix("$2")?;
        let rest = rest.strip_prefix(['a', 'b', 'x', 'y'])?.strip_prefix('$')?;
        let (cost, rest) = rest.split_once('$')?;
        let whole = rest.len() == 53
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'));
        (whole && cost.len() == 2)
            .then(|| cost.parse::<u8>().ok())
            .flatten()
    };
    match cost() {
        None => Err(format!("is not a bcrypt hash; {ADVICE}")),
        Some(cost) if !BCRYPT_COST.contains(&cost) => Err(format!(
            "has the cost {cost}; {} to {} are checked in reasonable time; {ADVICE}",
            BCRYPT_COST.start(),
            BCRYPT_COST.end()
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
