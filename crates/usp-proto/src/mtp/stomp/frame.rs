use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

/// Bounds of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StompLimits {
    /// Bytes of a body. Default 1 MiB + 1 KiB: a record, and what an envelope of brokers may add.
    pub body_bytes_max: usize,
    /// Bytes of command and headers together. Default 16 KiB.
    pub head_bytes_max: usize,
    /// Headers of a frame. Default 64.
    pub headers_max: usize,
}

impl Default for StompLimits {
    fn default() -> Self {
        Self { body_bytes_max: (1 << 20) + 1_024, head_bytes_max: 16 << 10, headers_max: 64 }
    }
}

/// A frame of STOMP 1.2. Neither body nor passcode are shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// `SEND`, `MESSAGE`, …
    pub command: String,
    /// Headers, not escaped, in order. Of two with one name the first counts (STOMP 1.2, Repeated Header Entries).
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What lies between frames, or a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A line end: the peer is alive.
    HeartBeat,
    /// A frame.
    Frame(Frame),
}

/// Why bytes are no frames. What follows cannot be read either: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StompFault {
    /// The command and headers are larger, or more, than they may be.
    #[error("the frame's head is too large")]
    HeadTooLarge,
    /// The body is larger than it may be.
    #[error("the frame's body is too large")]
    BodyTooLarge,
    /// Command and headers are not UTF-8.
    #[error("the frame's head is not UTF-8")]
    NotUtf8,
    /// A header without a colon or without a name, or with a NUL or a CR within; or a command that is none.
    #[error("the frame's head is malformed")]
    BadHead,
    /// An escape that does not exist.
    #[error("a header holds an undefined escape sequence")]
    BadEscape,
    /// A length that is no number, or a body that is not followed by NUL.
    #[error("the frame's length is wrong")]
    BadLength,
}

impl StompFault {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::HeadTooLarge => "head_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::NotUtf8 => "head_not_utf8",
            Self::BadHead => "bad_head",
            Self::BadEscape => "bad_escape",
            Self::BadLength => "bad_length",
        }
    }
}

impl Frame {
    /// A frame without headers or body yet.
    #[must_use]
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    /// With a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a body, its length and its type.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.headers.push(("content-length".to_owned(), body.len().to_string()));
        self.headers.push(("content-type".to_owned(), content_type.to_owned()));
        self.body = body;
        self
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The bytes of it. Headers are escaped but for CONNECT and CONNECTED, which clients of 1.0 read.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let escapes = escapes(&self.command);
        let mut bytes = BytesMut::with_capacity(64 * (self.headers.len() + 1) + self.body.len());
        bytes.extend_from_slice(self.command.as_bytes());
        bytes.extend_from_slice(b"\n");
        for (name, value) in &self.headers {
            push_header(&mut bytes, name, escapes);
            bytes.extend_from_slice(b":");
            push_header(&mut bytes, value, escapes);
            bytes.extend_from_slice(b"\n");
        }
        bytes.extend_from_slice(b"\n");
        bytes.extend_from_slice(&self.body);
        bytes.extend_from_slice(b"\0");
        bytes.freeze()
    }
}

/// Whether headers of a command are escaped (STOMP 1.2, Value Encoding).
fn escapes(command: &str) -> bool {
    !matches!(command, "CONNECT" | "CONNECTED")
}

fn push_header(bytes: &mut BytesMut, text: &str, escapes: bool) {
    for byte in text.bytes() {
        match byte {
            b'\\' if escapes => bytes.extend_from_slice(b"\\\\"),
            b'\r' if escapes => bytes.extend_from_slice(b"\\r"),
            b'\n' if escapes => bytes.extend_from_slice(b"\\n"),
            b':' if escapes => bytes.extend_from_slice(b"\\c"),
            // Without escapes a line end would begin another header.
            b'\r' | b'\n' | b'\0' => bytes.extend_from_slice(b" "),
            other => bytes.extend_from_slice(&[other]),
        }
    }
}

/// Undoes the escapes of a header.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '\\' => match rest.next()? {
                '\\' => '\\',
                'r' => '\r',
                'n' => '\n',
                'c' => ':',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// Reads frames from bytes as they come. What it keeps is bounded by its limits.
#[derive(Debug)]
pub struct FrameDecoder {
    limits: StompLimits,
    buffer: BytesMut,
    /// How far the head was searched for its end.
    searched: usize,
    head: Option<Head>,
}

/// A frame whose body is still to come.
#[derive(Debug)]
struct Head {
    frame: Frame,
    /// `None`: up to the first NUL.
    length: Option<usize>,
    searched: usize,
}

impl FrameDecoder {
    /// Without bytes yet.
    #[must_use]
    pub fn new(limits: StompLimits) -> Self {
        Self { limits, buffer: BytesMut::new(), searched: 0, head: None }
    }

