//! `fuzz::accept_header` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::accept_header(bytes));
