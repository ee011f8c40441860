//! Rules switched on and off by configuration.
//!
//! In: selectors in order. Out: whether a rule is on. Never: its place in the order of rules.

use std::collections::BTreeSet;

/// One instruction: switch these rules on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// On or off.
    pub enable: bool,
    /// Which rules.
    pub what: Selected,
}

/// Which rules are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// Those whose name fits the pattern, in which `*` stands for any text.
    Rule(String),
    /// Those that have the tag.
    Tag(String),
}

/// Whether a rule is on, given what its file says.
pub(super) fn enabled(
    selectors: &[Selector],
    name: &str,
    tags: &BTreeSet<String>,
    by_file: bool,
) -> bool {
    let mut enabled = by_file;
    for Selector { enable, what } in selectors {
        let meant = match what {
            Selected::Rule(pattern) => fits(pattern, name),
            Selected::Tag(tag) => tags.contains(tag),
        };
        if meant {
            enabled = *enable;
        }
    }
    enabled
}

/// Whether the name fits a pattern with `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(head) else {
        return false;
    };
    let (middle, last) = tail
        .rsplit_once('*')
        .map_or((None, tail), |(middle, last)| (Some(middle), last));
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, expected) in [
            ("Read file", "Read file", true),
            ("Read file", "Read files", false),
            ("*", "", true),
            ("Read *", "Read file", true),
            ("Read *", "read file", false),
            ("*file", "Read file", true),
            ("R*d*l*", "Read file", true),
            ("R*x*l*", "Read file", false),
            ("a*a", "a", false),
            ("a*b*a", "aba", true),
            ("a**a", "aa", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_last_instruction_counts() {
        let selectors = [
            Selector {
                enable: false,
                what: Selected::Rule("*".into()),
            },
            Selector {
                enable: true,
                what: Selected::Tag("t".into()),
            },
            Selector {
                enable: false,
                what: Selected::Rule("b*".into()),
            },
        ];
        let tagged = BTreeSet::from(["t".to_owned()]);
        assert!(enabled(&selectors, "a", &tagged, false));
        assert!(!enabled(&selectors, "a", &BTreeSet::new(), true));
        assert!(!enabled(&selectors, "bc", &tagged, true));
        assert!(enabled(&[], "a", &tagged, true));
    }
}
