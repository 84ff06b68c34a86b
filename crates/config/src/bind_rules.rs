//! What a bind needs: who can reach a listener decides what is refused there.
//!
//! Pure: the addresses of the machine and the judgement of secrets are handed in.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use sangam_auth::turn::LongTermUser;
use secrecy::ExposeSecret as _;

use crate::load::{Loaded, Notice};
use crate::problem::{Problem, Problems};
use crate::sections::devices::Enroll;
use crate::sections::server::Role;
use crate::values::{ListenAddr, Secret};

/// Who can reach a listener. The order is from few to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Programs of this machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193), or a link.
    Private,
    /// Perhaps everybody.
    Public,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine only",
            Self::Private => "the local network",
            Self::Public => "perhaps everybody",
        })
    }
}

/// Who can reach a listener on `bound`. A listener on all addresses is reached by whoever reaches one of `machine`, the
/// addresses of this machine; if none is known, perhaps by everybody.
#[must_use]
pub fn reach(bound: IpAddr, machine: &[IpAddr]) -> Reach {
    let bound = bound.to_canonical();
    if !bound.is_unspecified() {
        return reach_of_address(bound);
    }
    // A listener on [::] serves IPv6 only. A machine that has only loopback now may join a network later.
    let covered = machine.iter().filter(|ip| ip.is_ipv4() == bound.is_ipv4());
    let farthest = covered.map(|ip| reach_of_address(ip.to_canonical())).max();
    farthest.map_or(Reach::Public, |farthest| farthest.max(Reach::Private))
}

fn reach_of_address(ip: IpAddr) -> Reach {
    let private = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    match (ip.is_loopback(), private) {
        (true, _) => Reach::Loopback,
        (false, true) => Reach::Private,
        (false, false) => Reach::Public,
    }
}

/// What a bind is judged by.
#[derive(Clone, Copy, Debug)]
pub struct BindFacts {
    /// Who can reach it.
    pub reach: Reach,
    /// `server.lan`.
    pub lan: bool,
    /// The open mode of the dialect, if it is set by name.
    pub open: Option<bool>,
}

/// What becomes of a listener whose clients may come without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Loopback: nothing is needed.
    Free,
    /// Clients without a token are served, and that is said aloud.
    Open,
    /// Only clients with a token are served.
    TokensOnly,
    /// Not bound until its open mode is set by name.
    Refused,
}

/// Judges a listener whose clients may come without a token.
#[must_use]
pub fn judge_bind(facts: BindFacts) -> Verdict {
    match (facts.reach, facts.open) {
        (Reach::Loopback, _) => Verdict::Free,
        (Reach::Private | Reach::Public, Some(true)) => Verdict::Open,
        (Reach::Private | Reach::Public, Some(false)) => Verdict::TokensOnly,
        (Reach::Private, None) if facts.lan => Verdict::Open,
        (Reach::Private | Reach::Public, None) => Verdict::Refused,
    }
}

/// What becomes of a weak secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretVerdict {
    /// Served all the same, and that is said aloud.
    Tolerated,
    /// The listener is not bound.
    Refused,
}

/// Judges what a weak secret does to a listener of that reach.
#[must_use]
pub fn judge_weak_secret(reach: Reach, lan: bool, allowed: bool) -> SecretVerdict {
    match reach {
        Reach::Loopback => SecretVerdict::Tolerated,
        Reach::Private if lan => SecretVerdict::Tolerated,
        Reach::Private | Reach::Public if allowed => SecretVerdict::Tolerated,
        Reach::Private | Reach::Public => SecretVerdict::Refused,
    }
}

/// Why anybody could guess a secret, or `None`. Never holds the secret.
pub type Weakness<'a> = &'a dyn Fn(&Secret) -> Option<String>;

/// Applies the rules to every listener of the roles that run. `machine` are the addresses of this machine, `weakness`
/// judges TURN secrets.
///
/// # Errors
///
/// Each listener that must not be bound, with the setting that decides it.
pub fn check_binds(loaded: &Loaded, machine: &[IpAddr], weakness: Weakness<'_>) -> Result<Vec<Notice>, Problems> {
    let mut found = Found { loaded, machine, problems: Vec::new(), notices: Vec::new() };
    let config = &loaded.config;
    if config.server.plays(Role::Signal) {
        found.judge_signaling();
    }
    if config.server.plays(Role::Sync) {
        found.say_open_sync();
    }
    if config.server.plays(Role::Devices) {
        found.say_open_devices();
    }
    if config.server.plays(Role::Relay) {
        found.judge_relay_secrets(weakness);
    }
    Problems::none_or(found.problems)?;
    Ok(found.notices)
}

