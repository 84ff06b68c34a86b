use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use sangam_auth::turn::{LongTermKey, RestOptions, RestSecret, RestSecrets};
use sangam_turn_proto::{Attribute, AttributeType, Class, Message, MessageBuilder, Method, TransactionId};
use sangam_types::Wall;

/// Credentials of the coturn REST scheme, enough of them that no cap per user is met.
pub(crate) struct Credentials {
    secrets: RestSecrets,
    expires: Wall,
}

/// Allocations that share a user name.
const ALLOCATIONS_PER_USER: usize = 1_000;

impl Credentials {
    /// # Errors
    /// The secret is empty.
    pub(crate) fn new(secret: &str) -> Result<Self> {
        let secrets = RestSecrets::new(vec![RestSecret::new(secret)], RestOptions::default())?;
        let in_an_hour = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)? + Duration::from_secs(3_600);
        Ok(Self { secrets, expires: Wall::from_unix_millis(u64::try_from(in_an_hour.as_millis())?) })
    }

    fn for_client(&self, index: usize) -> Result<(String, String)> {
        let minted = self.secrets.mint(&format!("bench{}", index / ALLOCATIONS_PER_USER), self.expires)?;
        Ok((minted.username.clone(), minted.password.to_string()))
    }
}

/// One TURN client: it sends on a connected socket that is its own.
pub(crate) struct TurnClient {
    socket: UdpSocket,
    login: Option<Login>,
    transaction: TransactionId,
}

struct Login {
    username: String,
    realm: String,
    nonce: String,
    key: LongTermKey,
}

/// The channel of every client.
pub(crate) const CHANNEL: u16 = 0x4000;

/// How long an answer may take: on loopback nothing is lost unless a queue is full.
const ANSWER_MAX: Duration = Duration::from_secs(2);

impl TurnClient {
    /// # Errors
    /// No descriptor or port is left.
    pub(crate) fn new(server: SocketAddr) -> Result<Self> {
        Self::bound_to(server.ip(), server)
    }

    /// One that sends from this address.
    ///
    /// # Errors
    /// As [`TurnClient::new`].
    pub(crate) fn bound_to(ip: IpAddr, server: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).context("cannot open a client socket")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self { socket, login: None, transaction: TransactionId(rand::random()) })
    }

    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Asks for an allocation, with credentials once [`challenged`](Self::challenged).
    ///
    /// # Errors
    /// The socket cannot send.
    pub(crate) fn ask_allocate(&mut self) -> Result<()> {
        self.send(Method::ALLOCATE, &[Attribute::RequestedTransport(17)])
    }

    /// # Errors
    /// The socket cannot send.
    pub(crate) fn ask_channel(&mut self, peer: SocketAddr) -> Result<()> {
        self.send(Method::CHANNEL_BIND, &[Attribute::ChannelNumber(CHANNEL), Attribute::XorPeerAddress(peer)])
    }

    /// # Errors
    /// The socket cannot send.
    pub(crate) fn ask_permission(&mut self, peer: SocketAddr) -> Result<()> {
        self.send(Method::CREATE_PERMISSION, &[Attribute::XorPeerAddress(peer)])
    }

    /// # Errors
    /// The socket cannot send.
    pub(crate) fn ask_release(&mut self) -> Result<()> {
        self.send(Method::REFRESH, &[Attribute::Lifetime(0)])
    }

    /// Takes the challenge to the request just sent, and gives its length in bytes.
    ///
    /// # Errors
    /// Another answer, or none.
    pub(crate) fn challenged(&mut self, credentials: &Credentials, index: usize) -> Result<usize> {
        let mut room = [0; 1_024];
        let len = self.receive(&mut room, Class::Error)?;
        let message = Message::decode(&room[..len])?;
        let realm = text(&message, AttributeType::REALM)?;
        let nonce = text(&message, AttributeType::NONCE)?;
        let (username, password) = credentials.for_client(index)?;
        let key = LongTermKey::derive(&username, &realm, &password);
        self.login = Some(Login { username, realm, nonce, key });
        Ok(len)
    }

    /// Takes the answer to an Allocate: the relayed address.
    ///
    /// # Errors
    /// An error response, or none.
    pub(crate) fn allocated(&mut self) -> Result<SocketAddr> {
        let mut room = [0; 1_024];
        let len = self.receive(&mut room, Class::Success)?;
        let message = Message::decode(&room[..len])?;
        let kind = AttributeType::XOR_RELAYED_ADDRESS;
        let value = message.find(kind).context("the answer names no relayed address")?;
        match Attribute::decode(kind, value, message.transaction())? {
            Attribute::XorRelayedAddress(addr) => Ok(addr),
            other => bail!("unexpected {other:?}"),
        }
    }

    /// Takes the answer to any other request.
    ///
    /// # Errors
    /// An error response, or none.
    pub(crate) fn succeeded(&mut self) -> Result<()> {
        self.receive(&mut [0; 1_024], Class::Success).map(drop)
    }

    fn send(&mut self, method: Method, attributes: &[Attribute<'_>]) -> Result<()> {
        self.transaction = TransactionId(rand::random());
        let mut request = MessageBuilder::new(Class::Request, method, self.transaction);
        for attribute in attributes {
            request = request.attribute(attribute);
        }
        if let Some(Login { username, realm, nonce, key }) = &self.login {
            request = request.attribute(&Attribute::Username(username)).attribute(&Attribute::Realm(realm));
            request = request.attribute(&Attribute::Nonce(nonce)).integrity(&key.0);
        }
        self.socket.send(&request.finish()).context("cannot send a request")?;
        Ok(())
    }

    fn receive(&self, room: &mut [u8], class: Class) -> Result<usize> {
        loop {
            let len = self.socket.recv(room).context("the server gave no answer")?;
            // Data that came late is no answer.
            let Ok(message) = Message::decode(&room[..len]) else { continue };
            if message.transaction() == self.transaction {
                ensure!(message.class() == class, "the server answered {:?}: {}", message.class(), reason(&message));
                return Ok(len);
            }
        }
    }
}

fn text(message: &Message<'_>, kind: AttributeType) -> Result<String> {
    let lacking = || format!("the answer ({}) lacks attribute {:#06x}", reason(message), kind.0);
    let value = message.find(kind).with_context(lacking)?;
    Ok(String::from_utf8(value.to_vec())?)
}

fn reason(message: &Message<'_>) -> String {
    let kind = AttributeType::ERROR_CODE;
    let decoded = message.find(kind).map(|value| Attribute::decode(kind, value, message.transaction()));
    match decoded {
        Some(Ok(Attribute::ErrorCode { code, phrase })) => format!("{code} {phrase}"),
        _ => "no error code".to_owned(),
    }
}
