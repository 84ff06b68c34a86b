//! `sangam simulate cpe`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sangam_fleet::{QuirkShare, TaskWish};

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
    /// The share of devices that depart from the standard as devices in the field do, 0 to 1; `each`: in 25 devices every
    /// departure once, and every namespace
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = quirks)]
    pub(crate) quirks: QuirkShare,
    /// The share of exchanges that go wrong on purpose, 0 to 0.9: answers that are lost, crashes, garbage, the same twice
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) faults: f64,
    /// How long devices wait at least before they try a session again that failed (TR-069: 5 s), until the ACS sets another
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) retry_wait: Duration,
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
    /// Devices listen for connection requests, on this address at a port that is free. On a loopback address they come from there as
    /// well, as an ACS calls them nowhere else; on 0.0.0.0 each has a loopback address of its own
    #[arg(long, value_name = "IP", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(crate) connection_requests: Option<IpAddr>,
    /// Devices keep a binding at this STUN server open for connection requests over UDP: HOST:PORT. Without --connection-requests
    /// they are as behind a NAT
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) stun: Option<String>,
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
    pub(crate) office: OfficeArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What an operator orders meanwhile.
#[derive(Debug, Args)]
pub(crate) struct OfficeArgs {
    /// Orders a task of each of these kinds for devices, one after the other: reboot,download or `all`
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = wish, requires = "api")]
    pub(crate) tasks: Vec<Wishes>,
    /// For so many devices
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) task_devices: u32,
    /// Devices at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub(crate) tasks_at_once: u32,
    /// How long all of them may take
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) tasks_within: Duration,
    /// Reads so many values in a second of devices while they answer
    #[arg(long, value_name = "PER_SECOND", default_value_t = 0.0, requires = "api")]
    pub(crate) live_reads: f64,
    /// The server whose API takes the orders: http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// A file with its token, of scope admin:write; `-` is standard input; else SANGAM_API_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// One kind of task or all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wishes {
    All,
    One(TaskWish),
}

fn wish(text: &str) -> Result<Wishes, String> {
    let all = || TaskWish::ALL.map(TaskWish::name).join(", ");
    match text {
        "all" => Ok(Wishes::All),
        name => TaskWish::parse(name).map(Wishes::One).ok_or_else(|| format!("write all, or some of {}", all())),
    }
}

fn quirks(text: &str) -> Result<QuirkShare, String> {
    match text {
        "each" => Ok(QuirkShare::Each),
        share => share.parse().map(QuirkShare::Of).map_err(|_| "write a share from 0 to 1, or each".to_owned()),
    }
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
