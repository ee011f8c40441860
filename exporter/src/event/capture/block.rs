//! One block: compressed and framed, or checked and taken apart.

use std::io::{self, Read, Write};

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

use super::CaptureError;

/// Bytes before a payload.
const FRAME_BYTES: usize = 20;
/// Where in them the checksum stands; what is before it is covered by it.
const CHECKSUM_AT: usize = 16;
/// Largest payload, as it was before compression: a user database of a hundred thousand accounts.
pub(super) const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Writes blocks.
#[derive(Debug)]
pub(super) struct BlockWriter<W> {
    sink: W,
    /// The block at hand as it is stored; kept for its memory.
    stored: Vec<u8>,
    /// Bytes written so far.
    pub(super) bytes: u64,
}

/// Reads blocks.
#[derive(Debug)]
pub(super) struct BlockReader<R> {
    source: R,
    /// Bytes read so far.
    pub(super) offset: u64,
    stored: Vec<u8>,
    /// Payload of the block that was read last.
    pub(super) payload: Vec<u8>,
}

/// What a block says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) kind: u32,
    pub(super) records: u32,
}

impl<W: Write> BlockWriter<W> {
    pub(super) fn new(sink: W) -> Self {
        Self {
            sink,
            stored: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sink.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn block(&mut self, kind: u32, records: u32, payload: &[u8]) -> io::Result<()> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(too_large("a block", payload.len(), PAYLOAD_BYTES_MAX));
        }
        self.stored.clear();
        self.stored
            .resize(FRAME_BYTES + get_maximum_output_size(payload.len()), 0);
        let (frame, room) = self.stored.split_at_mut(FRAME_BYTES);
        let stored = compress_into(payload, room).map_err(io::Error::other)?;
        // Both sizes are below the limit, far below four gigabytes.
        let numbers = [kind, stored as u32, payload.len() as u32, records];
        for (place, number) in frame.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let sum = checksum(&frame[..CHECKSUM_AT], &room[..stored]);
        frame[CHECKSUM_AT..].copy_from_slice(&sum.to_le_bytes());
        let end = FRAME_BYTES + stored;
        self.sink.write_all(&self.stored[..end])?;
        self.bytes += end as u64;
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

impl<R: Read> BlockReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            offset: 0,
            stored: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Takes so many bytes, or as many as are left.
    pub(super) fn take(&mut self, bytes: usize) -> Result<&[u8], CaptureError> {
        self.stored.clear();
        let mut part = self.source.by_ref().take(bytes as u64);
        let result = part.read_to_end(&mut self.stored);
        let offset = self.offset;
        self.offset += self.stored.len() as u64;
        result.map_err(|cause| CaptureError::Read { offset, cause })?;
        Ok(&self.stored)
    }

    /// Reads the next block into `payload`, whole and checked.
    pub(super) fn next(&mut self) -> Result<Frame, CaptureError> {
        let offset = self.offset;
        let damaged = |fault: String| CaptureError::Damaged { offset, fault };
        let frame = self.take(FRAME_BYTES)?;
        if frame.is_empty() {
            return Err(damaged(
                "the file ends here, without the block that ends a capture; the recording was cut off".to_owned(),
            ));
        }
        let Ok(frame) = <[u8; FRAME_BYTES]>::try_from(frame) else {
            return Err(cut_off(offset, FRAME_BYTES, frame.len()));
        };
        let number = |at: usize| {
            u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]])
        };
        let (kind, records, expected) = (number(0), number(12), number(CHECKSUM_AT));
        let size = |at, limit| match usize::try_from(number(at)) {
            Ok(size) if size <= limit => Ok(size),
            _ => Err(damaged(format!(
                "the block says it has {} bytes, and {limit} are the limit",
                number(at)
            ))),
        };
        let stored_bytes = size(4, get_maximum_output_size(PAYLOAD_BYTES_MAX))?;
        let payload_bytes = size(8, PAYLOAD_BYTES_MAX)?;
        let stored = self.take(stored_bytes)?;
        if stored.len() < stored_bytes {
            return Err(cut_off(
                offset,
                FRAME_BYTES + stored_bytes,
                FRAME_BYTES + stored.len(),
            ));
        }
        if checksum(&frame[..CHECKSUM_AT], stored) != expected {
            return Err(damaged("the block does not have its checksum".to_owned()));
        }
        self.payload.clear();
        self.payload.resize(payload_bytes, 0);
        match decompress_into(&self.stored, &mut self.payload) {
            Ok(bytes) if bytes == payload_bytes => Ok(Frame {
                offset,
                kind,
                records,
            }),
            Ok(bytes) => Err(damaged(format!(
                "the block says it has {payload_bytes} bytes, and has {bytes}"
            ))),
            Err(error) => Err(damaged(format!(
                "the block cannot be decompressed: {error}"
            ))),
        }
    }
}

pub(super) fn too_large(what: &str, bytes: usize, limit: usize) -> io::Error {
    let text = format!("{what} of {bytes} bytes, and a capture takes {limit} at most");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn cut_off(offset: u64, needed: usize, got: usize) -> CaptureError {
    CaptureError::Damaged {
        offset,
        fault: format!(
            "the block has {needed} bytes, and the file ends after {got} of them; it was cut off"
        ),
    }
}

fn checksum(frame: &[u8], stored: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(frame);
    hasher.update(stored);
    hasher.finalize()
}
