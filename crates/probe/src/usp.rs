//! A controller of TR-369 over WebSocket, as an agent that nobody knows finds it.

mod refused;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use rand::RngExt as _;
use sangam_usp_proto::message::{Message as UspMessage, MsgType};
use sangam_usp_proto::mtp::websocket::{CLOSE_UNSUPPORTED, EXTENSION, SUBPROTOCOL, query};
use sangam_usp_proto::record::{Disconnect, Empty, Record, RecordType};
use sangam_usp_proto::{EndpointId, UspLimits};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::time::{Instant as Deadline, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::bounds::Bounds;
use crate::dial::Stream;
use crate::error::ProbeError;
use crate::finding::Finding;
use crate::http::Url;
use crate::report::{Measured, Report};
use crate::run::{Run, Step, Stop};

/// Who the probe says it is, and who it talks to.
#[derive(Debug, Default)]
pub struct UspAsked {
    /// The agent's endpoint id; without one it is a random one of scheme `self`.
    pub endpoint: Option<EndpointId>,
    /// The controller's; without one what the server says in the handshake, else `self::sangam`.
    pub controller: Option<EndpointId>,
    /// A login, by HTTP Basic.
    pub login: Option<(String, SecretString)>,
}

/// How long each step took, and who the controller is; absent if it was not reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UspMeasured {
    /// In the order in which they were made.
    pub steps: Vec<Step>,
    /// The agent that the probe was.
    pub endpoint: String,
    /// The controller, as it said itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The version in its first record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it asked first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// Connects as an agent, says that it is here, hears what the controller asks first, and goes before it is taken on: nothing of it stays
/// on a server of ours.
///
/// # Errors
/// It could not run: no such URL, the name does not resolve.
pub async fn usp(url: &str, asked: &UspAsked, bounds: Bounds<'_>) -> Result<Report, ProbeError> {
    let parsed = Url::parse(url, ["ws", "wss"], "WebSocket", "ws://acs.example.org:7547/usp")?;
    let endpoint = match &asked.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => random_endpoint(),
    };
    let measured = UspMeasured { endpoint: endpoint.to_string(), ..UspMeasured::default() };
    let mut probe = Probe { run: Run::new(bounds), measured, endpoint };
    if let Err(stop) = probe.all(&parsed, asked).await {
        probe.run.findings.push(stop.into_finding()?);
    }
    probe.measured.steps = probe.run.steps;
    let measured = Measured::Usp(Box::new(probe.measured));
    Ok(Report { probe: "usp", target: url.to_owned(), findings: probe.run.findings, measured })
}

fn random_endpoint() -> EndpointId {
    let number: u64 = rand::rng().random();
    format!("self::sangam-probe-{number:016x}").parse().expect("letters, digits and hyphens are an instance id")
}

struct Probe<'a> {
    run: Run<'a>,
    measured: UspMeasured,
    endpoint: EndpointId,
}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Bytes of one message: more than any that a controller sends.
const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Our own controller, if nobody says otherwise.
const USUAL: &str = "self::sangam";

