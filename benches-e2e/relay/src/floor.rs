use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use anyhow::{Context, Result};
use clap::Args;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use sangam_net::Poller;
use sangam_net::udp::{BATCH_MAX, RecvBatch, SendBatch, Socket, SocketBuffers};
use sangam_turn_proto::ChannelData;
use slab::Slab;

use crate::turn::CHANNEL;

/// The floor: takes and gives ChannelData on one socket, and has a socket for each client towards its peer, as a TURN
/// server does, but knows no lifetime, permission, user or second channel.
#[derive(Args)]
pub(crate) struct Floor;

/// What a client tells the floor before it relays: byte 0, then text. Data begins with a channel number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Answered with the relayed address.
    Allocate,
    /// Answered with nothing but byte 0.
    Bind(SocketAddr),
    /// Answered likewise.
    Release,
}

impl Order {
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Allocate => vec![0],
            Self::Bind(peer) => format!("\0{peer}").into_bytes(),
            Self::Release => b"\0-".to_vec(),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.strip_prefix(b"\0")?).ok()?;
        match text {
            "" => Some(Self::Allocate),
            "-" => Some(Self::Release),
            peer => peer.parse().ok().map(Self::Bind),
        }
    }
}

struct Forwarder {
    listener: Rc<Socket>,
    clients: Slab<FloorClient>,
    by_address: HashMap<SocketAddr, usize, RandomState>,
    by_relayed: HashMap<SocketAddr, usize, RandomState>,
    poller: Poller,
    batch: RecvBatch,
    sends: SendBatch<Rc<Socket>>,
}

struct FloorClient {
    addr: SocketAddr,
    relay: Rc<Socket>,
    target: Option<Target>,
}

/// Where a client's data goes.
#[derive(Clone, Copy)]
enum Target {
    Peer(SocketAddr),
    /// The peer is the relayed address of another client: straight to that one.
    Client(usize),
}

const LISTENER: u64 = u64::MAX;
const DATAGRAM_BYTES_MAX: usize = 2_048;
const LISTEN_BUFFERS: SocketBuffers = SocketBuffers { receive_bytes: Some(4 << 20), send_bytes: Some(4 << 20) };

impl Floor {
    pub(crate) fn run(&self) -> Result<()> {
        let listener = Socket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), LISTEN_BUFFERS)?;
        let mut out = std::io::stdout();
        writeln!(out, "listening {}", listener.local())?;
        out.flush()?;
        Forwarder::new(listener)?.run()
    }
}

impl Forwarder {
    fn new(listener: Socket) -> Result<Self> {
        let poller = Poller::new(256)?;
        poller.add(&listener, LISTENER)?;
        Ok(Self {
            listener: Rc::new(listener),
            clients: Slab::new(),
            by_address: HashMap::with_hasher(RandomState::default()),
            by_relayed: HashMap::with_hasher(RandomState::default()),
            poller,
            batch: RecvBatch::new(DATAGRAM_BYTES_MAX),
            sends: SendBatch::new(),
        })
    }

    fn run(mut self) -> Result<()> {
        let mut ready = Vec::new();
        loop {
            self.poller.wait(&mut ready, None)?;
            for &token in &ready {
                if token == LISTENER {
                    self.serve_listener()?;
                } else {
                    self.serve_relay(usize::try_from(token)?)?;
                }
            }
            self.flush();
        }
    }

    fn serve_listener(&mut self) -> Result<()> {
        self.flush();
        let listener = Rc::clone(&self.listener);
        for index in self.batch.fill(&listener, BATCH_MAX)?.datagrams {
            let Some(datagram) = self.batch.datagram(index) else { continue };
            let from = datagram.from;
            match ChannelData::decode(datagram.bytes) {
                Some(data) => self.forward(index, from, data),
                None => match Order::decode(datagram.bytes) {
                    Some(order) => self.obey(from, order)?,
                    None => continue,
                },
            }
        }
        Ok(())
    }

    fn forward(&mut self, index: usize, from: SocketAddr, data: ChannelData) {
        let Some(client) = self.by_address.get(&from).map(|&client| &self.clients[client]) else { return };
        match client.target {
            Some(Target::Peer(peer)) => {
                let slice = self.batch.slice(index, data.payload);
                self.sends.push_received(Rc::clone(&client.relay), peer, None, slice);
            }
            Some(Target::Client(other)) => {
                // The header stands before the payload already.
                let slice = self.batch.slice(index, 0..data.payload.end);
                let Some(other) = self.clients.get(other) else { return };
                self.sends.push_received(Rc::clone(&self.listener), other.addr, None, slice);
            }
            None => {}
        }
    }

    fn serve_relay(&mut self, client: usize) -> Result<()> {
        if self.batch.room() < RELAY_BATCH {
            self.flush();
        }
        // Released earlier in the same wake.
        let Some(FloorClient { addr, relay, .. }) = self.clients.get(client) else { return Ok(()) };
        for index in self.batch.fill(relay, RELAY_BATCH)?.datagrams {
            let Some(datagram) = self.batch.datagram(index) else { continue };
            let len = datagram.bytes.len();
            let header = ChannelData::encode_header(CHANNEL, u16::try_from(len)?);
            let slice = self.batch.wrap(index, 0..len, &header, 0);
            self.sends.push_received(Rc::clone(&self.listener), *addr, None, slice);
        }
        Ok(())
    }

    fn obey(&mut self, from: SocketAddr, order: Order) -> Result<()> {
        let answer = match order {
            Order::Allocate => format!("\0{}", self.open(from)?),
            Order::Bind(peer) => {
                let client = *self.by_address.get(&from).context("a client binds before it allocates")?;
                let own = self.by_relayed.get(&peer).copied();
                self.clients[client].target = Some(own.map_or(Target::Peer(peer), Target::Client));
                "\0".to_owned()
            }
            Order::Release => {
                let client = self.by_address.remove(&from).context("a client releases before it allocates")?;
                let relay = self.clients.remove(client).relay;
                self.by_relayed.remove(&relay.local());
                self.poller.remove(&*relay)?;
                "\0".to_owned()
            }
        };
        self.sends.push_owned(Rc::clone(&self.listener), from, None, answer.into_bytes());
        Ok(())
    }

    fn open(&mut self, client: SocketAddr) -> Result<SocketAddr> {
        let relay = Socket::bind(SocketAddr::new(self.listener.local().ip(), 0), SocketBuffers::default())?;
        let relayed = relay.local();
        let entry = self.clients.vacant_entry();
        self.poller.add(&relay, entry.key() as u64)?;
        self.by_address.insert(client, entry.key());
        self.by_relayed.insert(relayed, entry.key());
        entry.insert(FloorClient { addr: client, relay: Rc::new(relay), target: None });
        Ok(relayed)
    }

    fn flush(&mut self) {
        // What cannot be sent is lost; the generator counts it.
        self.sends.flush(&self.batch, |_, _| {});
        self.batch.clear();
    }
}

/// Datagrams taken from one client's relay socket at a time.
const RELAY_BATCH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_written_and_data_is_none() {
        for order in [Order::Allocate, Order::Bind("127.0.0.1:9".parse().unwrap()), Order::Release] {
            assert_eq!(Order::decode(&order.encode()), Some(order));
        }
        assert_eq!(Order::decode(&[0x40, 0, 0, 0]), None);
        assert_eq!(Order::decode(b"\0x"), None);
    }
}
