//! Hands libFuzzer's inputs to [`sangam_fuzz::mesh_channel`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sangam_fuzz::mesh_channel(bytes));
