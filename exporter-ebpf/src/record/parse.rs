//! From the bytes of one record to its fixed part and its tails, every length checked.
//!
//! In: `&[u8]` from the ring, the scan or a capture; any alignment, any content. Out: [`Record`], borrowing its tails.
//! Never: a panic, an allocation, a byte outside of the record.

use zerocopy::FromBytes;

use super::{
    Connect, EnumLayout, Exec, Exit, Fork, Header, LAYOUT_VERSION, Open, PathDesc, Syscall,
    TAIL_READ_FAILED, TAIL_TRUNCATED, TailDesc, Task,
};

/// Why bytes are not a record of this layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutError {
    /// Fewer bytes than the fixed part needs.
    Short {
        /// Bytes of the fixed part.
        needed: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The record says another length than it has.
    Length {
        /// What its header says.
        declared: usize,
        /// Bytes there are.
        got: usize,
    },
    /// Written by another version of the layout.
    Version {
        /// The version it has.
        got: u16,
    },
    /// No kind has this number.
    Kind {
        /// The number.
        got: u16,
    },
    /// A tail is longer than what is left of the record.
    Tail {
        /// Its declared length.
        declared: usize,
        /// Bytes left.
        left: usize,
    },
    /// Bytes are left after the last tail.
    Trailing {
        /// How many.
        left: usize,
    },
    /// More bytes of a path above the root than the path has.
    Root {
        /// Declared bytes above the root.
        declared: usize,
        /// Bytes of the path.
        path: usize,
    },
}

impl LayoutError {
    /// A short fixed word for it, for the `reason` label of a counter.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Short { .. } => "short",
            Self::Length { .. } => "length",
            Self::Version { .. } => "version",
            Self::Kind { .. } => "kind",
            Self::Tail { .. } => "tail",
            Self::Trailing { .. } => "trailing",
            Self::Root { .. } => "root",
        }
    }
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { needed, got } => {
                write!(f, "record of {got} bytes, its fixed part needs {needed}")
            }
            Self::Length { declared, got } => {
                write!(f, "record says it has {declared} bytes, and has {got}")
            }
            Self::Version { got } => write!(
                f,
                "record has layout version {got}, this program reads {LAYOUT_VERSION}"
            ),
            Self::Kind { got } => write!(f, "no kind of record has the number {got}"),
            Self::Tail { declared, left } => write!(
                f,
                "tail of {declared} bytes where {left} are left of the record"
            ),
            Self::Trailing { left } => {
                write!(f, "{left} bytes are left after the last tail of the record")
            }
            Self::Root { declared, path } => {
                write!(f, "{declared} bytes above the root in a path of {path}")
            }
        }
    }
}

impl std::error::Error for LayoutError {}

/// A tail of bytes: a string as the kernel or a program wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail<'a> {
    /// The bytes; any value, no NUL at the end unless the field says so.
    pub bytes: &'a [u8],
    /// `TAIL_…`
    pub flags: u16,
}

impl<'a> Tail<'a> {
    /// Whether it was cut at its limit.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.flags & TAIL_TRUNCATED != 0
    }

    /// Whether it could not be read, or not wholly.
    #[must_use]
    pub fn read_failed(&self) -> bool {
        self.flags & TAIL_READ_FAILED != 0
    }

    fn cut(desc: TailDesc, rest: &mut &'a [u8]) -> Result<Self, LayoutError> {
        Ok(Self {
            bytes: take(desc.bytes, rest)?,
            flags: desc.flags,
        })
    }
}

/// A path as the kernel resolved it, from the root of the mount namespace down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Path<'a> {
    /// The whole path; any bytes but NUL.
    pub bytes: &'a [u8],
    /// `TAIL_…` and `PATH_…`
    pub flags: u16,
    /// Leading bytes that lie above the task's root directory. Invariant: at most `bytes.len()`.
    root_bytes: usize,
}

