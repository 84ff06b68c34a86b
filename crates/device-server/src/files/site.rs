use std::net::IpAddr;

use http::uri::Authority;
use http::{HeaderMap, header};
use sangam_net::http::{Client, Scheme};

/// How a device reaches us.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Where it came from.
    pub(crate) from: IpAddr,
    /// What it calls us, as the beginning of a URL; `None`: it has not said.
    pub(crate) base: Option<Box<str>>,
}

impl Site {
    /// Longer names of hosts are none.
    const HOST_BYTES_MAX: usize = 260;

    pub(crate) fn of(headers: &HeaderMap, client: &Client) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.filter(|host| host.len() <= Self::HOST_BYTES_MAX && !host.contains('@'));
        let authority = host.and_then(|host| host.parse::<Authority>().ok());
        let scheme = if client.scheme == Scheme::Https { "https" } else { "http" };
        let base = authority.map(|authority| format!("{scheme}://{authority}").into());
        Self { from: client.addr.ip(), base }
    }
}
