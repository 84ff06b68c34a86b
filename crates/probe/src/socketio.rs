//! A Socket.IO server as a client of it finds it: transports, namespace, origins, errors, pings, events, rooms.

mod fault_words;
mod handshake;
mod origin;
mod packet;
mod polling;
mod refusals;
mod room;
mod socket;
mod target;

use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

pub use self::handshake::Handshake;
pub use self::origin::Cors;
pub use self::refusals::Refused;

use self::packet::{Said, event};
use self::socket::{Socket, open_or_stop};
use self::target::Target;
use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::finding::{Finding, Mark};
use crate::report::{Measured, Report};
use crate::run::{Run, Step, Stop};
use crate::spread::milliseconds;

/// What a Socket.IO server is asked.
#[derive(Clone, Debug)]
pub struct SocketIo {
    /// Which namespace is entered: `/`, or `/` and a name.
    pub namespace: String,
    /// What is sent with CONNECT: a JSON object. It may be a secret, and stands in no report.
    pub auth: Option<Value>,
    /// Sent as `Authorization: Bearer …` with each request.
    pub token: Option<SecretString>,
    /// Waits for the first ping if the server's `pingInterval` is at most this.
    pub wait_ping: Option<Duration>,
    /// An event of the server's own, and what must come of it.
    pub event: Option<Exchange>,
    /// Lets two participants meet in a session.
    pub room: bool,
}

/// An event and what answers it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// The event that must come back; `None`: an acknowledgement.
    pub expected: Option<String>,
}

impl Default for SocketIo {
    fn default() -> Self {
        Self { namespace: "/".to_owned(), auth: None, token: None, wait_ping: None, event: None, room: false }
    }
}

/// What was measured; what was not reached or not asked is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SocketIoMeasured {
    /// In the order in which they were made.
    pub steps: Vec<Step>,
    /// Of the session that began by long polling.
    pub polling: Option<Handshake>,
    /// Of the session that began by WebSocket.
    pub websocket: Option<Handshake>,
    /// Whether the server offers to recover a connection's state (`pid`).
    pub recovery: Option<bool>,
    /// From the handshake to the first ping.
    pub first_ping_ms: Option<f64>,
    /// What pages of an origin are answered by long polling: the server's own, a foreign one.
    pub origins: Vec<Cors>,
    /// What bad requests are answered.
    pub refusals: Vec<Refused>,
}

/// Asks a Socket.IO server everything that it is asked for.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve, a token that no header can hold.
pub async fn socketio(url: &str, asked: &SocketIo, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let target = Target::new(url, asked)?;
    let mut probing = Probing { target, run: Run::new(bounds), measured: SocketIoMeasured::default() };
    if let Err(stop) = probing.all(asked).await {
        probing.run.findings.push(stop.into_finding()?);
    }
    let Probing { run, mut measured, .. } = probing;
    measured.steps = run.steps;
    let measured = Measured::SocketIo(Box::new(measured));
    Ok(Report { probe: "socketio", target: url.to_owned(), findings: run.findings, measured })
}

struct Probing<'a> {
    target: Target,
    run: Run<'a>,
    measured: SocketIoMeasured,
}

