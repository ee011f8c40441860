//! Where matches go: one line each on standard output.
//!
//! In: [`OwnedMatch`] from the event thread, through a bounded [`Queue`]. Out: JSON or text lines, and a count of every line
//! that was not written, by reason.
//! Never: a kernel record, or a wait on the event thread.

mod line;
mod model;
mod queue;
mod writer;

pub use line::{Format, Lines};
pub use model::{FieldValue, OwnedMatch, RuleFacts};
pub use queue::{Pending, Queue, queue};
pub use writer::Writer;

#[cfg(test)]
mod tests;
