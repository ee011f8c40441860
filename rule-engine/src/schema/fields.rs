//! The one table of fields: name, type, argument, meaning and which events have it, a file for each family of names.
//!
//! In: nothing. Out: [`all`] for [`super::Schema::syscall`]. Never: how a value is found; that is the host's.
//! Sources: names, types and properties are those of Falco's documented field classes and of the plugins whose fields are
//! built in here (container, k8smeta); the sentences are ours.

use super::{ArgKind, FieldDef, Multiplicity, Supply, Type};

/// Builds rows of a table: name, type, marks, meaning. A mark is one of the builders of [`FieldDef`] below.
macro_rules! fields {
    ($($name:literal $ty:ident [$($mark:ident $(($($arg:expr),*))?)*] $doc:literal)*) => {
        &[$($crate::schema::FieldDef::new($name, $crate::schema::Type::$ty, $doc)
            $(.$mark($($($arg),*)?))*),*]
    };
}

mod container;
mod evt;
mod fd;
mod proc;

/// Every field of the source, family after family.
pub(super) fn all() -> impl Iterator<Item = &'static FieldDef> {
    evt::FIELDS
        .iter()
        .chain(proc::FIELDS)
        .chain(fd::FIELDS)
        .chain(container::FIELDS)
}

impl FieldDef {
    /// A field with one value, without argument, that every event has; the other builders say what else it is.
    pub const fn new(name: &'static str, ty: Type, doc: &'static str) -> FieldDef {
        FieldDef {
            name,
            ty,
            arg: ArgKind::None,
            multiplicity: Multiplicity::One,
            no_transform: false,
            no_rhs: false,
            hex: false,
            filter_only: None,
            deprecated: false,
            supply: Supply::Every,
            doc,
        }
    }

    /// Takes this argument.
    const fn arg(mut self, arg: ArgKind) -> FieldDef {
        self.arg = arg;
        self
    }

    /// Neither transformed nor used on the right side.
    const fn bare(mut self) -> FieldDef {
        self.no_transform = true;
        self.no_rhs = true;
        self
    }

    /// An ancestor's property: of the N-th one, or of any.
    const fn ancestor(self) -> FieldDef {
        let mut field = self.arg(ArgKind::OptionalIndex);
        field.multiplicity = Multiplicity::Any;
        field
    }

    /// Of both sides of a connection; prints as `<NA>`.
    const fn sides(self) -> FieldDef {
        let mut field = self.bare().fd();
        field.multiplicity = Multiplicity::Sides;
        field.filter_only = Some("<NA>");
        field
    }

    /// A network; prints as `<IPNET>`.
    const fn network(self) -> FieldDef {
        let mut field = self.bare().fd();
        field.filter_only = Some("<IPNET>");
        field
    }

    /// A list value.
    const fn list(mut self) -> FieldDef {
        self.multiplicity = Multiplicity::List;
        self
    }

    /// May not stand on the right side.
    const fn no_rhs(mut self) -> FieldDef {
        self.no_rhs = true;
        self
    }

    /// Prints in hexadecimal.
    const fn hex(mut self) -> FieldDef {
        self.hex = true;
        self
    }

    /// Loads with a warning.
    const fn deprecated(mut self) -> FieldDef {
        self.deprecated = true;
        self
    }

    /// Of the event's file descriptor.
    const fn fd(self) -> FieldDef {
        self.of(Supply::Fd)
    }

    /// Had by these events only.
    const fn of(mut self, supply: Supply) -> FieldDef {
        self.supply = supply;
        self
    }

    /// Had by the events of these names only.
    const fn on(self, events: &'static [&'static str]) -> FieldDef {
        self.of(Supply::Named(events))
    }
}
