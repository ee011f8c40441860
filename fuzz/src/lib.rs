//! What every parser of foreign bytes must keep, whatever the bytes.
//!
//! In: bytes. Out: nothing, or a panic that says which law is broken. `fuzz_targets/` gives each of these to libFuzzer
//! (`make fuzz`); `tests/bounded.rs` runs the same ones over seeds, regressions and a fixed number of mutations.

mod agent;
mod request;
mod rules;

pub use agent::{capture, cgroup_path, engine_answer, record};
pub use request::{accept_header, authorization_header, match_query};
pub use rules::{condition, rule_files, rule_test_file, template};

/// A parser with what it is tried on.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of the file in `fuzz_targets/`, and of its folders in `seeds/` and `regressions/`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
    /// Files of the repository that are inputs too: folders, seen from its root, and the ending of their files' names.
    pub more_seeds: &'static [(&'static str, &'static str)],
    /// What its inputs are made of, for mutations that get past the first check.
    pub words: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "accept_header",
        run: accept_header,
        more_seeds: &[],
        words: request::ACCEPT_WORDS,
    },
    Target {
        name: "authorization_header",
        run: authorization_header,
        more_seeds: &[],
        words: request::AUTHORIZATION_WORDS,
    },
    Target {
        name: "capture",
        run: capture,
        more_seeds: &[("exporter/tests/captures", ".capture")],
        words: agent::CAPTURE_WORDS,
    },
    Target {
        name: "cgroup_path",
        run: cgroup_path,
        more_seeds: &[],
        words: agent::CGROUP_WORDS,
    },
    Target {
        name: "condition",
        run: condition,
        more_seeds: &[],
        words: rules::CONDITION_WORDS,
    },
    Target {
        name: "engine_answer",
        run: engine_answer,
        more_seeds: &[],
        words: agent::ANSWER_WORDS,
    },
    Target {
        name: "match_query",
        run: match_query,
        more_seeds: &[],
        words: request::QUERY_WORDS,
    },
    Target {
        name: "record",
        run: record,
        more_seeds: &[],
        words: &["\0", "\0\0\0\0", "\u{1}\0", "/", "../"],
    },
    Target {
        name: "rule_files",
        run: rule_files,
        more_seeds: &[
            ("rules", ".yaml"),
            ("rule-engine/testdata/malformed", ".yaml"),
        ],
        words: rules::FILE_WORDS,
    },
    Target {
        name: "rule_test_file",
        run: rule_test_file,
        more_seeds: &[("rules/tests", ".test.yaml")],
        words: rules::TEST_WORDS,
    },
    Target {
        name: "template",
        run: template,
        more_seeds: &[],
        words: rules::TEMPLATE_WORDS,
    },
];
