//! Hands libFuzzer's inputs to [`sangam_fuzz::usp_record`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::usp_record(bytes));
