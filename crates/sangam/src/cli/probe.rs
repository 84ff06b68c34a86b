//! `sangam probe`: one definition per flag.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use sangam_probe::Load;
use sangam_usp_proto::EndpointId;
use serde_json::Value;

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub(crate) command: ProbeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Asks a STUN server who this machine is to the world
    Stun(StunArgs),
    /// Takes allocations on a TURN server and sends data through it
    Turn(TurnArgs),
    /// Registers two agents on a JSON signaling server and relays between them
    Signal(SignalArgs),
    /// Opens sessions on a Socket.IO server by every transport, and looks at what it answers
    #[command(name = "socketio")]
    SocketIo(SocketIoArgs),
    /// Shakes hands with a sync server as a device, pulls a page and opens its event stream; with --write, pushes twice
    Sync(SyncArgs),
    /// Holds a session with an ACS as a device of TR-069 does, and does nothing that it asks
    Cwmp(CwmpArgs),
    /// Asks an HTTP server for /health and /ready
    Health(HealthArgs),
    /// Says what stands in the way of multicast DNS on this machine, and who answers
    Mdns(MdnsArgs),
    /// Finds out what kind of NAT this machine is behind, and with whom it can be linked without a relay
    Nat(NatArgs),
    /// Connects to a USP controller as an agent that nobody knows, and hears what it asks first
    Usp(UspArgs),
}

/// What every probe knows.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Longest wait for any one answer: 500ms, 5s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// Believes the certificate authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Takes warnings for a no as well
    #[arg(long)]
    pub(crate) strict: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StunArgs {
    /// HOST, HOST:PORT, [IPv6]:PORT, or a stun: or stuns: URI
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// Over TCP
    #[arg(long, conflicts_with = "tls")]
    pub(crate) tcp: bool,
    /// Over TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// How many requests, one after the other
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) requests: u32,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).multiple(true).args(["target", "ice_servers"])))]
#[command(
    after_help = "Secrets never stand on the command line: they come from a file, from standard input (`-` for a \
    file's name), or from SANGAM_PROBE_PASSWORD, SANGAM_PROBE_SECRET and SANGAM_PROBE_TOKEN."
)]
pub(crate) struct TurnArgs {
    /// HOST, HOST:PORT, [IPv6]:PORT, or a turn: or turns: URI
    #[arg(value_name = "TARGET", conflicts_with = "ice_servers")]
    pub(crate) target: Option<String>,
    /// The TURN user
    #[arg(long, value_name = "NAME", conflicts_with_all = ["secret_file", "ice_servers"])]
    pub(crate) user: Option<String>,
    /// A file with the user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// A file with the secret shared with the server (coturn: static-auth-secret)
    #[arg(long, value_name = "FILE", conflicts_with = "ice_servers")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Fetches servers and credentials from here, as a browser would
    #[arg(long, value_name = "URL")]
    pub(crate) ice_servers: Option<String>,
    /// A file with the token for --ice-servers
    #[arg(long, value_name = "FILE", requires = "ice_servers")]
    pub(crate) token_file: Option<PathBuf>,
    /// How to reach the server; what the URI says, else UDP
    #[arg(long, value_name = "TRANSPORT", value_enum)]
    pub(crate) transport: Option<TransportChoice>,
    /// How many messages go through the relay and back
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) messages: u32,
    /// How long each is, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 160, value_parser = message_size)]
    pub(crate) size: usize,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SignalArgs {
    /// A ws:// or wss:// URL
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A file with a token for signaling; `-` is standard input; else SANGAM_PROBE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "What CONNECT is sent may be a secret: then give it by --auth-file, on standard input \
    (`--auth-file -`) or in SANGAM_PROBE_AUTH, not by --auth.")]