impl<'a> Path<'a> {
    /// The path as the task sees it: the same unless it is in a chroot. Empty where there is no path.
    #[must_use]
    pub fn in_root(&self) -> &'a [u8] {
        match self.bytes.get(self.root_bytes..) {
            Some([]) | None if self.root_bytes > 0 => b"/",
            Some(below) => below,
            None => &[],
        }
    }

    /// Whether its beginning was cut.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.flags & TAIL_TRUNCATED != 0
    }

    /// Whether it could not be read, or not wholly.
    #[must_use]
    pub fn read_failed(&self) -> bool {
        self.flags & TAIL_READ_FAILED != 0
    }

    fn cut(desc: PathDesc, rest: &mut &'a [u8]) -> Result<Self, LayoutError> {
        let bytes = take(desc.bytes, rest)?;
        let root_bytes = usize::from(desc.root_bytes);
        if root_bytes > bytes.len() {
            return Err(LayoutError::Root {
                declared: root_bytes,
                path: bytes.len(),
            });
        }
        Ok(Self {
            bytes,
            flags: desc.flags,
            root_bytes,
        })
    }
}

/// Declares the kinds, the parsed record of each (fixed part and tails, in the order of their bytes) and their sum.
macro_rules! records {
    ($($(#[$doc:meta])* $number:literal $c:ident $kind:ident $parsed:ident { $($(#[$tail_doc:meta])* $tail:ident: $view:ident,)* })*) => {
        /// What a record tells; as an integer also its index in the counters map.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Kind { $($(#[$doc])* $kind = $number,)* }

        impl Kind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];
            /// The enum as C declares it.
            pub const LAYOUT: EnumLayout = EnumLayout {
                name: "rec_kind",
                values: &[$((stringify!($c), $number),)*],
            };

            /// Its number.
            #[must_use]
            pub fn number(self) -> u16 {
                match self { $(Self::$kind => $number,)* }
            }
        }

        impl TryFrom<u16> for Kind {
            type Error = LayoutError;

            fn try_from(number: u16) -> Result<Self, LayoutError> {
                match number {
                    $($number => Ok(Self::$kind),)*
                    got => Err(LayoutError::Kind { got }),
                }
            }
        }

        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $parsed<'a> {
            /// The fixed part; its tail descriptors are of no more use.
            pub fixed: $kind,
            $($(#[$tail_doc])* pub $tail: $view<'a>,)*
            marker: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> $parsed<'a> {
            fn parse(bytes: &'a [u8]) -> Result<Self, LayoutError> {
                let (fixed, rest) = fixed_part::<$kind>(bytes)?;
                #[allow(unused_mut, reason = "a kind without tails cuts nothing")]
                let mut rest = rest;
                let record = Self {
                    fixed,
                    $($tail: $view::cut(fixed.$tail, &mut rest)?,)*
                    marker: std::marker::PhantomData,
                };
                match rest.len() {
                    0 => Ok(record),
                    left => Err(LayoutError::Trailing { left }),
                }
            }
        })*

        /// One record, its fixed part copied out and its tails borrowed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant, reason = "lives on the stack of the event loop for one turn")]
        pub enum Record<'a> { $($(#[$doc])* $kind($parsed<'a>),)* }

        impl<'a> Record<'a> {
            /// Reads the record that `bytes` is, whole: version, kind and every length are checked.
            ///
            /// # Errors
            /// Bytes that are not exactly one record of this layout.
            pub fn parse(bytes: &'a [u8]) -> Result<Self, LayoutError> {
                match checked_kind(bytes)? {
                    $(Kind::$kind => $parsed::parse(bytes).map(Self::$kind),)*
                }
            }

            /// What every record begins with.
            #[must_use]
            pub fn header(&self) -> &Header {
                match self { $(Self::$kind(record) => &record.fixed.header,)* }
            }

            /// What it tells.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }
        }
    };
}

