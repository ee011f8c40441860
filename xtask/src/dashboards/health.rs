//! The agents: do they see everything, what do they lose and why, what do they cost.

use super::model::{Dashboard, Kind, Panel, Row, panel, query};

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "saker-agent-health",
        title: "Agent health",
        description: "Whether the agents see everything, what they lose and why, how fast they are and what they cost.",
        variables: Vec::new(),
        rows: vec![
            Row {
                title: "State",
                panels: state(),
            },
            Row {
                title: "Events",
                panels: events(),
            },
            Row {
                title: "Latency and cost",
                panels: cost(),
            },
            Row {
                title: "Outputs",
                panels: outputs(),
            },
            Row {
                title: "Tables and series",
                panels: tables(),
            },
        ],
    }
}

fn stat(text: (&'static str, &'static str), expression: &str) -> Panel {
    panel(Kind::Stat, text, (4, "short"), query(expression, ""))
}

fn state() -> Vec<Panel> {
    vec![
        stat(
            ("Agents", "Agents that were scraped."),
            "count(saker_build_info{{agents}})",
        )
        .good_from(1.0),
        stat(
            ("Down", "Targets of the job that could not be scraped."),
            "count(up{{agents}} == 0) or vector(0)",
        )
        .bad_from(1.0),
        stat(
            (
                "Fewest rules",
                "Rules loaded, on the agent that has fewest.",
            ),
            "min(saker_rules_loaded{{agents}})",
        )
        .good_from(1.0),
        stat(
            (
                "Reloads that failed",
                "Agents whose last reload of rules failed: the rules before it are in force.",
            ),
            "count(saker_rules_last_reload_successful{{agents}} == 0) or vector(0)",
        )
        .bad_from(1.0),
        stat(
            (
                "Events lost",
                "In the time that is shown, in the kernel and after it.",
            ),
            "sum(increase(saker_events_lost_total{{agents}}[$__range]))",
        )
        .bad_from(1.0),
        stat(
            (
                "Canaries missed",
                "Agents that did not notice their last harmless test action.",
            ),
            "count(saker_canary_detected{{agents}} == 0) or vector(0)",
        )
        .bad_from(1.0),
        panel(
            Kind::Table,
            (
                "Probes",
                "Which probe serves each type of event, how good it is, and why it is not a better one.",
            ),
            (12, "short"),
            query(
                "count by (event, hook, tier, reason) (saker_hook_info{{agents}})",
                "agents",
            ),
        ),
        panel(
            Kind::Table,
            ("Versions", "Agents by version."),
            (12, "short"),
            query(
                "count by (version, revision) (saker_build_info{{agents}})",
                "agents",
            ),
        ),
    ]
}

fn events() -> Vec<Panel> {
    vec![
        panel(
            Kind::Lines,
            (
                "Events by type",
                "Events that reached the rules, each second: the ten most frequent types.",
            ),
            (12, "ops"),
            query(
                "topk(10, sum by (type) (rate(saker_events_total{{agents}}[$__rate_interval])))",
                "{{type}}",
            ),
        ),
        panel(
            Kind::Lines,
            (
                "Kernel events by outcome",
                "What the kernel programs saw, each second: handed over, filtered because no rule can want it, or lost because the ring was full.",
            ),
            (12, "ops"),
            query(
                "sum by (outcome) (rate(saker_kernel_events_total{{agents}}[$__rate_interval]))",
                "{{outcome}}",
            ),
        ),
        panel(
            Kind::Bars,
            (
                "Events lost by reason",
                "Every way in which an event can be lost. Anything here is a blind spot.",
            ),
            (24, "short"),
            query(
                "sum by (reason) (increase(saker_events_lost_total{{agents}}[$__rate_interval]))",
                "{{reason}}",
            ),
        ),
    ]
}

fn cost() -> Vec<Panel> {
    let quantile = |q: &str| {
        format!(
            "histogram_quantile({q}, sum by (le) (rate(saker_detection_latency_seconds_bucket{{{{agents}}}}[$__rate_interval])))"
        )
    };
    vec![
        panel(
            Kind::Lines,
            (
                "Detection latency",
                "From the kernel's time stamp to the counted match.",
            ),
            (8, "s"),
            query(&quantile("0.5"), "median"),
        )
        .and(query(&quantile("0.99"), "99th percentile")),
        panel(
            Kind::Lines,
            (
                "Processor time",
                "Seconds of processor time that each agent takes each second; 1 is one core.",
            ),
            (8, "s"),
            query(
                "topk(10, rate(process_cpu_seconds_total{{agents}}[$__rate_interval]))",
                "{{instance}}",
            ),
        ),
        panel(
            Kind::Lines,
            ("Memory", "Resident memory of each agent."),
            (8, "bytes"),
            query(
                "topk(10, process_resident_memory_bytes{{agents}})",
                "{{instance}}",
            ),
        ),
        panel(
            Kind::Table,
            (
                "Rules by cost",
                "Processor time spent on each rule in the time that is shown.",
            ),
            (24, "s"),
            query(
                "topk(20, sum by (rule) (increase(saker_rule_evaluation_seconds_total{{agents}}[$__range])))",
                "seconds",
            ),
        ),
    ]
}

fn outputs() -> Vec<Panel> {
    vec![
        panel(
            Kind::Lines,
            ("Lines", "Matches written as lines or dropped, each second."),
            (8, "ops"),
            query(
                "sum by (outcome, reason) (rate(saker_output_lines_total{{agents}}[$__rate_interval]))",
                "{{outcome}} {{reason}}",
            ),
        ),
        panel(
            Kind::Lines,
            (
                "OTLP log records",
                "Matches exported to the collector, failed or dropped, each second.",
            ),
            (8, "ops"),
            query(
                "sum by (outcome, reason) (rate(saker_otlp_log_records_total{{agents}}[$__rate_interval]))",
                "{{outcome}} {{reason}}",
            ),
        ),
        panel(
            Kind::Gauge,
            ("Queues", "How full the queue to each output is."),
            (8, "percentunit"),
            query(
                "max(saker_output_queue_length{{agents}} / saker_output_queue_capacity{{agents}})",
                "lines",
            ),
        )
        .and(query(
            "max(saker_otlp_queue_length{{agents}} / saker_otlp_queue_capacity{{agents}})",
            "OTLP",
        )),
    ]
}

fn tables() -> Vec<Panel> {
    vec![
        panel(
            Kind::Gauge,
            (
                "Tables",
                "How full each table of each agent is; what does not fit evicts what is oldest.",
            ),
            (8, "percentunit"),
            query(
                "max by (table) (saker_table_entries{{agents}} / saker_table_capacity{{agents}})",
                "{{table}}",
            ),
        ),
        panel(
            Kind::Lines,
            (
                "Evictions",
                "Entries that made room for others, each second.",
            ),
            (8, "ops"),
            query(
                "sum by (table) (rate(saker_table_evictions_total{{agents}}[$__rate_interval]))",
                "{{table}}",
            ),
        ),
        panel(
            Kind::Gauge,
            (
                "Series",
                "How much of its budget of series each metric uses.",
            ),
            (8, "percentunit"),
            query(
                "max by (metric) (saker_metric_series{{agents}} / saker_metric_series_limit{{agents}})",
                "{{metric}}",
            ),
        ),
    ]
}
