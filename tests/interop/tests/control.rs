//! The control: the same clients against other people's servers. If one of these fails, the client or the machine is at
//! fault; if only its twin in `relay.rs`, `signaling.rs` or `rendezvous.rs` fails, we are.

use std::net::SocketAddr;

use anyhow::Result;
use sangam_interop::{Coturn, Linking, Report, Script, Way, run_uclient, synapse_node};
use sangam_testkit::{Program, WAIT_MAX, http};
use serde_json::Value;

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
