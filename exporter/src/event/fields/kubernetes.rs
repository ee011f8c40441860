//! `k8smeta.*`, and those of `k8s.*` that only the Kubernetes API server can answer.
//!
//! In: the pod of the container that acted. Out: values; missing where the API server has not told of the pod, which nothing
//! waits for: a kubelet hears of a pod from the same source before it starts it.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use rule_engine::value::Value;

use super::container::{label, labels, pod_uid_text, told};
use super::{Get, format, text};
use crate::event::Event;
use crate::event::container::Labels;
use crate::event::kubernetes::{Object, PodMeta};

/// The fields of one kind of object, in `k8smeta.` and in the older `k8s.`, where they have other names and forms.
macro_rules! object {
    ($kind:literal, $get:expr) => {
        [
            (concat!("k8smeta.", $kind, ".name"), |e, _, _| {
                told(&of(e, $get)?.name)
            }),
            (concat!("k8smeta.", $kind, ".uid"), |e, _, _| {
                told(&of(e, $get)?.uid)
            }),
            (concat!("k8smeta.", $kind, ".label"), |e, key, _| {
                label(&of(e, $get)?.labels, key)
            }),
            (concat!("k8smeta.", $kind, ".labels"), |e, _, arena| {
                list(&of(e, $get)?.labels, arena)
            }),
        ]
    };
}

macro_rules! retired {
    ($kind:literal, $get:expr) => {
        [
            (concat!("k8s.", $kind, ".name"), |e, _, _| {
                told(&of(e, $get)?.name)
            }),
            (concat!("k8s.", $kind, ".id"), |e, _, _| {
                told(&of(e, $get)?.uid)
            }),
            (concat!("k8s.", $kind, ".label"), |e, key, _| {
                label(&of(e, $get)?.labels, key)
            }),
            (concat!("k8s.", $kind, ".labels"), |e, _, arena| {
                labels(&of(e, $get)?.labels, arena)
            }),
        ]
    };
}

const POD: [(&str, Get); 4] = object!("pod", |pod| Some(&pod.pod));
const NAMESPACE: [(&str, Get); 4] = object!("ns", |pod| pod.namespace.as_ref());
const NODE: [(&str, Get); 4] = object!("node", |pod| pod.node.as_ref());
const DEPLOYMENT: [(&str, Get); 4] = object!("deployment", |pod| pod.deployment.as_ref());
const REPLICA_SET: [(&str, Get); 4] = object!("rs", |pod| pod.replica_set.as_ref());
const CONTROLLER: [(&str, Get); 4] = object!("rc", |pod| pod.replication_controller.as_ref());
const OLD_NAMESPACE: [(&str, Get); 4] = retired!("ns", |pod| pod.namespace.as_ref());
const OLD_DEPLOYMENT: [(&str, Get); 4] = retired!("deployment", |pod| pod.deployment.as_ref());
const OLD_REPLICA_SET: [(&str, Get); 4] = retired!("rs", |pod| pod.replica_set.as_ref());
const OLD_CONTROLLER: [(&str, Get); 4] = retired!("rc", |pod| pod.replication_controller.as_ref());
const OTHERS: [(&str, Get); 3] = [
    ("k8smeta.pod.ip", |e, _, _| told(&pod(e)?.ip)),
    ("k8smeta.workload.kind", |e, _, _| {
        told(&pod(e)?.workload.as_ref()?.kind)
    }),
    ("k8smeta.workload.name", |e, _, _| {
        told(&pod(e)?.workload.as_ref()?.name)
    }),
];

/// The fields of this file.
pub(super) const FIELDS: &[&[(&str, Get)]] = &[
    &POD,
    &NAMESPACE,
    &NODE,
    &DEPLOYMENT,
    &REPLICA_SET,
    &CONTROLLER,
    // The pod's namespace has its name from CRI too: `container` has the field.
    OLD_NAMESPACE.split_at(1).1,
    &OLD_DEPLOYMENT,
    &OLD_REPLICA_SET,
    &OLD_CONTROLLER,
    &OTHERS,
];

fn pod<'a>(event: &'a Event<'_>) -> Option<&'a PodMeta> {
    event.surroundings.pod(pod_uid_text(event)?)
}

fn of<'a>(
    event: &'a Event<'_>,
    part: impl Fn(&'a PodMeta) -> Option<&'a Object>,
) -> Option<&'a Object> {
    part(pod(event)?)
}

/// Labels as a list of `key:value`.
fn list<'a>(labels: &Labels, arena: &'a Bump) -> Option<Value<'a>> {
    let all = labels.iter();
    let all = all.map(|(key, value)| text(format(arena, format_args!("{key}:{value}"))));
    let mut list = ArenaVec::with_capacity_in(labels.len(), arena);
    list.extend(all);
    Some(Value::List(list.into_bump_slice()))
}
