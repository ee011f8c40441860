//! The numbers of the watched system calls, by architecture and entry: what the watch table is filled from.
//!
//! In: the target architecture. Out: [`NUMBERS`], [`watch_table`]. Never: the decision which calls are wanted.

use crate::record::{CALLS_MAX, REQUESTS_MAX, SOCKETCALLS_MAX, Watch};

mod calls;

pub use calls::{LAYOUT, NUMBERS, id};

/// Where io_uring's opcodes begin in the watch table.
const REQUESTS: usize = CALLS_MAX + SOCKETCALLS_MAX;

/// One system call and its numbers on this architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// `CALL_…`
    pub call: u8,
    /// The event type that it is, mostly the call as the kernel names it.
    pub name: &'static str,
    /// Numbers by the 64-bit entry, those of x32 without their bit.
    pub native: &'static [u16],
    /// Numbers by the 32-bit entry.
    pub compat: &'static [u16],
    /// Numbers within i386's socketcall.
    pub socketcall: &'static [u16],
    /// Opcodes of the requests of io_uring that do the same.
    pub requests: &'static [u16],
}

/// The call with this `CALL_…` value, for its name.
#[must_use]
pub fn numbers_of(call: u8) -> Option<&'static Numbers> {
    NUMBERS.iter().find(|numbers| numbers.call == call)
}

/// Whether a watch table wants anything of io_uring.
#[must_use]
pub fn wants_requests(table: &[Watch]) -> bool {
    let requests = table.get(REQUESTS..).unwrap_or_default();
    requests.iter().any(|entry| entry.native != 0)
}

/// The whole watch table for the calls that `wanted` accepts: index is the system call number, and from
/// [`CALLS_MAX`] on the number within socketcall, and behind those io_uring's opcodes. Socketcall itself is in it when one of its
/// calls is.
#[must_use]
pub fn watch_table(wanted: impl Fn(&Numbers) -> bool) -> Vec<Watch> {
    let mut table = vec![
        Watch {
            native: 0,
            compat: 0
        };
        REQUESTS + REQUESTS_MAX
    ];
    for numbers in NUMBERS.iter().filter(|numbers| wanted(numbers)) {
        enter(&mut table, numbers);
    }
    let within = table.get(CALLS_MAX..REQUESTS).unwrap_or_default();
    if within.iter().any(|entry| entry.compat != 0)
        && let Some(socketcall) = numbers_of(id::CALL_SOCKETCALL)
    {
        enter(&mut table, socketcall);
    }
    table
}

fn enter(table: &mut [Watch], numbers: &Numbers) {
    let Numbers {
        call,
        native,
        compat,
        socketcall,
        requests,
        ..
    } = *numbers;
    let requests = requests
        .iter()
        .map(|opcode| REQUESTS + usize::from(*opcode));
    for index in native
        .iter()
        .map(|number| usize::from(*number))
        .chain(requests)
    {
        if let Some(entry) = table.get_mut(index) {
            entry.native = call;
        }
    }
    let within = socketcall
        .iter()
        .map(|number| CALLS_MAX + usize::from(*number));
    for index in compat
        .iter()
        .map(|number| usize::from(*number))
        .chain(within)
    {
        if let Some(entry) = table.get_mut(index) {
            entry.compat = call;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{id::*, *};

    #[test]
    fn every_number_fits_and_none_is_used_twice() {
        for (pick, limit) in [
            (
                (|numbers: &Numbers| numbers.native) as fn(&Numbers) -> &'static [u16],
                CALLS_MAX,
            ),
            (|numbers| numbers.compat, CALLS_MAX),
            (|numbers| numbers.socketcall, SOCKETCALLS_MAX),
            (|numbers| numbers.requests, REQUESTS_MAX),
        ] {
            let mut seen = Vec::new();
            for number in NUMBERS.iter().flat_map(pick) {
                assert!(usize::from(*number) < limit, "{number}");
                assert!(!seen.contains(number), "{number} twice");
                seen.push(*number);
            }
        }
    }

    /// The entries that are set, as (index, native, compat).
    fn set(wanted: &[&str]) -> Vec<(usize, u8, u8)> {
        let table = watch_table(|numbers| wanted.contains(&numbers.name));
        let entries = table.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.native != 0 || entry.compat != 0)
            .map(|(index, entry)| (index, entry.native, entry.compat))
            .collect()
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn table_has_the_wanted_calls_and_no_other() {
        assert_eq!(set(&[]), []);
        assert_eq!(
            set(&["openat"]),
            [
                (257, CALL_OPENAT, 0),
                (295, 0, CALL_OPENAT),
                (REQUESTS + 18, CALL_OPENAT, 0)
            ]
        );
        assert!(wants_requests(&watch_table(
            |numbers| numbers.name == "openat"
        )));
        assert!(!wants_requests(&watch_table(
            |numbers| numbers.name == "setuid"
        )));
        assert_eq!(
            set(&["setuid"]),
            [
                (23, 0, CALL_SETUID16),
                (105, CALL_SETUID, 0),
                (213, 0, CALL_SETUID)
            ]
        );
        assert_eq!(
            set(&["accept"]),
            [
                (43, CALL_ACCEPT, 0),
                (102, 0, CALL_SOCKETCALL),
                (CALLS_MAX + 5, 0, CALL_ACCEPT)
            ]
        );
    }
}
