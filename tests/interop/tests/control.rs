//! The control: the same clients against other people's servers. If one of these fails, the client or the machine is at
//! fault; if only its twin in `relay.rs`, `signaling.rs` or `rendezvous.rs` fails, we are.

use std::net::SocketAddr;

use anyhow::Result;
use sangam_interop::{
    Coturn, Linking, OriginalSyncServer, Report, Script, Way, run_uclient, synapse_node, sync_scenario,
};
use sangam_testkit::{Program, WAIT_MAX, http};
use serde_json::{Value, json};

const ALL: Report = Report { sent: 40, received: 40, lost: 0 };

#[test]
fn uclient_loses_nothing_on_coturn() -> Result<()> {
    let coturn = Coturn::start()?;
    assert_eq!(run_uclient(coturn.service(), &Way::ClientToClient, &[], 2, 20)?, ALL);
    Ok(())
}

#[test]
fn libwebrtc_links_through_coturn_alone() -> Result<()> {
    let coturn = Coturn::start()?;
    let ice_servers = coturn.service().ice_servers()?.to_string();
    let result = Script::node("clients/webrtc_relay.mjs").option("ice-servers", ice_servers).run()?;
    assert_eq!(result["echoes"], 100, "{result}");
    Ok(())
}

#[test]
fn aioice_links_through_coturn_alone() -> Result<()> {
    let coturn = Coturn::start()?;
    let (username, password) = coturn.service().credentials()?;
    let addr = coturn.service().addr;
    let script = Script::python("clients/aioice_relay.py")?
        .option("host", addr.ip().to_string())
        .option("port", addr.port().to_string());
    let result = script.option("username", username).option("password", password).run()?;
    assert_eq!(result["echoes"], 100, "{result}");
    Ok(())
}

#[test]
fn a_server_that_relays_blindly_kills_original_agents() -> Result<()> {
    let coturn = Coturn::start()?;
    let ice_servers = coturn.service().ice_servers()?.to_string();
    for (scenario, deaths) in
        [("trickle-first", &["no peer connection"][..]), ("glare", &["InvalidState", "ICE candidate"])]
    {
        let (_server, url) = blind_server()?;
        let script = Script::node("clients/original_agents.mjs").option("signal", url);
        let error = script.option("ice-servers", &ice_servers).option("scenario", scenario).run().unwrap_err();
        let said = format!("{error:#}");
        assert!(deaths.iter().any(|death| said.contains(death)), "{scenario}: {said}");
    }
    Ok(())
}

#[test]
fn two_nodes_link_up_at_a_plain_rendezvous() -> Result<()> {
    let hall = PlainHall::open()?;
    let mut one = hall.node("one", &[])?;
    let mut other = hall.node("other", &[("dial", "one")])?;
    one.linked_with(&mut other)
}

#[test]
fn two_nodes_that_dial_each_other_at_once_fall_over_it_at_a_plain_rendezvous() -> Result<()> {
    let hall = PlainHall::open()?;
    let mut one = hall.node("one", &[("dial", "other"), ("dial-first", "yes")])?;
    one.said("sent", "offer")?;
    let _other = hall.node("other", &[("dial", "one"), ("dial-first", "yes")])?;
    let ended = one.program.wait(WAIT_MAX)?;
    assert!(ended.output.contains("InvalidStateError"), "{}", ended.output);
    Ok(())
}

#[test]
fn a_node_falls_over_a_candidate_at_a_plain_rendezvous() -> Result<()> {
    let hall = PlainHall::open()?;
    let candidate = r#"{"from_peer":"agent","to_peer":"one","type":"ice-candidate","payload":{"candidate":""}}"#;
    http::send(hall.addr, "POST", "/signal/send", &[], candidate)?;
    let ended = hall.node("one", &[])?.program.wait(WAIT_MAX)?;
    assert!(ended.output.contains("TypeError: ice-candidate"), "{}", ended.output);
    Ok(())
}

/// What devices see of the original sync server in a scenario that `sync.rs` runs against ours.
fn seen_of_original_sync(scenario: &str) -> Result<Value> {
    sync_scenario(OriginalSyncServer::start(&[])?.url(), scenario)
}

#[test]
fn d1_nobody_gets_history_from_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("history")?;
    assert_eq!((&seen["pulled"], &seen["againFrom"]), (&json!(0), &json!(300)), "{seen}");
    Ok(())
}

#[test]
fn d2_a_push_whose_answer_was_lost_conflicts_with_itself_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("retry")?;
    assert_eq!((&seen["conflicts"], &seen["queued"]), (&json!(5), &json!(5)), "{seen}");
    Ok(())
}

