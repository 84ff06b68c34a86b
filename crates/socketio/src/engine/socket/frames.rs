use std::io::Cursor;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Takes bytes of a client and gives its messages (RFC 6455 §5). Holds no memory between messages.
#[derive(Debug)]
pub(super) struct Frames {
    unread: BytesMut,
    /// The fragments so far of a message that is not whole.
    fragments: Option<Fragments>,
    message_bytes_max: usize,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    bytes: BytesMut,
}

/// A message, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Text that may not be UTF-8.
    Text(Bytes),
    /// Bytes.
    Binary(Bytes),
    /// To be answered by a pong with the same.
    Ping(Bytes),
    /// Of so many bytes.
    Pong(usize),
    /// Nothing follows; nothing, or its code and reason as they came.
    Close(Box<[u8]>),
}

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offence {
    /// The message is larger than allowed.
    TooLarge,
    /// It is no frame, or not one that may come now.
    Protocol,
}

/// What is left of a read that was larger than this moves to memory of its own.
const SHARED_BYTES_MAX: usize = 4_096;

impl Frames {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { unread: BytesMut::new(), fragments: None, message_bytes_max }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next message; `None` if more bytes are needed. After an offence there is no next.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, Offence> {
        loop {
            let mut cursor = Cursor::new(&self.unread[..]);
            let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Offence::Protocol)?;
            let header_bytes = usize::try_from(cursor.position()).map_err(|_| Offence::TooLarge)?;
            let Some((header, len)) = parsed else { return Ok(None) };
            let len = usize::try_from(len).map_err(|_| Offence::TooLarge)?;
            let mask = self.check(&header, len)?;
            if self.unread.len() - header_bytes < len {
                return Ok(None);
            }
            self.unread.advance(header_bytes);
            let payload = self.take(len, mask);
            if let Some(incoming) = self.complete(&header, payload)? {
                return Ok(Some(incoming));
            }
        }
    }

    fn check(&self, header: &FrameHeader, len: usize) -> Result<[u8; 4], Offence> {
        let before = self.fragments.as_ref().map(|it| it.bytes.len());
        let may_come = match header.opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => false,
            OpCode::Control(_) => header.is_final && len <= 125,
            OpCode::Data(Data::Continue) => before.is_some(),
            OpCode::Data(Data::Text | Data::Binary) => before.is_none(),
        };
        let is_extended = header.rsv1 || header.rsv2 || header.rsv3;
        let mask = header.mask.filter(|_| may_come && !is_extended).ok_or(Offence::Protocol)?;
        let total = before.unwrap_or_default().saturating_add(len);
        let is_data = matches!(header.opcode, OpCode::Data(_));
        if is_data && total > self.message_bytes_max { Err(Offence::TooLarge) } else { Ok(mask) }
    }

    fn take(&mut self, len: usize, mask: [u8; 4]) -> BytesMut {
        let mut payload = self.unread.split_to(len);
        if self.unread.is_empty() {
            self.unread = BytesMut::new();
        } else if len > SHARED_BYTES_MAX {
            self.unread = BytesMut::from(&self.unread[..]);
        }
        unmask(&mut payload, mask);
        payload
    }

    fn complete(&mut self, header: &FrameHeader, payload: BytesMut) -> Result<Option<Incoming>, Offence> {
        let is_text = match header.opcode {
            OpCode::Control(Control::Ping) => return Ok(Some(Incoming::Ping(payload.freeze()))),
            OpCode::Control(Control::Pong) => return Ok(Some(Incoming::Pong(payload.len()))),
            OpCode::Control(_) => {
                check_close(&payload)?;
                return Ok(Some(Incoming::Close(payload[..].into())));
            }
            OpCode::Data(kind) => kind == Data::Text,
        };
        let whole = match self.fragments.take() {
            None => Fragments { is_text, bytes: payload },
            Some(mut fragments) => {
                fragments.bytes.extend_from_slice(&payload);
                fragments
            }
        };
        if !header.is_final {
            self.fragments = Some(whole);
            return Ok(None);
        }
        let Fragments { is_text, bytes } = whole;
        let bytes = bytes.freeze();
        Ok(Some(if is_text { Incoming::Text(bytes) } else { Incoming::Binary(bytes) }))
    }
}

/// RFC 6455 §5.3.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let mut fours = payload.chunks_exact_mut(4);
    for four in &mut fours {
        four.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    fours.into_remainder().iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
}

/// RFC 6455 §5.5.1, §7.4: no payload, or a code that may be sent and a reason in UTF-8.
fn check_close(payload: &[u8]) -> Result<(), Offence> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(()) } else { Err(Offence::Protocol) };
    };
    let code = u16::from_be_bytes(*code);
    let may_be_sent = matches!(code, 1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999);
    if may_be_sent && std::str::from_utf8(reason).is_ok() { Ok(()) } else { Err(Offence::Protocol) }
}

/// The header of a whole message or control frame from a server, which does not mask (RFC 6455 §5.1).
pub(super) fn put_header(out: &mut Vec<u8>, opcode: OpCode, len: usize) {
    out.push(0x80 | u8::from(opcode));
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ 0..=125), _) => out.push(len),
        (_, Ok(len)) => {
            out.push(126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
