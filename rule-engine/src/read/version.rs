//! Versions of engine and plugins.
//!
//! In: `0.57.0`. Out: three numbers that compare. Sources: libs `version.h`, which reads with scanf and lets anything follow.

use std::fmt;

/// `major.minor.patch`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// A version.
    pub(crate) const fn new(major: u32, minor: u32, patch: u32) -> Version {
        Version {
            major,
            minor,
            patch,
        }
    }

    /// Reads three numbers with dots between them; what follows the third is not looked at.
    pub(crate) fn parse(text: &str) -> Option<Version> {
        let (major, rest) = number(text)?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let (patch, _) = number(rest.strip_prefix('.')?)?;
        Some(Version {
            major,
            minor,
            patch,
        })
    }

    /// Whether who has this version can serve who asks for `asked`: the same major version, and not an older one.
    pub(crate) fn serves(self, asked: Version) -> bool {
        self.major == asked.major && self >= asked
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text[..len].parse().ok()?, &text[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_and_serve() {
        for (text, expected) in [
            ("0.57.0", Some(Version::new(0, 57, 0))),
            ("1.2.3-rc1", Some(Version::new(1, 2, 3))),
            ("0.57", None),
            ("abc", None),
            ("", None),
            ("-1.0.0", None),
            ("1..2", None),
            ("99999999999.0.0", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
        let ours = Version::new(0, 63, 0);
        for (asked, expected) in [
            ((0, 31, 0), true),
            ((0, 63, 0), true),
            ((0, 63, 1), false),
            ((0, 99, 0), false),
            ((1, 0, 0), false),
        ] {
            assert_eq!(
                ours.serves(Version::new(asked.0, asked.1, asked.2)),
                expected,
                "{asked:?}"
            );
        }
        assert_eq!(ours.to_string(), "0.63.0");
    }
}