pub(crate) struct SocketIoArgs {
    /// An http://, https://, ws:// or wss:// URL; a path, if it has one, is used in place of /socket.io/
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// Which namespace is entered
    #[arg(long, value_name = "NAME", default_value = "/", value_parser = namespace)]
    pub(crate) namespace: String,
    /// A JSON object that is sent with CONNECT
    #[arg(long, value_name = "JSON", value_parser = json, conflicts_with = "auth_file")]
    pub(crate) auth: Option<Value>,
    /// A file with that object; `-` is standard input; else SANGAM_PROBE_AUTH
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_file: Option<PathBuf>,
    /// A file with a token that is sent as `Authorization: Bearer`; `-` is standard input; else SANGAM_PROBE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Waits for the server's first ping, if its pingInterval is at most this: 60s if no time is given
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) wait_ping: Option<Duration>,
    /// Sends this event, which must be acknowledged
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,
    /// An argument of the event, as JSON; may be repeated
    #[arg(long, value_name = "JSON", value_parser = json, requires = "event")]
    pub(crate) data: Vec<Value>,
    /// The event that must come back, in place of an acknowledgement
    #[arg(long, value_name = "NAME", requires = "event")]
    pub(crate) expect: Option<String>,
    /// Lets two participants meet in a session of their own: join-session, webrtc-offer, leave-session
    #[arg(long)]
    pub(crate) room: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// An http:// or https:// URL; its path is not used
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A file with a token of sync; `-` is standard input; else SANGAM_PROBE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The database, if the token names none
    #[arg(long, value_name = "NAME")]
    pub(crate) db: Option<String>,
    /// The device, if the token names none
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// Pushes one small entity, and the same again: into the collection `_sangam_probe` of the database
    #[arg(long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CwmpArgs {
    /// Of the ACS: http:// or https://, with its path
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// What the device logs in with
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// A file with its password; `-` is standard input; else SANGAM_PROBE_PASSWORD
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// The manufacturer's OUI, six hexadecimal digits
    #[arg(long, value_name = "OUI", default_value = "00005E")]
    pub(crate) oui: String,
    /// The product class
    #[arg(long, value_name = "CLASS", default_value = "probe")]
    pub(crate) product_class: String,
    /// The serial number. That of a device of yours ends the session which that has
    #[arg(long, value_name = "SERIAL", default_value = "sangam-probe")]
    pub(crate) serial: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// An http:// or https:// URL; its path is not used
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A file with a token of scope admin:read, to see each part; `-` is standard input; else SANGAM_PROBE_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MdnsArgs {
    /// The kind of service that is looked for
    #[arg(value_name = "KIND", default_value = "_synapse-ng._tcp.local.", value_parser = service_kind)]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NatArgs {
    /// STUN servers, two at different addresses at best: HOST, HOST:PORT, [IPv6]:PORT, or stun: or stuns: URIs
    #[arg(value_name = "TARGET", required = true, num_args = 1..=8)]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UspArgs {
    /// A ws:// or wss:// URL: ws://acs.example.org:7547/usp
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// The endpoint id of the agent; without it a random one that is no device
    #[arg(long, value_name = "ID", value_parser = endpoint_id)]
    pub(crate) endpoint: Option<EndpointId>,
    /// The endpoint id of the controller; without it what the server says, else self::sangam
    #[arg(long, value_name = "ID", value_parser = endpoint_id)]
    pub(crate) controller: Option<EndpointId>,
    /// The name that the agent logs in with
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// A file with its password; `-` is standard input; else SANGAM_PROBE_PASSWORD
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// Ways to a TURN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TransportChoice {
    /// Datagrams
    Udp,
    /// A stream
    Tcp,
    /// TLS over TCP
    Tls,
    /// Each of them
    All,
}

/// Long enough to hear something, short enough to be waited for.
fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(10)..=Duration::from_secs(300);
    if allowed.contains(&timeout) { Ok(timeout) } else { Err("must be from 10ms to 5m".to_owned()) }
}

/// `_name._tcp.local.` (RFC 6763 §4.1), the last dot or all of `.local.` left out if one likes.
fn service_kind(text: &str) -> Result<String, String> {
    let kind = text.trim_end_matches('.').trim_end_matches(".local");
    let parts: Vec<&str> = kind.split('.').collect();
    let is_name = |name: &str| name.len() > 1 && name.len() <= 16 && name.starts_with('_');
    match parts[..] {
        [name, "_tcp" | "_udp"] if is_name(name) => Ok(format!("{kind}.local.")),
        _ => Err("must be a kind of service: `_name._tcp.local.` or `_name._udp.local.`".to_owned()),
    }
}

/// `self::sangam`, `oui:012345:acs` (TR-369 §2.3).
pub(crate) fn endpoint_id(text: &str) -> Result<EndpointId, String> {
    text.parse().map_err(|error| format!("is no endpoint id of USP: {error}"))
}

fn namespace(text: &str) -> Result<String, String> {
    let is_one = text.starts_with('/') && !text.contains(|c: char| c == ',' || c.is_control());
    if is_one { Ok(text.to_owned()) } else { Err("must begin with `/` and have no comma".to_owned()) }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))
}

fn message_size(text: &str) -> Result<usize, String> {
    let allowed = Load::SIZE_MIN..=Load::SIZE_MAX;
    let size = text.parse().ok().filter(|size| allowed.contains(size));
    size.ok_or_else(|| format!("must be a number from {} to {}", allowed.start(), allowed.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_service_may_be_written_short_and_what_is_none_is_refused() {
        for text in ["_synapse-ng._tcp", "_synapse-ng._tcp.", "_synapse-ng._tcp.local", "_synapse-ng._tcp.local."] {
            assert_eq!(service_kind(text).as_deref(), Ok("_synapse-ng._tcp.local."), "{text}");
        }
        for text in
            ["", "synapse._tcp", "_synapse._sctp", "_synapse", "_._tcp", "_a._b._tcp", "_seventeen-letters-._tcp"]
        {
            assert!(service_kind(text).is_err(), "{text}");
        }
    }
}
