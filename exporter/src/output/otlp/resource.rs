//! Who exports, in the names of OpenTelemetry's semantic conventions.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::{key_value, text};
use crate::metrics::VERSION;

/// Who exports.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Name of the host.
    pub hostname: String,
    /// Name of the Kubernetes node, if it is one.
    pub node: Option<String>,
}

/// Who tells, as attributes; what the settings say wins.
pub(super) fn resource(settings: &BTreeMap<String, String>, identity: &Identity) -> Resource {
    let mut attributes = BTreeMap::from([
        ("service.name", "saker"),
        ("service.version", VERSION),
        ("host.name", &identity.hostname),
        ("os.type", "linux"),
    ]);
    if let Some(node) = &identity.node {
        attributes.insert("k8s.node.name", node);
    }
    attributes.extend(settings.iter().map(|(key, value)| (&**key, &**value)));
    Resource {
        attributes: attributes
            .into_iter()
            .filter_map(|(key, value)| Some(key_value(key, text(value)?)))
            .collect(),
        ..Resource::default()
    }
}

/// What in it tells.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "saker".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    }
}
