//! A participant on the JSON messages of IF.swarm's agents. It asks for more than the original server has: to hear of its
//! room, and to be the one it was if it registers again soon. Where that is not known, who comes back registers anew.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::connection::{OPEN_TIMEOUT, OpenError, Server, Socket};
use crate::description::{payload, serial};
use crate::message::{Heard, Kind, Said};
use crate::wire::{Ended, Identity};

pub(crate) struct JsonClient {
    socket: Socket,
    identity: Identity,
    knows_room: bool,
}

/// Longest for a message to be taken.
const SEND_TIMEOUT: Duration = OPEN_TIMEOUT;

impl JsonClient {
    pub(crate) async fn open(server: &Server, identity: Identity) -> Result<Self, OpenError> {
        let socket = server.open(&server.url(&identity.room)).await?;
        Ok(Self { socket, identity, knows_room: false })
    }

    /// Whether the server has answered that it knows the words of `want`.
    pub(crate) fn knows_room(&self) -> bool {
        self.knows_room
    }

    /// Pings of the WebSocket protocol are answered while the socket is read; what is answered must leave.
    pub(crate) async fn pong(&mut self) -> Result<(), Ended> {
        self.socket.flush().await.map_err(|_| Ended)
    }

    pub(crate) async fn say(&mut self, said: Said<'_>) -> Result<(), Ended> {
        let message = match message(&self.identity, said) {
            Some(message) => Message::text(message.to_string()),
            None => Message::Close(None),
        };
        timeout(SEND_TIMEOUT, self.socket.send(message)).await.map_err(|_| Ended)?.map_err(|_| Ended)
    }

    pub(crate) async fn hear(&mut self) -> Result<Heard, Ended> {
        match self.socket.next().await.ok_or(Ended)?.map_err(|_| Ended)? {
            Message::Close(_) => Err(Ended),
            Message::Ping(_) => Ok(Heard::Ping),
            message => {
                let text = message.into_text().map_err(|_| Ended)?;
                let message: Value = serde_json::from_str(&text).unwrap_or_default();
                let heard = heard(&self.identity, &message);
                self.knows_room |= heard == Heard::Entered && message["room"].is_object();
                Ok(heard)
            }
        }
    }
}

/// `None`: there is no message for it, and the connection ends.
fn message(identity: &Identity, said: Said<'_>) -> Option<Value> {
    Some(match said {
        Said::Join => json!({"type": "register", "agent_id": identity.id, "want": ["room", "resume"]}),
        Said::Signal { kind, to, serial } => {
            json!({"type": type_of(kind), "from": identity.id, "to": to, kind.name(): payload(kind, serial)})
        }
        Said::Tell { kind: Kind::Timer, serial } => json!({"type": "timer", "order": "start", "seconds": serial}),
        // Where a server bridges, a value has the members of the Socket.IO event.
        Said::Tell { kind, serial } => {
            json!({"type": "tell", "topic": kind.name(), "value": {kind.name(): payload(kind, serial)}})
        }
        Said::Leave => return None,
    })
}

fn type_of(kind: Kind) -> &'static str {
    if kind == Kind::Candidate { "ice-candidate" } else { kind.name() }
}

fn heard(identity: &Identity, message: &Value) -> Heard {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    match text("type").as_str() {
        "registered" if message["agent_id"] == *identity.id => Heard::Entered,
        "agent-joined" => Heard::Arrived(text("agent_id")),
        "told" => {
            let topic = text("topic");
            told(&topic, &message["value"][topic.as_str()])
        }
        "timer" => told(Kind::Timer.name(), &message["remaining"]),
        "error" => Heard::Refused(text("message")),
        kind => {
            let kinds = [Kind::Offer, Kind::Answer, Kind::Candidate];
            let kind = kinds.into_iter().find(|known| type_of(*known) == kind);
            let signal = kind.and_then(|kind| Some((kind, serial(kind, &message[kind.name()])?)));
            signal.map_or(Heard::Other, |(kind, serial)| Heard::Signal { kind, from: text("from"), serial })
        }
    }
}

fn told(topic: &str, value: &Value) -> Heard {
    let kind = [Kind::Verse, Kind::Queue, Kind::Timer].into_iter().find(|kind| kind.name() == topic);
    let told = kind.and_then(|kind| Some(Heard::Told { kind, serial: serial(kind, value)? }));
    told.unwrap_or(Heard::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_another_hears() {
        let identity = Identity { room: "r".to_owned(), id: "r-0".to_owned() };
        for kind in [Kind::Offer, Kind::Answer, Kind::Candidate] {
            let said = message(&identity, Said::Signal { kind, to: "r-1", serial: 7 }).unwrap();
            assert_eq!(heard(&identity, &said), Heard::Signal { kind, from: "r-0".to_owned(), serial: 7 });
        }
        for kind in [Kind::Verse, Kind::Queue] {
            let said = message(&identity, Said::Tell { kind, serial: 7 }).unwrap();
            let told = json!({"type": "told", "topic": said["topic"], "from": "r-1", "value": said["value"]});
            assert_eq!(heard(&identity, &told), Heard::Told { kind, serial: 7 });
        }
        let timer = json!({"type": "timer", "remaining": 7, "active": true, "paused": false});
        assert_eq!(heard(&identity, &timer), Heard::Told { kind: Kind::Timer, serial: 7 });
        assert_eq!(heard(&identity, &json!({"type": "registered", "agent_id": "r-0"})), Heard::Entered);
        let refused = json!({"type": "error", "message": "Error: Agent x not found"});
        assert_eq!(heard(&identity, &refused), Heard::Refused("Error: Agent x not found".to_owned()));
        for rubbish in [Value::Null, json!(7), json!({"type": "offer"})] {
            assert_eq!(heard(&identity, &rubbish), Heard::Other);
        }
    }
}
