//! One rule: when and where it matched, what it is, what it costs.

use super::model::{Dashboard, Kind, Panel, Row, panel, query};
use super::overview::{PRIORITY, RULE, TO_WORKLOAD};

const MATCHES: &str = r#"saker_rule_matches_total{{agents}, rule=~"$rule", priority=~"$priority"}"#;
const WORKLOADS: &str =
    r#"saker_workload_rule_matches_total{{agents}, rule=~"$rule", priority=~"$priority"}"#;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "saker-rule",
        title: "Rule",
        description: "One rule or several: when and where they matched, and what judging them costs.",
        variables: vec![RULE, PRIORITY],
        rows: vec![
            Row {
                title: "Matches",
                panels: matches(),
            },
            Row {
                title: "Cost",
                panels: cost(),
            },
        ],
    }
}

fn matches() -> Vec<Panel> {
    vec![
        panel(
            Kind::Stat,
            ("Matches", "Matches in the time that is shown."),
            (6, "short"),
            query(&format!("sum(increase({MATCHES}[$__range]))"), ""),
        ),
        panel(
            Kind::Stat,
            ("Since the agents' start", "Matches that the running agents have counted."),
            (6, "short"),
            query(&format!("sum({MATCHES})"), ""),
        ),
        panel(
            Kind::Stat,
            ("Hosts", "Agents on which it matched in the time that is shown."),
            (6, "short"),
            query(
                &format!("count(sum by (cluster, instance) (increase({MATCHES}[$__range])) > 0)"),
                "",
            ),
        ),
        panel(
            Kind::Stat,
            ("Workloads", "Containers in which it matched in the time that is shown."),
            (6, "short"),
            query(
                &format!(
                    "count(sum by (cluster, k8s_namespace_name, k8s_pod_name, container_name) (increase({WORKLOADS}[$__range])) > 0)"
                ),
                "",
            ),
        ),
        panel(
            Kind::Bars,
            (
                "Matches by host",
                "Matches in each step of time, by agent. Points are single matches, where the data source keeps exemplars.",
            ),
            (12, "short"),
            query(
                &format!("sum by (instance) (increase({MATCHES}[$__rate_interval])) > 0"),
                "{{instance}}",
            ),
        )
        .with_exemplars(),
        panel(
            Kind::Bars,
            (
                "Matches by workload",
                "The ten workloads with most matches, in each step of time.",
            ),
            (12, "short"),
            query(
                &format!(
                    "topk(10, sum by (k8s_namespace_name, k8s_pod_name, container_name) (increase({WORKLOADS}[$__rate_interval])) > 0)"
                ),
                "{{k8s_namespace_name}} {{k8s_pod_name}} {{container_name}}",
            ),
        )
        .leading_to(TO_WORKLOAD),
        panel(
            Kind::Table,
            (
                "Workloads",
                "Containers by matches in the time that is shown. A click on a row opens the page of the workload.",
            ),
            (24, "short"),
            query(
                &format!(
                    "topk(100, sum by (rule, k8s_namespace_name, k8s_pod_name, container_name, container_image_name, overflow) (increase({WORKLOADS}[$__range])) > 0)"
                ),
                "matches",
            ),
        )
        .leading_to(TO_WORKLOAD),
    ]
}

fn cost() -> Vec<Panel> {
    vec![
        panel(
            Kind::Lines,
            (
                "Evaluations",
                "How often the conditions were evaluated, each second.",
            ),
            (12, "ops"),
            query(
                r#"topk(10, sum by (rule) (rate(saker_rule_evaluations_total{{agents}, rule=~"$rule"}[$__rate_interval])))"#,
                "{{rule}}",
            ),
        ),
        panel(
            Kind::Lines,
            (
                "Time spent",
                "Seconds of processor time that evaluating the conditions took, each second, over all chosen agents.",
            ),
            (12, "s"),
            query(
                r#"topk(10, sum by (rule) (rate(saker_rule_evaluation_seconds_total{{agents}, rule=~"$rule"}[$__rate_interval])))"#,
                "{{rule}}",
            ),
        ),
    ]
}
