//! The model: what RFC 8656 and RFC 8016 say, in lists that are searched from end to end.

use std::net::{IpAddr, SocketAddr};

use sangam_turn_proto::{DropReason, ReservationToken, Route};

use super::operation::{Op, Port, Verdict, Who};
use super::{CLIENTS, LIMITS, NUMBER_MAX, NUMBERS, USERS};
use crate::fixture::{RELAY_V4, peer};

#[derive(Clone, Debug)]
pub(super) struct Allocation {
    user: usize,
    /// Whether it has tickets.
    pub(super) is_mobile: bool,
    /// Where its client is, and where it was with the number of its ticket, if nothing came from where it is.
    at: usize,
    former: Option<(usize, usize)>,
    /// Of the last ticket.
    number: usize,
    /// The request that moved it last, and the seconds that it was granted.
    moved: Option<(usize, u32)>,
    pub(super) relayed: [Option<SocketAddr>; 2],
    /// Of each family; 0 if there never was one.
    expires: [u64; 2],
    permissions: Vec<(IpAddr, u64)>,
    channels: Vec<(u16, SocketAddr, u64)>,
}

#[derive(Default)]
pub(super) struct Model {
    now: u64,
    /// Those that have ended too.
    pub(super) allocations: Vec<Allocation>,
    /// As sealed, with the allocation and the number of each.
    pub(super) tickets: Vec<(Vec<u8>, usize, usize)>,
    /// The one that the answer to the request under way must have.
    pub(super) due_ticket: Option<(usize, usize)>,
    pub(super) relayed: [[Option<SocketAddr>; 2]; CLIENTS],
    reservations: Vec<Reservation>,
    /// Given out last.
    pub(super) token: Option<ReservationToken>,
    /// The last Refresh of each client, and its bytes.
    refreshes: [Option<Refresh>; CLIENTS],
    pub(super) sent: [Option<Vec<u8>>; CLIENTS],
    /// Refreshes so far.
    asked: usize,
    /// The paths that moved clients have left.
    left: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Reservation {
    user: usize,
    expires: u64,
    is_last: bool,
}

#[derive(Clone, Copy, Debug)]
struct Refresh {
    id: usize,
    user: usize,
    lifetime: Option<u32>,
    family: Option<usize>,
    ticket: Shown,
    /// When, and seconds, if it had no ticket or ended all.
    granted: Option<(u64, u32)>,
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    None,
    Forged,
    /// By its place.
    Known(usize),
}

impl Refresh {
    /// What it was told before, for as long as it may be sent again.
    fn answered(&self, now: u64) -> Option<Verdict> {
        self.granted.filter(|&(at, _)| now < at + 40).map(|(_, secs)| Verdict::Lifetime(secs))
    }
}

impl Model {
    /// The user that an operation is done as.
    pub(super) fn user_of(&self, op: &Op) -> usize {
        let by = |client: usize, user: Option<usize>| {
            user.or_else(|| self.whose(client).map(|whose| self.allocations[whose].user))
                .unwrap_or(client % USERS.len())
        };
        match *op {
            Op::Allocate { client, user, .. } => user.unwrap_or(client % USERS.len()),
            Op::Refresh { client, user, .. } | Op::Permit { client, user, .. } | Op::Bind { client, user, .. } => {
                by(client, user)
            }
            Op::Move { client, user, ticket, .. } => match self.place_of(ticket) {
                Some(place) => user.unwrap_or(self.allocations[self.tickets[place].1].user),
                None => by(client, user),
            },
            Op::Again { .. }
            | Op::Send { .. }
            | Op::ChannelData { .. }
            | Op::FromPeer { .. }
            | Op::Close { .. }
            | Op::Kick { .. }
            | Op::Pass(..) => 0,
        }
    }

