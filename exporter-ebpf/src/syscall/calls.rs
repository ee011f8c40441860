//! Every system call that the programs can record: its id in records, its event type's name, its numbers.
//!
//! In: the target architecture. Out: the ids ([`id`]), [`NUMBERS`], [`LAYOUT`].
//! Sources: the kernel's arch/x86/entry/syscalls/syscall_{64,32}.tbl (x32 numbers included),
//! include/uapi/asm-generic/unistd.h, arch/arm/tools/syscall.tbl, include/uapi/linux/net.h (socketcall),
//! include/uapi/linux/io_uring.h (opcodes).

use super::Numbers;
use crate::layout::EnumLayout;

/// Declares the ids and, of the two architectures' columns, the one that this program is built for.
macro_rules! calls {
    ($($id:literal $call:ident $name:literal
        [$($x86_64:literal),*] [$($i386:literal),*] [$($socketcall:literal),*] [$($arm64:literal),*] [$($arm:literal),*]
        $(io_uring $($request:literal),*)?;)*) => {
        /// The ids, as records have them.
        pub mod id {
            /// No call, or one that is not wanted.
            pub const CALL_NONE: u8 = 0;
            $(#[doc = concat!("`", $name, "`")]
            pub const $call: u8 = $id;)*
        }

        /// The enum as C declares it.
        pub const LAYOUT: EnumLayout = EnumLayout {
            name: "rec_call_id",
            values: &[("CALL_NONE", 0), $((stringify!($call), $id),)*],
        };

        /// Every system call that the programs can record; a name may have several ids.
        #[cfg(target_arch = "x86_64")]
        pub const NUMBERS: &[Numbers] = &[$(Numbers {
            call: $id,
            name: $name,
            native: &[$($x86_64),*],
            compat: &[$($i386),*],
            socketcall: &[$($socketcall),*],
            requests: &[$($($request),*)?],
        },)*];

        /// Every system call that the programs can record; a name may have several ids.
        #[cfg(target_arch = "aarch64")]
        pub const NUMBERS: &[Numbers] = &[$(Numbers {
            call: $id,
            name: $name,
            native: &[$($arm64),*],
            compat: &[$($arm),*],
            socketcall: &[],
            requests: &[$($($request),*)?],
        },)*];
    };
}

