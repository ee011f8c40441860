//! The file system of the containers: one static program under many names.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes the tree below `folder`.
pub fn make(folder: &Path) -> PathBuf {
    let root = folder.join("rootfs");
    for below in ["bin", "etc", "proc", "sys", "dev", "tmp"] {
        fs::create_dir_all(root.join(below)).expect("the scratch folder is writable");
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .expect("Debian package busybox-static");
    fs::copy(busybox, root.join("bin/busybox")).expect("copied");
    for name in [
        "sh", "cat", "sleep", "true", "tty", "ip", "nc", "base64", "chmod", "cp", "ln", "mkdir",
        "mount", "tar", "touch", "watch", "wget",
    ] {
        symlink("busybox", root.join("bin").join(name)).expect("linked");
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("written");
    fs::write(root.join("etc/shadow"), "root:*:1::::::\n").expect("written");
    root
}

/// The tree as an archive, for an engine that imports one.
pub fn archive(root: &Path) -> PathBuf {
    let archive = root.with_extension("tar");
    let status = Command::new("tar")
        .arg("-C")
        .arg(root)
        .arg("-cf")
        .arg(&archive)
        .arg(".")
        .status();
    assert!(status.expect("tar runs").success());
    archive
}
