//! The scan of the processes that run already.
//!
//! In: the scan's programs. Out: a record for each process, one behind the other. The kernel's iterator lists the caller's pid
//! namespace, so an agent in one of its own has [`SCANNER`] list all the others, loaded for as long as that takes.

use std::io::{self, Read};
use std::path::Path;

use aya::maps::{Array, MapData};
use aya::programs::{Iter, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};
use exporter_ebpf::{CURSOR, CURSOR_END, RING, SCAN_ALL, SCANNER};

use super::arguments;
use super::load::{ProbeError, iterator, refused_map, refused_program, take_map};

/// A scan that is larger than this is cut: a million processes.
const SCAN_BYTES_MAX: usize = 1 << 30;
/// The scanner's ring is not used; this is the smallest on all kernels.
const RING_BYTES_MIN: u32 = 1 << 16;
/// Where the proc file system of the first pid namespace is: for who is in it, and for others.
const PROC: [&str; 2] = ["/proc", "/host/proc"];

/// Runs the iterator, adds what it writes to the records, and has their arguments completed. `own` is a program of `ebpf`.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn scan(
    ebpf: &mut Ebpf,
    own: &'static str,
    kernel: impl FnOnce() -> Result<Btf, ProbeError>,
    in_first_namespace: bool,
) -> Result<Vec<u8>, ProbeError> {
    let mut records = Vec::new();
    if !in_first_namespace {
        everybody(&kernel()?, &mut records)?;
    }
    // Those of the own namespace once more: this tells the kernel who the agent is.
    run(ebpf, own, &mut records)?;
    let proc = Path::new(PROC[usize::from(!in_first_namespace)]);
    Ok(arguments::complete(records, proc))
}

/// The processes of all namespaces, without arguments.
fn everybody(btf: &Btf, records: &mut Vec<u8>) -> Result<(), ProbeError> {
    let mut ebpf = EbpfLoader::new()
        .btf(Some(btf))
        .map_max_entries(RING, RING_BYTES_MIN)
        .load(SCANNER)
        .map_err(refused_map)?;
    let used = |cause| ProbeError::MapUse {
        name: CURSOR,
        cause,
    };
    let cursor: Array<MapData, [u64; 3]> =
        Array::try_from(take_map(&mut ebpf, CURSOR)?).map_err(used)?;
    iterator(&mut ebpf, SCAN_ALL)
        .and_then(|program| program.load("task", btf))
        .map_err(|error| refused_program(SCAN_ALL, "task", &error))?;
    let mut next = 0;
    while next != CURSOR_END {
        run(&mut ebpf, SCAN_ALL, records)?;
        let [number, ..] = cursor.get(&0, 0).map_err(used)?;
        if number == next {
            return Err(ProbeError::Scan(io::Error::other(format!(
                "the scan does not get past the number {number}"
            ))));
        }
        next = number;
    }
    Ok(())
}

/// Reads an iterator to its end.
fn run(ebpf: &mut Ebpf, name: &'static str, records: &mut Vec<u8>) -> Result<(), ProbeError> {
    let file = iterator(ebpf, name)
        .and_then(|program: &mut Iter| {
            let link = program.attach()?;
            program.take_link(link)
        })
        .map_err(|error: ProgramError| refused_program(name, "task", &error))?
        .into_file()
        .map_err(|error| ProbeError::Scan(io::Error::other(error)))?;
    let room = SCAN_BYTES_MAX.saturating_sub(records.len()) as u64;
    file.take(room)
        .read_to_end(records)
        .map_err(ProbeError::Scan)?;
    Ok(())
}
