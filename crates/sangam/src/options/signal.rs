//! `[signal]` and `[ice]` for the signaling server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sangam_auth::token::Keyring;
use sangam_auth::turn::RestSecrets;
use sangam_config::Config;
use sangam_config::sections::{ice::Ice, signal::Signal};
use sangam_signal_server::{Access, IceOptions, IceServer, Limits, Live, Options, RelayEndpoint};

/// What was settled when listeners were bound; a reload does not change it.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    /// Where the relay listens, if it runs here.
    pub(crate) relay: Option<SocketAddr>,
    /// The port of the relay's first TCP listener.
    pub(crate) relay_tcp_port: Option<u16>,
    /// The port of the relay's first TLS listener.
    pub(crate) relay_tls_port: Option<u16>,
    /// The relay's address as the world sees it, if it differs from what clients ask for.
    pub(crate) external_address: Option<IpAddr>,
    /// `server.lan`.
    pub(crate) lan: bool,
}

/// Everything the signaling server is told at its start.
pub(crate) fn signal_options(signal: &Signal, live: Live) -> Options {
    Options {
        rooms: sangam_signal_proto::Options {
            ping_interval: signal.ping_interval.get(),
            ping_timeout: signal.ping_timeout.get(),
            claim_timeout: signal.claim_timeout.get(),
            grace: signal.grace.get(),
            graces_max: signal.graces_max,
            ids_per_socket_max: signal.ids_per_socket_max,
            peers_max: signal.peers_max,
            held_len_max: signal.held_len_max,
            held_bytes_max: signal.held_bytes_max.as_usize(),
            held_total_bytes_max: signal.held_total_bytes_max.as_usize(),
            hold_time: signal.hold_time.get(),
            glare_window: signal.glare_window.get(),
            glare_timeout: signal.glare_timeout.get(),
        },
        limits: Limits {
            sockets_max: signal.sockets_max,
            sockets_per_address_max: signal.sockets_per_address_max,
            message_bytes_max: signal.message_bytes_max.as_usize(),
            outgoing_bytes_max: signal.outgoing_bytes_max.as_usize(),
            queue_len_max: signal.queue_len_max,
            write_timeout: signal.write_timeout.get(),
            messages_per_sec: signal.messages_per_sec,
            messages_burst: signal.messages_burst,
            tickets_max: signal.tickets_max,
            drain_limit: signal.drain_limit.get(),
        },
        live,
    }
}

/// What a reload can replace.
pub(crate) fn signal_live(config: &Config, settled: &Settled, keyring: Keyring, secrets: &RestSecrets) -> Live {
    let has_relay = settled.relay.is_some() || settled.relay_tcp_port.is_some() || settled.relay_tls_port.is_some();
    let relay = has_relay.then(|| RelayEndpoint {
        udp_port: settled.relay.map(|addr| addr.port()),
        tcp_port: settled.relay_tcp_port,
        tls_port: settled.relay_tls_port,
        secrets: Some(secrets.clone()),
    });
    Live {
        access: Access { open: config.signal.open.unwrap_or(settled.lan), keyring: Some(Arc::new(keyring)) },
        ice: ice_options(&config.ice, settled, relay),
    }
}

fn ice_options(ice: &Ice, settled: &Settled, relay: Option<RelayEndpoint>) -> IceOptions {
    let foreign = ice.servers.iter().map(|server| IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.as_ref().map(|credential| credential.expose().to_owned()),
    });
    IceOptions {
        relay,
        host: ice.host.clone(),
        external_address: settled.external_address,
        ttl: ice.ttl.get(),
        foreign: foreign.collect(),
        anonymous: ice.anonymous,
        anonymous_per_minute: ice.anonymous_per_minute,
        anonymous_addresses_max: ice.anonymous_addresses_max,
        ticket_ttl: ice.ticket_ttl.get(),
        ticket_uses: ice.ticket_uses,
    }
}

/// The address that clients should send to: the external one, or the one the relay listens on if it is neither
/// loopback nor a wildcard.
pub(crate) fn external_address(config: &Config, detected: Option<IpAddr>) -> Option<IpAddr> {
    let external = config.relay.external_ip.first().and_then(|ip| ip.external.or(detected));
    let own =
        config.relay.listen.iter().map(|addr| addr.get().ip()).find(|ip| !ip.is_loopback() && !ip.is_unspecified());
    external.or(own)
}
