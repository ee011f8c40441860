//! What a match says of itself in the names of OpenTelemetry's semantic conventions.
//!
//! In: a match, with the fields that [`asked`] names. Out: attributes. Never: a placeholder: what is not known is left out.
//! Sources: OpenTelemetry semantic conventions 1.44 (security rule, process, container, k8s, file, network, user, log).

use std::sync::Arc;

use opentelemetry::Key;
use opentelemetry::logs::AnyValue as Any;
use rule_engine::schema::Schema;
use rule_engine::value::FieldRef;

use crate::output::{FieldValue, OwnedMatch};

/// The fields that attributes are made of.
const FIELDS: [&str; 28] = [
    "proc.pid",
    "proc.ppid",
    "proc.vpid",
    "proc.exepath",
    "proc.exeline",
    "proc.cwd",
    "proc.sid",
    "proc.tty",
    "user.uid",
    "user.name",
    "container.full_id",
    "container.name",
    "container.type",
    "container.image.id",
    "container.image.repository",
    "container.image.tag",
    "container.image.digest",
    "k8s.ns.name",
    "k8s.pod.name",
    "k8s.pod.uid",
    "fs.path.name",
    "fd.typechar",
    "fd.name",
    "fd.l4proto",
    "fd.cip",
    "fd.cport",
    "fd.sip",
    "fd.sport",
];

/// Attributes that are a field under another name.
const SAME: [(&str, &str); 13] = [
    ("process.pid", "proc.pid"),
    ("process.parent_pid", "proc.ppid"),
    ("process.vpid", "proc.vpid"),
    ("process.executable.path", "proc.exepath"),
    ("process.command_line", "proc.exeline"),
    ("process.working_directory", "proc.cwd"),
    ("process.session_leader.pid", "proc.sid"),
    ("user.name", "user.name"),
    ("container.name", "container.name"),
    ("container.image.id", "container.image.id"),
    ("container.image.name", "container.image.repository"),
    ("k8s.namespace.name", "k8s.ns.name"),
    ("k8s.pod.name", "k8s.pod.name"),
];

/// Attributes of connections that are a field under another name; the client is where a connection comes from.
const CONNECTION: [(&str, &str); 5] = [
    ("network.transport", "fd.l4proto"),
    ("source.address", "fd.cip"),
    ("source.port", "fd.cport"),
    ("destination.address", "fd.sip"),
    ("destination.port", "fd.sport"),
];

/// The fields that every match has to take with it; see [`OwnedMatch::asked`].
#[must_use]
pub fn asked(schema: &Schema) -> Arc<[FieldRef]> {
    FIELDS
        .iter()
        .map(|name| {
            FieldRef::resolve(schema, name, None)
                .expect("the schema of system calls has these fields, none with an argument")
        })
        .collect()
}

/// The attributes of a match.
pub(super) fn attributes(owned: &OwnedMatch) -> Vec<(Key, Any)> {
    let known = Known(owned);
    let mut attributes = Attributes(Vec::with_capacity(40 + owned.fields.len()));
    let rule = &owned.rule;
    attributes.put("log.record.uid", text(owned.uuid.to_string()));
    attributes.put("security_rule.name", text(&*rule.name));
    attributes.put("security_rule.ruleset.name", text(&*rule.file));
    attributes.put("security_rule.description", text(&*rule.description));
    for (attribute, field) in SAME {
        attributes.put(attribute, known.value(field));
    }
    process(&known, &mut attributes);
    container(&known, &mut attributes);
    descriptor(&known, &mut attributes);
    let tags = rule
        .tags
        .iter()
        .map(|tag| FieldValue::Text(tag.to_string()));
    attributes.put("saker.tags", any(&FieldValue::List(tags.collect())));
    for (name, value) in &owned.fields {
        attributes.put(format!("saker.{name}"), any(value));
    }
    attributes.0
}

