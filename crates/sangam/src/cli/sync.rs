//! `sangam sync`: one definition per flag.

use clap::{Args, Subcommand};

use super::api::{ApiArgs, TOKEN_HELP};

#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct SyncArgs {
    #[command(subcommand)]
    pub(crate) command: SyncCommand,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Lists databases, in the order of their names
    Databases {
        /// Those whose names come after that one
        #[arg(long, value_name = "DB")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a database
    Show(DatabaseArgs),
    /// Lists the replicas of a database, and how far each is behind
    Replicas {
        #[command(flatten)]
        db: DatabaseArgs,
        /// Those whose names come after that one
        #[arg(long, value_name = "DEVICE")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Lists operations that were refused, newest first
    Conflicts {
        #[command(flatten)]
        db: DatabaseArgs,
        /// Those before the one of that number
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Lists what one entity went through, newest first
    History {
        #[command(flatten)]
        db: DatabaseArgs,
        /// Its collection
        #[arg(value_name = "COLLECTION")]
        collection: String,
        /// Its id
        #[arg(value_name = "ENTITY")]
        entity: String,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Makes a replica begin anew: its next handshake is answered with cursor 0
    ResetReplica {
        #[command(flatten)]
        db: DatabaseArgs,
        /// Its name
        #[arg(value_name = "DEVICE")]
        device: String,
    },
    /// Drops everything in a database; nothing brings it back but a device that has it
    Reset {
        #[command(flatten)]
        db: DatabaseArgs,
        /// Says that this is meant
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The database's name
    #[arg(value_name = "DB")]
    pub(crate) db: String,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
}
