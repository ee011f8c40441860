//! Which of the rights that watching the kernel takes this process has.
//!
//! Sources: capabilities(7); since Linux 5.8 `CAP_BPF` and `CAP_PERFMON` are split off from `CAP_SYS_ADMIN`, which still
//! includes both.

use rustix::io;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// What loading and attaching kernel programs takes.
const PROBING: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

/// Names of the capabilities for loading and attaching kernel programs that this process lacks.
pub fn missing() -> io::Result<Vec<&'static str>> {
    Ok(missing_from(capabilities(None)?.effective))
}

/// Gives up every capability but those that the agent needs to go on: reading its maps and switching its programs at a
/// reload (`CAP_BPF`, `CAP_PERFMON`), and reading rules and configuration that belong to others (`CAP_DAC_READ_SEARCH`).
/// Where only `CAP_SYS_ADMIN` allows bpf(2), that one stays.
///
/// Counts for the calling thread and the threads it makes afterwards, so it is called before there are others.
pub fn drop_all_but_needed() -> io::Result<()> {
    let held = capabilities(None)?;
    let mut keep = PROBING | CapabilitySet::DAC_READ_SEARCH;
    if !held.permitted.contains(PROBING) {
        keep |= CapabilitySet::SYS_ADMIN;
    }
    set_capabilities(
        None,
        CapabilitySets {
            effective: held.effective & keep,
            permitted: held.permitted & keep,
            inheritable: CapabilitySet::empty(),
        },
    )
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
    fn what_is_not_needed_is_gone_for_this_thread_only() {
        std::thread::spawn(|| {
            let before = capabilities(None).unwrap();
            drop_all_but_needed().unwrap();
            let after = capabilities(None).unwrap();
            let given_up = CapabilitySet::NET_ADMIN | CapabilitySet::SYS_MODULE;
            assert!(!after.permitted.intersects(given_up));
            assert_eq!(after.effective & PROBING, before.effective & PROBING);
            assert!(after.inheritable.is_empty());
        })
        .join()
        .unwrap();
    }

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
