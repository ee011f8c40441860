//! `fuzz::rule_test_file` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::rule_test_file(bytes));
