use std::net::IpAddr;

use sangam_types::Mono;

use crate::api::Route;

/// Leave to exchange data with every port of one peer address (RFC 8656 §9).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permission {
    /// In the form that tables use.
    pub(crate) peer: IpAddr,
    pub(crate) route: Route,
    pub(crate) expires: Mono,
}

impl Permission {
    pub(crate) fn is_alive(&self, now: Mono) -> bool {
        now < self.expires
    }
}
