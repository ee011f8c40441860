//! Where matches go: a line each on standard output or in a file, an OTLP log record each to a collector, and to the page.
//!
//! In: [`OwnedMatch`] from the event thread, through a bounded [`Queue`] for each output. Out: JSON or text lines, OTLP
//! requests, and a count of everything that was not written or not taken, by reason.
//! Never: a kernel record, or a wait on the event thread.

mod file;
mod line;
mod model;
pub mod otlp;
pub mod page;
mod queue;
mod writer;

pub use file::{LineFile, Reopener};
pub use line::{Format, Lines};
pub use model::{FieldValue, OwnedMatch, RuleFacts};
pub use queue::Queue;
pub use writer::{Pending, Writer, queue};

#[cfg(test)]
mod tests;
