//! Matches counted by workload, within a budget of series.
//!
//! In: a match with the container that it is about. Out: counts in series of the workload. Never: a lock that the event thread
//! waits for.
//!
//! The first match in a container can come before its engine has told what the container is called. It is counted as soon as that
//! is known, a second later at most; the counter of the rule does not wait.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::{WorkloadLabel, WorkloadMetrics};
use crate::event::container::{ContainerId, ContainerInfo, Metadata};
use crate::event::model::Surroundings;
use crate::metrics::{Budget, BudgetWriter, Declaration, Exemplar, Group, Groups, Registry};

/// How long a match waits for the name of its container, ns.
const WAIT_NS: u64 = 1_000_000_000;
/// Most matches that wait.
const WAITING_MAX: usize = 1024;

/// What counts a rule's matches by workload.
pub type RuleWorkloads = Arc<Group<2>>;

/// The event thread's end.
#[derive(Debug)]
pub struct Workloads {
    writer: BudgetWriter<2>,
    labels: Vec<WorkloadLabel>,
    /// In the order in which they came.
    waiting: VecDeque<Waiting>,
}

/// A match whose container has no name yet.
#[derive(Debug)]
struct Waiting {
    rule: RuleWorkloads,
    exemplar: Exemplar,
    container: Box<str>,
    boot_ns: u64,
}

impl Workloads {
    /// Declares the metrics; none when they are switched off.
    #[must_use]
    pub fn declare(
        registry: &mut Registry,
        settings: &WorkloadMetrics,
    ) -> Option<(Groups<2>, Self)> {
        if !settings.enabled {
            return None;
        }
        let labels = ["rule", "priority"];
        let shown = WorkloadLabel::ALL.into_iter();
        let shown: Vec<_> = shown
            .filter(|label| settings.labels.contains(label))
            .collect();
        let (groups, writer) = registry.limited(Budget {
            counter: Declaration {
                name: "saker_workload_rule_matches_total",
                help: "Events that a rule matched, by workload. What does not fit into the limit of series is counted in one series for each rule, which has overflow set.",
                labels,
            },
            expired: Declaration {
                name: "saker_workload_rule_matches_expired_total",
                help: "Events that a rule matched in workloads that are gone, and whose series have gone, too.",
                labels,
            },
            labels: shown.iter().map(|label| label.name()).collect(),
            series_max: settings.series_max,
            keep_ns: settings.expire_seconds.saturating_mul(1_000_000_000),
        });
        let workloads = Self {
            writer,
            labels: shown,
            waiting: VecDeque::new(),
        };
        Some((groups, workloads))
    }

    /// Counts a match of an event of this time. True if it waits for the name of its container, for which an engine should then
    /// be asked.
    pub fn count(
        &mut self,
        rule: &RuleWorkloads,
        exemplar: Exemplar,
        container: Option<&ContainerId>,
        surroundings: &dyn Surroundings,
        boot_ns: u64,
    ) -> bool {
        let metadata = container.map(|container| surroundings.container(container));
        match metadata.zip(container) {
            Some((Metadata::Known(info), _)) => {
                self.count_in(rule, exemplar, Some(&**info), boot_ns)
            }
            Some((Metadata::Awaited, container)) if self.waiting.len() < WAITING_MAX => {
                self.waiting.push_back(Waiting {
                    rule: Arc::clone(rule),
                    exemplar,
                    container: container.full.clone(),
                    boot_ns,
                });
                return true;
            }
            Some((Metadata::Awaited | Metadata::Absent, _)) | None => {
                self.count_in(rule, exemplar, None, boot_ns);
            }
        }
        false
    }

    /// Counts what has waited for a container of which this has become known, or that nobody knows.
    pub fn heard(&mut self, container: &str, info: Option<&ContainerInfo>) {
        for _ in 0..self.waiting.len() {
            let Some(waiting) = self.waiting.pop_front() else {
                return;
            };
            if *waiting.container == *container {
                self.count_in(&waiting.rule, waiting.exemplar, info, waiting.boot_ns);
            } else {
                self.waiting.push_back(waiting);
            }
        }
    }

    /// Counts what has waited for long enough; [`u64::MAX`] ends all waits.
    pub fn over(&mut self, now_boot_ns: u64) {
        while let Some(waiting) = self
            .waiting
            .pop_front_if(|waiting| waiting.boot_ns.saturating_add(WAIT_NS) <= now_boot_ns)
        {
            self.count_in(&waiting.rule, waiting.exemplar, None, waiting.boot_ns);
        }
    }

    /// Lets series of containers expire that live no more, and makes the counts visible.
    pub fn publish(&mut self, now_boot_ns: u64, lives: impl Fn(&str) -> bool) {
        self.writer.expire(now_boot_ns, |owner| !lives(owner));
        self.writer.publish();
    }

    fn count_in(
        &mut self,
        rule: &RuleWorkloads,
        exemplar: Exemplar,
        info: Option<&ContainerInfo>,
        boot_ns: u64,
    ) {
        let mut values = [""; WorkloadLabel::ALL.len()];
        for (value, label) in values.iter_mut().zip(&self.labels) {
            *value = info.map_or("", |info| label_value(info, *label));
        }
        let owner = info.map_or("", |info| &info.id);
        let values = &values[..self.labels.len()];
        self.writer.count(rule, values, owner, exemplar, boot_ns);
    }
}

/// What a label says of a container; nothing where it does not apply.
fn label_value(info: &ContainerInfo, label: WorkloadLabel) -> &str {
    let pod = info.pod.as_deref();
    match label {
        WorkloadLabel::K8sNamespaceName => pod.map_or("", |pod| &pod.namespace),
        WorkloadLabel::K8sPodName => pod.map_or("", |pod| &pod.name),
        WorkloadLabel::K8sContainerName => pod.map_or("", |_| &info.name),
        WorkloadLabel::ContainerName => &info.name,
        WorkloadLabel::ContainerImageName => match &*info.image.repository {
            "" => &info.image.name,
            repository => repository,
        },
    }
}

#[cfg(test)]
mod tests;
