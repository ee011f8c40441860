//! Reads a capture piece by piece; nothing in it is believed before it has been checked.

use std::io::Read;
use std::str;

use exporter_ebpf::record::{Counters, LAYOUT_VERSION};

use super::block::{BlockReader, Frame};
use super::{
    CaptureError, End, FORMAT_VERSION, HEAD_BYTES, Host, KIND_CLOCK, KIND_END, KIND_HOST,
    KIND_NEWS, KIND_RECORDS, KIND_USERS, MAGIC, OPTIONAL_KINDS,
};
use crate::event::container::ContainerNews;

const BROKEN_PROMISE: &str = "the block does not hold what it says it holds";

/// Reads one capture.
#[derive(Debug)]
pub struct CaptureReader<R> {
    blocks: BlockReader<R>,
    host: Host,
    /// Where in the block at hand the next record stands. Invariant: what lies between the two is whole records.
    next_record: usize,
    records_end: usize,
    records: u64,
    ended: bool,
}

/// A piece of a capture, in the order in which it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record as it stood in the ring.
    Record(&'a [u8]),
    /// The user database from here on.
    Users {
        /// Text of passwd(5).
        passwd: &'a str,
        /// Text of group(5).
        group: &'a str,
    },
    /// Wall time of the moment of boot, in ns since the epoch, from here on.
    Clock {
        /// That time.
        boot_wall_ns: u64,
    },
    /// What was learnt of containers.
    News {
        /// When it was heard, ns since boot.
        boot_ns: u64,
        /// What.
        news: ContainerNews,
    },
    /// The end: the capture is whole.
    End(End),
}

impl<R: Read> CaptureReader<R> {
    /// Reads the beginning.
    ///
    /// # Errors
    /// When it is no capture, or none that this program can replay.
    pub fn new(source: R) -> Result<Self, CaptureError> {
        let mut blocks = BlockReader::new(source);
        let head = blocks.take(HEAD_BYTES as usize)?;
        let Some(version) = head.strip_prefix(&MAGIC) else {
            return Err(CaptureError::NotACapture);
        };
        let Ok(version) = <[u8; 4]>::try_from(version) else {
            return Err(CaptureError::Damaged {
                offset: MAGIC.len() as u64,
                fault: "the file ends in its head; it was cut off".to_owned(),
            });
        };
        let got = u32::from_le_bytes(version);
        if got != FORMAT_VERSION {
            return Err(CaptureError::Format { got });
        }
        let frame = blocks.next()?;
        let host = (frame.kind == KIND_HOST)
            .then(|| host(&mut Cursor(&blocks.payload)))
            .flatten()
            .ok_or_else(|| wrong(frame, "the first block does not describe a host"))?;
        if host.layout_version != LAYOUT_VERSION as u32 {
            return Err(CaptureError::Layout {
                got: host.layout_version,
                version: host.version,
            });
        }
        if host.architecture != std::env::consts::ARCH {
            return Err(CaptureError::Architecture {
                got: host.architecture,
            });
        }
        Ok(Self {
            blocks,
            host,
            next_record: 0,
            records_end: 0,
            records: 0,
            ended: false,
        })
    }

