//! Hands libFuzzer's inputs to [`sangam_fuzz::socketio_client`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::socketio_client(bytes));
