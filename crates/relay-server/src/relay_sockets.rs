use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use rand::RngExt as _;
use rand::rngs::StdRng;
use sangam_net::Poller;
use sangam_net::udp::{BindError, Socket, SocketBuffers};
use sangam_turn_proto::{AddressFamily, AllocationKey, OpenError, Opened, PortWish, RelayedAddr};

use crate::directory::Directory;
use crate::incarnation::Incarnation;

/// The relay sockets of one thread, by the key of their allocation or reservation.
#[derive(Debug)]
pub(crate) struct RelaySockets {
    sockets: HashMap<AllocationKey, Rc<Socket>, RandomState>,
    addresses: Vec<IpAddr>,
    ports: RangeInclusive<u16>,
    buffers: SocketBuffers,
    directory: Arc<Directory>,
    incarnation: Arc<Incarnation>,
    rng: StdRng,
}

/// A socket as wished for, and the next one with its key if that was wished for too.
struct Bound {
    socket: Socket,
    next: Option<(AllocationKey, Socket)>,
}

/// Ports tried at random. With nine of ten taken, one of a hundred openings needs more than this.
const RANDOM_TRIES: usize = 44;

/// Ports tried one after the other when none was found at random, those of our own left out. Each that another program
/// holds costs a system call.
const SEQUENTIAL_TRIES: usize = 256;

