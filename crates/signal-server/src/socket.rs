use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use sangam_net::{Pace, Place};
use sangam_signal_proto::SocketId;
use sangam_signal_proto::{Departure, RoomId};
use sangam_types::Mono;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::access::Visitor;
use crate::dialect::json;
use crate::hub::{Agent, Command, Peer};
use crate::ice::Via;
use crate::outbox::{Outbox, Step, frame};
use crate::server::Shared;

/// How long a client has to answer our close (RFC 6455 §7.1.1). A stop has to be over sooner than its limit.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The task of one socket: decodes what comes in, writes what waits.
pub(crate) struct Socket {
    shared: Arc<Shared>,
    id: SocketId,
    visitor: Visitor,
    room: RoomId,
    via: Via,
    place: Place,
}

/// How a socket ends.
enum End {
    /// We say why and wait for the answer.
    Close(CloseFrame),
    /// The client said that it goes.
    Said,
    /// Nothing more can be said.
    Gone,
}

impl Socket {
    pub(crate) fn new(shared: Arc<Shared>, visitor: Visitor, room: RoomId, via: Via, place: Place) -> Self {
        let id = SocketId(shared.sockets.fetch_add(1, Ordering::Relaxed));
        Self { shared, id, visitor, room, via, place }
    }

    pub(crate) async fn run(self, mut stream: WebSocket) {
        let Self { shared, id, visitor, room, via, place } = self;
        let outbox = Arc::new(Outbox::new(shared.limits.outgoing_bytes_max));
        let agent = Agent::new(Arc::clone(&outbox), via, room);
        let peer = Peer::Agent(Box::new(agent));
        let token = visitor.identity();
        let opened = Command::Opened { socket: id, owner: visitor.owner, rights: visitor.rights, token, peer };
        if shared.hub.send(opened).await.is_err() {
            return;
        }
        let lasts = visitor.lasts.map(|lasts| tokio::time::Instant::now() + lasts);
        let end = talk(&shared, id, &outbox, &mut stream, lasts).await;
        // The others hear of it before the closing handshake, which may take its time. The task that owns the rooms ends
        // only with the server.
        let departure = if let End::Said = end { Departure::Said } else { Departure::Lost };
        let told = shared.hub.send(Command::Closed { socket: id, departure }).await;
        if let (Ok(()), End::Close(frame)) = (told, end) {
            close(&mut stream, frame).await;
        }
        drop(place);
    }
}

async fn talk(
    shared: &Shared,
    id: SocketId,
    outbox: &Outbox,
    stream: &mut WebSocket,
    until: Option<tokio::time::Instant>,
) -> End {
    let limits = &shared.limits;
    let mut pace = Pace::new(limits.messages_per_sec, limits.messages_burst, shared.clock.mono());
    let mut paused: Option<Mono> = None;
    loop {
        tokio::select! {
            step = outbox.next() => {
                let message = match step {
                    Step::Text(text) => Message::Text(text),
                    Step::Ping => Message::Ping(bytes::Bytes::new()),
                    Step::Close(frame) => return End::Close(frame),
                };
                match timeout(limits.write_timeout, stream.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return End::Gone,
                    Err(_) => {
                        shared.metrics.closed("stuck");
                        return End::Gone;
                    }
                }
            }
            received = stream.recv(), if paused.is_none() => {
                let message = match received {
                    Some(Ok(Message::Close(frame))) => return said(frame.as_ref()),
                    Some(Ok(message)) => message,
                    Some(Err(error)) => return refuse(shared, error),
                    None => return End::Gone,
                };
                paused = pace.pay(payload_len(&message), shared.clock.mono());
                if paused.is_some() {
                    shared.metrics.throttled();
                }
                if let Some(command) = command(id, &message)
                    && shared.hub.send(command).await.is_err()
                {
                    return End::Gone;
                }
            }
            () = sleep_until(paused.map(|at| shared.clock.instant(at))), if paused.is_some() => paused = None,
            () = sleep_until(until), if until.is_some() => {
                shared.metrics.closed("token_expired");
                return End::Close(frame(close_code::POLICY, "token expired"));
            }
        }
    }
}

/// Whether a close is one that a client makes on purpose: none without a code, which is what a network that ends the
/// connection for it looks like.
fn said(frame: Option<&CloseFrame>) -> End {
    match frame.map(|frame| frame.code) {
        Some(close_code::NORMAL | close_code::AWAY) => End::Said,
        Some(_) | None => End::Gone,
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn payload_len(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// Text and binary messages are the same to the dialect. A ping is answered by the library.
fn command(socket: SocketId, message: &Message) -> Option<Command> {
    match message {
        Message::Text(text) => Some(Command::Received { socket, message: json::decode(text.as_bytes()) }),
        Message::Binary(bytes) => Some(Command::Received { socket, message: json::decode(bytes) }),
        Message::Pong(_) => Some(Command::Pong { socket }),
        Message::Ping(_) | Message::Close(_) => None,
    }
}

/// Says what was wrong with a frame in the code that RFC 6455 §7.4.1 has for it.
fn refuse(shared: &Shared, error: axum::Error) -> End {
    let Ok(error) = error.into_inner().downcast::<tungstenite::Error>() else { return End::Gone };
    let (label, code, reason) = match *error {
        tungstenite::Error::Capacity(_) => ("too_big", close_code::SIZE, "message too big"),
        tungstenite::Error::Utf8(_) => ("not_utf8", close_code::INVALID, "text is not UTF-8"),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            return End::Gone;
        }
        tungstenite::Error::Protocol(_) => ("protocol", close_code::PROTOCOL, "protocol error"),
        _ => return End::Gone,
    };
    shared.metrics.closed(label);
    End::Close(frame(code, reason))
}

/// The closing handshake: our close, then what the client still sends until its close.
async fn close(stream: &mut WebSocket, frame: CloseFrame) {
    let handshake = async {
        if stream.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.recv().await {}
        }
    };
    // A client that does not answer in time is cut off.
    drop(timeout(CLOSE_TIME, handshake).await);
}
