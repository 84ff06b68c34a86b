//! `sangam simulate sync`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::CommonArgs;

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// The sync server: an http:// or https:// URL
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// How many devices, in all databases
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) devices: u32,
    /// How many databases, with names that nobody has used
    #[arg(long, value_name = "M", default_value_t = 2, conflicts_with = "db", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) databases: u32,
    /// A database by its name, which may hold something already; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) db: Vec<String>,
    /// How long they edit
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(crate) seconds: u64,
    /// Edits of all devices in a second
    #[arg(long, value_name = "X", default_value_t = 10.0)]
    pub(crate) edits_per_second: f64,
    /// How often each device is cut off in a minute, half of the times amid a push, whose answer is lost
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub(crate) disconnects_per_minute: f64,
    /// The share of its time for which each device is away, and edits on: 0 to 0.95
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    pub(crate) offline_share: f64,
    /// How far devices' clocks are wrong at most, before or behind: 500ms, 5s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) clock_skew: Duration,
    /// Entities in each collection, which all devices of the database edit
    #[arg(long, value_name = "K", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) entities: u32,
    /// Collections in each database; with two or more every fourth device pulls the first half alone
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) collections: u32,
    /// Bytes of an entity
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u16).range(64..))]
    pub(crate) body: u16,
    /// The share of devices that hear of changes from an event stream, 0 to 1; the others ask now and then
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub(crate) listeners: f64,
    /// How often the others ask: 500ms, 5s
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    pub(crate) poll: Duration,
    /// How long devices have in the end to push what they hold and to pull the rest: 5s, 60s
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) settle: Duration,
    /// The same seed has the same devices make the same edits; without it one is drawn
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// A file with one token for all, for the one database of `--db`; `-` is standard input; else SANGAM_SIMULATE_TOKEN
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the secret of the server's tokens (JWT_SECRET), with which each device gets its own; `-` is standard input;
    /// else SANGAM_SIMULATE_SECRET
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// The name of the key of that secret, as tokens have it in `kid`
    #[arg(long, value_name = "KID", default_value = "jwt-secret")]
    pub(crate) key_id: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}
