//! The programs that see requests of io_uring: loaded if the kernel has their tracepoints, attached while rules want what they
//! make.

use aya::programs::tp_btf::BtfTracePointLink;
use aya::{Btf, Ebpf};
use exporter_ebpf::{PROGRAMS, Program, REQUEST, REQUEST_END};

use super::load::{ProbeError, attach_program, load_program};

/// The programs, and what holds them in place.
pub(super) struct Requests {
    loaded: bool,
    /// Dropping them detaches the programs.
    links: Vec<BtfTracePointLink>,
}

impl Requests {
    /// Whether a program is one of these.
    pub(super) fn have(program: &Program) -> bool {
        [REQUEST, REQUEST_END].contains(&program.name)
    }

    /// Loads them. A kernel that refuses them is told of in the log: what processes do by an io_uring is not seen there.
    pub(super) fn load(ebpf: &mut Ebpf, btf: &Btf) -> Self {
        let mut programs = PROGRAMS.iter().filter(|program| Self::have(program));
        let loaded = programs.try_for_each(|program| load_program(ebpf, btf, program));
        if let Err(reason) = &loaded {
            tracing::warn!(
                %reason,
                "what processes do by an io_uring is not seen, only that they use one; Linux 6.4 and later have what it takes"
            );
        }
        Self {
            loaded: loaded.is_ok(),
            links: Vec::new(),
        }
    }

    /// Whether this kernel lets requests be seen.
    pub(super) fn seen(&self) -> bool {
        self.loaded
    }

    /// Attaches or detaches them, as they are wanted or not.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn follow(&mut self, ebpf: &mut Ebpf, wanted: bool) -> Result<(), ProbeError> {
        if !wanted {
            self.links.clear();
        } else if self.loaded && self.links.is_empty() {
            for program in PROGRAMS.iter().filter(|program| Self::have(program)) {
                self.links.push(attach_program(ebpf, program)?);
            }
        }
        Ok(())
    }
}
