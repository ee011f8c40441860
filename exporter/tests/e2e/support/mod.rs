//! What the end-to-end tests start and read.

pub(crate) mod agent;
#[cfg(feature = "kube")]
pub(crate) mod api_server;
pub(crate) mod cri;
pub(crate) mod daemon;
pub(crate) mod docker;
pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod prometheus;
pub(crate) mod rootfs;
pub(crate) mod runtimes;
pub(crate) mod wait;
