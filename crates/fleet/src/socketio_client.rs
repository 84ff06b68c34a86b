//! A participant on Socket.IO over WebSocket, as socket.io-client makes one: CONNECT, pongs, recovery by `pid` and offset.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use sangam_engineio_proto::Packet as Transported;
use sangam_socketio_proto::{Arguments, JsonDecoder, Limits, Packet, PacketKind, encode_json};
use sangam_types::{Frame, Text};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::connection::{OPEN_TIMEOUT, OpenError, Server, Socket};
use crate::description::{payload, serial};
use crate::message::{Heard, Kind, Said};
use crate::options::Dialect;
use crate::wire::{Ended, Identity, Resume};

pub(crate) struct SocketIoClient {
    socket: Socket,
    decoder: JsonDecoder,
    dialect: Dialect,
    identity: Identity,
    pid: Option<String>,
    offset: Option<String>,
    is_recovered: bool,
    /// Events that came before CONNECT was answered: what a client missed that is recovered.
    early: VecDeque<Packet>,
    /// Between two pings, and for the pong.
    silence_max: Duration,
    heard_at: Instant,
}

/// Where a server answers if nobody says otherwise.
const PATH: &str = "/socket.io/";

impl SocketIoClient {
    pub(crate) async fn open(
        server: &Server,
        identity: Identity,
        dialect: Dialect,
        token: Option<&SecretString>,
        resume: Option<Resume>,
    ) -> Result<Self, OpenError> {
        let socket = server.open(&engine_url(&server.url(&identity.room))).await?;
        let mut client = Self {
            socket,
            decoder: JsonDecoder::new(Limits::default()),
            dialect,
            identity,
            pid: None,
            offset: None,
            is_recovered: false,
            early: VecDeque::new(),
            silence_max: OPEN_TIMEOUT,
            heard_at: Instant::now(),
        };
        match timeout(OPEN_TIMEOUT, client.enter(token, resume)).await {
            Ok(entered) => entered.map(|()| client),
            Err(_) => Err(OpenError::Unreached("no answer to CONNECT".to_owned())),
        }
    }

    /// The handshake, then the namespace.
    async fn enter(&mut self, token: Option<&SecretString>, resume: Option<Resume>) -> Result<(), OpenError> {
        let ended = |_| OpenError::Unreached("closed before CONNECT was answered".to_owned());
        let mut auth = json!({});
        if let Some(token) = token {
            auth["token"] = json!(token.expose_secret());
        }
        if let Some(Resume { pid, offset }) = &resume {
            auth["pid"] = json!(pid);
            auth["offset"] = json!(offset);
        }
        loop {
            match self.next().await.map_err(ended)? {
                Transported::Open(handshake) => {
                    let handshake: Value = serde_json::from_str(handshake.as_str()).unwrap_or_default();
                    let ms = |name: &str| handshake[name].as_u64().unwrap_or(25_000);
                    self.silence_max = Duration::from_millis(ms("pingInterval").saturating_add(ms("pingTimeout")));
                    self.send(PacketKind::Connect, &auth).await.map_err(ended)?;
                }
                Transported::Ping(_) => self.pong().await.map_err(ended)?,
                Transported::Message(frame) => match self.decoder.decode(frame) {
                    Ok(Some(packet)) => {
                        if self.is_entered(packet, resume.as_ref())? {
                            return Ok(());
                        }
                    }
                    Ok(None) => {}
                    Err(error) => return Err(OpenError::Unreached(error.to_string())),
                },
                _ => {}
            }
        }
    }

    /// Whether this packet lets us into the namespace.
    fn is_entered(&mut self, packet: Packet, resume: Option<&Resume>) -> Result<bool, OpenError> {
        match packet.kind {
            PacketKind::Connect => {
                self.pid = value_of(&packet)["pid"].as_str().map(str::to_owned);
                let before = resume.filter(|resume| self.pid.as_ref() == Some(&resume.pid));
                self.is_recovered = before.is_some();
                self.offset = before.map(|resume| resume.offset.clone());
                Ok(true)
            }
            PacketKind::ConnectError => {
                let error = value_of(&packet);
                Err(OpenError::Refused(error["message"].as_str().unwrap_or("CONNECT").to_owned()))
            }
            PacketKind::Event => {
                self.early.push_back(packet);
                Ok(false)
            }
            PacketKind::Disconnect | PacketKind::Ack => Ok(false),
        }
    }

    pub(crate) fn is_recovered(&self) -> bool {
        self.is_recovered
    }

    pub(crate) fn resume(&self) -> Option<Resume> {
        Some(Resume { pid: self.pid.clone()?, offset: self.offset.clone()? })
    }

    pub(crate) async fn pong(&mut self) -> Result<(), Ended> {
        self.transmit(Transported::Pong(Text::from_static("")).encode()).await
    }

    pub(crate) async fn say(&mut self, said: Said<'_>) -> Result<(), Ended> {
        let event = event(self.dialect, &self.identity, said);
        self.send(PacketKind::Event, &event).await?;
        if let Said::Leave = said {
            self.transmit(Transported::Close.encode()).await?;
        }
        Ok(())
    }

