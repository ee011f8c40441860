//! The numbers of the watched system calls, by architecture and entry: what the watch table is filled from.
//!
//! In: the target architecture. Out: [`NUMBERS`]. Never: the decision which calls are wanted.
//! Sources: the kernel's arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h,
//! arch/arm/tools/syscall.tbl.

use crate::record::{
    CALL_CONNECT, CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CALL_SOCKETCALL, CALLS_MAX,
    Watch,
};

/// One system call and its numbers on this architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// `CALL_…`
    pub call: u8,
    /// The call as the kernel names it.
    pub name: &'static str,
    /// Number by the 64-bit entry, if it is there.
    pub native: Option<u16>,
    /// Number by the 32-bit entry, if it is there.
    pub compat: Option<u16>,
}

const fn numbers(
    call: u8,
    name: &'static str,
    native: Option<u16>,
    compat: Option<u16>,
) -> Numbers {
    Numbers {
        call,
        name,
        native,
        compat,
    }
}

/// Every system call that the programs can record.
#[cfg(target_arch = "x86_64")]
pub const NUMBERS: &[Numbers] = &[
    numbers(CALL_OPEN, "open", Some(2), Some(5)),
    numbers(CALL_OPENAT, "openat", Some(257), Some(295)),
    numbers(CALL_OPENAT2, "openat2", Some(437), Some(437)),
    numbers(CALL_CREAT, "creat", Some(85), Some(8)),
    numbers(CALL_CONNECT, "connect", Some(42), Some(362)),
    numbers(CALL_SOCKETCALL, "socketcall", None, Some(102)),
];

/// Every system call that the programs can record.
#[cfg(target_arch = "aarch64")]
pub const NUMBERS: &[Numbers] = &[
    numbers(CALL_OPEN, "open", None, Some(5)),
    numbers(CALL_OPENAT, "openat", Some(56), Some(322)),
    numbers(CALL_OPENAT2, "openat2", Some(437), Some(437)),
    numbers(CALL_CREAT, "creat", None, Some(8)),
    numbers(CALL_CONNECT, "connect", Some(203), Some(283)),
    numbers(CALL_SOCKETCALL, "socketcall", None, None),
];

/// The call with this `CALL_…` value, for its name.
#[must_use]
pub fn numbers_of(call: u8) -> Option<&'static Numbers> {
    NUMBERS.iter().find(|numbers| numbers.call == call)
}

/// The whole watch table for the calls that `wanted` accepts: index is the system call number. The socketcall of 32-bit
/// programs, which may be any call on a socket, is in it whenever one of those is.
#[must_use]
pub fn watch_table(wanted: impl Fn(&Numbers) -> bool) -> Vec<Watch> {
    let sockets = NUMBERS
        .iter()
        .any(|numbers| numbers.call == CALL_CONNECT && wanted(numbers));
    let mut table = vec![
        Watch {
            native: 0,
            compat: 0
        };
        CALLS_MAX
    ];
    for numbers in NUMBERS {
        let in_it = sockets && numbers.call == CALL_SOCKETCALL;
        if !wanted(numbers) && !in_it {
            continue;
        }
        let call = numbers.call;
        if let Some(entry) = numbers
            .native
            .and_then(|number| table.get_mut(usize::from(number)))
        {
            entry.native = call;
        }
        if let Some(entry) = numbers
            .compat
            .and_then(|number| table.get_mut(usize::from(number)))
        {
            entry.compat = call;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::CALL_NONE;

    #[test]
    fn every_number_fits_and_none_is_used_twice() {
        for pick in [
            (|numbers: &Numbers| numbers.native) as fn(&Numbers) -> Option<u16>,
            |numbers| numbers.compat,
        ] {
            let mut seen = Vec::new();
            for number in NUMBERS.iter().filter_map(pick) {
                assert!(usize::from(number) < CALLS_MAX, "{number}");
                assert!(!seen.contains(&number), "{number} twice");
                seen.push(number);
            }
        }
    }

    #[test]
    fn table_has_the_wanted_calls_and_no_other() {
        let table = watch_table(|numbers| numbers.name == "openat");
        let openat = numbers_of(CALL_OPENAT).expect("openat is in the table of every architecture");
        let (native, compat) = (
            openat.native.expect("native"),
            openat.compat.expect("compat"),
        );
        assert_eq!(table[usize::from(native)].native, CALL_OPENAT);
        assert_eq!(table[usize::from(compat)].compat, CALL_OPENAT);
        assert_eq!(entries(&table), 2);
    }

    #[test]
    fn who_wants_a_call_on_sockets_gets_socketcall() {
        let expected = NUMBERS
            .iter()
            .filter(|numbers| [CALL_CONNECT, CALL_SOCKETCALL].contains(&numbers.call))
            .flat_map(|numbers| [numbers.native, numbers.compat])
            .flatten()
            .count();
        let table = watch_table(|numbers| numbers.name == "connect");
        assert_eq!(entries(&table), expected);
    }

    /// Numbers that are watched, by either entry.
    fn entries(table: &[Watch]) -> usize {
        let both = table.iter().flat_map(|entry| [entry.native, entry.compat]);
        both.filter(|call| *call != CALL_NONE).count()
    }
}
