//! A model that is too simple to be wrong predicts what the server says to any sequence of requests, data and waits.

use std::net::{IpAddr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;
use sangam_turn_proto::{
    Attribute, DropReason, FromClient, FromPeer, Limits, Method, Options, RelayedAddr, ReservationToken, Route,
};

use crate::fixture::{Client, House, RELAY_V4, UDP, delivered, options, peer, secs};

const CLIENTS: usize = 3;
const USERS: [&str; 3] = ["alice", "1800000000:bob", "carol"];
const NUMBERS: [u16; 4] = [0x4000, 0x4001, 0x4FFF, 0x5000];
const NUMBER_MAX: u16 = 0x4FFF;
const LIMITS: [usize; 4] = [3, 2, 2, 2];

#[derive(Clone, Debug)]
enum Op {
    Allocate {
        client: usize,
        user: usize,
        lifetime: Option<u32>,
        port: Port,
    },
    Refresh {
        client: usize,
        user: usize,
        lifetime: Option<u32>,
        family: Option<usize>,
    },
    Permit {
        client: usize,
        user: usize,
        peers: Vec<Who>,
    },
    Bind {
        client: usize,
        user: usize,
        number: usize,
        peer: Who,
    },
    Send {
        client: usize,
        to: Who,
    },
    ChannelData {
        client: usize,
        number: usize,
    },
    FromPeer {
        client: usize,
        from: Who,
    },
    /// Seconds; whether the driver keeps the deadline.
    Pass(u64, bool),
}

/// What an Allocate request says about the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    Even,
    /// An even one with the next reserved.
    Pair,
    /// The one reserved last, by whomever.
    Reserved,
    /// Any, and one of IPv6 besides.
    Both,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Outside(&'static str),
    /// The relayed address of this family that this client was given last.
    Own(usize, usize),
}

/// What a client or a driver sees of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Success,
    Lifetime(u32),
    Error(u16),
    Forward(SocketAddr, Route),
    /// On this channel, or as a Data indication.
    Delivered(Option<u16>),
    Dropped(DropReason),
}

#[derive(Clone, Debug)]
struct Allocation {
    user: usize,
    /// Of each family; 0 if there never was one.
    expires: [u64; 2],
    permissions: Vec<(IpAddr, u64)>,
    channels: Vec<(u16, SocketAddr, u64)>,
}

#[derive(Default)]
struct Model {
    now: u64,
    allocations: [Option<Allocation>; CLIENTS],
    relayed: [[Option<SocketAddr>; 2]; CLIENTS],
    reservations: Vec<Reservation>,
    /// Given out last.
    token: Option<ReservationToken>,
}

#[derive(Clone, Debug)]
struct Reservation {
    user: usize,
    expires: u64,
    is_last: bool,
}

impl Model {
    fn address(&self, who: Who) -> SocketAddr {
        match who {
            Who::Outside(text) => peer(text),
            Who::Own(client, family) => self.relayed[client][family].unwrap_or(peer("5.5.5.5:1")),
        }
    }

    fn alive(&mut self, client: usize) -> Option<&mut Allocation> {
        let now = self.now;
        self.allocations[client].as_mut().filter(|allocation| allocation.expires.iter().any(|&expires| now < expires))
    }

    fn granted(lifetime: Option<u32>) -> u32 {
        lifetime.unwrap_or(600).clamp(600, 3_600)
    }

