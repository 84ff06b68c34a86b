//! A TURN client that waits for each answer.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use sangam_auth::turn::{LongTermKey, LongTermKeySha256, RestCredential, userhash};
use sangam_turn_proto::{
    Attribute, AttributeType, ChannelData, Class, Message, MessageBuilder, Method, ReservationToken, TransactionId,
    next_frame,
};

pub(crate) struct Client {
    pub(crate) socket: Wire,
    credential: RestCredential,
    realm: String,
    nonce: String,
    /// Whether requests give the hash of the name alone.
    pub(crate) hides_name: bool,
}

/// What a response said.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) error: Option<u16>,
    pub(crate) relayed: Option<SocketAddr>,
    /// The IPv6 one beside `relayed`, or alone where another was asked for.
    pub(crate) relayed_v6: Option<SocketAddr>,
    /// Family and code of ADDRESS-ERROR-CODE.
    pub(crate) lacking: Option<(u8, u16)>,
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) alternate: Option<SocketAddr>,
    pub(crate) lifetime: Option<u32>,
    pub(crate) token: Option<ReservationToken>,
    pub(crate) ticket: Option<Vec<u8>>,
    nonce: Option<String>,
    realm: Option<String>,
}

/// What reached the client that is no response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Channel(u16, Vec<u8>),
    Indication(SocketAddr, Vec<u8>),
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) trait Duplex: Read + Write + Send {
    fn local(&self) -> SocketAddr;
}

impl Duplex for TcpStream {
    fn local(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }
}

/// What carries whole messages.
pub(crate) enum Wire {
    Udp(UdpSocket),
    Stream(RefCell<Box<dyn Duplex>>),
}

impl Wire {
    pub(crate) fn local_addr(&self) -> std::io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Stream(stream) => Ok(stream.borrow().local()),
        }
    }

    /// On streams ChannelData is padded to four bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(bytes).map(drop),
            Self::Stream(stream) => {
                let mut padded = bytes.to_vec();
                padded.resize(bytes.len().next_multiple_of(4), 0);
                stream.borrow_mut().write_all(&padded)
            }
        }
    }

    pub(crate) fn recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(buffer),
            Self::Stream(stream) => {
                let mut stream = stream.borrow_mut();
                stream.read_exact(&mut buffer[..4])?;
                let frame = next_frame(&buffer[..4], buffer.len()).unwrap().unwrap();
                stream.read_exact(&mut buffer[4..frame.total])?;
                Ok(frame.message)
            }
        }
    }
}

impl Client {
    pub(crate) fn new(server: SocketAddr, credential: RestCredential) -> Self {
        let ip = if server.is_ipv4() { "127.0.0.1" } else { "::1" };
        Self::bound_to(ip, server, credential)
    }

