//! The control: the same clients against other people's servers. If one of these fails, the client or the machine is at
//! fault; if only its twin in `relay.rs` or `signaling.rs` fails, we are.

use anyhow::Result;
use sangam_interop::{Coturn, Report, Script, Way, run_uclient};
use sangam_testkit::{Program, WAIT_MAX};
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

fn blind_server() -> Result<(Program, String)> {
    let mut server = Script::node("clients/blind_server.mjs").start()?;
    let port = server
        .wait_for_line("its port", WAIT_MAX, |line| serde_json::from_str::<Value>(line).ok()?.get("port")?.as_u64())?;
    Ok((server, format!("ws://127.0.0.1:{port}")))
}
