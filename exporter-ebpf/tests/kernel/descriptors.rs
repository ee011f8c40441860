//! Calls that make descriptors, and calls on them: number, file, pseudo names.

use std::os::{fd::AsRawFd, unix::ffi::OsStrExt, unix::fs::MetadataExt};

use exporter_ebpf::{record::*, syscall::numbers_of};

use crate::{
    child::run,
    places::{EBADF, EINVAL, ENOENT, show},
    raw::{call64, low_memory, text, words},
    rig::{Rig, pid},
};

const NOBODY: u64 = 0x003f_ffff;
const NO_FD: u64 = 9999;
const FIFO: u16 = 0o010_000;

fn name(call: u8) -> &'static str {
    numbers_of(call).expect("a call").name
}

#[test]
fn nameless_files_have_the_kernels_names() {
    let mut rig = Rig::new(&[
        "eventfd2",
        "inotify_init1",
        "timerfd_create",
        "signalfd",
        "signalfd4",
        "epoll_create",
        "epoll_create1",
        "memfd_create",
        "userfaultfd",
        "pidfd_open",
        "bpf",
        "io_uring_setup",
        "eventfd",
        "inotify_init",
    ]);
    let mask = words(&[0]);
    let memfd = text("made\nup");
    let none = u64::MAX;
    // A map of one element: BPF_MAP_TYPE_ARRAY, key, value, elements.
    let map = words(&[2 | 4 << 32, 4 | 1 << 32, 0, 0, 0, 0, 0, 0, 0]);
    let ring = words(&[0; 15]);
    // Call, arguments that work, arguments that do not, name.
    let rows: &[(u8, [u64; 4], [u64; 4], &str)] = &[
        (CALL_EVENTFD2, [3, 0x80000, 0, 0], [0, 2, 0, 0], "[eventfd]"),
        (CALL_INOTIFY_INIT1, [0; 4], [1, 0, 0, 0], "inotify"),
        (
            CALL_TIMERFD_CREATE,
            [1, 0, 0, 0],
            [99, 0, 0, 0],
            "[timerfd]",
        ),
        (
            CALL_SIGNALFD,
            [none, mask, 8, 0],
            [none, mask, 7, 0],
            "[signalfd]",
        ),
        (
            CALL_SIGNALFD4,
            [none, mask, 8, 0],
            [none, mask, 8, 1],
            "[signalfd]",
        ),
        (CALL_EPOLL_CREATE, [1, 0, 0, 0], [0; 4], "[eventpoll]"),
        (CALL_EPOLL_CREATE1, [0; 4], [1, 0, 0, 0], "[eventpoll]"),
        (
            CALL_MEMFD_CREATE,
            [memfd, 1, 0, 0],
            [memfd, 0x8000, 0, 0],
            "memfd:made\nup",
        ),
        (
            CALL_USERFAULTFD,
            [1, 0, 0, 0],
            [2, 0, 0, 0],
            "[userfaultfd]",
        ),
        (
            CALL_PIDFD_OPEN,
            [pid().into(), 0, 0, 0],
            [NOBODY, 0, 0, 0],
            "",
        ),
        (CALL_BPF, [0, map, 72, 0], [0, map, 8, 0], "bpf-map"),
        (
            CALL_IO_URING_SETUP,
            [1, ring, 0, 0],
            [0, ring, 0, 0],
            "[io_uring]",
        ),
    ];
    let seen = run(&mut rig, |child| {
        for (call, works, fails, _) in rows {
            child.call(*call, *works);
            child.call(*call, *fails);
        }
        // Without flags, and by nothing but their number.
        child.call(CALL_EVENTFD, [1]);
        child.call(CALL_INOTIFY_INIT, []);
    });
    for ((call, .., expected), pair) in rows.iter().zip(seen.chunks(2)) {
        let (made, failed) = (&pair[0], &pair[1]);
        assert!(failed.0 < 0, "{}: {}", name(*call), failed.0);
        assert_eq!(
            (failed.1.fixed.fd, failed.1.target.bytes),
            (-1, &b""[..]),
            "{}",
            name(*call)
        );
        if made.0 < 0 && [CALL_USERFAULTFD, CALL_IO_URING_SETUP].contains(call) {
            // A kernel may be built, or told, not to offer these.
            continue;
        }
        assert_eq!(i64::from(made.1.fixed.fd), made.0, "{}", name(*call));
        assert_eq!(made.1.target.flags, PATH_PSEUDO, "{}", name(*call));
        match *call {
            // A file system of their own since 6.9.
            CALL_PIDFD_OPEN => assert!(
                made.1.fixed.inode.flags == INODE_PIDFD || made.1.target.bytes == b"[pidfd]"
            ),
            CALL_MEMFD_CREATE => {
                assert_eq!(made.1.fixed.inode.flags, INODE_MEMFD);
                assert_eq!(made.1.text.bytes, b"made\nup");
                assert_eq!(show(made.1.target.bytes), show(expected.as_bytes()));
            }
            CALL_IO_URING_SETUP => {
                assert_eq!(show(made.1.target.bytes), *expected);
                assert_eq!(made.1.fixed.values[0] & 0xffff_ffff, 1, "entries");
            }
            _ => assert_eq!(show(made.1.target.bytes), *expected),
        }
    }
    for (result, record) in &seen[rows.len() * 2..] {
        assert_eq!(i64::from(record.fixed.fd), *result);
    }
}

