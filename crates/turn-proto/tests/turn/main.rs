//! The TURN server as its driver and its clients see it: inputs arranged, outputs asserted, time set by hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail wherever it likes, in its helping functions too"
)]

mod allocate;
mod alternates;
mod binding;
mod channels;
mod classic;
mod credentials;
mod differential;
mod dual;
mod fixture;
mod hostile;
mod limits;
mod mobility;
mod model;
mod moved;
mod opening;
mod own_peers;
mod permissions;
mod refresh;
mod relaying;
mod reservation;
mod retransmission;
mod second_opinion;
mod sessions;
mod userhash;
mod vectors;
