//! From the kernel's clock to the calendar.
//!
//! Kernel records are stamped with the clock that counts from boot, suspended time included; people read the wall clock.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds since boot, suspended time included.
pub fn boot_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Boottime))
}

/// Nanoseconds since the Unix epoch.
pub fn wall_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

/// What added to [`boot_ns`] gives [`wall_ns`]. It changes when the wall clock is set: read it again now and then.
pub fn wall_minus_boot_ns() -> u64 {
    // The wall clock is read between two readings of the other one, whose middle is taken for the same moment.
    let before = boot_ns();
    let wall = wall_ns();
    let after = boot_ns();
    wall.saturating_sub(before + (after - before) / 2)
}

/// Neither clock is negative on a machine that was set after 1970, and both fit until the year 2554.
fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_leads_from_one_clock_to_the_other() {
        let before = wall_ns();
        let converted = boot_ns() + wall_minus_boot_ns();
        let after = wall_ns();
        // A millisecond for the wall clock being slewed in between.
        let slack = 1_000_000;
        assert!(
            (before - slack..=after + slack).contains(&converted),
            "{before} <= {converted} <= {after}"
        );
    }
}
