//! A Socket.IO v5 server as a library.
//!
//! `engine` drives one Engine.IO session per client over long polling and WebSocket; [`upper`] is what stands on a
//! session; everything that Socket.IO adds (namespaces, rooms, acknowledgements, recovery) stands there:
//!
//! - [`Application`]: what events mean, written by whoever uses this library
//! - [`Socket`]: one client in one namespace, while the application deals with it
//! - [`Server`], [`Audience`]: everybody else, from anywhere
//! - [`SocketIo`]: an application on a server, as the engine wants it
//! - [`ClientBundle`]: the browser's client, if the build had it
//!
//! Connection state recovery works as in Node's socket.io 4.8, and besides: when the server died (with a journal),
//! when the client is back before its old connection is known to be lost, when it has never received an event, and when
//! it was quiet for longer than the window.

mod application;
mod audience;
mod client_bundle;
pub mod engine;
mod factory;
mod figures;
mod line;
mod log;
mod namespace;
mod options;
mod outbox;
mod record;
mod recovery;
mod server;
mod session;
mod socket;
pub mod upper;

pub use application::{Application, DisconnectReason, Entering, Entry, Event, Gone};
pub use audience::{Answers, Audience};
pub use client_bundle::ClientBundle;
pub use factory::SocketIo;
pub use figures::Figures;
pub use options::{Options, RecoveryOptions};
pub use sangam_socketio_proto::{AckId, Arguments, ArgumentsError, ConnectionOptions, Limits, Parser};
pub use server::Server;
pub use session::Session;
pub use socket::{Socket, TooManyRooms};
