//! Names of numbers: flags, commands, modes and signals in the words that Falco prints for them.
//!
//! In: a number as the kernel has it. Out: its name, or the names of its bits. Never: which parameter of which event a table
//! belongs to: `event::binding` says so.
//! Sources: the kernel's include/uapi for numbers; Falco's public flag tables for which names exist, for prefixes left out
//! (`RDONLY` of mount) and for the order of names that are joined.

pub mod file;
pub mod kernel;
pub mod net;
pub mod process;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

/// A table of names.
#[derive(Clone, Copy, Debug)]
pub enum Symbols {
    /// Bits, each with a name. A row of several bits wants all of them, and takes them from the rows behind it; a row of 0
    /// names the number 0.
    Flags(&'static [(u64, &'static str)]),
    /// Numbers, each with a name; where one has two, the first is printed.
    Enum(&'static [(u64, &'static str)]),
    /// The flags of open, whose access mode is a number among bits, with the bits of what it came to above them.
    Open,
}

impl Symbols {
    /// The name of a number, those of its bits joined by `|`; none where no row speaks of it.
    #[must_use]
    pub fn resolve<'a>(&self, number: u64, arena: &'a Bump) -> Option<&'a [u8]> {
        match self {
            Self::Enum(rows) => rows
                .iter()
                .find(|(value, _)| *value == number)
                .map(|(_, name)| name.as_bytes()),
            Self::Flags(rows) => {
                let mut names = ArenaVec::new_in(arena);
                let mut rest = number;
                for (bits, name) in *rows {
                    let named = match bits {
                        0 => number == 0,
                        bits => rest & bits == *bits,
                    };
                    if named {
                        join(&mut names, name);
                        rest &= !bits;
                    }
                }
                (!names.is_empty()).then(|| names.into_bump_slice() as &[u8])
            }
            Self::Open => Some(file::open_flags(number, arena)),
        }
    }
}

/// Puts a name behind others.
fn join(names: &mut ArenaVec<'_, u8>, name: &str) {
    if !names.is_empty() {
        names.push(b'|');
    }
    names.extend_from_slice(name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[(Symbols, u64, Option<&str>)]) {
        let arena = Bump::new();
        for (symbols, number, expected) in rows {
            let got = symbols.resolve(*number, &arena);
            let got = got.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            assert_eq!(got.as_deref(), *expected, "{number:#x}");
        }
    }

    #[test]
    fn bits_are_joined_in_the_order_of_the_table() {
        check(&[
            (process::CLONE, 0x1000_0000, Some("CLONE_NEWUSER")),
            (
                process::CLONE,
                0x0002_0000 | 0x4000_0000 | 0x0400,
                Some("CLONE_FILES|CLONE_NEWNET|CLONE_NEWNS"),
            ),
            (process::CLONE, 0, None),
            (file::MOUNT, 0x1 | 0x1000, Some("RDONLY|BIND")),
            (file::UNLINKAT, 0x200, Some("AT_REMOVEDIR")),
            (file::MODE, 0o4500, Some("S_IXUSR|S_IRUSR|S_ISUID")),
            (file::MODE, 0, None),
            (
                file::MKNOD_MODE,
                0o020_644,
                Some("S_IROTH|S_IRGRP|S_IWUSR|S_IRUSR|S_IFCHR"),
            ),
            (file::MKNOD_MODE, 0o060_000, Some("S_IFBLK")),
            (process::PROT, 0, Some("PROT_NONE")),
            (process::PROT, 5, Some("PROT_READ|PROT_EXEC")),
        ]);
    }

    #[test]
    fn numbers_have_one_name() {
        check(&[
            (process::PTRACE, 16, Some("PTRACE_ATTACH")),
            (process::PTRACE, 0, Some("PTRACE_TRACEME")),
            (process::PTRACE, 999, None),
            (net::FAMILY, 17, Some("AF_PACKET")),
            (net::FAMILY, 1, Some("AF_LOCAL")),
            (kernel::BPF, 5, Some("BPF_PROG_LOAD")),
            (process::PRCTL, 15, Some("PR_SET_NAME")),
            (process::SIGNAL, 9, Some("SIGKILL")),
        ]);
    }

    #[test]
    fn open_flags_tell_the_access_mode_once() {
        check(&[
            (Symbols::Open, 0, Some("O_RDONLY")),
            (Symbols::Open, 0o2_000_000, Some("O_RDONLY|O_CLOEXEC")),
            (Symbols::Open, 0o1_102, Some("O_TRUNC|O_CREAT|O_RDWR")),
            (Symbols::Open, 0o4_010_001, Some("O_SYNC|O_WRONLY")),
            (Symbols::Open, 0o10_001, Some("O_DSYNC|O_WRONLY")),
            (Symbols::Open, 0o20_200_002, Some("O_RDWR|O_TMPFILE")),
            (Symbols::Open, 3, Some("O_NONE")),
            (
                Symbols::Open,
                0o101 | file::CREATED | file::UPPER_LAYER,
                Some("O_CREAT|O_WRONLY|O_F_CREATED|FD_UPPER_LAYER"),
            ),
        ]);
    }

    #[test]
    fn no_table_names_a_number_twice_but_for_aliases_that_falco_has() {
        let tables = [
            process::PTRACE,
            process::PRCTL,
            process::SIGNAL,
            kernel::BPF,
            kernel::FSCONFIG,
            kernel::IO_URING_REGISTER,
            kernel::QUOTA_COMMAND,
            net::OPTION,
            net::LEVEL,
        ];
        for table in tables {
            let Symbols::Enum(rows) = table else {
                panic!("{table:?} is a table of numbers")
            };
            for (at, (number, name)) in rows.iter().enumerate() {
                assert!(
                    rows[at + 1..].iter().all(|(other, _)| other != number),
                    "{name}"
                );
            }
        }
    }
}
