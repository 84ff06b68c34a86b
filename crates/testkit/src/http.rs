//! The smallest HTTP client that can ask a server under test how it is: one request, one connection, no TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and header fields as sent.
    pub head: String,
    /// Everything after the head, not decoded.
    pub body: String,
}

const TIME_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// `GET` as a browser on this machine would ask, with Host `127.0.0.1`.
///
/// # Errors
/// No connection, silence for five seconds, or something that is not HTTP.
pub fn get(addr: SocketAddr, path: &str) -> Result<Answer> {
    send(addr, "GET", path, &[], "")
}

/// A request with these header fields and this body, else as [`get`].
///
/// # Errors
/// As [`get`].
pub fn send(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
    let mut stream =
        TcpStream::connect_timeout(&addr, TIME_MAX).with_context(|| format!("cannot connect to {addr}"))?;
    stream.set_read_timeout(Some(TIME_MAX))?;
    stream.set_write_timeout(Some(TIME_MAX))?;
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nAccept: */*\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    )?;
    let mut bytes = Vec::new();
    stream
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut bytes)
        .with_context(|| format!("no whole answer from {addr}{path}"))?;
    parse(&String::from_utf8_lossy(&bytes)).with_context(|| format!("{addr}{path} did not answer in HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_told_apart() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nno").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "no"));
        assert_eq!(parse("SSH-2.0-OpenSSH\r\n\r\n"), None);
    }
}
