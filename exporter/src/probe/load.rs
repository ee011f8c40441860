//! Loads the base object, attaches its programs, fills the watch table, runs the scan.
//!
//! Every refusal is a sentence that says what the kernel refused and what to do.

use std::io;
use std::path::Path;

use aya::maps::{Array, HashMap, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::tp_btf::BtfTracePointLink;
use aya::programs::{BtfTracePoint, Iter, ProgramError};
use aya::{Btf, Ebpf, EbpfError, EbpfLoader};
use exporter_ebpf::record::Watch;
use exporter_ebpf::{
    BASE, COUNTERS, FILTER_CGROUPS, FILTER_CONTROL, FILTERS, Hook, PROGRAMS, Program, RING, SCAN,
    SCAN_ARGS, SETTINGS, WATCH, syscall,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use zerocopy::IntoBytes;

use super::request::Requests;
use super::{Gate, KernelCounters, Places, Ring, scan};
use crate::sys::{self, capability};

/// Where the kernel keeps its own type information.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// The loaded programs. Dropping it detaches them.
pub struct Probe {
    ebpf: Ebpf,
    watch: Array<MapData, [u8; 2]>,
    /// The one entry is `record::Settings`.
    settings: Array<MapData, [u8; 4]>,
    /// What `watch` holds.
    watched: Vec<Watch>,
    requests: Requests,
    /// Of the programs that are attached throughout.
    links: Vec<BtfTracePointLink>,
}

/// Why there are no probes.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The process may not load kernel programs.
    #[error(
        "loading kernel programs needs {}, which this process lacks; run as root, with sudo, or give the container these capabilities",
        .missing.join(" and ")
    )]
    Capabilities {
        /// Names of the missing ones.
        missing: Vec<&'static str>,
    },
    /// The kernel does not describe its types.
    #[error(
        "{KERNEL_BTF} cannot be read ({cause}); Saker needs Linux 5.8 or later with CONFIG_DEBUG_INFO_BTF=y, and in a container the host's /sys/kernel/btf mounted read-only"
    )]
    Btf {
        /// Why.
        cause: io::Error,
    },
    /// The kernel's type information is no such thing.
    #[error("{KERNEL_BTF} holds no type information that can be used: {cause}")]
    BadBtf {
        /// Why.
        cause: aya::BtfError,
    },
    /// A map was refused.
    #[error(
        "the kernel refused the map `{name}` of the probes: {cause}; Saker needs Linux 5.8 or later, capabilities in the first user namespace (not in one of a container), and before Linux 5.11 a memory lock limit (ulimit -l) above ring_bytes"
    )]
    Map {
        /// Its name.
        name: String,
        /// Why.
        cause: io::Error,
    },
    /// A program was refused.
    #[error("the kernel refused the program {name} on {hook}: {reason}")]
    Program {
        /// Its name.
        name: &'static str,
        /// What it was for.
        hook: &'static str,
        /// The error, and the verifier's last line.
        reason: String,
    },
    /// Anything else that the loader says.
    #[error("the probes could not be loaded: {0}")]
    Loader(EbpfError),
    /// Anything else about a map.
    #[error("the map `{name}` of the probes cannot be used: {cause}")]
    MapUse {
        /// Its name.
        name: &'static str,
        /// Why.
        cause: MapError,
    },
    /// Reading the processes that were there failed.
    #[error("the processes that run already could not be read: {0}")]
    Scan(io::Error),
}

impl Probe {
    /// Loads the programs and makes their maps. Nothing runs yet.
    ///
    /// # Errors
    /// When the process may not, or the kernel cannot.
    pub fn load(ring_bytes: u32) -> Result<Self, ProbeError> {
        let missing = capability::missing().unwrap_or_default();
        if !missing.is_empty() {
            return Err(ProbeError::Capabilities { missing });
        }
        let btf = kernel_btf(Path::new(KERNEL_BTF))?;
        raise_memory_lock();
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .map_max_entries(RING, ring_bytes)
            .load(BASE)
            .map_err(refused_map)?;
        load_ahead(&mut ebpf, &btf);
        let with_args = scan_with_args(&mut ebpf, &btf);
        for program in PROGRAMS {
            // Verifying a program takes time: of the two scans only one is loaded.
            let superfluous = program.name == SCAN_ARGS
                || (program.name == SCAN && with_args)
                || Requests::have(program);
            if !superfluous {
                load_program(&mut ebpf, &btf, program)?;
            }
        }
        let requests = Requests::load(&mut ebpf, &btf);
        let watch = take_map(&mut ebpf, WATCH)?;
        Ok(Self {
            requests,
            links: Vec::new(),
            watch: Array::try_from(watch)
                .map_err(|cause| ProbeError::MapUse { name: WATCH, cause })?,
            watched: syscall::watch_table(|_| false),
            settings: Array::try_from(take_map(&mut ebpf, SETTINGS)?).map_err(|cause| {
                ProbeError::MapUse {
                    name: SETTINGS,
                    cause,
                }
            })?,
            ebpf,
        })
    }