    fn allocate(&mut self, client: usize, user: usize, lifetime: Option<u32>, port: Port) -> Verdict {
        if self.alive(client).is_some() {
            return Verdict::Error(437);
        }
        let now = self.now;
        self.reservations.retain(|reservation| now < reservation.expires);
        let mut held: Vec<usize> = (0..CLIENTS).filter_map(|client| self.alive(client).map(|held| held.user)).collect();
        held.extend(self.reservations.iter().map(|reservation| reservation.user));
        let more = match port {
            Port::Any | Port::Even | Port::Both => 1,
            Port::Pair => 2,
            Port::Reserved => 0,
        };
        if held.iter().filter(|&&held| held == user).count() + more > LIMITS[1] {
            return Verdict::Error(486);
        }
        if held.len() + more > LIMITS[0] {
            return Verdict::Error(508);
        }
        if port == Port::Reserved {
            let asked = |reservation: &Reservation| reservation.is_last && reservation.user == user;
            let Some(at) = self.reservations.iter().position(asked) else { return Verdict::Error(508) };
            self.reservations.remove(at);
        } else if port == Port::Pair {
            self.reservations.iter_mut().for_each(|reservation| reservation.is_last = false);
            self.reservations.push(Reservation { user, expires: now + 30, is_last: true });
        }
        let secs = Self::granted(lifetime);
        let expires = self.now + u64::from(secs);
        let expires = [expires, if port == Port::Both { expires } else { 0 }];
        self.allocations[client] = Some(Allocation { user, expires, permissions: vec![], channels: vec![] });
        Verdict::Lifetime(secs)
    }

    /// The allocation that a request by this user may touch.
    fn touch(&mut self, client: usize, user: usize) -> Result<&mut Allocation, Verdict> {
        match self.alive(client) {
            None => Err(Verdict::Error(437)),
            Some(allocation) if allocation.user != user => Err(Verdict::Error(441)),
            Some(allocation) => Ok(allocation),
        }
    }

    fn refresh(
        &mut self,
        client: usize,
        user: usize,
        lifetime: Option<u32>,
        family: Option<usize>,
    ) -> Result<Verdict, Verdict> {
        let now = self.now;
        let allocation = self.touch(client, user)?;
        if family.is_some_and(|family| now >= allocation.expires[family]) {
            return Err(Verdict::Error(443));
        }
        let secs = if lifetime == Some(0) { 0 } else { Self::granted(lifetime) };
        for (at, expires) in allocation.expires.iter_mut().enumerate() {
            if now < *expires && family.is_none_or(|family| family == at) {
                *expires = now + u64::from(secs);
            }
        }
        Ok(Verdict::Lifetime(secs))
    }

    fn permit(&mut self, client: usize, user: usize, peers: &[SocketAddr]) -> Result<Verdict, Verdict> {
        let now = self.now;
        let allocation = self.touch(client, user)?;
        if peers.iter().any(|peer| !allocation.reaches(peer.ip(), now)) {
            return Err(Verdict::Error(443));
        }
        if peers.iter().any(|&peer| is_denied(peer)) {
            return Err(Verdict::Error(403));
        }
        let mut held: Vec<(IpAddr, u64)> = allocation.permissions.clone();
        held.retain(|&(ip, expires)| now < expires && allocation.reaches(ip, now));
        let mut added = held.clone();
        for peer in peers {
            added.retain(|&(ip, _)| ip != peer.ip());
            added.push((peer.ip(), now + 300));
        }
        if added.len() > held.len() && added.len() > LIMITS[2] {
            return Err(Verdict::Error(508));
        }
        allocation.permissions = added;
        Ok(Verdict::Success)
    }

    fn bind(&mut self, client: usize, user: usize, number: u16, peer: SocketAddr) -> Result<Verdict, Verdict> {
        let now = self.now;
        let allocation = self.touch(client, user)?;
        if number > NUMBER_MAX {
            return Err(Verdict::Error(400));
        }
        let expires = allocation.expires;
        allocation.channels.retain(|&(_, peer, until)| now < until + 300 && now < expires[family_of(peer.ip())]);
        if allocation.channels.iter().any(|&(n, p, _)| (n == number) != (p == peer)) {
            return Err(Verdict::Error(400));
        }
        if !allocation.reaches(peer.ip(), now) {
            return Err(Verdict::Error(443));
        }
        if is_denied(peer) {
            return Err(Verdict::Error(403));
        }
        let is_new = !allocation.channels.iter().any(|&(n, _, _)| n == number);
        if is_new && allocation.channels.len() >= LIMITS[3] {
            return Err(Verdict::Error(508));
        }
        self.permit(client, user, &[peer])?;
        let allocation = self.touch(client, user)?;
        allocation.channels.retain(|&(n, _, _)| n != number);
        allocation.channels.push((number, peer, now + 600));
        Ok(Verdict::Success)
    }

