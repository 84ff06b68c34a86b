//! Hands libFuzzer's inputs to [`sangam_fuzz::mqtt`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::mqtt(bytes));
