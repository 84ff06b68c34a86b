use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::bounds::Bounds;
use crate::dial::Stream;
use crate::error::ProbeError;
use crate::finding::Finding;
use crate::http::Url;
use crate::run::Stop;
use crate::socketio::fault_words::{ended, no_websocket, silent, unreached};
use crate::socketio::handshake::Handshake;
use crate::socketio::packet::{Said, connect};
use crate::socketio::target::Target;

/// A session over WebSocket that answers pings while it is listened to.
pub(super) struct Socket {
    stream: WebSocketStream<Box<dyn Stream>>,
    namespace: String,
    /// When the open packet was here.
    opened: Instant,
    first_ping: Option<Duration>,
}

/// The limit of one message: more than a server sends unasked.
const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

impl Socket {
    /// Opens a WebSocket. The inner error: it was refused.
    pub(super) async fn open(
        target: &Target,
        sid: Option<&str>,
        origin: Option<&str>,
        subject: &str,
        bounds: Bounds<'_>,
    ) -> Result<Result<Self, Finding>, ProbeError> {
        let url = target.websocket(sid)?;
        let mut headers = target.headers.clone();
        if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
            headers.insert(ORIGIN, origin);
        }
        let opened = upgraded(&url, headers, subject, bounds).await?;
        let namespace = target.namespace.clone();
        Ok(opened.map(|stream| Self { stream, namespace, opened: Instant::now(), first_ping: None }))
    }

    /// Waits for the open packet of a session that begins here.
    pub(super) async fn handshake(&mut self, bounds: Bounds<'_>) -> Result<Handshake, Finding> {
        let open = self.hear("websocket", bounds, |said| match said {
            Said::Open(open) => Some(open),
            _ => None,
        });
        let handshake = Handshake::of(open.await?, "websocket")?;
        self.opened = Instant::now();
        self.first_ping = None;
        Ok(handshake)
    }

    /// Enters the namespace; gives what the server said of it.
    pub(super) async fn connect(&mut self, target: &Target, bounds: Bounds<'_>) -> Result<Value, Finding> {
        self.send(&connect(&self.namespace, target.auth.as_ref()), bounds).await?;
        let answer = self.hear("connect", bounds, |said| match said {
            Said::Connected(value) => Some(Ok(value)),
            Said::Refused(value) => Some(Err(value)),
            _ => None,
        });
        answer.await?.map_err(|error| refused_namespace(&self.namespace, &error))
    }

    pub(super) async fn send(&mut self, packet: &str, bounds: Bounds<'_>) -> Result<(), Finding> {
        match timeout(bounds.timeout, self.stream.send(Message::text(packet))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ended("send", &error.to_string())),
            Err(_) => Err(silent("send", bounds.timeout, "the server does not read", "see the server's log")),
        }
    }

    /// Waits for what `wanted` takes; everything else is passed over.
    pub(super) async fn hear<T>(
        &mut self,
        subject: &str,
        bounds: Bounds<'_>,
        wanted: impl FnMut(Said) -> Option<T>,
    ) -> Result<T, Finding> {
        let heard = self.hear_until(subject, Instant::now() + bounds.timeout, wanted).await?;
        heard.ok_or_else(|| {
            silent(
                subject,
                bounds.timeout,
                "the server does not know what it was sent, or sends its answer elsewhere",
                "check what the server expects; behind a balancer, connect the instances",
            )
        })
    }

    /// As [`Self::hear`] until a moment; `None` if it did not come.
    pub(super) async fn hear_until<T>(
        &mut self,
        subject: &str,
        end: Instant,
        mut wanted: impl FnMut(Said) -> Option<T>,
    ) -> Result<Option<T>, Finding> {
        loop {
            let message = match timeout_at(end, self.stream.next()).await {
                Err(_) => return Ok(None),
                Ok(None) => return Err(ended(subject, "without a word")),
                Ok(Some(Err(error))) => return Err(ended(subject, &error.to_string())),
                Ok(Some(Ok(Message::Close(frame)))) => {
                    let said = frame.map_or_else(|| "without a reason".to_owned(), |frame| frame.to_string());
                    return Err(ended(subject, &said));
                }
                Ok(Some(Ok(message))) => message,
            };
            let Message::Text(text) = message else { continue };
            let said = Said::read(&text, &self.namespace);
            if said == Said::Ping {
                self.first_ping.get_or_insert(self.opened.elapsed());
                self.stream.send(Message::text("3")).await.map_err(|error| ended(subject, &error.to_string()))?;
            }
            let is_end = said == Said::Ended;
            if let Some(value) = wanted(said) {
                return Ok(Some(value));
            }
            if is_end {
                return Err(ended(subject, "it threw this client out"));
            }
        }
    }

    /// Waits until `end` for the first ping, and says how long after the handshake it came.
    pub(super) async fn first_ping(&mut self, end: Duration) -> Result<Option<Duration>, Finding> {
        if self.first_ping.is_none() {
            let is_ping = |said| (said == Said::Ping).then_some(());
            self.hear_until("first ping", self.opened + end, is_ping).await?;
        }
        Ok(self.first_ping)
    }

    /// The first ping, if it was here while something else was waited for.
    pub(super) fn early_ping(&self) -> Option<Duration> {
        self.first_ping
    }

    /// Ends the session as a client does that goes.
    pub(super) async fn close(mut self, bounds: Bounds<'_>) {
        // Whether the server hears it or not: the connection ends.
        drop(self.send("1", bounds).await);
        drop(timeout(bounds.timeout, self.stream.close(None)).await);
    }
}

async fn upgraded(
    url: &Url,
    headers: HeaderMap,
    subject: &str,
    bounds: Bounds<'_>,
) -> Result<Result<WebSocketStream<Box<dyn Stream>>, Finding>, ProbeError> {
    let request = url.uri.clone().into_client_request();
    let mut request = match request {
        Ok(request) => request,
        Err(error) => return Ok(Err(no_websocket(subject, &error))),
    };
    request.headers_mut().extend(headers);
    let stream = match url.dial(bounds).await? {
        Ok((stream, _)) => stream,
        Err(fault) => return Ok(Err(unreached(subject, &fault))),
    };
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX));
    let opened: Result<Result<_, Error>, _> =
        timeout(bounds.timeout, client_async_with_config(request, stream, Some(config))).await;
    Ok(match opened {
        Err(_) => Err(silent(
            subject,
            bounds.timeout,
            "a proxy before the server passes no upgrades, or the server hangs",
            "pass Upgrade and Connection through the proxy; see the server's log",
        )),
        Ok(Err(error)) => Err(no_websocket(subject, &error)),
        Ok(Ok((stream, _))) => Ok(stream),
    })
}

/// Of a namespace that the server does not let us into.
pub(super) fn refused_namespace(namespace: &str, error: &Value) -> Finding {
    let said = error["message"].as_str().unwrap_or("without a reason");
    let (cause, mend) = if said == "Invalid namespace" {
        ("the server has no such namespace", "give one that it has with `--namespace`")
    } else {
        (
            "the server's own check refuses this client",
            "give what it wants to know with `--auth-file` or `--token-file`",
        )
    };
    Finding::failed("connect", format!("{namespace} is refused: {said}")).because(cause, mend)
}

/// Opens or stops.
pub(super) async fn open_or_stop(
    target: &Target,
    sid: Option<&str>,
    subject: &str,
    bounds: Bounds<'_>,
) -> Result<Socket, Stop> {
    Ok(Socket::open(target, sid, None, subject, bounds).await??)
}
