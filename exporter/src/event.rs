//! Bytes from the kernel become typed events, and events answer the rules' questions about themselves.
//!
//! In: one record as it stood in the ring ([`decode`]), or many as they were recorded ([`capture`]). Out: [`Event`], which
//! gives every field by [`fields`]. Never: state, locks, clocks, files.

pub mod binding;
pub mod capture;
pub mod container;
pub mod decode;
pub mod descriptor;
mod facts;
pub mod fields;
pub mod known;
pub mod kubernetes;
pub mod model;
pub mod path;
pub mod symbols;

use bumpalo::Bump;
use rule_engine::schema::EventTypeId;

use self::container::{ContainerId, Metadata};
pub use self::facts::{Call, Exit, Facts, File, Inode, Named, Socket};
use self::fields::FieldTable;
use self::model::{Cgroup, Process, ProcessKey, Surroundings};

/// One event, placed: what happened, who did it, and where to ask for more. All by reference.
pub struct Event<'a> {
    /// Its type in the schema.
    pub kind: EventTypeId,
    /// Running number, from 1.
    pub number: u64,
    /// When it happened, ns since boot.
    pub boot_ns: u64,
    /// Wall time of the moment of boot, ns since the epoch.
    pub boot_wall_ns: u64,
    /// When the first event happened that the agent saw, ns since boot.
    pub first_boot_ns: u64,
    /// When the event before this one happened, ns since boot; the first one is its own.
    pub previous_boot_ns: u64,
    /// The CPU it happened on.
    pub cpu: u32,
    /// The acting thread.
    pub tid: u32,
    /// Key of the acting process.
    pub actor: ProcessKey,
    /// Its effective user id at the event.
    pub uid: u32,
    /// Its effective group id at the event.
    pub gid: u32,
    /// The acting process; none if no record told of it.
    pub process: Option<&'a Process>,
    /// The cgroup it was in at the event; none if no record told of that.
    pub cgroup: Option<&'a Cgroup>,
    /// Ancestors and users.
    pub surroundings: &'a dyn Surroundings,
    /// What happened.
    pub facts: Facts<'a>,
    /// Which path the file fields show.
    pub view: View,
    /// Where fields are looked up.
    pub table: &'a FieldTable,
}

/// Which of two paths of a file event the rules see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What the caller wrote, joined to its directory and folded: what `fd.name` means.
    Requested,
    /// What the kernel opened.
    Effective,
}

impl View {
    /// The word in `evt.view`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Effective => "effective",
        }
    }
}

impl Event<'_> {
    /// Wall time of a moment given in ns since boot, in ns since the epoch.
    #[must_use]
    pub fn wall_ns(&self, boot_ns: u64) -> u64 {
        self.boot_wall_ns.saturating_add(boot_ns)
    }

    /// The container that acted; none on the host.
    #[must_use]
    pub fn container(&self) -> Option<&ContainerId> {
        self.cgroup.and_then(|cgroup| cgroup.container.as_ref())
    }

    /// What can be said of the container that acted.
    #[must_use]
    pub fn metadata(&self) -> Metadata<'_> {
        self.container()
            .map_or(Metadata::Absent, |id| self.surroundings.container(id))
    }

    /// Whether the kernel opened another path than the one that was written, links and `..` undone as text.
    #[must_use]
    pub fn effective_path_differs(&self, arena: &Bump) -> bool {
        let Facts::Call(call) = &self.facts else {
            return false;
        };
        !call.effective.is_empty() && call.first.absolute(arena) != call.effective
    }

    /// The system call that this is; none if it is no call.
    #[must_use]
    pub fn call(&self) -> Option<&Call<'_>> {
        match &self.facts {
            Facts::Call(call) => Some(call),
            Facts::Exec { .. } | Facts::Exit(_) | Facts::Container => None,
        }
    }

    /// The result: a descriptor, zero or a negative error number. Generic calls have none.
    #[must_use]
    pub fn result(&self) -> Option<i64> {
        // Of generic calls Falco has none.
        let has_result = self.table.event(self.kind)?.has_result;
        has_result.then(|| self.facts.result()).flatten()
    }
}