impl Probing<'_> {
    async fn all(&mut self, asked: &SocketIo) -> Result<(), Stop> {
        let by_polling = self.polling().await?;
        let Some(mut socket) = self.websocket(by_polling).await? else {
            self.measured.refusals = refusals::refusals(&self.target, &mut self.run).await?;
            if asked.event.is_some() || asked.room {
                self.run.findings.push(Finding::failed("events", "not tried").because(
                    "this probe sends events by WebSocket alone, and there is none",
                    "let the server and the proxies before it take WebSockets",
                ));
            }
            return Ok(());
        };
        if let Some(exchange) = &asked.event {
            self.exchange(&mut socket, exchange).await?;
        }
        self.first_ping(&mut socket, asked.wait_ping).await?;
        socket.close(self.run.bounds).await;
        self.measured.origins = origin::origins(&self.target, by_polling, &mut self.run).await?;
        self.measured.refusals = refusals::refusals(&self.target, &mut self.run).await?;
        if asked.room {
            room::room(&self.target, &mut self.run).await?;
        }
        Ok(())
    }

    /// A session by long polling, and its upgrade. Whether the server offers long polling.
    async fn polling(&mut self) -> Result<bool, Stop> {
        let bounds = self.run.bounds;
        let mut is_offered = true;
        let begun = async {
            let begun = polling::handshake(&self.target, bounds).await?;
            is_offered = begun.is_ok();
            Ok::<_, Stop>(begun?)
        };
        let begun = self.run.timed("polling", "a session by long polling", begun).await;
        let handshake = match begun {
            Ok(handshake) => handshake,
            Err(Stop::Found(finding)) if !is_offered => {
                // A server of WebSockets alone is a choice, but the usual client begins with polling.
                self.run.findings.push(Finding { mark: Mark::Warning, ..*finding });
                return Ok(false);
            }
            Err(stop) => return Err(stop),
        };
        self.run.findings.push(Finding::fine("handshake", handshake.words()));
        self.measured.polling = Some(handshake.clone());
        let connected = polling::enter(&self.target, &handshake.sid, bounds);
        let connected = self.run.timed("connect by polling", "the namespace is entered", connected).await?;
        polling::post(&self.target, &handshake.sid, "1".to_owned(), "connect by polling", bounds).await?;
        self.recovery(&connected);
        if handshake.upgrades.iter().any(|upgrade| upgrade == "websocket") {
            let upgraded = upgrade(&self.target, bounds);
            self.run.timed("upgrade", "the session changes to WebSocket and goes on", upgraded).await?;
        } else {
            self.run.findings.push(Finding::warning("upgrade", "no upgrade to WebSocket is offered").because(
                "the server is set to long polling alone",
                "allow the transport `websocket`: each message by polling is a request",
            ));
        }
        Ok(true)
    }

    /// A session by WebSocket from its beginning. `None`: there is only long polling.
    async fn websocket(&mut self, by_polling: bool) -> Result<Option<Socket>, Stop> {
        let bounds = self.run.bounds;
        let opened = async {
            let mut socket = open_or_stop(&self.target, None, "websocket", bounds).await?;
            let handshake = socket.handshake(bounds).await?;
            Ok::<_, Stop>((socket, handshake))
        };
        let opened = self.run.timed("websocket", "a session by WebSocket", opened).await;
        let (mut socket, handshake) = match opened {
            Ok(opened) => opened,
            Err(Stop::Found(finding)) if by_polling => {
                self.run.findings.push(Finding { mark: Mark::Warning, ..*finding });
                return Ok(None);
            }
            Err(stop) => return Err(stop),
        };
        if !by_polling {
            self.run.findings.push(Finding::fine("handshake", handshake.words()));
        }
        self.measured.websocket = Some(handshake);
        let connected = socket.connect(&self.target, bounds);
        let connected = self.run.timed("connect", "the namespace is entered", connected).await?;
        if !by_polling {
            self.recovery(&connected);
        }
        Ok(Some(socket))
    }

    fn recovery(&mut self, connected: &Value) {
        let is_offered = connected["pid"].is_string();
        self.measured.recovery = Some(is_offered);
        self.run.findings.push(Finding::fine(
            "recovery",
            if is_offered {
                "offered: a client that comes back soon has its rooms and what it missed"
            } else {
                "not offered: a client that comes back is a new one, without rooms and what it missed"
            },
        ));
    }

    async fn exchange(&mut self, socket: &mut Socket, exchange: &Exchange) -> Result<(), Stop> {
        /// The only one this client gives.
        const ID: u64 = 0;
        let bounds = self.run.bounds;
        let Exchange { name, arguments, expected } = exchange;
        let id = expected.is_none().then_some(ID);
        let packet = event(&self.target.namespace, id, name, arguments);
        let answered = async {
            socket.send(&packet, bounds).await?;
            socket
                .hear("event", bounds, |said| match (said, expected) {
                    (Said::Ack(ID, _), None) => Some(()),
                    (Said::Event(heard, _), Some(expected)) if heard == *expected => Some(()),
                    _ => None,
                })
                .await
        };
        let said = match expected {
            Some(expected) => format!("{name} is answered with {expected}"),
            None => format!("{name} is acknowledged"),
        };
        self.run.timed("event", &said, answered).await
    }

    /// A server that pings at once breaks clients' timing and the official conformance suites.
    async fn first_ping(&mut self, socket: &mut Socket, wait: Option<Duration>) -> Result<(), Stop> {
        let Some(handshake) = self.measured.websocket.clone() else { return Ok(()) };
        let interval = handshake.ping_interval();
        let pinged = match wait {
            Some(wait) if interval <= wait => {
                (self.run.bounds.progress)("first ping");
                let pinged = socket.first_ping(interval + self.run.bounds.timeout).await?;
                if pinged.is_none() {
                    let said = format!("none came for {} ms", milliseconds(interval + self.run.bounds.timeout));
                    let cause =
                        format!("pingInterval is {} ms, and the server does not ping", handshake.ping_interval_ms);
                    let limit = handshake.ping_interval() + handshake.ping_timeout();
                    let mend = format!("clients give the server up after {} ms: see its log", limit.as_millis());
                    self.run.findings.push(Finding::failed("first ping", said).because(cause, mend));
                }
                pinged
            }
            Some(wait) => {
                let said =
                    format!("not waited for: {} ms is longer than {} ms", interval.as_millis(), wait.as_millis());
                self.run.findings.push(Finding::fine("first ping", said));
                socket.early_ping()
            }
            None => socket.early_ping(),
        };
        if let Some(after) = pinged {
            self.measured.first_ping_ms = Some(milliseconds(after));
            self.run.findings.push(judge_ping(after, interval));
        }
        Ok(())
    }
}

