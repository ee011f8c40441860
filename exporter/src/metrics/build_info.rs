//! Which build this is, as constants and as a metric.

use super::{Declaration, Registry};

/// Version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit that was built, or `unknown` outside a Git checkout.
pub const REVISION: &str = env!("SAKER_REVISION");

/// Version of the compiler.
pub const RUSTC: &str = env!("SAKER_RUSTC");

/// Declares `saker_build_info`.
pub fn declare(registry: &mut Registry) {
    registry
        .gauges(Declaration {
            name: "saker_build_info",
            help: "Always 1; the labels say which build is running.",
            labels: ["version", "revision", "rustc"],
        })
        .with([VERSION, REVISION, RUSTC])
        .set(1.0);
}
