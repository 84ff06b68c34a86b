use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code as codes};
use bytes::Bytes;
use sangam_telemetry::metrics::devices::DeviceMetrics;
use sangam_types::Mono;
use sangam_usp_proto::mtp::websocket::{CLOSE_REPLACED, CLOSE_UNSUPPORTED, KeepAlive, Life, close_code};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite;

use super::outbox::{Out, Outbox};
use crate::usp::hub::Way;
use crate::usp::link::{Closing, LinkRefused};

/// How long an agent has to answer our close (RFC 6455 §7.1.1).
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Which part of the ping's interval may be taken off by chance.
const JITTER_PART: u32 = 4;

/// How a socket ends.
enum Over {
    /// We say why and wait for the answer.
    Close(CloseFrame),
    /// Nothing more can be said.
    Gone,
}

/// Reads what an agent says, one record after the other, and writes what it is told, until its end.
pub(super) async fn run(
    mut stream: WebSocket,
    way: Way,
    outbox: Arc<Outbox>,
    metrics: Arc<DeviceMetrics>,
    interval: Duration,
) {
    let interval = interval - interval.mul_f64(rand::random::<f64>() / f64::from(JITTER_PART));
    let over = talk(&mut stream, &way, &outbox, &metrics, interval).await;
    outbox.gone();
    // Its place is free before the closing handshake, which may take its time.
    drop(way);
    if let Over::Close(frame) = over {
        Box::pin(close(&mut stream, frame)).await;
    }
}

async fn talk(stream: &mut WebSocket, way: &Way, outbox: &Outbox, metrics: &DeviceMetrics, interval: Duration) -> Over {
    let began = Instant::now();
    let now = || Mono::from_start(began.elapsed());
    let mut life = KeepAlive::new(now(), interval);
    let mut at = began + interval;
    loop {
        let message = tokio::select! {
            out = poll_fn(|context| outbox.poll(context)) => match out {
                Out::Record(record) => Message::Binary(record),
                Out::Close(why) => return Over::Close(farewell(why)),
            },
            received = stream.recv() => match received {
                Some(Ok(message)) => {
                    life.handle_frame(now());
                    match heard(way, metrics, message).await {
                        Ok(()) => continue,
                        Err(over) => return over,
                    }
                }
                Some(Err(error)) => return refuse(metrics, error),
                None => return Over::Gone,
            },
            () = tokio::time::sleep_until(at) => match life.poll(now()) {
                Life::Wait(until) => {
                    at = began + until.since_start();
                    continue;
                }
                Life::Ping => Message::Ping(Bytes::new()),
                Life::Gone => {
                    metrics.usp.refused("no_sign_of_life");
                    return Over::Gone;
                }
            },
        };
        if let Err(over) = send(stream, outbox, message).await {
            return over;
        }
    }
}

/// What the agent said.
async fn heard(way: &Way, metrics: &DeviceMetrics, message: Message) -> Result<(), Over> {
    match message {
        Message::Binary(bytes) => match Box::pin(way.record(bytes)).await {
            Ok(()) => Ok(()),
            Err(LinkRefused::Record(refusal)) => match close_code(refusal) {
                Some(code) => Err(Over::Close(frame(code, "this is no USP record"))),
                // It can be read, and is ignored.
                None => Ok(()),
            },
            // The outbox says why.
            Err(_) => Ok(()),
        },
        Message::Text(_) => {
            metrics.usp.refused("text_frame");
            Err(Over::Close(frame(CLOSE_UNSUPPORTED, "a record is a binary message")))
        }
        Message::Close(_) => Err(Over::Gone),
        // The library answers pings.
        Message::Ping(_) | Message::Pong(_) => Ok(()),
    }
}

/// Writes one message. An agent that does not read is waited for until as much waits as may.
async fn send(stream: &mut WebSocket, outbox: &Outbox, message: Message) -> Result<(), Over> {
    tokio::select! {
        biased;
        sent = stream.send(message) => sent.map_err(|_| Over::Gone),
        () = poll_fn(|context| outbox.poll_stuck(context)) => Err(Over::Gone),
    }
}

fn farewell(why: Closing) -> CloseFrame {
    match why {
        Closing::Replaced => frame(CLOSE_REPLACED, "a newer session of this endpoint is there"),
        Closing::Unreadable => frame(CLOSE_UNSUPPORTED, "this is no USP record"),
        Closing::Refused => frame(codes::POLICY, "the device is not served"),
        Closing::Stuck => frame(codes::AGAIN, "too much waits to be read"),
        Closing::Draining => frame(codes::AWAY, "the server is stopping"),
    }
}

fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code, reason: Utf8Bytes::from_static(reason) }
}

/// Says what was wrong with a frame in the code that RFC 6455 §7.4.1 has for it.
fn refuse(metrics: &DeviceMetrics, error: axum::Error) -> Over {
    let Ok(error) = error.into_inner().downcast::<tungstenite::Error>() else { return Over::Gone };
    let (code, reason, label) = match *error {
        tungstenite::Error::Capacity(_) => (codes::SIZE, "the record is too large", "too_large"),
        tungstenite::Error::Utf8(_) => (codes::INVALID, "text is not UTF-8", "text_frame"),
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            return Over::Gone;
        }
        tungstenite::Error::Protocol(_) => (codes::PROTOCOL, "protocol error", "websocket_protocol"),
        _ => return Over::Gone,
    };
    metrics.usp.refused(label);
    Over::Close(frame(code, reason))
}

/// The closing handshake: our close, then what the agent still sends until its close.
async fn close(stream: &mut WebSocket, frame: CloseFrame) {
    let handshake = async {
        if stream.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.recv().await {}
        }
    };
    // An agent that does not answer in time is cut off.
    drop(tokio::time::timeout(CLOSE_TIME, handshake).await);
}