#[test]
fn copies_of_a_descriptor_name_the_new_one() {
    let mut rig = Rig::new(&[
        "dup",
        "dup2",
        "dup3",
        "fcntl",
        "pidfd_open",
        "pidfd_getfd",
        "fchmod",
        "fchown",
        "close",
    ]);
    let temp = tempfile::NamedTempFile::new().expect("file");
    let path = temp.path().canonicalize().expect("canonical");
    let file = u64::from(temp.as_raw_fd().unsigned_abs());
    let me = u64::from(pid());
    let seen = run(&mut rig, |child| {
        child.call(CALL_DUP, [file]);
        child.call(CALL_DUP2, [file, 150]);
        child.call(CALL_DUP3, [file, 151, 0x80000]);
        child.call(CALL_FCNTL, [file, 0, 160]);
        let pidfd = child.call(CALL_PIDFD_OPEN, [me, 0]);
        child.call(CALL_PIDFD_GETFD, [pidfd as u64, file, 0]);
        child.call(CALL_FCHMOD, [file, 0o640]);
        child.call(CALL_FCHOWN, [file, 3, 4]);
        child.call(CALL_CLOSE, [150]);
        for call in [CALL_DUP, CALL_FCNTL, CALL_FCHMOD, CALL_FCHOWN, CALL_CLOSE] {
            child.call(call, [NO_FD, 1, 0]);
        }
        child.call(CALL_DUP2, [NO_FD, 152]);
        child.call(CALL_DUP3, [file, file, 0]);
        child.call(CALL_PIDFD_GETFD, [pidfd as u64, NO_FD, 0]);
    });
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    assert_eq!((results[1], results[2], results[3]), (150, 151, 160));
    let metadata = temp.as_file().metadata().expect("metadata");
    for (at, fd) in [
        (0, results[0]),
        (1, 150),
        (2, 151),
        (3, file as i64),
        (5, results[5]),
        (6, file as i64),
        (7, file as i64),
    ] {
        let record = &seen[at].1;
        assert!(results[at] >= 0, "{at}: {}", results[at]);
        assert_eq!(i64::from(record.fixed.fd), fd, "{at}");
        assert_eq!(
            show(record.target.bytes),
            show(path.as_os_str().as_bytes()),
            "{at}"
        );
        assert_eq!(record.fixed.inode.ino, metadata.ino(), "{at}");
    }
    let closed = &seen[8].1;
    assert_eq!((results[8], closed.fixed.fd), (0, 150));
    assert_eq!(
        (closed.fixed.inode.ino, closed.target.bytes),
        (0, &b""[..]),
        "it is gone"
    );
    for (result, record) in &seen[9..15] {
        assert_eq!((*result, record.fixed.fd), (EBADF, 9999));
        assert_eq!((record.fixed.inode.ino, record.target.bytes), (0, &b""[..]));
    }
    assert_eq!((results[15], results[16]), (EINVAL, EBADF));
    assert_eq!(i64::from(seen[16].1.fixed.fd), results[4], "the pidfd");
}

