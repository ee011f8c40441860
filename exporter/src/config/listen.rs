//! Where the HTTP face listens, as people write it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{Deserializer, SeqAccess, Visitor};

/// One place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `127.0.0.1:9797`: an address with a port.
    Tcp(SocketAddr),
    /// `unix:/run/saker.sock`: a unix socket, by its whole path.
    Unix(PathBuf),
    /// `systemd`: the sockets that systemd hands over.
    Systemd,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            if !path.is_absolute() {
                return Err(format!(
                    "`{text}` does not name the whole path of a socket, such as unix:/run/saker.sock"
                ));
            }
            return Ok(Self::Unix(path));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!(
                "`{text}` is not an address with a port, such as 127.0.0.1:9797 or [::1]:9797, nor unix:/PATH, nor systemd"
            )
        })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "{addr}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd => f.write_str("systemd"),
        }
    }
}

/// One text, or a list of them.
pub(super) fn one_or_many<'de, D>(deserializer: D) -> Result<Option<Vec<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address, or a list of addresses")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = seq.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_any(OneOrMany).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_printed_alike() {
        for text in ["127.0.0.1:9797", "[::1]:1", "unix:/run/s.sock", "systemd"] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_place_is_told_with_an_example() {
        for (text, part) in [
            ("localhost", "127.0.0.1:9797"),
            ("9797", "[::1]:9797"),
            ("unix:s.sock", "unix:/run/saker.sock"),
            ("unix:", "whole path"),
            ("Systemd", "nor systemd"),
        ] {
            let error = text.parse::<Listen>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }
}
