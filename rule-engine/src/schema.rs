//! What fields and events exist: the ground that conditions are checked against.
//!
//! In: the tables in `schema/`. Out: [`Schema`], plain data with look-ups by name. Never: values, or where they come from.
//!
//! [`Schema::syscall`] is Falco's `syscall` source; a host may build its own with [`Schema::new`].

mod events;
mod fields;
mod types;

pub use types::{ParamType, Type};

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// Index of a field in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// Index of an event type in its [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTypeId(pub u16);

/// Which argument a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgKind {
    /// None: `proc.name[1]` is a nonexistent field.
    None,
    /// `[N]`, may be left out.
    OptionalIndex,
    /// `[KEY]` or `[N]`, may be left out.
    OptionalKey,
    /// `[KEY]`, must be there; digits are a key too.
    RequiredKey,
    /// `[N]` or `[KEY]`, must be there.
    RequiredIndexOrKey,
    /// A further dotted part (`evt.arg.flags`): the field's name in the schema is what stands before it. `[N]` where
    /// `index_too` is set.
    Dotted {
        /// Whether `field[N]` is a form as well.
        index_too: bool,
    },
    /// `[KEY]` or a further dotted part (`container.label.app`), must be there.
    DottedOrKey,
}

/// How a check treats a field that has more than one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Multiplicity {
    /// One value.
    One,
    /// Ancestors (`proc.aname` without an index; with one it has one value): some value satisfies the operator.
    Any,
    /// Both sides of a connection (`fd.ip`): some value satisfies it, but `!=` wants all.
    Sides,
    /// A list value (`fd.types`): only list operators apply.
    List,
}

/// Which events have a value for a field. An event outside the supply never has one; an event inside may still lack it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Every event.
    Every,
    /// Events that make or use a file descriptor.
    Fd,
    /// Events that read from or write to one.
    Io,
    /// Events with a result.
    Result,
    /// Events that are syscalls.
    Syscall,
    /// Events with the parameter that the argument names.
    Param,
    /// These events.
    Named(&'static [&'static str]),
    /// No event yet: the field loads and is always missing.
    Never,
}

/// One field.
#[derive(Clone, Debug)]
pub struct FieldDef {
    /// Dotted name, without argument.
    pub name: &'static str,
    /// Type of its value (of an element, if it has several). That of `evt.rawarg` depends on its argument: see
    /// [`Schema::raw_param`].
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
    /// Which events have it.
    pub supply: Supply,
    /// What it means, one sentence.
    pub doc: &'static str,
}

/// What kind of thing an event type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A system call.
    Syscall,
    /// Something the kernel reports besides (`procexit`, `signaldeliver`).
    Tracepoint,
    /// Something the agent reports (`container`); no process need belong to it.
    Meta,
}

/// One event type, or one syscall that is reported as generic event.
#[derive(Clone, Debug)]
pub struct EventDef {
    /// Its name (`openat`).
    pub name: &'static str,
    /// Its parameters in order.
    pub params: &'static [ParamDef],
    /// `evt.category`; `io` stands for the category of the file descriptor (file, net, ipc).
    pub category: &'static str,
    /// Syscall, tracepoint or else.
    pub kind: EventKind,
    /// A syscall without parameters of its own.
    pub generic: bool,
    /// It has a parsed result (`evt.res`, `evt.rawres`): a parameter `res`, or a new `fd`.
    pub has_result: bool,
    /// Its result is a new file descriptor.
    pub creates_fd: bool,
    /// It acts on a file descriptor.
    pub uses_fd: bool,
    /// It reads from one (`evt.is_io_read`).
    pub reads: bool,
    /// It writes to one (`evt.is_io_write`).
    pub writes: bool,
    /// It makes the thread wait (`evt.is_wait`).
    pub waits: bool,
}

/// One parameter of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamDef {
    /// `flags` in `evt.arg.flags`.
    pub name: &'static str,
    /// Its type: what `evt.rawarg` gives, and how `evt.arg` formats it.
    pub ty: ParamType,
    /// How its number is printed, where no symbols stand for it.
    pub format: NumberFormat,
}

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// Decimal.
    Dec,
    /// Hexadecimal, without prefix.
    Hex,
    /// Octal, without prefix but one zero.
    Oct,
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
    field_ids: Names,
    event_ids: Names,
    params: HashMap<&'static str, ParamDef, RandomState>,
}

type Names = HashMap<&'static str, u16, RandomState>;

