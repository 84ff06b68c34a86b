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

/// The longest message that a session is answered with.
const MESSAGE_BYTES_MAX: usize = 1_500;

/// Has a session over the listener bound to `local`, until `deadline` at the latest.
pub(super) fn probe(local: SocketAddr, layer: Layer, identity: &Identity<'_>, deadline: Instant) -> Probed {
    let (mut session, request) = identity.session();
    let outcome = connect(local, layer, deadline).and_then(|(mut stream, tcp)| {
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
    let name = match layer {
        Layer::Plain => "TCP",
        Layer::Tls => "TLS",
    };
    Probed { place: format!("{name} {local}"), outcome: outcome.map_err(|trouble| (session.step(), trouble)) }
}

trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

/// The stream, and the connection under it.
fn connect(local: SocketAddr, layer: Layer, deadline: Instant) -> io::Result<(Box<dyn Duplex>, TcpStream)> {
    let tcp = TcpStream::connect_timeout(&reachable(local), left(deadline))?;
    tcp.set_nodelay(true)?;
    let under = tcp.try_clone()?;
    let stream: Box<dyn Duplex> = match layer {
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
