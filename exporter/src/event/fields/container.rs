//! `container.*`, `k8s.*` and the fields of a process that are about its container: answered from the cgroup at once, or
//! from what an engine says.
//!
//! In: [`Event::metadata`]. Out: values; missing while and where nothing is known, as Falco has it.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::op::glob_matches;
use rule_engine::value::{FieldKey, Value};

use super::process::ANCESTORS_MAX;
use super::{Get, format, text};
use crate::event::Event;
use crate::event::container::{
    Command, ContainerInfo, Labels, Metadata, Mount, PodInfo, Probes, Runtime, short,
};
use crate::event::model::Process;

/// `container.id` outside containers.
const HOST: &[u8] = b"host";
/// A probe that there is none of.
const NO_PROBE: &[u8] = b"NONE";

/// The fields of this file. All of them are awaited while the metadata is.
pub(super) const FIELDS: &[(&str, Get)] = &[
    ("container.id", |e, _, _| {
        Some(Value::Text(
            e.container().map_or(HOST, |c| c.short().as_bytes()),
        ))
    }),
    ("container.full_id", |e, _, _| {
        e.container().map(|c| text(c.full.as_bytes()))
    }),
    ("container.type", kind),
    ("container.name", |e, _, _| told(&info(e)?.name)),
    ("container.image", |e, _, _| told(&info(e)?.image.name)),
    ("container.image.id", |e, _, _| told(&info(e)?.image.id)),
    ("container.image.repository", |e, _, _| {
        told(&info(e)?.image.repository)
    }),
    ("container.image.tag", |e, _, _| told(&info(e)?.image.tag)),
    ("container.image.digest", |e, _, _| {
        told(&info(e)?.image.digest)
    }),
    ("container.privileged", |e, _, _| {
        info(e)?.privileged.map(Value::Bool)
    }),
    ("container.mounts", |e, _, arena| mounts(info(e)?, arena)),
    ("container.mount", |e, key, arena| {
        mount(e, key, arena, by_source).map(|mount| shown(mount, arena))
    }),
    ("container.mount.source", |e, key, arena| {
        mount(e, key, arena, |mount| &mount.destination).map(|mount| text(mount.source.as_bytes()))
    }),
    ("container.mount.dest", |e, key, arena| {
        mount(e, key, arena, by_source).map(|mount| text(mount.destination.as_bytes()))
    }),
    ("container.mount.mode", |e, key, arena| {
        mount(e, key, arena, by_source).map(|mount| text(mount.mode.as_bytes()))
    }),
    ("container.mount.rdwr", |e, key, arena| {
        mount(e, key, arena, by_source).map(|mount| Value::Text(truth(mount.writable)))
    }),
    ("container.mount.propagation", |e, key, arena| {
        mount(e, key, arena, by_source).map(|mount| text(mount.propagation.as_bytes()))
    }),
    ("container.healthcheck", |e, _, arena| {
        Some(command(&info(e)?.probes.health, arena))
    }),
    ("container.liveness_probe", |e, _, arena| {
        Some(command(&info(e)?.probes.liveness, arena))
    }),
    ("container.readiness_probe", |e, _, arena| {
        Some(command(&info(e)?.probes.readiness, arena))
    }),
    ("container.start_ts", |e, _, _| start(e).map(Value::Uint)),
    ("container.duration", |e, _, _| {
        start(e).map(|start| Value::Uint(e.wall_ns(e.boot_ns).saturating_sub(start)))
    }),
    ("container.ip", |e, _, _| told(&info(e)?.ip)),
    ("container.cni.json", |e, _, _| told(&pod(e)?.cni_json)),
    ("container.host_pid", |e, _, _| {
        info(e)?.shares.pid.map(Value::Bool)
    }),
    ("container.host_network", |e, _, _| {
        info(e)?.shares.network.map(Value::Bool)
    }),
    ("container.host_ipc", |e, _, _| {
        info(e)?.shares.ipc.map(Value::Bool)
    }),
    ("container.label", |e, key, _| label(&info(e)?.labels, key)),
    ("container.labels", |e, _, arena| {
        labels(&info(e)?.labels, arena)
    }),
    ("k8s.ns.name", |e, _, _| told(&pod(e)?.namespace)),
    ("k8s.pod.name", |e, _, _| told(&pod(e)?.name)),
    ("k8s.pod.id", pod_uid),
    ("k8s.pod.uid", pod_uid),
    ("k8s.pod.sandbox_id", |e, _, _| {
        told(short(&pod(e)?.sandbox_id))
    }),
    ("k8s.pod.full_sandbox_id", |e, _, _| {
        told(&pod(e)?.sandbox_id)
    }),
    ("k8s.pod.label", |e, key, _| label(&pod(e)?.labels, key)),
    ("k8s.pod.labels", |e, _, arena| {
        labels(&pod(e)?.labels, arena)
    }),
    ("k8s.pod.ip", |e, _, _| told(&pod(e)?.ip)),
    ("k8s.pod.cni.json", |e, _, _| told(&pod(e)?.cni_json)),
    ("proc.is_container_healthcheck", |e, _, _| {
        probe(e, |probes| &probes.health)
    }),
    ("proc.is_container_liveness_probe", |e, _, _| {
        probe(e, |probes| &probes.liveness)
    }),
    ("proc.is_container_readiness_probe", |e, _, _| {
        probe(e, |probes| &probes.readiness)
    }),
];