    /// Over UDP, from an address of its own.
    pub(crate) fn bound_to(ip: &str, server: SocketAddr, credential: RestCredential) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket: Wire::Udp(socket), credential, realm: String::new(), nonce: String::new(), hides_name: false }
    }

    pub(crate) fn over(stream: impl Duplex + 'static, credential: RestCredential) -> Self {
        let stream = RefCell::new(Box::new(stream));
        Self { socket: Wire::Stream(stream), credential, realm: String::new(), nonce: String::new(), hides_name: false }
    }

    /// Waits for data no longer than a moment, over UDP.
    pub(crate) fn be_impatient(&self) {
        let Wire::Udp(socket) = &self.socket else { return };
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// An allocation, and its relayed address.
    pub(crate) fn allocate(&mut self) -> SocketAddr {
        let response = self.try_allocate();
        assert_eq!(response.error, None);
        response.relayed.expect("a success has a relayed address")
    }

    pub(crate) fn try_allocate(&mut self) -> Response {
        let family = if self.addr().is_ipv4() { 1 } else { 2 };
        self.request(Method::ALLOCATE, &[Attribute::RequestedTransport(17), Attribute::RequestedAddressFamily(family)])
    }

    /// An allocation that can be moved: its relayed address, and the ticket.
    pub(crate) fn allocate_mobile(&mut self) -> (SocketAddr, Vec<u8>) {
        let attributes = [Attribute::RequestedTransport(17), Attribute::MobilityTicket(&[])];
        let response = self.request(Method::ALLOCATE, &attributes);
        assert_eq!(response.error, None);
        (response.relayed.unwrap(), response.ticket.expect("a ticket"))
    }

    pub(crate) fn try_move(&mut self, ticket: &[u8]) -> Response {
        self.request(Method::REFRESH, &[Attribute::MobilityTicket(ticket)])
    }

    /// Moves the allocation of this ticket here, and gives the next ticket.
    pub(crate) fn move_here(&mut self, ticket: &[u8]) -> Vec<u8> {
        let response = self.try_move(ticket);
        assert_eq!(response.error, None);
        response.ticket.expect("a new ticket")
    }

    pub(crate) fn free(&mut self) {
        assert_eq!(self.request(Method::REFRESH, &[Attribute::Lifetime(0)]).error, None);
    }

    pub(crate) fn permit(&mut self, peer: SocketAddr) {
        assert_eq!(self.try_permit(peer).error, None);
    }

    pub(crate) fn try_permit(&mut self, peer: SocketAddr) -> Response {
        self.request(Method::CREATE_PERMISSION, &[Attribute::XorPeerAddress(peer)])
    }

    pub(crate) fn bind_channel(&mut self, number: u16, peer: SocketAddr) {
        let attributes = [Attribute::ChannelNumber(number), Attribute::XorPeerAddress(peer)];
        assert_eq!(self.request(Method::CHANNEL_BIND, &attributes).error, None);
    }

    pub(crate) fn send_on_channel(&self, number: u16, data: &[u8]) {
        let header = ChannelData::encode_header(number, u16::try_from(data.len()).unwrap());
        self.socket.send(&[&header[..], data].concat()).unwrap();
    }

    pub(crate) fn send_to_peer(&self, peer: SocketAddr, data: &[u8]) {
        let message = MessageBuilder::new(Class::Indication, Method::SEND, TransactionId(rand::random()))
            .attribute(&Attribute::XorPeerAddress(peer))
            .attribute(&Attribute::Data(data))
            .finish();
        self.socket.send(&message).unwrap();
    }

    /// A request with the credential; a challenge is answered once.
    pub(crate) fn request(&mut self, method: Method, attributes: &[Attribute<'_>]) -> Response {
        let response = self.request_once(method, attributes);
        let (Some(401 | 438), Some(nonce), Some(realm)) = (response.error, &response.nonce, &response.realm) else {
            return response;
        };
        let is_first = self.nonce.is_empty() || response.error == Some(438);
        (self.nonce, self.realm) = (nonce.clone(), realm.clone());
        if is_first { self.request_once(method, attributes) } else { response }
    }

    pub(crate) fn request_once(&self, method: Method, attributes: &[Attribute<'_>]) -> Response {
        let transaction = TransactionId(rand::random());
        let mut message = MessageBuilder::new(Class::Request, method, transaction);
        for attribute in attributes {
            message = message.attribute(attribute);
        }
        if !self.nonce.is_empty() {
            let RestCredential { username, password, .. } = &self.credential;
            let hash = userhash(username, &self.realm);
            let user = if self.hides_name { Attribute::Userhash(&hash) } else { Attribute::Username(username) };
            message = message
                .attribute(&user)
                .attribute(&Attribute::Realm(&self.realm))
                .attribute(&Attribute::Nonce(&self.nonce))
                .integrity(&LongTermKey::derive(username, &self.realm, password).0);
        }
        self.socket.send(&message.fingerprint().finish()).unwrap();
        self.response(transaction)
    }

    /// An allocation as a client of RFC 8489 asks for it: with a key by SHA-256.
    pub(crate) fn allocate_by_sha256(&mut self) -> Response {
        let challenge = self.request_once(Method::ALLOCATE, &[Attribute::RequestedTransport(17)]);
        let (nonce, realm) = (challenge.nonce.unwrap(), challenge.realm.unwrap());
        let RestCredential { username, password, .. } = &self.credential;
        let transaction = TransactionId(rand::random());
        let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, transaction)
            .attribute(&Attribute::RequestedTransport(17))
            .attribute(&Attribute::Username(username))
            .attribute(&Attribute::Realm(&realm))
            .attribute(&Attribute::Nonce(&nonce))
            .attribute(&Attribute::Other(AttributeType::PASSWORD_ALGORITHMS, &[0, 2, 0, 0, 0, 1, 0, 0]))
            .attribute(&Attribute::Other(AttributeType::PASSWORD_ALGORITHM, &[0, 2, 0, 0]))
            .integrity_sha256(&LongTermKeySha256::derive(username, &realm, password).0)
            .finish();
        self.socket.send(&request).unwrap();
        self.response(transaction)
    }

    /// The bytes that the smallest Allocate request is answered with.
    pub(crate) fn challenge(&self) -> Vec<u8> {
        let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, TransactionId(rand::random())).finish();
        self.socket.send(&request).unwrap();
        let mut buffer = vec![0; 2_048];
        let len = self.socket.recv(&mut buffer).expect("the server answers");
        buffer.truncate(len);
        buffer
    }

    fn response(&self, transaction: TransactionId) -> Response {
        let mut buffer = [0; 2_048];
        loop {
            let len = self.socket.recv(&mut buffer).expect("the server answers");
            let Ok(message) = Message::decode(&buffer[..len]) else { continue };
            if message.transaction() == transaction {
                return Response::from(&message);
            }
        }
    }

    /// The next data.
    pub(crate) fn data(&self) -> Data {
        self.try_data().expect("data arrives")
    }

    /// The next data; none if none comes in time.
    pub(crate) fn try_data(&self) -> Option<Data> {
        let mut buffer = vec![0; 65_536];
        loop {
            let len = self.socket.recv(&mut buffer).ok()?;
            let bytes = &buffer[..len];
            if let Some(data) = ChannelData::decode(bytes) {
                return Some(Data::Channel(data.number, bytes[data.payload].to_vec()));
            }
            let message = Message::decode(bytes).expect("either ChannelData or STUN");
            let attribute = |kind| {
                let value = message.find(kind)?;
                Attribute::decode(kind, value, message.transaction()).ok()
            };
            if let (Some(Attribute::XorPeerAddress(peer)), Some(Attribute::Data(data))) =
                (attribute(AttributeType::XOR_PEER_ADDRESS), attribute(AttributeType::DATA))
            {
                return Some(Data::Indication(peer, data.to_vec()));
            }
        }
    }

    /// Whether a Binding request is answered: then everything sent before has been dealt with.
    pub(crate) fn sync(&self) {
        let transaction = TransactionId(rand::random());
        let request = MessageBuilder::new(Class::Request, Method::BINDING, transaction).finish();
        self.socket.send(&request).unwrap();
        assert_eq!(self.response(transaction).error, None);
    }
}

