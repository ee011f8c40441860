//! Constants: what is written on the right side of an operator, as a value of the field's type.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ast::Operator;
use crate::schema::Type;

use super::kind::{Kind, NumberKind};
use super::{Pattern, services};

/// Longer constants of text or bytes are refused, as Falco refuses them.
const MAX_LEN: usize = 255;

/// A constant of a condition, typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Constant {
    /// Text, without NUL.
    Text(Box<[u8]>),
    /// Bytes; of `bcontains` and `bstartswith` already decoded.
    Bytes(Box<[u8]>),
    /// For signed types, and for real ones, which compare with whole numbers.
    Int(i64),
    /// For unsigned types.
    Uint(u64),
    /// Truth.
    Bool(bool),
    /// An address.
    Ip(IpAddr),
    /// A network.
    Net(Network),
}

/// A network of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// Invariant: bits behind the prefix are 0.
    address: IpAddr,
    /// Length of the prefix in bits.
    prefix: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address lies in it; one of the other family does not.
    pub fn contains(self, address: IpAddr) -> bool {
        masked(address, self.prefix) == self.address
    }
}

impl Constant {
    /// Reads a constant as a value of a type, to be used with an operator.
    ///
    /// # Errors
    /// A message: what is wrong with the constant.
    pub fn parse(text: &[u8], ty: Type, op: Operator) -> Result<Self, String> {
        let shown = || String::from_utf8_lossy(text);
        let kind = Kind::of(ty);
        if kind == Kind::Bytes {
            let bytes = match op {
                Operator::Bcontains | Operator::Bstartswith => hex(text).ok_or_else(|| {
                    format!(
                        "bcontains and bstartswith operator support hex strings only, got '{}'",
                        shown()
                    )
                })?,
                _ => text.into(),
            };
            return limited(bytes).map(Self::Bytes);
        }
        if text.contains(&0) {
            return Err("filter value cannot contain a NUL byte".to_owned());
        }
        match kind {
            Kind::Text | Kind::Bytes => {
                if op == Operator::Regex {
                    Pattern::new(text).map_err(|why| format!("invalid regex pattern: {why}"))?;
                }
                limited(text.into()).map(Self::Text)
            }
            Kind::Number(kind) => number(text, kind),
            Kind::Bool => match text {
                b"true" => Ok(Self::Bool(true)),
                b"false" => Ok(Self::Bool(false)),
                _ => Err(format!("unrecognized boolean value {}", shown())),
            },
            Kind::Address => address(text)
                .map(Self::Ip)
                .ok_or_else(|| format!("unrecognized IP address {}", shown())),
            Kind::Network => network(text).map(Self::Net),
        }
    }
}

fn limited(bytes: Box<[u8]>) -> Result<Box<[u8]>, String> {
    if bytes.len() > MAX_LEN {
        return Err(format!(
            "filter parameter too long: {} bytes, at most {MAX_LEN} are allowed",
            bytes.len()
        ));
    }
    Ok(bytes)
}

fn hex(text: &[u8]) -> Option<Box<[u8]>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    let pairs = text.chunks(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?))
        .collect()
}

fn number(text: &[u8], kind: NumberKind) -> Result<Constant, String> {
    let shown = || String::from_utf8_lossy(text);
    if kind == NumberKind::Port {
        return port(text)
            .map(|port| Constant::Uint(port.into()))
            .ok_or_else(|| format!("unrecognized protocol {}", shown()));
    }
    let value = whole(text).ok_or_else(|| format!("{} is not a valid number", shown()))?;
    // Upstream wraps numbers that do not fit; here they are errors. A negative number still means, in an unsigned type, the
    // same bits, so that -1 is the largest one.
    let out_of_range = || format!("{} is out of range for a {}", shown(), described(kind));
    match kind {
        NumberKind::Signed(bits) => {
            let limit = 1i128 << (bits - 1);
            if !(-limit..limit).contains(&value) {
                return Err(out_of_range());
            }
            Ok(Constant::Int(value as i64))
        }
        NumberKind::Real => i32::try_from(value)
            .map(|value| Constant::Int(value.into()))
            .map_err(|_| out_of_range()),
        NumberKind::Unsigned(bits) => {
            let limit = 1i128 << bits;
            if !(-limit / 2..limit).contains(&value) {
                return Err(out_of_range());
            }
            Ok(Constant::Uint(value.rem_euclid(limit) as u64))
        }
        NumberKind::Port => Err(out_of_range()),
    }
}

fn described(kind: NumberKind) -> String {
    match kind {
        NumberKind::Signed(bits) => format!("signed number of {bits} bits"),
        NumberKind::Unsigned(bits) => format!("unsigned number of {bits} bits"),
        NumberKind::Port => "port".to_owned(),
        NumberKind::Real => {
            "real number's constant, which is a signed number of 32 bits".to_owned()
        }
    }
}

/// A decimal whole number with blanks before it and a sign, as C reads one.
fn whole(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    // More digits than a number of any type has: out of range of every type, which is the caller's message.
    let value = digits.parse().unwrap_or(i128::MAX / 2);
    Some(if text.starts_with('-') { -value } else { value })
}

fn port(text: &[u8]) -> Option<u16> {
    if text.is_empty() {
        return Some(0);
    }
    if text.iter().all(u8::is_ascii_digit) {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    services::port(text)
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if text.contains('.') {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    } else {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    }
}

fn network(text: &[u8]) -> Result<Network, String> {
    let shown = String::from_utf8_lossy(text);
    let Some(slash) = text.iter().position(|&c| c == b'/') else {
        return Err(format!(
            "unrecognized IP network {shown}, write it as address/length"
        ));
    };
    let (base, length) = (&text[..slash], &text[slash + 1..]);
    // Which family is meant is told by a dot anywhere.
    let address = match text.contains(&b'.') {
        true => std::str::from_utf8(base)
            .ok()
            .and_then(|t| t.parse().ok())
            .map(IpAddr::V4),
        false => std::str::from_utf8(base)
            .ok()
            .and_then(|t| t.parse().ok())
            .map(IpAddr::V6),
    };
    let address = address.ok_or_else(|| format!("unrecognized IP address {shown}"))?;
    let (least, most) = if address.is_ipv4() { (0, 32) } else { (1, 128) };
    let prefix = whole(length)
        .filter(|length| (least..=most).contains(length))
        .ok_or_else(|| {
            format!(
                "invalid netmask {}, it must be {least} to {most}",
                String::from_utf8_lossy(length)
            )
        })? as u8;
    Ok(Network {
        address: masked(address, prefix),
        prefix,
    })
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX
                .checked_shl(32u32.saturating_sub(prefix.into()))
                .unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX
                .checked_shl(128u32.saturating_sub(prefix.into()))
                .unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}
