//! `sangam simulate cpe`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::CommonArgs;

#[derive(Debug, Args)]
pub(crate) struct CpeArgs {
    /// The ACS: an http:// or https:// URL
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) devices: u32,
    /// All boot within this time: 5s, 1m
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) boot_within: Duration,
    /// How long they go on after that
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=604_800))]
    pub(crate) seconds: u64,
    /// How often each comes by itself, until the ACS sets another interval: 30s, 5m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) interval: Duration,
    /// How often the address of each changes by itself, on average: 10m, 1h; 0s for never
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    pub(crate) change_every: Duration,
    /// The data model of devices
    #[arg(long, value_enum, default_value_t = ModelChoice::Both)]
    pub(crate) model: ModelChoice,
    /// The share of devices that depart from the standard as devices in the field do, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) quirks: f64,
    /// The ACS knows them: they boot without `0 BOOTSTRAP`
    #[arg(long)]
    pub(crate) known: bool,
    /// The name that devices log in with, until the ACS sets another
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) user: String,
    /// A file with its password; `-` is standard input; else SANGAM_SIMULATE_PASSWORD
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Sessions at once; what is due beyond them waits
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65_000))]
    pub(crate) sessions_max: u32,
    /// Devices listen for connection requests, on this address at a port that is free
    #[arg(long, value_name = "IP", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(crate) connection_requests: Option<IpAddr>,
    /// How long an ACS has for an answer: 10s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) answer_timeout: Duration,
    /// How long devices have in the end to deliver what they hold: 10s, 2m
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) settle: Duration,
    /// The same seed has the same devices; without it one is drawn
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Roots of data models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelChoice {
    /// InternetGatewayDevice:1
    Tr098,
    /// Device:2
    Tr181,
    /// By turns
    Both,
}
