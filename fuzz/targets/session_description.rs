//! Hands libFuzzer's inputs to [`sangam_fuzz::session_description`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::session_description(bytes));
