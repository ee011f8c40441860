//! Reads the types of a BPF object: as much of BTF as structs, enums and what they are made of need.
//!
//! Sources: the kernel's Documentation/bpf/btf.rst.

use std::collections::{BTreeMap, BTreeSet};

use object::{Object, ObjectSection};

pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) r#type: u32,
    /// In bytes; of a bit field that of its first bit.
    pub(crate) offset: usize,
    pub(crate) bit_field: bool,
}

enum Type {
    Int {
        bytes: usize,
        signed: bool,
    },
    Pointer,
    Array {
        of: u32,
        count: usize,
    },
    /// A struct or union.
    Struct {
        name: String,
        bytes: usize,
        members: Vec<Member>,
    },
    Enum {
        name: String,
        bytes: usize,
        values: BTreeMap<String, u64>,
    },
    /// A typedef or qualifier, a variable: stands for another type.
    Of(u32),
    Other,
}

pub(crate) struct Btf {
    types: Vec<Type>,
}

impl Btf {
    pub(crate) fn of_object(object: &[u8]) -> Self {
        let file = object::File::parse(object).expect("an ELF object");
        let section = file.section_by_name(".BTF").expect("BTF in the object");
        let data = section.data().expect("BTF bytes");
        let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(word(0) & 0xffff, 0xeb9f, "the mark of BTF");
        let header = index(word(4));
        let (types, types_bytes) = (header + index(word(8)), index(word(12)));
        let (strings, strings_bytes) = (header + index(word(16)), index(word(20)));
        let mut reader = Reader {
            words: data[types..types + types_bytes]
                .chunks_exact(4)
                .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
                .collect::<Vec<_>>()
                .into_iter(),
            strings: &data[strings..strings + strings_bytes],
        };
        // Type 0 is void.
        let mut all = vec![Type::Other];
        while let Some(one) = reader.next_type() {
            all.push(one);
        }
        Self { types: all }
    }

    pub(crate) fn structs(&self) -> impl Iterator<Item = (&str, usize, &[Member])> {
        self.types.iter().filter_map(|one| match one {
            Type::Struct {
                name,
                bytes,
                members,
            } => Some((name.as_str(), *bytes, members.as_slice())),
            _ => None,
        })
    }

    pub(crate) fn enums(&self) -> impl Iterator<Item = (&str, BTreeMap<String, u64>)> {
        self.types.iter().filter_map(|one| match one {
            Type::Enum { name, values, .. } => Some((name.as_str(), values.clone())),
            _ => None,
        })
    }

    pub(crate) fn size(&self, id: u32) -> usize {
        match self.get(id) {
            Type::Int { bytes, .. } | Type::Struct { bytes, .. } | Type::Enum { bytes, .. } => {
                *bytes
            }
            Type::Array { of, count } => self.size(*of) * count,
            Type::Of(other) => self.size(*other),
            Type::Pointer | Type::Other => panic!("type {id} cannot cross the border"),
        }
    }

    /// The type in Rust's words; `names` gives the structs' names there.
    pub(crate) fn rust_type(&self, id: u32, names: &BTreeMap<&str, &str>) -> String {
        match self.get(id) {
            Type::Int { bytes, signed } => {
                format!("{}{}", if *signed { 'i' } else { 'u' }, bytes * 8)
            }
            Type::Struct { name, .. } => names
                .get(name.as_str())
                .map_or_else(|| name.clone(), |rust| (*rust).to_owned()),
            Type::Enum { name, .. } => name.clone(),
            Type::Array { of, count } => format!("[{}; {count}]", self.rust_type(*of, names)),
            Type::Of(other) => self.rust_type(*other, names),
            Type::Pointer | Type::Other => panic!("type {id} cannot cross the border"),
        }
    }

    /// Names of the structs and enums inside of the struct `name`, to any depth, and itself.
    pub(crate) fn reached_from(&self, name: &str) -> BTreeSet<String> {
        let start = self
            .types
            .iter()
            .position(|one| matches!(one, Type::Struct { name: this, .. } if this == name));
        let mut left = vec![u32::try_from(start.expect("the struct is there")).expect("few types")];
        let mut names = BTreeSet::new();
        while let Some(id) = left.pop() {
            match self.get(id) {
                Type::Struct { name, members, .. } => {
                    names.insert(name.clone());
                    left.extend(members.iter().map(|one| one.r#type));
                }
                Type::Enum { name, .. } => {
                    names.insert(name.clone());
                }
                Type::Array { of, .. } | Type::Of(of) => left.push(*of),
                Type::Int { .. } | Type::Pointer | Type::Other => {}
            }
        }
        names
    }

    fn get(&self, id: u32) -> &Type {
        &self.types[index(id)]
    }
}

struct Reader<'a> {
    words: std::vec::IntoIter<u32>,
    strings: &'a [u8],
}

impl Reader<'_> {
    fn next_type(&mut self) -> Option<Type> {
        let name = self.words.next()?;
        let info = self.word();
        let size_or_type = self.word();
        let count = index(info & 0xffff);
        Some(match info >> 24 & 0x1f {
            1 => {
                let encoding = self.word();
                Type::Int {
                    bytes: index(size_or_type),
                    signed: encoding >> 24 & 1 != 0,
                }
            }
            2 => Type::Pointer,
            3 => {
                let (of, _index, count) = (self.word(), self.word(), self.word());
                Type::Array {
                    of,
                    count: index(count),
                }
            }
            4 | 5 => Type::Struct {
                name: self.text(name),
                bytes: index(size_or_type),
                members: (0..count).map(|_| self.member(info >> 31 != 0)).collect(),
            },
            6 => Type::Enum {
                name: self.text(name),
                bytes: index(size_or_type),
                values: (0..count)
                    .map(|_| {
                        let (name, value) = (self.word(), self.word());
                        (self.text(name), value.into())
                    })
                    .collect(),
            },
            8..=11 | 18 => Type::Of(size_or_type),
            // A function's parameters, a variable's linkage, a section's variables, a tag's place, 64-bit values.
            13 => self.skip(2 * count),
            14 | 17 => self.skip(1),
            15 | 19 => self.skip(3 * count),
            7 | 12 | 16 => Type::Other,
            kind => panic!("BTF has the unknown kind {kind}"),
        })
    }

    fn member(&mut self, bit_fields: bool) -> Member {
        let (name, r#type, bits) = (self.word(), self.word(), self.word());
        let bit_field = bit_fields && bits >> 24 != 0;
        let bits = bits & if bit_fields { 0x00ff_ffff } else { u32::MAX };
        Member {
            name: self.text(name),
            r#type,
            offset: index(bits / 8),
            bit_field,
        }
    }

    fn skip(&mut self, words: usize) -> Type {
        for _ in 0..words {
            self.word();
        }
        Type::Other
    }

    fn word(&mut self) -> u32 {
        self.words.next().expect("BTF ends in the middle of a type")
    }

    fn text(&self, at: u32) -> String {
        let bytes = &self.strings[index(at)..];
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .expect("NUL at the end of a name");
        String::from_utf8(bytes[..end].to_vec()).expect("names are ASCII")
    }
}

fn index(word: u32) -> usize {
    usize::try_from(word).expect("32 bits fit")
}
