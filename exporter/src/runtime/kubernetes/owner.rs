//! Whose a pod is: objects that are asked for by name, and remembered until all of them are asked for anew.
//!
//! In: names. Out: [`Object`]s, and the one above each. Never: more than metadata; a wait without an end.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, ReplicationController};
use kube::core::ObjectMeta;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::object;
use crate::event::kubernetes::{Object, PodMeta, Workload};
use crate::metrics::{Counter, Family};

/// Time for one question.
const LOOKUP_TIME: Duration = Duration::from_secs(5);
/// Most objects that are remembered.
const OBJECTS_MAX: usize = 4096;

/// The object that manages another one, in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    kind: String,
    name: String,
    uid: String,
}

impl Owner {
    /// The owner that controls an object, if one does.
    pub(super) fn of(meta: &ObjectMeta) -> Option<Self> {
        let mut owners = meta.owner_references.iter().flatten();
        let owner = owners.find(|owner| owner.controller == Some(true))?;
        Some(Self {
            kind: owner.kind.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        })
    }

    /// As much as the reference says.
    fn object(&self) -> Object {
        Object {
            name: self.name.as_str().into(),
            uid: self.uid.as_str().into(),
            ..Object::default()
        }
    }
}

/// An object that has been asked for, with its owner.
#[derive(Clone, Debug)]
struct Found {
    object: Object,
    owner: Option<Owner>,
}

/// Asks for objects.
pub(super) struct Lookup {
    client: Client,
    /// By kind, namespace and name; none where the server gave nothing.
    found: HashMap<(&'static str, String, String), Option<Found>>,
    outcomes: Family<1, Counter>,
}

impl Lookup {
    /// Nothing is remembered yet.
    pub(super) fn new(client: Client, outcomes: Family<1, Counter>) -> Self {
        Self {
            client,
            found: HashMap::new(),
            outcomes,
        }
    }

    /// Forgets all, so that it is asked for anew.
    pub(super) fn forget(&mut self) {
        self.found.clear();
    }

    /// Adds all that a pod belongs to.
    pub(super) async fn complete(
        &mut self,
        meta: &mut PodMeta,
        namespace: &str,
        owner: Option<&Owner>,
        node: &str,
    ) {
        let api = Api::<Namespace>::all(self.client.clone());
        let found = self.find("Namespace", api, "", namespace).await;
        meta.namespace = Some(found.map_or_else(|| named(namespace), |found| found.object));
        let api = Api::<Node>::all(self.client.clone());
        let found = self.find("Node", api, "", node).await;
        meta.node = Some(found.map_or_else(|| named(node), |found| found.object));
        (meta.replica_set, meta.deployment) = (None, None);
        (meta.replication_controller, meta.workload) = (None, None);
        if let Some(owner) = owner {
            self.owned(meta, namespace, owner).await;
        }
    }

    async fn owned(&mut self, meta: &mut PodMeta, namespace: &str, owner: &Owner) {
        let top = match owner.kind.as_str() {
            "ReplicaSet" => {
                let found = self.namespaced::<ReplicaSet>(namespace, owner).await;
                meta.replica_set = Some(object_of(&found, owner));
                found.and_then(|found| found.owner)
            }
            "ReplicationController" => {
                let found = self.namespaced::<ReplicationController>(namespace, owner);
                let found = found.await;
                meta.replication_controller = Some(object_of(&found, owner));
                found.and_then(|found| found.owner)
            }
            "Job" => {
                let found = self.namespaced::<Job>(namespace, owner).await;
                found.and_then(|found| found.owner)
            }
            _ => None,
        };
        if let Some(top) = top.as_ref().filter(|top| top.kind == "Deployment") {
            let found = self.namespaced::<Deployment>(namespace, top).await;
            meta.deployment = Some(object_of(&found, top));
        }
        let top = top.as_ref().unwrap_or(owner);
        meta.workload = Some(Workload {
            kind: top.kind.as_str().into(),
            name: top.name.as_str().into(),
        });
    }

    async fn namespaced<K>(&mut self, namespace: &str, owner: &Owner) -> Option<Found>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + k8s_openapi::Resource
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        self.find(K::KIND, api, namespace, &owner.name).await
    }

    async fn find<K>(
        &mut self,
        kind: &'static str,
        api: Api<K>,
        namespace: &str,
        name: &str,
    ) -> Option<Found>
    where
        K: Clone + Debug + DeserializeOwned,
    {
        let key = (kind, namespace.to_owned(), name.to_owned());
        if let Some(found) = self.found.get(&key) {
            return found.clone();
        }
        let (outcome, found) = match timeout(LOOKUP_TIME, api.get_metadata_opt(name)).await {
            Ok(Ok(Some(found))) => {
                let owner = Owner::of(&found.metadata);
                let object = object(&found.metadata);
                ("found", Some(Found { object, owner }))
            }
            Ok(Ok(None)) => ("unknown", None),
            Ok(Err(error)) => {
                tracing::debug!(kind, namespace, name, %error, "Kubernetes object cannot be looked up");
                ("failed", None)
            }
            Err(_) => ("timed_out", None),
        };
        self.outcomes.with([outcome]).inc();
        if self.found.len() >= OBJECTS_MAX {
            self.found.clear();
        }
        self.found.insert(key, found.clone());
        found
    }
}

fn object_of(found: &Option<Found>, owner: &Owner) -> Object {
    let found = found.as_ref();
    found.map_or_else(|| owner.object(), |found| found.object.clone())
}

fn named(name: &str) -> Object {
    Object {
        name: name.into(),
        ..Object::default()
    }
}
