//! Atoms: the questions about an event that a kernel program can answer cheaply, and what they mean.
//!
//! In: [`Facts`]. Out: true, false or undecided. Never: fields; what they have to do with facts is [`super::subject`]'s part.
//!
//! Each kind maps to one look-up: the texts of all atoms of an event type that ask alike about one fact are one map from
//! text to the set of atoms that it makes true (a hash for whole texts and last components, a trie for beginnings).

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::facts::{Facts, Known, Path, View};
use crate::op::Network;

/// A question about an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Atom {
    /// A number is so.
    Number(Number, NumberTest),
    /// A text fits one of these patterns; sorted, each once.
    Text(Text, Vec<Pattern>),
    /// An address lies in one of these networks; sorted, each once.
    Address(Side, Vec<Subnet>),
    /// The process is in a container.
    InContainer,
}

/// Facts that are numbers; signed where the kernel's are, bits unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are those of `Facts`, by name")]
pub enum Number {
    Result,
    OpenFlags,
    OpenMode,
    FileType,
    Uid,
    Gid,
    Family,
    SocketType,
    LocalPort,
    RemotePort,
    /// The argument of this number.
    Arg(u8),
}

/// A question about a number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NumberTest {
    /// It lies in one of these ranges, both ends included; sorted, neither touching nor overlapping.
    Within(Vec<(i64, i64)>),
    /// Its bits under the mask are these.
    Bits {
        /// Which bits count.
        mask: u64,
        /// What they are; no bit outside of the mask is set.
        value: u64,
    },
}

/// Facts that are texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are those of `Facts`, by name")]
pub enum Text {
    Comm,
    Exe,
    RawPath,
    /// The requested or the effective path, whichever view is judged.
    Path,
}

/// A question about a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// It is this.
    Is(Box<[u8]>),
    /// It begins so; every text begins with the empty one.
    Starts(Box<[u8]>),
    /// It ends so.
    Ends(Box<[u8]>),
    /// What follows its last slash is this.
    Named(Box<[u8]>),
    /// What comes before its last slash is this, `/` for what lies in the root directory.
    Within(Box<[u8]>),
}

/// Sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are those of `Facts`, by name")]
pub enum Side {
    Local,
    Remote,
}

/// A network: addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    /// Its first address.
    pub address: IpAddr,
    /// How many bits its addresses share.
    pub prefix: u8,
}

impl Atom {
    /// The answer; `None`: undecided.
    pub(super) fn answer(&self, facts: &Facts<'_>, view: View) -> Option<bool> {
        match self {
            Self::Number(number, test) => decide(number.of(facts), |value| test.holds(value)),
            Self::Text(text, any) => {
                let fits = |value: &[u8]| any.iter().any(|pattern| pattern.fits(value));
                let path = match (text, view) {
                    (Text::Comm, _) => return decide(facts.comm, fits),
                    (Text::RawPath, _) => return decide(facts.raw_path, fits),
                    (Text::Exe, _) => facts.exe,
                    (Text::Path, View::Requested) => facts.requested,
                    (Text::Path, View::Effective) => facts.effective,
                };
                first_of(any, |pattern| pattern.fits_path(path))
            }
            Self::Address(side, any) => {
                let address = match side {
                    Side::Local => facts.local,
                    Side::Remote => facts.remote,
                };
                decide(address, |address| {
                    any.iter().any(|subnet| subnet.contains(address))
                })
            }
            Self::InContainer => decide(facts.in_container, |inside| inside),
        }
    }

    /// Whether it is about the path, which differs by view.
    pub fn is_about_path(&self) -> bool {
        matches!(self, Self::Text(Text::Path, _))
    }
}

/// What is missing fits nothing.
fn decide<T>(fact: Known<T>, holds: impl FnOnce(T) -> bool) -> Option<bool> {
    match fact {
        Known::Is(value) => Some(holds(value)),
        Known::Missing => Some(false),
        Known::Unknown => None,
    }
}

/// True if one is true, else undecided if one is undecided.
fn first_of<T>(any: &[T], answer: impl Fn(&T) -> Option<bool>) -> Option<bool> {
    let mut undecided = false;
    for one in any {
        match answer(one) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => undecided = true,
        }
    }
    if undecided { None } else { Some(false) }
}

