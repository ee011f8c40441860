//! Settings of OTLP: what is sent where, how, and how much may wait for it.
//!
//! In: the section `otlp` of the configuration file, the standard variables `OTEL_…`, a flag. Out: [`Otlp`], checked.
//! Never: a connection, or a file: certificates are read by who connects.
//! Sources: OpenTelemetry specification, "OpenTelemetry Protocol Exporter", "Environment Variable Specification".

mod environment;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::ConfigError;

/// How requests are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// gRPC over HTTP/2.
    #[serde(rename = "grpc")]
    Grpc,
    /// Protobuf in the body of an HTTP/1.1 POST.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As gzip.
    Gzip,
}

/// Certificates, as PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities to trust instead of those of the system.
    pub ca: Option<PathBuf>,
    /// The client's certificate with its chain, and its key: both or none.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Where one kind of data goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// `http` or `https`, host, and for [`Protocol::Http`] the whole path.
    pub endpoint: Uri,
    /// How.
    pub protocol: Protocol,
    /// Sent with every request; values are secrets.
    pub headers: HeaderMap,
    /// How requests are compressed.
    pub compression: Compression,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// For `https`.
    pub tls: TlsFiles,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Matches, as log records.
    pub logs: Option<Target>,
    /// The agent's metrics.
    pub metrics: Option<Target>,
    /// How often metrics are sent.
    pub metrics_interval: Duration,
    /// Matches that may wait.
    pub queue_len_max: usize,
    /// Matches of one request.
    pub batch_len_max: usize,
    /// How long the first match of a request waits for others.
    pub delay: Duration,
    /// How long a request is tried.
    pub retry_for: Duration,
    /// Attributes of the resource, beside those that Saker knows; each key once.
    pub resource: BTreeMap<String, String>,
}

/// What one source says of OTLP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Section")]
pub struct OtlpLayer {
    target: TargetLayer,
    logs_target: TargetLayer,
    metrics_target: TargetLayer,
    /// Whether there is anything in the file that would be in vain without an endpoint.
    in_file: bool,
    disabled: Option<bool>,
    logs: Option<bool>,
    metrics: Option<bool>,
    metrics_interval_ms: Option<Number>,
    queue_len_max: Option<Number>,
    batch_len_max: Option<Number>,
    delay_ms: Option<Number>,
    retry_ms: Option<Number>,
    service_name: Option<String>,
    resource: BTreeMap<String, String>,
}

