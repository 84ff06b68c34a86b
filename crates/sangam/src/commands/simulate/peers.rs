//! `sangam simulate peers`: mesh nodes in this process.

mod fleet;
mod ledger;
mod mesh_shape;
mod process;
mod report;
mod run;
mod show;

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use sangam_mesh_node::discovery::Server;
use sangam_mesh_node::endpoint::IceServer;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Outcome, run_fleet};
use crate::Verdict;
use crate::cli::simulate::peers::PeersArgs;
use crate::commands::probe::given::Given;

/// What is simulated.
struct Plan<'a> {
    args: &'a PeersArgs,
    servers: Vec<IceServer>,
    signaling: Option<Server>,
    rendezvous: Option<Server>,
    seed: u64,
}

/// Deliveries that are kept account of at most: each is some bytes.
const DELIVERIES_MAX: f64 = 50_000_000.0;
/// As long as `--seconds` may be.
const WAIT_MAX: Duration = Duration::from_secs(604_800);
/// A node's socket, its connection to the server, and what resolves names for it.
const FILES_PER_NODE: u64 = 4;

pub(super) fn run(args: &PeersArgs) -> anyhow::Result<Verdict> {
    let plan = plan(args)?;
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    run_fleet(&args.common, u64::from(args.peers) * FILES_PER_NODE, async |show| {
        let report = run::simulate(&plan, show).await?;
        Ok(Outcome { is_fine: report.reasons().is_empty(), json: show::json(&report)?, table: show::table(&report) })
    })
}

fn plan(args: &PeersArgs) -> anyhow::Result<Plan<'_>> {
    let is_share = |share: f64| (0.0..=0.9).contains(&share);
    ensure!(is_share(args.dying), "--dying is a share from 0 to 0.9");
    ensure!(is_share(args.loss), "--loss is a share from 0 to 0.9");
    let rate = args.messages_per_second;
    ensure!((0.001..=10_000.0).contains(&rate), "--messages-per-second is from 0.001 to 10000");
    let longest = args.connect.max(args.idle).max(args.settle);
    ensure!(longest <= WAIT_MAX, "--connect, --idle and --settle are a week at most");
    let deliveries = rate * args.seconds as f64 * f64::from(args.peers);
    ensure!(deliveries <= DELIVERIES_MAX, "at most {DELIVERIES_MAX} deliveries: fewer seconds, messages or peers");
    let token = Given::SIMULATE_TOKEN.read(args.token_file.as_deref())?;
    let server = |url: &Option<String>| url.clone().map(|url| Server { url, token: token.clone() });
    Ok(Plan {
        args,
        servers: ice_servers(Given::SIMULATE_ICE_SERVERS.read_whole(args.ice_servers.as_deref())?.as_ref())?,
        signaling: server(&args.signaling),
        rendezvous: server(&args.rendezvous),
        seed: args.seed.unwrap_or_else(rand::random),
    })
}

fn ice_servers(json: Option<&SecretString>) -> anyhow::Result<Vec<IceServer>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let list = IceServer::list_from_json(json.expose_secret()).context("--ice-servers")?;
    if let Some(error) = list.rejected.first() {
        bail!("--ice-servers: {error}");
    }
    Ok(list.servers)
}

impl Plan<'_> {
    fn duration(&self) -> Duration {
        Duration::from_secs(self.args.seconds)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: PeersArgs,
    }

    #[test]
    fn ice_servers_are_read_from_a_file_and_one_that_is_none_is_refused_without_its_credential() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("servers.json");
        let planned = |json: &str| {
            std::fs::write(&file, json).unwrap();
            let line = ["peers", "--signaling", "ws://127.0.0.1:9/", "--ice-servers", file.to_str().unwrap()];
            let args = Line::try_parse_from(line).unwrap().args;
            plan(&args).map(|plan| plan.servers.len()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(planned(r#"[{"urls":"stun:a"},{"urls":"turn:b","username":"u","credential":"hunter2"}]"#), Ok(2));
        for wrong in [r#"[{"urls":"ftp:b","username":"u","credential":"hunter2"}]"#, r#"[{"credential":"hunter2"}"#] {
            let error = planned(wrong).unwrap_err();
            assert!(error.contains("--ice-servers") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn senseless_figures_are_refused_with_the_flag_that_has_them() {
        let refusal = |words: &[&str]| {
            let line = ["peers", "--signaling", "ws://127.0.0.1:9/"].into_iter().chain(words.iter().copied());
            let args = Line::try_parse_from(line).unwrap().args;
            plan(&args).err().map(|error| error.to_string())
        };
        assert_eq!(refusal(&["--messages-per-second", "0.001", "--dying", "0.9", "--settle", "1w"]), None);
        for (flag, figure) in [
            ("--messages-per-second", "0"),
            ("--messages-per-second", "1e-300"),
            ("--messages-per-second", "NaN"),
            ("--dying", "0.91"),
            ("--loss", "-0.1"),
            ("--connect", "500000000000y"),
            ("--idle", "8d"),
        ] {
            let refusal = refusal(&[&format!("{flag}={figure}")]).unwrap_or_default();
            assert!(refusal.contains(flag), "{flag} {figure}: {refusal}");
        }
    }
}
