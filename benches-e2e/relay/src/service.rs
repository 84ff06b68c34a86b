use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::floor::Order;
use crate::turn::{Credentials, TurnClient};

/// The server that is measured.
#[derive(Args)]
pub(crate) struct Service {
    /// Where it takes clients
    #[arg(long)]
    server: SocketAddr,
    /// Its process, whose CPU time and memory are read
    #[arg(long)]
    pub(crate) pid: u32,
    /// The shared secret of its time-limited credentials; without one it is the floor
    #[arg(long)]
    secret: Option<String>,
}

/// A client with a relayed address, before its channel is bound.
pub(crate) enum Session {
    Turn(TurnClient),
    Floor(UdpSocket),
}

impl Service {
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// # Errors
    /// The server speaks no TURN.
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        Credentials::new(self.secret.as_deref().context("this needs --secret")?)
    }

    /// Makes the client of this index and its relayed address.
    ///
    /// # Errors
    /// The server refuses or is silent.
    pub(crate) fn allocate(&self, index: usize) -> Result<(Session, SocketAddr)> {
        if self.secret.is_none() {
            let socket = UdpSocket::bind((self.server.ip(), 0))?;
            socket.connect(self.server)?;
            socket.set_read_timeout(Some(Duration::from_secs(2)))?;
            let answer = ask_floor(&socket, &Order::Allocate)?;
            return Ok((Session::Floor(socket), answer.parse()?));
        }
        let mut client = TurnClient::new(self.server)?;
        client.ask_allocate()?;
        client.challenged(&self.credentials()?, index)?;
        client.ask_allocate()?;
        let relayed = client.allocated()?;
        Ok((Session::Turn(client), relayed))
    }
}

impl Session {
    /// Joins the client's channel to a peer.
    ///
    /// # Errors
    /// The server refuses or is silent.
    pub(crate) fn bind(&mut self, peer: SocketAddr) -> Result<()> {
        match self {
            Self::Turn(client) => {
                client.ask_channel(peer)?;
                client.succeeded()
            }
            Self::Floor(socket) => ask_floor(socket, &Order::Bind(peer)).map(drop),
        }
    }

    /// What the client relays on.
    pub(crate) fn socket(&self) -> &UdpSocket {
        match self {
            Self::Turn(client) => client.socket(),
            Self::Floor(socket) => socket,
        }
    }

    /// Gives the relayed address up: the next step's clients may get the same ports.
    ///
    /// # Errors
    /// The server refuses or is silent.
    pub(crate) fn release(mut self) -> Result<()> {
        self.socket().set_nonblocking(false)?;
        match &mut self {
            Self::Turn(client) => {
                client.ask_release()?;
                client.succeeded()
            }
            Self::Floor(socket) => ask_floor(socket, &Order::Release).map(drop),
        }
    }
}

fn ask_floor(socket: &UdpSocket, order: &Order) -> Result<String> {
    socket.send(&order.encode())?;
    let mut room = [0; 128];
    let len = socket.recv(&mut room).context("the floor gave no answer")?;
    ensure!(len > 0 && room[0] == 0, "the floor answered with data");
    Ok(std::str::from_utf8(&room[1..len])?.to_owned())
}