    /// Where and by what it was made.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The next piece; none after the end, or after an error.
    ///
    /// # Errors
    /// Where the capture is damaged or cut off. All pieces before are as they were recorded.
    #[allow(
        clippy::should_implement_trait,
        reason = "pieces borrow from the reader, which an Iterator's cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, CaptureError> {
        let kind = loop {
            if self.next_record < self.records_end {
                return Ok(Some(Item::Record(self.take_record())));
            }
            if self.ended {
                return Ok(None);
            }
            // Until the next block has been found good this is the end.
            self.ended = true;
            let frame = self.blocks.next()?;
            self.check(frame)?;
            self.ended = frame.kind == KIND_END;
            if matches!(frame.kind, KIND_USERS | KIND_CLOCK | KIND_NEWS | KIND_END) {
                break frame.kind;
            }
        };
        Ok(item(kind, &self.blocks.payload))
    }

    /// Gives all records from here on, and leaves out the pieces between them.
    ///
    /// # Errors
    /// As [`CaptureReader::next`], after the records before.
    pub fn each_record(mut self, mut take: impl FnMut(&[u8])) -> Result<(), CaptureError> {
        while let Some(item) = self.next()? {
            if let Item::Record(bytes) = item {
                take(bytes);
            }
        }
        Ok(())
    }

    /// What a block must be, given its kind.
    fn check(&mut self, frame: Frame) -> Result<(), CaptureError> {
        match frame.kind {
            KIND_RECORDS => {
                let records = whole_records(&self.blocks.payload);
                if records != Some(frame.records) {
                    return Err(wrong(frame, BROKEN_PROMISE));
                }
                self.records += u64::from(frame.records);
                (self.next_record, self.records_end) = (0, self.blocks.payload.len());
                Ok(())
            }
            KIND_END => {
                let Some(Item::End(end)) = item(KIND_END, &self.blocks.payload) else {
                    return Err(wrong(frame, BROKEN_PROMISE));
                };
                if end.records != self.records {
                    let (says, got) = (end.records, self.records);
                    return Err(wrong(
                        frame,
                        &format!("the end speaks of {says} records, and {got} came before it"),
                    ));
                }
                if !self.blocks.take(1)?.is_empty() {
                    return Err(CaptureError::Damaged {
                        offset: self.blocks.offset - 1,
                        fault: "there is more after the end of the capture".to_owned(),
                    });
                }
                Ok(())
            }
            KIND_HOST => Err(wrong(frame, "a second block describes a host")),
            KIND_USERS | KIND_CLOCK | KIND_NEWS => match item(frame.kind, &self.blocks.payload) {
                Some(_) => Ok(()),
                None => Err(wrong(frame, BROKEN_PROMISE)),
            },
            OPTIONAL_KINDS.. => Ok(()),
            kind => Err(CaptureError::Kind {
                offset: frame.offset,
                kind,
            }),
        }
    }

    fn take_record(&mut self) -> &[u8] {
        let mut rest = Cursor(&self.blocks.payload[self.next_record..self.records_end]);
        let record = rest.counted_by_u32().unwrap_or_default();
        self.next_record = self.records_end - rest.0.len();
        record
    }
}

/// How many records a payload is; none if it is not whole ones.
fn whole_records(payload: &[u8]) -> Option<u32> {
    let mut rest = Cursor(payload);
    let mut records = 0_u32;
    while !rest.0.is_empty() {
        rest.counted_by_u32()
            .filter(|record| record.len() <= super::RECORD_BYTES_MAX)?;
        records = records.checked_add(1)?;
    }
    Some(records)
}

fn item(kind: u32, payload: &[u8]) -> Option<Item<'_>> {
    let mut rest = Cursor(payload);
    let item = match kind {
        KIND_USERS => Item::Users {
            passwd: str::from_utf8(rest.counted_by_u32()?).ok()?,
            group: str::from_utf8(rest.counted_by_u32()?).ok()?,
        },
        KIND_CLOCK => Item::Clock {
            boot_wall_ns: rest.u64()?,
        },
        KIND_NEWS => Item::News {
            boot_ns: rest.u64()?,
            news: serde_json::from_slice(std::mem::take(&mut rest.0)).ok()?,
        },
        KIND_END => Item::End(end(&mut rest)?),
        _ => return None,
    };
    rest.0.is_empty().then_some(item)
}

fn end(rest: &mut Cursor<'_>) -> Option<End> {
    let mut end = End {
        records: rest.u64()?,
        counts: Vec::new(),
    };
    while !rest.0.is_empty() {
        let kind = u16::from_le_bytes(rest.array()?);
        let counters = Counters {
            submitted: rest.u64()?,
            filtered: rest.u64()?,
            lost_ring_full: rest.u64()?,
            lost_no_scratch: rest.u64()?,
        };
        end.counts.push((kind, counters));
    }
    Some(end)
}

fn host(rest: &mut Cursor<'_>) -> Option<Host> {
    let layout_version = u32::from_le_bytes(rest.array()?);
    let mut text = || {
        let length = u16::from_le_bytes(rest.array()?);
        str::from_utf8(rest.bytes(length.into())?)
            .ok()
            .map(str::to_owned)
    };
    let host = Host {
        layout_version,
        version: text()?,
        architecture: text()?,
        kernel_release: text()?,
        hostname: text()?,
        watched: text()?.split_whitespace().map(str::to_owned).collect(),
    };
    rest.0.is_empty().then_some(host)
}

fn wrong(frame: Frame, fault: &str) -> CaptureError {
    CaptureError::Damaged {
        offset: frame.offset,
        fault: fault.to_owned(),
    }
}

/// What is left of a payload.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes with their number before them.
    fn counted_by_u32(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?);
        self.bytes(usize::try_from(length).ok()?)
    }
}
