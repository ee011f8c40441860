//! What the end-to-end tests start and read.

pub(crate) mod agent;
pub(crate) mod alertmanager;
#[cfg(feature = "kube")]
pub(crate) mod api_server;
pub(crate) mod chromium;
pub(crate) mod cri;
pub(crate) mod daemon;
pub(crate) mod docker;
pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod otlp;
pub(crate) mod prometheus;
pub(crate) mod python;
pub(crate) mod runtimes;
pub(crate) mod wait;

use std::path::{Path, PathBuf};

/// What is shipped beside the program, by its path in the repository.
pub(crate) fn shipped(path: &str) -> PathBuf {
    let exporter = Path::new(env!("CARGO_MANIFEST_DIR"));
    exporter.parent().expect("the workspace").join(path)
}