    /// Switches the records of system calls on and off: those that `wanted` accepts by name are on afterwards.
    ///
    /// # Errors
    /// When the kernel refuses a write, which it does to nobody that could load.
    pub fn watch(&mut self, wanted: impl Fn(&str) -> bool) -> Result<(), ProbeError> {
        let table = syscall::watch_table(|numbers| wanted(numbers.name));
        for (number, (new, old)) in table.iter().zip(&mut self.watched).enumerate() {
            if new == old {
                continue;
            }
            let index = u32::try_from(number).unwrap_or(u32::MAX);
            let value: [u8; 2] = [new.native, new.compat];
            debug_assert_eq!(value, new.as_bytes());
            self.watch
                .set(index, value, 0)
                .map_err(|cause| ProbeError::MapUse { name: WATCH, cause })?;
            *old = *new;
        }
        self.follow_requests()
    }

    fn follow_requests(&mut self) -> Result<(), ProbeError> {
        let attached = !self.links.is_empty();
        let wanted = attached && syscall::wants_requests(&self.watched);
        self.requests.follow(&mut self.ebpf, wanted)
    }

    /// Whether requests of io_uring are seen as the system calls that do the same.
    #[must_use]
    pub fn sees_requests(&self) -> bool {
        self.requests.seen()
    }

    /// Says which extras records carry from now on, `SETTING_…` bits.
    ///
    /// # Errors
    /// When the kernel refuses the write, which it does to nobody that could load.
    pub fn collect(&mut self, settings: u32) -> Result<(), ProbeError> {
        self.settings
            .set(0, settings.to_ne_bytes(), 0)
            .map_err(|cause| ProbeError::MapUse {
                name: SETTINGS,
                cause,
            })
    }

    /// Attaches the programs: records come from here on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attach(&mut self) -> Result<(), ProbeError> {
        for program in PROGRAMS {
            let is_tracepoint = matches!(program.hook, Hook::Tracepoint(_));
            if is_tracepoint && !Requests::have(program) {
                self.links.push(attach_program(&mut self.ebpf, program)?);
            }
        }
        self.follow_requests()
    }

    /// A record for every process that is there now, in whatever pid namespace, one behind the other.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn scan(&mut self) -> Result<Vec<u8>, ProbeError> {
        let loaded = |ebpf: &Ebpf, name| {
            ebpf.program(name)
                .is_some_and(|program| program.fd().is_ok())
        };
        let name = if loaded(&self.ebpf, SCAN_ARGS) {
            SCAN_ARGS
        } else {
            SCAN
        };
        let kernel = || kernel_btf(Path::new(KERNEL_BTF));
        scan::scan(&mut self.ebpf, name, kernel, sys::in_first_pid_namespace())
    }

    /// The reading end of the ring. Once.
    ///
    /// # Errors
    /// The second time, and when there is no memory to map it.
    pub fn take_ring(&mut self) -> Result<Ring, ProbeError> {
        let map = take_map(&mut self.ebpf, RING)?;
        let ring =
            RingBuf::try_from(map).map_err(|cause| ProbeError::MapUse { name: RING, cause })?;
        Ring::new(ring).map_err(|cause| ProbeError::Map {
            name: RING.to_owned(),
            cause,
        })
    }

    /// What the kernel lets pass. Once.
    ///
    /// # Errors
    /// The second time.
    pub fn take_gate(&mut self) -> Result<Gate, ProbeError> {
        let used = |name| move |cause| ProbeError::MapUse { name, cause };
        let generations = take_map(&mut self.ebpf, FILTERS)?;
        let control = take_map(&mut self.ebpf, FILTER_CONTROL)?;
        Ok(Gate::new(
            Array::try_from(generations).map_err(used(FILTERS))?,
            Array::try_from(control).map_err(used(FILTER_CONTROL))?,
        ))
    }

    /// Where the kernel is told which cgroups are containers. Once.
    ///
    /// # Errors
    /// The second time.
    pub fn take_places(&mut self) -> Result<Places, ProbeError> {
        let map = take_map(&mut self.ebpf, FILTER_CGROUPS)?;
        let map = HashMap::try_from(map).map_err(|cause| ProbeError::MapUse {
            name: FILTER_CGROUPS,
            cause,
        })?;
        Ok(Places::new(map))
    }

    /// The kernel's counters. Once.
    ///
    /// # Errors
    /// The second time.
    pub fn take_counters(&mut self) -> Result<KernelCounters, ProbeError> {
        let map = take_map(&mut self.ebpf, COUNTERS)?;
        let map = PerCpuArray::try_from(map).map_err(|cause| ProbeError::MapUse {
            name: COUNTERS,
            cause,
        })?;
        Ok(KernelCounters::new(map))
    }
}

