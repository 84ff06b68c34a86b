//! `sangam simulate peers`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::CommonArgs;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("meet").required(true).multiple(true).args(["signaling", "rendezvous"])))]
pub(crate) struct PeersArgs {
    /// The JSON signaling server they meet at: a ws:// or wss:// URL
    #[arg(long, value_name = "URL")]
    pub(crate) signaling: Option<String>,
    /// The rendezvous they meet at: an http:// or https:// URL
    #[arg(long, value_name = "URL")]
    pub(crate) rendezvous: Option<String>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=5_000))]
    pub(crate) peers: u32,
    /// A file with STUN and TURN servers as a JSON array, as browsers take them; `-` is standard input; else
    /// SANGAM_SIMULATE_ICE_SERVERS
    #[arg(long, value_name = "FILE")]
    pub(crate) ice_servers: Option<PathBuf>,
    /// An address of this host that nodes are reached at; may be repeated
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: Vec<IpAddr>,
    /// How long they publish
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(crate) seconds: u64,
    /// Messages of all nodes in a second
    #[arg(long, value_name = "X", default_value_t = 10.0)]
    pub(crate) messages_per_second: f64,
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub(crate) message_bytes: u32,
    /// Topics that messages go to by turns; every node hears of all
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) topics: u32,
    /// The share of nodes that die without a goodbye while messages flow, 0 to 0.9
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) dying: f64,
    /// The share of packets between nodes that is lost, 0 to 0.9
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) loss: f64,
    /// Links of a node at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) links_max: u32,
    /// How long they have to become one mesh: 30s, 2m
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    pub(crate) connect: Duration,
    /// How long they are only watched before they publish: 0s, 10s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) idle: Duration,
    /// How long messages are waited for at the end that are still on their way: 5s, 60s
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) settle: Duration,
    /// The same seed has the same nodes publish and die; without it one is drawn
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// A file with a token for the server; `-` is standard input; else SANGAM_SIMULATE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
