//! Other people's signaling clients against our signaling.

use anyhow::Result;
use sangam_interop::{Script, TurnService};
use sangam_testkit::Server;

fn original_agents(scenario: &str) -> Result<()> {
    let (server, _) = TurnService::sangam()?;
    let result = Script::node("clients/original_agents.mjs")
        .option("scenario", scenario)
        .option("signal", format!("ws://{}/", server.listener("signal")?))
        .option("ice-servers", format!("http://{}/ice-servers", server.listener("http")?))
        .run()?;
    assert_eq!(result["scenario"], scenario, "{result}");
    Ok(())
}

#[test]
fn original_agents_link_up() -> Result<()> {
    original_agents("plain")
}

#[test]
fn an_original_agent_whose_candidates_overtake_its_offer_links_up() -> Result<()> {
    original_agents("trickle-first")
}

#[test]
fn two_original_agents_that_dial_each_other_at_once_link_up() -> Result<()> {
    original_agents("glare")
}

#[test]
fn hostile_frames_change_nothing_for_others() -> Result<()> {
    const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;
    let server = Server::start()?;
    let before = server.resident_bytes()?;
    for listener in [format!("ws://{}/", server.listener("signal")?), format!("ws://{}/ws", server.listener("http")?)] {
        let result = Script::node("clients/hostile_frames.mjs").option("signal", listener).run()?;
        assert_eq!(result["rounds"], 32, "{result}");
    }
    let growth = server.resident_bytes()?.saturating_sub(before);
    assert!(growth <= GROWTH_BYTES_MAX, "{growth} bytes");
    assert!(!server.log().contains("panicked"), "{}", server.log());
    Ok(())
}
