//! `[signal]` and `[ice]` for the signaling server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::Keyring;
use sangam_auth::turn::RestSecrets;
use sangam_config::Config;
use sangam_config::sections::{ice::Ice, signal::Signal, signal::socketio::Socketio};
use sangam_engineio_proto::Options as SessionOptions;
use sangam_signal_proto::RoomId;
use sangam_signal_server::dialect::rendezvous::DirectoryOptions;
use sangam_signal_server::{
    Access, IceOptions, IceServer, Limits, Live, Open, Options, RelayEndpoint, RendezvousOptions, SocketioOptions,
};
use sangam_socketio::engine::EngineOptions;
use sangam_socketio::{Options as LibraryOptions, RecoveryOptions};

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
    let rooms = &signal.rooms;
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
            presence_grace: rooms.presence_grace.get(),
            polled_grace: signal.rendezvous.presence.get(),
            rooms_max: rooms.rooms_max,
            participants_max: rooms.participants_max,
            sockets_per_participant_max: rooms.sockets_per_participant_max,
            name_bytes_max: 256,
            whole_timeout: rooms.whole_timeout.get(),
            mail_time: rooms.mail_time.get(),
            polled_mail_time: signal.rendezvous.mail_time.get(),
            mail_len_max: rooms.mail_len_max,
            mail_bytes_max: rooms.mail_bytes_max.as_usize(),
            sender_mail_len_max: rooms.sender_mail_len_max,
            sender_mail_bytes_max: rooms.sender_mail_bytes_max.as_usize(),
            mail_total_bytes_max: rooms.mail_total_bytes_max.as_usize(),
            kept_bytes_max: rooms.kept_bytes_max.as_usize(),
            kept_total_bytes_max: rooms.kept_total_bytes_max.as_usize(),
            timer_tick: rooms.timer_tick.get(),
            end_on_expiry: rooms.end_on_expiry.then(|| "the time is over".into()),
        },
        limits: Limits {
            sockets_max: signal.sockets_max,
            sockets_per_address_max: signal.sockets_per_address_max,
            openings_per_sec: signal.openings_per_sec,
            openings_burst: signal.openings_burst,
            message_bytes_max: signal.message_bytes_max.as_usize(),
            outgoing_bytes_max: signal.outgoing_bytes_max.as_usize(),
            queue_len_max: signal.queue_len_max,
            write_timeout: signal.write_timeout.get(),
            messages_per_sec: signal.messages_per_sec,
            messages_burst: signal.messages_burst,
            tickets_max: signal.tickets_max,
            drain_limit: signal.drain_limit.get(),
            drain_hint: signal.drain_hint.clone(),
        },
        json_room: room(&signal.json.room),
        rendezvous: RendezvousOptions {
            room: room(&signal.rendezvous.room),
            hold: signal.rendezvous.hold.get(),
            directory: DirectoryOptions {
                lasts: signal.rendezvous.url_lasts.get(),
                urls_max: signal.rendezvous.urls_max,
                urls_per_owner_max: signal.rendezvous.urls_per_owner_max,
            },
        },
        socketio: socketio_options(&signal.socketio, signal.drain_limit.get()),
        live,
    }
}

fn socketio_options(socketio: &Socketio, drain_limit: Duration) -> SocketioOptions {
    let session = SessionOptions {
        ping_interval: socketio.ping_interval.get(),
        ping_timeout: socketio.ping_timeout.get(),
        payload_bytes_max: socketio.message_bytes_max.as_usize(),
        queue_bytes_max: socketio.outgoing_bytes_max.as_usize(),
        ..SessionOptions::default()
    };
    let recovery = RecoveryOptions {
        window: socketio.recovery.get(),
        log_entries_max: socketio.recovery_events_max,
        log_bytes_max: socketio.recovery_bytes_max.as_usize(),
    };
    SocketioOptions {
        engine: EngineOptions {
            session,
            sessions_max: socketio.sessions_max,
            sessions_per_address_max: socketio.sessions_per_address_max,
            openings_per_sec: socketio.openings_per_sec,
            openings_burst: socketio.openings_burst,
            messages_per_sec: socketio.messages_per_sec,
            messages_burst: socketio.messages_burst,
            outgoing_bytes_max: socketio.outgoing_bytes_max.as_usize(),
            drain_limit,
            ..EngineOptions::default()
        },
        library: LibraryOptions {
            // The guide's own server recovers nobody.
            recovery: (!recovery.window.is_zero() && !socketio.strict).then_some(recovery),
            outbox_bytes_max: socketio.outgoing_bytes_max.as_usize(),
            ..LibraryOptions::default()
        },
        // Whatever a client may send at once finds a place while the rooms have no time for it.
        backlog_len_max: usize::try_from(socketio.messages_burst).unwrap_or(usize::MAX),
        strict: socketio.strict,
        ..SocketioOptions::default()
    }
}

/// The section has checked it.
fn room(name: &str) -> RoomId {
    RoomId::parse(name).unwrap_or_else(|_| RoomId::main())
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
        access: Access { open: open(&config.signal, settled.lan), keyring: Some(Arc::new(keyring)) },
        ice: ice_options(&config.ice, settled, relay),
    }
}

fn open(signal: &Signal, lan: bool) -> Open {
    let json = signal.open.unwrap_or(lan);
    Open { json, socketio: signal.socketio.open.unwrap_or(json), rendezvous: signal.rendezvous.open.unwrap_or(json) }
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
