use std::net::SocketAddr;
use std::time::Duration;

use sangam_types::Mono;

use crate::api::Route;

/// A number that stands for one peer's transport address (RFC 8656 §12).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    /// In the form that tables use.
    pub(crate) peer: SocketAddr,
    pub(crate) expires: Mono,
    pub(crate) number: u16,
    pub(crate) route: Route,
}

impl Channel {
    pub(crate) fn is_alive(&self, now: Mono) -> bool {
        now < self.expires
    }

    /// Whether number and peer are still kept from being bound otherwise: alive, or ended less than `rest` ago.
    pub(crate) fn is_held(&self, now: Mono, rest: Duration) -> bool {
        now < self.expires + rest
    }
}
