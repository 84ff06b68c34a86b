//! Hands libFuzzer's inputs to [`sangam_fuzz::cwmp_session`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::cwmp_session(bytes));