    pub(super) fn predict(&mut self, op: &Op, user: usize) -> Verdict {
        let either = |result: Result<Verdict, Verdict>| result.unwrap_or_else(|refused| refused);
        match op {
            Op::Allocate { client, lifetime, port, is_mobile, .. } => {
                self.allocate(*client, user, *lifetime, *port, *is_mobile)
            }
            Op::Refresh { client, lifetime, family, .. } => self.ask(*client, user, *lifetime, *family, Shown::None),
            Op::Move { client, lifetime, family, ticket, .. } => {
                let ticket = self.place_of(*ticket).map_or(Shown::Forged, Shown::Known);
                self.ask(*client, user, *lifetime, *family, ticket)
            }
            Op::Again { client } => {
                self.refreshes[*client].map_or(Verdict::Success, |refresh| either(self.answer(*client, refresh)))
            }
            Op::Permit { client, peers, .. } => {
                let peers: Vec<_> = peers.iter().map(|&who| self.address(who)).collect();
                either(self.permit(*client, user, &peers))
            }
            Op::Bind { client, number, peer, .. } => {
                let peer = self.address(*peer);
                either(self.bind(*client, user, NUMBERS[*number], peer))
            }
            Op::Send { client, to } => self.send(*client, self.address(*to)),
            Op::ChannelData { client, number } => self.channel_data(*client, NUMBERS[*number]),
            Op::FromPeer { client, from } => self.deliver(*client, self.address(*from)),
            Op::Close { client } => self.close(*client),
            Op::Kick { client } => self.kick(*client),
            Op::Pass(secs, _) => {
                self.now += secs;
                Verdict::Success
            }
        }
    }

