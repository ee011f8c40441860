//! Saker: a Prometheus-first runtime-security exporter.

pub mod http;
pub mod metrics;
pub mod output;
pub mod sys;
