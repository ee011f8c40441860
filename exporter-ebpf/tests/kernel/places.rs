//! Calls that go to other directories, change mounts, or open a file by its handle.

use std::{
    ffi::OsStr,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use exporter_ebpf::record::*;
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::{
    child::run,
    raw::{call64, low_memory, text},
    rig::Rig,
};

pub(crate) const FCHDIR: u64 = 81;
pub(crate) const ENOENT: i64 = -2;
pub(crate) const EBADF: i64 = -9;
pub(crate) const EINVAL: i64 = -22;

/// A temporary directory with `sub` in it, and descriptors of both.
pub(crate) struct Place {
    _temp: tempfile::TempDir,
    pub(crate) dir: PathBuf,
    pub(crate) cwd: OwnedFd,
    pub(crate) sub: OwnedFd,
}

impl Place {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("tempdir");
        let dir = temp.path().canonicalize().expect("canonical");
        std::fs::create_dir(dir.join("sub")).expect("mkdir");
        let open = |path: &Path| {
            openat(CWD, path, OFlags::DIRECTORY | OFlags::PATH, Mode::empty()).expect("directory")
        };
        Self {
            cwd: open(&dir),
            sub: open(&dir.join("sub")),
            _temp: temp,
            dir,
        }
    }
}

pub(crate) fn fd(fd: &OwnedFd) -> u64 {
    fd.as_raw_fd().unsigned_abs().into()
}

pub(crate) fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn who_goes_elsewhere_says_where_to() {
    let mut rig = Rig::new(&["chdir", "fchdir", "chroot"]);
    let place = Place::new();
    let (relative, absolute) = (text("sub"), text(place.dir.as_os_str().as_bytes()));
    let sub = fd(&place.sub);
    let seen = run(&mut rig, |child| {
        child.call(CALL_CHDIR, [absolute]);
        child.call(CALL_CHDIR, [relative]);
        child.call(CALL_FCHDIR, [sub]);
        child.call(CALL_FCHDIR, [9999]);
        child.call(CALL_CHDIR, [absolute]);
        child.call(CALL_CHROOT, [relative]);
    });
    let inside = place.dir.join("sub");
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    assert_eq!(results, [0, 0, 0, EBADF, 0, 0]);
    let target = |at: usize| show(seen[at].1.target.bytes);
    let path = |path: &Path| show(path.as_os_str().as_bytes());
    for (at, expected) in [
        (0, &place.dir),
        (1, &inside),
        (2, &inside),
        (4, &place.dir),
        (5, &inside),
    ] {
        assert_eq!(target(at), path(expected), "{at}");
    }
    // The directory that a successful chdir started from is not known any more.
    assert!(seen[1].1.dir.bytes.is_empty());
    assert_eq!(
        (seen[2].1.fixed.fd, seen[3].1.fixed.fd),
        (place.sub.as_raw_fd(), 9999)
    );
    assert_eq!(target(3), "");
    let root = &seen[5].1;
    assert_eq!(
        (root.target.in_root(), root.path.bytes),
        (&b"/"[..], &b"sub"[..])
    );
    assert_eq!(show(root.dir.bytes), path(&place.dir));
    assert_eq!(root.dir.flags, PATH_OUTSIDE_ROOT);
}

