//! The setting `workload_metrics`: matches counted by workload, and how many series that may take.

use std::borrow::Cow;

use serde::Deserialize;

use super::ConfigError;

/// Series when nobody says otherwise: a node of 110 pods with some ten rules that match in each.
const SERIES_DEFAULT: usize = 2000;
/// More than a scrape should carry.
const SERIES_MOST: usize = 100_000;
/// A quarter of an hour: a dozen scrapes see the last count.
const EXPIRE_SECONDS_DEFAULT: u64 = 900;

/// How matches are counted by workload.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkloadMetrics {
    /// Whether they are.
    pub enabled: bool,
    /// By what: the fewer labels, the fewer series.
    pub labels: Vec<WorkloadLabel>,
    /// Most series; what is beyond is counted in one for each rule.
    pub series_max: usize,
    /// How long the series of a container that is gone stays after its last match.
    pub expire_seconds: u64,
}

/// A label that names a workload, as OpenTelemetry calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadLabel {
    /// Namespace of the pod.
    K8sNamespaceName,
    /// Name of the pod.
    K8sPodName,
    /// Name of the container in the pod.
    K8sContainerName,
    /// Name of the container, as its engine knows it.
    ContainerName,
    /// Name of the image, without tag.
    ContainerImageName,
}

impl WorkloadLabel {
    /// All of them, in the order in which they are shown.
    pub const ALL: [WorkloadLabel; 5] = [
        WorkloadLabel::K8sNamespaceName,
        WorkloadLabel::K8sPodName,
        WorkloadLabel::K8sContainerName,
        WorkloadLabel::ContainerName,
        WorkloadLabel::ContainerImageName,
    ];

    /// Its name on `/metrics`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WorkloadLabel::K8sNamespaceName => "k8s_namespace_name",
            WorkloadLabel::K8sPodName => "k8s_pod_name",
            WorkloadLabel::K8sContainerName => "k8s_container_name",
            WorkloadLabel::ContainerName => "container_name",
            WorkloadLabel::ContainerImageName => "container_image_name",
        }
    }
}

impl Default for WorkloadMetrics {
    fn default() -> Self {
        Self {
            enabled: true,
            labels: WorkloadLabel::ALL.to_vec(),
            series_max: SERIES_DEFAULT,
            expire_seconds: EXPIRE_SECONDS_DEFAULT,
        }
    }
}

impl WorkloadMetrics {
    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |setting, message| {
            Err(ConfigError::Value {
                setting: Cow::Borrowed(setting),
                message,
            })
        };
        let Self {
            enabled: _,
            labels,
            series_max,
            expire_seconds,
        } = self;
        for (at, label) in labels.iter().enumerate() {
            if labels[..at].contains(label) {
                let message = format!("`{}` is named twice; name each label once", label.name());
                return refuse("workload_metrics.labels", message);
            }
        }
        if *series_max > SERIES_MOST {
            let message =
                format!("{series_max} is more than {SERIES_MOST}; a scrape has to carry them all");
            return refuse("workload_metrics.series_max", message);
        }
        if !(60..=604_800).contains(expire_seconds) {
            let message = format!(
                "{expire_seconds} is outside 60 to 604800; scrapes must have seen the last count"
            );
            return refuse("workload_metrics.expire_seconds", message);
        }
        Ok(())
    }
}
