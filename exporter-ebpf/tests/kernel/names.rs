//! Calls that look up names: every path as written, and the directory that it starts from.

use std::{os::unix::ffi::OsStrExt, path::PathBuf};

use exporter_ebpf::{record::*, syscall::numbers_of};

use crate::{
    child::run,
    places::{EBADF, EINVAL, ENOENT, FCHDIR, Place, fd, show},
    raw::{call64, text},
    rig::Rig,
};

const EEXIST: i64 = -17;

/// An argument.
#[derive(Clone, Copy)]
enum A {
    Text(&'static str),
    Is(u64),
    /// A descriptor of the directory `sub`.
    Sub,
    /// `AT_FDCWD`
    Cwd,
}
use A::{Cwd, Is, Sub, Text};

impl Place {
    fn value(&self, argument: A) -> u64 {
        match argument {
            Text(bytes) => text(bytes),
            Is(value) => value,
            Sub => fd(&self.sub),
            Cwd => -100i64 as u64,
        }
    }

    /// What the record says of the directory `argument`; none for an absolute path.
    fn start(&self, argument: Option<A>) -> PathBuf {
        match argument {
            None => PathBuf::new(),
            Some(Sub) => self.dir.join("sub"),
            Some(_) => self.dir.clone(),
        }
    }
}

/// A call, its arguments, its result (`None`: any failure), and what the record says: path, path2, text.
type Row = (u8, &'static [A], Option<i64>, Looked, Looked, &'static str);
/// A path, and where it starts.
type Looked = (&'static str, Option<A>);

const NO: Looked = ("", None);

/// The table as it stands: a row a line.
macro_rules! rows {
    ($($row:expr,)*) => {
        &[$($row,)*]
    };
}

const ROWS: &[Row] = rows! {
    (CALL_MKDIR, &[Text("made"), Is(0o750)], Some(0), ("made", Some(Cwd)), NO, ""),
    (CALL_MKDIR, &[Text("made"), Is(0o750)], Some(EEXIST), ("made", Some(Cwd)), NO, ""),
    (CALL_MKDIRAT, &[Sub, Text("made"), Is(0o700)], Some(0), ("made", Some(Sub)), NO, ""),
    (CALL_MKDIRAT, &[Sub, Text("made"), Is(0o700)], Some(EEXIST), ("made", Some(Sub)), NO, ""),
    (CALL_MKNOD, &[Text("fifo"), Is(0o010_600), Is(0)], Some(0), ("fifo", Some(Cwd)), NO, ""),
    (CALL_MKNOD, &[Text("fifo"), Is(0o010_600), Is(0)], Some(EEXIST), ("fifo", Some(Cwd)), NO, ""),
    (CALL_MKNODAT, &[Sub, Text("fifo"), Is(0o010_600), Is(0)], Some(0), ("fifo", Some(Sub)), NO, ""),
    (CALL_MKNODAT, &[Sub, Text("fifo"), Is(0o010_600), Is(0)], Some(EEXIST), ("fifo", Some(Sub)), NO, ""),
    (CALL_SYMLINK, &[Text("to\nanywhere"), Text("link")], Some(0), ("link", Some(Cwd)), NO, "to\nanywhere"),
    (CALL_SYMLINK, &[Text("to"), Text("link")], Some(EEXIST), ("link", Some(Cwd)), NO, "to"),
    (CALL_SYMLINKAT, &[Text("/to"), Sub, Text("link")], Some(0), ("link", Some(Sub)), NO, "/to"),
    (CALL_SYMLINKAT, &[Text("/to"), Sub, Text("link")], Some(EEXIST), ("link", Some(Sub)), NO, "/to"),
    (CALL_LINK, &[Text("fifo"), Text("hard")], Some(0), ("fifo", Some(Cwd)), ("hard", Some(Cwd)), ""),
    (CALL_LINK, &[Text("fifo"), Text("hard")], Some(EEXIST), ("fifo", Some(Cwd)), ("hard", Some(Cwd)), ""),
    (CALL_LINKAT, &[Cwd, Text("fifo"), Sub, Text("hard"), Is(0)], Some(0), ("fifo", Some(Cwd)), ("hard", Some(Sub)), ""),
    (CALL_LINKAT, &[Sub, Text("none"), Cwd, Text("x"), Is(0)], Some(ENOENT), ("none", Some(Sub)), ("x", Some(Cwd)), ""),
    (CALL_RENAME, &[Text("hard"), Text("new")], Some(0), ("hard", Some(Cwd)), ("new", Some(Cwd)), ""),
    (CALL_RENAME, &[Text("hard"), Text("new")], Some(ENOENT), ("hard", Some(Cwd)), ("new", Some(Cwd)), ""),
    (CALL_RENAMEAT, &[Sub, Text("hard"), Cwd, Text("new2")], Some(0), ("hard", Some(Sub)), ("new2", Some(Cwd)), ""),
    (CALL_RENAMEAT, &[Sub, Text("hard"), Cwd, Text("/x")], Some(ENOENT), ("hard", Some(Sub)), ("/x", None), ""),
    (CALL_RENAMEAT2, &[Cwd, Text("new2"), Sub, Text("back"), Is(1)],
        Some(0), ("new2", Some(Cwd)), ("back", Some(Sub)), ""),
    (CALL_RENAMEAT2, &[Cwd, Text("new2"), Sub, Text("b"), Is(1)], Some(ENOENT), ("new2", Some(Cwd)), ("b", Some(Sub)), ""),
    (CALL_CHMOD, &[Text("fifo"), Is(0o4711)], Some(0), ("fifo", Some(Cwd)), NO, ""),
    (CALL_CHMOD, &[Text("/saker-test/none"), Is(1)], Some(ENOENT), ("/saker-test/none", None), NO, ""),
    (CALL_FCHMODAT, &[Sub, Text("fifo"), Is(0o1)], Some(0), ("fifo", Some(Sub)), NO, ""),
    (CALL_FCHMODAT, &[Is(9999), Text("fifo"), Is(0o1)], Some(EBADF), ("fifo", None), NO, ""),
    (CALL_FCHMODAT2, &[Sub, Text("none"), Is(0o2), Is(0)], None, ("none", Some(Sub)), NO, ""),
    (CALL_CHOWN, &[Text("fifo"), Is(7), Is(8)], Some(0), ("fifo", Some(Cwd)), NO, ""),
    (CALL_CHOWN, &[Text("none"), Is(7), Is(8)], Some(ENOENT), ("none", Some(Cwd)), NO, ""),
    (CALL_LCHOWN, &[Text("link"), Is(7), Is(8)], Some(0), ("link", Some(Cwd)), NO, ""),
    (CALL_LCHOWN, &[Text("none"), Is(7), Is(8)], Some(ENOENT), ("none", Some(Cwd)), NO, ""),
    (CALL_FCHOWNAT, &[Sub, Text(""), Is(7), Is(8), Is(0x1000)], Some(0), ("", Some(Sub)), NO, ""),
    (CALL_FCHOWNAT, &[Sub, Text("none"), Is(7), Is(8), Is(0)], Some(ENOENT), ("none", Some(Sub)), NO, ""),
    (CALL_UNLINK, &[Text("fifo")], Some(0), ("fifo", Some(Cwd)), NO, ""),
    (CALL_UNLINK, &[Text("fifo")], Some(ENOENT), ("fifo", Some(Cwd)), NO, ""),
    (CALL_UNLINKAT, &[Sub, Text("fifo"), Is(0)], Some(0), ("fifo", Some(Sub)), NO, ""),
    (CALL_UNLINKAT, &[Sub, Text("/saker-test/x"), Is(0)], Some(ENOENT), ("/saker-test/x", None), NO, ""),
    (CALL_RMDIR, &[Text("made")], Some(0), ("made", Some(Cwd)), NO, ""),
    (CALL_RMDIR, &[Text("../../made")], Some(ENOENT), ("../../made", Some(Cwd)), NO, ""),
    (CALL_EXECVE, &[Text("not there"), Is(0), Is(0)], Some(ENOENT), ("not there", Some(Cwd)), NO, ""),
    (CALL_EXECVEAT, &[Sub, Text("not there"), Is(0), Is(0), Is(0)], Some(ENOENT), ("not there", Some(Sub)), NO, ""),
    (CALL_MOUNT, &[Text("/saker-source"), Text("nowhere"), Text("tmpfs"), Is(0), Is(0)],
        Some(ENOENT), ("/saker-source", None), ("nowhere", Some(Cwd)), "tmpfs"),
    (CALL_MOUNT, &[Is(0), Text("nowhere"), Is(0), Is(0), Is(0)], Some(ENOENT), NO, ("nowhere", Some(Cwd)), ""),
    (CALL_UMOUNT2, &[Text("sub"), Is(0)], Some(EINVAL), ("sub", Some(Cwd)), NO, ""),
    (CALL_MOVE_MOUNT, &[Sub, Text("a"), Cwd, Text("b"), Is(0)], Some(ENOENT), ("a", Some(Sub)), ("b", Some(Cwd)), ""),
    (CALL_PIVOT_ROOT, &[Text("sub"), Text("sub/x")], None, ("sub", Some(Cwd)), ("sub/x", Some(Cwd)), ""),
    (CALL_CHROOT, &[Text("none")], Some(ENOENT), ("none", Some(Cwd)), NO, ""),
    (CALL_CHDIR, &[Text("none")], Some(ENOENT), ("none", Some(Cwd)), NO, ""),
    // Q_QUOTAON names a second file, Q_QUOTAOFF does not.
    (CALL_QUOTACTL, &[Is(0x8000_0200), Text("/dev/none"), Is(0), Text("quota")], None, ("/dev/none", None), NO, "quota"),
    (CALL_QUOTACTL, &[Is(0x8000_0300), Text("/dev/none"), Is(0), Text("quota")], None, ("/dev/none", None), NO, ""),
};

fn names(calls: impl Iterator<Item = u8>) -> Vec<&'static str> {
    calls
        .map(|call| numbers_of(call).expect("a call").name)
        .collect()
}

#[test]
fn every_call_tells_its_paths_and_where_they_start() {
    let mut rig = Rig::new(&names(ROWS.iter().map(|row| row.0)));
    let place = Place::new();
    let calls: Vec<(u8, [u64; 6])> = ROWS
        .iter()
        .map(|(call, arguments, ..)| {
            let mut values = [0; 6];
            for (to, from) in values.iter_mut().zip(*arguments) {
                *to = place.value(*from);
            }
            (*call, values)
        })
        .collect();
    let seen = run(&mut rig, |child| {
        call64(FCHDIR, [fd(&place.cwd)]);
        for (call, arguments) in &calls {
            child.call(*call, *arguments);
        }
    });
    assert_eq!(seen.len(), ROWS.len());
    for (row, (result, record)) in ROWS.iter().zip(&seen) {
        let (call, _, expected, path, path2, text) = row;
        let name = numbers_of(*call).expect("a call").name;
        match expected {
            Some(expected) => assert_eq!(result, expected, "{name}"),
            None => assert!(*result < 0, "{name}: {result}"),
        }
        for (seen, dir, (path, start)) in [
            (record.path, record.dir, path),
            (record.path2, record.dir2, path2),
        ] {
            assert_eq!(
                (show(seen.bytes), seen.flags),
                (show(path.as_bytes()), 0),
                "{name}"
            );
            let start = place.start(*start);
            assert_eq!(
                show(dir.bytes),
                show(start.as_os_str().as_bytes()),
                "{name}"
            );
        }
        assert_eq!(show(record.text.bytes), show(text.as_bytes()), "{name}");
        assert_eq!(record.fixed.header.flags, 0, "{name}");
        assert_eq!(
            (record.fixed.fd, record.target.bytes),
            (-1, &b""[..]),
            "{name}"
        );
        assert!(
            record.addr.bytes.is_empty() && record.data.bytes.is_empty(),
            "{name}"
        );
    }
}

#[test]
fn names_are_bytes_up_to_the_longest_path() {
    let mut rig = Rig::new(&["mkdir", "rename"]);
    let longest = format!("/saker-test{}", "/x".repeat(2042)).into_bytes();
    assert_eq!(longest.len(), 4095);
    let longer = [&longest[..], b"/more"].concat();
    let paths = [
        &b"/saker-test/line\nbreak"[..],
        b"/saker-test/\xff\xfe",
        &longest,
    ];
    let addresses = paths.map(text);
    let cut = text(&longer);
    let seen = run(&mut rig, |child| {
        for address in addresses {
            child.call(CALL_MKDIR, [address, 0o700]);
            child.call(CALL_RENAME, [address, address]);
        }
        child.call(CALL_MKDIR, [cut, 0o700]);
        child.call(CALL_MKDIR, [8, 0o700]);
        child.call(CALL_MKDIR, [0, 0o700]);
    });
    for (path, pair) in paths.iter().zip(seen.chunks(2)) {
        assert_eq!(pair[0].1.path.bytes, *path);
        assert_eq!(
            (pair[1].1.path.bytes, pair[1].1.path2.bytes),
            (*path, *path)
        );
        assert_eq!((pair[0].0, pair[0].1.fixed.header.flags), (ENOENT, 0));
    }
    let [(.., cut), (.., unmapped), (.., null)] = &seen[6..] else {
        panic!("three more")
    };
    assert_eq!(
        (cut.path.bytes, cut.fixed.header.flags),
        (&longest[..], RECORD_TRUNCATED)
    );
    assert!(cut.path.truncated());
    assert!(unmapped.path.read_failed() && unmapped.path.bytes.is_empty());
    assert_eq!(unmapped.fixed.header.flags, RECORD_READ_FAILED);
    assert_eq!(
        (null.path.bytes, null.path.flags, null.dir.bytes),
        (&b""[..], 0, &b""[..])
    );
}

#[test]
fn a_path_from_a_deleted_directory_says_so() {
    let mut rig = Rig::new(&["mkdir", "unlinkat"]);
    let place = Place::new();
    let (name, sub) = (text("name"), fd(&place.sub));
    let seen = run(&mut rig, |child| {
        call64(FCHDIR, [sub]);
        call64(84, [text_of_child(c"../sub")]);
        child.call(CALL_MKDIR, [name, 0o700]);
        child.call(CALL_UNLINKAT, [sub, name, 0]);
    });
    for (result, record) in &seen {
        assert_eq!(*result, ENOENT);
        assert_eq!(
            record.dir.bytes,
            place.dir.join("sub").as_os_str().as_bytes()
        );
        assert_eq!(record.dir.flags, PATH_DELETED);
    }
}

/// A string that is in memory already: a child must not allocate.
fn text_of_child(text: &'static std::ffi::CStr) -> u64 {
    text.as_ptr().addr() as u64
}
