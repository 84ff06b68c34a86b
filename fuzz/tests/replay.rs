//! Every input that a search ever found worth keeping, in every test run.

use std::fs;
use std::io;
use std::path::Path;

/// Runs a target on each file of its corpus, in order. A corpus that is not there is a failure, not a pass.
fn replay(name: &str, target: impl Fn(&[u8])) -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = dir.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    assert!(files.len() > 10, "{} holds {} inputs", dir.display(), files.len());
    for file in files {
        // Shown when the target panics: which input to look at.
        println!("{}", file.display());
        target(&fs::read(file)?);
    }
    Ok(())
}

#[test]
fn stun_decode_bears_its_corpus() -> io::Result<()> {
    replay("stun_decode", sangam_fuzz::stun_decode)
}

#[test]
fn turn_client_bytes_bears_its_corpus() -> io::Result<()> {
    replay("turn_client_bytes", sangam_fuzz::turn_client_bytes)
}

#[test]
fn json_dialect_bears_its_corpus() -> io::Result<()> {
    replay("json_dialect", sangam_fuzz::json_dialect)
}

#[test]
fn turnserver_conf_bears_its_corpus() -> io::Result<()> {
    replay("turnserver_conf", sangam_fuzz::turnserver_conf)
}

#[test]
fn socketio_client_bears_its_corpus() -> io::Result<()> {
    replay("socketio_client", sangam_fuzz::socketio_client)
}

#[test]
fn socketio_dialect_bears_its_corpus() -> io::Result<()> {
    replay("socketio_dialect", sangam_fuzz::socketio_dialect)
}

#[test]
fn signal_core_bears_its_corpus() -> io::Result<()> {
    replay("signal_core", sangam_fuzz::signal_core)
}

#[test]
fn mqtt_bears_its_corpus() -> io::Result<()> {
    replay("mqtt", sangam_fuzz::mqtt)
}

#[test]
fn rendezvous_bears_its_corpus() -> io::Result<()> {
    replay("rendezvous", sangam_fuzz::rendezvous)
}

#[test]
fn configuration_bears_its_corpus() -> io::Result<()> {
    replay("configuration", sangam_fuzz::configuration)
}

#[test]
fn sync_json_bears_its_corpus() -> io::Result<()> {
    replay("sync_json", sangam_fuzz::sync_json)
}

#[test]
fn sync_messages_bears_its_corpus() -> io::Result<()> {
    replay("sync_messages", sangam_fuzz::sync_messages)
}

#[test]
fn session_description_bears_its_corpus() -> io::Result<()> {
    replay("session_description", sangam_fuzz::session_description)
}

#[test]
fn if_message_bears_its_corpus() -> io::Result<()> {
    replay("if_message", sangam_fuzz::if_message)
}

#[test]
fn mesh_channel_bears_its_corpus() -> io::Result<()> {
    replay("mesh_channel", sangam_fuzz::mesh_channel)
}

#[test]
fn soap_bears_its_corpus() -> io::Result<()> {
    replay("soap", sangam_fuzz::soap)
}

#[test]
fn connection_request_bears_its_corpus() -> io::Result<()> {
    replay("connection_request", sangam_fuzz::connection_request)
}

#[test]
fn cwmp_session_bears_its_corpus() -> io::Result<()> {
    replay("cwmp_session", sangam_fuzz::cwmp_session)
}

#[test]
fn http_authentication_bears_its_corpus() -> io::Result<()> {
    replay("http_authentication", sangam_fuzz::http_authentication)
}

#[test]
fn device_identity_bears_its_corpus() -> io::Result<()> {
    replay("device_identity", sangam_fuzz::device_identity)
}

#[test]
fn device_page_bears_its_corpus() -> io::Result<()> {
    replay("device_page", sangam_fuzz::device_page)
}

#[test]
fn usp_record_bears_its_corpus() -> io::Result<()> {
    replay("usp_record", sangam_fuzz::usp_record)
}

#[test]
fn stomp_bears_its_corpus() -> io::Result<()> {
    replay("stomp", sangam_fuzz::stomp)
}

#[test]
fn every_target_has_a_replay() {
    let here = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay.rs")).unwrap();
    for entry in Path::new(env!("CARGO_MANIFEST_DIR")).join("targets").read_dir().unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(here.contains(&format!("replay(\"{name}\", sangam_fuzz::{name})")), "{name} is not replayed");
    }
}
