//! `sangam simulate rooms`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use super::CommonArgs;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).multiple(true).args(["url", "json_url"])))]
pub(crate) struct RoomsArgs {
    /// The Socket.IO server: an http://, https://, ws:// or wss:// URL; a path in it is used in place of /socket.io/
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The JSON signaling server: a ws:// or wss:// URL; {room} in it becomes the room's name
    #[arg(long, value_name = "URL")]
    pub(crate) json_url: Option<String>,
    /// How many rooms
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rooms: u32,
    /// How many participants in each
    #[arg(long, value_name = "M", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) participants: u32,
    /// How long they chat once all have had the time to join
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(crate) seconds: u64,
    /// What they speak, room by room in turn; what there are servers for, unless it is given
    #[arg(long, value_name = "DIALECT,…", value_enum, value_delimiter = ',')]
    pub(crate) dialects: Vec<DialectChoice>,
    /// Mixes the dialects in each room: the server has to bridge them
    #[arg(long)]
    pub(crate) mixed: bool,
    /// What is said in each room per second: verses, candidates, queues, timers in turn
    #[arg(long, value_name = "PER-SECOND", default_value_t = 1.0)]
    pub(crate) chatter: f64,
    /// How often a part of the clients is cut off at once, in seconds
    #[arg(long, value_name = "EVERY-S", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) storms: Option<u64>,
    /// How large that part is, above 0 and up to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, requires = "storms")]
    pub(crate) storm_share: f64,
    /// How many participants come per second
    #[arg(long, value_name = "PER-SECOND", default_value_t = 100.0)]
    pub(crate) ramp: f64,
    /// How long messages and clients are waited for at the end that are still on their way: 5s, 30s
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = humantime::parse_duration)]
    pub(crate) settle: Duration,
    /// A file with a token for all of them; `-` is standard input; else SANGAM_SIMULATE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// What participants speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectChoice {
    /// Socket.IO with webrtc-offer, webrtc-answer, webrtc-ice-candidate
    Documented,
    /// Socket.IO with webrtc-signaling
    Newest,
    /// JSON over WebSocket
    Json,
}
