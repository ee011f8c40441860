//! How grave a match of a rule is.
//!
//! In: the word behind `priority:`. Out: one of eight levels, printed as Falco prints them.

use std::fmt;

/// Priority of a rule; the most severe is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// 0: the system is unusable.
    Emergency,
    /// 1: act at once.
    Alert,
    /// 2: critical condition.
    Critical,
    /// 3: error condition.
    Error,
    /// 4: warning condition.
    Warning,
    /// 5: normal but significant.
    Notice,
    /// 6: informational; may be written `Info`.
    Informational,
    /// 7: for debugging.
    Debug,
}

impl Priority {
    /// All of them, most severe first.
    pub const ALL: [Priority; 8] = [
        Priority::Emergency,
        Priority::Alert,
        Priority::Critical,
        Priority::Error,
        Priority::Warning,
        Priority::Notice,
        Priority::Informational,
        Priority::Debug,
    ];

    /// Reads the word, in any mix of upper and lower case.
    pub fn parse(word: &str) -> Option<Priority> {
        if word.eq_ignore_ascii_case("info") {
            return Some(Priority::Informational);
        }
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str().eq_ignore_ascii_case(word))
    }

    /// The word, as Falco prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Emergency => "Emergency",
            Priority::Alert => "Alert",
            Priority::Critical => "Critical",
            Priority::Error => "Error",
            Priority::Warning => "Warning",
            Priority::Notice => "Notice",
            Priority::Informational => "Informational",
            Priority::Debug => "Debug",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_case_and_nothing_else() {
        for (word, expected) in [
            ("INFO", Some(Priority::Informational)),
            ("info", Some(Priority::Informational)),
            ("informational", Some(Priority::Informational)),
            ("eMeRgency", Some(Priority::Emergency)),
            ("DEBUG", Some(Priority::Debug)),
            ("3", None),
            ("Information", None),
            ("HIGH", None),
            ("", None),
            (" debug", None),
        ] {
            assert_eq!(Priority::parse(word), expected, "{word}");
        }
    }

    #[test]
    fn every_priority_reads_its_own_print_and_severest_is_least() {
        for priority in Priority::ALL {
            assert_eq!(Priority::parse(&priority.to_string()), Some(priority));
        }
        assert!(Priority::ALL.is_sorted());
        assert!(Priority::Emergency < Priority::Debug);
    }
}
