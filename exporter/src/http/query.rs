//! Which of the recent matches are asked for: `?rule=NAME&container=ID-OR-NAME`, and after which of them: `after=NUMBER`.
//!
//! In: the query of an address, from anybody. Out: yes or no for a match. Never: a part that is taken for another one.

use serde_json::Value;

/// What a match must have; nothing: every match fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    rule: Option<String>,
    container: Option<String>,
    /// Number of the match that was seen last.
    pub(super) after: Option<u64>,
}

impl Query {
    /// Reads a query. Parts that mean nothing here are left alone.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let mut parsed = Self::default();
        for part in query.unwrap_or_default().split('&') {
            match part.split_once('=') {
                Some((_, "")) | None => {}
                Some(("rule", value)) => parsed.rule = Some(decoded(value)),
                Some(("container", value)) => parsed.container = Some(decoded(value)),
                Some(("after", value)) => parsed.after = value.parse().ok(),
                Some(_) => {}
            }
        }
        parsed
    }

    /// Whether a match, as JSON, is asked for.
    #[must_use]
    pub fn fits(&self, json: &str) -> bool {
        if self.rule.is_none() && self.container.is_none() {
            return true;
        }
        let Ok(shown) = serde_json::from_str::<Value>(json) else {
            return false;
        };
        let is = |value: &Value, wanted: &String| value.as_str() == Some(wanted);
        let fields = &shown["output_fields"];
        self.rule
            .as_ref()
            .is_none_or(|rule| is(&shown["rule"], rule))
            && self.container.as_ref().is_none_or(|container| {
                is(&fields["container.id"], container) || is(&fields["container.name"], container)
            })
    }
}

/// Text without its percent signs, and with a space for each plus.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_asked_for_by_rule_and_container() {
        let json = r#"{"rule":"Shell & more","output_fields":{"container.id":"17f0","container.name":"shop"}}"#;
        for (query, fits) in [
            ("", true),
            ("after=3", true),
            ("rule=&container=", true),
            ("rule=Shell+%26%20more", true),
            ("rule=Shell", false),
            ("container=17f0", true),
            ("after=3&container=shop&rule=Shell%20%26+more", true),
            ("container=shop&rule=Other", false),
            ("container=sho", false),
            ("rule=%", false),
            ("rule=%zz%e9%", false),
        ] {
            assert_eq!(Query::parse(Some(query)).fits(json), fits, "{query}");
        }
        for (query, after) in [
            ("after=3", Some(3)),
            ("x&after=7&rule=y", Some(7)),
            ("after=-1", None),
        ] {
            assert_eq!(Query::parse(Some(query)).after, after, "{query}");
        }
        assert!(Query::parse(None).fits("{}"));
        assert!(!Query::parse(Some("rule=x")).fits("no JSON"));
    }
}
