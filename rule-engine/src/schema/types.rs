//! Types of fields and of event parameters, as upstream names them.

/// The type of a field's value, as upstream names it in its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it; widths are in the names")]
pub enum Type {
    CharBuf,
    FsPath,
    FsRelPath,
    ByteBuf,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Flags8,
    Flags16,
    Flags32,
    Mode,
    Fd,
    Pid,
    Errno,
    SigType,
    SyscallId,
    Port,
    RelTime,
    AbsTime,
    Double,
    Bool,
    IpAddr,
    IpNet,
    Uid,
    Gid,
}

impl Type {
    /// Its name in messages and listings (`CHARBUF`, `INT64`).
    pub fn name(self) -> &'static str {
        match self {
            Type::CharBuf => "CHARBUF",
            Type::FsPath => "FSPATH",
            Type::FsRelPath => "FSRELPATH",
            Type::ByteBuf => "BYTEBUF",
            Type::Int8 => "INT8",
            Type::Int16 => "INT16",
            Type::Int32 => "INT32",
            Type::Int64 => "INT64",
            Type::Uint8 => "UINT8",
            Type::Uint16 => "UINT16",
            Type::Uint32 => "UINT32",
            Type::Uint64 => "UINT64",
            Type::Flags8 => "FLAGS8",
            Type::Flags16 => "FLAGS16",
            Type::Flags32 => "FLAGS32",
            Type::Mode => "MODE",
            Type::Fd => "FD",
            Type::Pid => "PID",
            Type::Errno => "ERRNO",
            Type::SigType => "SIGTYPE",
            Type::SyscallId => "SYSCALLID",
            Type::Port => "PORT",
            Type::RelTime => "RELTIME",
            Type::AbsTime => "ABSTIME",
            Type::Double => "DOUBLE",
            Type::Bool => "BOOL",
            Type::IpAddr => "IPADDR",
            Type::IpNet => "IPNET",
            Type::Uid => "UID",
            Type::Gid => "GID",
        }
    }
}

/// Types of event parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "upstream's parameter types, by name")]
pub enum ParamType {
    Errno,
    Fd,
    FdList,
    Pid,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Flags8,
    Flags16,
    Flags32,
    EnumFlags8,
    EnumFlags16,
    EnumFlags32,
    Mode,
    CharBuf,
    FsPath,
    FsRelPath,
    ByteBuf,
    SockAddr,
    SockTuple,
    Uid,
    Gid,
    SigType,
    SigSet,
    SyscallId,
    RelTime,
    AbsTime,
    CharBufArray,
    CharBufPairArray,
    Dyn,
}

impl ParamType {
    /// Its name in listings (`FSPATH`, `ENUMFLAGS32`).
    pub fn name(self) -> &'static str {
        match self {
            ParamType::FdList => "FDLIST",
            ParamType::SigSet => "SIGSET",
            ParamType::SockAddr => "SOCKADDR",
            ParamType::SockTuple => "SOCKTUPLE",
            ParamType::EnumFlags8 => "ENUMFLAGS8",
            ParamType::EnumFlags16 => "ENUMFLAGS16",
            ParamType::EnumFlags32 => "ENUMFLAGS32",
            ParamType::CharBufArray => "CHARBUFARRAY",
            ParamType::CharBufPairArray => "CHARBUF_PAIR_ARRAY",
            ParamType::Dyn => "DYN",
            ParamType::Pid => "PID",
            ParamType::Uid => "UID",
            ParamType::Gid => "GID",
            ParamType::SigType => "SIGTYPE",
            ParamType::SyscallId => "SYSCALLID",
            ParamType::ByteBuf => "BYTEBUF",
            other => other.raw_type().map_or("", Type::name),
        }
    }

    /// The type of `evt.rawarg.NAME` for a parameter of this type; `None` where a constant cannot be written for it ("wrong
    /// parameter type").
    pub fn raw_type(self) -> Option<Type> {
        Some(match self {
            ParamType::Errno => Type::Errno,
            ParamType::Fd => Type::Fd,
            ParamType::Int16 => Type::Int16,
            ParamType::Int32 => Type::Int32,
            ParamType::Int64 => Type::Int64,
            ParamType::Uint8 => Type::Uint8,
            ParamType::Uint16 => Type::Uint16,
            ParamType::Uint32 => Type::Uint32,
            ParamType::Uint64 => Type::Uint64,
            ParamType::Flags8 | ParamType::EnumFlags8 => Type::Flags8,
            ParamType::Flags16 | ParamType::EnumFlags16 => Type::Flags16,
            ParamType::Flags32 | ParamType::EnumFlags32 => Type::Flags32,
            ParamType::Mode => Type::Mode,
            ParamType::CharBuf => Type::CharBuf,
            // Upstream takes a socket address as text here.
            ParamType::SockAddr => Type::CharBuf,
            ParamType::FsPath => Type::FsPath,
            ParamType::FsRelPath => Type::FsRelPath,
            ParamType::RelTime => Type::RelTime,
            ParamType::AbsTime => Type::AbsTime,
            ParamType::Pid
            | ParamType::Uid
            | ParamType::Gid
            | ParamType::SigType
            | ParamType::SigSet
            | ParamType::SyscallId
            | ParamType::FdList
            | ParamType::ByteBuf
            | ParamType::SockTuple
            | ParamType::CharBufArray
            | ParamType::CharBufPairArray
            | ParamType::Dyn => return None,
        })
    }
}
