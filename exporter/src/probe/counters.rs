//! What became of records inside the kernel, exact and per kind.

use aya::maps::{MapData, PerCpuArray};
use exporter_ebpf::record::{Counters, Kind};
use zerocopy::FromBytes;

const VALUE_BYTES: usize = size_of::<Counters>();

/// The kernel's counters, read when somebody asks.
pub struct KernelCounters {
    map: PerCpuArray<MapData, [u8; VALUE_BYTES]>,
}

/// The counts of one kind of record since the probes were loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelCount {
    /// Which.
    pub kind: Kind,
    /// Handed to user space.
    pub submitted: u64,
    /// Seen and not wanted.
    pub filtered: u64,
    /// Lost because the ring was full.
    pub lost_ring_full: u64,
    /// Lost because there was no memory to put the record together.
    pub lost_no_scratch: u64,
}

impl KernelCount {
    /// All that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_ring_full + self.lost_no_scratch
    }
}

impl KernelCounters {
    pub(super) fn new(map: PerCpuArray<MapData, [u8; VALUE_BYTES]>) -> Self {
        Self { map }
    }

    /// The counts of every kind, all CPUs summed. A kind that cannot be read is left out.
    pub fn read(&self) -> impl Iterator<Item = KernelCount> + '_ {
        Kind::ALL.iter().filter_map(|kind| {
            let cpus = self.map.get(&u32::from(kind.number()), 0).ok()?;
            let mut sum = KernelCount {
                kind: *kind,
                submitted: 0,
                filtered: 0,
                lost_ring_full: 0,
                lost_no_scratch: 0,
            };
            for bytes in cpus.iter() {
                let Counters {
                    submitted,
                    filtered,
                    lost_ring_full,
                    lost_no_scratch,
                } = Counters::read_from_bytes(bytes).ok()?;
                sum.submitted += submitted;
                sum.filtered += filtered;
                sum.lost_ring_full += lost_ring_full;
                sum.lost_no_scratch += lost_no_scratch;
            }
            Some(sum)
        })
    }
}

/// The label value of a kind.
#[must_use]
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Exec => "exec",
        Kind::Fork => "fork",
        Kind::Exit => "exit",
        Kind::Task => "task",
        Kind::Open => "open",
        Kind::Connect => "connect",
        Kind::Syscall => "syscall",
    }
}
