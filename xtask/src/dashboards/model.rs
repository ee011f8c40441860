//! The words that dashboards are described in, and what each becomes in Grafana's JSON.
//!
//! Panels flow from left to right into a grid of 24 columns, so a description has widths but no positions. Every query goes to the
//! data source of the variable `datasource`; every dashboard begins with the same variables.

use serde_json::{Value, json};

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// Selects the agents that the variables at the top of each dashboard name.
pub(crate) const AGENTS: &str = r#"cluster=~"$cluster", job=~"$job", instance=~"$instance""#;

/// A page of panels.
pub(crate) struct Dashboard {
    /// Part of its address; never changes, or links break.
    pub(crate) uid: &'static str,
    /// Shown after "Saker / ".
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    /// Those after the ones that every dashboard has.
    pub(crate) variables: Vec<Variable>,
    pub(crate) rows: Vec<Row>,
}

/// What the reader chooses at the top: the values of a label.
pub(crate) struct Variable {
    /// Its name, by which queries call it.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) label: &'static str,
}

/// Panels under a heading.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
}

/// How a panel draws.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One number.
    Stat,
    /// Lines over time.
    Lines,
    /// Bars over time, on top of each other: for numbers of happenings.
    Bars,
    /// A row for each series, from its labels and last value.
    Table,
    /// A filled bar for each series, from 0 to 1.
    Gauge,
}

/// One drawing.
pub(crate) struct Panel {
    pub(crate) kind: Kind,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    /// Of 24.
    pub(crate) width: u64,
    pub(crate) unit: &'static str,
    pub(crate) queries: Vec<Query>,
    /// The value from which the number is bad (true) or good (false); none: it is neither.
    pub(crate) threshold: Option<(f64, bool)>,
    /// The dashboard that a click on a value opens, with the variables it sets.
    pub(crate) link: Option<Link>,
}

/// From a value to another dashboard.
pub(crate) struct Link {
    pub(crate) title: &'static str,
    pub(crate) uid: &'static str,
    /// Variable of that dashboard, label of the value.
    pub(crate) sets: &'static [(&'static str, &'static str)],
}

/// What a panel asks Prometheus.
pub(crate) struct Query {
    pub(crate) expression: String,
    /// What a series is called; labels in double braces.
    pub(crate) legend: &'static str,
    /// Shows the exemplars of the counter: the identities of single matches.
    pub(crate) exemplars: bool,
}

/// A query; `{agents}` becomes the selection of agents.
pub(crate) fn query(expression: &str, legend: &'static str) -> Query {
    Query {
        expression: expression.replace("{agents}", AGENTS),
        legend,
        exemplars: false,
    }
}

