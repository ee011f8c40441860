//! The event of a container that has become known: what is known of it as one JSON document.
//!
//! Sources: names and numbers are those of the `container` event in Falco's captures. What engines are not asked for
//! (environment, user, limits, ports) is left out.

use bumpalo::Bump;
use serde_json::{Map, Value, json};

use super::Descriptor::None as NoFd;
use super::Paths::None as NoPath;
use super::Source::Of;
use super::{Binding, Datum, bindings, symbols};
use crate::event::Event;
use crate::event::container::{Command, ContainerInfo, Labels, Metadata, Mount, Runtime, short};

/// The event.
pub(super) const ROWS: &[Binding] = bindings! {
    container [NoFd; NoPath] (json: Of(json));
};

/// Falco's number for an engine that it has no number for.
const UNKNOWN: u32 = 0xffff;

fn json<'a>(event: &'a Event<'_>, arena: &'a Bump) -> Option<Datum<'a>> {
    let Metadata::Known(info) = event.metadata() else {
        return None;
    };
    let text = json!({ "container": container(info) }).to_string();
    Some(Datum::Text(arena.alloc_str(&text).as_bytes()))
}

fn container(info: &ContainerInfo) -> Value {
    let pod = info.pod.as_deref();
    let sandbox = pod.map_or("", |pod| &*pod.sandbox_id);
    let mut object = json!({
        "type": number(info.runtime),
        "id": short(&info.id),
        "full_id": info.id,
        "name": info.name,
        "image": info.image.name,
        "imageid": info.image.id,
        "imagerepo": info.image.repository,
        "imagetag": info.image.tag,
        "imagedigest": info.image.digest,
        "privileged": info.privileged == Some(true),
        "created_time": info.start_wall_ns / 1_000_000_000,
        "ip": info.ip,
        "host_pid": info.shares.pid == Some(true),
        "host_network": info.shares.network == Some(true),
        "host_ipc": info.shares.ipc == Some(true),
        "labels": labels(&info.labels),
        "Mounts": info.mounts.iter().map(mount).collect::<Value>(),
        "is_pod_sandbox": *info.id == *sandbox,
        "pod_sandbox_id": short(sandbox),
        "pod_sandbox_labels": pod.map(|pod| labels(&pod.labels)),
        "cni_json": pod.map_or("", |pod| &*pod.cni_json),
    });
    for (name, command) in [
        ("Healthcheck", &info.probes.health),
        ("LivenessProbe", &info.probes.liveness),
        ("ReadinessProbe", &info.probes.readiness),
    ] {
        if let Some(command) = command {
            object[name] = probe(command);
        }
    }
    object
}

fn number(runtime: Runtime) -> u32 {
    match runtime {
        Runtime::Docker => 0,
        Runtime::Lxc => 1,
        Runtime::Cri => 6,
        Runtime::Containerd => 7,
        Runtime::Crio => 8,
        Runtime::Podman => 11,
        Runtime::Nspawn | Runtime::Buildkit | Runtime::Unknown => UNKNOWN,
    }
}

fn labels(labels: &Labels) -> Value {
    let pairs = labels.iter();
    let pairs = pairs.map(|(key, value)| (key.to_string(), Value::from(&**value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn mount(mount: &Mount) -> Value {
    json!({
        "Source": mount.source,
        "Destination": mount.destination,
        "Mode": mount.mode,
        "RW": mount.writable,
        "Propagation": mount.propagation,
    })
}

fn probe(command: &Command) -> Value {
    let (exe, args) = command.split_first().unzip();
    json!({ "exe": exe, "args": args.unwrap_or_default() })
}
