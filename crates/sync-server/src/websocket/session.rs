use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sangam_sync_proto::json::{self, ClientMessage, ServerMessage};
use sangam_sync_proto::message::Bounds;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::feed::{End, Step, Subscription};
use crate::service::Service;
use crate::streams::{Visit, filter};

use super::answer::{self, bad_message};

/// How long a client has to answer our close (RFC 6455 §7.1.1). A stop has to be over sooner than its limit.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// One socket: reads what its client says, writes what it is answered and told.
pub(super) struct Session {
    service: Arc<Service>,
    visit: Arc<Visit>,
    subscription: Subscription,
    /// `connectionId`.
    name: String,
    /// The cursor from which on it is told.
    head: u64,
    address: IpAddr,
}

/// How a socket ends.
enum Over {
    /// We say why and wait for the answer.
    Close(CloseFrame),
    /// Nothing more can be said.
    Gone,
}

/// An answer that is being made.
type Answering = BoxFuture<'static, String>;

impl Session {
    pub(super) fn new(
        service: &Arc<Service>,
        visit: Visit,
        subscription: Subscription,
        head: u64,
        address: IpAddr,
    ) -> Self {
        let name = format!("ws-{}-{}-{}", visit.device, (service.clock)().unix_millis(), subscription.id());
        Self { service: Arc::clone(service), visit: Arc::new(visit), subscription, name, head, address }
    }

    pub(super) async fn run(self, mut stream: WebSocket) {
        let goodbye = self.service.feeds.socket();
        let over = self.talk(&mut stream).await;
        // Its place is free before the closing handshake, which may take its time.
        drop(self);
        if let Over::Close(frame) = over {
            close(&mut stream, frame).await;
        }
        drop(goodbye);
    }

    async fn talk(&self, stream: &mut WebSocket) -> Over {
        if let Err(over) = self.send(stream, text(self.subscribed(self.head))).await {
            return over;
        }
        let mut answering: Option<Answering> = None;
        loop {
            let message = tokio::select! {
                step = poll_fn(|context| self.subscription.poll_step(context)) => match step {
                    Step::Text(text) => Message::Text(text),
                    Step::Ping(_) => Message::Ping(bytes::Bytes::new()),
                    Step::End(end) => return Over::Close(farewell(end)),
                },
                answer = made(&mut answering), if answering.is_some() => {
                    answering = None;
                    text(answer)
                }
                received = stream.recv(), if answering.is_none() => match received {
                    Some(Ok(message)) => {
                        self.subscription.heard();
                        match message {
                            Message::Text(said) => answering = self.hear(&said),
                            Message::Close(_) => return Over::Gone,
                            // The library answers pings. What is binary is nobody's.
                            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
                        }
                        continue;
                    }
                    Some(Err(error)) => return refuse(error),
                    None => return Over::Gone,
                },
            };
            if let Err(over) = self.send(stream, message).await {
                return over;
            }
        }
    }

    /// What a text asks for, if it asks for an answer.
    fn hear(&self, said: &Utf8Bytes) -> Option<Answering> {
        let (id, message) = match json::read(said, &Bounds::default()) {
            Ok(read) => read,
            Err(bad) => return Some(self.bad(bad.id.as_deref(), &bad.message, bad.code)),
        };
        match message {
            ClientMessage::Subscribe { collections } => match filter(collections.into_iter().flatten()) {
                Ok(filter) => self.subscription.refilter(filter, |told| self.subscribed(told)),
                Err(problem) => return Some(self.bad(id.as_deref(), &problem.message, "invalid_message")),
            },
            ClientMessage::Ack { cursor } => answer::presented(&self.service, &self.visit, cursor),
            ClientMessage::Pong => {}
            ClientMessage::Ping { timestamp } => {
                let server_time = (self.service.clock)().unix_millis();
                let pong = ServerMessage::Pong { timestamp, server_time }.text();
                return Some(std::future::ready(pong).boxed());
            }
            ClientMessage::Pull { since, limit, collections } => {
                let (service, visit) = (Arc::clone(&self.service), Arc::clone(&self.visit));
                let pull = answer::Pull { since, limit, collections };
                let address = self.address;
                let answer = async move {
                    answer::in_turn(&service, &visit, address).await;
                    answer::pull(&service, &visit, id.as_deref(), pull).await
                };
                return Some(answer.boxed());
            }
            ClientMessage::Push { operations } => {
                let (service, visit, bytes) = (Arc::clone(&self.service), Arc::clone(&self.visit), said.len());
                let address = self.address;
                let answer = async move {
                    answer::in_turn(&service, &visit, address).await;
                    answer::push(&service, &visit, id.as_deref(), operations, bytes).await
                };
                return Some(answer.boxed());
            }
        }
        None
    }

    fn bad(&self, id: Option<&str>, message: &str, code: &'static str) -> Answering {
        self.service.metrics.refused(code);
        std::future::ready(bad_message(id, message, code)).boxed()
    }

    fn subscribed(&self, cursor: u64) -> String {
        ServerMessage::Subscribed { connection: &self.name, cursor }.text()
    }

    /// Writes one message. A client that does not read is waited for until its stream ends.
    async fn send(&self, stream: &mut WebSocket, message: Message) -> Result<(), Over> {
        tokio::select! {
            biased;
            sent = stream.send(message) => sent.map_err(|_| Over::Gone),
            end = poll_fn(|context| self.subscription.poll_end(context)) => Err(Over::Close(farewell(end))),
        }
    }
}

async fn made(answering: &mut Option<Answering>) -> String {
    match answering {
        Some(answering) => answering.await,
        None => std::future::pending().await,
    }
}

fn text(text: String) -> Message {
    Message::Text(text.into())
}

/// RFC 6455 §7.4.1, and 1013 of its registry: try again later.
fn farewell(end: End) -> CloseFrame {
    match end {
        End::Replaced => frame(close_code::NORMAL, "replaced by a newer connection"),
        End::Expired => frame(close_code::POLICY, "token expired"),
        End::Revoked => frame(close_code::POLICY, "token revoked"),
        End::Stopping => frame(close_code::AWAY, "the server is stopping"),
        End::Dead => frame(close_code::AGAIN, "no sign of life"),
        End::Reset => frame(close_code::AGAIN, "the database begins anew"),
    }
}

fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

/// Says what was wrong with a frame in the code that RFC 6455 §7.4.1 has for it.
fn refuse(error: axum::Error) -> Over {
    let Ok(error) = error.into_inner().downcast::<tungstenite::Error>() else { return Over::Gone };
    Over::Close(match *error {
        tungstenite::Error::Capacity(_) => frame(close_code::SIZE, "message too big"),
        tungstenite::Error::Utf8(_) => frame(close_code::INVALID, "text is not UTF-8"),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            return Over::Gone;
        }
        tungstenite::Error::Protocol(_) => frame(close_code::PROTOCOL, "protocol error"),
        _ => return Over::Gone,
    })
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
