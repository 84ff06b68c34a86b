//! `sangam token`: one definition per flag.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::ConfigArgs;

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Prints a new token
    Mint(MintArgs),
    /// Says whether a token is good, and what it says; exit 0 or 1
    Verify(VerifyArgs),
    /// Lists the tokens that were minted with this data directory and have not expired
    List(ListArgs),
    /// Has a token, or those of a subject, refused from now on; with neither lists what is revoked
    Revoke(RevokeArgs),
    /// Takes a revocation back
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
pub(crate) struct MintArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// What it allows on the administration API: metrics:read, admin:read, admin:write; may be repeated
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// The one room it is good for on signaling; without it any
    #[arg(long, value_name = "ROOM")]
    pub(crate) room: Option<String>,
    /// What it allows in rooms: join, signal, timer, moderate; may be repeated; without it join and signal
    #[arg(long, value_name = "GRANT")]
    pub(crate) grant: Vec<String>,
    /// The one database it is good for on sync
    #[arg(long, value_name = "NAME")]
    pub(crate) db: Option<String>,
    /// The one device it is good for on sync, whose place in the database is kept; without it any
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,
    /// What others in the room see as its holder's name
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Whose it is; limits and logs name it
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub(crate) sub: String,
    /// How long it is good for: 15m, 24h, 365d
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Duration,
    /// What it is for
    #[arg(long = "use", value_name = "USE", value_enum, default_value_t = TokenUse::Admin)]
    pub(crate) use_: TokenUse,
    /// Its own name, by which it can be revoked; `auto` draws one
    #[arg(long, value_name = "JTI", default_value = "auto")]
    pub(crate) jti: String,
    /// For the list of minted tokens; the token does not hold it
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// The token, where others may see command lines; without it, or with `-`, standard input is read
    #[arg(value_name = "TOKEN", conflicts_with = "file", allow_hyphen_values = true)]
    pub(crate) token: Option<String>,
    /// A file with the token
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What it is to be used for; without it whatever its key serves
    #[arg(long = "use", value_name = "USE", value_enum)]
    pub(crate) use_: Option<TokenUse>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// The token's name, with those that were renewed from it
    #[arg(value_name = "JTI", conflicts_with = "sub")]
    pub(crate) jti: Option<String>,
    /// All tokens of this subject that were minted until now
    #[arg(long, value_name = "NAME")]
    pub(crate) sub: Option<String>,
    /// Until when, as 2030-01-31T12:00:00Z; without it until a listed token has expired, else for ever
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    pub(crate) until: Option<std::time::SystemTime>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["jti", "sub"]))]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub(crate) sources: ConfigArgs,
    /// The token's name
    #[arg(value_name = "JTI")]
    pub(crate) jti: Option<String>,
    /// The subject
    #[arg(long, value_name = "NAME")]
    pub(crate) sub: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// The server to ask, if one runs.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The main HTTP listener of the server that is asked; without it the one that runs with this data directory, if one does
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file with a token of the scope admin:write (`-`: standard input), or SANGAM_API_TOKEN; else one is made for a minute
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Believes the certificate authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Longest wait for the answer: 500ms, 5s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenUse {
    /// Metrics and the administration API
    Admin,
    /// Signaling and ICE servers
    Signal,
    /// Sync
    Sync,
}

impl TokenUse {
    /// All there are.
    pub(crate) const ALL: [Self; 3] = [Self::Admin, Self::Signal, Self::Sync];
}
