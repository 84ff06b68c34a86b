//! Connection requests by datagrams (TR-069 Amendment 6 Annex G): one socket for all devices, whose binding at a NAT is kept open by
//! STUN as it was before its cookie (RFC 3489).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sangam_cwmp_proto::connection_request::udp::{
    BINDING_CHANGE, CONNECTION_REQUEST_BINDING, CONNECTION_REQUEST_BINDING_VALUE, UdpRequest,
};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::connection::FleetError;

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    /// Where a STUN server sees us: the number of the device that asked, and the address.
    Mapped(u32, SocketAddr),
    /// Somebody wants a device to begin a session. Whose it is its name says.
    Request(Box<UdpRequest>),
}

/// The socket. It ends with this.
pub(super) struct Binding {
    socket: Arc<UdpSocket>,
    server: SocketAddr,
    local: SocketAddr,
    task: JoinHandle<()>,
}

const EXAMPLE: &str = "127.0.0.1:3478";
/// RFC 3489 §11.1, §11.2
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_RESPONSE: u16 = 0x0101;
const MAPPED_ADDRESS: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const HEADER_LEN: usize = 20;
/// Nothing longer is awaited.
const DATAGRAM_BYTES_MAX: usize = 1_500;
/// How often the binding is refreshed (Annex G.2.1.2: no less than `STUNMinimumKeepAlivePeriod`).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(20);