impl RelaySockets {
    pub(crate) fn new(
        addresses: Vec<IpAddr>,
        ports: RangeInclusive<u16>,
        buffers: SocketBuffers,
        directory: Arc<Directory>,
        incarnation: Arc<Incarnation>,
    ) -> Self {
        let sockets = HashMap::with_hasher(RandomState::default());
        Self { sockets, addresses, ports, buffers, directory, incarnation, rng: rand::make_rng() }
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn get(&self, allocation: AllocationKey) -> Option<&Rc<Socket>> {
        self.sockets.get(&allocation)
    }

    /// Opens the relay socket of an allocation on a random port: one that could be foreseen would let a stranger aim
    /// at it. Clients of the days when RTP took one port and RTCP the next ask for an even one, and for its neighbour.
    pub(crate) fn open(
        &mut self,
        poller: &Poller,
        allocation: AllocationKey,
        family: AddressFamily,
        port: PortWish,
    ) -> Result<Opened, OpenError> {
        let of_family = |ip: &&IpAddr| AddressFamily::of(**ip) == family;
        let addresses: Vec<IpAddr> = self.addresses.iter().filter(of_family).copied().collect();
        if addresses.is_empty() || self.incarnation.is_superseded() {
            return Err(OpenError::Refused);
        }
        let first = self.rng.random_range(0..addresses.len());
        for offset in 0..addresses.len() {
            let ip = addresses[(first + offset) % addresses.len()];
            if let Some(bound) = self.bind(ip, port)? {
                return self.adopt_all(poller, allocation, bound);
            }
        }
        Err(OpenError::NoPortLeft)
    }

    fn adopt_all(&mut self, poller: &Poller, allocation: AllocationKey, bound: Bound) -> Result<Opened, OpenError> {
        let relayed = self.adopt(poller, allocation, bound.socket)?;
        let Some((key, socket)) = bound.next else { return Ok(Opened::from(relayed)) };
        match self.adopt(poller, key, socket) {
            Ok(next) => Ok(Opened { relayed, next: Some((key, next)) }),
            Err(error) => {
                self.close(poller, allocation);
                Err(error)
            }
        }
    }

    /// Makes a socket that is bound already that of an allocation.
    pub(crate) fn adopt(
        &mut self,
        poller: &Poller,
        allocation: AllocationKey,
        socket: Socket,
    ) -> Result<RelayedAddr, OpenError> {
        let addr = socket.local();
        if poller.add(&socket, allocation.0).is_err() {
            self.directory.release(addr, self.incarnation.owner);
            return Err(OpenError::Refused);
        }
        self.directory.claim(addr, self.incarnation.owner);
        self.sockets.insert(allocation, Rc::new(socket));
        Ok(RelayedAddr(addr))
    }

    /// Gives a socket away. Its port stays claimed until the taker claims it.
    pub(crate) fn take(&mut self, poller: &Poller, allocation: AllocationKey) -> Option<Socket> {
        let socket = self.sockets.remove(&allocation)?;
        // It is there: it was added when it was opened.
        poller.remove(&*socket).ok();
        let local = socket.local();
        let socket = Rc::into_inner(socket);
        if socket.is_none() {
            // Something still waits to be sent from it.
            self.directory.release(local, self.incarnation.owner);
        }
        socket
    }

    /// Closes a socket that was given to somebody who is no more.
    pub(crate) fn discard(&self, socket: Socket) {
        // The entry is the giver's: made ours, it can be taken back.
        self.directory.claim(socket.local(), self.incarnation.owner);
        self.directory.release(socket.local(), self.incarnation.owner);
        drop(socket);
    }

    /// Closes the relay socket of an allocation, once nothing waits to be sent from it.
    pub(crate) fn close(&mut self, poller: &Poller, allocation: AllocationKey) {
        if let Some(socket) = self.sockets.remove(&allocation) {
            self.directory.release(socket.local(), self.incarnation.owner);
            // It is there: it was added when it was opened.
            poller.remove(&*socket).ok();
        }
    }

    fn bind(&mut self, ip: IpAddr, wish: PortWish) -> Result<Option<Bound>, OpenError> {
        let (first, last) = (*self.ports.start(), *self.ports.end());
        for _ in 0..RANDOM_TRIES {
            let port = self.rng.random_range(first..=last);
            if fits(wish, port, last)
                && let Some(bound) = self.try_bind_as_wished(SocketAddr::new(ip, port), wish)?
            {
                return Ok(Some(bound));
            }
        }
        let middle = self.rng.random_range(first..=last);
        let ports = (middle..=last)
            .chain(first..middle)
            .filter(|&port| fits(wish, port, last))
            .map(|port| SocketAddr::new(ip, port));
        let free: Vec<SocketAddr> =
            ports.filter(|addr| self.directory.owner(*addr).is_none()).take(SEQUENTIAL_TRIES).collect();
        for addr in free {
            if let Some(bound) = self.try_bind_as_wished(addr, wish)? {
                return Ok(Some(bound));
            }
        }
        Ok(None)
    }

    /// `None` if the port, or the next where that is wished for, is taken.
    fn try_bind_as_wished(&self, addr: SocketAddr, wish: PortWish) -> Result<Option<Bound>, OpenError> {
        let Some(socket) = self.try_bind(addr)? else { return Ok(None) };
        let next = match wish {
            PortWish::Any | PortWish::Even => None,
            PortWish::EvenAndNext { next } => {
                // An even port has one after it.
                let Some(socket) = self.try_bind(SocketAddr::new(addr.ip(), addr.port() + 1))? else {
                    return Ok(None);
                };
                Some((next, socket))
            }
        };
        Ok(Some(Bound { socket, next }))
    }

    /// `None` if the port is taken.
    fn try_bind(&self, addr: SocketAddr) -> Result<Option<Socket>, OpenError> {
        if self.directory.owner(addr).is_some() {
            return Ok(None);
        }
        match Socket::bind(addr, self.buffers) {
            Ok(socket) => Ok(Some(socket)),
            Err(BindError::InUse { .. } | BindError::NotPermitted { .. }) => Ok(None),
            Err(BindError::NoDescriptorLeft { .. }) => Err(OpenError::NoDescriptorLeft),
            Err(error) => {
                tracing::debug!(%addr, %error, "a relay socket was refused");
                Err(OpenError::Refused)
            }
        }
    }
}

impl Drop for RelaySockets {
    /// However the thread ends: its ports are nobody's.
    fn drop(&mut self) {
        for socket in self.sockets.values() {
            self.directory.release(socket.local(), self.incarnation.owner);
        }
    }
}

/// RFC 8656 §7.2: whether a port will do, with the last of the range known.
fn fits(wish: PortWish, port: u16, last: u16) -> bool {
    match wish {
        PortWish::Any => true,
        PortWish::Even => port.is_multiple_of(2),
        PortWish::EvenAndNext { .. } => port.is_multiple_of(2) && port < last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incarnation::Owner;

    /// A loopback address that no other test uses, so that all its ports are free.
    fn own_address() -> IpAddr {
        let host: u32 = rand::rng().random_range(1..0x00FF_FFFF);
        IpAddr::V4((0x7F00_0000 | host).into())
    }

    fn incarnation(thread: u16) -> Arc<Incarnation> {
        Incarnation::new(Owner { thread, life: 0 })
    }

    fn sockets(ports: RangeInclusive<u16>) -> (RelaySockets, Poller) {
        let ip = own_address();
        let directory = Arc::new(Directory::new([ip], &ports));
        let sockets = RelaySockets::new(vec![ip], ports, SocketBuffers::default(), directory, incarnation(0));
        (sockets, Poller::new(1).unwrap())
    }

    #[test]
    fn every_port_of_the_range_is_found_before_none_is_left_and_again_when_closed() {
        let (mut sockets, poller) = sockets(20_000..=20_039);
        let mut opened = std::collections::BTreeSet::new();
        for key in 0..40 {
            let addr = open(&mut sockets, &poller, key, PortWish::Any).unwrap();
            assert_eq!(sockets.directory.owner(addr), Some(0));
            opened.insert(addr.port());
        }
        assert!(opened.into_iter().eq(20_000..=20_039));
        assert_eq!(open(&mut sockets, &poller, 99, PortWish::Any), Err(OpenError::NoPortLeft));
        let freed = sockets.get(AllocationKey(7)).unwrap().local();
        sockets.close(&poller, AllocationKey(7));
        assert_eq!(open(&mut sockets, &poller, 99, PortWish::Any), Ok(freed));
        assert_eq!(sockets.len(), 40);
    }

    #[test]
    fn a_port_that_another_program_holds_is_passed_over() {
        let (mut sockets, poller) = sockets(20_000..=20_001);
        let taken = std::net::UdpSocket::bind((sockets.addresses[0], 20_000)).unwrap();
        let addr = open(&mut sockets, &poller, 0, PortWish::Any).unwrap();
        assert_ne!(addr, taken.local_addr().unwrap());
        assert_eq!(open(&mut sockets, &poller, 1, PortWish::Any), Err(OpenError::NoPortLeft));
    }

    #[test]
    fn a_family_without_a_relay_address_is_refused() {
        let (mut sockets, poller) = sockets(20_000..=20_001);
        assert_eq!(sockets.open(&poller, AllocationKey(0), AddressFamily::V6, PortWish::Any), Err(OpenError::Refused));
    }

    #[test]
    fn an_even_port_is_even_while_there_is_one() {
        let (mut sockets, poller) = sockets(20_000..=20_019);
        for key in 0..10 {
            assert!(open(&mut sockets, &poller, key, PortWish::Even).is_ok_and(|addr| addr.port() % 2 == 0));
        }
        assert_eq!(open(&mut sockets, &poller, 99, PortWish::Even), Err(OpenError::NoPortLeft));
        assert!(open(&mut sockets, &poller, 99, PortWish::Any).is_ok());
    }

    #[test]
    fn an_even_port_and_the_next_are_opened_together_or_not_at_all() {
        let (mut sockets, poller) = sockets(20_000..=20_006);
        let _taken = std::net::UdpSocket::bind((sockets.addresses[0], 20_003)).unwrap();
        for key in [0, 2] {
            let wish = PortWish::EvenAndNext { next: AllocationKey(key + 1) };
            let opened = sockets.open(&poller, AllocationKey(key), AddressFamily::V4, wish).unwrap();
            let (next_key, RelayedAddr(next)) = opened.next.unwrap();
            assert!([20_000, 20_004].contains(&opened.relayed.0.port()));
            assert_eq!(
                (next_key, next.ip(), next.port()),
                (AllocationKey(key + 1), opened.relayed.0.ip(), opened.relayed.0.port() + 1)
            );
            assert_eq!(sockets.get(next_key).unwrap().local(), next);
        }
        let wish = PortWish::EvenAndNext { next: AllocationKey(99) };
        assert_eq!(open(&mut sockets, &poller, 98, wish), Err(OpenError::NoPortLeft));
        assert_eq!(sockets.len(), 4, "20002 and 20006, which have no neighbour, were left alone");
        assert!(open(&mut sockets, &poller, 98, PortWish::Even).is_ok());
        assert!(open(&mut sockets, &poller, 99, PortWish::Even).is_ok());
    }

    #[test]
    fn a_socket_given_away_is_registered_with_its_taker_alone() {
        let (mut giver, poller) = sockets(20_000..=20_001);
        let ip = giver.addresses[0];
        let directory = Arc::clone(&giver.directory);
        let mut taker =
            RelaySockets::new(vec![ip], 20_000..=20_001, SocketBuffers::default(), directory, incarnation(1));
        let addr = open(&mut giver, &poller, 0, PortWish::Any).unwrap();
        let socket = giver.take(&poller, AllocationKey(0)).unwrap();
        assert_eq!(taker.adopt(&Poller::new(1).unwrap(), AllocationKey(7), socket), Ok(RelayedAddr(addr)));
        assert_eq!((giver.len(), taker.len(), taker.directory.owner(addr)), (0, 1, Some(1)));
        assert!(giver.take(&poller, AllocationKey(0)).is_none());
    }

    fn open(sockets: &mut RelaySockets, poller: &Poller, key: u64, port: PortWish) -> Result<SocketAddr, OpenError> {
        let opened = sockets.open(poller, AllocationKey(key), AddressFamily::V4, port);
        opened.map(|opened| opened.relayed.0)
    }

    #[test]
    fn the_ports_of_a_thread_that_is_gone_are_free_again_and_one_that_is_superseded_opens_none() {
        let (mut first, poller) = sockets(20_000..=20_001);
        let (ip, directory) = (first.addresses[0], Arc::clone(&first.directory));
        let addr = open(&mut first, &poller, 0, PortWish::Any).unwrap();
        first.incarnation.supersede();
        assert_eq!(open(&mut first, &poller, 1, PortWish::Any), Err(OpenError::Refused));
        directory.release_all(first.incarnation.owner);
        let heir = Incarnation::new(Owner { thread: 0, life: 1 });
        let ports = 20_000..=20_001;
        let mut heir = RelaySockets::new(vec![ip], ports, SocketBuffers::default(), directory, heir);
        let other = open(&mut heir, &poller, 0, PortWish::Any).unwrap();
        assert_ne!(other, addr, "the other life still holds the socket");
        assert_eq!(open(&mut heir, &poller, 1, PortWish::Any), Err(OpenError::NoPortLeft));
        drop(first);
        assert_eq!(open(&mut heir, &poller, 1, PortWish::Any), Ok(addr));
        assert_eq!((heir.directory.owner(addr), heir.directory.owner(other)), (Some(0), Some(0)));
    }
}
