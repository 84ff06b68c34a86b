mod document;
mod handler;
mod host;
mod quota;
mod ticket;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sangam_types::Now;

use crate::ice::document::{Document, DocumentError};
use crate::ice::quota::Quota;
use crate::ice::ticket::Tickets;
use crate::options::Live;

pub(crate) use crate::ice::handler::{Form, answer, preflight};
pub(crate) use crate::ice::ticket::Evicted;

/// Hands out ICE servers with fresh credentials.
#[derive(Debug)]
pub(crate) struct Ice {
    live: Arc<ArcSwap<Live>>,
    tickets: Tickets,
    anonymous: Quota,
}

/// How a client reached us: what our URLs are for it if no setting says so.
#[derive(Clone, Debug)]
pub(crate) struct Via {
    /// The host it asked for, with or without a port.
    pub(crate) host: Option<Box<str>>,
    /// The address of ours that it is connected to.
    pub(crate) local: IpAddr,
}

impl Ice {
    pub(crate) fn new(live: Arc<ArcSwap<Live>>, tickets_max: usize) -> Self {
        Self { live, tickets: Tickets::new(tickets_max), anonymous: Quota::default() }
    }

    /// What `/ice-servers` would answer to a registered participant, as members of a JSON object without its braces.
    pub(crate) fn members_for_socket(&self, via: &Via, name: &str, now: Now) -> Option<String> {
        self.document(via, name, now).ok().map(|document| document.members())
    }

    /// A ticket for one participant.
    pub(crate) fn issue_ticket(&self, name: &str, now: Now) -> (String, Evicted) {
        let live = self.live.load();
        self.tickets.issue(name, now.mono, live.ice.ticket_ttl, live.ice.ticket_uses)
    }

    fn document(&self, via: &Via, name: &str, now: Now) -> Result<Document, DocumentError> {
        Document::mint(&self.live.load().ice, via, name, now.wall)
    }
}
