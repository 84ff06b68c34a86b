//! The command line: one definition per flag.

pub(crate) mod api;
pub(crate) mod devices;
pub(crate) mod node;
pub(crate) mod probe;
pub(crate) mod relay;
pub(crate) mod rooms;
pub(crate) mod simulate;
pub(crate) mod sync;
pub(crate) mod token;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sangam_config::{DEFAULT_FILE, Loaded, Problem, Problems, ProcessEnvironment, Setting, Sources, load};

/// A self-hosted real-time edge platform: relay, signaling, and what follows from them.
#[derive(Debug, Parser)]
#[command(name = "sangam", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server
    Serve(ConfigArgs),
    /// Runs a node of a mesh: finds peers, links with them through any NAT, passes messages on
    Node(Box<node::NodeArgs>),
    /// Writes a commented sangam.toml with strong generated secrets
    Init(InitArgs),
    /// Checks, prints and describes the configuration
    Config(ConfigCommandArgs),
    /// Prints credentials for the relay
    Credentials(CredentialsArgs),
    /// Mints, verifies, lists and revokes tokens
    Token(token::TokenArgs),
    /// Tests any server as a client of it would; exit 0 fine, 1 no, 2 could not run
    Probe(probe::ProbeArgs),
    /// Fills a server with simulated clients; exit 0 fine, 1 something was lost, 2 could not run
    Simulate(simulate::SimulateArgs),
    /// Shows and ends the sessions of a running relay, through its administration API
    Relay(relay::RelayArgs),
    /// Shows and moderates the rooms of a running server, through its administration API
    Rooms(rooms::RoomsArgs),
    /// Shows what sync of a running server holds and mends it, through its administration API
    Sync(sync::SyncArgs),
    /// Shows the devices that a running server manages and orders things of them, through its administration API
    Devices(Box<devices::DevicesArgs>),
}

/// Where the configuration comes from. Order: flag, environment (`SANGAM_<SECTION>__<KEY>`), file, default.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file; ./sangam.toml if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What this process does: relay, signal, sync, devices
    #[arg(long, value_name = "ROLE,…")]
    roles: Option<String>,
    /// Where the server keeps what must last
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// A turnserver.conf, coturn's own configuration file, read as it is
    #[arg(long, value_name = "FILE")]
    turnserver_conf: Option<String>,
    /// Sets one key, but no secret
    #[arg(long = "set", value_name = "section.key=value")]
    settings: Vec<String>,
    /// Opens the server to the local network, without tokens
    #[arg(long)]
    lan: bool,
}

impl ConfigArgs {
    /// Reads every source.
    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        self.load_with(Vec::new())
    }

    /// Reads every source, with flags of a command of its own over all others.
    fn load_with(&self, flags: Vec<Setting>) -> Result<Loaded, Problems> {
        load(&Sources {
            file: self.config.clone(),
            default_file: PathBuf::from(DEFAULT_FILE),
            environment: &ProcessEnvironment,
            settings: self.settings()?.into_iter().chain(flags).collect(),
        })
    }

    fn settings(&self) -> Result<Vec<Setting>, Problem> {
        let mut settings = self.settings.iter().map(|text| Setting::parse(text)).collect::<Result<Vec<_>, _>>()?;
        settings.extend(self.roles.as_ref().map(|roles| Setting::of_flag("--roles", "server.roles", roles)));
        settings.extend(self.data_dir.as_ref().map(|dir| Setting::of_flag("--data-dir", "data.dir", dir)));
        let conf = self.turnserver_conf.as_ref();
        settings.extend(conf.map(|path| Setting::of_flag("--turnserver-conf", "relay.turnserver_conf", path)));
        settings.extend(self.lan.then(|| Setting::of_flag("--lan", "server.lan", "true")));
        Ok(settings)
    }
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCommandArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether the server would start with this configuration; exit 0 or 1
    Check {
        #[command(flatten)]
        sources: ConfigArgs,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints every value and where it came from; secrets are not shown
    Print {
        #[command(flatten)]
        sources: ConfigArgs,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON schema of the configuration file
    Schema {
        /// Prints the reference page instead
        #[arg(long, conflicts_with = "turnserver_conf")]
        reference: bool,
        /// Prints what becomes of every option of a turnserver.conf instead
        #[arg(long)]
        turnserver_conf: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CredentialsArgs {
    #[command(subcommand)]
    pub(crate) command: CredentialsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Prints a user name and password for TURN
    Turn(TurnArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TurnArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// Prints the block that this client's configuration wants
    #[arg(long = "for", value_name = "CLIENT", value_enum)]
    pub(crate) for_: Option<OldClient>,
    /// Whose it is; limits and logs name it
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub(crate) name: String,
    /// How long it is good for, 31 days at most: 15m, 24h, 30d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: std::time::Duration,
    /// Takes this user of `relay.users`, whose credential does not end, instead of minting one
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "ttl"])]
    pub(crate) user: Option<String>,
    /// The host that clients reach the relay by; else `ice.host`, the external address, or an address of this machine
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Prints JSON, as `/turn` answers
    #[arg(long, conflicts_with = "for_")]
    pub(crate) json: bool,
}

/// A client whose configuration has a place for TURN credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OldClient {
    /// Synapse-NG: ICE_SERVERS_JSON
    Synapse,
    /// IF.swarm: turnServers of IFAgentWebRTC
    Ifswarm,
    /// A Next.js page: NEXT_PUBLIC_TURN_SERVER and its like
    Next,
    /// coturn's turnutils_uclient: its command line
    Coturn,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
