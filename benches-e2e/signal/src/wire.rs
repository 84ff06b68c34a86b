use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::target::Target;

/// A WebSocket to the server, with buffers small enough for fifteen thousand of them.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
}

const READ_BUFFER_BYTES: usize = 2 * 1_024;

impl Wire {
    /// Opens it at a path, from the address that is the client's of this index.
    pub(crate) async fn open(target: &Target, index: usize, path: &str) -> Result<Self> {
        let stream = connect(target.source(index), target.server).await?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(0);
        let address = format!("ws://{}{path}", target.server);
        let (socket, _) = tokio_tungstenite::client_async_with_config(address, stream, Some(config))
            .await
            .with_context(|| format!("no WebSocket at {path}"))?;
        Ok(Self { socket })
    }

    /// The next text message.
    ///
    /// # Errors
    /// The server is gone, or said something else than text.
    pub(crate) async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.socket.next().await.context("the server closed the connection")?? {
                Message::Text(text) => return Ok(text),
                // Its answer is sent by the library with the next write or read.
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Close(_) | Message::Frame(_)) => {
                    bail!("the server sent {other:?}")
                }
            }
        }
    }

    pub(crate) async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        Ok(self.socket.send(Message::Text(text.into())).await?)
    }

    /// Ends the connection with a TCP reset: the server hears of it at once and nothing is left in TIME_WAIT.
    pub(crate) fn reset(self) {
        // A connection that is no more needs none.
        self.socket.get_ref().set_zero_linger().ok();
    }
}

async fn connect(source: SocketAddr, server: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4().context("no socket")?;
    socket.bind(source).with_context(|| format!("cannot bind {source}"))?;
    let stream = socket.connect(server).await.with_context(|| format!("cannot connect to {server}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
