//! The ring overfilled: every record is either in the ring or counted as lost, exactly.

use exporter_ebpf::{
    PROGRAMS, SYS_EXIT,
    record::{CALL_CONNECT, Kind, Record},
};

use crate::{raw::call64, rig::Rig};

/// A number that is no system call, watched as if it were connect: only this test calls it.
const NOBODYS_NUMBER: u32 = 1000;
const ENOSYS: i64 = -38;

/// Only system calls are recorded, and of them only this test's: what is in the ring is its own.
fn rig(ring_bytes: u32) -> Rig {
    let mut rig = Rig::load(ring_bytes);
    rig.watch_number(NOBODYS_NUMBER, CALL_CONNECT);
    let program = PROGRAMS.iter().find(|program| program.name == SYS_EXIT);
    rig.attach(program.expect("the program of system calls"));
    rig
}

fn connect(times: u64) {
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

fn connects(rig: &mut Rig) -> u64 {
    std::iter::from_fn(|| rig.next())
        .filter(|record| matches!(record, Record::Connect(_)))
        .map(|_| 1)
        .sum()
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut rig = rig(4096);
    connect(1000);
    let counters = rig.counters(Kind::Connect);
    let arrived = connects(&mut rig);
    assert!(arrived > 0 && arrived < 1000, "{arrived} of 1000 fit");
    assert_eq!(counters.submitted, arrived);
    assert_eq!(counters.lost_ring_full, 1000 - arrived);
    assert_eq!((counters.filtered, counters.lost_no_scratch), (0, 0));

    // The ring is empty again: what comes now arrives.
    connect(3);
    let after = rig.counters(Kind::Connect);
    assert_eq!(after.lost_ring_full + after.submitted, 1003);
    assert_eq!(connects(&mut rig), after.submitted - counters.submitted);
}

#[test]
fn nothing_is_lost_while_there_is_room() {
    let mut rig = rig(1 << 20);
    connect(1000);
    let counters = rig.counters(Kind::Connect);
    assert_eq!((counters.submitted, counters.lost_ring_full), (1000, 0));
    assert_eq!(connects(&mut rig), 1000);
}
