//! The capture format: kernel records as bytes, with all that is needed to judge them again later and elsewhere.
//!
//! In: a stream of bytes, or records and what belongs to them. Out: the same the other way round. Never: a file, a clock, a
//! look inside a record, or memory for a size that has not been checked against a limit.
//!
//! # The format, version 1
//!
//! Numbers are little-endian; the records in it are as the recording kernel laid them out. A capture is a head and blocks:
//!
//! | part | bytes | holds |
//! |---|---|---|
//! | head | 8 | `89 53 41 4b 45 52 0d 0a`: a byte that is no text, `SAKER`, a line break that text tools would change |
//! | | 4 | [`FORMAT_VERSION`] |
//! | block | 4 | kind |
//! | | 4 | bytes of the payload as it is stored |
//! | | 4 | bytes of the payload as it was |
//! | | 4 | number of records in it |
//! | | 4 | CRC-32 (IEEE) of the 16 bytes before and of the stored payload |
//! | | … | payload, compressed as one LZ4 block |
//!
//! | kind | payload | when |
//! |---|---|---|
//! | 1 host | layout version (4), then texts, each with its length (2) before it: version of Saker, architecture, kernel release, host name, watched system calls with spaces between | first, once |
//! | 2 users | `passwd` and `group` as texts, each with its length (4) before it | before the first record, and when they change |
//! | 3 clock | wall time of the moment of boot, ns since the epoch (8): valid for the records behind it | before the first record, and when the clock was set |
//! | 4 records | records, each with its length (4) before it; those of the start-up scan come first | |
//! | 5 end | number of all records (8); then per kind of record its number (2) and the kernel's counts: submitted, filtered, lost because the ring was full, lost for want of memory (8 each) | last, once: a capture without it is not whole |
//!
//! | 2³¹ + 1 news | time since boot at which it was heard, ns (8), then what was learnt of containers: a [`ContainerNews`] as JSON | at the place where it was learnt |
//!
//! Kinds from [`OPTIONAL_KINDS`] on tell what records can be judged without: who does not know such a kind skips it. Any
//! other unknown kind is an error. Without news nobody is known to know anything of containers, and metadata is missing.
//!
//! [`ContainerNews`]: super::container::ContainerNews

mod block;
mod reader;
mod writer;

use std::io;

use exporter_ebpf::record::{Counters, LAYOUT_VERSION};

pub use reader::{CaptureReader, Item};
pub use writer::CaptureWriter;

/// Version of the format.
pub const FORMAT_VERSION: u32 = 1;
/// Kinds of blocks from this number on may be skipped by those who do not know them.
pub const OPTIONAL_KINDS: u32 = 1 << 31;
/// Longest record that a capture takes; the kernel side makes none of a fifth of it.
pub const RECORD_BYTES_MAX: usize = 256 << 10;

/// What every capture begins with.
const MAGIC: [u8; 8] = *b"\x89SAKER\r\n";
/// Bytes before the first block.
const HEAD_BYTES: u64 = 12;

const KIND_HOST: u32 = 1;
const KIND_USERS: u32 = 2;
const KIND_CLOCK: u32 = 3;
const KIND_RECORDS: u32 = 4;
const KIND_END: u32 = 5;
const KIND_NEWS: u32 = OPTIONAL_KINDS | 1;

/// Where and by what a capture was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Version of the records' layout.
    pub layout_version: u32,
    /// Version of Saker that recorded it.
    pub version: String,
    /// Architecture of the machine, as Rust names it: numbers in records mean what they mean there.
    pub architecture: String,
    /// Release of its kernel.
    pub kernel_release: String,
    /// Its name.
    pub hostname: String,
    /// Names of the system calls that were recorded.
    pub watched: Vec<String>,
}

/// The last block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Records in the whole capture.
    pub records: u64,
    /// What the kernel counted by the number of the kind of record, from the start of the recording to its end.
    pub counts: Vec<(u16, Counters)>,
}

/// Why a capture cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The bytes cannot be had.
    #[error("reading failed at byte {offset}: {cause}")]
    Read {
        /// Where.
        offset: u64,
        /// Why.
        cause: io::Error,
    },
    /// It begins with something else.
    #[error("this is no capture: `saker record` makes files that begin with other bytes")]
    NotACapture,
    /// Another version of the format.
    #[error(
        "the capture has format version {got} (byte 8), and this program reads {FORMAT_VERSION}; replay it with the version of Saker that recorded it"
    )]
    Format {
        /// Its version.
        got: u32,
    },
    /// Another version of the records' layout.
    #[error(
        "the capture holds records of layout {got}, and this program reads {LAYOUT_VERSION}; it was recorded by Saker {version}: replay it with that"
    )]
    Layout {
        /// Their version.
        got: u32,
        /// What recorded them.
        version: String,
    },
    /// Recorded on a machine whose numbers mean something else.
    #[error(
        "the capture was recorded on {got}, and this program is for {}; replay it on a machine of that architecture",
        std::env::consts::ARCH
    )]
    Architecture {
        /// Its architecture.
        got: String,
    },
    /// A block that this version does not know and may not skip.
    #[error(
        "block of unknown kind {kind} at byte {offset}; what stands before it is whole, for the rest take the version of Saker that recorded it"
    )]
    Kind {
        /// Where it begins.
        offset: u64,
        /// Its kind.
        kind: u32,
    },
    /// Not as it was written.
    #[error("damaged at byte {offset}: {fault}; what stands before it is whole")]
    Damaged {
        /// Where the damaged part begins.
        offset: u64,
        /// What is wrong with it.
        fault: String,
    },
}

impl CaptureError {
    /// Where the part begins that cannot be read.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match self {
            Self::NotACapture => 0,
            Self::Format { .. } => MAGIC.len() as u64,
            Self::Layout { .. } | Self::Architecture { .. } => HEAD_BYTES,
            Self::Read { offset, .. }
            | Self::Kind { offset, .. }
            | Self::Damaged { offset, .. } => *offset,
        }
    }
}

#[cfg(test)]
mod tests;