#[test]
fn pipes_have_two_ends() {
    let mut rig = Rig::new(&["pipe", "pipe2"]);
    let pair = u64::from(low_memory(&[0; 8]));
    let seen = run(&mut rig, |child| {
        child.call(CALL_PIPE, [pair]);
        child.call(CALL_PIPE2, [pair, 0x80000]);
        child.call(CALL_PIPE2, [pair, 1]);
        child.call(CALL_PIPE, [8]);
    });
    for (result, record) in &seen[..2] {
        let fixed = &record.fixed;
        assert_eq!(*result, 0);
        assert_eq!(fixed.values[0] + 1, fixed.values[1]);
        assert_eq!(u64::from(fixed.fd.unsigned_abs()), fixed.values[0]);
        assert_eq!(fixed.inode.mode & 0o170_000, FIFO);
        assert_eq!(
            (record.target.bytes, record.target.flags),
            (&b""[..], PATH_PSEUDO)
        );
    }
    for (result, record) in &seen[2..] {
        assert!(*result < 0);
        assert_eq!((record.fixed.fd, record.fixed.values), (-1, [0; 3]));
    }
}

#[test]
fn calls_on_other_things_have_their_arguments() {
    let mut rig = Rig::new(&[
        "mmap",
        "finit_module",
        "io_uring_enter",
        "io_uring_register",
        "init_module",
        "delete_module",
        "mprotect",
    ]);
    let temp = tempfile::NamedTempFile::new().expect("file");
    temp.as_file().set_len(4096).expect("length");
    let path = temp.path().canonicalize().expect("canonical");
    let file = u64::from(temp.as_raw_fd().unsigned_abs());
    let (parameters, module) = (text("a=1 b=\"two words\""), text("saker_no_such_module"));
    let page = u64::from(low_memory(&[0]));
    let seen = run(&mut rig, |child| {
        child.call(CALL_MMAP, [0, 4096, 1, 2, file, 0]);
        child.call(CALL_FINIT_MODULE, [file, parameters, 3]);
        child.call(CALL_IO_URING_ENTER, [file, 0, 0, 0, 0, 0]);
        child.call(CALL_IO_URING_REGISTER, [file, 0, 0, 0]);
        child.call(CALL_MMAP, [0, 4096, 1, 0x22, file, 0]); // MAP_ANONYMOUS
        child.call(CALL_MMAP, [0, 0, 1, 2, file, 0]);
        child.call(CALL_INIT_MODULE, [8, 16, parameters]);
        child.call(CALL_DELETE_MODULE, [module, 0x800]);
        child.call(CALL_MPROTECT, [page, 4096, 1]);
        child.call(CALL_MPROTECT, [page + 1, 4096, 1]);
    });
    for (_, record) in &seen[..4] {
        assert_eq!(u64::from(record.fixed.fd.unsigned_abs()), file);
        assert_eq!(show(record.target.bytes), show(path.as_os_str().as_bytes()));
    }
    assert!(seen[0].0 > 0 && seen[4].0 > 0);
    assert_eq!((seen[4].1.fixed.fd, seen[4].1.target.bytes), (-1, &b""[..]));
    assert_eq!(
        (seen[5].0, seen[5].1.target.bytes),
        (EINVAL, path.as_os_str().as_bytes())
    );
    for at in [1, 6] {
        assert!(seen[at].0 < 0);
        assert_eq!(seen[at].1.text.bytes, b"a=1 b=\"two words\"");
    }
    assert!(seen[7].0 == ENOENT || seen[7].0 == -38, "{}", seen[7].0);
    assert_eq!(seen[7].1.text.bytes, b"saker_no_such_module");
    assert_eq!((seen[8].0, seen[9].0), (0, EINVAL));
}

#[test]
fn what_a_call_does_not_have_is_empty() {
    // getpid is no call that can be recorded: its neighbours are, and it gives nothing.
    let mut rig = Rig::new(&["setsid"]);
    let seen = run(&mut rig, |child| {
        call64(39, []);
        child.call(CALL_SETSID, []);
    });
    let record = &seen[0].1;
    assert_eq!((record.fixed.fd, record.fixed.values), (-1, [0; 3]));
    assert_eq!(record.fixed.socket.family, 0);
    for tail in [
        record.path,
        record.path2,
        record.unix_name,
        record.addr,
        record.text,
        record.data,
    ] {
        assert_eq!(tail, Tail::default());
    }
    for path in [record.dir, record.dir2, record.target] {
        assert_eq!(path, exporter_ebpf::record::Path::default());
    }
}
