//! The ring overfilled: every record is either in the ring or counted as lost, exactly.

use exporter_ebpf::{
    PROGRAMS, SYS_EXIT,
    record::{CALL_BIND, CALL_CONNECT, Kind},
};

use crate::{raw::call64, rig::Rig};

/// A number that is no system call, watched as if it were another: only this test calls it.
const NOBODYS_NUMBER: u32 = 1000;
const ENOSYS: i64 = -38;

/// Only system calls are recorded, and of them only this test's: what is in the ring is its own.
fn rig(ring_bytes: u32, call: u8) -> Rig {
    let mut rig = Rig::load(ring_bytes);
    rig.watch_number(NOBODYS_NUMBER, call);
    let program = PROGRAMS.iter().find(|program| program.name == SYS_EXIT);
    rig.attach(program.expect("the program of system calls"));
    rig
}

fn call(times: u64) {
    let address = [0u8; 16];
    for _ in 0..times {
        assert_eq!(
            call64(
                NOBODYS_NUMBER.into(),
                [0, address.as_ptr().addr() as u64, 16, 0]
            ),
            ENOSYS
        );
    }
}

fn arrived(rig: &mut Rig, kind: Kind) -> u64 {
    std::iter::from_fn(|| rig.next())
        .filter(|record| record.kind() == kind)
        .map(|_| 1)
        .sum()
}

/// A call that has a record of its own kind, and one that has none.
const KINDS: [(u8, Kind); 2] = [(CALL_CONNECT, Kind::Connect), (CALL_BIND, Kind::Syscall)];

#[test]
fn what_does_not_fit_is_counted() {
    for (id, kind) in KINDS {
        let mut rig = rig(4096, id);
        call(1000);
        let counters = rig.counters(kind);
        let first = arrived(&mut rig, kind);
        assert!(first > 0 && first < 1000, "{first} of 1000 fit");
        assert_eq!(counters.submitted, first);
        assert_eq!(counters.lost_ring_full, 1000 - first);
        assert_eq!((counters.filtered, counters.lost_no_scratch), (0, 0));

        // The ring is empty again: what comes now arrives.
        call(3);
        let after = rig.counters(kind);
        assert_eq!(after.lost_ring_full + after.submitted, 1003);
        assert_eq!(
            arrived(&mut rig, kind),
            after.submitted - counters.submitted
        );
    }
}

#[test]
fn nothing_is_lost_while_there_is_room() {
    for (id, kind) in KINDS {
        let mut rig = rig(1 << 20, id);
        call(1000);
        let counters = rig.counters(kind);
        assert_eq!((counters.submitted, counters.lost_ring_full), (1000, 0));
        assert_eq!(arrived(&mut rig, kind), 1000);
    }
}
