//! One workload: what its containers did that rules are about.

use super::model::{Dashboard, Kind, Panel, Row, Variable, panel, query};
use super::overview::{NAMESPACE, POD, PRIORITY, TO_RULE};

const MATCHES: &str = r#"saker_workload_rule_matches_total{{agents}, priority=~"$priority", k8s_namespace_name=~"$namespace", k8s_pod_name=~"$pod", container_name=~"$container"}"#;

const CONTAINER: Variable = Variable {
    name: "container",
    title: "Container",
    metric: r#"saker_workload_rule_matches_total{cluster=~"$cluster", job=~"$job", instance=~"$instance", k8s_namespace_name=~"$namespace", k8s_pod_name=~"$pod"}"#,
    label: "container_name",
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "saker-workload",
        title: "Workload",
        description: "A namespace, a pod or a container: which rules matched there, and when.",
        variables: vec![NAMESPACE, POD, CONTAINER, PRIORITY],
        rows: vec![
            Row {
                title: "Matches",
                panels: matches(),
            },
            Row {
                title: "Budget",
                panels: budget(),
            },
        ],
    }
}

fn matches() -> Vec<Panel> {
    vec![
        panel(
            Kind::Stat,
            ("Matches", "Matches in the time that is shown."),
            (8, "short"),
            query(&format!("sum(increase({MATCHES}[$__range]))"), ""),
        ),
        panel(
            Kind::Stat,
            (
                "Critical or worse",
                "Matches of rules with priority Critical, Alert or Emergency in the time that is shown.",
            ),
            (8, "short"),
            query(
                &format!(
                    "sum(increase({}[$__range]))",
                    MATCHES.replace("$priority", "Emergency|Alert|Critical")
                ),
                "",
            ),
        )
        .bad_from(1.0),
        panel(
            Kind::Stat,
            (
                "Rules that matched",
                "How many different rules matched in the time that is shown.",
            ),
            (8, "short"),
            query(
                &format!("count(sum by (rule) (increase({MATCHES}[$__range])) > 0)"),
                "",
            ),
        ),
        panel(
            Kind::Bars,
            ("Matches by rule", "Matches in each step of time, by rule."),
            (24, "short"),
            query(
                &format!("topk(10, sum by (rule) (increase({MATCHES}[$__rate_interval])) > 0)"),
                "{{rule}}",
            ),
        )
        .leading_to(TO_RULE),
        panel(
            Kind::Table,
            (
                "Rules and containers",
                "Rules by matches in the time that is shown. A click on a row opens the page of the rule.",
            ),
            (24, "short"),
            query(
                &format!(
                    "topk(100, sum by (rule, priority, instance, k8s_namespace_name, k8s_pod_name, container_name, container_image_name) (increase({MATCHES}[$__range])) > 0)"
                ),
                "matches",
            ),
        )
        .leading_to(TO_RULE),
    ]
}

fn budget() -> Vec<Panel> {
    vec![
        panel(
            Kind::Gauge,
            (
                "Series used",
                "How much of its budget of series each metric uses. When it is full, further workloads are counted together, under overflow.",
            ),
            (12, "percentunit"),
            query(
                "max by (metric) (saker_metric_series{{agents}} / saker_metric_series_limit{{agents}})",
                "{{metric}}",
            ),
        ),
        panel(
            Kind::Lines,
            (
                "Matches counted under overflow",
                "Matches of workloads that have no series of their own, each second. The sums over all workloads stay right.",
            ),
            (12, "ops"),
            query(
                r#"sum(rate(saker_workload_rule_matches_total{{agents}, overflow="true"}[$__rate_interval])) or vector(0)"#,
                "overflow",
            ),
        ),
    ]
}
