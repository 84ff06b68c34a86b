//! Hands libFuzzer's inputs to [`sangam_fuzz::turn_client_bytes`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::turn_client_bytes(bytes));
