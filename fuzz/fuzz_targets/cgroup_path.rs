//! `fuzz::cgroup_path` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cgroup_path(bytes));
