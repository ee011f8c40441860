//! The agent as its users run it: the real binary on the real kernel, with real containers and a real Prometheus.
//!
//! Needs root, and the packages that `make test` installs. Each test starts what it needs on free ports and in a scratch
//! folder, and ends it by process id, also when it fails.

mod support;

mod alerts;
mod bad_input;
mod burst;
mod canary;
mod chart;
mod connections;
mod containers;
mod dashboards;
mod engines;
mod events;
mod face;
mod heal;
mod kernel_filter;
#[cfg(feature = "kube")]
mod kubernetes;
mod metadata;
mod otlp;
mod outputs;
mod packaging;
mod page;
mod prometheus;
mod record;
mod reload;
mod requests;
mod rewritten;
mod scrape;
mod selftest;
mod sensitive_files;
mod top;
mod upstream;
