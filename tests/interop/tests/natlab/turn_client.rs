//! A TURN client that asks for what it must not get, and tells what it was answered.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sangam_auth::turn::LongTermKey;
use sangam_interop::TurnService;
use sangam_turn_proto::{
    AddressFamily, Attribute, AttributeType, ChannelData, Class, Message, MessageBuilder, Method, TransactionId,
    next_frame,
};

pub(crate) struct TurnClient {
    wire: Wire,
    login: Option<Login>,
    username: String,
    password: String,
    requests: u64,
    channels: u16,
    pub(crate) relayed: SocketAddr,
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

struct Login {
    realm: String,
    nonce: String,
    key: [u8; 16],
}

/// The code of an error response, or none for a success.
pub(crate) type Refusal = Option<u16>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

const ANSWER_MAX: Duration = Duration::from_secs(5);
/// A message that is not there within this time does not come: what is waited for with it stays on this machine.
const SILENCE: Duration = Duration::from_millis(300);

impl TurnClient {
    /// A client with an allocation of this family. Call it where the client shall run.
    pub(crate) fn allocate(service: &TurnService, transport: Transport, family: AddressFamily) -> Result<Self> {
        let (username, password) = service.credentials()?;
        let wire = Wire::open(service.addr, transport)?;
        let relayed = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let mut client = Self { wire, login: None, username, password, requests: 0, channels: 0x4000, relayed };
        let family = match family {
            AddressFamily::V4 => 1,
            AddressFamily::V6 => 2,
        };
        let wishes = [Attribute::RequestedTransport(17), Attribute::RequestedAddressFamily(family)];
        let challenge = client.ask(Method::ALLOCATE, &wishes)?;
        ensure!(challenge.refusal == Some(401), "no challenge but {:?}", challenge.refusal);
        let (realm, nonce) = (challenge.realm.context("no realm")?, challenge.nonce.context("no nonce")?);
        let key = LongTermKey::derive(&client.username, &realm, &client.password).0;
        client.login = Some(Login { realm, nonce, key });
        let granted = client.ask(Method::ALLOCATE, &wishes)?;
        client.relayed = granted.relayed.with_context(|| format!("no allocation: {:?}", granted.refusal))?;
        Ok(client)
    }

    pub(crate) fn permit(&mut self, peer: SocketAddr) -> Result<Refusal> {
        Ok(self.ask(Method::CREATE_PERMISSION, &[Attribute::XorPeerAddress(peer)])?.refusal)
    }

    /// Binds the next channel number.
    pub(crate) fn bind_channel(&mut self, peer: SocketAddr) -> Result<Refusal> {
        let attributes = [Attribute::ChannelNumber(self.channels), Attribute::XorPeerAddress(peer)];
        self.channels += 1;
        Ok(self.ask(Method::CHANNEL_BIND, &attributes)?.refusal)
    }

    /// A Send indication: nobody answers it.
    pub(crate) fn send(&mut self, peer: SocketAddr, data: &[u8]) -> Result<()> {
        let message = MessageBuilder::new(Class::Indication, Method::SEND, self.next_transaction())
            .attribute(&Attribute::XorPeerAddress(peer))
            .attribute(&Attribute::Data(data));
        self.wire.send(&message.finish())
    }

    /// Returns once the relay has dealt with everything sent before.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.ask(Method::BINDING, &[]).map(drop)
    }

    /// The next data of a peer; none if none comes soon.
    pub(crate) fn data(&mut self) -> Result<Option<Vec<u8>>> {
        self.wire.wait_at_most(SILENCE)?;
        let mut room = [0; 2_048];
        let received = self.wire.recv(&mut room);
        self.wire.wait_at_most(ANSWER_MAX)?;
        let Ok(len) = received else { return Ok(None) };
        if let Some(data) = ChannelData::decode(&room[..len]) {
            return Ok(Some(room[data.payload].to_vec()));
        }
        let message = Message::decode(&room[..len])?;
        Ok(message.find(AttributeType::DATA).map(<[u8]>::to_vec))
    }

    fn ask(&mut self, method: Method, attributes: &[Attribute<'_>]) -> Result<Response> {
        let transaction = self.next_transaction();
        let mut request = MessageBuilder::new(Class::Request, method, transaction);
        for attribute in attributes {
            request = request.attribute(attribute);
        }
        if let Some(Login { realm, nonce, key }) = &self.login {
            request = request.attribute(&Attribute::Username(&self.username)).attribute(&Attribute::Realm(realm));
            request = request.attribute(&Attribute::Nonce(nonce)).integrity(key);
        }
        self.wire.send(&request.finish())?;
        let mut room = [0; 2_048];
        loop {
            let len = self.wire.recv(&mut room).context("the relay gave no answer")?;
            let Ok(message) = Message::decode(&room[..len]) else { continue };
            if message.transaction() == transaction {
                return Response::read(&message);
            }
        }
    }

    fn next_transaction(&mut self) -> TransactionId {
        self.requests += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.requests.to_be_bytes());
        TransactionId(id)
    }
}

impl Wire {
    fn open(server: SocketAddr, transport: Transport) -> Result<Self> {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let wire = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((any, 0))?;
                socket.connect(server)?;
                Self::Udp(socket)
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(server)?;
                // Small messages one after another must not wait for each other.
                stream.set_nodelay(true)?;
                Self::Tcp(stream)
            }
        };
        wire.wait_at_most(ANSWER_MAX)?;
        Ok(wire)
    }

    fn wait_at_most(&self, time: Duration) -> Result<()> {
        match self {
            Self::Udp(socket) => socket.set_read_timeout(Some(time))?,
            Self::Tcp(stream) => stream.set_read_timeout(Some(time))?,
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) -> Result<()> {
        match self {
            Self::Udp(socket) => socket.send(message).map(drop)?,
            Self::Tcp(stream) => stream.write_all(message)?,
        }
        Ok(())
    }

    /// One whole message.
    fn recv(&mut self, room: &mut [u8]) -> Result<usize> {
        match self {
            Self::Udp(socket) => Ok(socket.recv(room)?),
            Self::Tcp(stream) => {
                stream.read_exact(&mut room[..4])?;
                let Some(frame) = next_frame(&room[..4], room.len())? else { bail!("four bytes begin no frame") };
                stream.read_exact(&mut room[4..frame.total])?;
                Ok(frame.message)
            }
        }
    }
}

/// What a response said.
#[derive(Debug, Default)]
struct Response {
    refusal: Refusal,
    relayed: Option<SocketAddr>,
    realm: Option<String>,
    nonce: Option<String>,
}

impl Response {
    fn read(message: &Message<'_>) -> Result<Self> {
        let mut response = Self::default();
        for raw in message.attributes() {
            match Attribute::decode(raw.kind, raw.value, message.transaction()) {
                Ok(Attribute::ErrorCode { code, .. }) => response.refusal = Some(code),
                Ok(Attribute::XorRelayedAddress(addr)) => response.relayed = Some(addr),
                Ok(Attribute::Realm(realm)) => response.realm = Some(realm.to_owned()),
                Ok(Attribute::Nonce(nonce)) => response.nonce = Some(nonce.to_owned()),
                Ok(_) | Err(_) => {}
            }
        }
        ensure!(
            (message.class() == Class::Error) == response.refusal.is_some(),
            "{:?} without a code",
            message.class()
        );
        Ok(response)
    }
}
