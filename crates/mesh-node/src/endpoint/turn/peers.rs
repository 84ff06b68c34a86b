use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

/// RFC 8656 §9: a permission lasts five minutes; it is renewed a minute before.
pub(super) const PERMISSION_RENEWAL: Duration = Duration::from_secs(240);
/// §12: a channel lasts ten minutes; it is renewed a minute before.
pub(super) const CHANNEL_RENEWAL: Duration = Duration::from_secs(540);
/// How long a number rests after its channel ended (§12: five minutes), counted from the last renewal.
const CHANNEL_REST: Duration = Duration::from_secs(600 + 300 + 60);
/// A refused permission is asked for again after this.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// Packets to a peer after which a channel is worth its request.
const PACKETS_FOR_CHANNEL: u32 = 8;
/// §12: the numbers of channels.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// The peers of one allocation: their permissions and channels.
#[derive(Debug)]
pub(super) struct Peers {
    permissions: HashMap<IpAddr, Permission>,
    channels: HashMap<SocketAddr, Channel>,
    by_number: HashMap<u16, SocketAddr>,
    next_number: u16,
    channels_max: usize,
    /// Nothing is due before this: the tables are not searched at every wake.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Permission {
    /// When it is to be asked for; `None` while a request is under way.
    ask_at: Option<Instant>,
    is_refused: bool,
}

#[derive(Debug, Default)]
struct Channel {
    packets: u32,
    /// `None` until traffic has earned it one.
    number: Option<u16>,
    is_bound: bool,
    /// When it is to be asked for or renewed; `None` while a request is under way.
    ask_at: Option<Instant>,
    /// When traffic last used it.
    used_at: Option<Instant>,
    bound_at: Option<Instant>,
}

impl Peers {
    pub(super) fn new(channels_max: usize) -> Self {
        Self {
            permissions: HashMap::new(),
            channels: HashMap::new(),
            by_number: HashMap::new(),
            next_number: *CHANNELS.start(),
            channels_max,
            due: None,
        }
    }

    /// Wants a permission from now on.
    pub(super) fn permit(&mut self, ip: IpAddr, now: Instant) {
        self.permissions.entry(ip).or_insert(Permission { ask_at: Some(now), is_refused: false });
        self.note_due(now);
    }

    fn note_due(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Wants it no longer. It ends by itself, at the latest with its five minutes.
    pub(super) fn forget(&mut self, ip: IpAddr) {
        self.permissions.remove(&ip);
        for (_, channel) in self.channels.iter_mut().filter(|(peer, _)| peer.ip() == ip) {
            channel.ask_at = None;
            channel.is_bound = false;
        }
    }

    /// Whether packets to it are worth sending: a request that is under way is ahead of them.
    pub(super) fn may_send(&self, ip: IpAddr) -> bool {
        self.permissions.get(&ip).is_some_and(|permission| !permission.is_refused)
    }

    /// Up to `max` addresses whose permission is due; they count as asked for.
    pub(super) fn take_due_permissions(&mut self, max: usize, now: Instant) -> Vec<IpAddr> {
        let due = self.permissions.iter_mut().filter(|(_, permission)| permission.ask_at.is_some_and(|at| at <= now));
        let taken = due.take(max).map(|(ip, permission)| {
            permission.ask_at = None;
            *ip
        });
        taken.collect()
    }

    pub(super) fn permitted(&mut self, ip: IpAddr, now: Instant) {
        if let Some(permission) = self.permissions.get_mut(&ip) {
            *permission = Permission { ask_at: Some(now + PERMISSION_RENEWAL), is_refused: false };
            self.note_due(now + PERMISSION_RENEWAL);
        }
    }

    pub(super) fn refused(&mut self, ip: IpAddr, now: Instant) {
        if let Some(permission) = self.permissions.get_mut(&ip) {
            *permission = Permission { ask_at: Some(now + REFUSED_PAUSE), is_refused: true };
            self.note_due(now + REFUSED_PAUSE);
        }
    }

    /// Asks again as soon as may be: the request was lost.
    pub(super) fn ask_again(&mut self, ip: IpAddr, now: Instant) {
        if let Some(permission) = self.permissions.get_mut(&ip) {
            permission.ask_at = Some(now);
            self.note_due(now);
        }
    }

    /// The channel a packet to `peer` may take. Traffic earns it one.
    pub(super) fn channel_for(&mut self, peer: SocketAddr, now: Instant) -> Option<u16> {
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.used_at = Some(now);
            if channel.is_bound {
                return channel.number;
            }
            channel.packets = channel.packets.saturating_add(1);
            if channel.packets == PACKETS_FOR_CHANNEL {
                self.earn(peer, now);
            }
            return None;
        }
        if self.channels.len() >= self.channels_max {
            self.drop_rested(now);
        }
        if self.channels.len() < self.channels_max {
            self.channels.insert(peer, Channel { packets: 1, used_at: Some(now), ..Channel::default() });
        }
        None
    }

    fn earn(&mut self, peer: SocketAddr, now: Instant) {
        let Some(channel) = self.channels.get_mut(&peer) else { return };
        if channel.number.is_none() {
            let mut number = self.next_number;
            while self.by_number.contains_key(&number) {
                number = next_number(number);
            }
            self.next_number = next_number(number);
            self.by_number.insert(number, peer);
            channel.number = Some(number);
        }
        channel.ask_at = Some(now);
        self.note_due(now);
    }

