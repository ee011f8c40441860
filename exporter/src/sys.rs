//! What the operating system is asked for outside the event path: clocks, capabilities, memory, signals, the name of the host.
//!
//! Never: anything of the other rooms.

pub mod capability;
pub mod clock;
pub mod memory;
pub mod signals;

/// The release of the running kernel, as `uname -r` gives it.
pub fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Name of the first pid namespace, in which everybody has a number.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Whether this process is in the first pid namespace. Where it cannot be found out: no.
pub fn in_first_pid_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid")
        .is_ok_and(|name| name.as_os_str() == FIRST_PID_NAMESPACE)
}

/// When a process started, ns since boot, in steps of 10 ms: field 22 of its `/proc/PID/stat`. The name before it may hold parentheses
/// and spaces.
pub fn start_boot_ns(stat: &[u8]) -> Option<u64> {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    let ticks: u64 = fields.split_ascii_whitespace().nth(19)?.parse().ok()?;
    ticks.checked_mul(START_STEP_NS)
}

/// The unit of start times in /proc, on every architecture.
pub const START_STEP_NS: u64 = 10_000_000;

/// The name of this host, as the kernel has it.
pub fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
