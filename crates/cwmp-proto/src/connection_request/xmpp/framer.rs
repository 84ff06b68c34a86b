/// Cuts a stream of XMPP (RFC 6120 §4) into its header, its stanzas and its end, within bounds.
#[derive(Debug)]
pub(super) struct Framer {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were looked at.
    seen: usize,
    /// Where the stanza that is open begins.
    start: usize,
    /// Elements that are open, the stream among them.
    depth: usize,
    mode: Mode,
    stanza_bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Between tags.
    Text,
    /// Inside a tag that began there; inside quotes of that kind.
    Tag { start: usize, quote: Option<u8> },
    /// Inside a CDATA section.
    CData,
}

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The start tag of the stream.
    Header(String),
    /// A whole element within it.
    Stanza(String),
    /// The end tag of the stream.
    End,
}

/// Why a stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameOffence {
    /// A stanza is longer than may be.
    #[error("a stanza is too long")]
    TooLong,
    /// Elements within elements beyond the bound.
    #[error("a stanza is nested too deeply")]
    TooDeep,
    /// RFC 6120 §11.1: comments, processing instructions and document types may not be there.
    #[error("XML that XMPP forbids")]
    Restricted,
    /// No XML, or not UTF-8.
    #[error("not well-formed")]
    Malformed,
}

impl Framer {
    const DEPTH_MAX: usize = 32;