impl Probe<'_> {
    async fn all(&mut self, url: &Url, asked: &UspAsked) -> Result<(), Stop> {
        let bounds = self.run.bounds;
        let opened = open(url, asked, &self.endpoint, bounds);
        let (mut socket, told) = self.run.timed("open", "a WebSocket with the subprotocol v1.usp", opened).await?;
        let controller = self.controller(asked, told)?;
        let record = Record::new(self.endpoint.as_str(), controller.as_str(), RecordType::WebSocketConnect(Empty {}));
        send(&mut socket, Message::Binary(record.to_bytes()), bounds).await?;
        let heard = hear(&mut socket, &controller, bounds);
        let first = self.run.timed("first record", "the controller answers the Connect Record", heard).await?;
        self.judge(&controller, &first)?;
        let ponged = ping(&mut socket, bounds);
        self.run.timed("ping", "a ping is answered", ponged).await?;
        let code = misbehave(&mut socket, bounds).await;
        self.run.findings.push(match code {
            Some(CLOSE_UNSUPPORTED) => Finding::fine("text frame", "a text message closes the session with 1003"),
            Some(code) => {
                Finding::warning("text frame", format!("a text message closes the session with {code}, not 1003"))
                    .because("the server departs from R-WS.16", "agents come back all the same; tell its maker")
            }
            None => Finding::warning("text frame", "a text message does not close the session").because(
                "the server departs from R-WS.16: a text message is no record",
                "an agent that goes wrong is not told so; tell its maker",
            ),
        });
        Ok(())
    }

    /// Whom the Connect Record is for.
    fn controller(&mut self, asked: &UspAsked, told: Option<EndpointId>) -> Result<EndpointId, Stop> {
        let subject = "controller";
        match (&asked.controller, told) {
            (Some(given), Some(told)) if *given != told => {
                let said = format!("the server says that it is {told}, not {given}");
                let (cause, mend) = (
                    "agents are configured for another controller",
                    "configure agents for this id, or give the right URL",
                );
                Err(Finding::failed(subject, said).because(cause, mend).into())
            }
            (Some(given), _) => Ok(given.clone()),
            (None, Some(told)) => {
                self.run.findings.push(Finding::fine(subject, format!("the server says that it is {told}")));
                Ok(told)
            }
            (None, None) => Ok(USUAL.parse().expect("an endpoint id")),
        }
    }

    /// What the first record of the controller says.
    fn judge(&mut self, controller: &EndpointId, bytes: &Bytes) -> Result<(), Stop> {
        let subject = "first record";
        let limits = UspLimits::default();
        let record = Record::decode_bounded(bytes, &limits).map_err(|fault| {
            let (cause, mend) =
                ("what answers is no controller of USP, or is broken", "check the URL; see the server's log");
            Finding::failed(subject, format!("it is no record: {fault}")).because(cause, mend)
        })?;
        self.measured.controller = Some(record.from_id.clone());
        self.measured.version = Some(record.version.clone());
        if record.to_id != self.endpoint.as_str() {
            let (cause, mend) =
                ("the server mixes up who is who: agents drop such records (R-E2E.1)", "tell its maker");
            return Err(Finding::failed(subject, format!("it is for {}", record.to_id)).because(cause, mend).into());
        }
        if record.from_id != controller.as_str() {
            let said = format!("it is from {}, not from {controller}", record.from_id);
            let mend = format!("give `--controller {}`, and configure agents for it", record.from_id);
            return Err(Finding::failed(subject, said).because("the controller has another endpoint id", mend).into());
        }
        let payload = match record.record_type {
            Some(RecordType::Disconnect(Disconnect { reason, reason_code })) => {
                let said = format!("the controller says goodbye: {reason_code} {reason}");
                let (cause, mend) =
                    ("it does not serve this agent, or is ending", "see the server's log for this endpoint id");
                return Err(Finding::failed(subject, said).because(cause, mend).into());
            }
            Some(RecordType::NoSessionContext(it)) => it.payload,
            Some(RecordType::SessionContext(_)) => {
                self.measured.asked = Some("a session context".to_owned());
                self.run.findings.push(Finding::fine(subject, "the controller begins a session context"));
                return Ok(());
            }
            _ => {
                let (cause, mend) =
                    ("a controller says nothing of that kind", "check the URL: it may lead to an agent");
                return Err(Finding::failed(subject, "it has no message").because(cause, mend).into());
            }
        };
        let message = UspMessage::decode(&payload, &limits).map_err(|fault| {
            let (cause, mend) = ("the controller is broken", "see the server's log");
            Finding::failed(subject, format!("there is no message in it: {fault}")).because(cause, mend)
        })?;
        let kind = message.message.msg_type();
        let asked = format!("{kind:?}");
        self.run.findings.push(if is_question(kind) {
            Finding::fine(subject, format!("the controller asks: {asked}"))
        } else {
            Finding::warning(subject, format!("the controller says {asked}"))
                .because("nobody asked it anything", "it may take this end for another: check the endpoint ids")
        });
        self.measured.asked = Some(asked);
        Ok(())
    }
}

const fn is_question(kind: MsgType) -> bool {
    matches!(
        kind,
        MsgType::Get
            | MsgType::GetInstances
            | MsgType::GetSupportedDm
            | MsgType::GetSupportedProto
            | MsgType::Set
            | MsgType::Add
            | MsgType::Delete
            | MsgType::Operate
    )
}

