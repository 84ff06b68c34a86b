//! A search without libFuzzer: inputs of the corpora with some bytes changed, always the same ones. `SANGAM_FUZZ_ROUNDS`
//! makes more of them; `SANGAM_FUZZ_SEED` others.
#![allow(clippy::unwrap_used, reason = "a test ends that way")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Inputs for each target in every test run.
const ROUNDS: u64 = 1_000;

/// No input grows beyond it, bytes.
const BYTES_MAX: usize = 16 * 1_024;

/// Those on which much depends.
const BYTES: &[u8] = b"{}[]\"\\:,\0\n0-e9";

/// Runs a target on mutated inputs of its corpus.
fn search(name: &str, target: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut rng = StdRng::seed_from_u64(setting("SANGAM_FUZZ_SEED").unwrap_or(1));
    for round in 0..setting("SANGAM_FUZZ_ROUNDS").unwrap_or(ROUNDS) {
        let input = mutated(&corpus, &mut rng);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            eprintln!("round {round} with {}", input.escape_ascii());
            resume_unwind(panic);
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|it| it.parse().unwrap())
}

fn mutated(corpus: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let one = |rng: &mut StdRng| &corpus[rng.random_range(0..corpus.len())];
    let mut input = one(rng).clone();
    for _ in 0..rng.random_range(1..8) {
        let at = rng.random_range(0..=input.len());
        let end = (at + rng.random_range(0..32)).min(input.len());
        match rng.random_range(0..7) {
            0 | 1 if at < input.len() => input[at] = rng.random(),
            2 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            3 => drop(input.drain(at..end)),
            4 => {
                let again = input[at..end].to_vec();
                drop(input.splice(at..at, again));
            }
            5 => {
                let other = one(rng);
                let from = rng.random_range(0..=other.len());
                let piece = other[from..(from + rng.random_range(0..200)).min(other.len())].to_vec();
                drop(input.splice(at..end, piece));
            }
            _ => input.insert(at, BYTES[rng.random_range(0..BYTES.len())]),
        }
    }
    input.truncate(BYTES_MAX);
    input
}

#[test]
fn json_dialect_bears_mutated_inputs() {
    search("json_dialect", sangam_fuzz::json_dialect);
}

#[test]
fn socketio_client_bears_mutated_inputs() {
    search("socketio_client", sangam_fuzz::socketio_client);
}

#[test]
fn socketio_dialect_bears_mutated_inputs() {
    search("socketio_dialect", sangam_fuzz::socketio_dialect);
}

#[test]
fn mqtt_bears_mutated_inputs() {
    search("mqtt", sangam_fuzz::mqtt);
}

#[test]
fn rendezvous_bears_mutated_inputs() {
    search("rendezvous", sangam_fuzz::rendezvous);
}

#[test]
fn signal_core_bears_mutated_inputs() {
    search("signal_core", sangam_fuzz::signal_core);
}

#[test]
fn sync_messages_bears_mutated_inputs() {
    search("sync_messages", sangam_fuzz::sync_messages);
}

#[test]
fn sync_json_bears_mutated_inputs() {
    search("sync_json", sangam_fuzz::sync_json);
}

#[test]
fn session_description_bears_mutated_inputs() {
    search("session_description", sangam_fuzz::session_description);
}

#[test]
fn if_message_bears_mutated_inputs() {
    search("if_message", sangam_fuzz::if_message);
}

#[test]
fn mesh_channel_bears_mutated_inputs() {
    search("mesh_channel", sangam_fuzz::mesh_channel);
}

#[test]
fn soap_bears_mutated_inputs() {
    search("soap", sangam_fuzz::soap);
}

#[test]
fn http_authentication_bears_mutated_inputs() {
    search("http_authentication", sangam_fuzz::http_authentication);
}

#[test]
fn connection_request_bears_mutated_inputs() {
    search("connection_request", sangam_fuzz::connection_request);
}

#[test]
fn cwmp_session_bears_mutated_inputs() {
    search("cwmp_session", sangam_fuzz::cwmp_session);
}

#[test]
fn usp_record_bears_mutated_inputs() {
    search("usp_record", sangam_fuzz::usp_record);
}

#[test]
fn stomp_bears_mutated_inputs() {
    search("stomp", sangam_fuzz::stomp);
}