impl Schema {
    /// A schema of these fields and events. Where a name occurs twice, the first one counts.
    ///
    /// # Panics
    /// When there are more than 65,535 fields or events.
    pub fn new(source: &'static str, fields: Vec<FieldDef>, events: Vec<EventDef>) -> Schema {
        let mut params = HashMap::default();
        for param in events.iter().flat_map(|event| event.params) {
            params.entry(param.name).or_insert(*param);
        }
        let field_ids = number(fields.iter().map(|field| field.name));
        let event_ids = number(events.iter().map(|event| event.name));
        Schema {
            source,
            fields,
            events,
            field_ids,
            event_ids,
            params,
        }
    }

    /// Falco's `syscall` source, the container and Kubernetes fields of its plugins included.
    pub fn syscall() -> Schema {
        static SYSCALL: LazyLock<Schema> = LazyLock::new(|| {
            let events = events::dedicated()
                .iter()
                .cloned()
                .chain(events::generic())
                .collect();
            let mut schema = Schema::new("syscall", fields::all().cloned().collect(), events);
            schema
                .params
                .extend(events::RAW_TYPES.iter().map(|param| (param.name, *param)));
            schema
        });
        SYSCALL.clone()
    }

    /// The field of exactly this name, arguments excluded.
    pub fn field(&self, name: &str) -> Option<FieldId> {
        self.field_ids.get(name).copied().map(FieldId)
    }

    /// The event type of this name.
    pub fn event(&self, name: &str) -> Option<EventTypeId> {
        self.event_ids.get(name).copied().map(EventTypeId)
    }

    /// The definition behind an id of this schema.
    pub fn field_def(&self, id: FieldId) -> &FieldDef {
        &self.fields[usize::from(id.0)]
    }

    /// The definition behind an id of this schema.
    pub fn event_def(&self, id: EventTypeId) -> &EventDef {
        &self.events[usize::from(id.0)]
    }

    /// Splits a dotted name as it stands in a condition into the field and the dotted argument behind it: `evt.arg.flags`
    /// is `evt.arg` with `flags`. A field of the whole name comes first, then the longest one that takes such an argument.
    pub fn split<'n>(&self, name: &'n str) -> Option<(FieldId, Option<&'n str>)> {
        if let Some(id) = self.field(name) {
            return Some((id, None));
        }
        name.rmatch_indices('.').find_map(|(dot, _)| {
            let id = self.field(&name[..dot])?;
            let dotted = matches!(
                self.field_def(id).arg,
                ArgKind::Dotted { .. } | ArgKind::DottedOrKey
            );
            dotted.then_some((id, Some(&name[dot + 1..])))
        })
    }

    /// The parameter of this name, as `evt.arg` and `evt.rawarg` know it before there is an event: some event of the whole
    /// table has it, and the type is that of the first one. `None`: no event has it.
    pub fn raw_param(&self, name: &str) -> Option<ParamDef> {
        self.params.get(name).copied()
    }

    /// Names of all parameters of all events, in no order.
    pub fn param_names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.params.keys().copied()
    }

    /// Whether an event of this type can have a value for the field; `arg` is its dotted argument.
    pub fn supplies(&self, event: EventTypeId, field: FieldId, arg: Option<&str>) -> bool {
        let event = self.event_def(event);
        match self.field_def(field).supply {
            Supply::Every => true,
            Supply::Fd => event.creates_fd || event.uses_fd,
            Supply::Io => event.reads || event.writes,
            Supply::Result => event.has_result,
            Supply::Syscall => event.kind == EventKind::Syscall,
            Supply::Param => {
                arg.is_none_or(|name| event.params.iter().any(|param| param.name == name))
            }
            Supply::Named(names) => names.contains(&event.name),
            Supply::Never => false,
        }
    }
}

impl EventDef {
    /// A syscall of this name; the other builders say what else it is.
    pub const fn new(
        name: &'static str,
        category: &'static str,
        params: &'static [ParamDef],
    ) -> EventDef {
        EventDef {
            name,
            params,
            category,
            kind: EventKind::Syscall,
            generic: false,
            has_result: has_param(params, "res"),
            creates_fd: false,
            uses_fd: false,
            reads: false,
            writes: false,
            waits: false,
        }
    }

    /// It is reported without parameters of its own.
    pub const fn generic(mut self) -> EventDef {
        self.generic = true;
        self
    }
}

/// Whether one of the parameters has this name; `const`, so that it serves the tables.
const fn has_param(params: &[ParamDef], name: &str) -> bool {
    let mut i = 0;
    while i < params.len() {
        if same(params[i].name.as_bytes(), name.as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

fn number(names: impl Iterator<Item = &'static str>) -> Names {
    let mut ids = Names::default();
    for (id, name) in names.enumerate() {
        let id = u16::try_from(id)
            .expect("a schema has at most 65,535 fields and events, as documented");
        ids.entry(name).or_insert(id);
    }
    ids
}

#[cfg(test)]
mod tests;
