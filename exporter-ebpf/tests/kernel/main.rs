//! The kernel programs on the real kernel: do the thing, expect the record.
//!
//! Needs root and a kernel with BTF, and fails without. Every test loads the programs for itself and looks only at what
//! its own thread and its own children do, so tests run beside each other and beside anything else on the machine.

mod adopt;
mod child;
mod compat;
mod connect;
mod content;
mod descriptors;
mod loss;
mod names;
mod narrow;
mod open;
mod path;
mod places;
mod process;
mod raw;
mod rig;
mod scan;
mod sockets;
mod tasks;
