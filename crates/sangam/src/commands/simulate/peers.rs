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

use super::progress::Bar;
use crate::Verdict;
use crate::cli::simulate::PeersArgs;
use crate::commands::probe::given::Given;
use crate::descriptor_limit;
use crate::output::print;

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
/// A node's socket, its connection to the server, and what resolves names for it.
const FILES_PER_NODE: u64 = 4;

pub(super) fn run(args: &PeersArgs) -> anyhow::Result<Verdict> {
    let plan = plan(args)?;
    if let Some(complaint) = descriptor_limit::too_low_for(u64::from(args.peers) * FILES_PER_NODE) {
        bail!(complaint);
    }
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let bar = Bar::new(args.json);
    let report = runtime.block_on(run::simulate(&plan, &|far| bar.show(&far)));
    bar.clear();
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let report = report?;
    let shown = if args.json { show::json(&report)?.to_string() } else { show::table(&report) };
    print(&format!("{shown}\n"))?;
    Ok(if report.reasons().is_empty() { Verdict::Fine } else { Verdict::No })
}

fn plan(args: &PeersArgs) -> anyhow::Result<Plan<'_>> {
    let is_share = |share: f64| (0.0..=0.9).contains(&share);
    ensure!(is_share(args.dying), "--dying is a share from 0 to 0.9");
    ensure!(is_share(args.loss), "--loss is a share from 0 to 0.9");
    let rate = args.messages_per_second;
    ensure!(rate > 0.0 && rate <= 10_000.0, "--messages-per-second is above 0 and up to 10000");
    let deliveries = rate * args.seconds as f64 * f64::from(args.peers);
    ensure!(deliveries <= DELIVERIES_MAX, "at most {DELIVERIES_MAX} deliveries: fewer seconds, messages or peers");
    let token = Given::SIMULATE_TOKEN.read(args.token_file.as_deref())?;
    let server = |url: &Option<String>| url.clone().map(|url| Server { url, token: token.clone() });
    Ok(Plan {
        args,
        servers: ice_servers(args.ice_servers.as_deref())?,
        signaling: server(&args.signaling),
        rendezvous: server(&args.rendezvous),
        seed: args.seed.unwrap_or_else(rand::random),
    })
}

fn ice_servers(json: Option<&str>) -> anyhow::Result<Vec<IceServer>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let list = IceServer::list_from_json(json).context("--ice-servers")?;
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
