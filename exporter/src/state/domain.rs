//! The domain names that rules speak of, by the addresses that they lead to.
//!
//! In: what was resolved elsewhere. Out: names of an address. Never: a look-up.

use std::collections::HashMap;
use std::net::IpAddr;

/// Names by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains {
    names: HashMap<IpAddr, Vec<Box<str>>>,
}

impl Domains {
    /// From names and the addresses of each. IPv4 addresses inside IPv6 are IPv4 addresses, as those of events are.
    pub fn new<'a>(resolved: impl IntoIterator<Item = (&'a str, IpAddr)>) -> Self {
        let mut names: HashMap<_, Vec<Box<str>>> = HashMap::new();
        for (name, address) in resolved {
            let its = names.entry(address.to_canonical()).or_default();
            if !its.iter().any(|known| **known == *name) {
                its.push(name.into());
            }
        }
        Self { names }
    }

    /// The names that lead to an address, in the order in which they were given.
    #[must_use]
    pub fn of(&self, ip: IpAddr) -> &[Box<str>] {
        self.names.get(&ip).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_several_names_and_a_name_several_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let resolved = [
            ("a.example", "192.0.2.1"),
            ("b.example", "192.0.2.1"),
            ("a.example", "::ffff:192.0.2.1"),
            ("a.example", "2001:db8::1"),
        ];
        let domains = Domains::new(resolved.map(|(name, address)| (name, ip(address))));
        let of = |address| {
            domains
                .of(ip(address))
                .iter()
                .map(|name| &**name)
                .collect::<Vec<_>>()
        };
        assert_eq!(of("192.0.2.1"), ["a.example", "b.example"]);
        assert_eq!(of("2001:db8::1"), ["a.example"]);
        assert!(of("192.0.2.2").is_empty());
    }
}
