//! Whether a NAT carries packets of one host behind it to another by their addresses outside (RFC 4787 §6).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::asking::{From, Question, ask, socket};

/// What one socket sends the other.
const WORD: &[u8] = b"sangam-probe-hairpin";
const PAUSE: Duration = Duration::from_millis(200);
const ROUNDS: u32 = 4;

/// Two sockets learn their addresses outside and send each other there: both, so that a filter lets in the second at least.
/// `None`: it could not be tested.
pub(super) async fn test(server: SocketAddr, patience: Duration) -> Option<bool> {
    let (one, other) = (socket(server).await.ok()?, socket(server).await.ok()?);
    let one_outside = outside(&one, server, patience).await?;
    let other_outside = outside(&other, server, patience).await?;
    for _ in 0..ROUNDS {
        let sent = (one.send_to(WORD, other_outside).await, other.send_to(WORD, one_outside).await);
        let until = Instant::now() + PAUSE;
        let heard = tokio::select! {
            heard = hears(&one, until) => heard,
            heard = hears(&other, until) => heard,
        };
        if heard {
            return Some(true);
        }
        // The network says at once that it leads nowhere.
        if sent.0.is_err() && sent.1.is_err() {
            break;
        }
    }
    Some(false)
}

async fn outside(socket: &UdpSocket, server: SocketAddr, patience: Duration) -> Option<SocketAddr> {
    let replies = ask(socket, &[Question { to: server, from: From::Same }], patience).await;
    replies.first().and_then(|reply| reply.bound()).map(|bound| bound.mapped)
}

async fn hears(socket: &UdpSocket, until: Instant) -> bool {
    let mut buffer = [0; 64];
    while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
        if received.is_ok_and(|(length, _)| buffer.get(..length) == Some(WORD)) {
            return true;
        }
    }
    false
}