    pub(crate) async fn hear(&mut self) -> Result<Heard, Ended> {
        if let Some(packet) = self.early.pop_front() {
            return Ok(self.heard(&packet));
        }
        let frame = match self.next().await? {
            Transported::Ping(_) => return Ok(Heard::Ping),
            Transported::Message(frame) => frame,
            Transported::Close => return Err(Ended),
            _ => return Ok(Heard::Other),
        };
        match self.decoder.decode(frame).map_err(|_| Ended)? {
            Some(packet) if packet.kind == PacketKind::Disconnect => Err(Ended),
            Some(packet) if packet.kind == PacketKind::Event => Ok(self.heard(&packet)),
            Some(_) | None => Ok(Heard::Other),
        }
    }

    fn heard(&mut self, event: &Packet) -> Heard {
        let arguments = value_of(event);
        let items = arguments.as_array().map(Vec::as_slice).unwrap_or_default();
        if let (Some(_), Some(Value::String(last))) = (&self.pid, items.get(1..).and_then(<[Value]>::last)) {
            self.offset = Some(last.clone());
        }
        let name = items.first().and_then(Value::as_str).unwrap_or_default();
        heard(self.dialect, &self.identity, name, items.get(1).unwrap_or(&Value::Null))
    }

    async fn next(&mut self) -> Result<Transported, Ended> {
        let message = timeout_at(self.heard_at + self.silence_max, self.socket.next()).await;
        let message = message.map_err(|_| Ended)?.ok_or(Ended)?.map_err(|_| Ended)?;
        self.heard_at = Instant::now();
        let frame = match message {
            Message::Text(text) => Frame::Text(Text::from(text.as_str())),
            Message::Binary(bytes) => Frame::Binary(bytes),
            Message::Close(_) => return Err(Ended),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(Transported::Noop),
        };
        Transported::decode(&frame).map_err(|_| Ended)
    }

    async fn send(&mut self, kind: PacketKind, value: &Value) -> Result<(), Ended> {
        let arguments = Arguments::new(Text::from(value.to_string())).map_err(|_| Ended)?;
        let packet = Packet { kind, namespace: Text::from_static("/"), id: None, arguments: Some(arguments) };
        for frame in encode_json(&packet) {
            self.transmit(Transported::Message(frame).encode()).await?;
        }
        Ok(())
    }

    async fn transmit(&mut self, frame: Frame) -> Result<(), Ended> {
        let message = match frame {
            Frame::Text(text) => Message::text(text.as_str()),
            Frame::Binary(bytes) => Message::Binary(bytes),
        };
        // Who does not read for so long is gone.
        timeout(self.silence_max, self.socket.send(message)).await.map_err(|_| Ended)?.map_err(|_| Ended)
    }
}

fn engine_url(url: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = base.find("://").map_or(0, |at| at + 3);
    let base = match base.get(authority..).and_then(|rest| rest.find('/')) {
        None => format!("{base}{PATH}"),
        Some(at) if authority + at + 1 == base.len() => format!("{}{PATH}", base.trim_end_matches('/')),
        Some(_) => base.to_owned(),
    };
    let query = if query.is_empty() { String::new() } else { format!("{query}&") };
    format!("{base}?{query}EIO=4&transport=websocket")
}

fn value_of(packet: &Packet) -> Value {
    let json = packet.arguments.as_ref().map(Arguments::json).unwrap_or_default();
    serde_json::from_str(json).unwrap_or_default()
}

/// What a signal is called in a dialect: its event, or the `type` in `webrtc-signaling`.
fn signal_name(dialect: Dialect, kind: Kind) -> &'static str {
    match (dialect, kind) {
        (Dialect::Newest, Kind::Offer) => "offer",
        (Dialect::Newest, Kind::Answer) => "answer",
        (Dialect::Newest, _) => "ice-candidate",
        (Dialect::Documented | Dialect::Json, Kind::Offer) => "webrtc-offer",
        (Dialect::Documented | Dialect::Json, Kind::Answer) => "webrtc-answer",
        (Dialect::Documented | Dialect::Json, _) => "webrtc-ice-candidate",
    }
}

fn event(dialect: Dialect, identity: &Identity, said: Said<'_>) -> Value {
    let Identity { room, id } = identity;
    match said {
        // The documented class knows no names.
        Said::Join if dialect == Dialect::Documented => {
            json!(["join-session", {"sessionId": room, "participantId": id}])
        }
        Said::Join => json!(["join-session", {"sessionId": room, "participantId": id, "participantName": id}]),
        Said::Leave => json!(["leave-session", {"sessionId": room, "participantId": id}]),
        Said::Signal { kind, to, serial } => {
            let (name, payload) = (signal_name(dialect, kind), payload(kind, serial));
            if dialect == Dialect::Newest {
                let signal =
                    json!({"type": name, "sessionId": room, "from": id, "to": to, "data": payload, "timestamp": 0});
                json!(["webrtc-signaling", signal])
            } else {
                json!([name, {"sessionId": room, "from": id, "to": to, "data": payload}])
            }
        }
        Said::Tell { kind, serial } => {
            let payload = payload(kind, serial);
            match (kind, dialect) {
                (Kind::Verse, Dialect::Newest) => json!(["change-verse", {"sessionId": room, "verse": payload}]),
                (Kind::Verse, _) => {
                    json!(["verse-changed", {"sessionId": room, "verse": payload, "currentReader": id}])
                }
                (Kind::Queue, Dialect::Newest) => json!(["update-queue", {"sessionId": room, "queue": payload}]),
                (Kind::Queue, _) => json!(["reading-queue-update", {"sessionId": room, "queue": payload}]),
                (_, _) => json!(["start-session-timer", {"sessionId": room, "duration": payload}]),
            }
        }
    }
}