/// What must be said of the listeners of a node. Nothing is refused: other nodes have to reach it, and what they do not need is
/// for this machine and for tokens.
#[must_use]
pub fn check_node_binds(loaded: &Loaded, machine: &[IpAddr]) -> Vec<Notice> {
    let listeners = loaded.config.node.listen.iter().map(|addr| addr.get());
    let public = listeners.filter(|addr| reach(addr.ip(), machine) == Reach::Public);
    let notice = |addr| Notice::new(format!("the node's HTTP API on {addr} can be reached by {}", Reach::Public));
    public.map(notice).collect()
}

struct Found<'a> {
    loaded: &'a Loaded,
    machine: &'a [IpAddr],
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

/// Wires on one address, opened by one setting.
struct Judged {
    key: &'static str,
    wires: Vec<&'static str>,
    addr: SocketAddr,
    setting: &'static str,
    open: Option<bool>,
}

impl Found<'_> {
    /// Each wire on each listener that has it; wires that the same setting opens on the same address are judged as one.
    fn judge_signaling(&mut self) {
        let signal = &self.loaded.config.signal;
        let of = |listen: &[ListenAddr]| listen.iter().map(|addr| addr.get()).collect::<Vec<SocketAddr>>();
        let (json, socketio, main) =
            (of(&signal.listen), of(&signal.socketio.listen), of(&self.loaded.config.http.listen));
        let json_open = ("signal.open", signal.open);
        let socketio_open = signal.socketio.open.map_or(json_open, |open| ("signal.socketio.open", Some(open)));
        let rendezvous_open = signal.rendezvous.open.map_or(json_open, |open| ("signal.rendezvous.open", Some(open)));
        let mut judged: Vec<Judged> = Vec::new();
        for (key, wire, listeners, (setting, open)) in [
            ("signal.listen", "JSON signaling", &json, json_open),
            ("http.listen", "JSON signaling", &main, json_open),
            ("signal.socketio.listen", "Socket.IO", &socketio, socketio_open),
            ("http.listen", "Socket.IO", &main, socketio_open),
            ("http.listen", "the rendezvous", &main, rendezvous_open),
        ] {
            for addr in listeners {
                match judged.iter_mut().find(|it| it.addr == *addr && it.setting == setting) {
                    Some(known) if known.wires.contains(&wire) => {}
                    Some(known) => known.wires.push(wire),
                    None => judged.push(Judged { key, wires: vec![wire], addr: *addr, setting, open }),
                }
            }
        }
        for listener in judged {
            self.judge_listener(&listener);
        }
        if signal.socketio.strict {
            self.judge_strict(main.into_iter().chain(socketio));
        }
    }

    fn judge_listener(&mut self, Judged { key, wires, addr, setting, open }: &Judged) {
        let lan = self.loaded.config.server.lan;
        let reach = reach(addr.ip(), self.machine);
        let wires = wires.join(", ");
        match judge_bind(BindFacts { reach, lan, open: *open }) {
            Verdict::Free | Verdict::TokensOnly => {}
            Verdict::Open => self
                .notices
                .push(Notice::new(format!("{wires} on {addr} serves clients without a token; {reach} can reach it"))),
            Verdict::Refused => {
                let set = format!("set `{setting} = true` (anybody) or `{setting} = false` (tokens only)");
                let mend = if lan {
                    format!(
                        "`--lan` is for private networks and this machine has a public address: listen on a private address, or {set}"
                    )
                } else {
                    set
                };
                let (origin, address) = (self.loaded.origin(key), addr.to_string());
                self.problems.push(Problem::OpenDialect { origin, dialect: wires, address, mend });
            }
        }
    }

    /// Sync is open only where that is set by name, so nothing is refused.
    fn say_open_sync(&mut self) {
        let config = &self.loaded.config;
        let listeners = config.http.listen.iter().map(|addr| addr.get()).filter(|_| config.sync.open);
        let reached = listeners.map(|addr| (addr, reach(addr.ip(), self.machine)));
        for (addr, reach) in reached.filter(|(_, reach)| *reach != Reach::Loopback) {
            self.notices.push(Notice::new(format!(
                "sync on {addr} lets clients without a token read and write every database; {reach} can reach it"
            )));
        }
        if !config.sync.require_exp {
            self.notices.push(Notice::new(
                "`sync.require_exp` is false: a token that does not say when it expires is good for ever",
            ));
        }
    }

    /// Everybody becomes a device only where that is set by name, so nothing is refused.
    fn say_open_devices(&mut self) {
        let config = &self.loaded.config;
        let stomp = &config.devices.usp.stomp_endpoint.listen;
        let listeners = config.devices.listen.iter().chain(&config.http.listen).chain(stomp).map(|addr| addr.get());
        let reached: Vec<_> = listeners.map(|addr| (addr, reach(addr.ip(), self.machine))).collect();
        for (addr, reach) in reached.into_iter().filter(|(_, reach)| *reach != Reach::Loopback) {
            if config.devices.enroll == Enroll::Open {
                self.notices.push(Notice::new(format!(
                    "`devices.enroll` is open: whoever reaches {addr} becomes a device without a password; {reach} can reach it"
                )));
            }
            if config.devices.basic_without_tls {
                self.notices.push(Notice::new(format!(
                    "`devices.basic_without_tls` is set: passwords of devices can be read on the way to {addr}"
                )));
            }
        }
    }

    /// The guide's own server believes whatever it is told.
    fn judge_strict(&mut self, listeners: impl Iterator<Item = SocketAddr>) {
        for addr in listeners.filter(|addr| reach(addr.ip(), self.machine) != Reach::Loopback) {
            self.problems.push(Problem::OpenDialect {
                origin: self.loaded.origin("signal.socketio.strict"),
                dialect: "Socket.IO with `signal.socketio.strict`".to_owned(),
                address: addr.to_string(),
                mend: "it is for comparisons on this machine: listen on loopback, or take it out".to_owned(),
            });
        }
    }

    fn judge_relay_secrets(&mut self, weakness: Weakness<'_>) {
        let relay = &self.loaded.config.relay;
        let streams = relay.tcp_addrs().into_iter().chain(relay.tls_addrs(self.loaded.config.tls.is_configured()));
        let addrs = relay.listen.iter().map(|addr| addr.get()).chain(streams).chain(relay.proxy_addrs());
        let reached = addrs.map(|addr| (reach(addr.ip(), self.machine), addr));
        let Some((reach, addr)) = reached.max_by_key(|(reach, _)| *reach) else { return };
        for (at, secret) in relay.secrets.iter().enumerate() {
            let name = format!("entry {} of `relay.secrets`", at + 1);
            self.judge_weakness(("relay.secrets", at), name, weakness(secret), reach, addr);
        }
        for (at, user) in relay.users.iter().enumerate() {
            // Of a key nobody can say how strong the password behind it is.
            let Ok(user) = LongTermUser::parse(user.expose()) else { continue };
            let Some(password) = user.password() else { continue };
            let name = format!("the password of `{}` in `relay.users`", user.name());
            let weakness = weakness(&Secret::new(password.expose_secret()));
            self.judge_weakness(("relay.users", at), name, weakness, reach, addr);
        }
    }

    fn judge_weakness(
        &mut self,
        (key, at): (&str, usize),
        secret: String,
        weakness: Option<String>,
        reach: Reach,
        addr: SocketAddr,
    ) {
        let Some(weakness) = weakness else { return };
        let config = &self.loaded.config;
        let origin = self.loaded.origin(key).of_entry(at);
        match judge_weak_secret(reach, config.server.lan, config.relay.allow_weak_credentials) {
            SecretVerdict::Tolerated => self.notices.push(Notice::new(format!(
                "{origin}: {secret} is weak: {weakness}; write a random one (`openssl rand -base64 32`) before strangers reach the relay"
            ))),
            SecretVerdict::Refused => {
                self.problems.push(Problem::WeakSecret { origin, secret, address: addr.to_string(), weakness });
            }
        }
    }
}

#[cfg(test)]
mod tests;
