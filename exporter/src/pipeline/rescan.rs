//! The event thread's part in healing the process table: what a scan found is put in, and who was not found is given up.
//!
//! In: the records of a scan that was made because others had been lost. Out: a table in which names, parents, directories
//! and containers are right again. Never: the scan itself, or a decision to make one.
//!
//! What waits in the ring when a scan comes is older than it, and must not undo it: the scan waits until the ring has told
//! what it held then. It is put in piece by piece, so that events do not wait for it.

use std::collections::HashSet;

use exporter_ebpf::record::{Record, Records};

use super::Pipeline;
use crate::event::model::ProcessKey;
use crate::state::actor;

/// Processes that are put in between two batches of records.
const PIECE_LEN: usize = 512;

/// What a scan found.
pub struct Scan {
    /// Its records, one behind the other; a whole scan, or who is missing would be taken for ended.
    pub records: Vec<u8>,
    /// When it began, ns since boot.
    pub begun_boot_ns: u64,
}

/// A scan that is being put in.
pub(super) struct Rescan {
    scan: Scan,
    /// Bytes of it that have been put in.
    done: usize,
    /// The processes that it met.
    met: HashSet<ProcessKey>,
    /// Told when all is in.
    applied: std::sync::mpsc::Sender<()>,
}

impl Rescan {
    pub(super) fn new(scan: Scan, applied: std::sync::mpsc::Sender<()>) -> Self {
        Self {
            scan,
            done: 0,
            met: HashSet::new(),
            applied,
        }
    }
}

impl Pipeline {
    /// Puts the next piece of a scan in, if one has come and its time has: `drained` says that the ring is empty.
    pub(super) fn heal(&mut self, drained: bool) {
        let Some(mut rescan) = self.rescan.take() else {
            return;
        };
        if !drained && self.newest_boot_ns < rescan.scan.begun_boot_ns {
            self.rescan = Some(rescan);
            return;
        }
        let rest = rescan.scan.records.get(rescan.done..).unwrap_or_default();
        let mut records = Records::new(rest);
        for record in records.by_ref().take(PIECE_LEN) {
            if let Ok(record) = Record::parse(record) {
                rescan.met.insert(actor(record.header()));
            }
            self.record(record);
        }
        let left = records.rest().len();
        let piece = rest.len() - left;
        rescan.done += piece;
        if piece > 0 && left > 0 {
            self.rescan = Some(rescan);
            return;
        }
        // Bytes that are no record: whoever stood behind them is not gone.
        if left > 0 {
            self.metrics.malformed.inc();
        } else {
            let processes = &mut self.state.processes;
            let gone = processes.keep(&rescan.met, rescan.scan.begun_boot_ns);
            tracing::info!(
                processes = rescan.met.len(),
                gone,
                "records were lost, and the processes have been read anew"
            );
        }
        self.metrics.rescans.inc();
        // Who does not wait for it need not know.
        let _ = rescan.applied.send(());
    }
}