    pub(super) fn address(&self, who: Who) -> SocketAddr {
        match who {
            Who::Outside(text) => peer(text),
            Who::Own(client, family) => self.relayed[client][family].unwrap_or(peer("5.5.5.5:1")),
        }
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Allocation> {
        self.allocations.iter().filter(|allocation| allocation.is_alive(self.now))
    }

    /// All that have ended once nothing is left, by client, in order.
    pub(super) fn ended_paths(&self) -> Vec<usize> {
        let last = |allocation: &Allocation| [Some(allocation.at), allocation.former.map(|(at, _)| at)];
        let last = self.allocations.iter().filter(|allocation| allocation.is_mobile).flat_map(last).flatten();
        let mut all: Vec<usize> = last.chain(self.left.iter().copied()).collect();
        all.sort_unstable();
        all
    }

    /// The ticket that this client shows in its last Refresh.
    pub(super) fn shown(&self, client: usize) -> Option<Vec<u8>> {
        match self.refreshes[client]?.ticket {
            Shown::None => None,
            Shown::Forged => Some(b"forged".to_vec()),
            Shown::Known(place) => Some(self.tickets[place].0.clone()),
        }
    }

    /// Of the ticket that was given out so many before the last.
    fn place_of(&self, ticket: usize) -> Option<usize> {
        self.tickets.len().checked_sub(ticket + 1)
    }

    fn whose(&self, client: usize) -> Option<usize> {
        self.allocations.iter().position(|allocation| allocation.is_alive(self.now) && allocation.is_at(client))
    }

    fn alive(&mut self, client: usize) -> Option<&mut Allocation> {
        let whose = self.whose(client)?;
        self.allocations.get_mut(whose)
    }

    /// Something came from this client other than its move again.
    fn hear(&mut self, client: usize) {
        if let Some(allocation) = self.alive(client).filter(|allocation| allocation.at == client) {
            let former = allocation.former.take();
            self.left.extend(former.map(|(at, _)| at));
        }
    }

    fn granted(lifetime: Option<u32>) -> u32 {
        lifetime.unwrap_or(600).clamp(600, 3_600)
    }

    fn allocate(&mut self, client: usize, user: usize, lifetime: Option<u32>, port: Port, is_mobile: bool) -> Verdict {
        if self.touch(client, user) != Err(Verdict::Error(437)) {
            return Verdict::Error(437);
        }
        let now = self.now;
        self.reservations.retain(|reservation| now < reservation.expires);
        let mut held: Vec<usize> = self.live().map(|held| held.user).collect();
        held.extend(self.reservations.iter().map(|reservation| reservation.user));
        let more = match port {
            Port::Any | Port::Even | Port::Both => 1,
            Port::Pair => 2,
            Port::Reserved => 0,
        };
        if held.iter().filter(|&&held| is_same_person(held, user)).count() + more > LIMITS[1] {
            return Verdict::Error(486);
        }
        if held.len() + more > LIMITS[0] {
            return Verdict::Error(508);
        }
        if port == Port::Reserved {
            let asked = |reservation: &Reservation| reservation.is_last && is_same_person(reservation.user, user);
            let Some(at) = self.reservations.iter().position(asked) else { return Verdict::Error(508) };
            self.reservations.remove(at);
        } else if port == Port::Pair {
            self.reservations.iter_mut().for_each(|reservation| reservation.is_last = false);
            self.reservations.push(Reservation { user, expires: now + 30, is_last: true });
        }
        let secs = Self::granted(lifetime);
        let expires = self.now + u64::from(secs);
        self.allocations.push(Allocation {
            user,
            is_mobile,
            at: client,
            former: None,
            number: 0,
            moved: None,
            relayed: [None; 2],
            expires: [expires, if port == Port::Both { expires } else { 0 }],
            permissions: vec![],
            channels: vec![],
        });
        Verdict::Lifetime(secs)
    }

    /// The allocation that a request by this user may touch.
    fn touch(&mut self, client: usize, user: usize) -> Result<usize, Verdict> {
        let whose = self.whose(client).ok_or(Verdict::Error(437))?;
        if !self.allocations[whose].is_of(user) {
            return Err(Verdict::Error(441));
        }
        self.hear(client);
        Ok(whose)
    }

    fn ask(
        &mut self,
        client: usize,
        user: usize,
        lifetime: Option<u32>,
        family: Option<usize>,
        ticket: Shown,
    ) -> Verdict {
        self.asked += 1;
        let refresh = Refresh { id: self.asked, user, lifetime, family, ticket, granted: None };
        self.refreshes[client] = Some(refresh);
        self.answer(client, refresh).unwrap_or_else(|refused| refused)
    }

    fn answer(&mut self, client: usize, refresh: Refresh) -> Result<Verdict, Verdict> {
        self.due_ticket = None;
        match refresh.ticket {
            Shown::None => self.refresh(client, refresh),
            Shown::Forged => Err(Verdict::Error(400)),
            Shown::Known(place) => {
                let now = self.now;
                self.relocate(client, refresh, place).or_else(|refused| refresh.answered(now).ok_or(refused))
            }
        }
    }

    fn refresh(&mut self, client: usize, refresh: Refresh) -> Result<Verdict, Verdict> {
        let now = self.now;
        if let Some(answer) = refresh.answered(now) {
            return Ok(answer);
        }
        let whose = self.touch(client, refresh.user)?;
        let allocation = &mut self.allocations[whose];
        allocation.check_family(refresh.family, now)?;
        let secs = allocation.prolong(refresh, now);
        self.refreshes[client] = Some(Refresh { granted: Some((now, secs)), ..refresh });
        Ok(Verdict::Lifetime(secs))
    }

    /// A Refresh by ticket.
    fn relocate(&mut self, client: usize, refresh: Refresh, place: usize) -> Result<Verdict, Verdict> {
        let now = self.now;
        let (_, whose, number) = self.tickets[place];
        let allocation = &self.allocations[whose];
        if self.whose(client).is_some_and(|there| there != whose) || !allocation.is_alive(now) {
            return Err(Verdict::Error(437));
        }
        let former = allocation.former.filter(|&(_, before)| before == number);
        let is_here = allocation.at == client;
        let is_again = is_here && allocation.moved.is_some_and(|(id, _)| id == refresh.id);
        if former.is_none() && allocation.number != number && !is_again {
            return Err(Verdict::Error(437));
        }
        if !allocation.is_of(refresh.user) {
            return Err(Verdict::Error(441));
        }
        if is_again || (former.is_some() && is_here) {
            self.due_ticket = Some((whose, allocation.number));
            return Ok(Verdict::Lifetime(allocation.moved.map_or(0, |(_, secs)| secs)));
        }
        if is_here || former.is_some_and(|(at, _)| at == client) {
            return Err(Verdict::Error(400));
        }
        allocation.check_family(refresh.family, now)?;
        let left = if former.is_some() { Some(allocation.at) } else { allocation.former.map(|(at, _)| at) };
        // Who moves back to a path that is still good has not left it.
        self.left.extend(left.filter(|&left| left != client));
        let allocation = &mut self.allocations[whose];
        allocation.former = former.or(Some((allocation.at, number)));
        (allocation.at, allocation.user) = (client, refresh.user);
        allocation.number += 1;
        let secs = allocation.prolong(refresh, now);
        allocation.moved = Some((refresh.id, secs));
        if allocation.is_alive(now) {
            self.due_ticket = Some((whose, allocation.number));
        } else {
            self.refreshes[client] = Some(Refresh { granted: Some((now, secs)), ..refresh });
        }
        Ok(Verdict::Lifetime(secs))
    }

    /// Its client's allocation ends, unless a ticket may take it elsewhere.
    fn close(&mut self, client: usize) -> Verdict {
        let mut left = None;
        match self.alive(client) {
            Some(allocation) if !allocation.is_mobile => allocation.expires = [0; 2],
            Some(allocation) if allocation.at != client => left = allocation.former.take(),
            Some(_) | None => {}
        }
        self.left.extend(left.map(|(at, _)| at));
        Verdict::Success
    }

    fn kick(&mut self, client: usize) -> Verdict {
        let its = self.alive(client).filter(|allocation| allocation.at == client);
        Verdict::Ended(its.into_iter().map(|allocation| allocation.expires = [0; 2]).count())
    }

    fn permit(&mut self, client: usize, user: usize, peers: &[SocketAddr]) -> Result<Verdict, Verdict> {
        let now = self.now;
        let whose = self.touch(client, user)?;
        let allocation = &mut self.allocations[whose];
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
        let whose = self.touch(client, user)?;
        let allocation = &mut self.allocations[whose];
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
        let whose = self.touch(client, user)?;
        let allocation = &mut self.allocations[whose];
        allocation.channels.retain(|&(n, _, _)| n != number);
        allocation.channels.push((number, peer, now + 600));
        Ok(Verdict::Success)
    }

    fn send(&mut self, client: usize, to: SocketAddr) -> Verdict {
        let now = self.now;
        self.hear(client);
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
        self.hear(client);
        let Some(allocation) = self.alive(client) else { return Verdict::Dropped(DropReason::NoAllocation) };
        match allocation.channels.iter().find(|&&(n, _, expires)| n == number && now < expires) {
            Some(&(_, to, _)) if allocation.reaches(to.ip(), now) => Verdict::Forward(to, route(to)),
            Some(_) | None => Verdict::Dropped(DropReason::NoChannel),
        }
    }

    /// Data to the relayed address that this client was given last, wherever its allocation is now.
    pub(super) fn deliver(&self, client: usize, from: SocketAddr) -> Verdict {
        let (now, family) = (self.now, family_of(from.ip()));
        let gone = if is_own(from) { DropReason::PeerGone } else { DropReason::NoAllocation };
        let to = self.relayed[client][family];
        let is_its = |held: &&Allocation| held.relayed[family] == to && held.reaches(from.ip(), now);
        let Some(allocation) = self.allocations.iter().find(is_its) else { return Verdict::Dropped(gone) };
        if !allocation.permits(from.ip(), now) {
            return Verdict::Dropped(DropReason::NoPermission);
        }
        let channel = allocation.channels.iter().find(|&&(_, peer, expires)| peer == from && now < expires);
        let path = allocation.former.map_or(allocation.at, |(at, _)| at);
        Verdict::Delivered(path, channel.map(|&(number, _, _)| number))
    }
}

fn is_denied(peer: SocketAddr) -> bool {
    peer.ip() == IpAddr::from([10, 0, 0, 1])
}

pub(super) fn is_own(peer: SocketAddr) -> bool {
    [IpAddr::from(RELAY_V4), "2600::5".parse().unwrap()].contains(&peer.ip())
}

pub(super) fn family_of(ip: IpAddr) -> usize {
    usize::from(ip.is_ipv6())
}

/// Whether their names differ in their expiry at most.
fn is_same_person(a: usize, b: usize) -> bool {
    let name = |user: usize| USERS[user].split(':').next_back();
    name(a) == name(b)
}

impl Allocation {
    fn is_alive(&self, now: u64) -> bool {
        self.expires.iter().any(|&expires| now < expires)
    }

    fn is_at(&self, client: usize) -> bool {
        self.at == client || self.former.is_some_and(|(at, _)| at == client)
    }

    fn is_of(&self, user: usize) -> bool {
        self.user == user || (self.is_mobile && is_same_person(self.user, user))
    }

    fn check_family(&self, family: Option<usize>, now: u64) -> Result<(), Verdict> {
        let has = |family: usize| now < self.expires[family];
        if family.is_none_or(has) { Ok(()) } else { Err(Verdict::Error(443)) }
    }

    /// The family that is meant, or both. Gives the seconds granted.
    fn prolong(&mut self, refresh: Refresh, now: u64) -> u32 {
        let secs = if refresh.lifetime == Some(0) { 0 } else { Model::granted(refresh.lifetime) };
        for (at, expires) in self.expires.iter_mut().enumerate() {
            if now < *expires && refresh.family.is_none_or(|family| family == at) {
                *expires = now + u64::from(secs);
            }
        }
        secs
    }

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
