use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, RETRY_AFTER, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderValue, Request, Response};
use sangam_usp_proto::EndpointId;
use sangam_usp_proto::mtp::websocket::{EXTENSION, SUBPROTOCOL, query};
use secrecy::ExposeSecret as _;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Caller, Ended, NotOpened};
use crate::connection::Socket;
use crate::usp::quirks::Quirk;
use crate::usp::server::Server;

/// A WebSocket to the controller.
pub(crate) struct WebSocketWay {
    socket: Socket,
    in_fragments: bool,
}

/// Bytes of one message: more than any that a controller sends.
const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

impl WebSocketWay {
    pub(super) async fn open(server: &Server, caller: &Caller<'_>) -> Result<Self, NotOpened> {
        Self::opened(server, caller).await.map(|(it, _)| it)
    }

    /// Who the controller says that it is, if it does: those that know the extension do.
    pub(super) async fn ask_controller(server: &Server, caller: &Caller<'_>) -> Result<Option<EndpointId>, NotOpened> {
        let (it, response) = Self::opened(server, caller).await?;
        it.close().await;
        let extensions = response.headers().get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|it| it.to_str().ok());
        let mut told = extensions.filter_map(|text| {
            let (_, text) = text.split_once("eid=")?;
            text.split([';', ',']).next()?.trim().trim_matches('"').parse().ok()
        });
        Ok(told.next())
    }

    async fn opened(server: &Server, caller: &Caller<'_>) -> Result<(Self, Response<Option<Vec<u8>>>), NotOpened> {
        let request = request(server, caller)?;
        let stream = server.connect(caller.number).await?;
        // Tens of thousands of sockets, most of them idle: the smallest buffers.
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .read_buffer_size(512)
            .write_buffer_size(0);
        match Box::pin(client_async_with_config(request, stream, Some(config))).await {
            Ok((socket, response)) => {
                Ok((Self { socket, in_fragments: caller.quirks.has(Quirk::Fragments) }, response))
            }
            Err(Error::Http(response)) => {
                let retry_after =
                    response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
                let why = format!("HTTP {}", response.status().as_u16());
                Err(NotOpened { why, retry_after: retry_after.map(Duration::from_secs) })
            }
            Err(Error::Protocol(error)) => Err(NotOpened::of(error.to_string())),
            Err(Error::Io(error)) => Err(error.into()),
            Err(_) => Err(NotOpened::of("no WebSocket")),
        }
    }

    pub(super) async fn send(&mut self, record: Bytes) -> Result<(), Ended> {
        if self.in_fragments && record.len() > 1 {
            let half = record.len() / 2;
            let first = Frame::message(record.slice(..half), OpCode::Data(Data::Binary), false);
            let rest = Frame::message(record.slice(half..), OpCode::Data(Data::Continue), true);
            self.socket.feed(Message::Frame(first)).await.map_err(ended)?;
            return self.socket.send(Message::Frame(rest)).await.map_err(ended);
        }
        self.socket.send(Message::Binary(record)).await.map_err(ended)
    }

    pub(super) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            match self.socket.next().await {
                None => return Err(Ended("closed".to_owned())),
                Some(Err(error)) => return Err(ended(error)),
                Some(Ok(Message::Binary(record))) => return Ok(record),
                Some(Ok(Message::Close(frame))) => {
                    return Err(Ended(
                        frame.map_or_else(|| "closed".to_owned(), |it| format!("closed {}", u16::from(it.code))),
                    ));
                }
                // R-WS.14: a text is no record.
                Some(Ok(Message::Text(_))) => return Err(Ended("a text message".to_owned())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }

    pub(super) async fn close(mut self) {
        // Whoever does not hear it notices the end of the connection.
        drop(self.socket.close(None).await);
    }
}

fn request(server: &Server, caller: &Caller<'_>) -> Result<Request<()>, NotOpened> {
    let refused = || NotOpened::of("the URL cannot be asked for");
    let scheme = if server.is_secure { "wss" } else { "ws" };
    // A colon may stand in a query as it is (RFC 3986 §3.4), and many clients leave it; a percent sign may not.
    let own = if caller.quirks.has(Quirk::PlainQuery) {
        format!("eid={}", caller.endpoint.as_str().replace('%', "%25"))
    } else {
        query(caller.endpoint)
    };
    let by_extension = caller.quirks.has(Quirk::Extension);
    let target = match (by_extension, server.target.contains('?')) {
        (true, _) => server.target.clone(),
        (false, true) => format!("{}&{own}", server.target),
        (false, false) => format!("{}?{own}", server.target),
    };
    let url = format!("{scheme}://{}{target}", server.authority);
    let mut request = url.into_client_request().map_err(|_| refused())?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if by_extension {
        let text = format!("{EXTENSION}; eid=\"{}\"", caller.endpoint);
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(&text).map_err(|_| refused())?);
    }
    if let Some(password) = caller.password {
        let mut value = basic(caller.user, password.expose_secret()).ok_or_else(refused)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(request)
}

/// `Authorization: Basic …` (RFC 7617).
fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    HeaderValue::from_str(&format!("Basic {pair}")).ok()
}

fn ended(error: Error) -> Ended {
    match error {
        Error::Io(error) => error.into(),
        Error::ConnectionClosed | Error::AlreadyClosed => Ended("closed".to_owned()),
        Error::Protocol(error) => Ended(error.to_string()),
        _ => Ended("no WebSocket".to_owned()),
    }
}
