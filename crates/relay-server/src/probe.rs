//! Does what clients do, through the sockets that clients use: an allocation is made, carries data, and is freed.

mod datagrams;
mod session;
mod stream;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{fmt, thread};

use sangam_net::udp::ListenGroup;

use self::session::Session;
pub(crate) use self::session::{Step, Trouble};
pub(crate) use self::stream::{Door, Layer};
use crate::probe_credentials::ProbeCredentials;

/// What became of one session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Probed {
    /// Which thread and which listener, in words.
    pub(crate) place: String,
    /// Where it ended, and why, if it did not end well.
    pub(crate) outcome: Result<(), (Step, Trouble)>,
}

impl Probed {
    /// Whether there was no room for an allocation, and nothing else amiss.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.outcome, Err((_, Trouble::Full(_))))
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(()) => write!(f, "{}: well", self.place),
            Err((step, trouble)) => write!(f, "{}, {step}: {trouble}", self.place),
        }
    }
}

/// Who the sessions of one check are, each another user.
#[derive(Debug)]
struct Identity<'a> {
    credentials: &'a ProbeCredentials,
    family: u8,
    sessions: AtomicUsize,
}

impl Identity<'_> {
    fn session(&self) -> (Session, Vec<u8>) {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        Session::begin(self.credentials.mint(number), self.family)
    }
}

/// Has a session with each thread on each of `groups` and one through each of `doors`, all at once, until `deadline` at
/// the latest. Relayed addresses are of the family of `relay_ip`.
pub(crate) fn probe(
    groups: &[ListenGroup],
    doors: &[Door],
    credentials: &ProbeCredentials,
    relay_ip: IpAddr,
    deadline: Instant,
) -> Vec<Probed> {
    let family = if relay_ip.is_ipv4() { 0x01 } else { 0x02 };
    let identity = &Identity { credentials, family, sessions: AtomicUsize::new(0) };
    thread::scope(|scope| {
        let through = |door: Door| scope.spawn(move || stream::probe(door, identity, deadline));
        let streams: Vec<_> = doors.iter().copied().map(through).collect();
        let mut probed = datagrams::probe(groups, identity, deadline).unwrap_or_else(|error| {
            let trouble = Trouble::Broken(error.to_string());
            vec![Probed { place: "UDP".to_owned(), outcome: Err((Step::Challenge, trouble)) }]
        });
        probed.extend(streams.into_iter().filter_map(|thread| thread.join().ok()));
        probed
    })
}

/// Where a client on this host reaches an address that we are bound to.
pub(crate) fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, local.port())
}

/// Where such a client speaks from: nobody but this host speaks from there, so no neighbour's flood uses up what may be
/// answered to it.
fn loopback(target: SocketAddr) -> IpAddr {
    match target {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}
