use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;

use super::context::Context;
use super::place::Place;

/// The URL at which others reach this node if it listens on `port` and they are where `server` is: the address from which we would
/// talk to it. Nothing is sent for it.
pub(super) async fn towards(server: &str, port: u16) -> Option<String> {
    let place = Place::of(&server.parse().ok()?)?;
    let address = place.addresses().await.ok()?.into_iter().next()?;
    let unspecified: SocketAddr = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
    let socket = UdpSocket::bind(unspecified).await.ok()?;
    socket.connect(address).await.ok()?;
    of(socket.local_addr().ok()?.ip(), port)
}

/// The URL by which others on the LAN may reach this node: by the address that multicasts leave from, else by the first of the
/// interfaces, IPv4 before IPv6.
pub(super) async fn on_lan(port: u16, with_loopback: bool) -> Option<String> {
    match towards(MULTICAST, port).await {
        Some(url) if !url.starts_with("http://127.") => Some(url),
        Some(_) | None => by_interfaces(port, with_loopback),
    }
}

/// Finds our URL at the start where neither the configuration nor a server tells it: others are to be told where we are before they
/// ask, with multicast DNS or without.
pub(super) async fn find(context: Arc<Context>) {
    let options = &context.options;
    let port = context.us.borrow().port;
    let is_told = context.given_url.is_some() || !options.rendezvous.is_empty() || !options.bootstrap.is_empty();
    if !is_told
        && port != 0
        && let Some(url) = on_lan(port, options.mdns.loopback).await
    {
        context.take_url(&url).await;
    }
}

/// Whether the host of this URL is an address of this host.
pub(super) fn is_on_this_host(url: &str) -> bool {
    let address = url.parse().ok().and_then(|uri| Place::of(&uri)?.host.parse::<IpAddr>().ok());
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    address.is_some_and(|address| interfaces.iter().any(|interface| interface.ip() == address))
}

/// Where multicast DNS goes (RFC 6762 §3), as a URL.
const MULTICAST: &str = "http://224.0.0.251:5353";

fn by_interfaces(port: u16, with_loopback: bool) -> Option<String> {
    let interfaces = if_addrs::get_if_addrs().ok()?;
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    // A link-local IPv6 address means nothing without its interface.
    addresses.retain(|address| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => !v6.is_unicast_link_local(),
    });
    addresses.retain(|address| with_loopback || !address.is_loopback());
    addresses.sort_by_key(|address| (address.is_loopback(), address.is_ipv6()));
    of(*addresses.first()?, port)
}

fn of(address: IpAddr, port: u16) -> Option<String> {
    (port != 0).then(|| format!("http://{}", SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn towards_a_server_on_this_host_the_url_is_on_this_host() {
        assert_eq!(towards("http://127.0.0.1:9", 8000).await.as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(towards("http://127.0.0.1:9", 0).await, None);
        assert_eq!(towards("nonsense", 8000).await, None);
    }

    #[test]
    fn an_address_of_another_host_is_not_on_this_one() {
        assert!(is_on_this_host("http://127.0.0.1:8000"));
        assert!(!is_on_this_host("http://192.0.2.1:8000"));
        assert!(!is_on_this_host("http://localhost:8000"));
    }
}
