//! `sangam simulate`: one definition per flag. A kind of fleet is a subcommand with arguments of its own beside those that every
//! kind has.

pub(crate) mod cpe;
pub(crate) mod peers;
pub(crate) mod rooms;
pub(crate) mod sync;
pub(crate) mod usp;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use self::cpe::CpeArgs;
use self::peers::PeersArgs;
use self::rooms::RoomsArgs;
use self::sync::SyncArgs;
use self::usp::UspArgs;

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
    /// Devices of TR-069 that boot, inform, change and do what an ACS tells them
    Cpe(CpeArgs),
    /// Agents of TR-369 that connect, tell what happens to them and do what a controller asks
    Usp(UspArgs),
}

/// What every kind of fleet has.
#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Believes the certificate authorities of this PEM file: instead of the system's, nodes of a mesh beside them
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
