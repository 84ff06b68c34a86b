use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// One HTTP/1.1 connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenges: Vec<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Connection {
    /// From an address of its own on the loopback: one address has 28,000 connections a minute.
    pub(crate) async fn open(server: SocketAddr, number: u32) -> Result<Self> {
        let [_, a, b, c] = number.to_be_bytes();
        let own = Ipv4Addr::new(127, 64 | (a & 31), b, c.clamp(1, 254));
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((own, 0)))?;
        let stream = socket.connect(server).await.with_context(|| format!("cannot connect to {server}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(4 << 10) })
    }

    /// Posts what is written out in `request`, and reads the answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await.context("the server hung up")?;
        let (mut answer, length) = loop {
            if let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                let parsed = parse(&self.buffer[..end])?;
                self.buffer.advance(end + 4);
                break parsed;
            }
            self.read().await?;
        };
        while self.buffer.len() < length {
            self.read().await?;
        }
        answer.body = String::from_utf8(self.buffer.split_to(length).to_vec()).context("a body that is no text")?;
        Ok(answer)
    }

    async fn read(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < 64 << 10, "an answer without an end");
        self.buffer.reserve(4 << 10);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
        Ok(())
    }
}

/// The answer without its body, and how long that is.
fn parse(head: &[u8]) -> Result<(Answer, usize)> {
    let text = std::str::from_utf8(head).context("headers that are no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?.parse()?;
    let (mut answer, mut length) = (Answer { status, ..Answer::default() }, 0);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse()?;
        } else if name.eq_ignore_ascii_case("www-authenticate") {
            answer.challenges.push(value.to_owned());
        } else if name.eq_ignore_ascii_case("set-cookie") {
            answer.cookie = value.split(';').next().map(str::to_owned);
        }
        ensure!(!name.eq_ignore_ascii_case("transfer-encoding"), "an answer in chunks");
    }
    Ok((answer, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_what_a_device_needs() {
        let head = b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Digest a\r\nWWW-Authenticate: Digest b\r\n\
                     set-cookie: session=7; path=/\r\ncontent-length: 12";
        let (answer, length) = parse(head).unwrap();
        assert_eq!((answer.status, answer.challenges.len(), length), (401, 2, 12));
        assert_eq!(answer.cookie.as_deref(), Some("session=7"));
        assert!(parse(b"nonsense").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked").is_err());
    }
}