// Numbers of x86-64 (and x32), of i386, of i386's socketcall; of arm64, of arm; io_uring's opcodes that do the same. The names that end in 16 and OLD_MMAP are
// older forms, which no record names: they become the call of their name there.
calls! {
    // Files opened, connections.
    1 CALL_OPEN "open" [2] [5] [] [] [5];
    2 CALL_OPENAT "openat" [257] [295] [] [56] [322] io_uring 18;
    3 CALL_OPENAT2 "openat2" [437] [437] [] [437] [437] io_uring 28;
    4 CALL_CREAT "creat" [85] [8] [] [] [8];
    5 CALL_CONNECT "connect" [42] [362] [3] [203] [283] io_uring 16;
    6 CALL_SOCKETCALL "socketcall" [] [102] [] [] [];
    // Sockets.
    7 CALL_SOCKET "socket" [41] [359] [1] [198] [281] io_uring 45;
    8 CALL_SOCKETPAIR "socketpair" [53] [360] [8] [199] [288];
    9 CALL_BIND "bind" [49] [361] [2] [200] [282] io_uring 56;
    10 CALL_LISTEN "listen" [50] [363] [4] [201] [284] io_uring 57;
    11 CALL_ACCEPT "accept" [43] [] [5] [202] [285];
    12 CALL_ACCEPT4 "accept4" [288] [364] [18] [242] [366] io_uring 13;
    13 CALL_SEND "send" [] [] [9] [] [289];
    14 CALL_SENDTO "sendto" [44] [369] [11] [206] [290] io_uring 26, 47;
    15 CALL_SENDMSG "sendmsg" [46, 518] [370] [16] [211] [296] io_uring 9, 48;
    16 CALL_SENDMMSG "sendmmsg" [307, 538] [345] [20] [269] [374];
    17 CALL_RECV "recv" [] [] [10] [] [291];
    18 CALL_RECVFROM "recvfrom" [45, 517] [371] [12] [207] [292] io_uring 27;
    19 CALL_RECVMSG "recvmsg" [47, 519] [372] [17] [212] [297] io_uring 10;
    20 CALL_RECVMMSG "recvmmsg" [299, 537] [337, 417] [19] [243] [365, 417];
    21 CALL_SETSOCKOPT "setsockopt" [54, 541] [366] [14] [208] [294];
    22 CALL_GETSOCKOPT "getsockopt" [55, 542] [365] [15] [209] [295];
    // Names of files, their owners and rights.
    23 CALL_SYMLINK "symlink" [88] [83] [] [] [83];
    24 CALL_SYMLINKAT "symlinkat" [266] [304] [] [36] [331] io_uring 38;
    25 CALL_LINK "link" [86] [9] [] [] [9];
    26 CALL_LINKAT "linkat" [265] [303] [] [37] [330] io_uring 39;
    27 CALL_RENAME "rename" [82] [38] [] [] [38];
    28 CALL_RENAMEAT "renameat" [264] [302] [] [38] [329];
    29 CALL_RENAMEAT2 "renameat2" [316] [353] [] [276] [382] io_uring 35;
    30 CALL_MKDIR "mkdir" [83] [39] [] [] [39];
    31 CALL_MKDIRAT "mkdirat" [258] [296] [] [34] [323] io_uring 37;
    32 CALL_RMDIR "rmdir" [84] [40] [] [] [40];
    33 CALL_UNLINK "unlink" [87] [10] [] [] [10];
    34 CALL_UNLINKAT "unlinkat" [263] [301] [] [35] [328] io_uring 36;
    35 CALL_MKNOD "mknod" [133] [14] [] [] [14];
    36 CALL_MKNODAT "mknodat" [259] [297] [] [33] [324];
    37 CALL_CHMOD "chmod" [90] [15] [] [] [15];
    38 CALL_FCHMOD "fchmod" [91] [94] [] [52] [94];
    39 CALL_FCHMODAT "fchmodat" [268] [306] [] [53] [333];
    40 CALL_FCHMODAT2 "fchmodat2" [452] [452] [] [452] [452];
    41 CALL_CHOWN "chown" [92] [212] [] [] [212];
    42 CALL_LCHOWN "lchown" [94] [198] [] [] [198];
    43 CALL_FCHOWN "fchown" [93] [207] [] [55] [207];
    44 CALL_FCHOWNAT "fchownat" [260] [298] [] [54] [325];
    45 CALL_CHOWN16 "chown" [] [182] [] [] [182];
    46 CALL_LCHOWN16 "lchown" [] [16] [] [] [16];
    47 CALL_FCHOWN16 "fchown" [] [95] [] [] [95];
    48 CALL_CHROOT "chroot" [161] [61] [] [51] [61];
    49 CALL_CHDIR "chdir" [80] [12] [] [49] [12];
    50 CALL_FCHDIR "fchdir" [81] [133] [] [50] [133];
    // Mounts and file systems.
    51 CALL_MOUNT "mount" [165] [21] [] [40] [21];
    52 CALL_UMOUNT "umount" [] [22] [] [] [];
    53 CALL_UMOUNT2 "umount2" [166] [52] [] [39] [52];
    54 CALL_MOVE_MOUNT "move_mount" [429] [429] [] [429] [429];
    55 CALL_PIVOT_ROOT "pivot_root" [155] [217] [] [41] [218];
    56 CALL_FSOPEN "fsopen" [430] [430] [] [430] [430];
    57 CALL_FSCONFIG "fsconfig" [431] [431] [] [431] [431];
    58 CALL_FSMOUNT "fsmount" [432] [432] [] [432] [432];
    59 CALL_QUOTACTL "quotactl" [179] [131] [] [60] [131];
    60 CALL_OPEN_BY_HANDLE_AT "open_by_handle_at" [304] [342] [] [265] [371];
    // Programs, modules, processes.
    61 CALL_EXECVE "execve" [59, 520] [11] [] [221] [11];
    62 CALL_EXECVEAT "execveat" [322, 545] [358] [] [281] [387];
    63 CALL_INIT_MODULE "init_module" [175] [128] [] [105] [128];
    64 CALL_FINIT_MODULE "finit_module" [313] [350] [] [273] [379];
    65 CALL_DELETE_MODULE "delete_module" [176] [129] [] [106] [129];
    66 CALL_CLONE "clone" [56] [120] [] [220] [120];
    67 CALL_CLONE3 "clone3" [435] [435] [] [435] [435];
    68 CALL_FORK "fork" [57] [2] [] [] [2];
    69 CALL_VFORK "vfork" [58] [190] [] [] [190];
    70 CALL_PTRACE "ptrace" [101, 521] [26] [] [117] [26];
    71 CALL_PROCESS_VM_READV "process_vm_readv" [310, 539] [347] [] [270] [376];
    72 CALL_PROCESS_VM_WRITEV "process_vm_writev" [311, 540] [348] [] [271] [377];
    73 CALL_KILL "kill" [62] [37] [] [129] [37];
    74 CALL_TKILL "tkill" [200] [238] [] [130] [238];
    75 CALL_TGKILL "tgkill" [234] [270] [] [131] [268];
    76 CALL_PRCTL "prctl" [157] [172] [] [167] [172];
    77 CALL_PERSONALITY "personality" [135] [136] [] [92] [136];
    78 CALL_SETSID "setsid" [112] [66] [] [157] [66];
    79 CALL_SETPGID "setpgid" [109] [57] [] [154] [57];
    80 CALL_SETNS "setns" [308] [346] [] [268] [375];
    81 CALL_UNSHARE "unshare" [272] [310] [] [97] [337];
    // Rights.
    82 CALL_SETUID "setuid" [105] [213] [] [146] [213];
    83 CALL_SETGID "setgid" [106] [214] [] [144] [214];
    84 CALL_SETREUID "setreuid" [113] [203] [] [145] [203];
    85 CALL_SETREGID "setregid" [114] [204] [] [143] [204];
    86 CALL_SETRESUID "setresuid" [117] [208] [] [147] [208];
    87 CALL_SETRESGID "setresgid" [119] [210] [] [149] [210];
    88 CALL_SETFSUID "setfsuid" [122] [215] [] [151] [215];
    89 CALL_SETFSGID "setfsgid" [123] [216] [] [152] [216];
    90 CALL_SETUID16 "setuid" [] [23] [] [] [23];
    91 CALL_SETGID16 "setgid" [] [46] [] [] [46];
    92 CALL_SETREUID16 "setreuid" [] [70] [] [] [70];
    93 CALL_SETREGID16 "setregid" [] [71] [] [] [71];
    94 CALL_SETRESUID16 "setresuid" [] [164] [] [] [164];
    95 CALL_SETRESGID16 "setresgid" [] [170] [] [] [170];
    96 CALL_SETFSUID16 "setfsuid" [] [138] [] [] [138];
    97 CALL_SETFSGID16 "setfsgid" [] [139] [] [] [139];
    98 CALL_CAPSET "capset" [126] [185] [] [91] [185];
    // Descriptors.
    99 CALL_DUP "dup" [32] [41] [] [23] [41];
    100 CALL_DUP2 "dup2" [33] [63] [] [] [63];
    101 CALL_DUP3 "dup3" [292] [330] [] [24] [358];
    102 CALL_FCNTL "fcntl" [72] [55, 221] [] [25] [55, 221];
    103 CALL_CLOSE "close" [3] [6] [] [57] [6] io_uring 19;
    104 CALL_PIPE "pipe" [22] [42] [] [] [42];
    105 CALL_PIPE2 "pipe2" [293] [331] [] [59] [359] io_uring 62;
    106 CALL_EVENTFD "eventfd" [284] [323] [] [] [351];
    107 CALL_EVENTFD2 "eventfd2" [290] [328] [] [19] [356];
    108 CALL_INOTIFY_INIT "inotify_init" [253] [291] [] [] [316];
    109 CALL_INOTIFY_INIT1 "inotify_init1" [294] [332] [] [26] [360];
    110 CALL_TIMERFD_CREATE "timerfd_create" [283] [322] [] [85] [350];
    111 CALL_SIGNALFD "signalfd" [282] [321] [] [] [349];
    112 CALL_SIGNALFD4 "signalfd4" [289] [327] [] [74] [355];
    113 CALL_EPOLL_CREATE "epoll_create" [213] [254] [] [] [250];
    114 CALL_EPOLL_CREATE1 "epoll_create1" [291] [329] [] [20] [357];
    115 CALL_MEMFD_CREATE "memfd_create" [319] [356] [] [279] [385];
    116 CALL_USERFAULTFD "userfaultfd" [323] [374] [] [282] [388];
    117 CALL_PIDFD_OPEN "pidfd_open" [434] [434] [] [434] [434];
    118 CALL_PIDFD_GETFD "pidfd_getfd" [438] [438] [] [438] [438];
    119 CALL_BPF "bpf" [321] [357] [] [280] [386];
    120 CALL_IO_URING_SETUP "io_uring_setup" [425] [425] [] [425] [425];
    121 CALL_IO_URING_ENTER "io_uring_enter" [426] [426] [] [426] [426];
    122 CALL_IO_URING_REGISTER "io_uring_register" [427] [427] [] [427] [427];
    // Content.
    123 CALL_READ "read" [0] [3] [] [63] [3] io_uring 4, 22;
    124 CALL_WRITE "write" [1] [4] [] [64] [4] io_uring 5, 23;
    125 CALL_READV "readv" [19, 515] [145] [] [65] [145] io_uring 1, 60;
    126 CALL_WRITEV "writev" [20, 516] [146] [] [66] [146] io_uring 2, 61;
    127 CALL_PREAD "pread" [17] [180] [] [67] [180];
    128 CALL_PWRITE "pwrite" [18] [181] [] [68] [181];
    129 CALL_SENDFILE "sendfile" [40] [187, 239] [] [71] [187, 239];
    130 CALL_SPLICE "splice" [275] [313] [] [76] [340] io_uring 30;
    131 CALL_COPY_FILE_RANGE "copy_file_range" [326] [377] [] [285] [391];
    // Memory.
    132 CALL_MMAP "mmap" [9] [] [] [222] [];
    133 CALL_MMAP2 "mmap2" [] [192] [] [] [192];
    134 CALL_OLD_MMAP "mmap" [] [90] [] [] [];
    135 CALL_MPROTECT "mprotect" [10] [125] [] [226] [125];
}
