//! Which of the recent matches are asked for: `?rule=NAME&container=ID-OR-NAME`, and after which of them: `after=NUMBER`.
//!
//! In: the query of an address, from anybody. Out: yes or no for a match. Never: a part that is taken for another one.

use serde_json::Value;

/// Digits of a container's id in its short form.
const SHORT_ID_LEN: usize = 12;
/// What stands for an id where there is no container.
const HOST: &str = "host";

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
        let (rule, container) = (self.rule.as_deref(), self.container.as_deref());
        rule.is_none_or(|rule| shown["rule"].as_str() == Some(rule))
            && container.is_none_or(|wanted| may_be_in(wanted, &shown["output_fields"]))
    }
}

/// Whether an event with these fields may have happened in the container with this name or id. The first matches in a container
/// can come before its engine has told the name: they are not left out.
fn may_be_in(wanted: &str, fields: &Value) -> bool {
    let text = |field: &str| fields[field].as_str();
    match (text("container.id"), text("container.name")) {
        (_, Some(name)) if name == wanted => true,
        (Some(id), name) => {
            // The field has the short form of an id, and people have the long one, too.
            let is_id = is_hex_id(wanted);
            id == wanted
                || is_id && is_hex_id(id) && wanted.starts_with(id)
                || !is_id && name.is_none() && id != HOST
        }
        (None, Some(_)) => false,
        (None, None) => true,
    }
}

fn is_hex_id(text: &str) -> bool {
    text.len() >= SHORT_ID_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
        let (known, unnamed) = (
            r#"{"container.id":"17f0a7641aa3","container.name":"shop"}"#,
            r#"{"container.id":"17f0a7641aa3","container.name":null}"#,
        );
        let host = r#"{"container.id":"host","container.name":"host"}"#;
        for (container, fields, fits) in [
            ("shop", known, true),
            ("17f0a7641aa3", known, true),
            ("17f0a7641aa3e5d2", known, true),
            ("17f0a7641aa4", known, false),
            ("web", known, false),
            ("shop", unnamed, true),
            ("17f0a7641aa3e5d2", unnamed, true),
            ("0123456789ab", unnamed, false),
            ("shop", host, false),
            ("host", host, true),
            ("shop", r#"{"container.id":"host"}"#, false),
            ("shop", r#"{"container.name":"web"}"#, false),
            ("shop", "{}", true),
        ] {
            let query = Query::parse(Some(&format!("container={container}")));
            let json = format!("{{\"output_fields\":{fields}}}");
            assert_eq!(query.fits(&json), fits, "{container} of {fields}");
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
