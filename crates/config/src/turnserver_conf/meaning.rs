//! Every option that coturn has had up to 4.17, and what becomes of it here.

use Meaning::{AlwaysIfOn, Foreign, ForeignIfOn, Honoured};

/// What an option of coturn is to us.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    /// Read by the translation.
    Honoured(Read),
    /// A switch that asks for what is always so: why.
    AlwaysIfOn(&'static str),
    /// An option with a value that is not honoured: why, and what to use.
    Foreign(&'static str),
    /// The same for a switch.
    ForeignIfOn(&'static str),
}

/// The options that the translation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    AllowLoopbackPeers,
    AllowedPeerIp,
    AlternateServer,
    BpsCapacity,
    Cert,
    ChannelLifetime,
    DeniedPeerIp,
    ExternalIp,
    ListeningIp,
    ListeningPort,
    LogFile,
    LtCredMech,
    MaxAllocateLifetime,
    MaxBps,
    MaxPort,
    MinPort,
    Mobility,
    NoTcp,
    NoTls,
    NoUdp,
    PermissionLifetime,
    Pkey,
    Prometheus,
    PrometheusAddress,
    PrometheusPath,
    PrometheusPort,
    Realm,
    RelayIp,
    RelayThreads,
    RestApiSeparator,
    StaleNonce,
    StaticAuthSecret,
    TcpProxyPort,
    TlsAlternateServer,
    TlsListeningPort,
    TotalQuota,
    UseAuthSecret,
    User,
    UserQuota,
    VerboseExtra,
}

/// What `option` is, if coturn knows it.
pub(super) fn meaning_of(option: &str) -> Option<Meaning> {
    let at = MEANINGS.binary_search_by_key(&option, |(name, _)| name).ok()?;
    MEANINGS.get(at).map(|(_, meaning)| *meaning)
}

/// Every name there is, for the nearest one.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().map(|(name, _)| *name)
}

/// The long name of an option that coturn's command line has a letter for.
pub(super) fn long_name(letter: &str) -> Option<&'static str> {
    LETTERS.iter().find(|(known, _)| *known == letter).map(|(_, long)| *long)
}

const LETTERS: [(&str, &str); 28] = [
    ("A", "allocation-default-address-family"),
    ("B", "bps-capacity"),
    ("C", "rest-api-separator"),
    ("E", "relay-ip"),
    ("J", "mongo-userdb"),
    ("K", "keep-address-family"),
    ("L", "listening-ip"),
    ("M", "mysql-userdb"),
    ("N", "redis-userdb"),
    ("O", "redis-statsdb"),
    ("Q", "total-quota"),
    ("S", "stun-only"),
    ("V", "Verbose"),
    ("X", "external-ip"),
    ("a", "lt-cred-mech"),
    ("b", "userdb"),
    ("d", "listening-device"),
    ("e", "psql-userdb"),
    ("f", "fingerprint"),
    ("i", "relay-device"),
    ("l", "log-file"),
    ("m", "relay-threads"),
    ("o", "daemon"),
    ("p", "listening-port"),
    ("q", "user-quota"),
    ("r", "realm"),
    ("s", "max-bps"),
    ("u", "user"),
];

const BALANCING: &str = "each relay thread has sockets of its own and the kernel spreads the clients";
const CLI: &str = "there is no telnet console; `/api/v1/relay` and `/metrics` show and do what it did";
const DATABASE: &str = "users and secrets are not read from a database; write them here as `user=` and `static-auth-secret=`, or in `relay.users_file` and `relay.secrets_file`";
const DEVICE: &str = "addresses are named, not devices; use `listening-ip` and `relay-ip`";
const DIFFIE_HELLMAN: &str = "TLS agrees on keys over elliptic curves only, in their order of strength";
const DTLS: &str = "there is no DTLS listener";
const LOGS: &str = "logs go to standard error, one JSON line each off a terminal; see `log.format`";
const OAUTH: &str = "there are no third-party tokens (RFC 7635); use `static-auth-secret`";
const ORIGINS: &str = "there is one realm, whatever the origin";
const PROCESS: &str = "the process stays in the foreground as the user who starts it; the service manager decides the rest (systemd: `User=`, `PIDFile=`)";
const RFC5780: &str = "one address and port answer; NAT behaviour discovery (RFC 5780) is not offered";
const SOCKETS: &str = "sockets are tuned by `relay.listen_buffer_bytes` and `relay.relay_buffer_bytes`";
const STUN: &str = "STUN and TURN are always both offered on every relay listener";
const TLS_NEW: &str = "TLS 1.2 and 1.3 are spoken and nothing older";
const WEB: &str = "the dashboard and the administration API are at `http.listen`";

