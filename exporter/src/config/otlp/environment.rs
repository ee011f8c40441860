//! What the standard variables say of OTLP.
//!
//! In: variables, one at a time. Out: an [`OtlpLayer`]. Never: a value that is passed over because it is not understood.
//! Sources: OpenTelemetry specification, "OpenTelemetry Protocol Exporter", "Environment Variable Specification"; W3C Baggage
//! for headers and attributes.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::{Compression, Named, Number, OtlpLayer, Protocol, TargetLayer, fault};
use crate::config::ConfigError;

impl OtlpLayer {
    /// What the environment sets, read through `variable`. An empty variable is none, as the specification wants.
    ///
    /// # Errors
    /// When a variable holds a value that its setting cannot have.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let variables = Variables(&|name| variable(name).filter(|value| !value.trim().is_empty()));
        let resource = match variables.text("OTEL_RESOURCE_ATTRIBUTES") {
            Some(given) => pairs(given)?.into_iter().collect(),
            None => Default::default(),
        };
        Ok(Self {
            target: variables.target("")?,
            logs_target: variables.target("LOGS_")?,
            metrics_target: variables.target("METRICS_")?,
            in_file: false,
            disabled: variables.truth("OTEL_SDK_DISABLED")?,
            logs: variables.exporter("OTEL_LOGS_EXPORTER")?,
            metrics: variables.exporter("OTEL_METRICS_EXPORTER")?,
            metrics_interval_ms: variables.number("OTEL_METRIC_EXPORT_INTERVAL")?,
            queue_len_max: variables.number("OTEL_BLRP_MAX_QUEUE_SIZE")?,
            batch_len_max: variables.number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE")?,
            delay_ms: variables.number("OTEL_BLRP_SCHEDULE_DELAY")?,
            retry_ms: variables.number("OTEL_BLRP_EXPORT_TIMEOUT")?,
            service_name: variables.text("OTEL_SERVICE_NAME").map(|name| name.value),
            resource,
        })
    }
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// Variables of all kinds of data, or, with `LOGS_` or `METRICS_`, of one.
    fn target(&self, kind: &str) -> Result<TargetLayer, ConfigError> {
        let name = |what: &str| format!("OTEL_EXPORTER_OTLP_{kind}{what}");
        let path = |what: &str| self.text(&name(what)).map(|path| PathBuf::from(path.value));
        Ok(TargetLayer {
            endpoint: self.text(&name("ENDPOINT")),
            whole: !kind.is_empty(),
            protocol: self.word(
                &name("PROTOCOL"),
                &[("grpc", Protocol::Grpc), ("http/protobuf", Protocol::Http)],
            )?,
            headers: match self.text(&name("HEADERS")) {
                Some(given) => Some(Named {
                    setting: given.setting.clone(),
                    value: pairs(given)?,
                }),
                None => None,
            },
            compression: self.word(
                &name("COMPRESSION"),
                &[("none", Compression::None), ("gzip", Compression::Gzip)],
            )?,
            timeout_ms: self.number(&name("TIMEOUT"))?,
            insecure: self.truth(&name("INSECURE"))?,
            ca: path("CERTIFICATE"),
            certificate: path("CLIENT_CERTIFICATE"),
            key: path("CLIENT_KEY"),
        })
    }

    fn text(&self, name: &str) -> Option<Named<String>> {
        let value = (self.0)(name)?.trim().to_owned();
        Some(Named {
            setting: name.to_owned(),
            value,
        })
    }

    fn number(&self, name: &str) -> Result<Option<Number>, ConfigError> {
        let Some(Named { setting, value }) = self.text(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(value) => Ok(Some(Named { setting, value })),
            Err(_) => {
                let message = format!("`{value}` is not a whole number; times are in milliseconds");
                Err(fault(&setting, &message))
            }
        }
    }

    /// In any case. The specification takes every other word for false; here it is told.
    fn truth(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        let words = [("true", true), ("false", false)];
        self.word(name, &words)
    }

    fn exporter(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        self.word(name, &[("otlp", true), ("none", false)])
    }

    fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(Named { setting, value }) = self.text(name) else {
            return Ok(None);
        };
        let fits = |(word, _): &&(&str, T)| word.eq_ignore_ascii_case(&value);
        match words.iter().find(fits) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("`{value}` is not known; use {}", known.join(" or "));
                Err(fault(&setting, &message))
            }
        }
    }
}

/// `key=value,key=value`, percent-encoded.
fn pairs(given: Named<String>) -> Result<Vec<(String, String)>, ConfigError> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8();
        text.map(|text| text.into_owned()).ok()
    };
    let entries = given
        .value
        .split(',')
        .filter(|entry| !entry.trim().is_empty());
    entries
        .map(|entry| {
            let pair = entry
                .split_once('=')
                .and_then(|(key, value)| Some((decoded(key)?, decoded(value)?)));
            pair.filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                // What stands here may be a secret.
                let message =
                    "an entry is not of the form key=value, percent-encoded where it holds a comma";
                fault(&given.setting, message)
            })
        })
        .collect()
}
