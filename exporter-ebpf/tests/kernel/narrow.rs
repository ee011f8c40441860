//! 32-bit callers of the calls that have no record of their own kind: their numbers, older forms and structs.

use exporter_ebpf::record::*;

use crate::{
    child::run,
    places::{EBADF, ENOENT, show},
    raw::{call64, low_memory, text, words32},
    rig::Rig,
};

const NO_FD: u32 = 9999;
const SOCKETCALL: u32 = 102;

/// An address below 4 GiB as 32-bit programs pass it.
fn low(address: u64) -> u32 {
    u32::try_from(address).expect("low memory")
}

#[test]
fn ids_of_16_bits_are_widened() {
    let mut rig = Rig::new(&[
        "setresuid",
        "setresgid",
        "setreuid",
        "setuid",
        "chown",
        "fchown",
    ]);
    let path = text("/saker-test/none");
    let none = u64::from(u32::MAX);
    let seen = run(&mut rig, |child| {
        // What stands above the 16 bits has no meaning.
        child.call32(
            CALL_SETRESUID,
            164,
            [0xffff, 0x1234_0000, 0x5_ffff],
            [none, 0, none],
        );
        child.call32(CALL_SETRESGID, 170, [0xffff, 7, 0xffff], [none, 7, none]);
        child.call32(CALL_SETREUID, 70, [0xffff, 0xffff], [none, none]);
        child.call32(CALL_SETUID, 23, [0xabc_0000], [0]);
        child.call32(CALL_CHOWN, 182, [low(path), 0xffff, 9], [path, none, 9]);
        child.call32(CALL_FCHOWN, 95, [0xf_ffff, 8, 0xffff], [0xf_ffff, 8, none]);
        // The newer numbers have all 32 bits.
        child.call32(
            CALL_SETRESUID,
            208,
            [u32::MAX, 0xffff, 0],
            [none, 0xffff, 0],
        );
        child.call32(CALL_SETUID, 213, [0x12_0000], [0x12_0000]);
    });
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    assert_eq!(results[..6], [0, 0, 0, 0, ENOENT, EBADF]);
    assert_eq!(
        results[6..],
        [0, -1],
        "0xffff is a user here, who may not become another one"
    );
    assert_eq!(seen[4].1.path.bytes, b"/saker-test/none");
    assert_eq!(seen[5].1.fixed.fd, 0xf_ffff);
}

#[test]
fn numbers_and_structs_are_those_of_32_bits() {
    let mut rig = Rig::new(&[
        "mkdirat", "umount", "mount", "writev", "sendmsg", "mmap", "mmap2", "fcntl",
    ]);
    rig.set(SETTING_DATA);
    let (path, name) = (text("/saker-test/x"), text("name"));
    let hello = text("hello");
    let pieces = words32(&[low(hello), 5, low(hello), 2]);
    let address = u64::from(low_memory(&[
        2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
    ]));
    let message = words32(&[low(address), 16, low(pieces), 2, 0, 0, 0]);
    let map = words32(&[0, 4096, 1, 0x22, u32::MAX, 0]);
    let none = u64::from(u32::MAX);
    let seen = run(&mut rig, |child| {
        let cwd = -100i32 as u32;
        child.call32(
            CALL_MKDIRAT,
            296,
            [cwd, low(path), 0o700],
            [cwd.into(), path, 0o700],
        );
        child.call32(CALL_UMOUNT, 22, [low(path)], [path]);
        child.call32(
            CALL_MOUNT,
            21,
            [low(name), low(path), low(name), 0, 0],
            [name, path, name, 0, 0],
        );
        child.call32(CALL_WRITEV, 146, [NO_FD, low(pieces), 2], [9999, pieces, 2]);
        child.call32(
            CALL_SENDMSG,
            370,
            [NO_FD, low(message), 0],
            [9999, message, 0],
        );
        child.call32(CALL_MMAP, 90, [low(map)], [0, 4096, 1, 0x22, none, 0]);
        child.call32(
            CALL_MMAP2,
            192,
            [0, 4096, 1, 0x22, u32::MAX, 0],
            [0, 4096, 1, 0x22, none, 0],
        );
        child.call32(CALL_FCNTL, 221, [NO_FD, 1, 0], [9999, 1, 0]);
    });
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    assert_eq!(results[..5], [ENOENT, ENOENT, ENOENT, EBADF, EBADF]);
    assert_eq!(results[7], EBADF);
    let record = |at: usize| &seen[at].1;
    assert_eq!(record(0).path.bytes, b"/saker-test/x");
    assert_eq!(record(1).path.bytes, b"/saker-test/x");
    assert_eq!(
        (record(2).path2.bytes, record(2).text.bytes),
        (&b"/saker-test/x"[..], &b"name"[..])
    );
    assert_eq!(
        (record(3).data.bytes, record(3).fixed.values),
        (&b"hello"[..], [2, 5, 0])
    );
    assert_eq!(
        (record(4).data.bytes, record(4).fixed.values),
        (&b"hello"[..], [2, 5, 0])
    );
    assert_eq!(record(4).addr.bytes[..8], [2, 0, 0, 9, 127, 0, 0, 1]);
    assert_eq!((record(5).fixed.fd, record(6).fixed.fd), (-1, -1));
}