/// By name.
const MEANINGS: [(&str, Meaning); 138] = [
    ("CA-file", Foreign("clients are not asked for certificates")),
    ("Verbose", Honoured(Read::VerboseExtra)),
    ("acme-redirect", Foreign("plain HTTP is not redirected; point the ACME client at the web server")),
    (
        "allocation-default-address-family",
        Foreign("without REQUESTED-ADDRESS-FAMILY the relayed address is IPv4 (RFC 8656 §7.2)"),
    ),
    ("allow-loopback-peers", Honoured(Read::AllowLoopbackPeers)),
    ("allowed-peer-ip", Honoured(Read::AllowedPeerIp)),
    ("alt-listening-port", Foreign(RFC5780)),
    ("alt-tls-listening-port", Foreign(RFC5780)),
    ("alternate-server", Honoured(Read::AlternateServer)),
    ("aux-server", Foreign("write every listener as a `listening-ip`, or in `relay.listen`")),
    ("bps-capacity", Honoured(Read::BpsCapacity)),
    ("cert", Honoured(Read::Cert)),
    ("channel-lifetime", Honoured(Read::ChannelLifetime)),
    ("check-origin-consistency", ForeignIfOn(ORIGINS)),
    ("cipher-list", Foreign("the cipher suites are the library's safe ones and cannot be chosen")),
    ("cli", ForeignIfOn(CLI)),
    ("cli-ip", Foreign(CLI)),
    ("cli-max-output-sessions", Foreign(CLI)),
    ("cli-password", Foreign(CLI)),
    ("cli-port", Foreign(CLI)),
    ("cpus", Foreign("`relay.threads` says how many relay threads there are")),
    ("daemon", ForeignIfOn(PROCESS)),
    ("db", Foreign(DATABASE)),
    ("denied-peer-ip", Honoured(Read::DeniedPeerIp)),
    ("dh-file", Foreign(DIFFIE_HELLMAN)),
    ("dh1066", ForeignIfOn(DIFFIE_HELLMAN)),
    ("dh2066", ForeignIfOn(DIFFIE_HELLMAN)),
    ("dh566", ForeignIfOn(DIFFIE_HELLMAN)),
    ("drain-min-allocations", Foreign("on SIGTERM the relay waits up to `relay.drain_limit` for every allocation")),
    ("dtls", ForeignIfOn(DTLS)),
    ("ec-curve-name", Foreign(DIFFIE_HELLMAN)),
    ("external-ip", Honoured(Read::ExternalIp)),
    ("fingerprint", AlwaysIfOn("who sends a fingerprint gets one (RFC 8489 §7)")),
    (
        "keep-address-family",
        ForeignIfOn("without REQUESTED-ADDRESS-FAMILY the relayed address is IPv4 (RFC 8656 §7.2)"),
    ),
    ("listening-device", Foreign(DEVICE)),
    ("listening-ip", Honoured(Read::ListeningIp)),
    ("listening-port", Honoured(Read::ListeningPort)),
    ("log-binding", ForeignIfOn("Binding requests are counted in `/metrics`, not logged")),
    ("log-file", Honoured(Read::LogFile)),
    ("log-min-level", Foreign("set `log.level`")),
    ("lt-cred-mech", Honoured(Read::LtCredMech)),
    ("max-allocate-lifetime", Honoured(Read::MaxAllocateLifetime)),
    (
        "max-allocate-timeout",
        Foreign("nothing is kept for a client before it has shown a credential, so nothing times out"),
    ),
    ("max-bps", Honoured(Read::MaxBps)),
    ("max-port", Honoured(Read::MaxPort)),
    ("min-port", Honoured(Read::MinPort)),
    ("mobility", Honoured(Read::Mobility)),
    ("mongo-userdb", Foreign(DATABASE)),
    ("multiplex-peer", ForeignIfOn("each allocation has a relay socket of its own")),
    ("multiplex-peer-max-peers", Foreign("each allocation has a relay socket of its own")),
    ("multiplex-peer-port", Foreign("each allocation has a relay socket of its own")),
    ("mysql-userdb", Foreign(DATABASE)),
    ("ne", Foreign(BALANCING)),
    ("new-log-timestamp", AlwaysIfOn("times in the log are RFC 3339")),
    ("new-log-timestamp-format", Foreign("times in the log are RFC 3339")),
    (
        "no-auth",
        ForeignIfOn("nobody is relayed for without a credential; an open relay is found and abused within hours"),
    ),
    ("no-auth-pings", AlwaysIfOn(DATABASE)),
    ("no-cli", AlwaysIfOn(CLI)),
    ("no-dtls", AlwaysIfOn(DTLS)),
    ("no-dynamic-ip-list", AlwaysIfOn("peer policy comes from the configuration alone")),
    ("no-dynamic-realms", AlwaysIfOn(ORIGINS)),
    ("no-loopback-peers", AlwaysIfOn("peers on loopback are denied, in every spelling")),
    ("no-multicast-peers", AlwaysIfOn("multicast peers are denied, and so is all that is not the public Internet")),
    ("no-rfc5780", AlwaysIfOn(RFC5780)),
    ("no-software-attribute", AlwaysIfOn("answers tell no version")),
    ("no-sslv2", AlwaysIfOn(TLS_NEW)),
    ("no-sslv3", AlwaysIfOn(TLS_NEW)),
    ("no-stdout-log", AlwaysIfOn(LOGS)),
    ("no-stun", ForeignIfOn(STUN)),
    ("no-stun-backward-compatibility", AlwaysIfOn("requests without the magic cookie (RFC 3489) are dropped")),
    ("no-tcp", Honoured(Read::NoTcp)),
    ("no-tcp-relay", AlwaysIfOn("peers are reached over UDP only (RFC 6062 is not offered)")),
    ("no-tls", Honoured(Read::NoTls)),
    ("no-tlsv1", AlwaysIfOn(TLS_NEW)),
    ("no-tlsv1_1", AlwaysIfOn(TLS_NEW)),
    ("no-tlsv1_2", ForeignIfOn(TLS_NEW)),
    ("no-udp", Honoured(Read::NoUdp)),
    ("no-udp-relay", ForeignIfOn("UDP is all that is relayed; to relay nothing, leave `relay` out of `server.roles`")),
    ("oauth", ForeignIfOn(OAUTH)),
    ("permission-lifetime", Honoured(Read::PermissionLifetime)),
    ("pidfile", Foreign(PROCESS)),
    ("pkey", Honoured(Read::Pkey)),
    (
        "pkey-pwd",
        Foreign("the key file must not be encrypted; write it anew with `openssl pkey`, readable by this user alone"),
    ),
    ("proc-group", Foreign(PROCESS)),
    ("proc-user", Foreign(PROCESS)),
    ("prod", AlwaysIfOn("answers tell no version")),
    ("prometheus", Honoured(Read::Prometheus)),
    ("prometheus-address", Honoured(Read::PrometheusAddress)),
    ("prometheus-path", Honoured(Read::PrometheusPath)),
    ("prometheus-port", Honoured(Read::PrometheusPort)),
    ("prometheus-tls", ForeignIfOn("this listener speaks plain HTTP; `http.listen` has `/metrics` with TLS")),
    ("prometheus-username-labels", ForeignIfOn("no label of `/metrics` grows with the number of users")),
    ("psql-userdb", Foreign(DATABASE)),
    ("raw-public-keys", ForeignIfOn("TLS shows certificates only")),
    ("realm", Honoured(Read::Realm)),
    ("redis-statsdb", Foreign("the events of sessions are followed at `/api/v1/relay/events`")),
    ("redis-userdb", Foreign(DATABASE)),
    ("relay-device", Foreign(DEVICE)),
    ("relay-ip", Honoured(Read::RelayIp)),
    ("relay-threads", Honoured(Read::RelayThreads)),
    ("respond-http-unsupported", ForeignIfOn("HTTP is served at `http.listen`")),
    ("response-origin-only-with-rfc5780", AlwaysIfOn("RESPONSE-ORIGIN is not sent")),
    ("rest-api-separator", Honoured(Read::RestApiSeparator)),
    ("rfc5780", ForeignIfOn(RFC5780)),
    ("secret-key-file", Foreign(DATABASE)),
    ("secure-stun", ForeignIfOn("Binding requests are answered without a credential")),
    ("server-name", Foreign(OAUTH)),
    ("server-relay", ForeignIfOn("UDP relays of a server behind TURN are not offered")),
    ("simple-log", AlwaysIfOn("`log.file` is written as it is named; `log.rotation` says when a new one is begun")),
    ("sock-buf-size", Foreign(SOCKETS)),
    ("software-attribute", ForeignIfOn("answers tell no version")),
    ("sql-userdb", Foreign(DATABASE)),
    ("stale-nonce", Honoured(Read::StaleNonce)),
    ("stateless-nonce", AlwaysIfOn("nonces are checked without keeping any")),
    ("stateless-nonce-secret", Foreign("the nonce secret is generated in the data directory")),
    ("static-auth-secret", Honoured(Read::StaticAuthSecret)),
    ("stun-only", ForeignIfOn(STUN)),
    ("syslog", ForeignIfOn(LOGS)),
    ("syslog-facility", Foreign(LOGS)),
    ("tcp-proxy-port", Honoured(Read::TcpProxyPort)),
    ("tls-alternate-server", Honoured(Read::TlsAlternateServer)),
    ("tls-listening-port", Honoured(Read::TlsListeningPort)),
    ("total-quota", Honoured(Read::TotalQuota)),
    ("udp-gso", ForeignIfOn(SOCKETS)),
    ("udp-recvmmsg", AlwaysIfOn("datagrams are received and sent in batches")),
    ("udp-self-balance", AlwaysIfOn(BALANCING)),
    ("unauthorized-ratelimit", AlwaysIfOn("challenges are limited by `relay.challenges_per_sec`")),
    (
        "unauthorized-ratelimit-rps",
        Foreign("`relay.challenges_per_sec` limits challenges to one network, not to one address; set it there"),
    ),
    ("use-auth-secret", Honoured(Read::UseAuthSecret)),
    ("user", Honoured(Read::User)),
    ("user-quota", Honoured(Read::UserQuota)),
    ("userdb", Foreign(DATABASE)),
    ("verbose", AlwaysIfOn("each allocation and refusal is a line of the log")),
    ("version", ForeignIfOn("`sangam --version` prints it")),
    ("web-admin", ForeignIfOn(WEB)),
    ("web-admin-ip", Foreign(WEB)),
    ("web-admin-listen-on-workers", ForeignIfOn(WEB)),
    ("web-admin-port", Foreign(WEB)),
];

