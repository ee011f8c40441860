//! The open family: arguments, result, both views of the path, the inode.

use std::{
    ffi::{CString, OsStr},
    os::{
        fd::AsRawFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::Path,
};

use exporter_ebpf::record::{
    CALL_CREAT, CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, OPEN_CREATED, PATH_DELETED,
    RECORD_READ_FAILED, RECORD_TRUNCATED,
};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::{
    raw::call64,
    rig::{Rig, assert_own},
};

const AT_FDCWD: i32 = -100;
const ENOENT: i64 = -2;
const O_LARGEFILE: u64 = 0o100_000;
const ALL: &[&str] = &["open", "openat", "openat2", "creat"];

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// The real path of a temporary directory, so that both views agree.
fn directory() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let real = dir.path().canonicalize().expect("canonical");
    (dir, real)
}

#[test]
fn openat_tells_what_was_asked_and_what_was_opened() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    let path = dir.join("file");
    let fd = openat(
        CWD,
        &path,
        OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC,
        Mode::from(0o640),
    )
    .expect("open");

    let open = rig.own_open(bytes(&path));
    assert_own(&open.fixed.header);
    assert_eq!(open.fixed.call.call, CALL_OPENAT);
    assert_eq!(open.fixed.call.result, i64::from(fd.as_raw_fd()));
    assert_eq!(open.fixed.dirfd, AT_FDCWD);
    // The library asks for large files besides.
    let asked = open.fixed.flags & !O_LARGEFILE;
    assert_eq!(
        asked,
        u64::from((OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC).bits())
    );
    assert_eq!(open.fixed.mode, 0o640);
    assert_eq!(open.fixed.effects, OPEN_CREATED);
    assert_eq!(open.effective.bytes, bytes(&path));
    assert_eq!(open.effective.in_root(), bytes(&path));
    assert_eq!((open.effective.flags, open.requested.flags), (0, 0));
    assert!(
        open.dir.bytes.is_empty(),
        "an absolute path starts from no directory"
    );

    let (inode, meta) = (open.fixed.inode, path.metadata().expect("metadata"));
    assert_eq!(inode.ino, meta.ino());
    assert_eq!(u64::from(inode.dev), meta.dev());
    assert_eq!(u32::from(inode.mode), meta.mode());
    assert_eq!(inode.flags, 0);
}

#[test]
fn the_second_open_created_nothing() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    let path = dir.join("file");
    for effects in [OPEN_CREATED, 0] {
        openat(
            CWD,
            &path,
            OFlags::CREATE | OFlags::WRONLY,
            Mode::from(0o600),
        )
        .expect("open");
        assert_eq!(rig.own_open(bytes(&path)).fixed.effects, effects);
    }
}

#[test]
fn open_and_creat_have_their_own_arguments() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    let path = dir.join("old calls");
    let text = CString::new(bytes(&path)).expect("no NUL");
    let address = text.as_ptr().addr() as u64;

    let fd = call64(85, [address, 0o604, 0, 0]);
    let creat = rig.own_open(bytes(&path));
    assert_eq!(
        (creat.fixed.call.call, creat.fixed.call.result),
        (CALL_CREAT, fd)
    );
    assert_eq!(
        creat.fixed.flags,
        u64::from((OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC).bits())
    );
    assert_eq!(
        (creat.fixed.mode, creat.fixed.dirfd, creat.fixed.effects),
        (0o604, AT_FDCWD, OPEN_CREATED)
    );

    let fd = call64(2, [address, u64::from(OFlags::RDONLY.bits()), 0, 0]);
    let open = rig.own_open(bytes(&path));
    assert_eq!(
        (open.fixed.call.call, open.fixed.call.result),
        (CALL_OPEN, fd)
    );
    assert_eq!(
        (open.fixed.flags, open.fixed.dirfd, open.fixed.effects),
        (0, AT_FDCWD, 0)
    );
    assert_eq!(open.effective.bytes, bytes(&path));
}