/// The section of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    endpoint: Option<String>,
    protocol: Option<Protocol>,
    headers: Option<BTreeMap<String, String>>,
    compression: Option<Compression>,
    timeout_ms: Option<u64>,
    tls: Option<TlsSection>,
    logs: Option<bool>,
    metrics: Option<bool>,
    metrics_interval_ms: Option<u64>,
    queue_len_max: Option<u64>,
    batch_len_max: Option<u64>,
    delay_ms: Option<u64>,
    retry_ms: Option<u64>,
    resource: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsSection {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// A value with the name of its setting, for messages.
#[derive(Clone, Debug)]
struct Named<T> {
    setting: String,
    value: T,
}

type Number = Named<u64>;

#[derive(Clone, Debug, Default)]
struct TargetLayer {
    endpoint: Option<Named<String>>,
    /// The endpoint is for this kind of data alone, its path is the whole path.
    whole: bool,
    protocol: Option<Protocol>,
    headers: Option<Named<Vec<(String, String)>>>,
    compression: Option<Compression>,
    timeout_ms: Option<Number>,
    insecure: Option<bool>,
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl From<Section> for OtlpLayer {
    fn from(section: Section) -> Self {
        let TlsSection {
            ca,
            certificate,
            key,
        } = section.tls.unwrap_or_default();
        let number = |setting: &str, value: Option<u64>| {
            value.map(|value| Named {
                setting: format!("otlp.{setting}"),
                value,
            })
        };
        Self {
            target: TargetLayer {
                endpoint: section.endpoint.map(|value| Named {
                    setting: "otlp.endpoint".to_owned(),
                    value,
                }),
                whole: false,
                protocol: section.protocol,
                headers: section.headers.map(|headers| Named {
                    setting: "otlp.headers".to_owned(),
                    value: headers.into_iter().collect(),
                }),
                compression: section.compression,
                timeout_ms: number("timeout_ms", section.timeout_ms),
                insecure: None,
                ca,
                certificate,
                key,
            },
            in_file: true,
            logs: section.logs,
            metrics: section.metrics,
            metrics_interval_ms: number("metrics_interval_ms", section.metrics_interval_ms),
            queue_len_max: number("queue_len_max", section.queue_len_max),
            batch_len_max: number("batch_len_max", section.batch_len_max),
            delay_ms: number("delay_ms", section.delay_ms),
            retry_ms: number("retry_ms", section.retry_ms),
            resource: section.resource.unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl OtlpLayer {
    /// What a flag gives.
    #[must_use]
    pub fn with_endpoint(endpoint: String) -> Self {
        Self {
            target: TargetLayer {
                endpoint: Some(Named {
                    setting: "--otlp-endpoint".to_owned(),
                    value: endpoint,
                }),
                ..TargetLayer::default()
            },
            ..Self::default()
        }
    }

    /// Lays another source over this one.
    pub(super) fn lay(&mut self, over: Self) {
        // An endpoint for everything that a flag names is meant for everything.
        if over.target.endpoint.is_some() && !over.in_file && over.logs_target.endpoint.is_none() {
            self.logs_target.endpoint = None;
            self.metrics_target.endpoint = None;
        }
        self.target.lay(over.target);
        self.logs_target.lay(over.logs_target);
        self.metrics_target.lay(over.metrics_target);
        self.in_file |= over.in_file;
        put(&mut self.disabled, over.disabled);
        put(&mut self.logs, over.logs);
        put(&mut self.metrics, over.metrics);
        put(&mut self.metrics_interval_ms, over.metrics_interval_ms);
        put(&mut self.queue_len_max, over.queue_len_max);
        put(&mut self.batch_len_max, over.batch_len_max);
        put(&mut self.delay_ms, over.delay_ms);
        put(&mut self.retry_ms, over.retry_ms);
        put(&mut self.service_name, over.service_name);
        self.resource.extend(over.resource);
    }

    /// The settings; none if OTLP is off.
    pub(super) fn settings(self) -> Result<Option<Otlp>, ConfigError> {
        if self.disabled == Some(true) {
            return Ok(None);
        }
        let target = |own: TargetLayer, path: &'static str| {
            let mut target = self.target.clone();
            target.lay(own);
            target.resolve(path)
        };
        let wants_metrics = self.metrics == Some(true);
        let logs = match self.logs {
            Some(false) => None,
            _ => target(self.logs_target, "/v1/logs")?,
        };
        let metrics = match wants_metrics {
            true => target(self.metrics_target, "/v1/metrics")?,
            false => None,
        };
        if (wants_metrics && metrics.is_none())
            || (self.in_file && self.logs != Some(false) && logs.is_none())
        {
            return Err(fault(
                "otlp",
                "no endpoint is given; set otlp.endpoint (such as http://collector:4318), OTEL_EXPORTER_OTLP_ENDPOINT or --otlp-endpoint, or take the section away",
            ));
        }
        if logs.is_none() && metrics.is_none() {
            return Ok(None);
        }
        let queue_len_max = within(self.queue_len_max, 2048, 1, 1 << 20)?;
        let default = queue_len_max.min(512);
        let batch_len_max = within(self.batch_len_max, default, 1, queue_len_max)?;
        let mut resource = self.resource;
        if let Some(name) = self.service_name {
            resource.insert("service.name".to_owned(), name);
        }
        let ms = |number, default, min, max| {
            within(number, default, min, max).map(Duration::from_millis)
        };
        Ok(Some(Otlp {
            logs,
            metrics,
            metrics_interval: ms(self.metrics_interval_ms, 60_000, 100, 3_600_000)?,
            queue_len_max: queue_len_max as usize,
            batch_len_max: batch_len_max as usize,
            delay: ms(self.delay_ms, 10, 0, 60_000)?,
            retry_for: ms(self.retry_ms, 300_000, 0, 86_400_000)?,
            resource,
        }))
    }
}

impl TargetLayer {
    fn lay(&mut self, over: Self) {
        if over.endpoint.is_some() {
            self.whole = over.whole;
        }
        put(&mut self.endpoint, over.endpoint);
        put(&mut self.protocol, over.protocol);
        put(&mut self.headers, over.headers);
        put(&mut self.compression, over.compression);
        put(&mut self.timeout_ms, over.timeout_ms);
        put(&mut self.insecure, over.insecure);
        put(&mut self.ca, over.ca);
        put(&mut self.certificate, over.certificate);
        put(&mut self.key, over.key);
    }

    /// The target; none without an endpoint. `path` is that of this kind of data below an endpoint for all kinds.
    fn resolve(self, path: &str) -> Result<Option<Target>, ConfigError> {
        let Some(endpoint) = &self.endpoint else {
            return Ok(None);
        };
        let protocol = self.protocol.unwrap_or_default();
        let endpoint = self.uri(endpoint, protocol, path)?;
        let client = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (certificate, _) => {
                let (there, missing) = match certificate {
                    Some(_) => ("a certificate", "key"),
                    None => ("a key", "certificate"),
                };
                return Err(fault(
                    "otlp.tls",
                    &format!(
                        "{there} is given without its {missing}; name both or none (otlp.tls.certificate and otlp.tls.key, or OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY)"
                    ),
                ));
            }
        };
        Ok(Some(Target {
            endpoint,
            protocol,
            headers: headers(self.headers)?,
            compression: self.compression.unwrap_or_default(),
            timeout: Duration::from_millis(within(self.timeout_ms, 10_000, 1, 600_000)?),
            tls: TlsFiles {
                ca: self.ca,
                client,
            },
        }))
    }

    fn uri(
        &self,
        endpoint: &Named<String>,
        protocol: Protocol,
        path: &str,
    ) -> Result<Uri, ConfigError> {
        let refused = |why: &str| {
            let message = format!(
                "`{}` {why}; give a URL such as http://collector:4318, or https://collector:4317 with protocol grpc",
                endpoint.value
            );
            fault(&endpoint.setting, &message)
        };
        let uri: Uri = endpoint
            .value
            .parse()
            .map_err(|_| refused("is not a URL"))?;
        let Some(authority) = uri.authority() else {
            return Err(refused("names no host"));
        };
        if authority.as_str().contains('@') {
            return Err(refused("holds a user name, which belongs into a header"));
        }
        let scheme = match (uri.scheme_str(), protocol) {
            (Some("http"), _) => "http",
            (Some("https"), _) => "https",
            (None, Protocol::Grpc) if self.insecure == Some(true) => "http",
            (None, Protocol::Grpc) => "https",
            _ => return Err(refused("begins neither with http:// nor with https://")),
        };
        let base = uri.path().trim_end_matches('/');
        let path = match protocol {
            Protocol::Grpc if base.is_empty() => "/".to_owned(),
            Protocol::Grpc => return Err(refused("has a path, and gRPC has none")),
            Protocol::Http if self.whole => uri.path().to_owned(),
            Protocol::Http => format!("{base}{path}"),
        };
        Uri::builder()
            .scheme(scheme)
            .authority(authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| refused("is not a URL"))
    }
}

/// The headers of requests; their values are not for logs.
fn headers(given: Option<Named<Vec<(String, String)>>>) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    let Some(Named { setting, value }) = given else {
        return Ok(headers);
    };
    for (name, value) in value {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| fault(&setting, &format!("`{name}` is not the name of a header")))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| {
            let message = format!("the value of `{name}` holds what no header can");
            fault(&setting, &message)
        })?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

fn within(number: Option<Number>, default: u64, min: u64, max: u64) -> Result<u64, ConfigError> {
    match number {
        None => Ok(default),
        Some(Named { value, .. }) if (min..=max).contains(&value) => Ok(value),
        Some(Named { setting, value }) => {
            let message = format!("{value} is outside {min} to {max}");
            Err(fault(&setting, &message))
        }
    }
}

fn put<T>(place: &mut Option<T>, over: Option<T>) {
    if over.is_some() {
        *place = over;
    }
}

fn fault(setting: &str, message: &str) -> ConfigError {
    ConfigError::Value {
        setting: setting.to_owned().into(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
