//! Calls that open files, and calls on paths.

use super::*;

#[test]
fn files_show_the_path_of_the_view() {
    let rows = [
        ("fd.num", "3"),
        ("fd.name", "/etc/shadow"),
        ("fd.nameraw", "../etc//shadow"),
        ("fd.directory", "/etc"),
        ("fd.filename", "shadow"),
        ("fd.type", "file"),
        ("fd.typechar", "f"),
        ("fd.l4proto", "<NA>"),
        ("fd.ino", "77"),
        ("fd.dev.major", "3"),
        ("fd.dev.minor", "2049"),
        ("fd.is_upper_layer", "true"),
        ("fd.uid", "313"),
        ("fd.ip", "()"),
        ("fd.sip", "-"),
        ("fs.path.name", "/etc/shadow"),
        ("fs.path.nameraw", "../etc//shadow"),
        ("evt.abspath", "/etc/shadow"),
        ("evt.abspath.src", "-"),
        ("evt.is_open_read", "true"),
        ("evt.is_open_write", "false"),
        ("evt.category", "file"),
        ("evt.view", "requested"),
        ("evt.arg.flags", "O_RDONLY|O_CLOEXEC|FD_UPPER_LAYER"),
        ("evt.arg.dirfd", "AT_FDCWD"),
        ("evt.arg.fd", "<f>/etc/shadow"),
        ("evt.arg.name", "/etc/shadow"),
        ("evt.rawarg.name", "../etc//shadow"),
        ("evt.arg.mode", "0"),
        ("evt.arg.filename", "-"),
        ("evt.arg[1]", "AT_FDCWD"),
        ("evt.arg[99]", "-"),
        (
            "evt.args",
            "fd=3(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=../etc//shadow(/etc/shadow) \
             flags=80000(O_RDONLY|O_CLOEXEC|FD_UPPER_LAYER) mode=0 dev=800301 ino=77",
        ),
    ];
    called("openat", open(3), &rows);
    check(
        Facts::Call(open(3)),
        "openat",
        View::Effective,
        true,
        &[
            ("fd.name", "/etc/shadow.real"),
            ("evt.arg.name", "/etc/shadow.real"),
            ("evt.view", "effective"),
        ],
    );
}

#[test]
fn a_failed_open_tells_what_was_asked_for() {
    let failed = Call {
        args: [AT_FDCWD, 0, 0o201_102, 0o4750, 0, 0],
        effective: b"",
        file: File::default(),
        ..open(-2)
    };
    let rows = [
        ("evt.res", "ENOENT"),
        ("evt.rawres", "-2"),
        ("evt.failed", "true"),
        ("evt.count.error.file", "1"),
        ("fd.num", "-1"),
        ("fd.name", "/etc/shadow"),
        ("fd.directory", "/etc"),
        ("fd.type", "-"),
        ("fd.typechar", "d"),
        ("fd.filename", "-"),
        ("fd.ino", "-"),
        ("fs.path.name", "/etc/shadow"),
        ("evt.arg.fd", "ENOENT"),
        ("evt.arg.flags", "O_DIRECTORY|O_TRUNC|O_CREAT|O_RDWR"),
        ("evt.arg.mode", "04750"),
        ("evt.is_open_exec", "true"),
    ];
    called("openat", failed, &rows);
    // Falco's word for a failed open is -1.
    let refused = Call {
        result: -1,
        ..failed
    };
    called("openat", refused, &[("fs.path.name", "-")]);
}

#[test]
fn creat_is_neither_open_read_nor_open_write() {
    let creat = Call {
        args: [AT_FDCWD, 0, 0o1101, 0o755, 0, 0],
        ..open(3)
    };
    let rows = [
        ("evt.is_open_write", "false"),
        ("evt.is_open_read", "false"),
        ("evt.is_open_exec", "true"),
        ("evt.arg.creat_flags", "0"),
    ];
    called("creat", creat, &rows);
}

