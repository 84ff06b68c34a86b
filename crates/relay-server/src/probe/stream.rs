//! A session over TCP or TLS, with whichever thread the connection falls to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use sangam_net::connect_tls_dangerous_unverified;
use sangam_turn_proto::next_frame;

use super::session::{Next, Session, Trouble};
use super::{Identity, Probed, reachable};

/// What a stream listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    Plain,
    Tls,
}

/// How a client on this host comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    /// As bound.
    pub(crate) addr: SocketAddr,
    pub(crate) layer: Layer,
    pub(crate) wants_proxy_header: bool,
}

/// "The PROXY protocol", 2020/03/05, §2.2: version 2, command LOCAL (the proxy speaks for itself), no address.
const PROXY_LOCAL: [u8; 16] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The longest message that a session is answered with.
const MESSAGE_BYTES_MAX: usize = 1_500;

/// Has a session through `door`, until `deadline` at the latest.
pub(super) fn probe(door: Door, identity: &Identity<'_>, deadline: Instant) -> Probed {
    let (mut session, request) = identity.session();
    let outcome = connect(door, deadline).and_then(|(mut stream, tcp)| {
        let outcome = converse(&mut session, request, &mut stream, &tcp, deadline);
        if let Some(request) = session.give_up() {
            // If it does not arrive, the end of the connection ends the allocation.
            stream.write_all(&request).ok();
        }
        outcome
    });
    let outcome = outcome.unwrap_or_else(|error| {
        let is_silence = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        Err(if is_silence { Trouble::Silent } else { Trouble::Broken(error.to_string()) })
    });
    let name = match door.layer {
        Layer::Plain => "TCP",
        Layer::Tls => "TLS",
    };
    Probed { place: format!("{name} {}", door.addr), outcome: outcome.map_err(|trouble| (session.step(), trouble)) }
}

trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

/// The stream, and the connection under it.
fn connect(door: Door, deadline: Instant) -> io::Result<(Box<dyn Duplex>, TcpStream)> {
    let mut tcp = TcpStream::connect_timeout(&reachable(door.addr), left(deadline))?;
    tcp.set_nodelay(true)?;
    if door.wants_proxy_header {
        tcp.write_all(&PROXY_LOCAL)?;
    }
    let under = tcp.try_clone()?;
    let stream: Box<dyn Duplex> = match door.layer {
        Layer::Plain => Box::new(tcp),
        Layer::Tls => {
            tcp.set_read_timeout(Some(left(deadline)))?;
            Box::new(connect_tls_dangerous_unverified(tcp, b"stun.turn")?)
        }
    };
    Ok((stream, under))
}

fn converse(
    session: &mut Session,
    request: Vec<u8>,
    stream: &mut dyn Duplex,
    tcp: &TcpStream,
    deadline: Instant,
) -> io::Result<Result<(), Trouble>> {
    let mut request = Some(request);
    let mut buffer = [0; MESSAGE_BYTES_MAX + 3];
    loop {
        if let Some(request) = request.take() {
            stream.write_all(&request)?;
            stream.flush()?;
        }
        if Instant::now() >= deadline {
            return Ok(Err(Trouble::Silent));
        }
        tcp.set_read_timeout(Some(left(deadline)))?;
        stream.read_exact(&mut buffer[..4])?;
        let frame = next_frame(&buffer[..4], MESSAGE_BYTES_MAX).ok().flatten();
        let Some(frame) = frame else { return Ok(Err(Trouble::Incomplete)) };
        stream.read_exact(&mut buffer[4..frame.total])?;
        match session.handle_message(&buffer[..frame.message]) {
            Next::Wait => {}
            Next::Send(next) => request = Some(next),
            Next::Done(outcome) => return Ok(outcome),
        }
    }
}

/// A millisecond at least: a timeout of zero would be refused.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}
