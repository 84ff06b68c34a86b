//! Hands libFuzzer's inputs to [`sangam_fuzz::socketio_dialect`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::socketio_dialect(bytes));
