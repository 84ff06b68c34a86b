//! Hands libFuzzer's inputs to [`sangam_fuzz::device_page`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::device_page(bytes));
