//! Writes a capture: bounded memory, whole blocks.

use std::io::{self, Write};

use super::block::{BlockWriter, too_large};
use super::{
    End, FORMAT_VERSION, Host, KIND_CLOCK, KIND_END, KIND_HOST, KIND_NEWS, KIND_RECORDS,
    KIND_USERS, MAGIC, RECORD_BYTES_MAX,
};
use crate::event::container::ContainerNews;

/// Records are gathered up to so many bytes, which compress better together.
const GATHERED_BYTES: usize = 256 << 10;

/// Writes one capture. What it is given is in the sink after [`CaptureWriter::flush`] or [`CaptureWriter::finish`] at the
/// latest; after an error nothing more may be written.
#[derive(Debug)]
pub struct CaptureWriter<W> {
    blocks: BlockWriter<W>,
    /// Payload of the next block of records.
    gathered: Vec<u8>,
    gathered_records: u32,
    records: u64,
    boot_wall_ns: Option<u64>,
}

impl<W: Write> CaptureWriter<W> {
    /// Begins a capture.
    ///
    /// # Errors
    /// When the sink does not take it.
    pub fn new(sink: W, host: &Host) -> io::Result<Self> {
        let mut blocks = BlockWriter::new(sink);
        blocks.raw(&MAGIC)?;
        blocks.raw(&FORMAT_VERSION.to_le_bytes())?;
        let mut payload = host.layout_version.to_le_bytes().to_vec();
        for text in [
            &host.version,
            &host.architecture,
            &host.kernel_release,
            &host.hostname,
            &host.watched.join(" "),
        ] {
            let length = u16::try_from(text.len())
                .map_err(|_| too_large("a text", text.len(), u16::MAX.into()))?;
            payload.extend_from_slice(&length.to_le_bytes());
            payload.extend_from_slice(text.as_bytes());
        }
        blocks.block(KIND_HOST, 0, &payload)?;
        Ok(Self {
            blocks,
            gathered: Vec::new(),
            gathered_records: 0,
            records: 0,
            boot_wall_ns: None,
        })
    }

    /// The user database from here on: the text of passwd(5) and group(5).
    ///
    /// # Errors
    /// When it is larger than 16 MiB, or the sink does not take it.
    pub fn users(&mut self, passwd: &str, group: &str) -> io::Result<()> {
        self.gathered_out()?;
        let mut payload = Vec::new();
        for text in [passwd, group] {
            let length = u32::try_from(text.len())
                .map_err(|_| too_large("a text", text.len(), u32::MAX as usize))?;
            payload.extend_from_slice(&length.to_le_bytes());
            payload.extend_from_slice(text.as_bytes());
        }
        self.blocks.block(KIND_USERS, 0, &payload)
    }

    /// Wall time of the moment of boot, for the records from here on; nothing is written when it is what it was.
    ///
    /// # Errors
    /// When the sink does not take it.
    pub fn clock(&mut self, boot_wall_ns: u64) -> io::Result<()> {
        if self.boot_wall_ns == Some(boot_wall_ns) {
            return Ok(());
        }
        self.gathered_out()?;
        self.boot_wall_ns = Some(boot_wall_ns);
        self.blocks
            .block(KIND_CLOCK, 0, &boot_wall_ns.to_le_bytes())
    }

    /// What was learnt of containers, and when it was heard, in ns since boot.
    ///
    /// # Errors
    /// When it is larger than 16 MiB, or the sink does not take it.
    pub fn news(&mut self, boot_ns: u64, news: &ContainerNews) -> io::Result<()> {
        self.gathered_out()?;
        let mut payload = boot_ns.to_le_bytes().to_vec();
        serde_json::to_writer(&mut payload, news)?;
        self.blocks.block(KIND_NEWS, 0, &payload)
    }

    /// One record.
    ///
    /// # Errors
    /// When it is longer than [`RECORD_BYTES_MAX`], or the sink does not take it.
    pub fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(too_large("a record", bytes.len(), RECORD_BYTES_MAX));
        }
        let length = bytes.len() as u32;
        self.gathered.extend_from_slice(&length.to_le_bytes());
        self.gathered.extend_from_slice(bytes);
        self.gathered_records += 1;
        self.records += 1;
        if self.gathered.len() >= GATHERED_BYTES {
            self.gathered_out()?;
        }
        Ok(())
    }

    /// Records given so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Puts everything so far into the sink: what comes after cannot take it away.
    ///
    /// # Errors
    /// When the sink does not take it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.gathered_out()?;
        self.blocks.flush()
    }

    /// Ends the capture with the kernel's counts by the number of the kind, and says how many bytes it has.
    ///
    /// # Errors
    /// When the sink does not take it.
    pub fn finish(
        mut self,
        counts: Vec<(u16, exporter_ebpf::record::Counters)>,
    ) -> io::Result<(End, u64)> {
        self.gathered_out()?;
        let end = End {
            records: self.records,
            counts,
        };
        let mut payload = end.records.to_le_bytes().to_vec();
        for (kind, counters) in &end.counts {
            payload.extend_from_slice(&kind.to_le_bytes());
            for count in [
                counters.submitted,
                counters.filtered,
                counters.lost_ring_full,
                counters.lost_no_scratch,
            ] {
                payload.extend_from_slice(&count.to_le_bytes());
            }
        }
        self.blocks.block(KIND_END, 0, &payload)?;
        self.blocks.flush()?;
        Ok((end, self.blocks.bytes))
    }

    fn gathered_out(&mut self) -> io::Result<()> {
        if self.gathered_records > 0 {
            self.blocks
                .block(KIND_RECORDS, self.gathered_records, &self.gathered)?;
            self.gathered.clear();
            self.gathered_records = 0;
        }
        Ok(())
    }
}
