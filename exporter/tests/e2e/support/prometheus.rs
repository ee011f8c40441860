//! A Prometheus that scrapes the agent every second.

use std::fs;
use std::net::SocketAddr;

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::Daemon;
use super::http::{free_address, get, percent_encoded};
use super::shipped;
use super::wait::wait_until;

/// The running scraper.
#[derive(Debug)]
pub(crate) struct Prometheus {
    _daemon: Daemon,
    _folder: TempDir,
    addr: SocketAddr,
}

impl Prometheus {
    /// Starts it with one target, and waits for the first scrape.
    pub(crate) fn start(target: SocketAddr) -> Prometheus {
        Prometheus::start_with(target, "")
    }

    /// Starts it with the rules in `alerts/` and an Alertmanager to tell, evaluating every second.
    pub(crate) fn start_alerting(target: SocketAddr, alertmanager: SocketAddr) -> Prometheus {
        let alerts = shipped("alerts");
        let files = ["recording", "detections", "agent"]
            .map(|name| format!("{}/{name}.yaml", alerts.display()));
        Prometheus::start_configured(
            target,
            ("", &[]),
            &format!(
                "rule_files: {files:?}\nalerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n"
            ),
        )
    }

    /// Starts it with more to say about how it scrapes (further keys of the job, in YAML's flow style, with a comma before).
    pub(crate) fn start_with(target: SocketAddr, job: &str) -> Prometheus {
        Prometheus::start_configured(target, (job, &[]), "")
    }

    /// Starts it with these flags.
    pub(crate) fn start_flagged(target: SocketAddr, flags: &[&str]) -> Prometheus {
        Prometheus::start_configured(target, ("", flags), "")
    }

    fn start_configured(
        target: SocketAddr,
        (job, flags): (&str, &[&str]),
        more: &str,
    ) -> Prometheus {
        let folder = TempDir::with_prefix("saker-prometheus-").expect("a scratch folder");
        let config = folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n{more}scrape_configs:\n- {{job_name: saker, static_configs: [{{targets: ['{target}']}}]{job}}}\n"
        );
        fs::write(&config, text).expect("the scratch folder is writable");
        let addr = free_address();
        let daemon = Daemon::start("prometheus", "prometheus", folder.path(), |command| {
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.path().join("data").display()
                ))
                .arg(format!("--web.listen-address={addr}"))
                .args(flags);
        });
        let prometheus = Prometheus {
            _daemon: daemon,
            _folder: folder,
            addr,
        };
        wait_until("Prometheus has scraped the agent", || {
            prometheus.query("up{job=\"saker\"}") == Some(1.0)
        });
        prometheus
    }

    /// All series that an expression gives now; why not, if it is none.
    pub(crate) fn series(&self, expression: &str) -> Result<Vec<Value>, String> {
        let path = format!("/api/v1/query?query={}", percent_encoded(expression));
        let (_, body) = get(self.addr, &path, "").map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(body),
        }
    }

    /// The exemplars of series, of all time.
    pub(crate) fn exemplars(&self, series: &str) -> Vec<Value> {
        let path = format!(
            "/api/v1/query_exemplars?query={}&start=0&end=4102444800",
            percent_encoded(series)
        );
        let Ok((_, body)) = get(self.addr, &path, "") else {
            return Vec::new();
        };
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let series = answer["data"].as_array().cloned().unwrap_or_default();
        let exemplars = series.iter().filter_map(|one| one["exemplars"].as_array());
        exemplars.flatten().cloned().collect()
    }

    /// The value of an expression that gives one series; `None` without one, or while the server starts.
    pub(crate) fn query(&self, expression: &str) -> Option<f64> {
        let path = format!("/api/v1/query?query={}", percent_encoded(expression));
        let (_, body) = get(self.addr, &path, "").ok()?;
        let answer: Value = serde_json::from_str(&body).ok()?;
        let result = answer["data"]["result"].as_array()?;
        assert!(
            result.len() <= 1,
            "{expression} gives {} series",
            result.len()
        );
        result.first()?["value"][1].as_str()?.parse().ok()
    }
}
