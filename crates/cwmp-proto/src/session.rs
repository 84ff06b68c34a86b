//! A CWMP session, the end of the ACS (TR-069 Amendment 6 §3.7.2): a machine without sockets, store or clock.
//!
//! One [`Session`] for each session of a device, whatever connections it comes by; who belongs to which session is the
//! driver's to know, by a cookie. The driver hands in one POST at a time, drains [`Session::poll_output`] to
//! [`Output::Wait`], carries out what it was told, and hands in what came of it:
//!
//! ```text
//! CPE                     Session                    driver
//!  | Inform ------------->|-- Inform ---------------->| makes events and values durable
//!  |<-- InformResponse ---|<-- handle_durable --------|
//!  | TransferComplete --->|-- Notice ---------------->| makes it durable
//!  |<-- …Response --------|<-- handle_durable --------|
//!  | (empty) ------------>|-- Next ------------------>| chooses, makes the sending durable
//!  |<-- Reboot -----------|<-- handle_work(request) --|
//!  | RebootResponse ----->|-- Answered, Next -------->| chooses
//!  |<-- 204 --------------|<-- handle_work(none) -----|
//! ```
//!
//! A request that left and was not answered is named when the session ends: it may have run.
//!
//! Clause by clause, with the test of each: `docs/protocols/cwmp.md`.

pub mod diagnostics;
pub mod plan;

mod api;
mod end;
mod machine;
mod options;
mod version;

pub use api::{
    AcsRequest, CpeNotice, Deadline, InformFacts, NotAsked, NotSent, Outcome, Output, Post, Reply, RequestHandle,
    Stored, Timer,
};
pub use end::EndReason;
pub use machine::{Counts, Session};
pub use options::SessionOptions;
