//! Which of the rights that watching the kernel takes this process has.
//!
//! Sources: capabilities(7); since Linux 5.8 `CAP_BPF` and `CAP_PERFMON` are split off from `CAP_SYS_ADMIN`, which still
//! includes both.

use rustix::io;
use rustix::thread::{CapabilitySet, capabilities};

/// Names of the capabilities for loading and attaching kernel programs that this process lacks.
pub fn missing() -> io::Result<Vec<&'static str>> {
    Ok(missing_from(capabilities(None)?.effective))
}

fn missing_from(effective: CapabilitySet) -> Vec<&'static str> {
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Vec::new();
    }
    [
        (CapabilitySet::BPF, "CAP_BPF"),
        (CapabilitySet::PERFMON, "CAP_PERFMON"),
    ]
    .into_iter()
    .filter(|(needed, _)| !effective.contains(*needed))
    .map(|(_, name)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_capabilities_are_enough() {
        let (bpf, perfmon) = (CapabilitySet::BPF, CapabilitySet::PERFMON);
        for (effective, expected) in [
            (CapabilitySet::empty(), &["CAP_BPF", "CAP_PERFMON"][..]),
            (CapabilitySet::NET_ADMIN, &["CAP_BPF", "CAP_PERFMON"]),
            (bpf, &["CAP_PERFMON"]),
            (perfmon, &["CAP_BPF"]),
            (bpf | perfmon, &[]),
            (CapabilitySet::SYS_ADMIN, &[]),
            (CapabilitySet::all(), &[]),
        ] {
            assert_eq!(missing_from(effective), expected, "{effective:?}");
        }
    }
}