fn process(known: &Known<'_>, attributes: &mut Attributes) {
    let name = known
        .text("proc.exepath")
        .and_then(|path| path.rsplit('/').next())
        .filter(|name| !name.is_empty());
    attributes.put("process.executable.name", name.and_then(text));
    let interactive = known.number("proc.tty").map(|tty| Any::Boolean(tty != 0));
    attributes.put("process.interactive", interactive);
    // The agent's word for a user that is not known is the greatest id.
    let uid = known
        .number("user.uid")
        .filter(|uid| *uid != i64::from(u32::MAX));
    attributes.put("user.id", uid.and_then(|uid| text(uid.to_string())));
}

fn container(known: &Known<'_>, attributes: &mut Attributes) {
    let Some(id) = known.text("container.full_id") else {
        return;
    };
    attributes.put("container.id", text(id));
    attributes.put("container.runtime.name", known.value("container.type"));
    let list = |item: String| any(&FieldValue::List(vec![FieldValue::Text(item)]));
    if let Some(tag) = known.text("container.image.tag") {
        attributes.put("container.image.tags", list(tag.to_owned()));
    }
    if let (Some(repository), Some(digest)) = (
        known.text("container.image.repository"),
        known.text("container.image.digest"),
    ) {
        let whole = format!("{repository}@{digest}");
        attributes.put("container.image.repo_digests", list(whole));
    }
    if let Some(uid) = known.text("k8s.pod.uid") {
        attributes.put("k8s.pod.uid", text(uid));
        // In a pod the engine's name of a container is the one that the pod gives it.
        attributes.put("k8s.container.name", known.value("container.name"));
    }
}

fn descriptor(known: &Known<'_>, attributes: &mut Attributes) {
    let network = match known.text("fd.typechar") {
        Some("4") => Some("ipv4"),
        Some("6") => Some("ipv6"),
        _ => None,
    };
    if let Some(network) = network {
        attributes.put("network.type", text(network));
        for (attribute, field) in CONNECTION {
            attributes.put(attribute, known.value(field));
        }
    }
    let path = match known.text("fd.typechar") {
        Some("f" | "d") => known.text("fd.name"),
        _ => None,
    };
    let path = path.or_else(|| known.text("fs.path.name"));
    attributes.put("file.path", path.and_then(text));
}

/// Attributes so far.
struct Attributes(Vec<(Key, Any)>);

impl Attributes {
    fn put(&mut self, key: impl Into<Key>, value: Option<Any>) {
        if let Some(value) = value {
            self.0.push((key.into(), value));
        }
    }
}

/// A match by the fields that it was asked for.
struct Known<'a>(&'a OwnedMatch);

impl<'a> Known<'a> {
    /// A field, unless it has no value, or one that stands for none.
    fn get(&self, field: &str) -> Option<&'a FieldValue> {
        let at = FIELDS.iter().position(|known| *known == field)?;
        match self.0.asked.get(at)? {
            FieldValue::Null | FieldValue::Int(-1) => None,
            FieldValue::Text(text) if text.is_empty() || text == "<NA>" => None,
            value => Some(value),
        }
    }

    fn value(&self, field: &str) -> Option<Any> {
        any(self.get(field)?)
    }

    fn text(&self, field: &str) -> Option<&'a str> {
        match self.get(field)? {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match self.get(field)? {
            FieldValue::Int(number) => Some(*number),
            FieldValue::Uint(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }
}

/// Text as the value of an attribute.
fn text(text: impl Into<String>) -> Option<Any> {
    let text: String = text.into();
    Some(text.into())
}

/// The value of a field in the types that OTLP has; none for none.
fn any(value: &FieldValue) -> Option<Any> {
    Some(match value {
        FieldValue::Null => return None,
        FieldValue::Text(text) => text.clone().into(),
        FieldValue::Int(number) => Any::Int(*number),
        FieldValue::Uint(number) => match i64::try_from(*number) {
            Ok(number) => Any::Int(number),
            Err(_) => number.to_string().into(),
        },
        FieldValue::Double(number) => Any::Double(*number),
        FieldValue::Bool(truth) => Any::Boolean(*truth),
        FieldValue::List(values) => Any::ListAny(Box::new(values.iter().filter_map(any).collect())),
    })
}