    pub(super) const fn new(stanza_bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), seen: 0, start: 0, depth: 0, mode: Mode::Text, stanza_bytes_max }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece; `None`: more bytes are needed.
    pub(super) fn next_piece(&mut self) -> Result<Option<Piece>, FrameOffence> {
        while let Some(byte) = self.buffer.get(self.seen).copied() {
            let at = self.seen;
            self.seen += 1;
            match self.mode {
                Mode::Text if byte == b'<' => {
                    if self.depth <= 1 {
                        self.start = at;
                    }
                    self.mode = Mode::Tag { start: at, quote: None };
                }
                Mode::Text => {}
                Mode::Tag { start, quote: Some(quote) } if byte == quote => {
                    self.mode = Mode::Tag { start, quote: None };
                }
                Mode::Tag { quote: Some(_), .. } => {}
                Mode::Tag { start, quote: None } => {
                    if let Some(piece) = self.in_tag(start, at, byte)? {
                        return Ok(Some(piece));
                    }
                }
                Mode::CData if byte == b'>' && self.text(0, at).ends_with(b"]]") => self.mode = Mode::Text,
                Mode::CData => {}
            }
        }
        self.drop_blanks();
        if self.buffer.len() > self.stanza_bytes_max { Err(FrameOffence::TooLong) } else { Ok(None) }
    }

    fn in_tag(&mut self, start: usize, at: usize, byte: u8) -> Result<Option<Piece>, FrameOffence> {
        match byte {
            b'"' | b'\'' => self.mode = Mode::Tag { start, quote: Some(byte) },
            b'<' => return Err(FrameOffence::Malformed),
            b'[' if self.text(start, at) == b"<![CDATA" && self.depth > 1 => self.mode = Mode::CData,
            b'>' => {
                self.mode = Mode::Text;
                return self.end_tag(start, at + 1);
            }
            _ => {}
        }
        Ok(None)
    }

    /// A tag is whole.
    fn end_tag(&mut self, start: usize, end: usize) -> Result<Option<Piece>, FrameOffence> {
        let tag = self.text(start, end);
        match tag {
            [b'<', b'?', ..] if self.depth == 0 && tag.starts_with(b"<?xml ") => {
                self.forget(end);
                Ok(None)
            }
            [b'<', b'?' | b'!', ..] => Err(FrameOffence::Restricted),
            [b'<', b'/', ..] => self.close(end),
            [.., b'/', b'>'] => match self.depth {
                0 => Ok(Some(Piece::End)),
                1 => self.stanza(end).map(Some),
                _ => Ok(None),
            },
            _ if self.depth >= Self::DEPTH_MAX => Err(FrameOffence::TooDeep),
            _ => {
                self.depth += 1;
                if self.depth > 1 {
                    return Ok(None);
                }
                let header = self.take(start, end)?;
                Ok(Some(Piece::Header(header)))
            }
        }
    }

    fn close(&mut self, end: usize) -> Result<Option<Piece>, FrameOffence> {
        self.depth = self.depth.checked_sub(1).ok_or(FrameOffence::Malformed)?;
        match self.depth {
            0 => Ok(Some(Piece::End)),
            1 => self.stanza(end).map(Some),
            _ => Ok(None),
        }
    }

    fn stanza(&mut self, end: usize) -> Result<Piece, FrameOffence> {
        self.take(self.start, end).map(Piece::Stanza)
    }

    /// The text up to `end`, which is then gone.
    fn take(&mut self, start: usize, end: usize) -> Result<String, FrameOffence> {
        if end - start > self.stanza_bytes_max {
            return Err(FrameOffence::TooLong);
        }
        let text = String::from_utf8(self.text(start, end).to_vec()).map_err(|_| FrameOffence::Malformed)?;
        self.forget(end);
        Ok(text)
    }

    fn text(&self, start: usize, end: usize) -> &[u8] {
        self.buffer.get(start..end).unwrap_or_default()
    }

    fn forget(&mut self, end: usize) {
        self.buffer.drain(..end.min(self.buffer.len()));
        self.seen = self.seen.saturating_sub(end);
        self.start = 0;
    }

    /// Between stanzas nothing but blanks stands, sent to keep the connection alive.
    fn drop_blanks(&mut self) {
        if self.depth <= 1 && matches!(self.mode, Mode::Text) {
            self.forget(self.seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "<?xml version='1.0'?><stream:stream id='x>y' a=\"'\">\n \
        <handshake/> <iq type='result'><a b='/>'><![CDATA[ </iq> ]] > ]]></a></iq>\r\n</stream:stream>";

    fn pieces(framer: &mut Framer, bytes: &[u8]) -> Result<Vec<Piece>, FrameOffence> {
        framer.push(bytes);
        let mut pieces = Vec::new();
        while let Some(piece) = framer.next_piece()? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    fn expected() -> Vec<Piece> {
        vec![
            Piece::Header("<stream:stream id='x>y' a=\"'\">".into()),
            Piece::Stanza("<handshake/>".into()),
            Piece::Stanza("<iq type='result'><a b='/>'><![CDATA[ </iq> ]] > ]]></a></iq>".into()),
            Piece::End,
        ]
    }

    #[test]
    fn a_stream_is_cut_the_same_however_its_bytes_come() {
        assert_eq!(pieces(&mut Framer::new(1_000), STREAM.as_bytes()), Ok(expected()));
        let mut framer = Framer::new(1_000);
        let one_by_one: Vec<Piece> = STREAM.bytes().flat_map(|byte| pieces(&mut framer, &[byte]).unwrap()).collect();
        assert_eq!(one_by_one, expected());
    }

    #[test]
    fn what_xmpp_forbids_or_is_no_xml_ends_the_stream() {
        for (text, expected) in [
            ("<s><!-- x --></s>", FrameOffence::Restricted),
            ("<!DOCTYPE s>", FrameOffence::Restricted),
            ("<s><?php x?></s>", FrameOffence::Restricted),
            ("<s><?xml version='1.0'?></s>", FrameOffence::Restricted),
            ("</s>", FrameOffence::Malformed),
            ("<s><a<b></s>", FrameOffence::Malformed),
        ] {
            assert_eq!(pieces(&mut Framer::new(1_000), text.as_bytes()), Err(expected), "{text}");
        }
        assert_eq!(pieces(&mut Framer::new(1_000), b"<s><a>\xff</a>"), Err(FrameOffence::Malformed));
        let deep = format!("<s>{}", "<a>".repeat(40));
        assert_eq!(pieces(&mut Framer::new(1_000), deep.as_bytes()), Err(FrameOffence::TooDeep));
    }

    #[test]
    fn a_stanza_without_end_is_held_up_to_the_bound() {
        let mut framer = Framer::new(100);
        assert!(pieces(&mut framer, b"<s>").is_ok());
        assert_eq!(pieces(&mut framer, &[b' '; 500]), Ok(vec![]), "blanks between stanzas are not held");
        assert_eq!(pieces(&mut framer, b"<a>"), Ok(vec![]));
        assert_eq!(pieces(&mut framer, &[b'x'; 97]), Ok(vec![]));
        assert_eq!(pieces(&mut framer, b"x"), Err(FrameOffence::TooLong));
    }

    proptest! {
        #[test]
        fn no_stream_makes_it_panic_or_hold_more_than_it_may(
            chunks in prop::collection::vec("(<|>|/|a|'|\"|<!\\[CDATA\\[|\\]\\]>|<s>|</s>| |<a/>){0,20}", 0..20),
        ) {
            let mut framer = Framer::new(60);
            for chunk in chunks {
                if pieces(&mut framer, chunk.as_bytes()).is_err() {
                    return Ok(());
                }
                prop_assert!(framer.buffer.len() <= 60);
            }
        }
    }
}
