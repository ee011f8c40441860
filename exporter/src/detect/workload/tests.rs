//! Matches by workload: under which names, and when these come late or never.

use std::collections::HashMap;
use std::net::IpAddr;

use uuid::Uuid;

use super::*;
use crate::event::container::{ImageInfo, PodInfo, Runtime};
use crate::event::kubernetes::PodMeta;
use crate::event::model::{Process, ProcessKey, User};
use crate::metrics::classic_text;

const METRIC: &str = "saker_workload_rule_matches_total";
const EXPIRED: &str = "saker_workload_rule_matches_expired_total";
const SECOND_NS: u64 = 1_000_000_000;

/// What is known of containers; those that are not here are awaited, and those without information absent.
#[derive(Default)]
struct World(HashMap<&'static str, Option<Arc<ContainerInfo>>>);

impl Surroundings for World {
    fn process(&self, _: ProcessKey) -> Option<&Process> {
        None
    }

    fn leader(&self, _: u32) -> Option<&Process> {
        None
    }

    fn user(&self, _: u32) -> Option<&User> {
        None
    }

    fn group(&self, _: u32) -> Option<&str> {
        None
    }

    fn domains(&self, _: IpAddr) -> &[Box<str>] {
        &[]
    }

    fn container(&self, id: &ContainerId) -> Metadata<'_> {
        match self.0.get(&*id.full) {
            Some(Some(info)) => Metadata::Known(info),
            Some(None) => Metadata::Absent,
            None => Metadata::Awaited,
        }
    }

    fn pod(&self, _: &str) -> Option<&PodMeta> {
        None
    }
}

struct Setup {
    registry: Registry,
    rule: RuleWorkloads,
    workloads: Workloads,
    world: World,
}

impl Setup {
    fn new(settings: &WorkloadMetrics) -> Setup {
        let mut registry = Registry::new();
        let declared = Workloads::declare(&mut registry, settings);
        let (groups, workloads) = declared.expect("they are enabled");
        Setup {
            registry,
            rule: groups.with(["R", "Notice"]),
            workloads,
            world: World::default(),
        }
    }

    /// Counts a match of this time; true if it waits.
    fn count(&mut self, container: Option<&str>, boot_ns: u64) -> bool {
        let exemplar = Exemplar {
            uuid: Uuid::from_u128(1),
            wall_ns: 1,
        };
        let container = container.map(|full| ContainerId {
            full: full.into(),
            runtime: Runtime::Docker,
            pod_uid: None,
        });
        let (rule, world) = (Arc::clone(&self.rule), &self.world);
        self.workloads
            .count(&rule, exemplar, container.as_ref(), world, boot_ns)
    }

    /// The samples of a metric that are not 0, without the labels that all of them have.
    fn shown(&mut self, metric: &str) -> Vec<String> {
        self.workloads.publish(0, |_| true);
        let text = classic_text(&self.registry);
        let samples = text.lines().filter_map(|line| line.strip_prefix(metric));
        let samples = samples.filter(|sample| !sample.ends_with(" 0"));
        samples
            .map(|sample| sample.replace("rule=\"R\",priority=\"Notice\"", ""))
            .collect()
    }
}

/// A container with the id `name`, in a pod if there is one.
fn info(name: &str, pod: Option<(&str, &str)>) -> Arc<ContainerInfo> {
    Arc::new(ContainerInfo {
        id: name.into(),
        name: name.into(),
        image: ImageInfo {
            name: "docker.io/acme/shop:5".into(),
            repository: "docker.io/acme/shop".into(),
            ..ImageInfo::default()
        },
        pod: pod.map(|(namespace, name)| {
            Box::new(PodInfo {
                namespace: namespace.into(),
                name: name.into(),
                ..PodInfo::default()
            })
        }),
        ..ContainerInfo::default()
    })
}

#[test]
fn a_match_is_counted_under_the_names_of_its_container() {
    let mut setup = Setup::new(&WorkloadMetrics::default());
    setup.world.0.insert("web", Some(info("web", None)));
    let server = info("server", Some(("shop", "shop-1")));
    setup.world.0.insert("server", Some(server));
    let unnamed = ContainerInfo {
        image: ImageInfo {
            name: "sha256:00".into(),
            ..ImageInfo::default()
        },
        ..ContainerInfo::clone(&info("bare", None))
    };
    setup.world.0.insert("bare", Some(Arc::new(unnamed)));
    setup.world.0.insert("unknown", None);
    for container in ["web", "server", "server", "bare", "unknown"] {
        assert!(!setup.count(Some(container), 0), "{container}");
    }
    assert!(!setup.count(None, 0));
    assert_eq!(
        setup.shown(METRIC),
        [
            "{,container_name=\"web\",container_image_name=\"docker.io/acme/shop\"} 1",
            "{,k8s_namespace_name=\"shop\",k8s_pod_name=\"shop-1\",k8s_container_name=\"server\",\
             container_name=\"server\",container_image_name=\"docker.io/acme/shop\"} 2",
            "{,container_name=\"bare\",container_image_name=\"sha256:00\"} 1",
            // Outside of containers, and in one that no engine knows.
            "{} 2",
        ]
    );
}