fn kernel_btf(path: &Path) -> Result<Btf, ProbeError> {
    let bytes = std::fs::read(path).map_err(|cause| ProbeError::Btf { cause })?;
    Btf::parse(&bytes, aya::Endianness::default()).map_err(|cause| ProbeError::BadBtf { cause })
}

/// Kernels before 5.11 count maps against the memory lock limit. Where it may not be raised it may still be enough.
fn raise_memory_lock() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        tracing::debug!(%error, "the memory lock limit stays as it is; it matters before Linux 5.11 only");
    }
}

/// Loads the scan that reads arguments too. Kernels before 5.18 refuse it.
fn scan_with_args(ebpf: &mut Ebpf, btf: &Btf) -> bool {
    let mut scans = PROGRAMS.iter().filter(|program| program.name == SCAN_ARGS);
    match scans.try_for_each(|program| load_program(ebpf, btf, program)) {
        Ok(()) => true,
        Err(reason) => {
            tracing::debug!(%reason, "processes that run already are read without their arguments");
            false
        }
    }
}

/// Loads all programs side by side, since verifying them is most of what a start takes. One that the kernel refuses is left to
/// whoever loads it for use, which is to say so. Of the two scans only the first to try is loaded.
fn load_ahead(ebpf: &mut Ebpf, btf: &Btf) {
    std::thread::scope(|scope| {
        for (name, loaded) in ebpf.programs_mut() {
            let known = PROGRAMS.iter().find(|program| program.name == name);
            if let Some(program) = known.filter(|program| program.name != SCAN) {
                scope.spawn(|| load_into(loaded, program.hook, btf));
            }
        }
    });
}

/// Loads a program for its hook, if that has not been done.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn load_program(
    ebpf: &mut Ebpf,
    btf: &Btf,
    program: &Program,
) -> Result<(), ProbeError> {
    let loaded = ebpf.program_mut(program.name);
    let result = match loaded {
        Some(loaded) if loaded.fd().is_ok() => Ok(()),
        Some(loaded) => load_into(loaded, program.hook, btf),
        None => Err(ProgramError::NotLoaded),
    };
    result.map_err(|error| refused_program(program.name, program.hook.name(), &error))
}

fn load_into(
    program: &mut aya::programs::Program,
    hook: Hook,
    btf: &Btf,
) -> Result<(), ProgramError> {
    match hook {
        Hook::Tracepoint(hook) => <&mut BtfTracePoint>::try_from(program)?.load(hook, btf),
        Hook::Iterator(hook) => <&mut Iter>::try_from(program)?.load(hook, btf),
    }
}

/// Attaches a program that is for a tracepoint, for as long as the link is kept.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn attach_program(
    ebpf: &mut Ebpf,
    program: &Program,
) -> Result<BtfTracePointLink, ProbeError> {
    tracepoint(ebpf, program.name)
        .and_then(|program| {
            let link = program.attach()?;
            program.take_link(link)
        })
        .map_err(|error| refused_program(program.name, program.hook.name(), &error))
}

fn tracepoint<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut BtfTracePoint, ProgramError> {
    ebpf.program_mut(name)
        .ok_or(ProgramError::NotLoaded)?
        .try_into()
}

/// A program that is an iterator.
pub(super) fn iterator<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Iter, ProgramError> {
    ebpf.program_mut(name)
        .ok_or(ProgramError::NotLoaded)?
        .try_into()
}

pub(super) fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<aya::maps::Map, ProbeError> {
    ebpf.take_map(name).ok_or_else(|| ProbeError::MapUse {
        name,
        cause: MapError::InvalidName {
            name: name.to_owned(),
        },
    })
}

/// A refused map says which; the rest the loader says itself.
pub(super) fn refused_map(error: EbpfError) -> ProbeError {
    match error {
        EbpfError::MapError(MapError::CreateError { name, io_error, .. }) => ProbeError::Map {
            name,
            cause: io_error,
        },
        other => ProbeError::Loader(other),
    }
}

pub(super) fn refused_program(
    name: &'static str,
    hook: &'static str,
    error: &ProgramError,
) -> ProbeError {
    let reason = match error {
        ProgramError::LoadError {
            io_error,
            verifier_log,
        } => {
            let log = verifier_log.to_string();
            let last = log
                .lines()
                .rev()
                .map(str::trim)
                .find(|line| !line.is_empty());
            match last {
                Some(line) => format!("{io_error}; the verifier says: {line}"),
                None => format!(
                    "{io_error}; the kernel or a security module forbids programs of this type"
                ),
            }
        }
        other => other.to_string(),
    };
    ProbeError::Program { name, hook, reason }
}
