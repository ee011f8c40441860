//! The numbers of the watched system calls, by architecture and entry: what the watch table is filled from.
//!
//! In: the target architecture. Out: [`NUMBERS`]. Never: the decision which calls are wanted.
//! Sources: the kernel's arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h,
//! arch/arm/tools/syscall.tbl.

use crate::record::{
    CALL_CONNECT, CALL_CREAT, CALL_NONE, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CALL_SOCKETCALL,
    CALLS_MAX, Watch,
};

/// One system call and its numbers on this architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// `CALL_…`
    pub call: u16,
    /// The call as the kernel names it.
    pub name: &'static str,
    /// Number by the 64-bit entry, if it is there.
    pub native: Option<u16>,
    /// Number by the 32-bit entry, if it is there.
    pub compat: Option<u16>,
}

const fn numbers(
    call: u16,
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

/// Every system call that the programs can record. Who wants connect also wants socketcall, which may be one.
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
pub fn numbers_of(call: u16) -> Option<&'static Numbers> {
    NUMBERS.iter().find(|numbers| numbers.call == call)
}

/// The whole watch table for the calls that `wanted` accepts: index is the system call number.
#[must_use]
pub fn watch_table(wanted: impl Fn(&Numbers) -> bool) -> Vec<Watch> {
    let mut table = vec![
        Watch {
            native: none(),
            compat: none()
        };
        CALLS_MAX
    ];
    for numbers in NUMBERS.iter().filter(|numbers| wanted(numbers)) {
        let call = u8::try_from(numbers.call).unwrap_or_else(|_| none());
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

const fn none() -> u8 {
    CALL_NONE as u8
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(u16::from(table[usize::from(native)].native), CALL_OPENAT);
        assert_eq!(u16::from(table[usize::from(compat)].compat), CALL_OPENAT);
        let set = table
            .iter()
            .filter(|entry| {
                **entry
                    != Watch {
                        native: 0,
                        compat: 0,
                    }
            })
            .count();
        assert_eq!(set, 2);
    }
}
