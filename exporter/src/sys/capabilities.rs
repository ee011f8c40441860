//! Capabilities of this process (capabilities(7)).

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// What loading and attaching the probes takes; CAP_SYS_ADMIN holds both on kernels before 5.8 and still does.
const PROBING: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::PERFMON);

/// Names of the capabilities that probing needs and this thread lacks.
///
/// # Errors
/// When the kernel does not tell (it always does).
pub fn missing_for_probes() -> io::Result<Vec<&'static str>> {
    let held = capabilities(None)?.effective;
    if held.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(Vec::new());
    }
    Ok([(CapabilitySet::BPF, "CAP_BPF"), (CapabilitySet::PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter(|(set, _)| !held.contains(*set))
        .map(|(_, name)| name)
        .collect())
}

/// Gives up every capability but those that the agent needs to go on: reading its maps and switching its programs at a
/// reload (CAP_BPF, CAP_PERFMON), and reading rules and configuration that belong to others (CAP_DAC_READ_SEARCH). On
/// kernels where only CAP_SYS_ADMIN allows bpf(2), that one stays.
///
/// Counts for the calling thread and the threads it makes afterwards, so it is called before there are others.
///
/// # Errors
/// When the kernel refuses, which it does to nobody.
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
    )?;
    Ok(())
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
            assert!(!after.permitted.intersects(CapabilitySet::NET_ADMIN | CapabilitySet::SYS_MODULE));
            assert_eq!(after.effective & PROBING, before.effective & PROBING);
            assert!(after.inheritable.is_empty());
        })
        .join()
        .unwrap();
    }
}
