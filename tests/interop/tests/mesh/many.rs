//! Many nodes in one process, made by `sangam simulate peers`, which keeps account of what each of them heard.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sangam_testkit::{Program, Server, sangam_binary};
use serde_json::Value;

/// Above the longest of these simulations with all that it waits for.
const LIMIT: Duration = Duration::from_secs(400);
/// Nodes of a usual run; another number by `SANGAM_MESH_PEERS`.
const PEERS: u64 = 12;

fn peers() -> u64 {
    std::env::var("SANGAM_MESH_PEERS").ok().and_then(|peers| peers.parse().ok()).unwrap_or(PEERS)
}

fn simulate(words: &[&str]) -> Result<Value> {
    let server = Server::start()?;
    let url = format!("ws://{}/", server.listener("signal")?);
    let mut command = Command::new(sangam_binary()?);
    command.env_clear().args(["simulate", "peers", "--json", "--signaling", &url, "--peers", &peers().to_string()]);
    let ended = Program::start(command.args(["--connect", "3m", "--settle", "90s"]).args(words))?.wait(LIMIT)?;
    let report = ended.output.lines().rfind(|line| line.starts_with('{')).map(serde_json::from_str);
    let report: Value = report.transpose()?.with_context(|| format!("no report: {}", ended.output))?;
    assert_eq!(ended.status.code(), Some(0), "{report:#}");
    assert_eq!(report["ok"], true, "{report:#}");
    Ok(report)
}

#[test]
fn nodes_of_one_process_form_a_bounded_mesh_that_brings_each_message_to_each_once() -> Result<()> {
    let report = simulate(&["--seconds", "5", "--idle", "1s", "--topics", "3", "--links-max", "12"])?;
    assert!(report["degrees_at_end"]["max"].as_u64().is_some_and(|most| (1..=12).contains(&most)), "{report:#}");
    let published = report["published"].as_u64().unwrap_or_default();
    assert!(published > 0);
    assert_eq!(report["delivered"].as_u64(), Some(published * (peers() - 1)), "{report:#}");
    assert_eq!((&report["missing"], &report["duplicates"]), (&Value::from(0), &Value::from(0)), "{report:#}");
    Ok(())
}

#[test]
fn survivors_hear_each_message_once_although_a_fifth_of_packets_is_lost_and_a_tenth_of_nodes_dies() -> Result<()> {
    let report = simulate(&["--seconds", "20", "--idle", "0s", "--loss", "0.2", "--dying", "0.1"])?;
    let died = peers() / 10;
    assert_eq!(
        (report["died"].as_u64(), report["together"].as_u64()),
        (Some(died), Some(peers() - died)),
        "{report:#}"
    );
    assert!(report["delivered"].as_u64().is_some_and(|delivered| delivered > 0), "{report:#}");
    assert_eq!((&report["missing"], &report["duplicates"]), (&Value::from(0), &Value::from(0)), "{report:#}");
    Ok(())
}