records! {
    /// A process has a new program.
    1 KIND_EXEC Exec ExecRecord {
        /// Path of the executable; of a script its interpreter.
        exe: Path,
        /// Working directory.
        cwd: Path,
        /// The program as the caller named it.
        filename: Tail,
        /// Every argument with a NUL after it.
        args: Tail,
        /// Path in the hierarchy of `process.cgroup_id`.
        cgroup: Tail,
        /// Every variable with a NUL after it, the first 4096 bytes; empty unless `SETTING_ENV` is set.
        env: Tail,
    }
    /// A process was made.
    2 KIND_FORK Fork ForkRecord {}
    /// The last thread of a process is gone.
    3 KIND_EXIT Exit ExitRecord {}
    /// A process that was there when its turn came in the scan.
    4 KIND_TASK Task TaskRecord {
        /// Path of the executable.
        exe: Path,
        /// Working directory.
        cwd: Path,
        /// Every argument with a NUL after it.
        args: Tail,
        /// Path in the hierarchy of `process.cgroup_id`.
        cgroup: Tail,
    }
    /// open, openat, openat2 or creat has returned.
    5 KIND_OPEN Open OpenRecord {
        /// The path as the caller wrote it.
        requested: Tail,
        /// Directory that a relative path starts from; empty for an absolute one.
        dir: Path,
        /// What the kernel opened; empty on failure.
        effective: Path,
    }
    /// connect has returned.
    6 KIND_CONNECT Connect ConnectRecord {
        /// `struct sockaddr` as the caller wrote it.
        addr: Tail,
    }
    /// A system call has returned, whichever has no record of its own kind. (Of execve and execveat only failed ones:
    /// success is an exec. Of fork and its kin also the child's return, with the result 0.)
    ///
    /// The base tier sees a call when it is over. So paths have the requested view only, except where `target` is the
    /// effective one; and what the call itself took away is not there: the file of a closed descriptor, the directory that
    /// a successful chdir left.
    7 KIND_SYSCALL Syscall SyscallRecord {
        /// First path that the call looks up (mount: the source), as the caller wrote it; also the new link of symlink.
        path: Tail,
        /// Directory that `path` starts from if it is relative: that of the descriptor argument, or the working directory.
        dir: Path,
        /// Second path that the call looks up: the new name of rename and link, where mount mounts.
        path2: Tail,
        /// Directory that `path2` starts from if it is relative; where a call has two descriptors and no path, the file of the
        /// second one.
        dir2: Path,
        /// The file of `fixed.fd` as the kernel knows it, `PATH_PSEUDO` where it has no path: `[eventfd]`, `memfd:x`, `TCP`,
        /// empty for a pipe. Of chdir and chroot that succeeded the new directory.
        target: Path,
        /// Name that the unix socket `fixed.fd`, or else its peer, is bound to; an abstract one begins with NUL.
        unix_name: Tail,
        /// `struct sockaddr` of the caller: what it bound to or sent to, and from where it received or accepted.
        addr: Tail,
        /// Another string: the target of symlink, the type of mount, parameters of a module, the name of a module, memfd or
        /// file system, the new name of prctl's `PR_SET_NAME`, the file of quotactl's `Q_QUOTAON`, the key of fsconfig.
        text: Tail,
        /// First 80 bytes: of what was read or written (only with `SETTING_DATA`), of a socket option's value, of
        /// fsconfig's string.
        data: Tail,
    }
}

/// Cuts a stream of records, as the scan writes it, into the bytes of each; an error ends it.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Records follow each other in `stream` without gaps.
    #[must_use]
    pub fn new(stream: &'a [u8]) -> Self {
        Self { rest: stream }
    }

    /// What has not been given out: the beginning of a record that is not whole yet, or what follows an error.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    /// The next whole record's bytes, for [`Record::parse`]; `None` when fewer are there than it says it has.
    fn next(&mut self) -> Option<&'a [u8]> {
        let (header, _) = Header::read_from_prefix(self.rest).ok()?;
        let bytes = usize::try_from(header.bytes).ok()?;
        if bytes < size_of::<Header>() {
            return None;
        }
        let (record, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(record)
    }
}

fn checked_kind(bytes: &[u8]) -> Result<Kind, LayoutError> {
    let (header, _) = fixed_part::<Header>(bytes)?;
    if usize::from(header.version) != LAYOUT_VERSION {
        return Err(LayoutError::Version {
            got: header.version,
        });
    }
    let declared = usize::try_from(header.bytes).unwrap_or(usize::MAX);
    if declared != bytes.len() {
        return Err(LayoutError::Length {
            declared,
            got: bytes.len(),
        });
    }
    Kind::try_from(header.kind)
}

fn fixed_part<T: FromBytes>(bytes: &[u8]) -> Result<(T, &[u8]), LayoutError> {
    T::read_from_prefix(bytes).map_err(|_| LayoutError::Short {
        needed: size_of::<T>(),
        got: bytes.len(),
    })
}

fn take<'a>(bytes: u16, rest: &mut &'a [u8]) -> Result<&'a [u8], LayoutError> {
    let declared = usize::from(bytes);
    let (tail, after) = rest.split_at_checked(declared).ok_or(LayoutError::Tail {
        declared,
        left: rest.len(),
    })?;
    *rest = after;
    Ok(tail)
}

#[cfg(test)]
mod tests;
