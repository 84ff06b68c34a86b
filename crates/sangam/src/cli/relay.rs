//! `sangam relay`: one definition per flag.

use std::net::IpAddr;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::api::{ApiArgs, TOKEN_HELP};

#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct RelayArgs {
    #[command(subcommand)]
    pub(crate) command: RelayCommand,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Lists sessions, or shows one
    Sessions(SessionsArgs),
    /// Lists the busiest sessions
    Top(TopArgs),
    /// Ends sessions; their clients may come again
    Kick(KickArgs),
    /// Refuses new sessions, or takes them again; without an argument says which
    Drain {
        /// Whether new sessions are refused
        #[arg(value_name = "on|off")]
        state: Option<DrainState>,
    },
    /// Ends the sessions of a name and refuses its credentials; without a name lists what is revoked
    Revoke(RevokeArgs),
    /// Takes a revocation back
    Restore(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    /// This one
    #[arg(value_name = "ID", conflicts_with_all = ["user", "label", "client", "limit"])]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
}

/// Which sessions.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Of this user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Of every user of this label: the name up to its first `/`
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Of clients at this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) client: Option<IpAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// By what
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = TopBy::Bytes)]
    pub(crate) by: TopBy,
    /// How many, 100 at most
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) count: usize,
}

/// By what sessions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TopBy {
    /// Payload bytes per second
    Bytes,
    /// Datagrams per second
    Packets,
}

/// Whether new sessions are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrainState {
    /// They are
    On,
    /// They are not
    Off,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).multiple(true).args(["id", "user", "label", "client"])))]
pub(crate) struct KickArgs {
    /// This one
    #[arg(value_name = "ID", conflicts_with_all = ["user", "label", "client"])]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// This user
    #[arg(long, value_name = "NAME", conflicts_with = "label")]
    pub(crate) user: Option<String>,
    /// Every user of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// Until then (2030-01-31T12:00:00Z); else for as long as a credential of today could be good
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["user", "label"])))]
pub(crate) struct NameArgs {
    /// This user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Every user of this label
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
}
