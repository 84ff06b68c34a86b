use http::Uri;
use http::header::AUTHORIZATION;
use secrecy::ExposeSecret as _;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::discovery::Server;
use crate::discovery::place::{Place, Stream};
use crate::discovery::reach::Reach;

pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens a WebSocket; the name is looked up anew each time, as servers move. The error says why in words.
pub(super) async fn open(server: &Server, tls: &TlsConnector, bytes_max: usize) -> Result<Socket, String> {
    let url = match server.url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => server.url.clone(),
    };
    let refused = || format!("`{}` is no URL of a signaling server: write for example wss://host:8443", server.url);
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let place = Place::of(&uri).ok_or_else(refused)?;
    let mut request = url.as_str().into_client_request().map_err(|error| error.to_string())?;
    if let Some(token) = &server.token {
        let value = http::HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
        let mut value = value.map_err(|_| "the token has characters that no HTTP header can hold".to_owned())?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let stream = place.connect(tls, Reach::Configured).await.map_err(|error| error.to_string())?;
    let config = WebSocketConfig::default().max_message_size(Some(bytes_max)).max_frame_size(Some(bytes_max));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(format!("HTTP {}", response.status().as_u16())),
        Err(error) => Err(error.to_string()),
    }
}
