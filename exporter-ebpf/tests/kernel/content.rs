//! Calls that move bytes: what went, how much of it, and only if asked for.

use std::os::{fd::AsRawFd, unix::ffi::OsStrExt};

use exporter_ebpf::record::*;

use crate::{
    child::run,
    places::{EBADF, show},
    raw::{call64, low_memory, text, words},
    rig::Rig,
};

const LSEEK: u64 = 8;
const NO_FD: u64 = 9999;
const CALLS: &[&str] = &[
    "read",
    "write",
    "readv",
    "writev",
    "pread",
    "pwrite",
    "sendfile",
    "splice",
    "copy_file_range",
];

#[test]
fn reads_and_writes_carry_their_first_bytes() {
    let mut rig = Rig::new(CALLS);
    rig.set(SETTING_DATA);
    let temp = tempfile::NamedTempFile::new().expect("file");
    let path = temp.path().canonicalize().expect("canonical");
    let file = u64::from(temp.as_raw_fd().unsigned_abs());
    let (short, long) = (text(b"short\0\n\xff"), text("l".repeat(100)));
    let room = u64::from(low_memory(&[b'-'; 200]));
    let pieces = words(&[short, 8, long, 100]);
    let rooms = words(&[room, 3, room + 100, 100]);
    let seen = run(&mut rig, |child| {
        child.call(CALL_WRITE, [file, short, 8]);
        child.call(CALL_WRITE, [file, long, 100]);
        child.call(CALL_PWRITE, [file, short, 5, 2]);
        child.call(CALL_WRITEV, [file, pieces, 2]);
        child.call(CALL_WRITE, [NO_FD, short, 5]);
        child.call(CALL_WRITEV, [NO_FD, pieces, 2]);
        call64(LSEEK, [file, 0, 0]);
        child.call(CALL_READ, [file, room, 4]);
        child.call(CALL_READ, [file, room, 200]);
        child.call(CALL_PREAD, [file, room, 7, 0]);
        call64(LSEEK, [file, 0, 0]);
        child.call(CALL_READV, [file, rooms, 2]);
        child.call(CALL_READ, [NO_FD, room, 5]);
        child.call(CALL_PREAD, [file, room, 5, 4000]);
        child.call(CALL_WRITE, [file, 8, 5]);
    });
    let expected: &[(i64, &[u8])] = &[
        (8, b"short\0\n\xff"),
        (100, &[b'l'; 80]),
        (5, b"short"),
        (108, b"short\0\n\xff"),
        (EBADF, b"short"),
        (EBADF, b"short\0\n\xff"),
        (4, b"shsh"),
        (200, b"ort\nl"),
        (7, b"shshort"),
        (103, b"shs"),
        (EBADF, b""),
        (0, b""),
        (-14, b""),
    ];
    assert_eq!(seen.len(), expected.len());
    for (at, ((result, record), (wanted, data))) in seen.iter().zip(expected).enumerate() {
        assert_eq!(result, wanted, "{at}");
        let fixed = &record.fixed;
        if *wanted == EBADF {
            assert_eq!((fixed.fd, record.target.bytes), (9999, &b""[..]), "{at}");
        } else {
            assert_eq!(
                show(record.target.bytes),
                show(path.as_os_str().as_bytes()),
                "{at}"
            );
        }
        if at == 7 {
            assert!(record.data.truncated() && record.data.bytes.len() == 80);
        } else {
            assert_eq!(show(record.data.bytes), show(data), "{at}");
        }
        assert_eq!(record.data.truncated(), at == 1 || at == 7, "{at}");
        // The last one gave an address without memory.
        assert_eq!(
            fixed.header.flags,
            if at == 12 { RECORD_READ_FAILED } else { 0 },
            "{at}"
        );
    }
    for (at, values) in [(3, [2, 8, 0]), (5, [2, 8, 0]), (9, [2, 3, 0]), (0, [0; 3])] {
        assert_eq!(seen[at].1.fixed.values, values, "{at}");
    }
}

#[test]
fn nothing_of_the_content_is_carried_unasked() {
    let mut rig = Rig::new(CALLS);
    let temp = tempfile::NamedTempFile::new().expect("file");
    let file = u64::from(temp.as_raw_fd().unsigned_abs());
    let secret = text("secret");
    let pieces = words(&[secret, 6]);
    let seen = run(&mut rig, |child| {
        child.call(CALL_WRITE, [file, secret, 6]);
        child.call(CALL_WRITEV, [file, pieces, 1]);
        child.call(CALL_WRITE, [NO_FD, secret, 6]);
    });
    for (_, record) in &seen {
        assert_eq!(record.data, Tail::default());
    }
    rig.set(SETTING_DATA);
    let seen = run(&mut rig, |child| {
        child.call(CALL_WRITE, [file, secret, 6]);
    });
    assert_eq!(seen[0].1.data.bytes, b"secret");
    rig.set(0);
    let seen = run(&mut rig, |child| {
        child.call(CALL_WRITE, [file, secret, 6]);
    });
    assert_eq!(seen[0].1.data, Tail::default());
}

#[test]
fn bytes_that_go_from_file_to_file_name_the_first() {
    let mut rig = Rig::new(CALLS);
    let (from, to) = (
        tempfile::NamedTempFile::new().expect("file"),
        tempfile::NamedTempFile::new().expect("file"),
    );
    std::fs::write(from.path(), "content").expect("write");
    let (read_end, write_end) = rustix::pipe::pipe().expect("pipe");
    let fd = |file: &dyn AsRawFd| u64::from(file.as_raw_fd().unsigned_abs());
    let (source, sink, pipe) = (fd(&from), fd(&to), fd(&write_end));
    let seen = run(&mut rig, |child| {
        child.call(CALL_SENDFILE, [sink, source, 0, 3]);
        child.call(CALL_COPY_FILE_RANGE, [source, 0, sink, 0, 2, 0]);
        child.call(CALL_SPLICE, [source, 0, pipe, 0, 2, 0]);
        child.call(CALL_SENDFILE, [NO_FD, source, 0, 3]);
        child.call(CALL_COPY_FILE_RANGE, [NO_FD, 0, sink, 0, 2, 0]);
        child.call(CALL_SPLICE, [NO_FD, 0, pipe, 0, 2, 0]);
    });
    drop(read_end);
    for (at, (expected, file)) in [(3, to.path()), (2, from.path()), (2, from.path())]
        .iter()
        .enumerate()
    {
        assert_eq!(seen[at].0, *expected, "{at}");
        let path = file.canonicalize().expect("canonical");
        assert_eq!(
            show(seen[at].1.target.bytes),
            show(path.as_os_str().as_bytes()),
            "{at}"
        );
    }
    for (result, record) in &seen[3..] {
        assert_eq!((*result, record.fixed.fd), (EBADF, 9999));
    }
}
