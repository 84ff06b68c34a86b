//! Hands libFuzzer's inputs to [`sangam_fuzz::http_authentication`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::http_authentication(bytes));
