//! What the Kubernetes API server says of a pod and of those it belongs to.
//!
//! Out: [`PodMeta`], made by `runtime`, kept by `state`, shown by `event::fields`. An empty text is one that was not told.

use serde::{Deserialize, Serialize};

use super::container::Labels;

/// A pod with those it belongs to. Never changed: news make a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodMeta {
    /// The pod.
    pub pod: Object,
    /// Its uid in cgroup paths where that is another: a pod that a kubelet made from a file carries the hash of the file.
    pub cgroup_uid: Box<str>,
    /// Its address.
    pub ip: Box<str>,
    /// Its namespace.
    pub namespace: Option<Object>,
    /// Its node.
    pub node: Option<Object>,
    /// Its replica set.
    pub replica_set: Option<Object>,
    /// The deployment of that.
    pub deployment: Option<Object>,
    /// Its replication controller.
    pub replication_controller: Option<Object>,
    /// Who made it in the end: a deployment, a stateful set, a cron job or whatever stands at the top.
    pub workload: Option<Workload>,
}

/// What an object of the API is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Object {
    /// Its name.
    pub name: Box<str>,
    /// Its unique id.
    pub uid: Box<str>,
    /// Its labels, ordered by key.
    pub labels: Labels,
}

/// Who made a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// `Deployment`, `StatefulSet`, `DaemonSet`, `Job`, `CronJob` and so on.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
}
