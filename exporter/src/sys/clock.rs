//! Clocks: the kernel's records carry time since boot, people read wall time.

use rustix::time::{ClockId, clock_gettime};

/// Attempts at reading two clocks at one moment.
const READS_MAX: usize = 8;

/// Time since boot, suspend included, in ns: the clock of the kernel's records.
#[must_use]
pub fn boot_ns() -> u64 {
    ns(ClockId::Boottime)
}

/// Wall time of the moment of boot, in ns since the epoch. It moves when the wall clock is set, so it is asked for anew with
/// each batch of records; in between it is the same to the nanosecond, for every process.
#[must_use]
pub fn boot_wall_ns() -> u64 {
    monotonic_wall_ns().saturating_sub(suspended_ns())
}

/// Wall time of the moment at which the monotonic clock stood at 0. The coarse clocks move together, at the kernel's tick:
/// read within one tick their difference is exact, which that of two running clocks never is.
fn monotonic_wall_ns() -> u64 {
    let mut wall = ns(ClockId::RealtimeCoarse);
    for _ in 0..READS_MAX {
        let monotonic = ns(ClockId::MonotonicCoarse);
        let again = ns(ClockId::RealtimeCoarse);
        if wall == again {
            return wall.saturating_sub(monotonic);
        }
        wall = again;
    }
    ns(ClockId::Realtime).saturating_sub(ns(ClockId::Monotonic))
}

/// How long the machine has been suspended: what the clock since boot is ahead of the monotonic one. Exact where it never
/// was; otherwise known to the time that a clock takes to be read.
fn suspended_ns() -> u64 {
    let mut narrowest = (u64::MAX, 0);
    for _ in 0..READS_MAX {
        let before = ns(ClockId::Monotonic);
        let boot = boot_ns();
        let after = ns(ClockId::Monotonic);
        if (before..=after).contains(&boot) {
            return 0;
        }
        narrowest = narrowest.min((after - before, boot.saturating_sub(after)));
    }
    narrowest.1
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

    #[test]
    fn between_settings_of_the_clock_it_stands_still() {
        // A thread that loses its CPU between two reads must not move it; a clock that is set just then may, once.
        let reads: Vec<u64> = (0..10_000).map(|_| monotonic_wall_ns()).collect();
        let moves = reads.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(moves <= 1, "{moves} moves");
    }
}
