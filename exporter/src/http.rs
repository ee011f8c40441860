//! The agent's HTTP face: metrics for a scraper, health for an orchestrator, a page for people, JSON for programs.
//!
//! In: the registry, the [`Readiness`] and the [`Recent`] matches, as values. Out: responses, to whom the web configuration lets
//! in.
//! Never: an event, or anything that the event thread could wait for.

pub mod accept;
pub mod authorization;
mod client;
mod client_certificate;
mod face;
mod guard;
mod limiter;
mod listener;
mod meter;
mod page;
pub mod query;
mod readiness;
mod recent;
mod routes;
mod scrape;
mod server;
mod stall;
pub mod status;
mod stream;
mod tls;
mod users;

pub use client::{Access, Client, ClientError};
pub use listener::BindError;
pub use meter::HttpMetrics;
pub use readiness::Readiness;
pub use recent::{RECENT_MAX, Recent, Shown};
pub use routes::{Host, ReloadAnswer, Site};
pub use scrape::Scrapes;
pub use server::{Server, StartError};

#[cfg(test)]
mod tests;
