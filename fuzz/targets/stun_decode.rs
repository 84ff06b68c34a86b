//! Hands libFuzzer's inputs to [`sangam_fuzz::stun_decode`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::stun_decode(bytes));