    /// The next channel that is to be asked for or renewed; it counts as asked for.
    pub(super) fn take_due_channel(&mut self, now: Instant) -> Option<(SocketAddr, u16)> {
        for (peer, channel) in &mut self.channels {
            if channel.ask_at.is_none_or(|at| at > now) {
                continue;
            }
            channel.ask_at = None;
            // Nobody used it since it was last bound: it is left to end, and earned anew when it is needed.
            if channel.is_bound && channel.used_at < channel.bound_at {
                channel.is_bound = false;
                channel.packets = 0;
            } else if let Some(number) = channel.number {
                return Some((*peer, number));
            }
        }
        None
    }

    pub(super) fn bound(&mut self, peer: SocketAddr, now: Instant) {
        if let Some(channel) = self.channels.get_mut(&peer).filter(|channel| channel.number.is_some()) {
            channel.is_bound = true;
            channel.bound_at = Some(now);
            channel.ask_at = Some(now + CHANNEL_RENEWAL);
            self.note_due(now + CHANNEL_RENEWAL);
        }
    }

    /// The server refused it, or did not answer: packets go without.
    pub(super) fn unbound(&mut self, peer: SocketAddr) {
        if let Some(channel) = self.channels.get_mut(&peer) {
            channel.is_bound = false;
            channel.ask_at = None;
            channel.packets = PACKETS_FOR_CHANNEL;
        }
    }

    pub(super) fn peer_of(&self, channel: u16) -> Option<SocketAddr> {
        self.by_number.get(&channel).copied()
    }

    /// When there may be something to take.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// To be called when everything that was due has been taken.
    pub(super) fn all_taken(&mut self) {
        let permissions = self.permissions.values().filter_map(|permission| permission.ask_at);
        self.due = permissions.chain(self.channels.values().filter_map(|channel| channel.ask_at)).min();
    }

    /// Forgets peers without traffic whose number, if they had one, has rested.
    fn drop_rested(&mut self, now: Instant) {
        let is_rested = |channel: &Channel| {
            let since = channel.bound_at.max(channel.used_at);
            !channel.is_bound && channel.ask_at.is_none() && since.is_none_or(|since| now >= since + CHANNEL_REST)
        };
        let by_number = &mut self.by_number;
        self.channels.retain(|_, channel| {
            let is_over = is_rested(channel);
            if let Some(number) = channel.number.filter(|_| is_over) {
                by_number.remove(&number);
            }
            !is_over
        });
    }
}

fn next_number(number: u16) -> u16 {
    if number >= *CHANNELS.end() { *CHANNELS.start() } else { number + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn earn(peers: &mut Peers, peer: SocketAddr, now: Instant) -> Option<(SocketAddr, u16)> {
        for _ in 0..PACKETS_FOR_CHANNEL {
            assert_eq!(peers.channel_for(peer, now), None);
        }
        peers.take_due_channel(now)
    }

    #[test]
    fn traffic_earns_a_channel_and_its_lack_loses_it() {
        let (mut peers, start) = (Peers::new(4), Instant::now());
        let (of, number) = earn(&mut peers, peer(1), start).unwrap();
        assert_eq!(of, peer(1));
        peers.bound(peer(1), start);
        assert_eq!(peers.channel_for(peer(1), start + Duration::from_secs(1)), Some(number));
        peers.all_taken();
        let renewal = peers.next_timeout().unwrap();
        assert_eq!(peers.take_due_channel(renewal), Some((peer(1), number)));
        peers.bound(peer(1), renewal);
        peers.all_taken();
        let idle = peers.next_timeout().unwrap();
        assert_eq!(peers.take_due_channel(idle), None);
        assert_eq!(peers.channel_for(peer(1), idle), None);
        assert_eq!(peers.peer_of(number), Some(peer(1)), "what is still on its way is understood");
    }

    #[test]
    fn channels_are_bounded_and_their_numbers_rest_before_they_are_used_again() {
        let (mut peers, start) = (Peers::new(2), Instant::now());
        for port in [1, 2] {
            assert!(earn(&mut peers, peer(port), start).is_some());
        }
        assert_eq!(earn(&mut peers, peer(3), start), None);
        let later = start + CHANNEL_REST;
        let (_, number) = earn(&mut peers, peer(3), later).unwrap();
        assert_eq!(number, 0x4002);
        assert_eq!(peers.peer_of(0x4000), None);
    }

    #[test]
    fn a_refused_permission_stops_packets_and_is_asked_for_again_later() {
        let (mut peers, now) = (Peers::new(2), Instant::now());
        let ip = peer(1).ip();
        assert!(!peers.may_send(ip));
        peers.permit(ip, now);
        assert!(peers.may_send(ip));
        assert_eq!(peers.take_due_permissions(8, now), [ip]);
        assert_eq!(peers.take_due_permissions(8, now), [] as [IpAddr; 0]);
        peers.refused(ip, now);
        assert!(!peers.may_send(ip));
        assert_eq!(peers.take_due_permissions(8, now + REFUSED_PAUSE), [ip]);
        peers.permitted(ip, now);
        peers.all_taken();
        assert_eq!(peers.next_timeout(), Some(now + PERMISSION_RENEWAL));
        peers.forget(ip);
        peers.all_taken();
        assert_eq!((peers.next_timeout(), peers.may_send(ip)), (None, false));
    }
}
