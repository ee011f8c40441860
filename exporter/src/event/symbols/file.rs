//! Names around files: opening, permissions, `…at` flags, mounts.
//!
//! Sources: include/uapi/asm-generic/fcntl.h, linux/{fcntl,fs,mount,openat2,stat,memfd,splice}.h.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::{Symbols, join};

/// Writing only, reading and writing, and the mask of the access mode.
pub const O_WRONLY: u64 = 1;
/// See [`O_WRONLY`].
pub const O_RDWR: u64 = 2;
/// See [`O_WRONLY`].
pub const O_ACCMODE: u64 = 3;
/// Makes the file if it is not there.
pub const O_CREAT: u64 = 0o100;
/// Cuts the file to nothing.
pub const O_TRUNC: u64 = 0o1_000;
/// Wants a directory.
pub const O_DIRECTORY: u64 = 0o200_000;
/// `__O_TMPFILE` without the directory bit that goes with it.
pub const O_TMPFILE: u64 = 0o20_000_000;
const O_CLOEXEC: u64 = 0o2_000_000;

/// Flags of open in Falco's order. Reading and writing come from the access mode, between these and `O_CLOEXEC`.
const OPEN: &[(u64, &str)] = &[
    (0o100_000, "O_LARGEFILE"),
    (O_DIRECTORY, "O_DIRECTORY"),
    (0o40_000, "O_DIRECT"),
    (O_TRUNC, "O_TRUNC"),
    // Both bits of synchronous writing; one of them alone is O_DSYNC.
    (0o4_010_000, "O_SYNC"),
    (0o4_000, "O_NONBLOCK"),
    (0o200, "O_EXCL"),
    (0o10_000, "O_DSYNC"),
    (0o2_000, "O_APPEND"),
    (O_CREAT, "O_CREAT"),
];

/// What an open came to, above the bits that it was asked by: the file is new.
pub const CREATED: u64 = 1 << 32;
/// The file lies in the upper layer of an overlay.
pub const UPPER_LAYER: u64 = 1 << 33;
/// The file lies in the lower layer of an overlay.
pub const LOWER_LAYER: u64 = 1 << 34;

/// Names of the flags of open, and of what it came to.
pub(super) fn open_flags(flags: u64, arena: &Bump) -> &[u8] {
    let mut names = ArenaVec::new_in(arena);
    let tmpfile = flags & O_TMPFILE != 0;
    // O_TMPFILE brings the bit of O_DIRECTORY along.
    let mut rest = if tmpfile { flags & !O_DIRECTORY } else { flags };
    for (bits, name) in OPEN {
        if rest & bits == *bits {
            join(&mut names, name);
            rest &= !bits;
        }
    }
    join(
        &mut names,
        match flags & O_ACCMODE {
            0 => "O_RDONLY",
            O_WRONLY => "O_WRONLY",
            O_RDWR => "O_RDWR",
            _ => "O_NONE",
        },
    );
    if flags & O_CLOEXEC != 0 {
        join(&mut names, "O_CLOEXEC");
    }
    if tmpfile {
        join(&mut names, "O_TMPFILE");
    }
    for (bit, name) in [
        (CREATED, "O_F_CREATED"),
        (UPPER_LAYER, "FD_UPPER_LAYER"),
        (LOWER_LAYER, "FD_LOWER_LAYER"),
    ] {
        if flags & bit != 0 {
            join(&mut names, name);
        }
    }
    names.into_bump_slice()
}

/// Permission bits, low ones first.
pub const MODE: Symbols = Symbols::Flags(NODE_BITS.split_at(PERMISSIONS).0);

/// Permission bits and the type of a node. Types share bits: those of several stand first.
pub const MKNOD_MODE: Symbols = Symbols::Flags(NODE_BITS);

/// How many of the [`NODE_BITS`] are permissions: the first.
const PERMISSIONS: usize = 12;

const NODE_BITS: &[(u64, &str)] = &[
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
    (0o140_000, "S_IFSOCK"),
    (0o060_000, "S_IFBLK"),
    (0o100_000, "S_IFREG"),
    (0o020_000, "S_IFCHR"),
    (0o010_000, "S_IFIFO"),
];

/// unlinkat
pub const UNLINKAT: Symbols = Symbols::Flags(&[(0x200, "AT_REMOVEDIR")]);

