//! What the agent counts about itself and its rules, and how a scraper reads it.
//!
//! Out: [`Registry`], through which every room declares its own metrics; handles that count without a lock; text in the two
//! formats that scrapers ask for.
//! Never: another room. Every room counts, so this one knows none of them.

mod build_info;
mod encode;
mod family;
mod process;
mod registry;

pub use build_info::{REVISION, RUSTC, VERSION, declare as declare_build_info};
pub use encode::{Format, encode};
pub use family::Family;
pub use process::declare as declare_process;
pub use registry::{Counter, Declaration, Description, Gauge, Kind, Registry, Rows};

#[cfg(test)]
mod tests;