#[test]
fn each_call_within_socketcall_is_watched_by_itself() {
    let mut rig = Rig::new(&["socket", "accept", "send", "sendto", "recv"]);
    rig.set(SETTING_DATA);
    let hello = text("hello");
    let addr = u64::from(low_memory(&[
        2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
    ]));
    let block = |words: &[u32]| low(words32(words));
    let socket = block(&[2, 2, 0]);
    let unwatched = block(&[NO_FD, low(addr), 16]);
    let accept = block(&[NO_FD, 0, 0]);
    // Four arguments, and what follows them is none.
    let send = block(&[NO_FD, low(hello), 5, 0, low(addr), 16]);
    let sendto = send;
    let seen = run(&mut rig, |child| {
        child.call32(CALL_SOCKET, SOCKETCALL, [1, socket], [2, 2, 0]);
        for inner in [2, 3, 4, 0, 31, 32, u32::MAX] {
            call32_unwatched(inner, unwatched);
        }
        child.call32(CALL_ACCEPT, SOCKETCALL, [5, accept], [9999, 0, 0]);
        child.call32(CALL_SEND, SOCKETCALL, [9, send], [9999, hello, 5, 0]);
        child.call32(
            CALL_SENDTO,
            SOCKETCALL,
            [11, sendto],
            [9999, hello, 5, 0, addr, 16],
        );
        child.call32(CALL_RECV, SOCKETCALL, [10, send], [9999, hello, 5, 0]);
        child.call32(
            CALL_SENDTO,
            369,
            [NO_FD, low(hello), 5, 0, 0, 0],
            [9999, hello, 5, 0, 0, 0],
        );
    });
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    assert!(results[0] > 0);
    assert_eq!(results[1..], [EBADF; 5]);
    let socket = &seen[0].1.fixed;
    assert_eq!(
        (i64::from(socket.fd), socket.socket.family),
        (results[0], 2)
    );
    let told: Vec<(usize, String)> = seen[2..]
        .iter()
        .map(|(_, record)| (record.addr.bytes.len(), show(record.data.bytes)))
        .collect();
    let hello = "hello".to_owned();
    assert_eq!(
        told,
        [
            (0, hello.clone()),
            (16, hello.clone()),
            (0, String::new()),
            (0, hello)
        ]
    );
}

fn call32_unwatched(inner: u32, block: u32) {
    let result = crate::raw::call32(SOCKETCALL, [inner, block]);
    assert_ne!(result, 0);
}

#[test]
fn an_entry_of_the_table_that_is_no_number_gives_nothing() {
    // Behind the numbers the table has those within socketcall: 1024 + 5 is accept there, and no system call.
    let mut rig = Rig::new(&["accept", "listen"]);
    let seen = run(&mut rig, |child| {
        crate::raw::call32(1029, [NO_FD, 0, 0]);
        call64(1029, [NO_FD.into(), 0, 0]);
        child.call(CALL_LISTEN, [NO_FD.into(), 1]);
    });
    assert_eq!((seen.len(), seen[0].0), (1, EBADF));
}
