//! Hands libFuzzer's inputs to [`sangam_fuzz::json_dialect`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::json_dialect(bytes));
