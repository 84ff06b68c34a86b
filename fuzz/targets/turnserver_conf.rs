//! Hands libFuzzer's inputs to [`sangam_fuzz::turnserver_conf`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::turnserver_conf(bytes));
