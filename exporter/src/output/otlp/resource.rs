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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_this_host_and_node_unless_settings_say_otherwise() {
        let identity = |node: Option<&str>| Identity {
            hostname: "host-1".to_owned(),
            node: node.map(str::to_owned),
        };
        let told = |settings: &[(&str, &str)], node| {
            let settings = settings.iter();
            let settings = settings.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let resource = resource(&settings.collect(), &identity(node));
            let pairs = resource.iter().map(|(key, value)| format!("{key}={value}"));
            let mut pairs: Vec<_> = pairs
                .filter(|pair| !pair.starts_with("service.version"))
                .collect();
            pairs.sort();
            pairs.join(" ")
        };
        assert_eq!(
            told(&[], None),
            "host.name=host-1 os.type=linux service.name=saker"
        );
        assert_eq!(
            told(&[("service.name", "edge"), ("team", "a")], Some("node-1")),
            "host.name=host-1 k8s.node.name=node-1 os.type=linux service.name=edge team=a"
        );
    }
}
