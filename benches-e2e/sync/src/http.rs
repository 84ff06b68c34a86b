use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer beyond which something is wrong.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// One kept-alive HTTP/1.1 connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    request: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body of a 200 or 201; anything else is an error that shows how it begins.
    pub(crate) fn ok(self) -> Result<Bytes> {
        if self.status == 200 || self.status == 201 {
            return Ok(self.body);
        }
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]).into_owned();
        bail!("answered {}: {start}", self.status)
    }
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(16 << 10), request: Vec::new() })
    }

    /// `head` is the request line and headers without `Content-Length`, each ended by CRLF.
    pub(crate) async fn ask(&mut self, head: &str, body: &[u8]) -> Result<Answer> {
        self.send(head, body).await?;
        let head = self.head().await?;
        let body = match head.length {
            Length::Known(length) => self.exactly(length).await?,
            Length::Chunked => self.chunks().await?,
        };
        Ok(Answer { status: head.status, body })
    }

    /// Sends a request whose answer has no end, and reads its headers; what follows is in [`Self::more`].
    pub(crate) async fn listen(&mut self, head: &str) -> Result<u16> {
        self.send(head, b"").await?;
        Ok(self.head().await?.status)
    }

    /// What has come of an endless answer and was not looked at yet, once there is something new: raw, with its chunk sizes.
    pub(crate) async fn more(&mut self) -> Result<BytesMut> {
        if self.buffer.is_empty() {
            self.read().await?;
        }
        Ok(self.buffer.split())
    }

    async fn send(&mut self, head: &str, body: &[u8]) -> Result<()> {
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        if !body.is_empty() {
            self.request.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        self.request.extend_from_slice(b"\r\n");
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await.context("the server hung up")
    }

    async fn read(&mut self) -> Result<()> {
        self.buffer.reserve(16 << 10);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
        Ok(())
    }

    async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = Head::parse(&self.buffer[..end]);
                self.buffer.advance(end + 4);
                return head;
            }
            ensure!(self.buffer.len() < 64 << 10, "the answer's headers have no end");
            self.read().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes> {
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        self.buffer.reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            self.read().await?;
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn chunks(&mut self) -> Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let end = loop {
                match find(&self.buffer, b"\r\n") {
                    Some(end) => break end,
                    None => self.read().await?,
                }
            };
            let length = usize::from_str_radix(std::str::from_utf8(&self.buffer[..end])?.trim(), 16)?;
            self.buffer.advance(end + 2);
            let chunk = self.exactly(length + 2).await?;
            if length == 0 {
                return Ok(body.freeze());
            }
            ensure!(body.len() + length <= ANSWER_BYTES_MAX, "an answer without an end");
            body.extend_from_slice(&chunk[..length]);
        }
    }
}

enum Length {
    Known(usize),
    Chunked,
}

struct Head {
    status: u16,
    length: Length,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(head).context("headers that are no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
        let mut length = Length::Known(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Known(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            }
        }
        Ok(Self { status, length })
    }
}

/// Where `wanted` begins.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_its_status_and_how_long_the_body_is() {
        let head = Head::parse(b"HTTP/1.1 201 Created\r\ncontent-length: 12\r\nX: y").unwrap();
        assert!(head.status == 201 && matches!(head.length, Length::Known(12)));
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked").unwrap();
        assert!(head.status == 200 && matches!(head.length, Length::Chunked));
        assert!(Head::parse(b"nonsense").is_err());
    }
}