    fn send(&mut self, client: usize, to: SocketAddr) -> Verdict {
        let now = self.now;
        let Some(allocation) = self.alive(client) else { return Verdict::Dropped(DropReason::NoAllocation) };
        if allocation.permits(to.ip(), now) {
            return Verdict::Forward(to, route(to));
        }
        Verdict::Dropped(if is_denied(to) { DropReason::PeerDenied } else { DropReason::NoPermission })
    }

    fn channel_data(&mut self, client: usize, number: u16) -> Verdict {
        let now = self.now;
        if number > NUMBER_MAX {
            return Verdict::Dropped(DropReason::Malformed);
        }
        let Some(allocation) = self.alive(client) else { return Verdict::Dropped(DropReason::NoAllocation) };
        match allocation.channels.iter().find(|&&(n, _, expires)| n == number && now < expires) {
            Some(&(_, to, _)) if allocation.reaches(to.ip(), now) => Verdict::Forward(to, route(to)),
            Some(_) | None => Verdict::Dropped(DropReason::NoChannel),
        }
    }

    fn deliver(&mut self, client: usize, from: SocketAddr) -> Verdict {
        let now = self.now;
        let gone = if is_own(from) { DropReason::PeerGone } else { DropReason::NoAllocation };
        let alive = self.alive(client).filter(|allocation| allocation.reaches(from.ip(), now));
        let Some(allocation) = alive else { return Verdict::Dropped(gone) };
        if !allocation.permits(from.ip(), now) {
            return Verdict::Dropped(DropReason::NoPermission);
        }
        let channel = allocation.channels.iter().find(|&&(_, peer, expires)| peer == from && now < expires);
        Verdict::Delivered(channel.map(|&(number, _, _)| number))
    }

    fn predict(&mut self, op: &Op) -> Verdict {
        let either = |result: Result<Verdict, Verdict>| result.unwrap_or_else(|refused| refused);
        match op {
            Op::Allocate { client, user, lifetime, port } => self.allocate(*client, *user, *lifetime, *port),
            Op::Refresh { client, user, lifetime, family } => either(self.refresh(*client, *user, *lifetime, *family)),
            Op::Permit { client, user, peers } => {
                let peers: Vec<_> = peers.iter().map(|&who| self.address(who)).collect();
                either(self.permit(*client, *user, &peers))
            }
            Op::Bind { client, user, number, peer } => {
                let peer = self.address(*peer);
                either(self.bind(*client, *user, NUMBERS[*number], peer))
            }
            Op::Send { client, to } => self.send(*client, self.address(*to)),
            Op::ChannelData { client, number } => self.channel_data(*client, NUMBERS[*number]),
            Op::FromPeer { client, from } => self.deliver(*client, self.address(*from)),
            Op::Pass(secs, _) => {
                self.now += secs;
                Verdict::Success
            }
        }
    }
}

fn is_denied(peer: SocketAddr) -> bool {
    peer.ip() == IpAddr::from([10, 0, 0, 1])
}

fn is_own(peer: SocketAddr) -> bool {
    [IpAddr::from(RELAY_V4), "2600::5".parse().unwrap()].contains(&peer.ip())
}

fn family_of(ip: IpAddr) -> usize {
    usize::from(ip.is_ipv6())
}

impl Allocation {
    /// Whether it has a relayed address of that peer's family.
    fn reaches(&self, peer: IpAddr, now: u64) -> bool {
        now < self.expires[family_of(peer)]
    }

    fn permits(&self, peer: IpAddr, now: u64) -> bool {
        self.reaches(peer, now) && self.permissions.iter().any(|&(ip, expires)| ip == peer && now < expires)
    }
}

