use std::collections::VecDeque;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::packet::{self, PONG, Packet};
use crate::target::Target;
use crate::wire::Wire;

/// A Socket.IO client in the main namespace.
pub(crate) struct Client {
    wire: Wire,
    session: Session,
    asked: u64,
    /// Events that came before the answer to CONNECT: a server may replay what was missed first.
    early: VecDeque<Utf8Bytes>,
}

/// What a client keeps from one transport to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) sid: String,
    /// The private id, from a server that recovers sessions.
    pid: Option<String>,
    /// Of the last event that the client got.
    offset: Option<String>,
}

/// A transport that is open: the server's handshake has come, no namespace is joined.
pub(crate) struct Opened(Wire);

/// What the server answers to CONNECT.
#[derive(Deserialize)]
struct Connected {
    sid: String,
    pid: Option<String>,
}

/// Far more than a room says while a client is away.
const EARLY_MAX: usize = 100_000;
const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

impl Opened {
    /// Opens the transport for the client of this index.
    pub(crate) async fn open(target: &Target, index: usize) -> Result<Self> {
        let mut wire = Wire::open(target, index, PATH).await?;
        let first = wire.next().await?;
        ensure!(matches!(Packet::decode(&first), Some(Packet::Open(_))), "instead of a handshake came {first}");
        Ok(Self(wire))
    }

    /// Joins the main namespace, recovering the earlier session if the server can. Whether it did stands beside.
    pub(crate) async fn enter(self, earlier: Option<Session>) -> Result<(Client, bool)> {
        let Self(mut wire) = self;
        wire.send(packet::connect(earlier.as_ref().and_then(Session::recovery))).await?;
        let mut early = VecDeque::new();
        let connected: Connected = loop {
            let text = wire.next().await?;
            match Packet::decode(&text) {
                Some(Packet::Connect(payload)) => break serde_json::from_str(payload).context("in CONNECT")?,
                Some(Packet::Ping) => wire.send(PONG).await?,
                Some(Packet::Event(_)) if early.len() < EARLY_MAX => early.push_back(text),
                _ => bail!("instead of CONNECT came {text}"),
            }
        };
        let recovered = earlier.as_ref().is_some_and(|earlier| earlier.pid.is_some() && earlier.pid == connected.pid);
        let offset = earlier.filter(|_| recovered).and_then(|earlier| earlier.offset);
        let session = Session { sid: connected.sid, pid: connected.pid, offset };
        Ok((Client { wire, session, asked: 0, early }, recovered))
    }
}

impl Session {
    /// What is presented to recover it: nothing without an event received.
    fn recovery(&self) -> Option<(&str, &str)> {
        Some((self.pid.as_deref()?, self.offset.as_deref()?))
    }

    /// As socket.io-client does it: of a server that recovers, a last argument that is a string is an offset.
    fn on_event(&mut self, arguments: &mut Vec<Value>) {
        if self.pid.is_none() {
            return;
        }
        if let Some(Value::String(offset)) = arguments.last_mut() {
            self.offset = Some(std::mem::take(offset));
            arguments.pop();
        }
    }
}

impl Client {
    /// Opens a transport and joins the main namespace.
    pub(crate) async fn connect(target: &Target, index: usize) -> Result<Self> {
        Ok(Opened::open(target, index).await?.enter(None).await?.0)
    }

    /// The next message that is not the heartbeat, which is answered.
    ///
    /// # Errors
    /// The server is gone or ends the session.
    pub(crate) async fn next(&mut self) -> Result<Utf8Bytes> {
        if let Some(text) = self.early.pop_front() {
            return Ok(text);
        }
        loop {
            let text = self.wire.next().await?;
            match Packet::decode(&text) {
                Some(Packet::Ping) => self.wire.send(PONG).await?,
                Some(Packet::Close | Packet::Disconnect | Packet::ConnectError(_)) => {
                    bail!("the server ended the session: {text}")
                }
                Some(Packet::Open(_) | Packet::Connect(_) | Packet::Event(_) | Packet::Ack(..)) | None => {
                    return Ok(text);
                }
            }
        }
    }

    /// Passes messages over until one begins so. Quicker than [`Self::next_event`]: nothing is parsed.
    pub(crate) async fn next_beginning(&mut self, beginning: &str) -> Result<()> {
        while !self.next().await?.starts_with(beginning) {}
        Ok(())
    }

    /// The arguments of the next event of that name, without the offset; other events are passed over.
    pub(crate) async fn next_event(&mut self, wanted: &str) -> Result<Vec<Value>> {
        loop {
            let text = self.next().await?;
            if let Some(Packet::Event(payload)) = Packet::decode(&text) {
                let (name, mut arguments) = packet::event_parts(payload).context("an event without a name")?;
                self.session.on_event(&mut arguments);
                if name == wanted {
                    return Ok(arguments);
                }
            }
        }
    }

    /// Answers the heartbeat until the server is gone; forgets everything else.
    pub(crate) async fn linger(&mut self) -> anyhow::Error {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }

    pub(crate) async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        self.wire.send(text).await
    }

    /// Joins a room and waits until the server says that it is done.
    ///
    /// The events that come before that are gone: join before anybody speaks, or see [`Self::ask_to_join`].
    pub(crate) async fn join(&mut self, room: &str) -> Result<()> {
        let id = self.ask_to_join(room).await?;
        loop {
            let text = self.next().await?;
            if matches!(Packet::decode(&text), Some(Packet::Ack(of, _)) if of == id) {
                return Ok(());
            }
        }
    }

    /// Asks to join a room; the acknowledgement has the id that is returned, and events may come before it.
    pub(crate) async fn ask_to_join(&mut self, room: &str) -> Result<u64> {
        self.asked += 1;
        self.wire.send(packet::event_with_ack(self.asked, "join", &[room.into()])).await?;
        Ok(self.asked)
    }

    /// Ends the transport as a lost network that says so does.
    pub(crate) fn reset(self) -> Session {
        self.wire.reset();
        self.session
    }

    /// What outlives the transport, and the transport itself: whoever keeps it unread is silent.
    pub(crate) fn fall_silent(self) -> (Session, Wire) {
        (self.session, self.wire)
    }

    /// What outlives a transport that the server ended.
    pub(crate) fn into_session(self) -> Session {
        self.session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_taken_only_from_a_server_that_recovers() {
        let mut session = Session { pid: Some("p".to_owned()), ..Session::default() };
        assert_eq!(session.recovery(), None);
        let mut arguments = vec![Value::from(7), Value::from("o")];
        session.on_event(&mut arguments);
        assert_eq!(session.recovery(), Some(("p", "o")));
        assert_eq!(arguments, [Value::from(7)]);

        let mut without = Session::default();
        let mut arguments = vec![Value::from("text")];
        without.on_event(&mut arguments);
        assert_eq!((without.recovery(), arguments.len()), (None, 1));
    }
}
