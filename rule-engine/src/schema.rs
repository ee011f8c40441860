//! What fields and events exist: the ground that conditions are checked against.
//!
//! A [`Schema`] is plain data. [`Schema::syscall`] is Falco's `syscall` source; a host may build its own.

/// Index of a field in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// Index of an event type in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTypeId(pub u16);

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

/// Which argument a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// None: `proc.name[1]` is a nonexistent field.
    None,
    /// `[N]`, may be left out.
    OptionalIndex,
    /// `[N]`, must be there.
    RequiredIndex,
    /// `[KEY]` or `[N]`, may be left out.
    OptionalKey,
    /// `[KEY]`, must be there.
    RequiredKey,
    /// A further dotted part (`evt.arg.flags`): the field's name in the schema is what stands before it. `[N]` where
    /// `index_too` is set.
    Dotted {
        /// Whether `field[N]` is a form as well.
        index_too: bool,
    },
}

/// How a check treats a field that has more than one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Multiplicity {
    /// One value.
    One,
    /// Ancestors (`proc.aname` without an index): some value satisfies the operator.
    Any,
    /// Both sides of a connection (`fd.ip`): some value satisfies it, but `!=` wants all.
    Sides,
    /// A list value (`fd.types`): only list operators apply.
    List,
}

/// How far the field is needed (which rule files use it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "T1: stable rule file; T2: incubating and sandbox; T3: users' files"
)]
pub enum Need {
    T1,
    T2,
    T3,
}

/// One field.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// Dotted name, without argument.
    pub name: &'static str,
    /// Type of its value (of an element, if it has several).
    pub ty: Type,
    /// Its argument.
    pub arg: ArgKind,
    /// One value or several.
    pub multiplicity: Multiplicity,
    /// No transformer may be applied to it.
    pub no_transform: bool,
    /// It may not stand on the right side (`val()`).
    pub no_rhs: bool,
    /// Numbers are printed in hexadecimal.
    pub hex: bool,
    /// It prints as `<NA>` or its kin whatever its value: for filtering only.
    pub filter_only: Option<&'static str>,
    /// Loads with a deprecation warning.
    pub deprecated: bool,
    /// Who needs it.
    pub need: Need,
    /// Names of the events that supply it; empty: every event with a process.
    pub events: &'static [&'static str],
    /// What it means, one sentence.
    pub doc: &'static str,
}

/// One event type, or one syscall that is reported as generic event.
#[derive(Clone, Debug)]
pub struct EventDef {
    /// Its name (`openat`).
    pub name: &'static str,
    /// Its parameters in order; empty for generic events.
    pub params: &'static [ParamDef],
    /// `evt.category`.
    pub category: &'static str,
    /// It is a syscall (`syscall.type` is its name).
    pub syscall: bool,
    /// It has a parsed result (`evt.res`, `evt.rawres`).
    pub has_result: bool,
}

/// One parameter of an event.
#[derive(Clone, Copy, Debug)]
pub struct ParamDef {
    /// `flags` in `evt.arg.flags`.
    pub name: &'static str,
    /// Its type: what `evt.rawarg` gives, and how `evt.arg` formats it.
    pub ty: ParamType,
}

/// Types of event parameters that matter to `evt.arg` and `evt.rawarg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "upstream's parameter types, by name")]
pub enum ParamType {
    Errno,
    Fd,
    Pid,
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
    RelTime,
    AbsTime,
    Bool,
    CharBufArray,
}

/// All fields and events of one source.
#[derive(Clone, Debug)]
pub struct Schema {
    /// The source's name (`syscall`).
    pub source: &'static str,
    /// The fields; [`FieldId`] is the index.
    pub fields: Vec<FieldDef>,
    /// The event types; [`EventTypeId`] is the index. One entry per name.
    pub events: Vec<EventDef>,
}
