//! The tables in force inside the kernel: two generations, switched by one write each.
//!
//! In: [`Tables`]. Out: what passes. While rules are replaced both generations are in force, and what one of them wants
//! passes: no event is missed by either rule set.

use aya::maps::{Array, HashMap, MapData, MapError};
use exporter_ebpf::plan::{Control, FILTER_GENERATIONS, Filter};
use zerocopy::IntoBytes;

use super::Tables;

const FILTER_BYTES: usize = size_of::<Filter>();
const CONTROL_BYTES: usize = size_of::<Control>();

/// What the kernel lets pass. All, before anything is put in force.
pub struct Gate {
    generations: Array<MapData, [u8; FILTER_BYTES]>,
    control: Array<MapData, [u8; CONTROL_BYTES]>,
    /// The generation in force.
    current: Option<u32>,
    audit: u32,
}

/// Tells the kernel which cgroups are containers.
pub struct Places {
    map: HashMap<MapData, u64, u32>,
}

impl Gate {
    pub(in crate::probe) fn new(
        generations: Array<MapData, [u8; FILTER_BYTES]>,
        control: Array<MapData, [u8; CONTROL_BYTES]>,
    ) -> Self {
        Self {
            generations,
            control,
            current: None,
            audit: 0,
        }
    }

    /// Of what does not pass, lets one in so many come marked; 0: none. Holds from the next change on.
    pub fn set_audit(&mut self, one_in: u32) {
        self.audit = one_in;
    }

    /// Lets pass what these tables want beside what passes already, and gives what makes them the only ones.
    ///
    /// # Errors
    /// When the kernel has no memory for them, which kernels before 5.15 want in one piece. What was in force stays.
    pub fn add(&mut self, tables: &Tables) -> Result<u32, MapError> {
        let generations = FILTER_GENERATIONS as u32;
        let next = self
            .current
            .map_or(0, |current| (current + 1) % generations);
        if let Some(current) = self.current {
            // A change that was begun and not finished has left both in force.
            self.put(1 << current)?;
        }
        let bytes = tables.bytes();
        if let Ok(bytes) = <&[u8; FILTER_BYTES]>::try_from(bytes) {
            self.generations.set(next, bytes, 0)?;
        }
        if let Some(current) = self.current {
            self.put(1 << current | 1 << next)?;
        }
        Ok(next)
    }

    /// Lets pass what the tables of a generation want, and nothing else.
    ///
    /// # Errors
    /// When the kernel refuses the write, which it does to nobody that could load.
    pub fn keep(&mut self, generation: u32) -> Result<(), MapError> {
        self.put(1 << generation)?;
        self.current = Some(generation);
        Ok(())
    }

    /// Lets everything pass.
    ///
    /// # Errors
    /// When the kernel refuses the write, which it does to nobody that could load.
    pub fn open(&mut self) -> Result<(), MapError> {
        self.current = None;
        self.put(0)
    }

    fn put(&mut self, active: u32) -> Result<(), MapError> {
        let control = Control {
            active,
            audit: self.audit,
        };
        let mut bytes = [0; CONTROL_BYTES];
        bytes.copy_from_slice(control.as_bytes());
        self.control.set(0, bytes, 0)
    }
}

impl Places {
    pub(in crate::probe) fn new(map: HashMap<MapData, u64, u32>) -> Self {
        Self { map }
    }

    /// Tells of one. What the kernel does not take it does not know, and lets pass.
    pub fn tell(&mut self, cgroup: u64, in_container: bool) {
        if let Err(error) = self.map.insert(cgroup, u32::from(in_container), 0) {
            tracing::debug!(%error, cgroup, "the kernel filter does not know a cgroup");
        }
    }
}
