//! `[relay]` for the relay server.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use sangam_auth::turn::RestSecrets;
use sangam_config::sections::relay::{self as sections, Relay};
use sangam_config::{AlternateServer, Config, Network};
use sangam_control::RelayEvents;
use sangam_relay_server::{
    Alternate, Alternates, IpRange, Lifetimes, Limits, Live, NonceSecret, Options, Redirect, RelayAddress,
    SocketBuffers,
};

use crate::host_addresses::Machine;

/// Everything the relay is told at its start.
pub(crate) fn relay_options(
    config: &Config,
    machine: &Machine,
    secrets: Arc<ArcSwap<RestSecrets>>,
    nonce_secret: [u8; 32],
) -> Options {
    let relay = &config.relay;
    let listen = relay.listen.iter().map(|addr| addr.get()).collect();
    let defaults = Options::new(listen, relay.realm.clone(), secrets, NonceSecret(nonce_secret));
    let buffers = |bytes: usize| Some(bytes);
    Options {
        threads: if relay.threads == 0 {
            thread::available_parallelism().map_or(1, usize::from)
        } else {
            relay.threads
        },
        relay_addresses: relay_addresses(relay, machine),
        ports: relay.min_port..=relay.max_port,
        offers_password_algorithms: relay.password_algorithms,
        offers_username_anonymity: relay.userhash,
        live: relay_live(relay, machine),
        lifetimes: Lifetimes { allocation_max: relay.allocation_lifetime_max.get(), ..Lifetimes::default() },
        mobility: relay.mobility,
        stream_listen: relay.tcp_addrs().into_iter().chain(relay.tls_addrs(config.tls.is_configured())).collect(),
        connection_idle: relay.connection_idle_timeout.get(),
        connection_queue_bytes: relay.connection_queue_bytes.as_usize(),
        arrivals_queue: relay.arrivals_max,
        has_trusted_proxy: !config.http.trusted_proxies.is_empty(),
        listen_buffers: SocketBuffers {
            receive_bytes: buffers(relay.listen_buffer_bytes.as_usize()),
            send_bytes: buffers(relay.listen_buffer_bytes.as_usize()),
        },
        relay_buffers: SocketBuffers {
            receive_bytes: buffers(relay.relay_buffer_bytes.as_usize()),
            ..defaults.relay_buffers
        },
        datagram_bytes_max: relay.datagram_bytes_max.as_usize(),
        handover_queue: relay.handover_queue_max,
        thread_hang_limit: relay.thread_hang_limit.get(),
        thread_restart_delay_max: relay.thread_restart_delay_max.get(),
        hung_threads_max: relay.hung_threads_max,
        events: Arc::new(RelayEvents::new(relay.event_queue_max, relay.event_subscribers_max)),
        rate_interval: relay.rate_interval.get(),
        log_lines_per_second: relay.log_lines_per_sec,
        ..defaults
    }
}

/// What a reload can replace.
pub(crate) fn relay_live(relay: &Relay, machine: &Machine) -> Live {
    Live {
        allowed_peers: relay.allow_peers.iter().map(ip_range).collect(),
        denied_peers: relay.deny_peers.iter().map(ip_range).collect(),
        own_addresses: machine.addresses.clone(),
        alternates: alternates(relay),
        limits: Limits {
            allocations: relay.allocations_max,
            allocations_per_user: relay.allocations_per_user_max,
            permissions: relay.permissions_max,
            channels: relay.channels_max,
            opening: relay.opening_max,
            reservations: relay.reservations_max,
            pending_requests: relay.pending_requests_max,
            pending_request_bytes: relay.pending_request_bytes_max.as_usize(),
            challenges_per_second: Some(relay.challenges_per_sec).filter(|rate| *rate > 0),
            allocation_bytes_per_second: NonZeroU64::new(relay.allocation_bytes_per_sec.get()),
            bytes_per_second: NonZeroU64::new(relay.bytes_per_sec.get()),
        },
    }
}

fn alternates(relay: &Relay) -> Alternates {
    let servers = |servers: &[AlternateServer]| {
        let alternate = |server: &AlternateServer| Alternate { address: server.address, domain: server.name.clone() };
        servers.iter().map(alternate).collect()
    };
    Alternates {
        plain: servers(&relay.alternate_servers),
        tls: servers(&relay.alternate_servers_tls),
        redirect: match relay.redirect {
            sections::Redirect::WhenFull => Redirect::WhenFull,
            sections::Redirect::Always => Redirect::Always,
        },
    }
}

fn ip_range(network: &Network) -> IpRange {
    IpRange::prefix(network.get().addr(), network.get().prefix_len())
}

/// Where relayed addresses are opened and how the world sees them.
fn relay_addresses(relay: &Relay, machine: &Machine) -> Vec<RelayAddress> {
    let mut bound = relay.relay_ip.clone();
    if bound.is_empty() {
        for addr in &relay.listen {
            bound.extend(bound_for(addr.get(), machine));
        }
    }
    let mut addresses: Vec<RelayAddress> = Vec::new();
    for ip in bound {
        if !addresses.iter().any(|address| address.bound == ip) {
            addresses.push(RelayAddress { bound: ip, external: external_of(relay, ip) });
        }
    }
    addresses
}

