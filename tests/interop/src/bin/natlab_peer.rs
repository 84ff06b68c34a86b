//! A side of calls in the NAT lab that is a node of ours. What it is told and what it says: `src/natlab/peer_program.rs`.

use anyhow::Result;
use clap::Parser as _;
use sangam_interop::natlab::{NodePeerOptions, run_node_peer};
use tracing_subscriber::EnvFilter;

fn main() -> Result<()> {
    let options = NodePeerOptions::parse();
    let filter = EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run_node_peer(options))
}