#[test]
fn labels_are_those_that_are_set_in_the_usual_order() {
    let mut setup = Setup::new(&WorkloadMetrics {
        labels: vec![
            WorkloadLabel::ContainerImageName,
            WorkloadLabel::K8sNamespaceName,
        ],
        ..WorkloadMetrics::default()
    });
    for pod in ["shop-1", "shop-2"] {
        let name = if pod == "shop-1" { "a" } else { "b" };
        setup
            .world
            .0
            .insert(name, Some(info(name, Some(("shop", pod)))));
        setup.count(Some(name), 0);
    }
    assert_eq!(
        setup.shown(METRIC),
        ["{,k8s_namespace_name=\"shop\",container_image_name=\"docker.io/acme/shop\"} 2"]
    );
    let off = WorkloadMetrics {
        enabled: false,
        ..WorkloadMetrics::default()
    };
    let mut registry = Registry::new();
    assert!(Workloads::declare(&mut registry, &off).is_none());
    assert!(registry.descriptions().is_empty());
}

#[test]
fn a_match_waits_for_the_name_of_its_container() {
    let mut setup = Setup::new(&WorkloadMetrics {
        labels: vec![WorkloadLabel::ContainerName],
        ..WorkloadMetrics::default()
    });
    for (at, container) in (0..).zip(["a", "b", "a", "c"]) {
        assert!(
            setup.count(Some(container), at * SECOND_NS / 4),
            "{container}"
        );
    }
    assert!(setup.shown(METRIC).is_empty());
    setup.workloads.heard("a", Some(&info("a", None)));
    assert_eq!(setup.shown(METRIC), ["{,container_name=\"a\"} 2"]);
    setup.workloads.heard("a", Some(&info("a", None)));
    setup.workloads.heard("c", None);
    let with_c = ["{,container_name=\"a\"} 2", "{} 1"];
    assert_eq!(setup.shown(METRIC), with_c);
    // That of b happened after a quarter of a second, and waits for a second.
    setup.workloads.over(SECOND_NS * 5 / 4 - 1);
    assert_eq!(setup.shown(METRIC), with_c);
    setup.workloads.over(SECOND_NS * 5 / 4);
    assert_eq!(setup.shown(METRIC), ["{,container_name=\"a\"} 2", "{} 2"]);
}

#[test]
fn no_more_wait_than_there_is_room_for_and_none_is_lost() {
    let mut setup = Setup::new(&WorkloadMetrics {
        labels: vec![WorkloadLabel::ContainerName],
        ..WorkloadMetrics::default()
    });
    let waiting = (0..WAITING_MAX + 10).filter(|_| setup.count(Some("a"), 0));
    assert_eq!(waiting.count(), WAITING_MAX);
    assert_eq!(setup.shown(METRIC), ["{} 10"]);
    setup.workloads.heard("a", Some(&info("a", None)));
    let named = format!("{{,container_name=\"a\"}} {WAITING_MAX}");
    assert_eq!(setup.shown(METRIC), ["{} 10", &named]);
    assert!(setup.count(Some("b"), 0), "there is room again");
    setup.workloads.over(u64::MAX);
    assert_eq!(setup.shown(METRIC), ["{} 11", &named]);
}

#[test]
fn the_series_of_a_container_that_is_gone_expires_and_its_count_does_not() {
    let mut setup = Setup::new(&WorkloadMetrics {
        labels: vec![WorkloadLabel::ContainerName],
        expire_seconds: 60,
        ..WorkloadMetrics::default()
    });
    for name in ["gone", "there"] {
        setup.world.0.insert(name, Some(info(name, None)));
        setup.count(Some(name), 0);
    }
    setup.count(None, 0);
    let lives = |id: &str| id == "there";
    setup.workloads.publish(59 * SECOND_NS, lives);
    assert_eq!(setup.shown(METRIC).len(), 3);
    setup.workloads.publish(200 * SECOND_NS, lives);
    let left = ["{,container_name=\"there\"} 1", "{} 1"];
    assert_eq!(setup.shown(METRIC), left);
    assert_eq!(setup.shown(EXPIRED), ["{} 1"]);
}
