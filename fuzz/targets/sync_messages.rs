//! Hands libFuzzer's inputs to [`sangam_fuzz::sync_messages`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::sync_messages(bytes));