    /// Takes bytes. [`FrameDecoder::next_item`] is to be called until it has no more before the next are taken.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that are kept and not read yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, or the next line end between frames; `None` until more bytes come.
    ///
    /// # Errors
    /// If the bytes are no frame or too large for one.
    pub fn next_item(&mut self) -> Result<Option<Item>, StompFault> {
        if self.head.is_none() {
            if let Some(beat) = self.line_end() {
                return Ok(beat.then_some(Item::HeartBeat));
            }
            let Some(head) = self.take_head()? else { return Ok(None) };
            self.head = Some(head);
        }
        self.take_body()
    }

    /// Takes a line end between frames: whether one is there for sure. `None`: a frame begins.
    fn line_end(&mut self) -> Option<bool> {
        match self.buffer.first()? {
            b'\n' => self.buffer.advance(1),
            b'\r' => match self.buffer.get(1) {
                Some(b'\n') => self.buffer.advance(2),
                Some(_) => return None,
                None => return Some(false),
            },
            _ => return None,
        }
        Some(true)
    }

    fn take_head(&mut self) -> Result<Option<Head>, StompFault> {
        let Some(len) = self.head_len() else {
            return if self.buffer.len() > self.limits.head_bytes_max {
                Err(StompFault::HeadTooLarge)
            } else {
                Ok(None)
            };
        };
        if len > self.limits.head_bytes_max {
            return Err(StompFault::HeadTooLarge);
        }
        let head = self.buffer.split_to(len);
        self.searched = 0;
        let text = std::str::from_utf8(&head).map_err(|_| StompFault::NotUtf8)?;
        self.read_head(text).map(Some)
    }

    /// Bytes of the head with the empty line at its end, once that has come.
    fn head_len(&mut self) -> Option<usize> {
        // Between two searches only what is new is looked at; a line end of two bytes may lie across.
        let from = self.searched.saturating_sub(2);
        let end = self.buffer.len().min(self.limits.head_bytes_max.saturating_add(3));
        self.searched = end;
        let bytes = &self.buffer[..end];
        (from..end).find_map(|at| match (bytes[at], bytes.get(at + 1), bytes.get(at + 2)) {
            (b'\n', Some(b'\n'), _) => Some(at + 2),
            (b'\n', Some(b'\r'), Some(b'\n')) => Some(at + 3),
            _ => None,
        })
    }

    fn read_head(&self, text: &str) -> Result<Head, StompFault> {
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let command = lines.next().unwrap_or_default();
        if command.is_empty() || !command.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(StompFault::BadHead);
        }
        let mut frame = Frame::new(command);
        for line in lines.filter(|line| !line.is_empty()) {
            if frame.headers.len() == self.limits.headers_max {
                return Err(StompFault::HeadTooLarge);
            }
            if line.contains(['\r', '\0']) {
                return Err(StompFault::BadHead);
            }
            let (name, value) = line.split_once(':').ok_or(StompFault::BadHead)?;
            let plain = |text: &str| {
                if escapes(command) { unescape(text).ok_or(StompFault::BadEscape) } else { Ok(text.to_owned()) }
            };
            let (name, value) = (plain(name)?, plain(value)?);
            if name.is_empty() {
                return Err(StompFault::BadHead);
            }
            frame.headers.push((name, value));
        }
        let length = match frame.header("content-length") {
            None => None,
            // Digits alone: no sign, no blank.
            Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let length = text.parse().ok().filter(|length| *length <= self.limits.body_bytes_max);
                Some(length.ok_or(StompFault::BodyTooLarge)?)
            }
            Some(_) => return Err(StompFault::BadLength),
        };
        Ok(Head { frame, length, searched: 0 })
    }

    fn take_body(&mut self) -> Result<Option<Item>, StompFault> {
        let Some(head) = &mut self.head else { return Ok(None) };
        let length = match head.length {
            Some(length) if self.buffer.len() <= length => return Ok(None),
            Some(length) if self.buffer.get(length) != Some(&0) => return Err(StompFault::BadLength),
            Some(length) => length,
            None => match self.buffer[head.searched..].iter().position(|byte| *byte == 0) {
                Some(at) => head.searched + at,
                None if self.buffer.len() > self.limits.body_bytes_max => return Err(StompFault::BodyTooLarge),
                None => {
                    head.searched = self.buffer.len();
                    return Ok(None);
                }
            },
        };
        if length > self.limits.body_bytes_max {
            return Err(StompFault::BodyTooLarge);
        }
        let body = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        Ok(self.head.take().map(|head| Item::Frame(Frame { body, ..head.frame })))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|(name, value)| {
            let is_secret = name.eq_ignore_ascii_case("passcode");
            (name.as_str(), if is_secret { "…" } else { value.as_str() })
        });
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &headers.collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
