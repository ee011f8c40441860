//! Saker: a Prometheus-first runtime-security exporter.
//!
//! The rooms, in the order in which data walks through them:
//!
//! ```text
//! probe → event → state → detect (rules) → metrics, output
//!          runtime ↗ tells of containers
//!                 pipeline is the loop; http shows, top looks at it; config, cli and app put it together
//! ```

pub mod app;
pub mod bundled;
pub mod cli;
pub mod config;
pub mod detect;
pub mod event;
pub mod http;
pub mod metrics;
pub mod output;
pub mod pipeline;
pub mod probe;
pub mod rules;
pub mod runtime;
pub mod selftest;
pub mod state;
pub mod sys;
pub mod top;