fn route(peer: SocketAddr) -> Route {
    if is_own(peer) { Route::OwnOnly } else { Route::Wire }
}

/// Does to the server what `op` says, and reads the verdict off its outputs.
fn perform(house: &mut House, clients: &[[Client; 3]], model: &mut Model, op: &Op) -> Verdict {
    let seconds = |lifetime: &Option<u32>| lifetime.map(Attribute::Lifetime);
    match op {
        Op::Allocate { client, user, lifetime, port } => {
            let port = match port {
                Port::Any => None,
                Port::Even => Some(Attribute::EvenPort { reserve: false }),
                Port::Pair => Some(Attribute::EvenPort { reserve: true }),
                Port::Both => Some(Attribute::AdditionalAddressFamily(2)),
                Port::Reserved => Some(Attribute::ReservationToken(model.token.unwrap_or(ReservationToken([0; 8])))),
            };
            let attributes: Vec<_> = [UDP].into_iter().chain(seconds(lifetime)).chain(port).collect();
            let reply = house.ask(&clients[*client][*user], Method::ALLOCATE, &attributes);
            if reply.code().is_none() {
                for relayed in reply.all_relayed() {
                    model.relayed[*client][family_of(relayed.ip())] = Some(relayed);
                }
                model.token = reply.token().or(model.token);
            }
            reply.code().map_or_else(|| Verdict::Lifetime(reply.lifetime_secs()), |code| Verdict::Error(code.number()))
        }
        Op::Refresh { client, user, lifetime, family } => {
            let family = family.map(|family| Attribute::RequestedAddressFamily(1 + family as u8));
            let attributes: Vec<_> = seconds(lifetime).into_iter().chain(family).collect();
            let reply = house.ask(&clients[*client][*user], Method::REFRESH, &attributes);
            reply.code().map_or_else(|| Verdict::Lifetime(reply.lifetime_secs()), |code| Verdict::Error(code.number()))
        }
        Op::Permit { client, user, peers } => {
            let peers: Vec<_> = peers.iter().map(|&who| model.address(who)).collect();
            outcome(house.permit(&clients[*client][*user], &peers))
        }
        Op::Bind { client, user, number, peer } => {
            outcome(house.bind(&clients[*client][*user], NUMBERS[*number], model.address(*peer)))
        }
        Op::Send { client, to } => verdict_of(house.send(&clients[*client][0], model.address(*to), b"data")),
        Op::ChannelData { client, number } => {
            verdict_of(house.channel_data(&clients[*client][0], NUMBERS[*number], b"data"))
        }
        Op::FromPeer { client, from } => {
            let from = model.address(*from);
            let Some(to) = model.relayed[*client][family_of(from.ip())] else { return model.deliver(*client, from) };
            let verdict = if is_own(from) {
                house.server.relay_from_own(house.now, RelayedAddr(to), RelayedAddr(from), 4)
            } else {
                house.datagram(to, from, b"data")
            };
            delivery_of(verdict, clients[*client][0].five_tuple)
        }
        Op::Pass(time, keeps_deadline) => {
            house.now = house.now + secs(*time);
            if *keeps_deadline {
                house.pass(secs(0));
            }
            Verdict::Success
        }
    }
}

fn outcome(code: Option<sangam_turn_proto::ErrorCode>) -> Verdict {
    code.map_or(Verdict::Success, |code| Verdict::Error(code.number()))
}

fn verdict_of(verdict: FromClient) -> Verdict {
    match verdict {
        FromClient::Forward(forward) => Verdict::Forward(forward.peer.0, forward.route),
        FromClient::Dropped(reason) => Verdict::Dropped(reason),
        FromClient::Control => panic!("data is no control message"),
    }
}

