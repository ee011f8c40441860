//! The operating system's raw side: clocks, capabilities.

pub mod capabilities;
pub mod clock;