fn info<'a>(event: &'a Event<'_>) -> Option<&'a ContainerInfo> {
    match event.metadata() {
        Metadata::Known(info) => Some(info),
        Metadata::Awaited | Metadata::Absent => None,
    }
}

fn pod<'a>(event: &'a Event<'_>) -> Option<&'a PodInfo> {
    info(event)?.pod.as_deref()
}

/// A text; missing where the engine told none.
pub(super) fn told(part: &str) -> Option<Value<'_>> {
    (!part.is_empty()).then(|| text(part.as_bytes()))
}

fn truth(truth: bool) -> &'static [u8] {
    if truth { b"true" } else { b"false" }
}

/// The cgroup path tells the engine most often; where it does not, whoever answers is it.
fn kind<'a>(event: &'a Event<'_>, _: &FieldKey, _: &'a Bump) -> Option<Value<'a>> {
    let Some(container) = event.container() else {
        return Some(Value::Text(HOST));
    };
    let runtime = match (container.runtime, event.metadata()) {
        (Runtime::Cri | Runtime::Unknown, Metadata::Known(info)) => info.runtime,
        (Runtime::Cri | Runtime::Unknown, Metadata::Awaited) => return None,
        (runtime, _) => runtime,
    };
    Some(Value::Text(runtime.name().as_bytes()))
}

/// The cgroup path has the pod's uid as soon as there is a process.
pub(super) fn pod_uid_text<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match &event.container()?.pod_uid {
        Some(uid) => Some(uid),
        None => Some(&pod(event)?.uid),
    }
}

fn pod_uid<'a>(event: &'a Event<'_>, _: &FieldKey, _: &'a Bump) -> Option<Value<'a>> {
    told(pod_uid_text(event)?)
}

/// Start of the container, ns since the epoch: that of the first process of its pid namespace, which is known at once, or
/// what the engine says.
fn start(event: &Event<'_>) -> Option<u64> {
    let first = |process: &&Process| process.vpid == 1;
    event.container()?;
    match container_processes(event).find(first) {
        Some(first) => Some(event.wall_ns(first.key.start_boot_ns)),
        None => Some(info(event)?.start_wall_ns).filter(|start| *start != 0),
    }
}