fn delivery_of(verdict: FromPeer, five_tuple: sangam_turn_proto::FiveTuple) -> Verdict {
    if let FromPeer::Dropped(reason) = verdict {
        return Verdict::Dropped(reason);
    }
    let (to, bytes) = delivered(verdict, b"data");
    assert_eq!(to, five_tuple);
    let number = u16::from_be_bytes([bytes[0], bytes[1]]);
    Verdict::Delivered((number >= 0x4000).then_some(number))
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        6 => prop::sample::select(vec!["8.8.8.8:1", "8.8.8.8:2", "8.8.4.4:1", "1.1.1.1:1"]).prop_map(Who::Outside),
        1 => prop::sample::select(vec!["10.0.0.1:1", "[2600::9]:1"]).prop_map(Who::Outside),
        1 => Just(Who::Outside("[2600::8]:1")),
        3 => (0..CLIENTS, 0..2_usize).prop_map(|(client, family)| Who::Own(client, family)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let client = 0..CLIENTS;
    // Mostly one user for each client, so that most requests get somewhere.
    let by = (client.clone(), prop_oneof![8 => Just(None), 1 => (0..3_usize).prop_map(Some)])
        .prop_map(|(client, user)| (client, user.unwrap_or(client)));
    let lifetime = prop::option::of(prop::sample::select(vec![0, 1, 600, 900, 3_600, 9_999]));
    let pass = prop::sample::select(vec![1_u64, 29, 30, 60, 299, 300, 301, 599, 600, 900]);
    let port = prop_oneof![2 => Just(Port::Any), 1 => Just(Port::Even), 2 => Just(Port::Pair), 2 => Just(Port::Reserved), 4 => Just(Port::Both)];
    let family = prop_oneof![3 => Just(None), 1 => Just(Some(0)), 1 => Just(Some(1))];
    prop_oneof![
        4 => (by.clone(), lifetime.clone(), port)
            .prop_map(|((client, user), lifetime, port)| Op::Allocate { client, user, lifetime, port }),
        3 => (by.clone(), lifetime, family)
            .prop_map(|((client, user), lifetime, family)| Op::Refresh { client, user, lifetime, family }),
        4 => (by.clone(), vec(who(), 1..4)).prop_map(|((client, user), peers)| Op::Permit { client, user, peers }),
        4 => (by, 0..NUMBERS.len(), who())
            .prop_map(|((client, user), number, peer)| Op::Bind { client, user, number, peer }),
        3 => (client.clone(), who()).prop_map(|(client, to)| Op::Send { client, to }),
        3 => (client.clone(), 0..NUMBERS.len()).prop_map(|(client, number)| Op::ChannelData { client, number }),
        4 => (client, who()).prop_map(|(client, from)| Op::FromPeer { client, from }),
        3 => (pass, any::<bool>()).prop_map(|(secs, keeps)| Op::Pass(secs, keeps)),
    ]
}

fn small_house() -> House {
    let [allocations, allocations_per_user, permissions, channels] = LIMITS;
    let limits = Limits { allocations, allocations_per_user, permissions, channels, ..Limits::default() };
    let nonce_lifetime = secs(1_000_000);
    House::new(Options { limits, nonce_lifetime, channel_number_max: NUMBER_MAX, ..options() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_server_does_what_the_model_predicts(ops in vec(op(), 1..80)) {
        let mut house = small_house();
        let clients: Vec<[Client; 3]> =
            (1..=CLIENTS as u16).map(|port| USERS.map(|user| house.client(port, user))).collect();
        let mut model = Model::default();
        for (at, op) in ops.iter().enumerate() {
            let predicted = model.predict(op);
            let seen = perform(&mut house, &clients, &mut model, op);
            prop_assert_eq!(seen, predicted, "operation {} is {:?}", at, op);
        }
        house.pass(secs(0));
        let alive = (0..CLIENTS).filter(|&client| model.alive(client).is_some()).count();
        prop_assert_eq!(house.server.stats().allocations_live, alive as u64);
        house.pass(secs(3_600));
        prop_assert_eq!(house.server.stats().allocations_live, 0);
        prop_assert_eq!(house.deadline, None, "nothing is left to wait for");
    }
}
