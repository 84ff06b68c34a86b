//! `sangam simulate`: one definition per flag.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    #[command(subcommand)]
    pub(crate) command: SimulateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimulateCommand {
    /// Rooms of participants that signal to each other, chat, are cut off and come back
    Rooms(RoomsArgs),
    /// Devices that edit shared entities of a sync server, are cut off, come back, and have clocks that are wrong
    Sync(SyncArgs),
    /// Mesh nodes in this process that find each other, publish, lose packets and die
    Peers(PeersArgs),
}

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
    /// STUN and TURN servers as a JSON list: [{"urls": "stun:192.0.2.1:3478"}]
    #[arg(long, value_name = "JSON")]
    pub(crate) ice_servers: Option<String>,
    /// An address of this host that nodes are reached at; may be repeated
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub(crate) address: Vec<std::net::IpAddr>,
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
    /// Believes the certificate authorities of this PEM file beside the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

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
    /// Believes the certificate authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

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
    /// Believes the certificate authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
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
