//! What the end-to-end tests start and read.

pub(crate) mod agent;
pub(crate) mod cri;
pub(crate) mod daemon;
pub(crate) mod docker;
pub(crate) mod exposition;
pub(crate) mod http;
pub(crate) mod otlp;
pub(crate) mod prometheus;
pub(crate) mod python;
pub(crate) mod rootfs;
pub(crate) mod runtimes;
pub(crate) mod wait;
