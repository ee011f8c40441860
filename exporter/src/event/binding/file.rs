//! Files: opening, names, links, owners and rights, mounts.

use super::Descriptor::{Directory, None as NoFd, Opened, Own};
use super::Paths::{Name, None as NoPath, Pair};
use super::Source::{Arg, Dev, Dir, Fd, FilePath, Given, Ino, Made, Path, Result, Text, TextPath};
use super::Which::{First, Second};
use super::{Binding, Datum, Source, bindings, symbols};
use crate::event::symbols::{Symbols, file as words};
use crate::event::{Event, Facts};

/// The rows of this file.
pub(super) const ROWS: &[Binding] = bindings! {
    open [Opened; Name(Path(First))] (
        fd: Made, name: Path(First), flags: Source::Of(open_flags) => Symbols::Open, mode: Arg(3), dev: Dev, ino: Ino);
    openat [Opened; Name(Path(First))] (
        fd: Made, dirfd: Dir(0, First), name: Path(First), flags: Source::Of(open_flags) => Symbols::Open, mode: Arg(3), dev: Dev,
        ino: Ino);
    openat2 [Opened; Name(Path(First))] (
        fd: Made, dirfd: Dir(0, First), name: Path(First), flags: Source::Of(open_flags) => Symbols::Open, mode: Arg(3),
        resolve: Arg(4) => words::RESOLVE, dev: Dev, ino: Ino);
    creat [Opened; Name(Path(First))] (
        fd: Made, name: Path(First), mode: Arg(3), dev: Dev, ino: Ino, creat_flags: Source::Of(creat_flags));
    open_by_handle_at [Own; Name(FilePath)] (
        fd: Made, mountfd: Dir(0, First), flags: Source::Of(open_flags) => Symbols::Open, path: FilePath, dev: Dev, ino: Ino);
    chdir [NoFd; NoPath] (res: Result, path: Given);
    fchdir [Own; NoPath] (res: Result, fd: Fd(0));
    mkdir [NoFd; Name(Path(First))] (res: Result, path: Path(First), mode: Arg(1));
    mkdirat [Directory(0); Name(Path(First))] (
        res: Result, dirfd: Dir(0, First), path: Path(First), mode: Arg(2));
    rmdir [NoFd; Name(Path(First))] (res: Result, path: Path(First));
    unlink [NoFd; Name(Path(First))] (res: Result, path: Path(First));
    unlinkat [Directory(0); Name(Path(First))] (
        res: Result, dirfd: Dir(0, First), name: Path(First), flags: Arg(2) => words::UNLINKAT);
    mknod [NoFd; NoPath] (res: Result, path: Path(First), mode: Arg(1) => words::MKNOD_MODE, dev: Arg(2));
    mknodat [Directory(0); NoPath] (
        res: Result, dirfd: Dir(0, First), path: Path(First), mode: Arg(2) => words::MKNOD_MODE, dev: Arg(3));
    rename [NoFd; Pair(Path(First), Path(Second))] (
        res: Result, oldpath: Path(First), newpath: Path(Second));
    renameat [NoFd; Pair(Path(First), Path(Second))] (
        res: Result, olddirfd: Dir(0, First), oldpath: Path(First), newdirfd: Dir(2, Second), newpath: Path(Second));
    renameat2 [NoFd; Pair(Path(First), Path(Second))] (
        res: Result, olddirfd: Dir(0, First), oldpath: Path(First), newdirfd: Dir(2, Second), newpath: Path(Second),
        flags: Arg(4) => words::RENAMEAT2);
    // Falco's source of a link is the new name, and its target what that leads to.
    link [NoFd; Pair(Path(Second), Path(First))] (
        res: Result, oldpath: Path(First), newpath: Path(Second));
    linkat [NoFd; Pair(Path(Second), Path(First))] (
        res: Result, olddir: Dir(0, First), oldpath: Path(First), newdir: Dir(2, Second), newpath: Path(Second),
        flags: Arg(4) => words::LINKAT);
    symlink [NoFd; Pair(Path(First), TextPath)] (res: Result, target: Text, linkpath: Path(First));
    symlinkat [Directory(1); Pair(Path(First), TextPath)] (
        res: Result, target: Text, linkdirfd: Dir(1, First), linkpath: Path(First));
    chmod [NoFd; Name(Path(First))] (res: Result, filename: Path(First), mode: Arg(1) => words::MODE);
    fchmod [Own; Name(FilePath)] (res: Result, fd: Fd(0), mode: Arg(1) => words::MODE);
    fchmodat [Directory(0); Name(Path(First))] (
        res: Result, dirfd: Dir(0, First), filename: Path(First), mode: Arg(2) => words::MODE);
    chown [NoFd; Name(Path(First))] (res: Result, path: Path(First), uid: Arg(1), gid: Arg(2));
    lchown [NoFd; Name(Path(First))] (res: Result, path: Path(First), uid: Arg(1), gid: Arg(2));
    fchown [Own; Name(FilePath)] (res: Result, fd: Fd(0), uid: Arg(1), gid: Arg(2));
    fchownat [Directory(0); Name(Path(First))] (
        res: Result, dirfd: Dir(0, First), pathname: Path(First), uid: Arg(2), gid: Arg(3),
        flags: Arg(4) => words::FCHOWNAT);
    mount [NoFd; Pair(Given, Path(Second))] (
        res: Result, dev: Given, dir: Path(Second), type: Text, flags: Arg(3) => words::MOUNT);
    umount [NoFd; Name(Path(First))] (res: Result, name: Path(First));
    umount2 [NoFd; Name(Path(First))] (res: Result, name: Path(First), flags: Arg(1) => words::UMOUNT);
};

/// The flags of an open, with what it came to in the bits above them.
fn open_flags<'a>(event: &'a Event<'_>, _: &'a bumpalo::Bump) -> Option<Datum<'a>> {
    let Facts::Call(call) = &event.facts else {
        return None;
    };
    let outcome = [
        (call.created, words::CREATED),
        (call.file.inode.upper_layer, words::UPPER_LAYER),
        (call.file.inode.lower_layer, words::LOWER_LAYER),
    ];
    let bits = outcome.iter().filter(|(is, _)| *is).map(|(_, bit)| bit);
    let asked = u64::from(call.args[2] as u32);
    Some(Datum::Number(bits.fold(asked, |flags, bit| flags | bit)))
}

/// Falco's word beside creat's mode is only whether the file is new, which the number says: 0 or 1.
fn creat_flags<'a>(event: &'a Event<'_>, _: &'a bumpalo::Bump) -> Option<Datum<'a>> {
    match &event.facts {
        Facts::Call(call) => Some(Datum::Number(u64::from(call.created))),
        Facts::Exec { .. } | Facts::Exit(_) | Facts::Container => None,
    }
}
