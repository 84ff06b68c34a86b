//! The session events of Vrinda Sangha's front ends: two participants meet in a session that nobody else is in.

use rand::RngExt as _;
use serde_json::{Value, json};

use crate::bounds::Bounds;
use crate::finding::Finding;
use crate::run::{Run, Stop};
use crate::socketio::packet::{Said, event};
use crate::socketio::socket::{Socket, open_or_stop};
use crate::socketio::target::Target;

/// A participant and the session it is in.
struct Participant {
    id: String,
    session: String,
    socket: Socket,
}

/// Joins, signals both ways, leaves.
pub(super) async fn room(target: &Target, run: &mut Run<'_>) -> Result<(), Stop> {
    let key: u64 = rand::rng().random();
    let session = format!("probe-{key:016x}");
    let mut a = Participant::open(target, &session, "a", run.bounds).await?;
    let mut b = Participant::open(target, &session, "b", run.bounds).await?;
    let bounds = run.bounds;
    run.timed("join-session", "a participant joins", a.join(target, bounds)).await?;
    run.timed("second join", "a second joins and both are told", async {
        b.join(target, bounds).await?;
        a.hear("participant-joined", bounds, |said| said["participantId"] == *b.id).await
    })
    .await?;
    let description = |kind: &str| json!({"type": kind, "sdp": SDP});
    relay(target, "webrtc-offer", "offer", description("offer"), (&mut a, &mut b), run).await?;
    relay(target, "webrtc-answer", "answer", description("answer"), (&mut b, &mut a), run).await?;
    let candidate = json!({"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0});
    relay(target, "webrtc-ice-candidate", "candidate", candidate, (&mut a, &mut b), run).await?;
    run.timed("leave-session", "the other hears that a participant left", async {
        b.emit(target, "leave-session", json!({"sessionId": b.session, "participantId": b.id}), bounds).await?;
        a.hear("participant-left", bounds, |said| said["participantId"] == *b.id).await
    })
    .await?;
    a.socket.close(bounds).await;
    b.socket.close(bounds).await;
    Ok(())
}

/// One message from one participant to the other.
async fn relay(
    target: &Target,
    name: &'static str,
    member: &'static str,
    payload: Value,
    (from, to): (&mut Participant, &mut Participant),
    run: &mut Run<'_>,
) -> Result<(), Stop> {
    let bounds = run.bounds;
    let said = json!({"sessionId": from.session, "from": from.id, "to": to.id, member: payload});
    let heard = run
        .timed(name, "relayed", async {
            from.emit(target, name, said, bounds).await?;
            to.hear(name, bounds, |_| true).await
        })
        .await?;
    if heard["from"] != *from.id {
        return Err(Finding::failed(name, format!("`from` became {}", heard["from"]))
            .because("the server changes who a message is from", "participants cannot answer: replace the server")
            .into());
    }
    if heard[member] != payload {
        return Err(Finding::failed(name, "the payload was changed on the way")
            .because("the server rewrites what it relays", "browsers will not understand it: replace the server")
            .into());
    }
    Ok(())
}

impl Participant {
    async fn open(target: &Target, session: &str, name: &str, bounds: Bounds<'_>) -> Result<Self, Stop> {
        let mut socket = open_or_stop(target, None, "room", bounds).await?;
        socket.handshake(bounds).await?;
        socket.connect(target, bounds).await?;
        Ok(Self { id: format!("{session}-{name}"), session: session.to_owned(), socket })
    }

    async fn join(&mut self, target: &Target, bounds: Bounds<'_>) -> Result<(), Finding> {
        let join = json!({"sessionId": self.session, "participantId": self.id, "participantName": "probe"});
        self.emit(target, "join-session", join, bounds).await?;
        let id = self.id.clone();
        let is_mine = |said: &Value| {
            let listed = said["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
            listed.iter().any(|entry| *entry == *id || entry["participantId"] == *id)
        };
        self.hear("session-joined", bounds, is_mine).await.map(drop)
    }

    async fn emit(&mut self, target: &Target, name: &str, said: Value, bounds: Bounds<'_>) -> Result<(), Finding> {
        self.socket.send(&event(&target.namespace, None, name, &[said]), bounds).await
    }

    /// Waits for an event of a name; `error` is the end.
    async fn hear(
        &mut self,
        name: &'static str,
        bounds: Bounds<'_>,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Finding> {
        let heard = self.socket.hear(name, bounds, |said| match said {
            Said::Event(heard, mut arguments) if !arguments.is_empty() => {
                let argument = arguments.swap_remove(0);
                match heard.as_str() {
                    "error" => Some(Err(argument)),
                    heard if heard == name && wanted(&argument) => Some(Ok(argument)),
                    _ => None,
                }
            }
            _ => None,
        });
        heard.await?.map_err(|error| {
            let said = error["message"].as_str().unwrap_or("an error without a message");
            Finding::failed(name, said).because("the server refuses the event", "see the server's log")
        })
    }
}

/// A session description without a media section: nothing connects by it, and no server has to understand it.
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// RFC 5737's documentation address.
const CANDIDATE: &str = "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host";
