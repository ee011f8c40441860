//! The bounded table of what the Kubernetes API server says of pods.
//!
//! In: [`PodMeta`]s. Out: the same by the uid that a cgroup path names. Never: I/O. When the table is full it gives up what
//! was entered first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::kubernetes::PodMeta;

/// Pods by uid.
#[derive(Debug)]
pub struct Pods {
    entries: HashMap<Box<str>, Arc<PodMeta>, foldhash::fast::RandomState>,
    /// Uids of pods that have another one in cgroup paths, by that.
    by_cgroup: HashMap<Box<str>, Box<str>, foldhash::fast::RandomState>,
    /// Uids in the order of entry; each once.
    entered: VecDeque<Box<str>>,
    capacity: usize,
    evictions: u64,
}

impl Pods {
    /// An empty table for `capacity` pods, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::default(),
            by_cgroup: HashMap::default(),
            entered: VecDeque::new(),
            capacity: capacity.max(1),
            evictions: 0,
        }
    }

    /// What is known of a pod, by its uid or by that of its cgroup.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&PodMeta> {
        let uid = self.by_cgroup.get(uid).map_or(uid, |uid| uid);
        self.entries.get(uid).map(|pod| &**pod)
    }

    /// How many pods are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the table holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many pods were given up because the table was full.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Enters what is said of a pod.
    pub fn tell(&mut self, pod: Arc<PodMeta>) {
        let uid = pod.pod.uid.clone();
        if !self.entries.contains_key(&uid) {
            if self.entries.len() >= self.capacity
                && let Some(oldest) = self.entered.front().cloned()
            {
                self.gone(&oldest);
                self.evictions += 1;
            }
            self.entered.push_back(uid.clone());
        }
        if !pod.cgroup_uid.is_empty() {
            self.by_cgroup.insert(pod.cgroup_uid.clone(), uid.clone());
        }
        self.entries.insert(uid, pod);
    }

    /// Takes out a pod that is no more.
    pub fn gone(&mut self, uid: &str) {
        if let Some(pod) = self.entries.remove(uid) {
            self.by_cgroup.remove(&pod.cgroup_uid);
            self.entered.retain(|entered| **entered != *uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    use crate::event::kubernetes::Object;

    fn pod(uid: &str, cgroup_uid: &str) -> Arc<PodMeta> {
        Arc::new(PodMeta {
            pod: Object {
                uid: uid.into(),
                ..Object::default()
            },
            cgroup_uid: cgroup_uid.into(),
            ..PodMeta::default()
        })
    }

    #[test]
    fn a_pod_is_found_by_both_its_uids_until_it_is_gone() {
        let mut table = Pods::new(10);
        table.tell(pod("a", "hash"));
        for uid in ["a", "hash"] {
            assert_eq!(&*table.get(uid).unwrap().pod.uid, "a");
        }
        assert!(table.get("b").is_none());
        table.gone("a");
        assert!(table.get("a").is_none() && table.get("hash").is_none());
        assert!(table.is_empty());
    }

    proptest! {
        #[test]
        fn the_table_stays_within_its_bounds(
            steps in prop::collection::vec((any::<bool>(), 0_u8..12), 0..200),
            capacity in 1_usize..8,
        ) {
            let mut table = Pods::new(capacity);
            for (comes, uid) in steps {
                let uid = uid.to_string();
                if comes {
                    table.tell(pod(&uid, &format!("hash-{uid}")));
                    prop_assert!(table.get(&uid).is_some());
                } else {
                    table.gone(&uid);
                    prop_assert!(table.get(&uid).is_none());
                }
                prop_assert!(table.len() <= capacity);
                prop_assert_eq!(table.entered.len(), table.len());
                prop_assert_eq!(table.by_cgroup.len(), table.len());
            }
        }
    }
}
