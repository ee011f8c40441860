//! What happened, where, and whether anyone was watching.

use super::model::{Dashboard, Kind, Link, Panel, Row, Variable, panel, query};

/// Rule counters of the chosen rules and priorities.
const RULES: &str = r#"saker_rule_matches_total{{agents}, rule=~"$rule", priority=~"$priority"}"#;
const WORKLOADS: &str = r#"saker_workload_rule_matches_total{{agents}, rule=~"$rule", priority=~"$priority", k8s_namespace_name=~"$namespace", k8s_pod_name=~"$pod"}"#;

pub(crate) const RULE: Variable = Variable {
    name: "rule",
    title: "Rule",
    metric: r#"saker_rule_matches_total{cluster=~"$cluster", job=~"$job", instance=~"$instance"}"#,
    label: "rule",
};
pub(crate) const PRIORITY: Variable = Variable {
    name: "priority",
    title: "Priority",
    metric: r#"saker_rule_matches_total{cluster=~"$cluster", job=~"$job", instance=~"$instance"}"#,
    label: "priority",
};
pub(crate) const NAMESPACE: Variable = Variable {
    name: "namespace",
    title: "Namespace",
    metric: r#"saker_workload_rule_matches_total{cluster=~"$cluster", job=~"$job", instance=~"$instance"}"#,
    label: "k8s_namespace_name",
};
pub(crate) const POD: Variable = Variable {
    name: "pod",
    title: "Pod",
    metric: r#"saker_workload_rule_matches_total{cluster=~"$cluster", job=~"$job", instance=~"$instance", k8s_namespace_name=~"$namespace"}"#,
    label: "k8s_pod_name",
};

/// To the page of a rule.
pub(crate) const TO_RULE: Link = Link {
    title: "This rule",
    uid: "saker-rule",
    sets: &[("rule", "rule")],
};
/// To the page of a workload.
pub(crate) const TO_WORKLOAD: Link = Link {
    title: "This workload",
    uid: "saker-workload",
    sets: &[
        ("namespace", "k8s_namespace_name"),
        ("pod", "k8s_pod_name"),
        ("container", "container_name"),
    ],
};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "saker-overview",
        title: "Overview",
        description: "What rules matched, on which hosts and in which workloads, and whether every agent was watching.",
        variables: vec![RULE, PRIORITY, NAMESPACE, POD],
        rows: vec![
            Row {
                title: "At a glance",
                panels: glance(),
            },
            Row {
                title: "Matches",
                panels: matches(),
            },
            Row {
                title: "Where",
                panels: places(),
            },
        ],
    }
}

fn glance() -> Vec<Panel> {
    let urgent = r#"saker_rule_matches_total{{agents}, rule=~"$rule", priority=~"Emergency|Alert|Critical"}"#;
    let stat = |text, width, expression: &str| {
        panel(Kind::Stat, text, (width, "short"), query(expression, ""))
    };
    vec![
        stat(
            ("Matches", "Matches in the time that is shown."),
            4,
            &format!("sum(increase({RULES}[$__range]))"),
        ),
        stat(
            (
                "Critical or worse",
                "Matches of rules with priority Critical, Alert or Emergency in the time that is shown.",
            ),
            4,
            &format!("sum(increase({urgent}[$__range]))"),
        )
        .bad_from(1.0),
        stat(
            (
                "Rules that matched",
                "How many of the loaded rules matched in the time that is shown.",
            ),
            4,
            &format!("count(sum by (rule) (increase({RULES}[$__range])) > 0)"),
        ),
        stat(
            (
                "Agents watching",
                "Agents whose last scrape succeeded and that have rules loaded.",
            ),
            4,
            "count(saker_rules_loaded{{agents}} > 0)",
        )
        .good_from(1.0),
        stat(
            (
                "Agents down",
                "Targets of the job that could not be scraped: nothing that happens there is seen.",
            ),
            4,
            r#"count(up{{agents}} == 0) or vector(0)"#,
        )
        .bad_from(1.0),
        stat(
            (
                "Events lost",
                "Events that no rule could judge, in the time that is shown. The reasons are on the page of the agents' health.",
            ),
            4,
            "sum(increase(saker_events_lost_total{{agents}}[$__range]))",
        )
        .bad_from(1.0),
    ]
}

fn matches() -> Vec<Panel> {
    vec![
        panel(
            Kind::Bars,
            (
                "Matches by priority",
                "Matches in each step of time, by priority of the rule. Points are single matches, where the data source keeps exemplars.",
            ),
            (12, "short"),
            query(
                &format!("sum by (priority) (increase({RULES}[$__rate_interval]))"),
                "{{priority}}",
            ),
        )
        .with_exemplars(),
        panel(
            Kind::Bars,
            (
                "Matches by rule",
                "The ten rules that matched most, in each step of time.",
            ),
            (12, "short"),
            query(
                &format!("topk(10, sum by (rule) (increase({RULES}[$__rate_interval])) > 0)"),
                "{{rule}}",
            ),
        )
        .leading_to(TO_RULE),
        panel(
            Kind::Table,
            (
                "Rules",
                "Every rule that matched in the time that is shown. A click on a row opens the page of the rule.",
            ),
            (12, "short"),
            query(
                &format!(
                    "topk(50, sum by (rule, priority, source) (increase({RULES}[$__range])) > 0)"
                ),
                "matches",
            ),
        )
        .leading_to(TO_RULE),
        panel(
            Kind::Table,
            (
                "Hosts",
                "Agents by matches in the time that is shown.",
            ),
            (12, "short"),
            query(
                &format!("topk(50, sum by (cluster, instance) (increase({RULES}[$__range])) > 0)"),
                "matches",
            ),
        ),
    ]
}

fn places() -> Vec<Panel> {
    vec![
        panel(
            Kind::Table,
            (
                "Workloads",
                "Pods and containers by matches in the time that is shown; what is no container has empty names. A click on a row opens the page of the workload.",
            ),
            (14, "short"),
            query(
                &format!(
                    "topk(50, sum by (k8s_namespace_name, k8s_pod_name, container_name, rule) (increase({WORKLOADS}[$__range])) > 0)"
                ),
                "matches",
            ),
        )
        .leading_to(TO_WORKLOAD),
        panel(
            Kind::Bars,
            (
                "Matches by namespace",
                "The ten namespaces with most matches, in each step of time.",
            ),
            (10, "short"),
            query(
                &format!(
                    "topk(10, sum by (k8s_namespace_name) (increase({WORKLOADS}[$__rate_interval])) > 0)"
                ),
                "{{k8s_namespace_name}}",
            ),
        ),
    ]
}