impl From<&Message<'_>> for Response {
    fn from(message: &Message<'_>) -> Self {
        let mut response = Self::default();
        for raw in message.attributes() {
            match Attribute::decode(raw.kind, raw.value, message.transaction()) {
                Ok(Attribute::ErrorCode { code, .. }) => response.error = Some(code),
                Ok(Attribute::XorRelayedAddress(addr)) => {
                    response.relayed = response.relayed.or(Some(addr));
                    response.relayed_v6 = response.relayed_v6.or(Some(addr).filter(SocketAddr::is_ipv6));
                }
                Ok(Attribute::AddressErrorCode { family, code, .. }) => response.lacking = Some((family, code)),
                Ok(Attribute::XorMappedAddress(addr)) => response.mapped = Some(addr),
                Ok(Attribute::AlternateServer(addr)) => response.alternate = Some(addr),
                Ok(Attribute::Lifetime(secs)) => response.lifetime = Some(secs),
                Ok(Attribute::ReservationToken(token)) => response.token = Some(token),
                Ok(Attribute::MobilityTicket(ticket)) => response.ticket = Some(ticket.to_vec()),
                Ok(Attribute::Nonce(nonce)) => response.nonce = Some(nonce.to_owned()),
                Ok(Attribute::Realm(realm)) => response.realm = Some(realm.to_owned()),
                Ok(_) | Err(_) => {}
            }
        }
        assert_eq!(message.class() == Class::Error, response.error.is_some());
        response
    }
}

/// A peer that sends back what it gets, until it is dropped.
pub(crate) struct EchoPeer {
    addr: SocketAddr,
    thread: Option<std::thread::JoinHandle<()>>,
}

const STOP: &[u8] = b"stop echoing";

impl EchoPeer {
    pub(crate) fn start(ip: IpAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        let addr = socket.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let (len, from) = socket.recv_from(&mut buffer).unwrap();
                if &buffer[..len] == STOP {
                    return;
                }
                socket.send_to(&buffer[..len], from).unwrap();
            }
        });
        Self { addr, thread: Some(thread) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for EchoPeer {
    fn drop(&mut self) {
        UdpSocket::bind((self.addr.ip(), 0)).unwrap().send_to(STOP, self.addr).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}
