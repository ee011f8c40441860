//! The agent's HTTP face: metrics for a scraper, health for an orchestrator, a page for people.
//!
//! In: the registry and the [`Readiness`], as values. Out: responses.
//! Never: an event, or anything that the event thread could wait for.

pub mod accept;
mod readiness;
mod routes;
mod scrape;
mod server;

pub use readiness::Readiness;
pub use routes::Site;
pub use scrape::Scrapes;
pub use server::{BindError, Server};

#[cfg(test)]
mod tests;
