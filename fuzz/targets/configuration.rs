//! Hands libFuzzer's inputs to [`sangam_fuzz::configuration`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::configuration(bytes));
