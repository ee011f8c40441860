//! Sees to it that the process table is right again after records were lost.
//!
//! In: the kernel's counters. Out: scans for the event thread, at most one at a time, and so rarely that they take a
//! twentieth of one CPU. Never on the event thread.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use exporter_ebpf::record::Kind;

use super::events::EventHandle;
use crate::pipeline::{Control, Scan};
use crate::probe::{KernelCount, KernelCounters, Probe};
use crate::sys::clock;

/// How long between two looks at the counters.
const LOOK: Duration = Duration::from_secs(1);
/// After a scan there is none for this many times as long as it took.
const REST: u32 = 20;

/// Records that the process table is made from, and that were lost.
fn lost(counts: impl Iterator<Item = KernelCount>) -> u64 {
    counts
        .filter(|count| match count.kind {
            Kind::Exec | Kind::Fork | Kind::Exit | Kind::Syscall => true,
            // These tell of their process what is told again with the next record.
            Kind::Open | Kind::Connect | Kind::Task => false,
        })
        .map(|count| count.lost())
        .sum()
}

/// Works until it is dropped.
pub(super) async fn run(
    counters: Arc<KernelCounters>,
    probe: Arc<Mutex<Probe>>,
    events: EventHandle,
) {
    let mut healed = 0;
    let mut pause = LOOK;
    loop {
        tokio::time::sleep(pause).await;
        pause = LOOK;
        // What is lost from here on the scan may miss.
        let now = lost(counters.read());
        if now == healed {
            continue;
        }
        let (probe, events) = (Arc::clone(&probe), events.clone());
        match tokio::task::spawn_blocking(move || heal(&probe, &events)).await {
            Ok(Ok(took)) => {
                healed = now;
                pause = LOOK.max(took * REST);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "records were lost, and the processes cannot be read anew");
            }
            Err(panic) => {
                tracing::error!(%panic, "records were lost, and the processes cannot be read anew");
            }
        }
    }
}

/// One scan, until the event thread has put it in. Gives how long the kernel worked on it.
fn heal(probe: &Mutex<Probe>, events: &EventHandle) -> anyhow::Result<Duration> {
    let (begun, begun_boot_ns) = (Instant::now(), clock::boot_ns());
    let records = probe
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .scan()?;
    let took = begun.elapsed();
    let (applied, done) = mpsc::channel();
    let scan = Scan {
        records,
        begun_boot_ns,
    };
    events.send(Control::Rescanned(scan, applied));
    // The thread may have ended: then there is no table to heal.
    let _ = done.recv();
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_is_made_from_counts() {
        let count = |kind, lost_ring_full, lost_no_scratch| KernelCount {
            kind,
            submitted: 9,
            filtered: 9,
            lost_ring_full,
            lost_no_scratch,
        };
        let counts = [
            count(Kind::Open, 100, 100),
            count(Kind::Connect, 100, 100),
            count(Kind::Exec, 1, 2),
            count(Kind::Exit, 0, 4),
            count(Kind::Fork, 8, 0),
            count(Kind::Syscall, 16, 0),
        ];
        assert_eq!(lost(counts.into_iter()), 31);
    }
}
