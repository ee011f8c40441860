//! The kernel programs: loaded, attached, told what to watch, drained and counted.
//!
//! In: the objects of `exporter-ebpf`, names of wanted system calls. Out: bytes of whole records, and the kernel's own
//! counts. Never: a look inside a record, but at a scan's that lacks arguments.

mod arguments;
mod counters;
mod filter;
mod load;
mod request;
mod ring;
mod scan;

pub use counters::{KernelCount, KernelCounters, kind_name};
pub use filter::{Gate, Places, Tables, decided, is_filtered};
pub use load::{Probe, ProbeError};
pub use ring::{Ring, Waker};