#[test]
fn openat2_carries_resolve_and_a_directory() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    std::fs::write(dir.join("inside"), "").expect("write");
    let dirfd =
        openat(CWD, &dir, OFlags::DIRECTORY | OFlags::PATH, Mode::empty()).expect("directory");
    let fd = openat2(
        &dirfd,
        "inside",
        OFlags::RDONLY,
        Mode::empty(),
        ResolveFlags::BENEATH,
    )
    .expect("openat2");

    let open = rig.own_open(b"inside");
    assert_eq!(
        (open.fixed.call.call, open.fixed.call.result),
        (CALL_OPENAT2, i64::from(fd.as_raw_fd()))
    );
    assert_eq!(open.fixed.dirfd, dirfd.as_raw_fd());
    assert_eq!(open.fixed.resolve, ResolveFlags::BENEATH.bits());
    assert_eq!(open.dir.bytes, bytes(&dir));
    assert_eq!(open.effective.bytes, bytes(&dir.join("inside")));

    // Out of the directory that it must stay in: refused, and the record says what was tried.
    openat2(
        &dirfd,
        "../outside",
        OFlags::RDONLY,
        Mode::empty(),
        ResolveFlags::BENEATH,
    )
    .expect_err("beneath");
    let refused = rig.own_open(b"../outside");
    assert_eq!(refused.fixed.call.result, -18, "EXDEV");
    assert_eq!(refused.dir.bytes, bytes(&dir));
    assert!(refused.effective.bytes.is_empty());
    assert_eq!(refused.fixed.inode.ino, 0);
}

#[test]
fn a_failed_open_tells_what_was_asked() {
    let mut rig = Rig::new(ALL);
    let path = Path::new("/saker-test/there is nothing here");
    openat(CWD, path, OFlags::RDONLY, Mode::empty()).expect_err("not there");
    let open = rig.own_open(bytes(path));
    assert_eq!(open.fixed.call.result, ENOENT);
    assert_eq!(open.requested.flags, 0);
    assert_eq!((open.effective.bytes, open.effective.flags), (&b""[..], 0));
    assert_eq!(open.fixed.header.flags, 0);
}

#[test]
fn relative_paths_and_links_have_two_views() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    std::fs::create_dir_all(dir.join("a/b")).expect("mkdir");
    std::fs::write(dir.join("a/target"), "").expect("write");
    std::os::unix::fs::symlink("../target", dir.join("a/b/link")).expect("symlink");
    let cwd = std::env::current_dir()
        .expect("cwd")
        .canonicalize()
        .expect("cwd");
    let up = format!(
        "{}{}/a/b/../b/link",
        "../".repeat(cwd.components().count()),
        &dir.display().to_string()[1..]
    );
    for requested in [
        format!("{}/a/b/link", dir.display()),
        format!("{}//a/./b/../target", dir.display()),
        up,
    ] {
        openat(CWD, requested.as_str(), OFlags::RDONLY, Mode::empty()).expect("open");
        let open = rig.own_open(requested.as_bytes());
        assert_eq!(
            open.effective.bytes,
            bytes(&dir.join("a/target")),
            "{requested}"
        );
        let start: &[u8] = if requested.starts_with('/') {
            b""
        } else {
            bytes(&cwd)
        };
        assert_eq!(open.dir.bytes, start, "{requested}");
    }
}

#[test]
fn names_are_bytes() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    for name in [
        &b"line\nbreak"[..],
        b"not \xff\xfe text",
        b"tab\tand \"quote\"",
        &[b'n'; 255],
    ] {
        let path = dir.join(OsStr::from_bytes(name));
        openat(
            CWD,
            &path,
            OFlags::CREATE | OFlags::WRONLY,
            Mode::from(0o600),
        )
        .expect("open");
        let open = rig.own_open(bytes(&path));
        assert_eq!(open.effective.bytes, bytes(&path));
    }
}

