use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use sangam_auth::turn::LongTermUser;
use toml::Value;

use super::line::Line;
use super::meaning::Read;
use super::peer_range::prefixes;
use super::translation::{Remark, TranslatedSetting, Translation, Verdict, switched};
use crate::values::ExternalIp;

/// What became of one line.
pub(super) enum Outcome {
    /// It sets a key.
    Honoured,
    /// It sets a key, and there is something to say.
    HonouredBut(String),
    /// It asks for what is so anyway.
    Always,
    /// It is not honoured: why, and what to use.
    NotHonoured(String),
    /// Its value cannot be used: what is wrong, and what to write.
    Mistake(String),
}

/// What the lines say so far.
#[derive(Default)]
pub(super) struct Gathered {
    one: BTreeMap<&'static str, (usize, Value)>,
    many: BTreeMap<&'static str, Vec<(usize, Value)>>,
    users: Vec<(usize, String, Value)>,
    listening_ips: Vec<(usize, IpAddr)>,
    listening_port: Option<(usize, u16)>,
    certificate: Option<(usize, String)>,
    private_key: Option<(usize, String)>,
    tls_port: Option<(usize, u16)>,
    proxy_port: Option<(usize, u16)>,
    no_udp: Option<usize>,
    metrics: Metrics,
    wants_secrets: bool,
    wants_users: bool,
}