/// linkat
pub const LINKAT: Symbols =
    Symbols::Flags(&[(0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH")]);

/// fchownat and newfstatat
pub const FCHOWNAT: Symbols =
    Symbols::Flags(&[(0x100, "AT_SYMLINK_NOFOLLOW"), (0x1000, "AT_EMPTY_PATH")]);

/// renameat2
pub const RENAMEAT2: Symbols = Symbols::Flags(&[
    (1, "RENAME_NOREPLACE"),
    (2, "RENAME_EXCHANGE"),
    (4, "RENAME_WHITEOUT"),
]);

/// The `resolve` of openat2
pub const RESOLVE: Symbols = Symbols::Flags(&[
    (0x08, "RESOLVE_BENEATH"),
    (0x10, "RESOLVE_IN_ROOT"),
    (0x02, "RESOLVE_NO_MAGICLINKS"),
    (0x04, "RESOLVE_NO_SYMLINKS"),
    (0x01, "RESOLVE_NO_XDEV"),
    (0x20, "RESOLVE_CACHED"),
]);

/// mount, without the `MS_`
pub const MOUNT: Symbols = Symbols::Flags(&[
    (1, "RDONLY"),
    (1 << 1, "NOSUID"),
    (1 << 2, "NODEV"),
    (1 << 3, "NOEXEC"),
    (1 << 4, "SYNCHRONOUS"),
    (1 << 5, "REMOUNT"),
    (1 << 6, "MANDLOCK"),
    (1 << 7, "DIRSYNC"),
    (1 << 10, "NOATIME"),
    (1 << 11, "NODIRATIME"),
    (1 << 12, "BIND"),
    (1 << 13, "MOVE"),
    (1 << 14, "REC"),
    (1 << 15, "SILENT"),
    (1 << 16, "POSIXACL"),
    (1 << 17, "UNBINDABLE"),
    (1 << 18, "PRIVATE"),
    (1 << 19, "SLAVE"),
    (1 << 20, "SHARED"),
    (1 << 21, "RELATIME"),
    (1 << 22, "KERNMOUNT"),
    (1 << 23, "I_VERSION"),
    (1 << 24, "STRICTATIME"),
    (1 << 25, "LAZYTIME"),
    (1 << 28, "NOSEC"),
    (1 << 29, "BORN"),
    (1 << 30, "ACTIVE"),
    (1 << 31, "NOUSER"),
]);

/// umount2, without the `MNT_`
pub const UMOUNT: Symbols =
    Symbols::Flags(&[(1, "FORCE"), (2, "DETACH"), (4, "EXPIRE"), (8, "NOFOLLOW")]);

/// memfd_create
pub const MEMFD: Symbols = Symbols::Flags(&[
    (1, "MFD_CLOEXEC"),
    (2, "MFD_ALLOW_SEALING"),
    (4, "MFD_HUGETLB"),
]);

/// splice
pub const SPLICE: Symbols = Symbols::Flags(&[
    (1, "SPLICE_F_MOVE"),
    (2, "SPLICE_F_NONBLOCK"),
    (4, "SPLICE_F_MORE"),
    (8, "SPLICE_F_GIFT"),
]);

/// pipe2, eventfd2 and others that take `O_` flags for a new descriptor
pub const NEW: Symbols = Symbols::Flags(&[
    (0o40_000, "O_DIRECT"),
    (0o4_000, "O_NONBLOCK"),
    (0o2_000_000, "O_CLOEXEC"),
]);

/// eventfd2
pub const EVENTFD2: Symbols = Symbols::Flags(&[
    (0o4_000, "O_NONBLOCK"),
    (0o2_000_000, "O_CLOEXEC"),
    (1, "EFD_SEMAPHORE"),
]);

/// epoll_create1
pub const EPOLL_CREATE1: Symbols = Symbols::Flags(&[(0o2_000_000, "EPOLL_CLOEXEC")]);

/// Commands of fcntl
pub const FCNTL: Symbols = Symbols::Enum(&[
    (0, "F_DUPFD"),
    (1, "F_GETFD"),
    (2, "F_SETFD"),
    (3, "F_GETFL"),
    (4, "F_SETFL"),
    (5, "F_GETLK"),
    (6, "F_SETLK"),
    (7, "F_SETLKW"),
    (8, "F_SETOWN"),
    (9, "F_GETOWN"),
    (10, "F_SETSIG"),
    (11, "F_GETSIG"),
    (15, "F_SETOWN_EX"),
    (16, "F_GETOWN_EX"),
    (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"),
    (38, "F_OFD_SETLKW"),
    (1024, "F_SETLEASE"),
    (1025, "F_GETLEASE"),
    (1026, "F_NOTIFY"),
    (1029, "F_CANCELLK"),
    (1030, "F_DUPFD_CLOEXEC"),
    (1031, "F_SETPIPE_SZ"),
    (1032, "F_GETPIPE_SZ"),
]);
