use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::AUTHORIZATION;
use rand::RngExt as _;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant as Deadline, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::bounds::Bounds;
use crate::dial::Stream;
use crate::error::ProbeError;
use crate::finding::Finding;
use crate::http::{Url, bearer};
use crate::report::{Measured, Report};
use crate::run::{Run, Step, Stop};

/// How long each step took; absent if it was not reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SignalMeasured {
    /// In the order in which they were made.
    pub steps: Vec<Step>,
}

/// Registers two agents and relays an offer, an answer and a candidate between them.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve.
pub async fn signal(url: &str, token: Option<&SecretString>, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let parsed = Url::parse(url, ["ws", "wss"], "WebSocket", "wss://rtc.example.org/ws")?;
    let mut run = Run::new(bounds);
    if let Err(stop) = run.all(&parsed, token).await {
        run.findings.push(stop.into_finding()?);
    }
    let measured = Measured::Signal(SignalMeasured { steps: run.steps });
    Ok(Report { probe: "signal", target: url.to_owned(), findings: run.findings, measured })
}

/// A socket with its agent's id.
struct Agent {
    id: String,
    socket: WebSocketStream<Box<dyn Stream>>,
}

/// The limit of one message: several times what the server of ours sends.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

impl Run<'_> {
    async fn all(&mut self, url: &Url, token: Option<&SecretString>) -> Result<(), Stop> {
        let run: u64 = rand::rng().random();
        let mut a = self.timed("open", "opened", open(url, token, &format!("probe-{run:016x}-a"), self.bounds)).await?;
        let mut b = open(url, token, &format!("probe-{run:016x}-b"), self.bounds).await?;
        let bounds = self.bounds;
        self.timed("register", "an agent registers", a.register(None, bounds)).await?;
        let a_id = a.id.clone();
        self.timed("second agent", "a second agent registers and hears of the first", b.register(Some(&a_id), bounds))
            .await?;
        let b_id = b.id.clone();
        self.timed("agent-joined", "the first hears of it", a.hear("agent-joined", bounds, |m| m["agent_id"] == *b_id))
            .await?;
        self.relay("offer", "offer", json!({"type": "offer", "sdp": SDP}), &mut a, &mut b).await?;
        self.relay("answer", "answer", json!({"type": "answer", "sdp": SDP}), &mut b, &mut a).await?;
        self.relay("ice-candidate", "candidate", json!({"candidate": CANDIDATE, "sdpMLineIndex": 0}), &mut a, &mut b)
            .await?;
        self.forged_from(&mut a, &mut b).await?;
        self.absent_receiver(&mut a).await
    }

    /// One message from one agent to the other.
    async fn relay(
        &mut self,
        kind: &'static str,
        member: &'static str,
        payload: Value,
        from: &mut Agent,
        to: &mut Agent,
    ) -> Result<(), Stop> {
        let bounds = self.bounds;
        let (from_id, to_id) = (from.id.clone(), to.id.clone());
        let relayed = async {
            from.send(&json!({"type": kind, "from": from_id, "to": to_id, member: payload}), bounds).await?;
            to.hear(kind, bounds, |_| true).await
        };
        let heard = self.timed(kind, "relayed", relayed).await?;
        if heard["from"] != *from_id {
            let said = format!("`from` became {}", heard["from"]);
            let (cause, mend) =
                ("the server changes who a message is from", "agents cannot answer: replace the server");
            return Err(Finding::failed(kind, said).because(cause, mend).into());
        }
        if heard[member] != payload {
            let (cause, mend) =
                ("the server rewrites what it relays", "agents will not understand it: replace the server");
            return Err(Finding::failed(kind, "the payload was changed on the way").because(cause, mend).into());
        }
        Ok(())
    }

    /// A candidate that claims to be from somebody else: a good server puts the true sender in, or refuses.
    async fn forged_from(&mut self, a: &mut Agent, b: &mut Agent) -> Result<(), Stop> {
        let forged = format!("{}-forged", a.id);
        let candidate = json!({"candidate": CANDIDATE, "sdpMLineIndex": 1});
        let message = json!({"type": "ice-candidate", "from": forged, "to": b.id, "candidate": candidate});
        a.send(&message, self.bounds).await?;
        let heard = tokio::select! {
            heard = b.hear("ice-candidate", self.bounds, |_| true) => heard.ok(),
            refused = a.hear("error", self.bounds, |_| true) => refused.ok().map(|_| Value::Null),
        };
        self.findings.push(match heard {
            Some(heard) if heard["from"] == *forged => {
                Finding::warning("from", "a forged sender is passed on as it was written").because(
                    "the server does not check who a message is from: any agent can speak as any other",
                    "use a server that forces `from`, as ours does",
                )
            }
            Some(_) | None => Finding::fine("from", "a forged sender is put right or refused"),
        });
        Ok(())
    }

    /// An offer to nobody gets an error, not silence.
    async fn absent_receiver(&mut self, a: &mut Agent) -> Result<(), Stop> {
        let nobody = format!("{}-nobody", a.id);
        let offer = json!({"type": "offer", "from": a.id, "to": nobody, "offer": {"type": "offer", "sdp": SDP}});
        a.send(&offer, self.bounds).await?;
        self.findings.push(match a.hear("error", self.bounds, |_| true).await {
            Ok(_) => Finding::fine("absent agent", "an offer to nobody is answered with an error"),
            Err(_) => Finding::warning("absent agent", "an offer to nobody is not answered").because(
                "the server drops it without a word",
                "callers wait for their own timeout: use a server that answers",
            ),
        });
        Ok(())
    }
}

