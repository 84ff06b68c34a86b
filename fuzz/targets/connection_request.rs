//! Hands libFuzzer's inputs to [`sangam_fuzz::connection_request`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::connection_request(bytes));
