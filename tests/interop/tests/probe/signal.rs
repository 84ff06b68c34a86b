use std::process::Command;

use anyhow::Result;
use sangam_interop::Script;
use sangam_testkit::{Server, WAIT_MAX, free_tcp_port, sangam_binary};
use serde_json::Value;

use crate::support::{assert_fine, assert_no, probe, probe_with};

const TOKEN: &str = "SANGAM_PROBE_TOKEN";

#[test]
fn our_server_relays_in_every_place_it_listens() -> Result<()> {
    let server = Server::start()?;
    for url in [format!("ws://{}/ws", server.listener("http")?), format!("ws://{}", server.listener("signal")?)] {
        let probed = probe(&["signal", &url, "--strict"])?;
        assert_fine(&probed);
        let steps = probed.report["measured"]["steps"].as_array().map(Vec::len);
        assert_eq!(steps, Some(7), "{}", probed.output);
    }
    Ok(())
}

#[test]
fn a_server_that_believes_any_sender_is_warned_of() -> Result<()> {
    let mut server = Script::node("clients/blind_server.mjs").start()?;
    let port = server
        .wait_for_line("its port", WAIT_MAX, |line| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64())?;
    let probed = probe(&["signal", &format!("ws://127.0.0.1:{port}"), "--timeout", "1s"])?;
    assert_fine(&probed);
    assert!(probed.finding("warning").contains("speak as any other"), "{}", probed.output);
    Ok(())
}

#[test]
fn a_refused_token_is_told_from_a_server_that_is_down() -> Result<()> {
    let server = Server::start()?;
    let url = format!("ws://{}/ws", server.listener("http")?);
    assert_no(&probe_with((TOKEN, "no.good.token"), &["signal", &url])?, &["401", "sangam token mint --use signal"]);
    let down = format!("ws://127.0.0.1:{}", free_tcp_port()?);
    assert_no(&probe(&["signal", &down])?, &["nothing listens", "the server is down"]);
    Ok(())
}

#[test]
fn a_good_token_opens() -> Result<()> {
    let server = Server::start()?;
    let data_dir = server.data_dir();
    let minted = Command::new(sangam_binary()?)
        .args(["token", "mint", "--use", "signal", "--data-dir", &data_dir.to_string_lossy()])
        .output()?;
    assert!(minted.status.success(), "{minted:?}");
    let file = data_dir.with_file_name("token");
    std::fs::write(&file, minted.stdout)?;
    let url = format!("ws://{}/ws", server.listener("http")?);
    assert_fine(&probe(&["signal", &url, "--token-file", &file.to_string_lossy()])?);
    Ok(())
}

#[test]
fn a_place_without_websockets_is_told() -> Result<()> {
    let server = Server::start()?;
    let page = format!("ws://{}/health", server.listener("http")?);
    assert_no(&probe(&["signal", &page])?, &["no WebSocket", "/ws"]);
    assert_eq!(probe(&["signal", "http://127.0.0.1/"])?.code, Some(2));
    Ok(())
}
