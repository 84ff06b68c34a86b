//! Hands libFuzzer's inputs to [`sangam_fuzz::signal_core`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::signal_core(bytes));