fn named(written: &'static str) -> Named<'static> {
    Named {
        written: written.as_bytes(),
        dir: b"/work",
    }
}

#[test]
fn a_symlinks_source_is_the_link_and_its_target_what_it_says() {
    let call = Call {
        first: named("lnk"),
        text: b"/etc/shadow",
        fd: -1,
        ..Call::default()
    };
    let rows = [
        ("evt.arg.target", "/etc/shadow"),
        ("evt.arg.linkpath", "/work/lnk"),
        ("fs.path.source", "/work/lnk"),
        ("fs.path.sourceraw", "lnk"),
        ("fs.path.target", "/etc/shadow"),
        ("fs.path.name", "-"),
        ("fd.name", "-"),
        ("fd.num", "-"),
    ];
    called("symlink", call, &rows);
    let relative = Call {
        text: b"../etc/shadow",
        args: [0, AT_FDCWD, 0, 0, 0, 0],
        ..call
    };
    let rows = [
        ("evt.arg.target", "../etc/shadow"),
        ("evt.arg.linkdirfd", "AT_FDCWD"),
        ("fs.path.target", "/etc/shadow"),
        ("fs.path.targetraw", "../etc/shadow"),
        ("evt.abspath", "/work/lnk"),
    ];
    called("symlinkat", relative, &rows);
}

#[test]
fn links_and_renames_have_two_paths() {
    let call = Call {
        first: named("old"),
        second: Named {
            written: b"new",
            dir: b"/other",
        },
        args: [AT_FDCWD, 0, 9, 0, 1, 0],
        fd: -1,
        ..Call::default()
    };
    for (event, source, target) in [
        ("rename", "/work/old", "/other/new"),
        ("renameat", "/work/old", "/other/new"),
        ("renameat2", "/work/old", "/other/new"),
        ("link", "/other/new", "/work/old"),
        ("linkat", "/other/new", "/work/old"),
    ] {
        let rows = [
            ("evt.arg.oldpath", "/work/old"),
            ("evt.arg.newpath", "/other/new"),
            ("fs.path.source", source),
            ("fs.path.target", target),
        ];
        called(event, call, &rows);
    }
    let rows = [
        ("evt.arg.olddirfd", "AT_FDCWD"),
        ("evt.arg.newdirfd", "<d>/other"),
        ("evt.arg.flags", "RENAME_NOREPLACE"),
        ("evt.abspath", "/work/old"),
        ("evt.abspath.src", "/work/old"),
        ("evt.abspath.dst", "/other/new"),
    ];
    called("renameat2", call, &rows);
    let failed = Call { result: -2, ..call };
    called(
        "rename",
        failed,
        &[("fs.path.source", "-"), ("evt.res", "ENOENT")],
    );
}

#[test]
fn the_descriptor_of_an_at_call_is_its_directory() {
    let call = Call {
        first: named("x"),
        args: [AT_FDCWD, 0, 0x200, 0, 0, 0],
        fd: -1,
        ..Call::default()
    };
    let rows = [
        ("fd.name", ""),
        ("fd.num", "-100"),
        ("fd.type", "-"),
        ("evt.arg.dirfd", "AT_FDCWD"),
        ("evt.arg.name", "/work/x"),
        ("evt.arg.flags", "AT_REMOVEDIR"),
        ("fs.path.name", "/work/x"),
        ("evt.abspath", "/work/x"),
    ];
    called("unlinkat", call, &rows);
    let below = Call {
        args: [7, 0, 0, 0, 0, 0],
        ..call
    };
    let rows = [
        ("fd.name", "/work"),
        ("fd.num", "7"),
        ("fd.typechar", "d"),
        ("evt.arg.dirfd", "<d>/work"),
        ("evt.arg.flags", "0"),
    ];
    called("unlinkat", below, &rows);
    let mkdir = Call {
        args: [7, 0, 0o755, 0, 0, 0],
        ..call
    };
    called(
        "mkdirat",
        mkdir,
        &[("evt.arg.path", "/work/x"), ("evt.arg.mode", "1ed")],
    );
}

#[test]
fn modes_are_symbols_and_owners_are_numbers() {
    let chmod = Call {
        first: named("x"),
        args: [0, 0o4500, 0, 0, 0, 0],
        fd: -1,
        ..Call::default()
    };
    let rows = [
        ("evt.arg.mode", "S_IXUSR|S_IRUSR|S_ISUID"),
        ("evt.rawarg.mode", "2368"),
        ("evt.arg.filename", "/work/x"),
        ("fs.path.name", "/work/x"),
        ("fd.name", "-"),
        ("fd.num", "-"),
    ];
    called("chmod", chmod, &rows);
    let fchmod = Call {
        args: [3, 0o755, 0, 0, 0, 0],
        fd: 3,
        file: open(3).file,
        ..Call::default()
    };
    let rows = [
        ("fd.name", "/etc/shadow.real"),
        ("evt.arg.fd", "<f>/etc/shadow.real"),
        ("fs.path.name", "/etc/shadow.real"),
    ];
    called("fchmod", fchmod, &rows);
    let chown = Call {
        args: [AT_FDCWD, 0, 0, 50, 0x100, 0],
        first: named("x"),
        ..Call::default()
    };
    let rows = [
        ("evt.arg.uid", "0"),
        ("evt.arg.gid", "50"),
        ("evt.arg.pathname", "/work/x"),
        ("evt.arg.flags", "AT_SYMLINK_NOFOLLOW"),
    ];
    called("fchownat", chown, &rows);
}

#[test]
fn mounts_have_a_device_a_directory_and_a_type() {
    let mount = Call {
        first: named("tmpfs"),
        second: named("mnt"),
        text: b"tmpfs",
        args: [0, 0, 0, 0x1001, 0, 0],
        fd: -1,
        ..Call::default()
    };
    let rows = [
        ("evt.arg.dev", "tmpfs"),
        ("evt.arg.dir", "/work/mnt"),
        ("evt.arg.type", "tmpfs"),
        ("evt.arg.flags", "RDONLY|BIND"),
        ("fs.path.source", "tmpfs"),
        ("fs.path.target", "/work/mnt"),
    ];
    called("mount", mount, &rows);
    let umount = Call {
        first: named("mnt"),
        args: [0, 2, 0, 0, 0, 0],
        ..Call::default()
    };
    called(
        "umount2",
        umount,
        &[("evt.arg.name", "/work/mnt"), ("evt.arg.flags", "DETACH")],
    );
}