/// A panel of one query.
pub(crate) fn panel(
    kind: Kind,
    (title, description): (&'static str, &'static str),
    (width, unit): (u64, &'static str),
    query: Query,
) -> Panel {
    Panel {
        kind,
        title,
        description,
        width,
        unit,
        queries: vec![query],
        threshold: None,
        link: None,
    }
}

impl Panel {
    /// One more query.
    pub(crate) fn and(mut self, query: Query) -> Self {
        self.queries.push(query);
        self
    }

    /// Red from this value on.
    pub(crate) fn bad_from(mut self, value: f64) -> Self {
        self.threshold = Some((value, true));
        self
    }

    /// Red below this value.
    pub(crate) fn good_from(mut self, value: f64) -> Self {
        self.threshold = Some((value, false));
        self
    }

    /// A click leads to another dashboard.
    pub(crate) fn leading_to(mut self, link: Link) -> Self {
        self.link = Some(link);
        self
    }

    /// Shows single matches as points.
    pub(crate) fn with_exemplars(mut self) -> Self {
        for query in &mut self.queries {
            query.exemplars = true;
        }
        self
    }

    fn height(&self) -> u64 {
        match self.kind {
            Kind::Stat => 4,
            Kind::Lines | Kind::Bars | Kind::Gauge => 8,
            Kind::Table => 9,
        }
    }

    fn to_json(&self, id: u64, (x, y): (u64, u64)) -> Value {
        let (plugin, options) = self.plugin();
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..)
            .map(|(query, name)| self.target(query, name))
            .collect();
        let mut panel = json!({
            "id": id,
            "type": plugin,
            "title": self.title,
            "description": self.description,
            "datasource": source(),
            "gridPos": { "h": self.height(), "w": self.width, "x": x, "y": y },
            "fieldConfig": { "defaults": self.defaults(), "overrides": [] },
            "options": options,
            "targets": targets,
        });
        if self.kind == Kind::Table {
            panel["transformations"] = json!([{
                "id": "organize",
                "options": {
                    "excludeByName": { "Time": true },
                    "indexByName": {},
                    "renameByName": { "Value": self.queries[0].legend },
                },
            }]);
        }
        panel
    }

    fn target(&self, query: &Query, name: char) -> Value {
        let table = self.kind == Kind::Table;
        let now = matches!(self.kind, Kind::Stat | Kind::Table | Kind::Gauge);
        json!({
            "refId": name.to_string(),
            "datasource": source(),
            "expr": query.expression,
            "legendFormat": if table { "__auto" } else { query.legend },
            "format": if table { "table" } else { "time_series" },
            "instant": now,
            "range": !now,
            "exemplar": query.exemplars,
            "editorMode": "code",
        })
    }

    fn plugin(&self) -> (&'static str, Value) {
        let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match self.kind {
            Kind::Stat => (
                "stat",
                json!({
                    "colorMode": if self.threshold.is_some() { "background" } else { "value" },
                    "graphMode": "none",
                    "justifyMode": "center",
                    "reduceOptions": last,
                    "textMode": "auto",
                }),
            ),
            Kind::Lines | Kind::Bars => (
                "timeseries",
                json!({
                    "legend": { "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                }),
            ),
            Kind::Table => (
                "table",
                json!({
                    "cellHeight": "sm",
                    "showHeader": true,
                    "sortBy": [{ "desc": true, "displayName": self.queries[0].legend }],
                }),
            ),
            Kind::Gauge => (
                "bargauge",
                json!({
                    "displayMode": "basic",
                    "orientation": "horizontal",
                    "reduceOptions": last,
                    "showUnfilled": true,
                    "valueMode": "color",
                }),
            ),
        }
    }

    fn defaults(&self) -> Value {
        let steps = match self.threshold {
            None => json!([{ "color": "blue", "value": null }]),
            Some((value, true)) => json!([
                { "color": "green", "value": null },
                { "color": "red", "value": value },
            ]),
            Some((value, false)) => json!([
                { "color": "red", "value": null },
                { "color": "green", "value": value },
            ]),
        };
        let mut defaults = json!({
            "unit": self.unit,
            "color": { "mode": if matches!(self.kind, Kind::Lines | Kind::Bars) { "palette-classic" } else { "thresholds" } },
            "thresholds": { "mode": "absolute", "steps": steps },
            "noValue": if self.kind == Kind::Stat { "0" } else { "none" },
            "links": self.link.iter().map(|link| link.to_json(self.kind)).collect::<Vec<_>>(),
        });
        match self.kind {
            Kind::Lines => {
                defaults["custom"] = json!({ "drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never" });
                defaults["min"] = json!(0);
            }
            Kind::Bars => {
                defaults["custom"] = json!({
                    "drawStyle": "bars",
                    "lineWidth": 0,
                    "fillOpacity": 80,
                    "showPoints": "never",
                    "stacking": { "group": "A", "mode": "normal" },
                });
                defaults["min"] = json!(0);
            }
            Kind::Gauge => {
                defaults["min"] = json!(0);
                defaults["max"] = json!(1);
            }
            Kind::Stat | Kind::Table => {}
        }
        defaults
    }
}

impl Link {
    fn to_json(&self, kind: Kind) -> Value {
        let labels = if kind == Kind::Table {
            "__data.fields"
        } else {
            "__field.labels"
        };
        let mut url = format!("/d/{}?${{__url_time_range}}", self.uid);
        for variable in ["datasource", "cluster", "job", "instance"] {
            url.push_str(&format!("&${{{variable}:queryparam}}"));
        }
        for (variable, label) in self.sets {
            url.push_str(&format!("&var-{variable}=${{{labels}.{label}}}"));
        }
        json!({ "title": self.title, "url": url, "targetBlank": false })
    }
}

impl Variable {
    fn to_json(&self) -> Value {
        let expression = format!("label_values({}, {})", self.metric, self.label);
        json!({
            "name": self.name,
            "label": self.title,
            "type": "query",
            "datasource": source(),
            "query": { "query": expression, "refId": "values" },
            "definition": expression,
            "refresh": 2,
            "sort": 1,
            "multi": true,
            "includeAll": true,
            "allValue": ".*",
            "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
            "hide": 0,
            "options": [],
            "regex": "",
            "skipUrlSync": false,
        })
    }
}

impl Dashboard {
    pub(crate) fn to_json(&self) -> Value {
        let mut variables = vec![source_variable()];
        variables.extend(COMMON.iter().map(Variable::to_json));
        variables.extend(self.variables.iter().map(Variable::to_json));
        json!({
            "uid": self.uid,
            "title": format!("Saker / {}", self.title),
            "description": self.description,
            "tags": ["saker", "security"],
            "schemaVersion": 39,
            "version": 1,
            "editable": false,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": { "from": "now-6h", "to": "now" },
            "timepicker": {},
            "timezone": "browser",
            "weekStart": "",
            "fiscalYearStartMonth": 0,
            "liveNow": false,
            "templating": { "list": variables },
            "annotations": { "list": annotations() },
            "links": [{
                "title": "Saker",
                "type": "dashboards",
                "tags": ["saker"],
                "asDropdown": true,
                "includeVars": true,
                "keepTime": true,
                "targetBlank": false,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }],
            "panels": self.panels(),
        })
    }

    fn panels(&self) -> Vec<Value> {
        let mut panels = Vec::new();
        let mut y = 0;
        for row in &self.rows {
            panels.push(json!({
                "id": panels.len() as u64 + 1,
                "type": "row",
                "title": row.title,
                "collapsed": false,
                "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": y },
                "panels": [],
            }));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in &row.panels {
                if x + panel.width > COLUMNS {
                    (x, y, height) = (0, y + height, 0);
                }
                panels.push(panel.to_json(panels.len() as u64 + 1, (x, y)));
                x += panel.width;
                height = height.max(panel.height());
            }
            y += height;
        }
        panels
    }
}

/// The variables of every dashboard, after the data source.
const COMMON: [Variable; 3] = [
    Variable {
        name: "cluster",
        title: "Cluster",
        metric: "saker_build_info",
        label: "cluster",
    },
    Variable {
        name: "job",
        title: "Job",
        metric: r#"saker_build_info{cluster=~"$cluster"}"#,
        label: "job",
    },
    Variable {
        name: "instance",
        title: "Agent",
        metric: r#"saker_build_info{cluster=~"$cluster", job=~"$job"}"#,
        label: "instance",
    },
];

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

fn source_variable() -> Value {
    json!({
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "multi": false,
        "includeAll": false,
        "current": {},
        "hide": 0,
        "options": [],
        "regex": "",
        "skipUrlSync": false,
    })
}

fn annotations() -> Value {
    let of = |name: &str, color: &str, expression: &str, text: &str| {
        json!({
            "name": name,
            "datasource": source(),
            "enable": true,
            "iconColor": color,
            "expr": expression.replace("{agents}", AGENTS),
            "step": "60s",
            "titleFormat": name,
            "textFormat": text,
        })
    };
    json!([
        of(
            "Rules reloaded",
            "blue",
            "changes(saker_rules_last_reload_success_timestamp_seconds{{agents}}[1m]) > 0",
            "{{instance}} took new rules",
        ),
        of(
            "Agent started",
            "orange",
            "changes(process_start_time_seconds{{agents}}[1m]) > 0",
            "{{instance}} was started",
        ),
    ])
}