#[test]
fn mounts_come_and_go() {
    let mut rig = Rig::new(&[
        "mount",
        "umount2",
        "fsopen",
        "fsconfig",
        "fsmount",
        "move_mount",
        "pivot_root",
        "setns",
        "unshare",
    ]);
    let place = Place::new();
    let inside = text(place.dir.join("sub").as_os_str().as_bytes());
    let (tmpfs, none, root, dot) = (text("tmpfs"), text("none"), text("/"), text("."));
    let (source, value, mode) = (text("source"), text("a name"), text("mode"));
    let namespace = std::fs::File::open("/proc/self/ns/mnt").expect("namespace");
    let namespace_fd = u64::from(namespace.as_raw_fd().unsigned_abs());
    let cwd = -100i64 as u64;
    let seen = run(&mut rig, |child| {
        child.call(CALL_UNSHARE, [0x0002_0000]); // CLONE_NEWNS
        child.call(CALL_UNSHARE, [0xffff_ffff]);
        child.call(CALL_MOUNT, [none, root, 0, 0x4_4000, 0]); // MS_REC | MS_PRIVATE
        child.call(CALL_MOUNT, [none, inside, tmpfs, 2, 0]); // MS_NOSUID
        child.call(CALL_UMOUNT2, [inside, 2]);
        let context = child.call(CALL_FSOPEN, [tmpfs, 1]) as u64;
        child.call(CALL_FSCONFIG, [context, 1, source, value, 0]); // FSCONFIG_SET_STRING
        child.call(CALL_FSCONFIG, [context, 0, mode, 0, 0]); // FSCONFIG_SET_FLAG
        child.call(CALL_FSCONFIG, [context, 6, 0, 0, 0]); // FSCONFIG_CMD_CREATE
        let mount = child.call(CALL_FSMOUNT, [context, 0, 0]) as u64;
        let empty = none + 4;
        child.call(CALL_MOVE_MOUNT, [mount, empty, cwd, inside, 4]); // MOVE_MOUNT_F_EMPTY_PATH
        call64(80, [inside]);
        child.call(CALL_PIVOT_ROOT, [dot, dot]);
        child.call(CALL_SETNS, [namespace_fd, 0]);
        child.call(CALL_SETNS, [9999, 0]);
    });
    let results: Vec<i64> = seen.iter().map(|(result, _)| *result).collect();
    let (context, mount) = (results[5], results[9]);
    assert!(context >= 0 && mount >= 0, "{results:?}");
    assert_eq!(
        results,
        [
            0, EINVAL, 0, 0, 0, context, 0, EINVAL, 0, mount, 0, 0, 0, EBADF
        ]
    );
    let told = |at: usize| {
        let record = &seen[at].1;
        [
            record.path.bytes,
            record.path2.bytes,
            record.text.bytes,
            record.data.bytes,
        ]
        .map(show)
    };
    let sub = place.dir.join("sub").display().to_string();
    assert_eq!(told(2), ["none", "/", "", ""]);
    assert_eq!(told(3), ["none", &sub, "tmpfs", ""]);
    assert_eq!(told(4), [&sub, "", "", ""]);
    assert_eq!(told(5), ["", "", "tmpfs", ""]);
    assert_eq!(told(6), ["", "", "source", "a name"]);
    assert_eq!(told(7), ["", "", "mode", ""]);
    assert_eq!(told(10), ["", &sub, "", ""]);
    assert_eq!(told(11), [".", ".", "", ""]);
    for (_, record) in &seen[5..9] {
        assert_eq!(i64::from(record.fixed.fd), context);
        assert_eq!(show(record.target.bytes), "[fscontext]");
    }
    assert_eq!(i64::from(seen[9].1.fixed.fd), mount);
    let inode = std::os::unix::fs::MetadataExt::ino(&namespace.metadata().expect("metadata"));
    assert_eq!(seen[12].1.fixed.inode.ino, inode);
    assert_eq!((seen[13].1.fixed.fd, seen[13].1.fixed.inode.ino), (9999, 0));
}

#[test]
fn a_file_by_its_handle_is_named() {
    let mut rig = Rig::new(&["open_by_handle_at"]);
    let place = Place::new();
    let path = place.dir.join(OsStr::from_bytes(b"by\nhandle"));
    std::fs::write(&path, "").expect("write");
    let (name, mount_id) = (text(path.as_os_str().as_bytes()), text(""));
    // struct file_handle: room for 128 bytes, then type and handle, which the kernel fills in.
    let handle = u64::from(low_memory(&[&128u32.to_ne_bytes()[..], &[0; 132]].concat()));
    let cwd = fd(&place.cwd);
    let named = call64(303, [-100i64 as u64, name, handle, mount_id, 0]);
    // A descriptor that may be read from: one of O_PATH is refused.
    let mount = std::fs::File::open(&place.dir).expect("open");
    let mount_fd = u64::from(mount.as_raw_fd().unsigned_abs());
    let seen = run(&mut rig, |child| {
        child.call(CALL_OPEN_BY_HANDLE_AT, [mount_fd, handle, 0]);
        child.call(CALL_OPEN_BY_HANDLE_AT, [cwd, 8, 0]);
    });
    let (result, record) = &seen[0];
    if named == 0 && *result >= 0 {
        assert_eq!(i64::from(record.fixed.fd), *result);
        assert_eq!(show(record.target.bytes), show(path.as_os_str().as_bytes()));
    } else {
        // The file system has no handles.
        assert!(*result < 0, "{named} {result}");
    }
    let (result, record) = &seen[1];
    assert!(*result < 0 && *result != -1, "{result}");
    assert_eq!(record.fixed.fd, place.cwd.as_raw_fd());
    assert_eq!(
        show(record.target.bytes),
        show(place.dir.as_os_str().as_bytes())
    );
}
