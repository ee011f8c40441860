//! Families of types: which operators a type takes.

use crate::ast::Operator;
use crate::schema::Type;

/// A family of types that share operators and constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Raw bytes.
    Bytes,
    /// Numbers, ports and times.
    Number(NumberKind),
    /// Truth.
    Bool,
    /// Addresses, compared for equality.
    Address,
    /// Addresses, compared with networks.
    Network,
}

/// How numbers of a type are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// Two's complement of so many bits.
    Signed(u32),
    /// So many bits.
    Unsigned(u32),
    /// A port: its constants may be names of services.
    Port,
    /// A real number, compared with whole ones.
    Real,
}

impl Kind {
    /// The family of a type.
    pub fn of(ty: Type) -> Self {
        use NumberKind::{Port, Real, Signed, Unsigned};
        match ty {
            Type::CharBuf | Type::FsPath | Type::FsRelPath => Self::Text,
            Type::ByteBuf => Self::Bytes,
            Type::Int8 => Self::Number(Signed(8)),
            Type::Int16 => Self::Number(Signed(16)),
            Type::Int32 => Self::Number(Signed(32)),
            Type::Int64 | Type::Fd | Type::Pid | Type::Errno => Self::Number(Signed(64)),
            Type::Uint8 | Type::Flags8 | Type::SigType => Self::Number(Unsigned(8)),
            Type::Uint16 | Type::Flags16 | Type::SyscallId => Self::Number(Unsigned(16)),
            Type::Uint32 | Type::Flags32 | Type::Mode | Type::Uid | Type::Gid => {
                Self::Number(Unsigned(32))
            }
            Type::Uint64 | Type::RelTime | Type::AbsTime => Self::Number(Unsigned(64)),
            Type::Port => Self::Number(Port),
            Type::Double => Self::Number(Real),
            Type::Bool => Self::Bool,
            Type::IpAddr => Self::Address,
            Type::IpNet => Self::Network,
        }
    }

    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Bytes => "buffer",
            Self::Number(_) | Self::Bool => "numeric",
            Self::Address | Self::Network => "ip address and network",
        }
    }

    /// Whether an operator fits a single value of this family.
    pub fn supports(self, op: Operator) -> bool {
        use Operator as Op;
        match op {
            Op::Exists | Op::Eq | Op::Ne | Op::In | Op::Intersects => true,
            Op::Lt | Op::Le | Op::Gt | Op::Ge => matches!(self, Self::Text | Self::Number(_)),
            // Falco compares the ends of buffers too.
            Op::Contains | Op::Startswith | Op::Endswith => {
                matches!(self, Self::Text | Self::Bytes)
            }
            Op::Bcontains | Op::Bstartswith => self == Self::Bytes,
            Op::Icontains | Op::Glob | Op::Iglob | Op::Regex | Op::Pmatch => self == Self::Text,
        }
    }
}

/// Whether an operator fits a list of values.
pub(crate) fn list_supports(op: Operator) -> bool {
    matches!(op, Operator::Exists | Operator::In | Operator::Intersects)
}
