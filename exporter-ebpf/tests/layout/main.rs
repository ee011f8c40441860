//! `record.h` and `record.rs`, and `plan.h` and `plan.rs`, say the same: proved through the BTF of the built object, both ways.
//!
//! In: [`exporter_ebpf::BASE`], the tables that `record.rs` makes of its own declarations. Never: a list kept by hand.

mod btf;

use std::collections::{BTreeMap, BTreeSet};

use btf::Btf;
use exporter_ebpf::layout::{EnumLayout, StructLayout};
use exporter_ebpf::record::Kind;
use exporter_ebpf::{plan, record};

/// The struct of C that holds everything, and the union of all records in it; neither crosses the border itself.
const ANCHOR: &str = "rec_layout";
const UNION: &str = "rec_any";

fn base() -> Btf {
    Btf::of_object(exporter_ebpf::BASE)
}

fn structs() -> impl Iterator<Item = &'static StructLayout> {
    record::STRUCTS.iter().chain(plan::STRUCTS)
}

/// A struct as text, a member a line: name, type in Rust's words, offset, size.
type Shape = (usize, Vec<String>);

fn member(name: &str, r#type: &str, offset: usize, size: usize) -> String {
    format!("{name}: {type} at {offset}, {size} bytes")
}

/// Struct names of C for those of Rust.
fn rust_names() -> BTreeMap<&'static str, &'static str> {
    structs()
        .map(|layout| (layout.name, (layout.type_name)()))
        .collect()
}

fn shapes_of_rust() -> BTreeMap<String, Shape> {
    structs()
        .map(|layout| {
            let members = layout
                .members
                .iter()
                .map(|one| member(one.name, (one.type_name)(), one.offset, one.size))
                .collect();
            (layout.name.to_owned(), (layout.size, members))
        })
        .collect()
}

fn shapes_of_c(btf: &Btf) -> BTreeMap<String, Shape> {
    let names = rust_names();
    btf.structs()
        .filter(|(name, ..)| name.starts_with("rec_") && ![ANCHOR, UNION].contains(name))
        .map(|(name, size, members)| {
            let members = members
                .iter()
                .map(|one| {
                    member(
                        &one.name,
                        &btf.rust_type(one.r#type, &names),
                        one.offset,
                        btf.size(one.r#type),
                    )
                })
                .collect();
            (name.to_owned(), (size, members))
        })
        .collect()
}

#[test]
fn every_struct_is_the_same_in_both_languages() {
    let btf = base();
    let (c, rust) = (shapes_of_c(&btf), shapes_of_rust());
    assert!(
        c.len() > 10,
        "the object carries the layout: {:?}",
        c.keys()
    );
    for (name, shape) in &c {
        assert_eq!(
            Some(shape),
            rust.get(name),
            "struct {name}: C on the left, Rust on the right"
        );
    }
    assert_eq!(
        rust.keys().collect::<Vec<_>>(),
        c.keys().collect::<Vec<_>>(),
        "Rust on the left, C on the right"
    );
}

#[test]
fn no_struct_has_hidden_padding() {
    let btf = base();
    for (name, size, members) in btf
        .structs()
        .filter(|(name, ..)| name.starts_with("rec_") && *name != ANCHOR)
    {
        if name == UNION {
            continue;
        }
        let mut end = 0;
        for one in members {
            assert!(!one.bit_field, "{name}.{}", one.name);
            assert_eq!(one.offset, end, "before {name}.{}", one.name);
            end += btf.size(one.r#type);
        }
        assert_eq!(end, size, "at the end of {name}");
    }
}

#[test]
fn every_enum_is_the_same_in_both_languages() {
    let btf = base();
    let values = |layout: &EnumLayout| -> BTreeMap<String, u64> {
        layout
            .values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    };
    let rust: BTreeMap<String, BTreeMap<String, u64>> = record::ENUMS
        .iter()
        .chain(plan::ENUMS)
        .chain([&Kind::LAYOUT, &exporter_ebpf::syscall::LAYOUT])
        .map(|layout| (layout.name.to_owned(), values(layout)))
        .collect();
    let c: BTreeMap<String, BTreeMap<String, u64>> = btf
        .enums()
        .filter(|(name, _)| name.starts_with("rec_"))
        .map(|(name, values)| (name.to_owned(), values))
        .collect();
    assert!(c.len() > 5, "the object carries the enums: {:?}", c.keys());
    for (name, values) in &c {
        assert_eq!(
            Some(values),
            rust.get(name),
            "enum {name}: C on the left, Rust on the right"
        );
    }
    assert_eq!(
        rust.keys().collect::<Vec<_>>(),
        c.keys().collect::<Vec<_>>(),
        "Rust on the left, C on the right"
    );
}

#[test]
fn every_record_is_a_kind_and_every_kind_a_record() {
    let btf = base();
    let (_, _, members) = btf
        .structs()
        .find(|(name, ..)| *name == UNION)
        .expect("the union of all records");
    let records: BTreeSet<String> = members
        .iter()
        .map(|one| format!("KIND_{}", one.name.to_uppercase()))
        .collect();
    let kinds: BTreeSet<String> = Kind::LAYOUT
        .values
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(records, kinds);
    for kind in Kind::ALL {
        assert_eq!(Kind::try_from(kind.number()), Ok(*kind));
    }
}

#[test]
fn everything_hangs_on_the_anchor() {
    // The anchor is what makes clang keep a struct that no program uses: what is not reached from it may vanish.
    let btf = base();
    let reached = btf.reached_from(ANCHOR);
    for (name, ..) in btf.structs().filter(|(name, ..)| name.starts_with("rec_")) {
        assert!(
            reached.contains(name),
            "struct {name} is not in struct {ANCHOR}"
        );
    }
    for (name, _) in btf.enums().filter(|(name, _)| name.starts_with("rec_")) {
        assert!(
            reached.contains(name),
            "enum {name} is not in struct {ANCHOR}"
        );
    }
}
