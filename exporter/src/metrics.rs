//! What the agent counts about itself and its rules, and how a scraper reads it.
//!
//! Out: [`Registry`], through which every room declares its own metrics; handles that count without a lock; the three formats
//! that scrapers ask for: OpenMetrics by prometheus-client, the two others each a [`Visitor`] of the registry.
//! Never: another room. Every room counts, so this one knows none of them.

mod budget;
mod build_info;
mod client;
mod encode;
mod exemplar;
mod family;
mod histogram;
mod process;
mod protobuf;
mod registry;
mod sample;
mod text;
mod value;

pub use budget::{Budget, BudgetWriter, Group, Groups};
pub use build_info::{REVISION, RUSTC, VERSION, declare as declare_build_info};
pub use encode::{Format, SCRAPE_GZIP_LEVEL, TooLate, classic_text, encode};
pub use family::Family;
pub use histogram::Histogram;
pub use process::declare as declare_process;
pub use registry::{Declaration, Description, Kind, Registry, Rows};
pub use sample::{Distribution, Exemplar, Labels, Native, Number, Visitor, series};
pub use value::{Counter, Gauge, SecondsCounter, TracedCounter, Value};

#[cfg(test)]
mod tests;