/// coturn's listener for Prometheus.
#[derive(Default)]
struct Metrics {
    wanted: Option<usize>,
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Gathered {
    /// Reads one line of an option that is honoured.
    pub(super) fn take(&mut self, line: &Line<'_>, read: Read) -> Outcome {
        match read {
            Read::AlternateServer => self.take_alternate("relay.alternate_servers", DEFAULT_PORT, line),
            Read::TlsAlternateServer => self.take_alternate("relay.alternate_servers_tls", TLS_PORT, line),
            Read::Prometheus => switched(line, || {
                self.metrics.wanted = Some(line.number);
                Outcome::HonouredBut(SCRAPERS.to_owned())
            }),
            Read::PrometheusAddress => self.take_metrics_address(line),
            Read::PrometheusPort => self.take_metrics_port(line),
            Read::ListeningIp => self.take_listening_ip(line),
            Read::ListeningPort => self.take_listening_port(line),
            Read::RelayIp => self.take_relay_ip(line),
            Read::ExternalIp => self.take_external_ip(line),
            Read::MinPort => self.take_port("relay.min_port", line),
            Read::MaxPort => self.take_port("relay.max_port", line),
            Read::Mobility => switched(line, || self.set("relay.mobility", line, true.into())),
            Read::Realm => self.take_text("relay.realm", line),
            Read::LogFile => self.take_log_file(line),
            Read::User => self.take_user(line),
            Read::StaticAuthSecret => self.take_secret(line),
            Read::LtCredMech => switched(line, || {
                self.wants_users = true;
                Outcome::Always
            }),
            Read::UseAuthSecret => switched(line, || {
                self.wants_secrets = true;
                Outcome::Always
            }),
            Read::RestApiSeparator => rest_separator(line),
            Read::UserQuota => self.take_quota("relay.allocations_per_user_max", "of one user", line),
            Read::TotalQuota => self.take_quota("relay.allocations_max", "of the whole server", line),
            Read::MaxBps => self.take_rate("relay.allocation_bytes_per_sec", "each session", line),
            Read::BpsCapacity => self.take_rate("relay.bytes_per_sec", "all sessions together", line),
            Read::MaxAllocateLifetime => self.take_secs("relay.allocation_lifetime_max", 600..=86_400, line),
            Read::ChannelLifetime => self.take_secs("relay.channel_lifetime", 60..=3_600, line),
            Read::PermissionLifetime => self.take_secs("relay.permission_lifetime", 60..=3_600, line),
            Read::StaleNonce => self.take_secs("relay.nonce_lifetime", 60..=3_600, line),
            Read::AllowLoopbackPeers => switched(line, || self.take_loopback_peers(line)),
            Read::NoTcp => switched(line, || self.set("relay.listen_tcp", line, Value::Array(Vec::new()))),
            Read::NoTls => switched(line, || self.set("relay.listen_tls", line, Value::Array(Vec::new()))),
            Read::NoUdp => switched(line, || {
                self.no_udp = Some(line.number);
                Outcome::Honoured
            }),
            Read::TlsListeningPort => take_own_port(&mut self.tls_port, line),
            Read::TcpProxyPort => match take_own_port(&mut self.proxy_port, line) {
                Outcome::Honoured => Outcome::HonouredBut(PROXIES.to_owned()),
                other => other,
            },
            Read::PrometheusPath => metrics_path(line),
            Read::AllowedPeerIp => self.take_peers("relay.allow_peers", line),
            Read::DeniedPeerIp => self.take_peers("relay.deny_peers", line),
            Read::Cert => take_path(&mut self.certificate, line),
            Read::Pkey => take_path(&mut self.private_key, line),
            Read::RelayThreads => self.take_threads(line),
            Read::VerboseExtra => switched(line, || self.set("log.level", line, "debug".into())),
        }
    }

    /// A key with one value: the last line of several counts, as with coturn.
    fn set(&mut self, key: &'static str, line: &Line<'_>, value: Value) -> Outcome {
        match self.one.insert(key, (line.number, value)) {
            None => Outcome::Honoured,
            Some((earlier, _)) => {
                Outcome::HonouredBut(format!("it stands on line {earlier} too; this later one counts"))
            }
        }
    }

    fn add(&mut self, key: &'static str, line: &Line<'_>, value: Value) {
        let values = self.many.entry(key).or_default();
        if values.iter().all(|(_, known)| *known != value) {
            values.push((line.number, value));
        }
    }

    fn take_listening_ip(&mut self, line: &Line<'_>) -> Outcome {
        let Some(ip) = address(line) else { return no_address(line) };
        if self.listening_ips.iter().all(|(_, known)| *known != ip) {
            self.listening_ips.push((line.number, ip));
        }
        Outcome::Honoured
    }

    fn take_listening_port(&mut self, line: &Line<'_>) -> Outcome {
        match line.number().map(u16::try_from) {
            Some(Ok(port)) if port > 0 => {
                self.listening_port = Some((line.number, port));
                Outcome::Honoured
            }
            _ => no_port(),
        }
    }

    fn take_metrics_address(&mut self, line: &Line<'_>) -> Outcome {
        let Some(ip) = address(line) else { return no_address(line) };
        self.metrics.address = Some(ip);
        Outcome::Honoured
    }

    fn take_metrics_port(&mut self, line: &Line<'_>) -> Outcome {
        match line.number().map(u16::try_from) {
            Some(Ok(port)) if port > 0 => {
                self.metrics.port = Some(port);
                Outcome::Honoured
            }
            _ => no_port(),
        }
    }

    fn take_relay_ip(&mut self, line: &Line<'_>) -> Outcome {
        let Some(ip) = address(line) else { return no_address(line) };
        self.add("relay.relay_ip", line, ip.to_string().into());
        Outcome::Honoured
    }

    fn take_external_ip(&mut self, line: &Line<'_>) -> Outcome {
        let Some(ip) = ExternalIp::parse(line.value) else {
            return Outcome::Mistake(format!(
                "`{}` is not an external address; write the address that the world sees, or PUBLIC/PRIVATE, such as 198.51.100.7/10.0.0.5",
                line.value
            ));
        };
        self.add("relay.external_ip", line, ip.to_string().into());
        Outcome::Honoured
    }

    fn take_port(&mut self, key: &'static str, line: &Line<'_>) -> Outcome {
        match line.number().map(u16::try_from) {
            Some(Ok(port)) if port > 0 => self.set(key, line, i64::from(port).into()),
            _ => no_port(),
        }
    }

    fn take_text(&mut self, key: &'static str, line: &Line<'_>) -> Outcome {
        if line.value.is_empty() {
            return no_value();
        }
        let outcome = self.set(key, line, line.value.into());
        comment_in_value(line).map_or(outcome, Outcome::HonouredBut)
    }

    fn take_log_file(&mut self, line: &Line<'_>) -> Outcome {
        match line.value {
            "stdout" | "-" => Outcome::NotHonoured("logs go to standard error".to_owned()),
            "syslog" => Outcome::NotHonoured("logs go to standard error, which the service manager keeps".to_owned()),
            _ => self.take_text("log.file", line),
        }
    }

    fn take_user(&mut self, line: &Line<'_>) -> Outcome {
        let name = match LongTermUser::parse(line.value) {
            Ok(user) => user.name().to_owned(),
            Err(error) => {
                return Outcome::Mistake(format!("{error}; write user=NAME:PASSWORD, or user=NAME:0xKEY"));
            }
        };
        let earlier = self.users.iter().position(|(_, known, _)| *known == name);
        let again = earlier.map(|at| self.users.remove(at).0);
        self.users.push((line.number, name, line.value.into()));
        let again = again.map(|earlier| format!("the same user stands on line {earlier}; this later one counts"));
        again.or_else(|| comment_in_value(line)).map_or(Outcome::Honoured, Outcome::HonouredBut)
    }

    fn take_secret(&mut self, line: &Line<'_>) -> Outcome {
        if line.value.is_empty() {
            return no_value();
        }
        self.add("relay.secrets", line, line.value.into());
        comment_in_value(line).map_or(Outcome::Honoured, Outcome::HonouredBut)
    }

    /// With such a line coturn serves nobody itself.
    fn take_alternate(&mut self, key: &'static str, default_port: u16, line: &Line<'_>) -> Outcome {
        let with_port = || Some(SocketAddr::new(line.value.parse().ok()?, default_port));
        let Some(server) = line.value.parse().ok().or_else(with_port) else {
            return Outcome::Mistake(format!(
                "`{}` is not another server; write its address, or address and port, such as 192.0.2.7:3478",
                line.value
            ));
        };
        self.add(key, line, server.to_string().into());
        self.one.insert("relay.redirect", (line.number, "always".into()));
        Outcome::HonouredBut(
            "every client is sent to other servers, as coturn does; `relay.redirect = \"when_full\"` sends only those that find no room here".to_owned(),
        )
    }

    /// coturn's quotas are counts, and often taken for megabytes.
    fn take_quota(&mut self, key: &'static str, whose: &str, line: &Line<'_>) -> Outcome {
        match line.number() {
            None => no_number(),
            Some(0) => Outcome::NotHonoured(format!("there is no life without a limit; `{key}` has a default")),
            Some(count) => {
                let value = i64::try_from(count.min(QUOTA_MAX)).unwrap_or(i64::MAX);
                self.set(key, line, value.into());
                Outcome::HonouredBut(format!(
                    "it counts allocations {whose} at one time ({value}), not megabytes; `{key}` is its name here"
                ))
            }
        }
    }

    /// coturn's bandwidths are bytes a second, and mostly taken for bits.
    fn take_rate(&mut self, key: &'static str, whose: &str, line: &Line<'_>) -> Outcome {
        match line.number() {
            None => no_number(),
            Some(0) => Outcome::Always,
            Some(bytes) => {
                let bytes = bytes.min(RATE_MAX);
                self.set(key, line, i64::try_from(bytes).unwrap_or(i64::MAX).into());
                Outcome::HonouredBut(format!(
                    "it means {bytes} bytes a second of {whose}, each way apart, which is {} kbit/s; `{key}` is its name here",
                    bytes.saturating_mul(8) / 1_000
                ))
            }
        }
    }

    fn take_secs(&mut self, key: &'static str, taken: RangeInclusive<u64>, line: &Line<'_>) -> Outcome {
        match line.number() {
            None if line.value.is_empty() => Outcome::Always,
            None => no_number(),
            Some(secs) if taken.contains(&secs) => self.set(key, line, format!("{secs}s").into()),
            Some(_) => Outcome::NotHonoured(format!(
                "`{key}` takes {} to {} seconds and keeps its default",
                taken.start(),
                taken.end()
            )),
        }
    }

    /// Addresses of this machine are open only if each is named by itself.
    fn take_loopback_peers(&mut self, line: &Line<'_>) -> Outcome {
        for range in ["127.0.0.0/8", "127.0.0.1/32", "::1/128"] {
            self.add("relay.allow_peers", line, range.into());
        }
        Outcome::HonouredBut(
            "every client reaches what listens on this machine's loopback over UDP; `relay.allow_peers` is its name here"
                .to_owned(),
        )
    }

    fn take_peers(&mut self, key: &'static str, line: &Line<'_>) -> Outcome {
        let Some(prefixes) = prefixes(line.value) else {
            return Outcome::Mistake(format!(
                "`{}` is not a range of addresses; write ADDRESS or FIRST-LAST, such as 10.0.0.0-10.255.255.255",
                line.value
            ));
        };
        for prefix in prefixes {
            self.add(key, line, prefix.to_string().into());
        }
        Outcome::Honoured
    }

    fn take_threads(&mut self, line: &Line<'_>) -> Outcome {
        match line.number() {
            None => no_number(),
            // coturn then relays on its only thread.
            Some(count) => self.set("relay.threads", line, i64::try_from(count.clamp(1, 256)).unwrap_or(1).into()),
        }
    }

    /// Says it all in our keys, and what concerns the file as a whole.
    pub(super) fn finish(mut self, translation: &mut Translation) {
        self.finish_credentials(translation);
        let has_certificate = self.finish_certificate(translation);
        self.finish_listeners(has_certificate, translation);
        self.finish_metrics();
        let one = self.one.into_iter().map(|(key, (line, value))| TranslatedSetting { key, value, lines: vec![line] });
        translation.settings.extend(one);
        for (key, values) in self.many {
            let (lines, values) = values.into_iter().unzip();
            translation.settings.push(TranslatedSetting { key, value: Value::Array(values), lines });
        }
        translation.remarks.sort_by_key(|remark| remark.line.unwrap_or(usize::MAX));
    }

    fn finish_credentials(&mut self, translation: &mut Translation) {
        let has_secret = self.many.contains_key("relay.secrets");
        let has_user = !self.users.is_empty();
        let mut say = |option: &str, verdict, text: &str| {
            translation.remarks.push(Remark { line: None, option: option.to_owned(), verdict, text: text.to_owned() });
        };
        if self.wants_secrets && !has_secret {
            say(
                "use-auth-secret",
                Verdict::Honoured,
                "there is `use-auth-secret` and no `static-auth-secret`, and no database is read; the generated secret of the data directory is used",
            );
        }
        if self.wants_users && !has_user && !has_secret && !self.wants_secrets {
            say(
                "lt-cred-mech",
                Verdict::Honoured,
                "there is `lt-cred-mech` and neither `user` nor `static-auth-secret`, so coturn would serve nobody; time-limited credentials of the generated secret are taken",
            );
        }
        if has_user && (has_secret || self.wants_secrets) {
            say(
                "user",
                Verdict::Honoured,
                "there are a shared secret and users: coturn takes no users beside one, and here both kinds of credentials are good",
            );
        }
        if !self.one.contains_key("relay.realm") && self.users.iter().any(|(_, _, user)| is_key(user)) {
            say(
                "user",
                Verdict::Honoured,
                "there is a user with a key, which is good for one realm, and no `realm`: coturn took the domain of its host, `relay.realm` has another default",
            );
        }
        for (line, _, user) in std::mem::take(&mut self.users) {
            self.many.entry("relay.users").or_default().push((line, user));
        }
    }

    /// Whether there is a whole one.
    fn finish_certificate(&mut self, translation: &mut Translation) -> bool {
        let is_whole = self.certificate.is_some() && self.private_key.is_some();
        match (self.certificate.take(), self.private_key.take()) {
            (Some((cert_line, certificate)), Some((key_line, key))) => {
                self.one.insert("tls.certificate_file", (cert_line, certificate.into()));
                self.one.insert("tls.key_file", (key_line, key.into()));
            }
            (Some((line, _)), None) => translation.unhonour(line, "cert", "there is no `pkey` beside it"),
            (None, Some((line, _))) => translation.unhonour(line, "pkey", "there is no `cert` beside it"),
            (None, None) => {}
        }
        is_whole
    }

    fn finish_metrics(&mut self) {
        let Metrics { wanted: Some(line), address, port } = self.metrics else { return };
        let ip = address.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let listen = SocketAddr::new(ip, port.unwrap_or(METRICS_PORT)).to_string();
        self.many.insert("admin.metrics_listen", vec![(line, listen.into())]);
    }

    /// Without a `listening-ip` coturn listens on all addresses.
    fn finish_listeners(&mut self, has_certificate: bool, translation: &mut Translation) {
        let (port_line, port) = self.listening_port.map_or((None, DEFAULT_PORT), |(line, port)| (Some(line), port));
        let lines: Vec<usize>;
        let ips: Vec<IpAddr>;
        if self.listening_ips.is_empty() {
            (lines, ips) = (port_line.into_iter().collect(), vec![Ipv4Addr::UNSPECIFIED.into()]);
            translation.remarks.push(Remark {
                line: None,
                option: "listening-ip".to_owned(),
                verdict: Verdict::Honoured,
                text: format!("there is no `listening-ip`, so the relay listens on 0.0.0.0:{port}, as coturn would; for IPv6 write listening-ip=0.0.0.0 and listening-ip=::"),
            });
        } else {
            (lines, ips) = std::mem::take(&mut self.listening_ips).into_iter().unzip();
        }
        self.finish_streams(&ips, port, has_certificate, translation);
        let udp = if self.no_udp.is_some() { &[][..] } else { &ips };
        let lines = lines.into_iter().chain(self.no_udp).collect();
        translation.settings.push(TranslatedSetting { key: "relay.listen", value: listen_on(udp, port), lines });
    }

    /// Listeners over TCP and TLS whose place does not follow from that of UDP.
    fn finish_streams(&mut self, ips: &[IpAddr], port: u16, has_certificate: bool, translation: &mut Translation) {
        if let Some(line) = self.no_udp {
            self.one.entry("relay.listen_tcp").or_insert_with(|| (line, listen_on(ips, port)));
        }
        if let Some((line, port)) = self.proxy_port {
            self.one.insert("relay.listen_proxy", (line, listen_on(ips, port)));
        }
        let has_tls = !self.one.contains_key("relay.listen_tls");
        match self.tls_port {
            Some((line, _)) if !has_certificate => {
                translation.unhonour(line, "tls-listening-port", "there is no `cert` with its `pkey`");
            }
            Some((line, port)) if has_tls => {
                self.one.insert("relay.listen_tls", (line, listen_on(ips, port)));
            }
            Some((line, _)) => translation.unhonour(line, "tls-listening-port", "`no-tls` closes every TLS listener"),
            None if has_certificate && has_tls => {
                if let Some(line) = self.no_udp {
                    self.one.insert("relay.listen_tls", (line, listen_on(ips, TLS_PORT)));
                }
            }
            None => {}
        }
    }
}

fn listen_on(ips: &[IpAddr], port: u16) -> Value {
    Value::Array(ips.iter().map(|ip| Value::String(SocketAddr::new(*ip, port).to_string())).collect())
}

impl Translation {
    /// Takes back what was counted as honoured.
    fn unhonour(&mut self, line: usize, option: &str, text: &str) {
        self.honoured -= 1;
        let (option, text) = (option.to_owned(), text.to_owned());
        self.remarks.push(Remark { line: Some(line), option, verdict: Verdict::NotHonoured, text });
    }
}

/// The most that `relay.allocations_max` takes.
const QUOTA_MAX: u64 = 1_000_000;
/// The most that `relay.bytes_per_sec` takes: a terabit.
const RATE_MAX: u64 = 1 << 37;
/// RFC 8656 §3.1.
const DEFAULT_PORT: u16 = 3_478;
/// RFC 8656 §3.1, over TLS.
const TLS_PORT: u16 = 5_349;
/// coturn's default.
const METRICS_PORT: u16 = 9_641;
const PROXIES: &str = "each connection there begins with a PROXY v2 header; name the load balancer in `http.trusted_proxies`, or it is refused";
const SCRAPERS: &str = "`/metrics` listens by itself; scrapers on other machines need an address in `admin.allow` or a token with the scope metrics:read";

fn address(line: &Line<'_>) -> Option<IpAddr> {
    line.value.parse().ok()
}

fn no_address(line: &Line<'_>) -> Outcome {
    Outcome::Mistake(format!(
        "`{}` is not an IP address; write one alone, such as 192.0.2.7 or 2001:db8::7",
        line.value
    ))
}

fn no_port() -> Outcome {
    Outcome::Mistake("it is not a port; write a number from 1 to 65535".to_owned())
}

fn no_number() -> Outcome {
    Outcome::Mistake("it is not a number; write one".to_owned())
}

fn no_value() -> Outcome {
    Outcome::Mistake("it has no value; write one, or remove the line".to_owned())
}

/// What to say if the value seems to end in a comment. The value may be a secret.
fn comment_in_value(line: &Line<'_>) -> Option<String> {
    let text = "what follows the `#` is part of its value, as coturn reads it; write comments on lines of their own";
    line.value.contains(" #").then(|| text.to_owned())
}

fn is_key(user: &Value) -> bool {
    user.as_str().and_then(|user| user.split_once(':')).is_some_and(|(_, secret)| secret.starts_with("0x"))
}

fn take_path(path: &mut Option<(usize, String)>, line: &Line<'_>) -> Outcome {
    if line.value.is_empty() {
        return no_value();
    }
    let earlier = path.replace((line.number, line.value.to_owned()));
    match earlier {
        None => comment_in_value(line).map_or(Outcome::Honoured, Outcome::HonouredBut),
        Some((earlier, _)) => Outcome::NotHonoured(format!("it stands on line {earlier} too; this later one counts")),
    }
}

fn rest_separator(line: &Line<'_>) -> Outcome {
    // coturn takes the first character.
    if line.value.starts_with(':') || line.value.is_empty() {
        return Outcome::Always;
    }
    Outcome::NotHonoured(
        "expiry and name are parted by a colon; have clients fetch credentials from `/ice-servers`".to_owned(),
    )
}

/// coturn's metrics are at a path of its operator's choice.
fn metrics_path(line: &Line<'_>) -> Outcome {
    match line.value {
        "" | "/metrics" => Outcome::Always,
        _ => Outcome::NotHonoured("the path is `/metrics`".to_owned()),
    }
}

fn take_own_port(place: &mut Option<(usize, u16)>, line: &Line<'_>) -> Outcome {
    match line.number().map(u16::try_from) {
        Some(Ok(port)) if port > 0 => match place.replace((line.number, port)) {
            None => Outcome::Honoured,
            Some((earlier, _)) => {
                Outcome::HonouredBut(format!("it stands on line {earlier} too; this later one counts"))
            }
        },
        _ => no_port(),
    }
}
