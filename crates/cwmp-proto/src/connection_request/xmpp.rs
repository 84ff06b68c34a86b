//! The connection request over XMPP (TR-069 Amendment 6 Annex K): an iq with user name and password to the CPE's full JID, through a
//! server that both are connected with. We are a component of that server (XEP-0114), so that one connection reaches every CPE.
//!
//! [`Component`] is that connection over bytes: its driver connects, moves bytes both ways, and calls it at its deadline.

mod component;
mod condition;
mod element;
mod framer;
mod jid;
mod stanza;

pub use component::{
    CloseReason, Component, ComponentOptions, ComponentOutput, RequestOffence, XmppRequest, XmppRequestHandle,
};
pub use framer::FrameOffence;
pub use jid::{Jid, JidOffence};
