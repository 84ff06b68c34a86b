//! `sangam simulate usp`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use sangam_usp_proto::EndpointId;

use super::CommonArgs;
use crate::cli::probe::endpoint_id;

#[derive(Debug, Args)]
#[command(
    after_help = "A process may open as many connections as it may open files. For more, run several, each with the same \
    --seed and a --first of its own. Ctrl-C ends the fleet, and prints what came of it until then."
)]
pub(crate) struct UspArgs {
    /// The controller: a ws:// or wss:// URL; or a broker, or the controller's own STOMP endpoint: stomp://, stomps://,
    /// mqtt://, mqtts://
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// What carries records; without it what the URL says
    #[arg(long, value_enum)]
    pub(crate) mtp: Option<MtpChoice>,
    /// The endpoint id of the controller; without it who the server says that it is, over WebSocket
    #[arg(long, value_name = "ID", value_parser = endpoint_id)]
    pub(crate) controller: Option<EndpointId>,
    /// Where the controller is reached at a broker, if not at /queue/usp.controller (STOMP) or usp/controller (MQTT);
    /// {endpoint} stands for the id of each agent
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) destination: String,
    /// Where each agent is reached there, if not at /queue/{endpoint} or usp/agent/{endpoint}, and the broker does not say
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) own_destination: String,
    /// How many agents
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) devices: u32,
    /// The number of the first, so that fleets of one seed in several processes are different agents
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) first: u32,
    /// All boot within this time: 5s, 1m
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) boot_within: Duration,
    /// How long they go on after that
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub(crate) seconds: u64,
    /// How often each tells that it lives, until the controller sets another interval: 30s, 5m; 0s for never
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) interval: Duration,
    /// How often a value of each changes by itself, on average: 10m, 1h; 0s for never
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) change_every: Duration,
    /// The share of agents that depart from the standard as agents in the field do, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) quirks: f64,
    /// The share of agents that begin a session context and send in segments, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) sessions: f64,
    /// How likely a record is sent twice, late, or lost with its connection, and a request is refused, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) faults: f64,
    /// The controller knows them: they do not ask to be taken on
    #[arg(long)]
    pub(crate) known: bool,
    /// They boot and are taken on, and then only stay connected: to measure what an idle agent costs
    #[arg(long)]
    pub(crate) idle: bool,
    /// The name that agents log in with
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) user: String,
    /// A file with its password; `-` is standard input; else SANGAM_SIMULATE_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// How long a connection may take to open: 10s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) open_timeout: Duration,
    /// How long agents have in the end to deliver what they hold: 10s, 2m
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) settle: Duration,
    /// The same seed has the same agents; without it one is drawn
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What carries records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MtpChoice {
    /// WebSocket
    Websocket,
    /// STOMP 1.2
    Stomp,
    /// MQTT 5
    Mqtt5,
    /// MQTT 3.1.1
    Mqtt311,
}