impl Number {
    fn of(self, facts: &Facts<'_>) -> Known<i64> {
        let bits = |known: Known<u64>| known.map(u64::cast_signed);
        match self {
            Self::Result => facts.result,
            Self::OpenFlags => bits(facts.open_flags),
            Self::OpenMode => bits(facts.open_mode),
            Self::FileType => bits(facts.file_type),
            Self::Uid => facts.uid.map(i64::from),
            Self::Gid => facts.gid.map(i64::from),
            Self::Family => facts.family.map(i64::from),
            Self::SocketType => facts.socket_type.map(i64::from),
            Self::LocalPort => facts.local_port.map(i64::from),
            Self::RemotePort => facts.remote_port.map(i64::from),
            Self::Arg(number) => bits(
                facts
                    .args
                    .get(usize::from(number))
                    .copied()
                    .unwrap_or_default(),
            ),
        }
    }
}

impl NumberTest {
    fn holds(&self, value: i64) -> bool {
        match self {
            Self::Within(ranges) => ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&value)),
            Self::Bits { mask, value: bits } => value.cast_unsigned() & mask == *bits,
        }
    }
}

impl Pattern {
    /// Whether a text that is wholly known fits.
    fn fits(&self, text: &[u8]) -> bool {
        match self {
            Self::Is(whole) => text == &**whole,
            Self::Starts(start) => text.starts_with(start),
            Self::Ends(end) => text.ends_with(end),
            Self::Named(wanted) => last_name(text) == &**wanted,
            Self::Within(wanted) => directory(text) == &**wanted,
        }
    }

    fn fits_path(&self, path: Path<'_>) -> Option<bool> {
        match path {
            Path::Whole(path) => Some(self.fits(path)),
            Path::Name(name) => self.fits_name(name),
            Path::Missing => Some(false),
            Path::Unknown => None,
        }
    }

    /// Whether a path with this last component fits.
    fn fits_name(&self, name: &[u8]) -> Option<bool> {
        let maybe_if = |possible: bool| if possible { None } else { Some(false) };
        match self {
            Self::Named(wanted) => Some(name == &**wanted),
            Self::Is(whole) => maybe_if(last_name(whole) == name),
            Self::Ends(end) if end.contains(&b'/') => maybe_if(last_name(end) == name),
            Self::Ends(end) => Some(name.ends_with(end)),
            Self::Starts(start) if start.is_empty() => Some(true),
            Self::Starts(_) | Self::Within(_) => None,
        }
    }
}

/// What follows the last slash.
pub(super) fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// What comes before the last slash, `/` if nothing does, nothing if there is no slash.
fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => b"/",
        Some(slash) => &path[..slash],
        None => b"",
    }
}

impl Subnet {
    /// Every address of either family.
    pub(super) const EVERY: [Self; 2] = [
        Self {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            prefix: 0,
        },
        Self {
            address: IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            prefix: 0,
        },
    ];

    /// Whether an address lies in it; one of the other family does not.
    fn contains(self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.prefix)
    }
}

impl From<Network> for Subnet {
    fn from(network: Network) -> Self {
        Self {
            address: network.address(),
            prefix: network.prefix(),
        }
    }
}

impl From<IpAddr> for Subnet {
    /// This address alone.
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            prefix: if address.is_ipv4() { 32 } else { 128 },
        }
    }
}

impl Display for Atom {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(Number::Arg(number), test) => write!(f, "argument {number} {test}"),
            Self::Number(number, test) => write!(f, "{} {test}", number.name()),
            Self::Text(text, any) => {
                let text = match text {
                    Text::Comm => "process name",
                    Text::Exe => "executable",
                    Text::RawPath => "path as given",
                    Text::Path => "path",
                };
                write!(f, "{text} ")?;
                alternatives(f, any)
            }
            Self::Address(side, any) => {
                let side = match side {
                    Side::Local => "local address",
                    Side::Remote => "remote address",
                };
                write!(f, "{side} in ")?;
                alternatives(f, any)
            }
            Self::InContainer => f.write_str("in a container"),
        }
    }
}

/// The first few, and how many more there are.
fn alternatives<T: Display>(f: &mut Formatter<'_>, any: &[T]) -> fmt::Result {
    const SHOWN: usize = 3;
    for (i, one) in any.iter().take(SHOWN).enumerate() {
        write!(f, "{}{one}", if i > 0 { " or " } else { "" })?;
    }
    match any.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " or {more} more"),
    }
}

impl Number {
    fn name(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::OpenFlags => "open flags",
            Self::OpenMode => "open mode",
            Self::FileType => "file type",
            Self::Uid => "user id",
            Self::Gid => "group id",
            Self::Family => "address family",
            Self::SocketType => "socket type",
            Self::LocalPort => "local port",
            Self::RemotePort => "remote port",
            Self::Arg(_) => "argument",
        }
    }
}

