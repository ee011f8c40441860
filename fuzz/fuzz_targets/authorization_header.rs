//! `fuzz::authorization_header` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::authorization_header(bytes));
