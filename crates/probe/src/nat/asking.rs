//! Binding requests from one socket to several servers at once, whose answers may come from anywhere.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use stun_types::attribute::{AttributeType, RawAttribute, XorMappedAddress};
use stun_types::message::{BINDING, Message, MessageClass, MessageWrite as _, MessageWriteExt as _, MessageWriteVec};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// From where a server is asked to answer (RFC 5780 §7.2, CHANGE-REQUEST).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// From where it was asked.
    Same,
    /// From its other port.
    OtherPort,
    /// From its other address and port.
    OtherAddress,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) to: SocketAddr,
    pub(super) from: From,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A success response.
    Bound(Bound),
    /// An error response: the server does not do it.
    Refused,
    /// Nothing.
    Silence,
}

/// A success response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// Who sent it.
    pub(super) sender: SocketAddr,
    /// This socket, as the server sees it.
    pub(super) mapped: SocketAddr,
    /// The server's other address and port (RFC 5780 §7.4).
    pub(super) other: Option<SocketAddr>,
}

const CHANGE_REQUEST: u16 = 0x0003;
const OTHER_ADDRESS: u16 = 0x802c;
/// RFC 8489 §6.2.1.
const RTO: Duration = Duration::from_millis(500);

impl Reply {
    pub(super) fn bound(self) -> Option<Bound> {
        match self {
            Self::Bound(bound) => Some(bound),
            Self::Refused | Self::Silence => None,
        }
    }
}

/// A socket of the family of `like`.
pub(super) async fn socket(like: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).await
}

/// Asks all of them, again and again until each has answered or `patience` is over. The replies stand in the order of the
/// questions.
pub(super) async fn ask(socket: &UdpSocket, questions: &[Question], patience: Duration) -> Vec<Reply> {
    let mut replies = vec![Reply::Silence; questions.len()];
    let mut open: HashMap<u128, usize> = HashMap::new();
    let mut requests = Vec::new();
    for (at, question) in questions.iter().enumerate() {
        let (transaction, bytes) = request(question.from);
        open.insert(transaction, at);
        requests.push((transaction, question.to, bytes));
    }
    let (end, mut pause) = (Instant::now() + patience, RTO);
    let mut buffer = [0; 1_500];
    while !open.is_empty() && Instant::now() < end {
        for (_, to, bytes) in requests.iter().filter(|(transaction, ..)| open.contains_key(transaction)) {
            // What cannot be sent is as good as lost.
            let _sent: io::Result<usize> = socket.send_to(bytes, to).await;
        }
        let until = end.min(Instant::now() + pause);
        while !open.is_empty() {
            let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await else { break };
            // An ICMP error of some packet before: the others are waited for.
            let Ok((length, sender)) = received else { continue };
            let Some((transaction, reply)) = read(buffer.get(..length).unwrap_or_default(), sender) else { continue };
            if let Some(at) = open.remove(&transaction)
                && let Some(place) = replies.get_mut(at)
            {
                *place = reply;
            }
        }
        pause *= 2;
    }
    replies
}

fn request(from: From) -> (u128, Vec<u8>) {
    let mut message = Message::builder_request(BINDING, MessageWriteVec::new());
    let transaction = message.transaction_id();
    // RFC 5780 §7.2: bit 0x04 changes the address, 0x02 the port.
    let flags: [u8; 4] = match from {
        From::Same => [0; 4],
        From::OtherPort => [0, 0, 0, 0x02],
        From::OtherAddress => [0, 0, 0, 0x06],
    };
    if from != From::Same {
        // Four bytes fit into every message.
        let _written = message.add_attribute(&RawAttribute::new(AttributeType::new(CHANGE_REQUEST), &flags));
    }
    (transaction.into(), message.finish())
}

fn read(bytes: &[u8], sender: SocketAddr) -> Option<(u128, Reply)> {
    let message = Message::from_bytes(bytes).ok()?;
    let transaction = message.transaction_id();
    let reply = match message.class() {
        MessageClass::Success => {
            let mapped = message.attribute::<XorMappedAddress>().ok()?.addr(transaction);
            let other = message.raw_attribute(AttributeType::new(OTHER_ADDRESS));
            Reply::Bound(Bound { sender, mapped, other: other.and_then(|other| plain_address(&other.value)) })
        }
        MessageClass::Error => Reply::Refused,
        MessageClass::Request | MessageClass::Indication => return None,
    };
    Some((transaction.into(), reply))
}

/// An address as MAPPED-ADDRESS has it (RFC 8489 §14.1).
fn plain_address(value: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, high, low], address) = value.split_first_chunk::<4>()?;
    let ip: IpAddr = match family {
        1 => <[u8; 4]>::try_from(address).ok()?.into(),
        2 => <[u8; 16]>::try_from(address).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_what_is_none_is_not() {
        assert_eq!(plain_address(&[0, 1, 0x0d, 0x96, 20, 0, 0, 2]), Some("20.0.0.2:3478".parse().unwrap()));
        let v6 = [&[0, 2, 0, 5][..], &Ipv6Addr::LOCALHOST.octets()].concat();
        assert_eq!(plain_address(&v6), Some("[::1]:5".parse().unwrap()));
        for broken in [&[][..], &[0, 1, 0], &[0, 1, 0, 5, 1, 2, 3], &[0, 3, 0, 5, 1, 2, 3, 4]] {
            assert_eq!(plain_address(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn requests_and_noise_are_no_replies() {
        let (_, request) = request(From::OtherAddress);
        assert!(request.windows(8).any(|window| window == [0, 3, 0, 4, 0, 0, 0, 6]));
        let from = "20.0.0.2:3478".parse().unwrap();
        assert_eq!(read(&request, from), None);
        assert_eq!(read(b"hello", from), None);
    }

    #[tokio::test]
    async fn a_closed_port_is_silence() {
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let socket = socket(closed).await.unwrap();
        let question = Question { to: closed, from: From::Same };
        assert_eq!(ask(&socket, &[question], Duration::from_millis(20)).await, [Reply::Silence]);
    }
}