/// By the network's whims a ping may seem early that was sent in time.
const PING_TOLERANCE: Duration = Duration::from_millis(50);

fn judge_ping(after: Duration, interval: Duration) -> Finding {
    let said =
        format!("{:.0} ms after the handshake, with an interval of {} ms", milliseconds(after), interval.as_millis());
    if after + PING_TOLERANCE.max(interval / 10) < interval {
        return Finding::warning("first ping", said).because(
            "the server's heartbeat begins too early",
            "clients answer it all the same; servers that keep to the protocol wait pingInterval first",
        );
    }
    Finding::fine("first ping", said)
}

/// Takes a session that begins by long polling over to a WebSocket, and enters the namespace there: only what comes back on
/// it shows that the session goes on.
async fn upgrade(target: &Target, bounds: Bounds<'_>) -> Result<(), Stop> {
    let begun = polling::handshake(target, bounds).await??;
    let mut socket = open_or_stop(target, Some(&begun.sid), "upgrade", bounds).await?;
    socket.send("2probe", bounds).await?;
    socket.hear("upgrade", bounds, |said| (said == Said::ProbeAnswer).then_some(())).await?;
    socket.send("5", bounds).await?;
    socket.connect(target, bounds).await?;
    socket.close(bounds).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_at_once_is_warned_of() {
        let mark = |after, interval| judge_ping(Duration::from_millis(after), Duration::from_millis(interval)).mark;
        assert_eq!(mark(2, 300), Mark::Warning);
        assert_eq!(mark(298, 300), Mark::Fine);
        assert_eq!(mark(24_000, 25_000), Mark::Fine);
        assert_eq!(mark(2_000, 25_000), Mark::Warning);
    }
}