/// The page with a row for each option: what becomes of it, and why or as which key of ours.
#[must_use]
pub fn option_table() -> String {
    let mut text = String::from(
        "# Every option of a turnserver.conf\n\nGenerated by `sangam config schema --turnserver-conf`; [from coturn](from-coturn.md) says how to use it.\n\n| Option | Here | Why, or what it sets |\n|---|---|---|\n",
    );
    for (name, meaning) in &MEANINGS {
        let (here, why) = match meaning {
            Honoured(read) => read.described(),
            AlwaysIfOn(why) => ("so anyway", *why),
            Foreign(why) | ForeignIfOn(why) => ("not honoured", *why),
        };
        text.push_str(&format!("| `{name}` | {here} | {why} |\n"));
    }
    text
}

impl Read {
    /// What becomes of it, for the table.
    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::AllowLoopbackPeers => ("honoured", "127.0.0.0/8 and ::1 in `relay.allow_peers`"),
            Self::AllowedPeerIp => ("honoured", "`relay.allow_peers`; goes before what is denied, as with coturn"),
            Self::AlternateServer => ("honoured", "`relay.alternate_servers`, with `relay.redirect = \"always\"`"),
            Self::BpsCapacity => (
                "honoured",
                "`relay.bytes_per_sec`; bytes a second of all sessions together, not bits, also without `max-bps`",
            ),
            Self::Cert => ("honoured", "`tls.certificate_file`, with `pkey`; for every listener with TLS, HTTP too"),
            Self::ChannelLifetime => ("honoured", "`relay.channel_lifetime`, from 60 to 3600 seconds"),
            Self::DeniedPeerIp => {
                ("honoured", "`relay.deny_peers`; all that is not the public Internet is denied anyway")
            }
            Self::ExternalIp => ("honoured", "`relay.external_ip`, every line of it"),
            Self::ListeningIp => ("honoured", "`relay.listen`, every line of it; without one 0.0.0.0"),
            Self::ListeningPort => ("honoured", "the port of `relay.listen`"),
            Self::LogFile => ("honoured", "`log.file`"),
            Self::LtCredMech => ("so anyway", "every client shows a credential"),
            Self::MaxAllocateLifetime => ("honoured", "`relay.allocation_lifetime_max`, from 600 to 86400 seconds"),
            Self::MaxBps => (
                "honoured",
                "`relay.allocation_bytes_per_sec`; bytes a second of each session, each way apart, not bits",
            ),
            Self::MaxPort => ("honoured", "`relay.max_port`"),
            Self::MinPort => ("honoured", "`relay.min_port`"),
            Self::Mobility => ("honoured", "`relay.mobility`"),
            Self::NoTcp => ("honoured", "`relay.listen_tcp = []`"),
            Self::NoTls => ("honoured", "`relay.listen_tls = []`"),
            Self::NoUdp => ("honoured", "`relay.listen = []`, with `relay.listen_tcp` in its place"),
            Self::PermissionLifetime => ("honoured", "`relay.permission_lifetime`, from 60 to 3600 seconds"),
            Self::Pkey => ("honoured", "`tls.key_file`, with `cert`"),
            Self::Prometheus => (
                "honoured",
                "`admin.metrics_listen`, 0.0.0.0:9641; scrapers need a token or an address in `admin.allow`",
            ),
            Self::PrometheusAddress => ("honoured", "the address of `admin.metrics_listen`"),
            Self::PrometheusPath => ("so anyway if `/metrics`", "the path is `/metrics`"),
            Self::PrometheusPort => ("honoured", "the port of `admin.metrics_listen`"),
            Self::Realm => ("honoured", "`relay.realm`"),
            Self::RelayIp => ("honoured", "`relay.relay_ip`, every line of it"),
            Self::RelayThreads => ("honoured", "`relay.threads`; 0 is one thread"),
            Self::RestApiSeparator => ("so anyway if `:`", "expiry and name are parted by a colon"),
            Self::StaleNonce => ("honoured", "`relay.nonce_lifetime`, from 60 to 3600 seconds"),
            Self::StaticAuthSecret => ("honoured", "`relay.secrets`, up to four lines of it"),
            Self::TcpProxyPort => {
                ("honoured", "`relay.listen_proxy`, on each `listening-ip`; it believes `http.trusted_proxies` alone")
            }
            Self::TlsAlternateServer => {
                ("honoured", "`relay.alternate_servers_tls`, with `relay.redirect = \"always\"`")
            }
            Self::TlsListeningPort => {
                ("honoured", "the port of `relay.listen_tls`, on each `listening-ip`, with `cert`")
            }
            Self::TotalQuota => (
                "honoured",
                "`relay.allocations_max`; counts allocations of the whole server, not megabytes; beyond it 508",
            ),
            Self::UseAuthSecret => ("so anyway", "time-limited credentials are always good"),
            Self::User => ("honoured", "`relay.users`, every line of it, also with `0xKEY`"),
            Self::UserQuota => {
                ("honoured", "`relay.allocations_per_user_max`; counts allocations of one user, not megabytes")
            }
            Self::VerboseExtra => ("honoured", "`log.level = \"debug\"`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_in_order_and_each_stands_once() {
        let names: Vec<&str> = names().collect();
        assert!(names.is_sorted_by(|a, b| a < b), "binary search needs them sorted");
    }

    /// What `turnserver --help` of 4.6.1 lists and the example file that comes with it.
    #[test]
    fn every_option_of_the_version_that_debian_has_is_known() {
        for option in include_str!("../../tests/turnserver_conf/options-of-4.6.1").lines() {
            assert!(meaning_of(option).is_some(), "{option}");
        }
    }
}
