//! Hands libFuzzer's inputs to [`sangam_fuzz::if_message`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::if_message(bytes));
