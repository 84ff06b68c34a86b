//! `sangam rooms`: one definition per flag.

use clap::{Args, Subcommand};

use super::api::{ApiArgs, TOKEN_HELP};

#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct RoomsArgs {
    #[command(subcommand)]
    pub(crate) command: RoomsCommand,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoomsCommand {
    /// Lists rooms, in the order of their names
    List {
        /// Those whose names come after that one
        #[arg(long, value_name = "ROOM")]
        after: Option<String>,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Shows a room and who is in it
    Show {
        #[command(flatten)]
        room: RoomArgs,
        #[command(flatten)]
        limit: LimitArgs,
    },
    /// Puts a participant out; it may come again unless the room is locked
    Kick {
        #[command(flatten)]
        room: RoomArgs,
        /// Its id
        #[arg(value_name = "PARTICIPANT")]
        participant: String,
        #[command(flatten)]
        reason: ReasonArgs,
    },
    /// Lets nobody new join
    Lock(RoomArgs),
    /// Lets everybody join again
    Unlock(RoomArgs),
    /// Ends a session: all leave, nothing of it is kept
    End {
        #[command(flatten)]
        room: RoomArgs,
        #[command(flatten)]
        reason: ReasonArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RoomArgs {
    /// The room's name
    #[arg(value_name = "ROOM")]
    pub(crate) room: String,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    /// Told to those whom it concerns
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}
