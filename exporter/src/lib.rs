//! Saker: a Prometheus-first runtime-security exporter.

pub mod metrics;
