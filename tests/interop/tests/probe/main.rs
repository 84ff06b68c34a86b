//! `sangam probe` against our server, other people's servers, and what is no server at all.

mod health;
mod nat;
mod signal;
mod socketio;
mod stun;
mod support;
mod sync;
mod transports;
mod turn;
