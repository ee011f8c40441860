//! Effective paths across mounts: overlayfs, bind mounts, chroot, what is outside and what has no path.
//!
//! Each test works in a mount namespace of a child, which takes its mounts with it.

use std::{os::unix::ffi::OsStrExt, path::PathBuf};

use exporter_ebpf::record::{
    INODE_MEMFD, INODE_OVERLAY_LOWER, INODE_OVERLAY_UPPER, PATH_DETACHED, PATH_OUTSIDE_ROOT,
    PATH_PSEUDO, Path, TAIL_TRUNCATED,
};
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, openat};

use crate::rig::{Rig, shell};

/// A directory whose name no other test has.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("tempdir");
    let real = dir.path().canonicalize().expect("canonical");
    (dir, real)
}

fn assert_path(path: &Path<'_>, expected: impl AsRef<std::path::Path>) {
    let expected = expected.as_ref().as_os_str().as_bytes();
    assert_eq!(
        path.bytes.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn overlayfs_shows_the_merged_path_and_the_layer() {
    let mut rig = Rig::new(&["openat"]);
    let (_temp, dir) = directory();
    shell(
        r#"cd "$1"; mkdir lower upper work merged; echo old > lower/kept; echo old > lower/changed
           unshare -m sh -euc 'mount -t tmpfs none upper; mkdir upper/u upper/w
               mount -t overlay overlay -o lowerdir=lower,upperdir=upper/u,workdir=upper/w merged
               echo new > merged/changed; echo new > merged/added
               for name in kept changed added; do cat "$PWD/merged/$name"; done'"#,
        &[&dir],
    );
    for (name, layer) in [
        ("kept", INODE_OVERLAY_LOWER),
        ("changed", INODE_OVERLAY_UPPER),
        ("added", INODE_OVERLAY_UPPER),
    ] {
        let path = dir.join("merged").join(name);
        let open = rig.wait(name, |record| match record {
            exporter_ebpf::record::Record::Open(open)
                if open.requested.bytes == path.as_os_str().as_bytes()
                    && open.fixed.flags & 3 == 0 =>
            {
                Some(open)
            }
            _ => None,
        });
        assert_path(&open.effective, &path);
        assert_eq!(open.fixed.inode.flags, layer, "{name}");
    }
}

#[test]
fn a_bind_mount_is_named_by_where_it_is_mounted() {
    let mut rig = Rig::new(&["openat"]);
    let (_temp, dir) = directory();
    shell(
        r#"cd "$1"; mkdir -p from/deep to; echo x > from/deep/file; echo x > from/single; : > place
           unshare -m sh -euc 'mount --bind from/deep to; mount --bind from/single place
               cat "$PWD/to/file"; cat "$PWD/place"'"#,
        &[&dir],
    );
    for name in ["to/file", "place"] {
        let open = rig.any_open(dir.join(name).as_os_str().as_bytes());
        assert_path(&open.effective, dir.join(name));
        assert_eq!(open.effective.flags, 0);
    }
}

#[test]
fn a_chroot_has_both_its_own_path_and_the_whole() {
    let (temp, dir) = directory();
    let file = temp.path().join("in the chroot");
    std::fs::write(&file, "").expect("write");
    let mut rig = Rig::new(&["openat"]);
    shell(
        r#"unshare -m sh -euc 'mkdir "$1/root"; mount --rbind / "$1/root"; chroot "$1/root" cat "$2"' sh "$1" "$2""#,
        &[&dir, &file],
    );
    let open = rig.any_open(file.as_os_str().as_bytes());
    let root = dir.join("root");
    assert_path(
        &open.effective,
        format!("{}{}", root.display(), file.display()),
    );
    assert_eq!(open.effective.in_root(), file.as_os_str().as_bytes());
    assert_eq!(open.effective.flags, 0);
}

#[test]
fn a_directory_outside_of_the_chroot_is_flagged() {
    let mut rig = Rig::new(&["openat"]);
    let (_temp, dir) = directory();
    std::fs::write(dir.join("outside-of-it"), "").expect("write");
    // The working directory stays where it was: the classic way out.
    shell(
        r#"unshare -m sh -euc 'mkdir "$1/root"; mount --rbind / "$1/root"; cd "$1"
               exec 9< .; chroot "$1/root" sh -c "cat /proc/self/fd/9/outside-of-it"' sh "$1""#,
        &[&dir],
    );
    let open = rig.any_open(b"/proc/self/fd/9/outside-of-it");
    assert_path(&open.effective, dir.join("outside-of-it"));
    assert_eq!(open.effective.flags, PATH_OUTSIDE_ROOT);
}

#[test]
fn a_detached_mount_is_flagged() {
    let mut rig = Rig::new(&["openat"]);
    let (_temp, dir) = directory();
    shell(
        r#"mkdir "$1/m"; unshare -m sh -euc 'mount -t tmpfs none "$1/m"; echo x > "$1/m/file-in-detached"
               cd "$1/m"; umount -l "$1/m"; cat ./file-in-detached' sh "$1""#,
        &[&dir],
    );
    let open = rig.any_open(b"./file-in-detached");
    assert_path(&open.effective, "/file-in-detached");
    assert_eq!(open.effective.flags, PATH_DETACHED | PATH_OUTSIDE_ROOT);
    assert_eq!(open.dir.bytes, b"/");
    assert_eq!(open.dir.flags, PATH_DETACHED | PATH_OUTSIDE_ROOT);
}

#[test]
fn the_root_is_a_slash() {
    let mut rig = Rig::new(&["openat"]);
    openat(CWD, "//", OFlags::DIRECTORY, Mode::empty()).expect("open");
    let open = rig.own_open(b"//");
    assert_path(&open.effective, "/");
    assert_eq!(
        (open.effective.in_root(), open.effective.flags),
        (&b"/"[..], 0)
    );
}

#[test]
fn what_has_no_path_is_flagged() {
    let mut rig = Rig::new(&["openat"]);
    let memfd = rustix::fs::memfd_create("saker", MemfdFlags::CLOEXEC).expect("memfd");
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memfd));
    openat(CWD, link.as_str(), OFlags::RDONLY, Mode::empty()).expect("open");
    let open = rig.own_open(link.as_bytes());
    assert_path(&open.effective, "memfd:saker");
    assert_eq!(open.effective.flags, PATH_PSEUDO);
    assert_eq!(open.fixed.inode.flags, INODE_MEMFD);

    let (read, _write) = rustix::pipe::pipe().expect("pipe");
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&read));
    openat(CWD, link.as_str(), OFlags::RDONLY, Mode::empty()).expect("open");
    let open = rig.own_open(link.as_bytes());
    assert_path(&open.effective, "");
    assert_eq!(open.effective.flags, PATH_PSEUDO);
    assert_eq!(open.fixed.inode.mode & 0o170_000, 0o010_000, "a pipe");
    assert_eq!(open.fixed.inode.flags, 0);
}

#[test]
fn a_path_too_deep_keeps_its_end() {
    let mut rig = Rig::new(&["openat"]);
    let (_temp, dir) = directory();
    let mut deep = dir;
    for _ in 0..300 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).expect("mkdir");
    openat(CWD, &deep, OFlags::DIRECTORY, Mode::empty()).expect("open");
    let open = rig.own_open(deep.as_os_str().as_bytes());
    assert_eq!(open.effective.flags, TAIL_TRUNCATED);
    assert!(
        open.effective.bytes.len() >= 2 * 100,
        "{}",
        open.effective.bytes.len()
    );
    assert!(deep.as_os_str().as_bytes().ends_with(open.effective.bytes));
}
