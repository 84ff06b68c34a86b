//! `[relay]` for the relay server.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use sangam_auth::turn::RestSecrets;
use sangam_config::sections::relay::{self as sections, Relay};
use sangam_config::{AlternateServer, Config, ExternalIp, Network};
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
    detected: &dyn Fn(IpAddr) -> Option<IpAddr>,
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
        relay_addresses: relay_addresses(relay, machine, detected),
        ports: relay.min_port..=relay.max_port,
        offers_password_algorithms: relay.password_algorithms,
        offers_username_anonymity: relay.userhash,
        live: relay_live(relay, machine),
        lifetimes: Lifetimes {
            allocation_max: relay.allocation_lifetime_max.get(),
            permission: relay.permission_lifetime.get(),
            channel: relay.channel_lifetime.get(),
            ..Lifetimes::default()
        },
        mobility: relay.mobility,
        nonce_lifetime: relay.nonce_lifetime.get(),
        stream_listen: stream_addrs(relay, config.tls.is_configured()),
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
        allowed_clients: relay.allow_from.iter().map(ip_range).collect(),
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

fn stream_addrs(relay: &Relay, has_certificate: bool) -> Vec<SocketAddr> {
    [relay.tcp_addrs(), relay.tls_addrs(has_certificate), relay.proxy_addrs()].concat()
}

/// The local addresses whose external one STUN servers are asked for.
pub(crate) fn detected_addresses(relay: &Relay, machine: &Machine) -> Vec<IpAddr> {
    let is_detected = |bound: &IpAddr| external_rule(relay, *bound).is_some_and(|rule| rule.external.is_none());
    bound_addresses(relay, machine).into_iter().filter(is_detected).collect()
}

/// Where relayed addresses are opened and how the world sees them. `detected` is what STUN servers say.
fn relay_addresses(relay: &Relay, machine: &Machine, detected: &dyn Fn(IpAddr) -> Option<IpAddr>) -> Vec<RelayAddress> {
    let seen = |bound| {
        let rule = external_rule(relay, bound);
        rule.and_then(|rule| rule.external.or_else(|| detected(bound))).unwrap_or(bound)
    };
    bound_addresses(relay, machine).into_iter().map(|bound| RelayAddress { bound, external: seen(bound) }).collect()
}

/// Where relayed addresses are opened.
fn bound_addresses(relay: &Relay, machine: &Machine) -> Vec<IpAddr> {
    let mut bound = relay.relay_ip.clone();
    if bound.is_empty() {
        let udp = relay.listen.iter().map(|addr| addr.get());
        // Where all clients come over TCP or TLS, there.
        let listen = if relay.listen.is_empty() { stream_addrs(relay, true) } else { udp.collect() };
        bound.extend(listen.into_iter().filter_map(|addr| bound_for(addr, machine)));
    }
    let mut addresses = Vec::new();
    for ip in bound {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    addresses
}

/// A listener on all addresses relays from the one that leads to the world.
fn bound_for(listen: SocketAddr, machine: &Machine) -> Option<IpAddr> {
    if listen.ip().is_unspecified() { machine.main_address(listen.is_ipv4()) } else { Some(listen.ip()) }
}

/// What `relay.external_ip` says about a local address: the entry that names it, else one of its family, else one for all.
fn external_rule(relay: &Relay, bound: IpAddr) -> Option<&ExternalIp> {
    let rules = || relay.external_ip.iter();
    let of_this = rules().find(|ip| ip.local == Some(bound));
    let of_family = || {
        rules()
            .find(|ip| ip.local.is_none() && ip.external.is_some_and(|external| external.is_ipv4() == bound.is_ipv4()))
    };
    let of_all = || rules().find(|ip| ip.local.is_none() && ip.external.is_none());
    of_this.or_else(of_family).or_else(of_all)
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
        let found: Vec<String> = relay_addresses(&config(settings).relay, &machine(), &|_| "198.51.100.9".parse().ok())
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
            let options = relay_options(&config, &machine(), secrets, [0; 32], &|_| None);
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

    #[test]
    fn what_stun_servers_say_stands_for_the_addresses_that_are_to_be_found_out() {
        let detect =
            |external_ip| [("relay.relay_ip", "10.0.0.5,172.17.0.1"), ("relay.external_ip", external_ip), STUN];
        check(&detect("auto-detect"), &["10.0.0.5 as 198.51.100.9", "172.17.0.1 as 198.51.100.9"]);
        check(&detect("auto-detect/10.0.0.5"), &["10.0.0.5 as 198.51.100.9", "172.17.0.1 as 172.17.0.1"]);
        check(
            &detect("auto-detect,198.51.100.2/172.17.0.1"),
            &["10.0.0.5 as 198.51.100.9", "172.17.0.1 as 198.51.100.2"],
        );
    }

    const STUN: (&str, &str) = ("relay.stun_servers", "192.0.2.1:3478");

    #[test]
    fn where_nobody_comes_over_udp_relayed_addresses_are_opened_where_connections_come() {
        let tcp_only = [("relay.listen", ""), ("relay.listen_tcp", "10.0.0.5:3478")];
        check(&tcp_only, &["10.0.0.5 as 10.0.0.5"]);
    }
}
