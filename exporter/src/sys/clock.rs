//! Clocks: the kernel's records carry time since boot, people read wall time.

use rustix::time::{ClockId, clock_gettime};

/// Time since boot, suspend included, in ns: the clock of the kernel's records.
#[must_use]
pub fn boot_ns() -> u64 {
    ns(ClockId::Boottime)
}

/// Wall time of the moment of boot, in ns since the epoch. It moves when the wall clock is set, so it is asked for anew with
/// each batch of records.
#[must_use]
pub fn boot_wall_ns() -> u64 {
    ns(ClockId::Realtime).saturating_sub(boot_ns())
}

fn ns(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    // Neither clock is negative on a machine that has booted.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_boot_time_plus_uptime() {
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let ours = u128::from(boot_wall_ns() + boot_ns());
        assert!(ours.abs_diff(wall) < 5_000_000_000, "{ours} {wall}");
    }
}
