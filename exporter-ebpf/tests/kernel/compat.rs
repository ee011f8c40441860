//! 32-bit callers: other numbers, other registers, recognised and never misread.

use std::ffi::CString;

use exporter_ebpf::record::{
    CALL_CONNECT, CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, RECORD_COMPAT, RECORD_X32,
    Record,
};

use crate::{
    raw::{call32, call64, low_memory},
    rig::{Rig, tid},
};

const ALL: &[&str] = &["open", "openat", "openat2", "creat", "connect"];
const AT_FDCWD: u32 = -100i32 as u32;

fn text(path: &str) -> u32 {
    low_memory(CString::new(path).expect("no NUL").as_bytes_with_nul())
}

#[test]
fn every_call_of_the_open_family_is_read_by_its_own_registers() {
    let mut rig = Rig::new(ALL);
    let how = low_memory(&[&0o2u64.to_ne_bytes()[..], &[0; 8], &4u64.to_ne_bytes()].concat());
    let creat = [0, 0o600, 0, 0];
    for (number, call, path, arguments, (flags, mode, resolve)) in [
        (
            5,
            CALL_OPEN,
            "open",
            [0, 0o1102, 0o640, 0],
            (0o1102, 0o640, 0),
        ),
        (8, CALL_CREAT, "creat", creat, (0o1101, 0o600, 0)),
        (
            295,
            CALL_OPENAT,
            "openat",
            [AT_FDCWD, 0, 0o102, 0o600],
            (0o102, 0o600, 0),
        ),
        (
            437,
            CALL_OPENAT2,
            "openat2",
            [AT_FDCWD, 0, how, 24],
            (0o2, 0, 4),
        ),
    ] {
        let path = &format!("/saker-test/32-bit {path}");
        let mut arguments: [u32; 4] = arguments;
        arguments[usize::from(arguments[0] == AT_FDCWD)] = text(path);
        let result = call32(number, arguments);
        assert_eq!(result, -2, "{path}: ENOENT");
        let open = rig.own_open(path.as_bytes());
        assert_eq!(
            (open.fixed.call.call, open.fixed.call.result),
            (call, -2),
            "{path}"
        );
        assert_eq!(
            (open.fixed.flags, open.fixed.mode, open.fixed.resolve),
            (flags, mode, resolve),
            "{path}"
        );
        assert_eq!(open.fixed.dirfd, -100, "{path}");
        assert_eq!(open.fixed.header.flags, RECORD_COMPAT, "{path}");
    }
}

#[test]
fn a_successful_call_has_its_effective_path() {
    let mut rig = Rig::new(ALL);
    let fd = call32(5, [text("/dev/../dev/null"), 0, 0, 0]);
    assert!(fd >= 0, "{fd}");
    let open = rig.own_open(b"/dev/../dev/null");
    assert_eq!(open.fixed.call.result, i64::from(fd));
    assert_eq!(open.effective.bytes, b"/dev/null");
}

#[test]
fn the_same_number_means_another_call_by_the_other_entry() {
    // 5 is fstat by the 64-bit entry, 2 is fork by the 32-bit one, 8 is lseek and 42 is pipe.
    let mut rig = Rig::new(ALL);
    let path = text("/saker-test/not an open");
    call64(5, [u64::from(path), 0, 0, 0]);
    call64(8, [u64::from(path), 0, 0, 0]);
    call32(42, [0, 0, 0, 0]);
    call32(257, [AT_FDCWD, path, 0, 0]);
    call64(2, [u64::from(text("/saker-test/the end")), 0, 0, 0]);
    let me = tid();
    let mut seen = Vec::new();
    rig.wait("the end", |record| match record {
        Record::Open(open) if open.fixed.header.tid == me => {
            seen.push(open.requested.bytes.escape_ascii().to_string());
            (open.requested.bytes == b"/saker-test/the end").then_some(())
        }
        Record::Connect(connect) if connect.fixed.header.tid == me => panic!("a connect"),
        _ => None,
    });
    assert_eq!(seen, ["/saker-test/the end"]);
}

#[test]
fn connect_is_seen_directly_and_in_socketcall() {
    let mut rig = Rig::new(ALL);
    // AF_INET, port 9, 127.0.0.1
    let address = [2, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let sockaddr = low_memory(&address);
    let fd = 0x7ff0u32;
    let arguments: Vec<u8> = [fd, sockaddr, 16]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    let inner = low_memory(&arguments);
    let me = tid();
    for (number, arguments) in [(362, [fd, sockaddr, 16, 0]), (102, [3, inner, 0, 0])] {
        assert_eq!(call32(number, arguments), -9, "EBADF");
        let connect = rig.wait("connect", |record| match record {
            Record::Connect(connect) if connect.fixed.header.tid == me => Some(connect),
            _ => None,
        });
        assert_eq!(
            (connect.fixed.call.call, connect.fixed.call.result),
            (CALL_CONNECT, -9)
        );
        assert_eq!(connect.fixed.fd.unsigned_abs(), fd);
        assert_eq!(connect.addr.bytes, address);
        assert_eq!(connect.fixed.header.flags, RECORD_COMPAT);
    }
}

#[test]
fn other_socketcalls_are_no_connect() {
    let mut rig = Rig::new(ALL);
    let inner = low_memory(&[0; 12]);
    // 2 is bind, 3 with arguments that are not there cannot be a connect either.
    assert_eq!(call32(102, [2, inner, 0, 0]), -88, "ENOTSOCK");
    call32(102, [3, 8, 0, 0]);
    call64(
        2,
        [u64::from(text("/saker-test/after socketcall")), 0, 0, 0],
    );
    let me = tid();
    rig.wait("the end", |record| match record {
        Record::Connect(connect) if connect.fixed.header.tid == me => panic!("a connect"),
        Record::Open(open) if open.requested.bytes == b"/saker-test/after socketcall" => Some(()),
        _ => None,
    });
}

#[test]
fn x32_numbers_are_told_apart() {
    let mut rig = Rig::new(ALL);
    let path = "/saker-test/x32";
    // Kernels without x32 answer ENOSYS; the attempt is recorded as what it is either way.
    call64(0x4000_0002, [u64::from(text(path)), 0, 0, 0]);
    let open = rig.own_open(path.as_bytes());
    assert_eq!(open.fixed.header.flags, RECORD_X32);
    assert_eq!(open.fixed.call.call, CALL_OPEN);
}
