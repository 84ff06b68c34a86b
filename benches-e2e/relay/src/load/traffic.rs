use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sangam_net::Poller;
use sangam_net::udp::{BATCH_MAX, RecvBatch, SendBatch, Socket, SocketBuffers};
use sangam_turn_proto::ChannelData;

use super::{Mode, SILENCE};
use crate::service::{Service, Session};
use crate::turn::CHANNEL;

/// Clients and their peers, all on one thread, and the count of what they sent and got.
pub(super) struct Traffic {
    mode: Mode,
    clients: Vec<Client>,
    peers: Vec<Peer>,
    /// As a client sends it: channel header, payload.
    packet: Vec<u8>,
    next: usize,
    sent: u64,
    delivered: u64,
    under_way: u64,
    last_arrival: Instant,
    poller: Poller,
    ready: Vec<u64>,
    batch: RecvBatch,
    echoes: SendBatch<Rc<Socket>>,
}

struct Client {
    session: Session,
    relayed: SocketAddr,
}

struct Peer {
    socket: Rc<Socket>,
    /// The same socket, for single packets.
    sender: UdpSocket,
}

/// Clients share peers, as they share a media server.
const PEERS_MAX: usize = 8;
const PEER_BUFFERS: SocketBuffers = SocketBuffers { receive_bytes: Some(4 << 20), send_bytes: Some(4 << 20) };
const PEER_TOKENS: u64 = 1 << 32;
const DATAGRAM_BYTES_MAX: usize = 2_048;

