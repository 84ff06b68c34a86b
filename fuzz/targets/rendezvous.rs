//! Hands libFuzzer's inputs to [`sangam_fuzz::rendezvous`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::rendezvous(bytes));