impl Display for NumberTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ranges = match self {
            Self::Bits { mask, value } => return write!(f, "& {mask:#o} = {value:#o}"),
            Self::Within(ranges) => ranges,
        };
        let range = |(first, last): &(i64, i64)| match (*first, *last) {
            (first, last) if first == last => first.to_string(),
            (first, i64::MAX) => format!("{first}…"),
            (first, last) => format!("{first}…{last}"),
        };
        write!(f, "in ")?;
        alternatives(f, &ranges.iter().map(range).collect::<Vec<_>>())
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (what, text) = match self {
            Self::Is(text) => ("=", text),
            Self::Starts(text) => ("startswith", text),
            Self::Ends(text) => ("endswith", text),
            Self::Named(text) => ("with name", text),
            Self::Within(text) => ("in directory", text),
        };
        write!(f, "{what} {}", text.escape_ascii())
    }
}

impl Display for Subnet {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(patterns: &[Pattern], path: Path<'_>) -> Option<bool> {
        let facts = Facts {
            requested: path,
            ..Facts::default()
        };
        Atom::Text(Text::Path, patterns.to_vec()).answer(&facts, View::Requested)
    }

    #[test]
    fn a_last_component_decides_what_it_can() {
        use Pattern::{Ends, Is, Named, Starts, Within};
        let name = Path::Name(b"shadow");
        for (pattern, on_whole, on_name) in [
            (Is((*b"/etc/shadow").into()), true, None),
            (Is((*b"/etc/passwd").into()), false, Some(false)),
            (Named((*b"shadow").into()), true, Some(true)),
            (Named((*b"hadow").into()), false, Some(false)),
            (Ends((*b"dow").into()), true, Some(true)),
            (Ends((*b"xshadow").into()), false, Some(false)),
            (Ends((*b"etc/shadow").into()), true, None),
            (Ends((*b"etc/passwd").into()), false, Some(false)),
            (Starts((*b"/etc/").into()), true, None),
            (Starts((*b"/usr/").into()), false, None),
            (Within((*b"/etc").into()), true, None),
            (Within((*b"/").into()), false, None),
        ] {
            let one = [pattern];
            assert_eq!(
                path(&one, Path::Whole(b"/etc/shadow")),
                Some(on_whole),
                "{one:?}"
            );
            assert_eq!(path(&one, name), on_name, "{one:?}");
            assert_eq!(path(&one, Path::Unknown), None);
            assert_eq!(path(&one, Path::Missing), Some(false));
        }
        let any = [Starts((*b"/etc/").into()), Named((*b"shadow").into())];
        assert_eq!(path(&any, name), Some(true));
        assert_eq!(path(&any, Path::Name(b"x")), None);
    }

    #[test]
    fn subnets_hold_addresses_of_their_family() {
        let subnet = |text: &str, prefix| Subnet {
            address: text.parse().unwrap(),
            prefix,
        };
        for (subnet, address, inside) in [
            (subnet("10.0.0.0", 8), "10.9.9.9", true),
            (subnet("10.0.0.0", 8), "11.0.0.0", false),
            (subnet("0.0.0.0", 0), "1.2.3.4", true),
            (subnet("0.0.0.0", 0), "::1", false),
            (subnet("::1", 128), "::1", true),
            (subnet("::", 127), "::2", false),
        ] {
            assert_eq!(
                subnet.contains(address.parse().unwrap()),
                inside,
                "{subnet} {address}"
            );
        }
    }

    #[test]
    fn atoms_are_readable() {
        for (atom, text) in [
            (
                Atom::Number(Number::Result, NumberTest::Within(vec![(0, i64::MAX)])),
                "result in 0…",
            ),
            (
                Atom::Number(Number::Arg(2), NumberTest::Bits { mask: 7, value: 1 }),
                "argument 2 & 0o7 = 0o1",
            ),
            (
                Atom::Text(
                    Text::Comm,
                    [b"a", b"b", b"c", b"d"]
                        .map(|c| Pattern::Is((*c).into()))
                        .to_vec(),
                ),
                "process name = a or = b or = c or 1 more",
            ),
            (
                Atom::Address(
                    Side::Remote,
                    vec!["1.2.3.4".parse::<IpAddr>().unwrap().into()],
                ),
                "remote address in 1.2.3.4/32",
            ),
        ] {
            assert_eq!(atom.to_string(), text);
        }
    }
}