#[test]
fn a_deleted_file_keeps_its_path() {
    let mut rig = Rig::new(ALL);
    let (_dir, dir) = directory();
    let path = dir.join("gone");
    let first = openat(CWD, &path, OFlags::CREATE | OFlags::RDWR, Mode::from(0o600)).expect("open");
    std::fs::remove_file(&path).expect("remove");
    let again = format!("/proc/self/fd/{}", first.as_raw_fd());
    openat(CWD, again.as_str(), OFlags::RDONLY, Mode::empty()).expect("open again");
    let open = rig.own_open(again.as_bytes());
    assert_eq!(open.effective.bytes, bytes(&path));
    assert_eq!(open.effective.flags, PATH_DELETED);
}

#[test]
fn the_longest_path_is_whole_and_a_longer_one_is_flagged() {
    let mut rig = Rig::new(ALL);
    // 4095 bytes and the NUL are what the kernel takes.
    let longest = format!("/saker-test{}", "/x".repeat(2042));
    assert_eq!(longest.len(), 4095);
    openat(CWD, longest.as_str(), OFlags::RDONLY, Mode::empty()).expect_err("not there");
    let open = rig.own_open(longest.as_bytes());
    assert_eq!(open.fixed.call.result, ENOENT);
    assert_eq!((open.requested.flags, open.fixed.header.flags), (0, 0));

    let longer = CString::new(format!("{longest}/and more")).expect("no NUL");
    call64(2, [longer.as_ptr().addr() as u64, 0, 0, 0]);
    let cut = rig.own_open(longest.as_bytes());
    assert_eq!(cut.fixed.call.result, -36, "ENAMETOOLONG");
    assert!(cut.requested.truncated());
    assert_eq!(cut.fixed.header.flags, RECORD_TRUNCATED);
}

#[test]
fn an_address_without_memory_is_flagged() {
    let mut rig = Rig::new(ALL);
    call64(2, [8, 0, 0, 0]);
    let open = rig.own_open(b"");
    assert_eq!(open.fixed.call.result, -14, "EFAULT");
    assert!(open.requested.read_failed());
    assert_eq!(
        open.fixed.header.flags & RECORD_READ_FAILED,
        RECORD_READ_FAILED
    );
}

#[test]
fn bits_above_the_number_hide_nothing() {
    // The kernel looks at 32 bits of rax: 2 with anything above is open.
    let mut rig = Rig::new(ALL);
    let text = c"/saker-test/hidden number";
    let result = call64(
        0xdead_beef_0000_0002,
        [text.as_ptr().addr() as u64, 0, 0, 0],
    );
    assert_eq!(result, ENOENT, "the kernel took it for open");
    let open = rig.own_open(text.to_bytes());
    assert_eq!(
        (open.fixed.call.call, open.fixed.call.result),
        (CALL_OPEN, ENOENT)
    );
}

#[test]
fn calls_that_are_not_watched_give_no_record() {
    let mut rig = Rig::new(&["openat"]);
    let text = c"/saker-test/unwatched";
    let address = text.as_ptr().addr() as u64;
    let mut others = 0;
    let mut until = |rig: &mut Rig, end: &[u8]| {
        rig.wait("the end", |record| match record {
            exporter_ebpf::record::Record::Open(open)
                if open.requested.bytes == text.to_bytes() =>
            {
                others += 1;
                None
            }
            exporter_ebpf::record::Record::Open(open) if open.requested.bytes == end => {
                Some(others)
            }
            _ => None,
        })
    };
    let end = |name: &str| openat(CWD, name, OFlags::RDONLY, Mode::empty()).expect_err("not there");

    call64(2, [address, 0, 0, 0]);
    end("/saker-test/first end");
    assert_eq!(until(&mut rig, b"/saker-test/first end"), 0, "open is off");

    rig.watch(&["openat", "open"]);
    call64(2, [address, 0, 0, 0]);
    end("/saker-test/second end");
    assert_eq!(until(&mut rig, b"/saker-test/second end"), 1, "open is on");

    rig.watch(&["openat"]);
    call64(2, [address, 0, 0, 0]);
    end("/saker-test/third end");
    assert_eq!(
        until(&mut rig, b"/saker-test/third end"),
        1,
        "open is off again"
    );
}
