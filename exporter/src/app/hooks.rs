//! Which hook of the kernel serves which event type, as a metric.
//!
//! In: the system calls that the rules in force want. Out: `saker_hook_info`.

use std::sync::{Arc, Mutex, PoisonError};

use exporter_ebpf::record::Kind;
use exporter_ebpf::syscall::{NUMBERS, Numbers};
use exporter_ebpf::{PROGRAMS, REQUEST_END};

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
    watched: Arc<Mutex<Watched>>,
}

#[derive(Debug, Default)]
struct Watched {
    calls: Vec<&'static str>,
    requests: bool,
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
                for event in &watched.calls {
                    rows([event, hook(Kind::Syscall), BASE, ONLY_TIER], 1_u64);
                    if let Some(hook) = request_hook(event).filter(|_| watched.requests) {
                        rows([event, hook, BASE, ONLY_TIER], 1_u64);
                    }
                }
            },
        );
        hooks
    }

    /// These system calls are watched from now on, by `requests` also as io_uring does them.
    pub(super) fn watch(&self, calls: &[&'static str], requests: bool) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.calls = calls.to_vec();
        watched.requests = requests;
    }
}

/// The hook that records of a kind come from.
fn hook(kind: Kind) -> &'static str {
    let program = PROGRAMS
        .iter()
        .find(|program| program.kinds.contains(&kind));
    program.map_or("", |program| program.hook.name())
}

/// Where the requests of io_uring that do what a call does become events, if there are any.
fn request_hook(call: &str) -> Option<&'static str> {
    let does = |numbers: &Numbers| numbers.name == call && !numbers.requests.is_empty();
    let end = PROGRAMS.iter().find(|program| program.name == REQUEST_END);
    let end = end.filter(|_| NUMBERS.iter().any(does))?;
    Some(end.hook.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::classic_text;

    #[test]
    fn each_event_type_names_its_hook() {
        let mut registry = Registry::new();
        let hooks = Hooks::declare(&mut registry);
        hooks.watch(&["openat", "connect"], false);
        hooks.watch(&["mkdir", "mkdirat"], true);
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
            row("mkdirat", "sys_exit"),
            row("mkdirat", "io_uring_complete"),
        ];
        assert_eq!(rows, expected);
    }
}