fn heard(dialect: Dialect, identity: &Identity, name: &str, argument: &Value) -> Heard {
    let is_elsewhere = argument["sessionId"].as_str().is_some_and(|session| session != identity.room);
    let told = |kind, payload| serial(kind, payload).map_or(Heard::Other, |serial| Heard::Told { kind, serial });
    match (name, dialect) {
        ("error", _) => Heard::Refused(argument["message"].as_str().unwrap_or("error").to_owned()),
        _ if is_elsewhere => Heard::Other,
        ("session-joined", _) => {
            let listed = argument["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_me = |entry: &Value| *entry == *identity.id || entry["participantId"] == *identity.id;
            if listed.iter().any(is_me) { Heard::Entered } else { Heard::Other }
        }
        ("participant-joined", _) => {
            argument["participantId"].as_str().map_or(Heard::Other, |id| Heard::Arrived(id.to_owned()))
        }
        ("verse-changed", _) => told(Kind::Verse, &argument["verse"]),
        ("queue-updated", Dialect::Newest) | ("reading-queue-update", Dialect::Documented) => {
            told(Kind::Queue, &argument["queue"])
        }
        ("session-timer-update", _) => told(Kind::Timer, &argument["timeRemaining"]),
        ("webrtc-signaling", Dialect::Newest) => {
            signal(dialect, argument["type"].as_str().unwrap_or_default(), argument)
        }
        (name, Dialect::Documented) => signal(dialect, name, argument),
        (_, _) => Heard::Other,
    }
}

fn signal(dialect: Dialect, name: &str, argument: &Value) -> Heard {
    let kinds = [Kind::Offer, Kind::Answer, Kind::Candidate];
    let Some(kind) = kinds.into_iter().find(|kind| signal_name(dialect, *kind) == name) else { return Heard::Other };
    match (argument["from"].as_str(), serial(kind, &argument["data"])) {
        (Some(from), Some(serial)) => Heard::Signal { kind, from: from.to_owned(), serial },
        (_, _) => Heard::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { room: "r".to_owned(), id: "r-0".to_owned() }
    }

    #[test]
    fn what_a_dialect_says_is_heard_in_it_and_not_in_the_other() {
        for (dialect, other) in [(Dialect::Documented, Dialect::Newest), (Dialect::Newest, Dialect::Documented)] {
            for kind in [Kind::Offer, Kind::Answer, Kind::Candidate] {
                let said = event(dialect, &identity(), Said::Signal { kind, to: "r-1", serial: 7 });
                let name = said[0].as_str().unwrap();
                let expected = Heard::Signal { kind, from: "r-0".to_owned(), serial: 7 };
                assert_eq!(heard(dialect, &identity(), name, &said[1]), expected);
                assert_eq!(heard(other, &identity(), name, &said[1]), Heard::Other);
            }
        }
    }

    #[test]
    fn events_of_the_session_are_understood() {
        let hear = |name, argument| heard(Dialect::Newest, &identity(), name, &argument);
        let joined = json!({"sessionId": "r", "participants": ["r-1", "r-0"]});
        assert_eq!(hear("session-joined", joined), Heard::Entered);
        assert_eq!(hear("participant-joined", json!({"participantId": "r-1"})), Heard::Arrived("r-1".to_owned()));
        assert_eq!(hear("queue-updated", json!({"queue": ["9"]})), Heard::Told { kind: Kind::Queue, serial: 9 });
        assert_eq!(
            hear("session-timer-update", json!({"timeRemaining": 60})),
            Heard::Told { kind: Kind::Timer, serial: 60 }
        );
        assert_eq!(hear("verse-changed", json!({"sessionId": "other", "verse": {"number": 1}})), Heard::Other);
        for rubbish in [Value::Null, json!([]), json!({"from": 1, "type": "offer"})] {
            for name in ["session-joined", "participant-joined", "webrtc-signaling", "verse-changed", "x"] {
                assert_eq!(hear(name, rubbish.clone()), Heard::Other);
            }
        }
    }

    #[test]
    fn the_usual_path_is_taken_unless_the_url_has_one() {
        let query = "EIO=4&transport=websocket";
        assert_eq!(engine_url("ws://a"), format!("ws://a/socket.io/?{query}"));
        assert_eq!(engine_url("ws://a:1/"), format!("ws://a:1/socket.io/?{query}"));
        assert_eq!(engine_url("wss://a/live/?x=1"), format!("wss://a/live/?x=1&{query}"));
    }
}
