//! Which hook of the kernel serves which event type, as a metric.
//!
//! In: the system calls that the rules in force want. Out: `saker_hook_info`.

use std::sync::{Arc, Mutex, PoisonError};

use exporter_ebpf::record::Kind;
use exporter_ebpf::{Hook, PROGRAMS};

use crate::metrics::{Declaration, Registry};

/// The tier whose programs every supported kernel loads.
const BASE: &str = "base";
/// Why no better tier serves an event.
const ONLY_TIER: &str = "only_tier";

/// Event types that come without being asked for, and the records that they are made of.
const ALWAYS: [(&str, Kind); 2] = [("execve", Kind::Exec), ("procexit", Kind::Exit)];

/// The event types that are served. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Hooks {
    watched: Arc<Mutex<Vec<&'static str>>>,
}

impl Hooks {
    /// Declares the metric.
    pub(super) fn declare(registry: &mut Registry) -> Self {
        let hooks = Self::default();
        let watched = Arc::clone(&hooks.watched);
        registry.gauges_read(
            Declaration {
                name: "saker_hook_info",
                help: "Always 1; the labels say which hook of the kernel supplies an event type that rules want, of which tier it is, and why not of a better one.",
                labels: ["event", "hook", "tier", "reason"],
            },
            move |rows| {
                for (event, kind) in ALWAYS {
                    rows([event, hook(kind), BASE, ONLY_TIER], 1_u64);
                }
                let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                for event in &*watched {
                    rows([event, hook(Kind::Syscall), BASE, ONLY_TIER], 1_u64);
                }
            },
        );
        hooks
    }

    /// These system calls are watched from now on.
    pub(super) fn watch(&self, calls: &[&'static str]) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.clear();
        watched.extend_from_slice(calls);
    }
}

/// The hook that records of a kind come from.
fn hook(kind: Kind) -> &'static str {
    let program = PROGRAMS
        .iter()
        .find(|program| program.kinds.contains(&kind));
    match program.map(|program| program.hook) {
        Some(Hook::Tracepoint(name) | Hook::Iterator(name)) => name,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::classic_text;

    #[test]
    fn each_event_type_names_its_hook() {
        let mut registry = Registry::new();
        let hooks = Hooks::declare(&mut registry);
        hooks.watch(&["openat", "connect"]);
        hooks.watch(&["mkdir"]);
        let text = classic_text(&registry);
        let rows: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let row = |event, hook| {
            format!(
                "saker_hook_info{{event=\"{event}\",hook=\"{hook}\",tier=\"base\",reason=\"only_tier\"}} 1"
            )
        };
        let expected = [
            row("execve", "sched_process_exec"),
            row("procexit", "sched_process_exit"),
            row("mkdir", "sys_exit"),
        ];
        assert_eq!(rows, expected);
    }
}
