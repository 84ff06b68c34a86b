//! Rooms of the whole server with other people's clients: a stop, a kill, and hostile packets.

use anyhow::{Context, Result, ensure};
use sangam_interop::Script;
use sangam_testkit::{Program, Server, WAIT_MAX};
use serde_json::{Value, json};

fn wait_ready(program: &mut Program, limit: std::time::Duration) -> Result<()> {
    program.wait_for_line("the clients to be ready", limit, |line| {
        serde_json::from_str::<Value>(line).ok()?.get("ready").map(drop)
    })
}

fn result(program: Program, limit: std::time::Duration) -> Result<Value> {
    let ended = program.wait(limit)?;
    ensure!(ended.status.success(), "it ended with {}:\n{}", ended.status, ended.output);
    let last = ended.output.lines().rfind(|line| line.starts_with('{'));
    last.and_then(|line| serde_json::from_str(line).ok()).with_context(|| format!("no result in\n{}", ended.output))
}

/// `SANGAM_CLIENTS` makes more of them.
#[test]
fn a_stop_tells_every_client_of_every_wire_and_ends_well() -> Result<()> {
    let count: u64 = std::env::var("SANGAM_CLIENTS").map_or(Ok(300), |it| it.parse())?;
    let server = Server::builder().set("http.connections_per_address_max", "16000").start()?;
    let http = server.listener("http")?.to_string();
    let script = Script::node("clients/drained.mjs").option("http", http).option("count", count.to_string());
    let mut clients = script.start()?;
    wait_ready(&mut clients, WAIT_MAX * 10)?;
    // It is killed if it takes longer than its limit; then this fails.
    let ended = server.stop()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.output);
    assert!(!ended.output.contains("cut off") && !ended.output.contains("panicked"), "{}", ended.output);
    let told = result(clients, WAIT_MAX * 10)?;
    let each = count / 3;
    assert_eq!(told["json"], json!({ "1001 going away": each }), "{told}");
    assert_eq!(told["socketio"], json!({ "transport close": each }), "{told}");
    let polling = told["polling"].as_object().context("no pollers")?;
    assert_eq!(polling.values().filter_map(Value::as_u64).sum::<u64>(), each, "{told}");
    assert!(polling.keys().all(|reason| reason.starts_with("transport ")), "{told}");
    Ok(())
}

#[test]
fn a_kill_under_a_room_is_survived_by_pages_that_know_nothing_of_it() -> Result<()> {
    let server = Server::start()?;
    let url = format!("http://{}", server.listener("http")?);
    let mut pages = Script::node("clients/restarted_room.mjs").option("server", url).start()?;
    wait_ready(&mut pages, WAIT_MAX)?;
    let server = server.kill_and_replace()?;
    let result = result(pages, WAIT_MAX * 3)?;
    assert_eq!(result["recovered"], true, "{result}");
    println!("{result}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}

#[test]
fn hostile_packets_and_requests_are_refused_counted_and_change_nothing_for_others() -> Result<()> {
    const GROWTH_BYTES_MAX: u64 = 32 * 1024 * 1024;
    // Ten thousand events are read more slowly all the same, but not for so long.
    let server = Server::builder().set("signal.socketio.messages_per_sec", "5000").start()?;
    let before = server.resident_bytes()?;
    let http = server.listener("http")?.to_string();
    let result = Script::node("clients/hostile_socketio.mjs").option("http", http).run()?;
    println!("{result}");
    let growth = server.resident_bytes()?.saturating_sub(before);
    assert!(growth <= GROWTH_BYTES_MAX, "{growth} bytes");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let metrics = server.get("/metrics")?.body;
    for counter in [
        r#"sangam_signal_refusals_total{reason="not_in_room"}"#,
        r#"sangam_signal_messages_received_total{type="faulty"}"#,
        r#"sangam_signal_messages_received_total{type="unknown"}"#,
        r#"sangam_signal_messages_dropped_total{type="candidate",reason="peer_not_found"}"#,
        r#"sangam_socketio_refusals_total{reason="session_unknown"}"#,
        r#"sangam_socketio_refusals_total{reason="transport_unknown"}"#,
        r#"sangam_socketio_refusals_total{reason="too_large"}"#,
        "sangam_socketio_throttles_total",
    ] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(counter)?.trim().parse::<u64>().ok());
        assert!(value.is_some_and(|it| it > 0), "{counter} is {value:?} in\n{metrics}");
    }
    Ok(())
}