#[test]
fn d3_a_filtered_pull_from_the_original_sync_server_never_ends() -> Result<()> {
    let seen = seen_of_original_sync("filtered")?;
    assert!(seen["endless"].as_str().is_some_and(|told| told.ends_with("after cursor 0")), "{seen}");
    Ok(())
}

#[test]
fn d4_the_second_edit_of_a_millisecond_is_lost_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("one_millisecond")?;
    assert_eq!((&seen["conflicts"], &seen["same"]), (&json!(1), &json!(false)), "{seen}");
    Ok(())
}

#[test]
fn d5_a_client_that_wins_pushes_for_ever_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("client_wins_loop")?;
    assert_eq!((&seen["log"], &seen["queued"]), (&json!(21), &json!(1)), "{seen}");
    Ok(())
}

#[test]
fn d6_a_hundred_refused_operations_block_a_queue_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("tail_conflict")?;
    assert_eq!((&seen["queued"], &seen["behind"]), (&json!(101), &json!(false)), "{seen}");
    Ok(())
}

#[test]
fn d7_one_tenant_reads_and_writes_another_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("tenants")?;
    assert_eq!(seen["seen"], json!(["e0", "e1", "e2"]), "{seen}");
    assert_eq!((&seen["statuses"]["push"], &seen["statuses"]["smuggled"]), (&json!(200), &json!(200)), "{seen}");
    Ok(())
}

#[test]
fn d8_one_edit_becomes_a_storm_between_two_devices_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("echo_storm")?;
    let heads: Vec<u64> = seen["heads"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    assert!(heads.windows(2).all(|pair| pair[0] < pair[1]) && heads.last() > Some(&300), "{heads:?}");
    Ok(())
}

#[test]
fn d9_the_rate_limit_of_the_original_sync_server_is_shared_and_passed_by_a_header() -> Result<()> {
    let server = OriginalSyncServer::start(&[("requests", "100")])?;
    let seen = sync_scenario(server.url(), "rate")?;
    assert_eq!((&seen["before"], &seen["other"]), (&json!(100), &json!(429)), "{seen}");
    assert_eq!((&seen["spoofed"], &seen["back"]), (&json!(200), &json!(false)), "{seen}");
    Ok(())
}

#[test]
fn d10_a_refused_batch_leaves_half_of_it_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("half_batch")?;
    assert_eq!((&seen["after"], &seen["conflicts"]), (&json!(1), &json!(1)), "{seen}");
    Ok(())
}

#[test]
fn d11_a_stream_of_the_original_sync_server_never_says_that_it_stands() -> Result<()> {
    let seen = seen_of_original_sync("events")?;
    assert_eq!((&seen["connected"], &seen["whole"]), (&json!(false), &json!(false)), "{seen}");
    Ok(())
}

#[test]
fn d12_there_is_no_websocket_at_the_original_sync_server() -> Result<()> {
    let seen = seen_of_original_sync("socket_served")?;
    assert!([401, 404].iter().any(|status| seen["with"] == *status), "{seen}");
    Ok(())
}

#[test]
fn d14_the_original_sync_server_gives_whatever_is_asked_for_and_errors_that_cannot_be_read() -> Result<()> {
    let seen = seen_of_original_sync("bounds")?;
    assert_eq!((&seen["page"], &seen["readable"]), (&json!(1100), &json!(false)), "{seen}");
    Ok(())
}

/// A rendezvous as the original one is, and coturn.
struct PlainHall {
    _rendezvous: Program,
    addr: SocketAddr,
    coturn: Coturn,
}

impl PlainHall {
    fn open() -> Result<Self> {
        let coturn = Coturn::start()?;
        let (rendezvous, port) = start_with_port("clients/plain_rendezvous.mjs")?;
        Ok(Self { _rendezvous: rendezvous, addr: ([127, 0, 0, 1], port).into(), coturn })
    }

    fn node(&self, id: &str, options: &[(&str, &str)]) -> Result<Linking> {
        let script = synapse_node(id, &format!("http://{}", self.addr))?;
        let script = script.option("ice-servers", self.coturn.service().ice_servers()?.to_string());
        Linking::start(id, options.iter().fold(script, |script, (name, value)| script.option(name, value)))
    }
}

fn blind_server() -> Result<(Program, String)> {
    let (server, port) = start_with_port("clients/blind_server.mjs")?;
    Ok((server, format!("ws://127.0.0.1:{port}")))
}

fn start_with_port(script: &'static str) -> Result<(Program, u16)> {
    let mut server = Script::node(script).start()?;
    let port = |line: &str| u16::try_from(serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64()?).ok();
    let port = server.wait_for_line("its port", WAIT_MAX, port)?;
    Ok((server, port))
}
