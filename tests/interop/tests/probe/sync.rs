use std::io::Write as _;

use anyhow::Result;
use sangam_interop::{OriginalSyncServer, Probe, our_sync_server, sync_token};
use sangam_testkit::Server;

use crate::support::{assert_fine, assert_no};

fn url(server: &Server) -> Result<String> {
    Ok(format!("http://{}", server.listener("http")?))
}

fn probed(words: &[&str], token: &str) -> Result<sangam_interop::Probed> {
    Probe::new(&[&["sync"], words].concat())?.environment("SANGAM_PROBE_TOKEN", token).run()
}

fn steps(probed: &sangam_interop::Probed) -> Vec<&str> {
    let steps = probed.report["measured"]["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().filter_map(|step| step["name"].as_str()).collect()
}

#[test]
fn our_server_takes_a_device_through_a_cycle_and_nothing_is_written_unless_asked() -> Result<()> {
    let server = our_sync_server().start()?;
    let token = sync_token(Some("tenant-a"), Some("probe"))?;
    let reading = probed(&[&url(&server)?], &token)?;
    assert_fine(&reading);
    assert_eq!(steps(&reading), ["version", "handshake", "pull", "events"]);
    assert_eq!(reading.report["measured"]["pulled"], 0);
    let writing = probed(&[&url(&server)?, "--write"], &token)?;
    assert_fine(&writing);
    assert_eq!(steps(&writing), ["version", "handshake", "push", "push again", "pull", "events"]);
    assert_eq!(writing.report["measured"]["pulled"], 1);
    Ok(())
}

#[test]
fn a_token_that_is_not_good_or_of_another_database_is_told() -> Result<()> {
    let server = our_sync_server().start()?;
    let token = sync_token(Some("tenant-a"), Some("probe"))?;
    assert_no(&probed(&[&url(&server)?], &format!("{token}x"))?, &["handshake", "401", "--token-file"]);
    assert_no(&probed(&[&url(&server)?, "--db", "tenant-b"], &token)?, &["handshake", "403", "--db"]);
    assert_no(&probed(&[&url(&server)?, "--device", "other"], &token)?, &["handshake", "403", "--device"]);
    Ok(())
}

#[test]
fn a_push_that_the_original_server_refuses_when_it_comes_again_is_told() -> Result<()> {
    let original = OriginalSyncServer::start(&[])?;
    let token = sync_token(Some("tenant-a"), Some("probe"))?;
    assert_no(&probed(&[original.url(), "--write"], &token)?, &["push again", "1 conflicts"]);
    Ok(())
}

#[test]
fn without_a_database_there_is_nothing_to_ask() -> Result<()> {
    let probed = Probe::new(&["sync", "http://127.0.0.1:1"])?.run()?;
    assert_eq!(probed.code, Some(2), "{}", probed.output);
    assert!(probed.output.contains("--db"), "{}", probed.output);
    Ok(())
}

#[test]
fn a_token_may_lie_in_a_file() -> Result<()> {
    let server = our_sync_server().start()?;
    let mut file = tempfile::NamedTempFile::new()?;
    writeln!(file, "{}", sync_token(Some("tenant-a"), None)?)?;
    let path = file.path().display().to_string();
    assert_fine(&Probe::new(&["sync", &url(&server)?, "--token-file", &path])?.run()?);
    Ok(())
}