impl Drop for Binding {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Binding {
    /// A socket towards a STUN server, `HOST:PORT`. On loopback it is bound to `source`.
    pub(super) async fn open(
        stun: &str,
        source: Option<Ipv4Addr>,
        heard: mpsc::Sender<Heard>,
    ) -> Result<Self, FleetError> {
        let refused = || FleetError::Url { url: stun.to_owned(), example: EXAMPLE };
        let server = lookup_host(stun).await.map_err(|_| refused())?.next().ok_or_else(refused)?;
        let address: IpAddr = match (server, source) {
            (SocketAddr::V4(_), Some(source)) => source.into(),
            (SocketAddr::V4(_), None) => Ipv4Addr::UNSPECIFIED.into(),
            (SocketAddr::V6(_), _) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let listen = |source| FleetError::Listen { address, source };
        let socket = Arc::new(UdpSocket::bind(SocketAddr::new(address, 0)).await.map_err(listen)?);
        let local = socket.local_addr().map_err(listen)?;
        let task = tokio::spawn(hear(Arc::clone(&socket), server, heard));
        Ok(Self { socket, server, local, task })
    }

    /// Asks for the address of a device, whose request says for whom it is. Nothing waits for it: a lost one is asked again.
    pub(super) fn ask(&self, number: u32, username: &str, has_changed: bool) {
        let request = binding_request(number, username, has_changed);
        // A datagram that does not leave is as one that is lost.
        drop(self.socket.try_send_to(&request, self.server));
    }

    /// Whether an address is another than our own: there is a NAT between.
    pub(super) fn is_translated(&self, mapped: SocketAddr) -> bool {
        mapped.port() != self.local.port() || !self.local.ip().is_unspecified() && mapped.ip() != self.local.ip()
    }
}

async fn hear(socket: Arc<UdpSocket>, server: SocketAddr, heard: mpsc::Sender<Heard>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // An error is that of a datagram before, which nobody took.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let datagram = buffer.get(..length).unwrap_or_default();
        let what = match mapped(datagram) {
            Some((number, address)) if from == server => Some(Heard::Mapped(number, address)),
            Some(_) => None,
            None => UdpRequest::decode(datagram).ok().map(|request| Heard::Request(Box::new(request))),
        };
        if let Some(what) = what
            && heard.send(what).await.is_err()
        {
            return;
        }
    }
}

/// A Binding request for a device (Annex G.2.1.3). The number of the device is its transaction.
fn binding_request(number: u32, username: &str, has_changed: bool) -> Vec<u8> {
    let mut body = Vec::new();
    attribute(&mut body, CONNECTION_REQUEST_BINDING, &CONNECTION_REQUEST_BINDING_VALUE);
    if !username.is_empty() {
        // RFC 3489 §11.2.6: a multiple of four bytes.
        let mut name = username.as_bytes().to_vec();
        name.resize(name.len().next_multiple_of(4), b' ');
        attribute(&mut body, USERNAME, &name);
    }
    if has_changed {
        attribute(&mut body, BINDING_CHANGE, &[]);
    }
    let mut request = Vec::with_capacity(HEADER_LEN + body.len());
    request.extend_from_slice(&BINDING_REQUEST.to_be_bytes());
    request.extend_from_slice(&u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    request.extend_from_slice(&transaction(number));
    request.extend_from_slice(&body);
    request
}

fn transaction(number: u32) -> [u8; 16] {
    let mut transaction = *b"sangam-fleet\0\0\0\0";
    if let Some(end) = transaction.last_chunk_mut::<4>() {
        *end = number.to_be_bytes();
    }
    transaction
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&kind.to_be_bytes());
    body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    body.extend_from_slice(value);
}

/// The device and the address of a Binding response to one of our requests.
fn mapped(datagram: &[u8]) -> Option<(u32, SocketAddr)> {
    let (header, mut rest) = datagram.split_first_chunk::<HEADER_LEN>()?;
    let (kind, header) = header.split_first_chunk::<2>()?;
    let (_, asked) = header.split_first_chunk::<2>()?;
    let number = u32::from_be_bytes(*asked.last_chunk::<4>()?);
    if u16::from_be_bytes(*kind) != BINDING_RESPONSE || *asked != transaction(number) {
        return None;
    }
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let [k0, k1, l0, l1] = *head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = after.get(..length)?;
        if u16::from_be_bytes([k0, k1]) == MAPPED_ADDRESS {
            return Some((number, address(value)?));
        }
        rest = after.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// RFC 3489 §11.2.1
fn address(value: &[u8]) -> Option<SocketAddr> {
    let (&[_, family, p0, p1], ip) = value.split_first_chunk::<4>()?;
    let ip: IpAddr = match family {
        1 => <[u8; 4]>::try_from(ip).ok()?.into(),
        2 => <[u8; 16]>::try_from(ip).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([p0, p1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_request_is_that_of_annex_g() {
        let request = binding_request(7, "user-1", true);
        let mut expected = b"\x00\x01\x00\x28sangam-fleet\0\0\0\x07".to_vec();
        expected.extend_from_slice(b"\xc0\x01\x00\x14dslforum.org/TR-111 ");
        expected.extend_from_slice(b"\x00\x06\x00\x08user-1  ");
        expected.extend_from_slice(b"\xc0\x02\x00\x00");
        assert_eq!(request, expected);
        assert_eq!(binding_request(7, "", false).len(), 20 + 24);
    }

    #[test]
    fn a_response_says_for_whom_it_is_and_where_that_is_seen() {
        let response = b"\x01\x01\x00\x0csangam-fleet\0\0\0\x07\x00\x01\x00\x08\x00\x01\x12\x34\xc6\x12\x00\x01";
        assert_eq!(mapped(response), Some((7, "198.18.0.1:4660".parse().unwrap())));
        for wrong in
            [&response[..30], b"\x01\x01\x00\x00another-one\0\0\0\0\x07", b"GET http://a/ HTTP/1.1\r\n\r\n", b""]
        {
            assert_eq!(mapped(wrong), None);
        }
    }

    #[tokio::test]
    async fn a_server_is_asked_and_its_answer_and_a_request_are_heard() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (sender, mut heard) = mpsc::channel(4);
        let stun = server.local_addr().unwrap().to_string();
        let binding = Binding::open(&stun, Some(Ipv4Addr::LOCALHOST), sender).await.unwrap();
        binding.socket.writable().await.unwrap();
        binding.ask(7, "u", false);
        let mut buffer = [0; 512];
        let (_, from) = server.recv_from(&mut buffer).await.unwrap();
        let [a, b] = from.port().to_be_bytes();
        let mut response = b"\x01\x01\x00\x0csangam-fleet\0\0\0\x07\x00\x01\x00\x08\x00\x01\0\0\x7f\0\0\x01".to_vec();
        response[26..28].copy_from_slice(&[a, b]);
        server.send_to(&response, from).await.unwrap();
        let Some(Heard::Mapped(7, address)) = heard.recv().await else { panic!() };
        assert!(address == from && !binding.is_translated(from));
        assert!(binding.is_translated("198.18.0.1:9".parse().unwrap()));
        let request = format!("GET http://{from}?ts=1&id=1&un=u&cn=abc&sig={} HTTP/1.1\r\n\r\n", "0".repeat(40));
        server.send_to(request.as_bytes(), from).await.unwrap();
        let Some(Heard::Request(request)) = heard.recv().await else { panic!() };
        assert_eq!(request.username, "u");
    }
}