/// Opens a WebSocket as an agent does; who the server says that it is comes along.
async fn open(
    url: &Url,
    asked: &UspAsked,
    endpoint: &EndpointId,
    bounds: Bounds<'_>,
) -> Result<(Socket, Option<EndpointId>), Stop> {
    let mut request = uri(url, endpoint).into_client_request().map_err(|error| refused::finding(&error))?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    // Servers that know the extension say by it who they are.
    let extension = HeaderValue::try_from(format!("{EXTENSION}; eid=\"{endpoint}\"")).map_err(|_| ProbeError::Token)?;
    headers.insert(SEC_WEBSOCKET_EXTENSIONS, extension);
    if let Some((user, password)) = &asked.login {
        headers.insert(AUTHORIZATION, basic(user, password)?);
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
    let (socket, response) = match opened {
        Err(_) => return Err(refused::silent("open", bounds.timeout).into()),
        Ok(Err(error)) => return Err(refused::finding(&error).into()),
        Ok(Ok(opened)) => opened,
    };
    let told = response.headers().get(SEC_WEBSOCKET_EXTENSIONS).and_then(|it| it.to_str().ok()?.split_once("eid="));
    let told =
        told.map(|(_, text)| text.split([';', ',']).next().unwrap_or_default().trim().trim_matches('"').to_owned());
    Ok((socket, told.and_then(|text| text.parse().ok())))
}

/// The URL with the agent's id in its query.
fn uri(url: &Url, endpoint: &EndpointId) -> Uri {
    let mut parts = url.uri.clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    let sign = if path.contains('?') { '&' } else { '?' };
    parts.path_and_query = format!("{path}{sign}{}", query(endpoint)).parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| url.uri.clone())
}

/// `Authorization: Basic …` (RFC 7617).
fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, ProbeError> {
    use base64::Engine as _;
    let pair = format!("{user}:{}", password.expose_secret());
    let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    let mut value = HeaderValue::from_str(&text).map_err(|_| ProbeError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn send(socket: &mut Socket, message: Message, bounds: Bounds<'_>) -> Result<(), Finding> {
    match timeout(bounds.timeout, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(refused::ended("send", &error.to_string())),
        Err(_) => Err(refused::silent("send", bounds.timeout)),
    }
}

/// The first record that comes.
async fn hear(socket: &mut Socket, controller: &EndpointId, bounds: Bounds<'_>) -> Result<Bytes, Finding> {
    let end = Deadline::now() + bounds.timeout;
    loop {
        match timeout_at(end, socket.next()).await {
            Err(_) => return Err(refused::asks_nothing(controller, bounds.timeout)),
            Ok(None) => return Err(refused::ended("first record", "without a word")),
            Ok(Some(Err(error))) => return Err(refused::ended("first record", &error.to_string())),
            Ok(Some(Ok(Message::Binary(record)))) => return Ok(record),
            Ok(Some(Ok(Message::Close(frame)))) => {
                return Err(refused::closed(frame.as_ref().map(|it| u16::from(it.code))));
            }
            Ok(Some(Ok(Message::Text(_)))) => {
                return Err(Finding::failed("first record", "a text message came").because(
                    "records are binary messages (R-WS.14): what answers is no controller of USP",
                    "check the URL",
                ));
            }
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
        }
    }
}

async fn ping(socket: &mut Socket, bounds: Bounds<'_>) -> Result<(), Finding> {
    send(socket, Message::Ping(Bytes::from_static(b"sangam")), bounds).await?;
    let end = Deadline::now() + bounds.timeout;
    loop {
        match timeout_at(end, socket.next()).await {
            Err(_) => return Err(refused::silent("ping", bounds.timeout)),
            Ok(None) => return Err(refused::ended("ping", "without a word")),
            Ok(Some(Err(error))) => return Err(refused::ended("ping", &error.to_string())),
            Ok(Some(Ok(Message::Pong(_)))) => return Ok(()),
            Ok(Some(Ok(_))) => {}
        }
    }
}

/// Says what no agent says; the code that the session is closed with.
async fn misbehave(socket: &mut Socket, bounds: Bounds<'_>) -> Option<u16> {
    send(socket, Message::text("this is no record"), bounds).await.ok()?;
    let end = Deadline::now() + bounds.timeout;
    loop {
        match timeout_at(end, socket.next()).await {
            Ok(Some(Ok(Message::Close(frame)))) => return frame.map(|it| u16::from(it.code)),
            Ok(Some(Ok(_))) => {}
            Err(_) | Ok(None | Some(Err(_))) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_id_is_in_the_query_beside_what_is_there() {
        let endpoint: EndpointId = "os::012345-A1".parse().unwrap();
        let of = |text: &str| {
            let url = Url::parse(text, ["ws", "wss"], "WebSocket", "").unwrap();
            uri(&url, &endpoint).to_string()
        };
        assert_eq!(of("ws://a/usp"), "ws://a/usp?eid=os%3A%3A012345-A1");
        assert_eq!(of("ws://a:1/usp?x=1"), "ws://a:1/usp?x=1&eid=os%3A%3A012345-A1");
        assert!(random_endpoint().as_str().starts_with("self::sangam-probe-"));
    }
}