impl Agent {
    async fn send(&mut self, message: &Value, bounds: Bounds<'_>) -> Result<(), Finding> {
        let sent = timeout(bounds.timeout, self.socket.send(Message::text(message.to_string()))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ended("send", &error.to_string())),
            Err(_) => Err(silent("send", bounds.timeout)),
        }
    }

    /// Registers; if `other` is named, it must be among those that are there.
    async fn register(&mut self, other: Option<&str>, bounds: Bounds<'_>) -> Result<(), Finding> {
        self.send(&json!({"type": "register", "agent_id": self.id}), bounds).await?;
        let registered = self.hear("registered", bounds, |_| true).await?;
        let listed = registered["connected_agents"].as_array().map(Vec::as_slice).unwrap_or_default();
        match other {
            Some(other) if !listed.iter().any(|id| *id == *other) => {
                Err(Finding::failed("second agent", "it is not told of the first").because(
                    "the two sockets reached two servers that know nothing of each other",
                    "let a balancer send both to one instance, or connect the instances",
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Waits for a message of a kind; others are passed over, an error is the end.
    async fn hear(
        &mut self,
        kind: &'static str,
        bounds: Bounds<'_>,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, Finding> {
        let end = Deadline::now() + bounds.timeout;
        loop {
            let text = match timeout_at(end, self.socket.next()).await {
                Err(_) => return Err(silent(kind, bounds.timeout)),
                Ok(None) => return Err(ended(kind, "without a word")),
                Ok(Some(Err(error))) => return Err(ended(kind, &error.to_string())),
                Ok(Some(Ok(Message::Close(frame)))) => {
                    return Err(ended(kind, &frame.map_or_else(String::new, |frame| frame.to_string())));
                }
                Ok(Some(Ok(message))) => message.into_text().unwrap_or_default(),
            };
            let message: Value = serde_json::from_str(&text).unwrap_or_default();
            if message["type"] == kind && wanted(&message) {
                return Ok(message);
            }
            if message["type"] == "error" {
                let said = message["message"].as_str().unwrap_or("an error without a message");
                let (cause, mend) =
                    ("the server refuses the message", "see docs/protocols/signaling-json.md for its words");
                return Err(Finding::failed(kind, said).because(cause, mend));
            }
        }
    }
}

async fn open(url: &Url, token: Option<&SecretString>, id: &str, bounds: Bounds<'_>) -> Result<Agent, Stop> {
    let mut request = url.uri.clone().into_client_request().map_err(|error| refused(&error))?;
    if let Some(token) = token {
        request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
    }
    let stream = match url.dial(bounds).await? {
        Ok((stream, _)) => stream,
        Err(fault) => {
            let (cause, mend) = fault.web_explanation();
            return Err(Finding::failed("open", fault.to_string()).because(cause, mend).into());
        }
    };
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX));
    let opened = timeout(bounds.timeout, client_async_with_config(request, stream, Some(config))).await;
    match opened {
        Err(_) => Err(silent("open", bounds.timeout).into()),
        Ok(Err(error)) => Err(refused(&error).into()),
        Ok(Ok((socket, _))) => Ok(Agent { id: id.to_owned(), socket }),
    }
}

/// Why an upgrade did not come about.
fn refused(error: &Error) -> Finding {
    let (cause, mend) = match error {
        Error::Http(response) => match response.status().as_u16() {
            401 => (
                "the server wants a token, or refuses this one",
                "mint one with `sangam token mint --use signal` and give it with `--token-file`",
            ),
            403 => (
                "the token is for another room, or a proxy forbids the path",
                "mint a token for the room; check the proxy",
            ),
            404 | 200 => (
                "this path takes no WebSockets",
                "our server takes them at /ws on the main listener and at any path on the signaling listener",
            ),
            429 => (
                "this address has as many sockets as the server allows",
                "close some, or raise signal.sockets_per_address_max",
            ),
            502 | 504 => (
                "a proxy answers and cannot reach the server behind it",
                "start the server; check the proxy's upstream",
            ),
            503 => ("the server is full or stopping", "see its log and signal.sockets_max"),
            _ => (
                "the server or a proxy before it passes no WebSocket upgrades",
                "pass Upgrade and Connection through the proxy",
            ),
        },
        _ => ("what listens there speaks no WebSocket, or wants TLS", "check the port; try wss://"),
    };
    Finding::failed("open", format!("no WebSocket: {error}")).because(cause, mend)
}

fn silent(step: &str, limit: Duration) -> Finding {
    Finding::failed(step, format!("nothing came for {} s", limit.as_secs_f64())).because(
        "the server does not speak this protocol, or the two agents reached different instances",
        "check the URL; let a balancer send both sockets to one instance, or connect the instances",
    )
}

fn ended(step: &str, said: &str) -> Finding {
    Finding::failed(step, format!("the server ended the connection: {said}"))
        .because("it is stopping, refuses the token, or does not speak this protocol", "see the server's log")
}

/// A session description without a media section: nothing connects by it, and no server has to understand it.
const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// RFC 5737's documentation address.
const CANDIDATE: &str = "candidate:1 1 udp 2130706431 192.0.2.1 9 typ host";
