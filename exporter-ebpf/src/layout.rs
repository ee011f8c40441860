//! How structs and enums that C declares are declared in Rust: once, together with a table of themselves.
//!
//! Out: [`StructLayout`] and [`EnumLayout`], which `tests/layout` holds against the BTF of the object.

/// One member of a struct as Rust declares it.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its name, the same in C.
    pub name: &'static str,
    /// Bytes from the start of the struct.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// Gives the name of its type.
    pub type_name: fn() -> &'static str,
}

/// One struct as Rust declares it, for the proof that C agrees.
#[derive(Debug, Clone, Copy)]
pub struct StructLayout {
    /// Its name in C.
    pub name: &'static str,
    /// Gives its name here.
    pub type_name: fn() -> &'static str,
    /// Size in bytes.
    pub size: usize,
    /// Every member in order.
    pub members: &'static [Member],
}

/// One enum of C as Rust declares it: name and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumLayout {
    /// Its name in C.
    pub name: &'static str,
    /// Every name and value in order.
    pub values: &'static [(&'static str, u64)],
}

/// Declares structs with the C layout together with the table that the proof reads.
macro_rules! structs {
    ($($(#[$doc:meta])* $c:literal $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        #[repr(C)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* })*

        /// Every struct of this layout.
        pub const STRUCTS: &[$crate::layout::StructLayout] = &[$($crate::layout::StructLayout {
            name: $c,
            type_name: core::any::type_name::<$name>,
            size: size_of::<$name>(),
            members: &[$($crate::layout::Member {
                name: stringify!($field),
                offset: core::mem::offset_of!($name, $field),
                size: size_of::<$type>(),
                type_name: core::any::type_name::<$type>,
            },)*],
        },)*];
    };
}

/// Declares the constants of C's enums, each with the type it is used with, together with the table that the proof reads.
macro_rules! constants {
    ($($c:literal: $type:ty { $($(#[$doc:meta])* $name:ident = $value:expr,)* })*) => {
        $($($(#[$doc])* pub const $name: $type = $value;)*)*

        /// Every enum that is declared so.
        pub const ENUMS: &[$crate::layout::EnumLayout] = &[$($crate::layout::EnumLayout {
            name: $c,
            values: &[$((stringify!($name), $name as u64),)*],
        },)*];
    };
}

pub(crate) use constants;
pub(crate) use structs;