impl Traffic {
    pub(super) fn set_up(service: &Service, mode: Mode, clients: usize, payload_bytes: usize) -> Result<Self> {
        ensure!(clients > 0 && clients.is_multiple_of(2), "clients come in pairs; give an even number");
        ensure!(payload_bytes + ChannelData::HEADER_LEN <= DATAGRAM_BYTES_MAX, "the payload is too long");
        let mut packet = ChannelData::encode_header(CHANNEL, u16::try_from(payload_bytes)?).to_vec();
        packet.resize(packet.len() + payload_bytes, 0xA5);
        let poller = Poller::new(256)?;
        let peers = peers(service, &poller, clients.min(PEERS_MAX))?;
        let clients = connect(service, mode, &peers, clients)?;
        for (client, token) in clients.iter().zip(0..) {
            poller.add(client.session.socket(), token)?;
        }
        Ok(Self {
            mode,
            clients,
            peers,
            packet,
            next: 0,
            sent: 0,
            delivered: 0,
            under_way: 0,
            last_arrival: Instant::now(),
            poller,
            ready: Vec::new(),
            batch: RecvBatch::new(DATAGRAM_BYTES_MAX),
            echoes: SendBatch::new(),
        })
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Closed loop: sends until `window` packets are under way, then takes what arrives.
    pub(super) fn keep_under_way(&mut self, window: u64) -> Result<()> {
        self.send(window.saturating_sub(self.under_way))?;
        self.receive(SILENCE)?;
        // What a server lost would narrow the window for the rest of the step.
        if self.last_arrival.elapsed() > SILENCE {
            self.under_way = 0;
            self.last_arrival = Instant::now();
        }
        Ok(())
    }

    /// Takes what still arrives until nothing has for `silence`.
    pub(super) fn drain(&mut self, silence: Duration) -> Result<()> {
        self.last_arrival = Instant::now();
        while self.last_arrival.elapsed() < silence {
            self.receive(silence)?;
        }
        Ok(())
    }

    /// Gives all allocations up.
    pub(super) fn release(self) -> Result<()> {
        self.clients.into_iter().try_for_each(|client| client.session.release())
    }

    /// Sends `count` packets, one for each client in turn.
    pub(super) fn send(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            let client = &self.clients[self.next];
            let result = match self.mode {
                Mode::Up | Mode::Echo | Mode::Pair => client.session.socket().send(&self.packet),
                Mode::Down => {
                    let peer = &self.peers[self.next % self.peers.len()];
                    peer.sender.send_to(&self.packet[ChannelData::HEADER_LEN..], client.relayed)
                }
            };
            self.next = (self.next + 1) % self.clients.len();
            match result {
                Ok(_) => {
                    self.sent += 1;
                    self.under_way += 1;
                }
                // Our own queue is full: not a packet that the server lost.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Waits up to `patience` for a packet, then takes what there is.
    pub(super) fn receive(&mut self, patience: Duration) -> Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(&mut ready, Some(patience))?;
        let before = self.delivered;
        for &token in &ready {
            match token.checked_sub(PEER_TOKENS) {
                Some(peer) => self.receive_at_peer(usize::try_from(peer)?)?,
                None => self.receive_at_client(usize::try_from(token)?)?,
            }
        }
        self.ready = ready;
        if self.delivered > before {
            self.last_arrival = Instant::now();
        }
        Ok(())
    }

    /// One packet: the socket is reported again while it has more.
    fn receive_at_client(&mut self, client: usize) -> Result<()> {
        let mut room = [0; DATAGRAM_BYTES_MAX];
        match self.clients[client].session.socket().recv(&mut room) {
            // On a stream of 32-bit words a server may pad; over UDP the length is exact.
            Ok(len) if len == self.packet.len() && self.mode != Mode::Up => self.count(1),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn receive_at_peer(&mut self, peer: usize) -> Result<()> {
        self.batch.clear();
        let socket = &self.peers[peer].socket;
        let arrived = self.batch.fill(socket, BATCH_MAX)?.datagrams;
        let payload = self.packet.len() - ChannelData::HEADER_LEN;
        let mut whole = 0;
        for index in arrived {
            let Some(datagram) = self.batch.datagram(index).filter(|datagram| datagram.bytes.len() == payload) else {
                continue;
            };
            whole += 1;
            if self.mode == Mode::Echo {
                let slice = self.batch.slice(index, 0..payload);
                self.echoes.push_received(Rc::clone(socket), datagram.from, None, slice);
            }
        }
        if self.mode == Mode::Up {
            self.count(whole);
        }
        // An echo that cannot be sent is missed at its client and counted there as lost.
        self.echoes.flush(&self.batch, |_, _| {});
        Ok(())
    }

    fn count(&mut self, packets: u64) {
        self.delivered += packets;
        self.under_way = self.under_way.saturating_sub(packets);
    }
}

fn peers(service: &Service, poller: &Poller, count: usize) -> Result<Vec<Peer>> {
    let mut peers = Vec::with_capacity(count);
    for token in (PEER_TOKENS..).take(count) {
        let socket = Socket::bind(SocketAddr::new(service.server().ip(), 0), PEER_BUFFERS)?;
        poller.add(&socket, token)?;
        let sender = UdpSocket::from(socket.as_fd().try_clone_to_owned()?);
        peers.push(Peer { socket: Rc::new(socket), sender });
    }
    Ok(peers)
}

/// Makes all clients; then each binds its channel to its peer, which in a pair is its neighbour's relayed address.
fn connect(service: &Service, mode: Mode, peers: &[Peer], count: usize) -> Result<Vec<Client>> {
    let mut sessions = Vec::with_capacity(count);
    for index in 0..count {
        sessions.push(service.allocate(index)?);
    }
    let relayed: Vec<SocketAddr> = sessions.iter().map(|(_, relayed)| *relayed).collect();
    let mut clients = Vec::with_capacity(count);
    for (index, (mut session, relayed_addr)) in sessions.into_iter().enumerate() {
        let peer = match mode {
            Mode::Pair => relayed[index ^ 1],
            Mode::Up | Mode::Down | Mode::Echo => peers[index % peers.len()].socket.local(),
        };
        session.bind(peer)?;
        session.socket().set_nonblocking(true)?;
        clients.push(Client { session, relayed: relayed_addr });
    }
    Ok(clients)
}
