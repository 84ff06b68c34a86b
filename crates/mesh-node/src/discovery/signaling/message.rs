use std::time::{Duration, SystemTime};

use sangam_mesh_proto::{PeerId, Signal};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::discovery::{IceServer, Report, payload};

/// What the server may say.
#[derive(Debug)]
pub(super) enum Heard {
    Registered(Registered),
    Joined(PeerId),
    Left(PeerId),
    Signal {
        from: PeerId,
        signal: Signal,
    },
    /// `Error: Agent x not found`.
    NotFound(PeerId),
    /// Any other error.
    Error(String),
    Other,
}

#[derive(Debug)]
pub(super) struct Registered {
    pub(super) agents: Vec<PeerId>,
    pub(super) resumed: Option<bool>,
    /// The server is one of ours: it knows the words of `want`, and takes reports.
    pub(super) is_ours: bool,
    pub(super) ice: Option<(Vec<IceServer>, Option<SystemTime>)>,
    /// How long the credentials last.
    pub(super) ttl: Option<Duration>,
}

/// Servers of one list that are taken.
const ICE_SERVERS_MAX: usize = 32;

pub(super) fn register(agent_id: &str, received: Option<u64>) -> Message {
    let want = ["protocol", "ice_servers", "resume", "rollback"];
    let mut message = json!({"type": "register", "agent_id": agent_id, "want": want});
    if let Some(received) = received {
        message["received"] = json!(received);
    }
    Message::text(message.to_string())
}

pub(super) fn signal(from: &str, to: &str, signal: &Signal) -> Message {
    let word = payload::word(signal);
    let member = if word == "ice-candidate" { "candidate" } else { word };
    Message::text(json!({"type": word, "from": from, "to": to, member: payload::write(signal)}).to_string())
}

pub(super) fn report(links: &[Report]) -> Message {
    let links: Vec<Value> = links.iter().map(Report::to_json).collect();
    Message::text(json!({"type": "report", "links": links}).to_string())
}

/// `None`: that is no message.
pub(super) fn read(text: &str) -> Option<Heard> {
    let message: Value = serde_json::from_str(text).ok()?;
    let id = |name: &str| PeerId::new(message.get(name)?.as_str()?).ok();
    let word = message.get("type")?.as_str()?;
    Some(match word {
        "registered" => Heard::Registered(registered(&message)),
        "agent-joined" => Heard::Joined(id("agent_id")?),
        "agent-left" => Heard::Left(id("agent_id")?),
        "offer" | "answer" => Heard::Signal { from: id("from")?, signal: payload::read(word, message.get(word)?)? },
        "ice-candidate" => Heard::Signal { from: id("from")?, signal: payload::read(word, message.get("candidate")?)? },
        "error" => error(message.get("message").and_then(Value::as_str).unwrap_or_default()),
        _ => Heard::Other,
    })
}

fn error(text: &str) -> Heard {
    let missing = text.strip_prefix("Error: Agent ").and_then(|rest| rest.strip_suffix(" not found"));
    match missing.and_then(|id| PeerId::new(id).ok()) {
        Some(agent) => Heard::NotFound(agent),
        None => Heard::Error(text.chars().take(256).collect()),
    }
}

fn registered(message: &Value) -> Registered {
    let listed = message.get("connected_agents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let expires_at = message.get("expires_at").and_then(Value::as_u64).map(Duration::from_secs);
    let servers = message.get("iceServers").and_then(Value::as_array);
    Registered {
        agents: listed.iter().filter_map(|id| PeerId::new(id.as_str()?).ok()).collect(),
        resumed: message.get("resumed").and_then(Value::as_bool),
        is_ours: message.get("protocol").is_some(),
        ice: servers.map(|servers| {
            let servers = servers.iter().take(ICE_SERVERS_MAX).filter_map(IceServer::read).collect();
            (servers, expires_at.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
        }),
        ttl: message.get("ttl").and_then(Value::as_u64).map(Duration::from_secs).filter(|ttl| !ttl.is_zero()),
    }
}

impl IceServer {
    /// An `RTCIceServer` as W3C writes it: `urls` is one text or several.
    fn read(value: &Value) -> Option<Self> {
        let urls = value.get("urls").or_else(|| value.get("url"))?;
        let urls: Vec<String> = match urls {
            Value::String(url) => vec![url.clone()],
            Value::Array(urls) => urls.iter().take(16).filter_map(|url| Some(url.as_str()?.to_owned())).collect(),
            _ => return None,
        };
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let server = Self { urls, username: text("username"), credential: text("credential").map(SecretString::from) };
        (!server.urls.is_empty()).then_some(server)
    }
}

#[cfg(test)]
mod tests {
    use sangam_mesh_proto::{Description, DescriptionKind};
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_we_say_has_the_originals_shape() {
        let offer = Signal::Description(Description { kind: DescriptionKind::Offer, sdp: "v=0\r\n".into() });
        let said: Value = serde_json::from_str(signal("a", "b", &offer).to_text().unwrap()).unwrap();
        assert_eq!(
            said,
            json!({"type": "offer", "from": "a", "to": "b", "offer": {"type": "offer", "sdp": "v=0\r\n"}})
        );
        let end = Signal::EndOfCandidates { ufrag: None };
        let said: Value = serde_json::from_str(signal("a", "b", &end).to_text().unwrap()).unwrap();
        assert_eq!(said["candidate"], json!({"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}));
    }

    #[test]
    fn an_agent_that_is_not_there_is_told_from_other_errors() {
        let heard = |text: &str| read(&json!({"type": "error", "message": text}).to_string()).unwrap();
        assert!(matches!(heard("Error: Agent ghost not found"), Heard::NotFound(id) if id.as_str() == "ghost"));
        assert!(matches!(heard("Error: The room is locked"), Heard::Error(why) if why == "Error: The room is locked"));
    }

    #[test]
    fn the_ice_servers_of_registered_are_read_with_their_time() {
        let text = r#"{"type":"registered","agent_id":"a","connected_agents":["b",7,""],"protocol":1,
            "iceServers":[{"urls":"stun:s"},{"urls":["turn:t"],"username":"u","credential":"c"},{"urls":[]},7],
            "ttl":3600,"expires_at":1700003600}"#;
        let Some(Heard::Registered(registered)) = read(text) else { panic!("{text}") };
        assert_eq!(registered.agents, [PeerId::new("b").unwrap()]);
        assert!(registered.is_ours && registered.resumed.is_none());
        let (servers, expires_at) = registered.ice.unwrap();
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[1].credential.as_ref().unwrap().expose_secret(), "c");
        assert_eq!(expires_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_003_600)));
        assert_eq!(registered.ttl, Some(Duration::from_secs(3_600)));
    }

    #[test]
    fn nothing_that_comes_is_too_strange_to_be_read() {
        for text in ["", "null", "7", "[]", "{}", r#"{"type":7}"#, r#"{"type":"offer","from":"a"}"#] {
            assert!(read(text).is_none(), "{text}");
        }
        assert!(matches!(read(r#"{"type":"told"}"#), Some(Heard::Other)));
    }
}
