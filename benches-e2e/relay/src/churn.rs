use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use sangam_bench_common::process::resident_bytes;
use sangam_turn_proto::ChannelData;
use serde::Serialize;

use crate::control::{ABREAST, in_ranks};
use crate::service::Service;
use crate::turn::{CHANNEL, Credentials, TurnClient};

#[derive(Args)]
pub(crate) struct Churn {
    #[command(flatten)]
    service: Service,
    /// Kept alive all the time
    #[arg(long, default_value_t = 10_000)]
    allocations: usize,
    /// Before the first reading
    #[arg(long, default_value_t = 30.0)]
    warm_up_seconds: f64,
    #[arg(long, default_value_t = 600.0)]
    seconds: f64,
    /// Between two readings
    #[arg(long, default_value_t = 1.0)]
    every_seconds: f64,
}

/// What ending and beginning allocations all the time showed.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    allocations: usize,
    /// Ended, and another begun in its place, since the first reading.
    churned: u64,
    /// Datagrams that went to the peer and came back, since the first reading.
    echoed: u64,
    /// Those that did not.
    lost: u64,
    /// Of the server, one at a time.
    resident_bytes: Vec<u64>,
}

/// A peer that sends back what it gets.
struct EchoPeer {
    socket: UdpSocket,
}

/// Clients and the server stand on two addresses: each has all ports of its own.
const CLIENTS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Nobody is there: a permission beside the channel's.
const SECOND_PEER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Of each client; no more than the socket buffer of the peer holds of a whole rank.
const DATAGRAMS: usize = 2;
const PAYLOAD: [u8; 32] = *b"a little data for a moment alive";
const ECHO_MAX: Duration = Duration::from_millis(500);

/// The clients of one server, in the order of their age.
struct Population<'a> {
    service: &'a Service,
    credentials: Credentials,
    peer: EchoPeer,
    clients: Vec<TurnClient>,
    /// Allocations begun so far: user names go with it, so that they change as those of time-limited credentials do.
    begun: usize,
    oldest: usize,
    outcome: Outcome,
}

impl Churn {
    pub(crate) fn run(&self) -> Result<impl Serialize + use<>> {
        ensure!(self.service.server().ip().is_loopback(), "the server must stand on loopback");
        let mut population = Population::new(&self.service, self.allocations)?;
        population.churn_for(Duration::from_secs_f64(self.warm_up_seconds), || Ok(()))?;
        population.outcome = Outcome { allocations: self.allocations, ..Outcome::default() };
        let (pid, every) = (self.service.pid, Duration::from_secs_f64(self.every_seconds));
        let mut readings = vec![resident_bytes(pid)?];
        let mut read_last = Instant::now();
        population.churn_for(Duration::from_secs_f64(self.seconds), || {
            if read_last.elapsed() >= every {
                readings.push(resident_bytes(pid)?);
                read_last = Instant::now();
            }
            Ok(())
        })?;
        population.outcome.resident_bytes = readings;
        population.end()
    }
}

impl<'a> Population<'a> {
    fn new(service: &'a Service, allocations: usize) -> Result<Self> {
        let credentials = service.credentials()?;
        let peer = EchoPeer::bind(service.server().ip())?;
        let outcome = Outcome::default();
        let mut population = Self { service, credentials, peer, clients: Vec::new(), begun: 0, oldest: 0, outcome };
        while population.clients.len() < allocations {
            let mut rank = population.newcomers(ABREAST.min(allocations - population.clients.len()))?;
            population.begin(&mut rank)?;
            population.clients.append(&mut rank);
        }
        Ok(population)
    }

    /// Ends the oldest and begins others in their place, rank by rank, and calls `between` after each.
    fn churn_for(&mut self, time: Duration, mut between: impl FnMut() -> Result<()>) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < time {
            let end = self.clients.len().min(self.oldest + ABREAST);
            let rank = &mut self.clients[self.oldest..end];
            in_ranks(rank, TurnClient::ask_release, TurnClient::succeeded)?;
            let mut newcomers = self.newcomers(end - self.oldest)?;
            self.begin(&mut newcomers)?;
            self.outcome.churned += newcomers.len() as u64;
            for (place, newcomer) in self.clients[self.oldest..end].iter_mut().zip(newcomers) {
                *place = newcomer;
            }
            self.oldest = if end == self.clients.len() { 0 } else { end };
            between()?;
        }
        Ok(())
    }

    fn newcomers(&self, count: usize) -> Result<Vec<TurnClient>> {
        (0..count).map(|_| TurnClient::bound_to(CLIENTS.into(), self.service.server())).collect()
    }

    /// Allocation, permission, channel, and data to the peer and back.
    fn begin(&mut self, rank: &mut [TurnClient]) -> Result<()> {
        let peer = self.peer.addr()?;
        rank.iter_mut().try_for_each(TurnClient::ask_allocate)?;
        for client in &mut *rank {
            client.challenged(&self.credentials, self.begun)?;
            self.begun += 1;
            client.ask_allocate()?;
        }
        rank.iter_mut().try_for_each(|client| client.allocated().map(drop))?;
        let second = SocketAddr::new(SECOND_PEER.into(), peer.port());
        in_ranks(rank, |client| client.ask_permission(second), TurnClient::succeeded)?;
        in_ranks(rank, |client| client.ask_channel(peer), TurnClient::succeeded)?;
        self.exchange(rank)
    }

    fn exchange(&mut self, rank: &[TurnClient]) -> Result<()> {
        let header = ChannelData::encode_header(CHANNEL, u16::try_from(PAYLOAD.len())?);
        let message = [&header[..], &PAYLOAD].concat();
        for client in rank {
            for _ in 0..DATAGRAMS {
                client.socket().send(&message)?;
            }
        }
        self.peer.send_back(rank.len() * DATAGRAMS)?;
        for client in rank {
            let echoed = echoes(client.socket(), &message)?;
            self.outcome.echoed += echoed;
            self.outcome.lost += DATAGRAMS as u64 - echoed;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Outcome> {
        in_ranks(&mut self.clients, TurnClient::ask_release, TurnClient::succeeded)?;
        Ok(self.outcome)
    }
}

impl EchoPeer {
    fn bind(ip: IpAddr) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).context("cannot open a socket for the peer")?;
        socket.set_read_timeout(Some(ECHO_MAX))?;
        Ok(Self { socket })
    }

    fn addr(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// Sends so many datagrams back, or those that come.
    fn send_back(&self, count: usize) -> Result<()> {
        let mut room = [0; 128];
        for _ in 0..count {
            match self.socket.recv_from(&mut room) {
                Ok((len, from)) => drop(self.socket.send_to(&room[..len], from)?),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// How many of a client's datagrams came back.
fn echoes(socket: &UdpSocket, message: &[u8]) -> Result<u64> {
    let mut room = [0; 128];
    let mut echoed = 0;
    for _ in 0..DATAGRAMS {
        match socket.recv(&mut room) {
            Ok(len) => {
                ensure!(&room[..len] == message, "something else came back");
                echoed += 1;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(echoed)
}