/// A listener on all addresses relays from the one that leads to the world.
fn bound_for(listen: SocketAddr, machine: &Machine) -> Option<IpAddr> {
    if listen.ip().is_unspecified() { machine.main_address(listen.is_ipv4()) } else { Some(listen.ip()) }
}

fn external_of(relay: &Relay, bound: IpAddr) -> IpAddr {
    let of_this = relay.external_ip.iter().find(|ip| ip.local == Some(bound));
    let of_family =
        || relay.external_ip.iter().find(|ip| ip.local.is_none() && ip.external.is_ipv4() == bound.is_ipv4());
    of_this.or_else(of_family).map_or(bound, |ip| ip.external)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use sangam_config::{ByteSize, Setting, Sources, load};

    use super::*;
    use crate::options::auth::{long_term_users, rest_secrets_of};

    fn machine() -> Machine {
        Machine {
            addresses: ["10.0.0.5", "127.0.0.1", "172.17.0.1", "::1"].iter().map(|ip| ip.parse().unwrap()).collect(),
            route_v4: Some("10.0.0.5".parse().unwrap()),
            route_v6: None,
        }
    }

    fn config(settings: &[(&str, &str)]) -> Config {
        let settings = settings.iter().map(|(key, value)| Setting::of_flag("--set", key, *value)).collect();
        let default_file = PathBuf::from("/nonexistent/sangam.toml");
        let environment = BTreeMap::new();
        load(&Sources { file: None, default_file, environment: &environment, settings }).unwrap().config
    }

    fn check(settings: &[(&str, &str)], expected: &[&str]) {
        let found: Vec<String> = relay_addresses(&config(settings).relay, &machine())
            .iter()
            .map(|address| format!("{} as {}", address.bound, address.external))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit_and_sizes_have_units() {
        let mut relay = Relay::default();
        let machine = Machine { addresses: Vec::new(), route_v4: None, route_v6: None };
        let rates = |relay: &Relay| {
            let limits = relay_live(relay, &machine).limits;
            [limits.allocation_bytes_per_second, limits.bytes_per_second].map(|rate| rate.map(NonZeroU64::get))
        };
        assert_eq!(rates(&relay), [None, None]);
        relay.allocation_bytes_per_sec = ByteSize::from_kib(64);
        relay.bytes_per_sec = ByteSize::from_bytes(125_000);
        assert_eq!(rates(&relay), [Some(65_536), Some(125_000)]);
    }

    #[test]
    fn relayed_addresses_are_opened_where_the_relay_listens() {
        check(&[], &["127.0.0.1 as 127.0.0.1"]);
        check(&[("relay.listen", "10.0.0.5:3478,10.0.0.5:80")], &["10.0.0.5 as 10.0.0.5"]);
        check(&[("relay.relay_ip", "10.0.0.5,::1")], &["10.0.0.5 as 10.0.0.5", "::1 as ::1"]);
    }

    #[test]
    fn what_challenges_offer_is_the_operators_choice_and_long_term_users_are_found_by_their_hash() {
        for (password_algorithms, userhash) in [(true, false), (false, true)] {
            let config = config(&[
                ("relay.password_algorithms", if password_algorithms { "true" } else { "false" }),
                ("relay.userhash", if userhash { "true" } else { "false" }),
                ("relay.users", "alice:a password nobody guesses 7591"),
            ]);
            let secrets = Arc::new(ArcSwap::from_pointee(
                rest_secrets_of(&[sangam_config::Secret::new("a secret of some length")]).unwrap(),
            ));
            let options = relay_options(&config, &machine(), secrets, [0; 32]);
            assert_eq!(options.offers_password_algorithms, password_algorithms);
            assert_eq!(options.offers_username_anonymity, userhash);
            let realm = &config.relay.realm;
            let hash = sangam_auth::turn::userhash("alice", realm);
            assert_eq!(long_term_users(&config.relay).unwrap().name_of(&hash, realm), Some("alice"));
        }
        let defaults = config(&[]).relay;
        assert!(defaults.password_algorithms && !defaults.userhash);
    }

    #[test]
    fn a_listener_on_all_addresses_relays_from_the_one_that_leads_to_the_world() {
        check(&[("server.lan", "true")], &["10.0.0.5 as 10.0.0.5"]);
        check(&[("relay.listen", "0.0.0.0:1,[::]:1")], &["10.0.0.5 as 10.0.0.5", "::1 as ::1"]);
    }

    #[test]
    fn an_external_address_stands_for_its_local_one_or_for_its_family() {
        check(
            &[
                ("relay.relay_ip", "10.0.0.5,172.17.0.1,::1"),
                ("relay.external_ip", "198.51.100.1,198.51.100.2/172.17.0.1"),
            ],
            &["10.0.0.5 as 198.51.100.1", "172.17.0.1 as 198.51.100.2", "::1 as ::1"],
        );
    }
}
