use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use sangam_net::udp::ListenGroup;
use sangam_turn_proto::{Class, Message, MessageBuilder, Method, TransactionId};

/// The outcome of asking one listen address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Probed {
    pub(crate) addr: SocketAddr,
    /// Sockets of the address that were asked: one for each thread, or one if the kernel decides whom we meet.
    pub(crate) asked: usize,
    /// Of these, the threads that did not answer.
    pub(crate) silent: Vec<usize>,
}

/// Sends a Binding request (RFC 8489 §2) to each thread's socket of `group` as a client would, and waits for the
/// answers until `deadline`.
pub(crate) fn probe(group: &ListenGroup, deadline: Instant) -> io::Result<Probed> {
    let target = reachable(group.local());
    let mut clients = clients_for_each_member(group, target)?;
    let asked = clients.len();
    for client in &clients {
        client.socket.send(&client.request)?;
    }
    clients.retain(|client| !client.is_answered(deadline));
    Ok(Probed { addr: group.local(), asked, silent: clients.iter().map(|client| client.member).collect() })
}

/// Whether the TCP listener bound to `local` answers a Binding request until `deadline`.
pub(crate) fn probe_stream(local: SocketAddr, deadline: Instant) -> bool {
    let transaction = TransactionId(rand::random());
    let request = MessageBuilder::new(Class::Request, Method::BINDING, transaction).fingerprint().finish();
    // A millisecond at least: a timeout of zero would wait for ever.
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&reachable(local), left())?;
        stream.write_all(&request)?;
        let mut header = [0; 20];
        stream.set_read_timeout(Some(left()))?;
        stream.read_exact(&mut header)?;
        // A success response to Binding (RFC 8489 §5) to what was asked.
        Ok(header[..2] == [0x01, 0x01] && header[8..] == transaction.0)
    };
    ask().unwrap_or(false)
}

struct ProbeClient {
    socket: UdpSocket,
    member: usize,
    transaction: TransactionId,
    request: Vec<u8>,
}

/// Sockets are opened until each thread's is met. With 64 threads and a fair spread, one of 10^12 probes would need
/// more of them for each thread than this.
const TRIES_PER_MEMBER: usize = 32;

fn clients_for_each_member(group: &ListenGroup, target: SocketAddr) -> io::Result<Vec<ProbeClient>> {
    let members = group.sockets().len();
    let mut clients: Vec<ProbeClient> = Vec::with_capacity(members);
    // Kept open, so that each try gets another port.
    let mut spare = Vec::new();
    for _ in 0..members * TRIES_PER_MEMBER {
        let socket = UdpSocket::bind(SocketAddr::new(unspecified(target), 0))?;
        socket.connect(target)?;
        let member = group.member_for(socket.local_addr()?);
        if clients.iter().any(|client| Some(client.member) == member) {
            spare.push(socket);
            continue;
        }
        clients.push(ProbeClient::new(socket, member.unwrap_or(0)));
        if clients.len() == members || member.is_none() {
            break;
        }
    }
    Ok(clients)
}

impl ProbeClient {
    fn new(socket: UdpSocket, member: usize) -> Self {
        let transaction = TransactionId(rand::random());
        let request = MessageBuilder::new(Class::Request, Method::BINDING, transaction).fingerprint().finish();
        Self { socket, member, transaction, request }
    }

    fn is_answered(&self, deadline: Instant) -> bool {
        let mut answer = [0; 512];
        loop {
            // A millisecond at least: a timeout of zero would wait for ever.
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            if self.socket.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            match self.socket.recv(&mut answer) {
                Ok(len) if self.is_its_answer(&answer[..len]) => return true,
                Ok(_) if Instant::now() < deadline => {}
                Ok(_) | Err(_) => return false,
            }
        }
    }

    fn is_its_answer(&self, bytes: &[u8]) -> bool {
        Message::decode(bytes).is_ok_and(|message| {
            message.class() == Class::Success
                && message.method() == Method::BINDING
                && message.transaction() == self.transaction
        })
    }
}

/// Where a client on this host reaches an address that we are bound to.
fn reachable(local: SocketAddr) -> SocketAddr {
    let ip = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, local.port())
}

fn unspecified(target: SocketAddr) -> IpAddr {
    match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}
