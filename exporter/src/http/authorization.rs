//! Who says to ask, in the header of a request.
//!
//! In: an `Authorization` header, as it comes from the network. Out: a user and a password, unchecked.
//! Never: a user name with a colon, or a password that was not given.
//! Sources: RFC 7617 (Basic).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// User and password of `Basic dXNlcjpwYXNzd29yZA==`; none of any other header. A password is bytes.
#[must_use]
pub fn basic(header: &str) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut user = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon + 1);
    user.pop();
    Some((String::from_utf8(user).ok()?, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read() {
        for (header, expected) in [
            ("Basic YTpi", Some(("a", "b"))),
            ("bAsIc  YTpi ", Some(("a", "b"))),
            ("Basic YTpiOmM=", Some(("a", "b:c"))),
            ("Basic Og==", Some(("", ""))),
            ("Basic YTpiOmM", None),
            ("Basic YWI=", None),
            ("Basic /zo=", None),
            ("Basic", None),
            ("Basic ???", None),
            ("Bearer YTpi", None),
            ("", None),
        ] {
            let expected = expected.map(|(user, password)| (user.into(), password.into()));
            assert_eq!(basic(header), expected, "{header}");
        }
    }
}