/// The process and its ancestors, as far as they are in the same container.
fn container_processes<'a>(event: &'a Event<'_>) -> impl Iterator<Item = &'a Process> {
    let container = event.container();
    let parent = |process: &&'a Process| event.surroundings.process(process.parent);
    std::iter::successors(event.process, parent)
        .take(ANCESTORS_MAX)
        .take_while(move |process| process.cgroup.container.as_ref() == container)
}

/// Whether the process is a probe or was started by one: the eldest of its line in the container, which somebody outside
/// has put there, runs the probe's command.
fn probe<'a>(
    event: &'a Event<'_>,
    which: impl Fn(&Probes) -> &Option<Command>,
) -> Option<Value<'a>> {
    let info = match event.metadata() {
        Metadata::Known(info) => info,
        Metadata::Awaited => return None,
        Metadata::Absent => return Some(Value::Bool(false)),
    };
    let runs = |command: &Command| {
        let Some(eldest) = container_processes(event).last() else {
            return false;
        };
        let Some((program, args)) = command.split_first() else {
            return false;
        };
        eldest.vpid != 1
            && *eldest.image.exe == *program.as_bytes()
            && eldest
                .image
                .args()
                .eq(args.iter().map(|arg| arg.as_bytes()))
    };
    Some(Value::Bool(which(&info.probes).as_ref().is_some_and(runs)))
}

fn by_source(mount: &Mount) -> &str {
    &mount.source
}

/// The mount with this number, or the first whose path fits the pattern.
fn mount<'a>(
    event: &'a Event<'_>,
    key: &FieldKey,
    arena: &'a Bump,
    path: impl Fn(&Mount) -> &str,
) -> Option<&'a Mount> {
    let mut mounts = info(event)?.mounts.iter();
    match key {
        FieldKey::Index(n) => mounts.nth(*n as usize),
        FieldKey::Name(pattern) => mounts
            .find(|mount| glob_matches(pattern.as_bytes(), false, path(mount).as_bytes(), arena)),
        FieldKey::None => None,
    }
}

fn shown<'a>(mount: &Mount, arena: &'a Bump) -> Value<'a> {
    let Mount {
        source,
        destination,
        mode,
        writable,
        propagation,
    } = mount;
    text(format(
        arena,
        format_args!("{source}:{destination}:{mode}:{writable}:{propagation}"),
    ))
}

fn mounts<'a>(info: &ContainerInfo, arena: &'a Bump) -> Option<Value<'a>> {
    let all = info.mounts.iter().map(|mount| shown(mount, arena));
    Some(joined(all, b" ", arena))
}

pub(super) fn label<'a>(labels: &'a Labels, key: &FieldKey) -> Option<Value<'a>> {
    let FieldKey::Name(name) = key else {
        return None;
    };
    let place = labels.binary_search_by(|(key, _)| key.as_ref().cmp(name));
    labels
        .get(place.ok()?)
        .map(|(_, value)| text(value.as_bytes()))
}

pub(super) fn labels<'a>(labels: &Labels, arena: &'a Bump) -> Option<Value<'a>> {
    let all = labels
        .iter()
        .map(|(key, value)| text(format(arena, format_args!("{key}:{value}"))));
    (!labels.is_empty()).then(|| joined(all, b", ", arena))
}

fn command<'a>(command: &Option<Command>, arena: &'a Bump) -> Value<'a> {
    match command {
        Some(words) => {
            let words = words.iter().map(|word| Value::Text(word.as_bytes()));
            joined(words, b" ", arena)
        }
        None => Value::Text(NO_PROBE),
    }
}

fn joined<'a, 'w>(
    parts: impl Iterator<Item = Value<'w>>,
    between: &[u8],
    arena: &'a Bump,
) -> Value<'a> {
    let mut line = ArenaVec::new_in(arena);
    for (n, part) in parts.enumerate() {
        if n > 0 {
            line.extend_from_slice(between);
        }
        if let Value::Text(part) = part {
            line.extend_from_slice(part);
        }
    }
    Value::Text(line.into_bump_slice())
}
