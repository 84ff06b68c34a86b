//! Server-sent events: hints that there is something to pull.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde::Deserialize;
use tokio::time::timeout;

use crate::client::not_whole;
use crate::{Client, ClientError, Refusal};

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It stands; the database's newest operation has this cursor.
    Connected {
        /// The cursor.
        cursor: u64,
    },
    /// There are operations up to this cursor: pull them.
    Operations {
        /// The cursor.
        cursor: u64,
        /// How many are told of; 0: more than would have been told one by one.
        count: u64,
        /// To go on from, if the stream breaks.
        id: Option<String>,
    },
    /// The server is there.
    Ping,
    /// Something is wrong.
    Error(String),
    /// Of a kind that this version does not know.
    Other(String),
}

/// An open stream. It ends with the connection, and when the token expires; open another one then, since the last cursor.
pub struct EventStream {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
    bytes_max: usize,
    // The connection lives as long as this.
    _sender: SendRequest<Full<Bytes>>,
}

impl EventStream {
    pub(crate) async fn open(client: &Client, device: &str, since: Option<u64>) -> Result<Self, ClientError> {
        let limit = client.options().timeout;
        let opened = timeout(limit, Self::open_now(client, device, since)).await;
        opened.unwrap_or(Err(ClientError::Timeout(limit)))
    }

    async fn open_now(client: &Client, device: &str, since: Option<u64>) -> Result<Self, ClientError> {
        let mut headers = client.headers();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(cursor) = since {
            headers.insert(HeaderName::from_static("last-event-id"), HeaderValue::from(cursor));
        }
        let path = format!("/v1/events?deviceId={}", escaped(device));
        let sent = client.inner.connection.send(&Method::GET, &path, headers, Bytes::new()).await?;
        let (response, sender) = sent;
        let bytes_max = client.options().answer_bytes_max;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            let body = Limited::new(body, bytes_max).collect().await.map_err(|error| not_whole(error, bytes_max))?;
            let refusal = Refusal::read(head.status.as_u16(), &head.headers, &body.to_bytes());
            return Err(ClientError::Refused(refusal));
        }
        Ok(Self { body, parser: Parser::default(), ready: VecDeque::new(), bytes_max, _sender: sender })
    }

    /// The next event; `None`: the stream has ended.
    ///
    /// # Errors
    ///
    /// The connection broke, or an event is longer than an answer may be.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(ClientError::Exchange)?;
            if let Some(bytes) = frame.data_ref() {
                self.ready.extend(self.parser.feed(bytes));
                if self.parser.line.len() + self.parser.data.len() > self.bytes_max {
                    return Err(ClientError::TooLong(self.bytes_max));
                }
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("ready", &self.ready).finish_non_exhaustive()
    }
}

/// In a query, everything but letters, digits and `-._~` is written as its bytes.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// Reads `text/event-stream` as the WHATWG's standard has it (HTML, 9.2.6).
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    after_return: bool,
    kind: String,
    data: String,
    id: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    cursor: u64,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    message: String,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.take(&String::from_utf8_lossy(&line)));
                }
                other => self.line.push(other),
            }
        }
        events
    }

    fn take(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.fire();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn fire(&mut self) -> Option<Event> {
        let (kind, data) = (std::mem::take(&mut self.kind), std::mem::take(&mut self.data));
        if data.is_empty() {
            return None;
        }
        let Ok(told) = serde_json::from_str::<Told>(&data) else { return Some(Event::Other(kind)) };
        Some(match kind.as_str() {
            "connected" => Event::Connected { cursor: told.cursor },
            "operations" => Event::Operations { cursor: told.cursor, count: told.count, id: self.id.clone() },
            "ping" => Event::Ping,
            "error" => Event::Error(told.message),
            _ => Event::Other(kind),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "event: connected\ndata: {\"subscriptionId\":\"s\",\"cursor\":42}\n\n: comment\n\nevent: operations\n\
                          id: 43-7\ndata: {\"cursor\":43,\"operations\":[],\"count\":1}\n\nevent: ping\ndata: {\"timestamp\":1}\n\n\
                          event: new\ndata: {}\n\n";

    fn expected() -> Vec<Event> {
        vec![
            Event::Connected { cursor: 42 },
            Event::Operations { cursor: 43, count: 1, id: Some("43-7".to_owned()) },
            Event::Ping,
            Event::Other("new".to_owned()),
        ]
    }

    #[test]
    fn events_are_the_same_however_the_stream_is_cut() {
        for size in [1, 2, 7, STREAM.len()] {
            let mut parser = Parser::default();
            let events: Vec<Event> = STREAM.as_bytes().chunks(size).flat_map(|chunk| parser.feed(chunk)).collect();
            assert_eq!(events, expected(), "{size}");
        }
    }

    #[test]
    fn lines_may_end_as_they_do_on_other_systems() {
        for end in ["\r\n", "\r"] {
            let mut parser = Parser::default();
            let events: Vec<Event> =
                STREAM.replace('\n', end).as_bytes().chunks(3).flat_map(|chunk| parser.feed(chunk)).collect();
            assert_eq!(events, expected(), "{end:?}");
        }
    }

    #[test]
    fn a_device_may_have_any_name_in_a_query() {
        assert_eq!(escaped("a-1 &ü"), "a-1%20%26%C3%BC");
    }
}
