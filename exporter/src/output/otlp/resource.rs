//! Who exports, in the names of OpenTelemetry's semantic conventions.

use std::collections::BTreeMap;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;

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
    let attributes = attributes.into_iter();
    Resource::builder_empty()
        .with_attributes(
            attributes.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned())),
        )
        .build()
}

/// What in it tells.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("saker")
        .with_version(VERSION)
        .build()
}
