//! Fleets of simulated clients, against any server that speaks what they speak.
//!
//! [`simulate_rooms`] fills rooms with participants that signal to each other as browsers do that begin a call, chat, are cut
//! off together and come back, and accounts for every message: who had to hear it, who did, how long it took.
//!
//! - [`RoomsOptions`]: how many, how long, what they do
//! - [`RoomsReport`]: what came of it
//!
//! [`simulate_sync`] has devices edit entities that they share in databases of a sync server, cuts them off and skews their
//! clocks, and accounts for every change that was acknowledged: [`SyncOptions`], [`SyncReport`].
//!
//! [`simulate_cpe`] has devices of TR-069 boot, come by themselves, change and do what an ACS tells them, and accounts for
//! every event until its InformResponse: [`CpeOptions`], [`CpeReport`].
//!
//! [`simulate_usp`] has agents of TR-369 connect, boot, tell what happens and do what a controller asks, and accounts for every
//! notification and every command: [`UspOptions`], [`UspReport`].
//!
//! Spoken in rooms are the Socket.IO session events in both spellings that front ends use, and the JSON messages of IF.swarm's agents,
//! over WebSocket. Left out: long polling, media, and clients that break the protocol.

mod connection;
mod cpe;
mod description;
mod fleet;
mod histogram;
mod json_client;
mod message;
mod options;
mod participant;
mod report;
mod rooms;
mod sequence;
mod socketio_client;
mod source_address;
mod statistics;
mod sync;
mod usp;
mod wire;

pub use connection::{FleetError, Trust};
pub use cpe::{
    CpeFaults, CpeModel, CpeOptions, CpeOptionsError, CpeProgress, CpeReport, CpeTasks, EventCount, LiveReadReport,
    QuirkShare, TaskAudit, TaskKindReport, TaskReport, TaskWish, simulate_cpe,
};
pub use histogram::{Histogram, Percentiles};
pub use message::Kind;
pub use options::{Dialect, OptionsError, RoomsOptions};
pub use report::{KindReport, RoomsReport};
pub use rooms::{Progress, simulate_rooms};
pub use sync::{
    MintToken, SyncFaults, SyncOptions, SyncOptionsError, SyncProgress, SyncReport, SyncTokens, simulate_sync,
};
pub use usp::{
    CommandCount, FaultCount, Outage, UspFaults, UspMtp, UspOptions, UspOptionsError, UspProgress, UspReport,
    simulate_usp,
};
