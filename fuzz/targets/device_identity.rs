//! Hands libFuzzer's inputs to [`sangam_fuzz::device_identity`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::device_identity(bytes));
