use crate::EventCode;

/// What [`peek_events`] found: a guess, by which an ACS decides what to shed before it parses anything. What the
/// message really says is what [`decode`](crate::decode()) makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// One bit for each numbered code.
    numbered: u16,
    /// An `M <method>` is there.
    pub has_method: bool,
    /// A code is there that is neither numbered nor a method.
    pub has_other: bool,
    /// `RetryCount`, if it was found and is a number.
    pub retry_count: Option<u32>,
    /// Whether the bytes are an Inform as far as they were looked at.
    pub is_inform: bool,
    /// Whether the end of the list of events was seen: there are no others.
    pub is_complete: bool,
}

impl Events {
    /// Whether this numbered event is there. `false` for any other kind of code.
    #[must_use]
    pub fn has(&self, code: &EventCode) -> bool {
        code.number().is_some_and(|number| self.numbered & (1 << number) != 0)
    }

    /// Whether there is this event and, for certain, no other.
    #[must_use]
    pub fn is_only(&self, code: &EventCode) -> bool {
        let only = code.number().map(|number| 1 << number);
        only == Some(self.numbered) && !self.has_method && !self.has_other && self.is_complete
    }

    /// Whether no event was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbered == 0 && !self.has_method && !self.has_other
    }

    fn note(&mut self, text: &[u8]) {
        match std::str::from_utf8(text).map(EventCode::parse) {
            Ok(EventCode::Method(_)) => self.has_method = true,
            Ok(code) => match code.number() {
                Some(number) => self.numbered |= 1 << number,
                None => self.has_other = true,
            },
            Err(_) => self.has_other = true,
        }
    }
}

/// Looks for the events of an Inform in the first `scan_max` bytes of a body, without parsing or allocating: one pass over
/// tags, at most 64 events. It stops at the Inform's `ParameterList`.
///
/// Comments and CDATA sections are passed over, and a code counts only as `EventCode` of an item of `Event` of an Inform,
/// as plain text; one that is written otherwise counts as [`Events::has_other`]. So a body that [`decode`](crate::decode())
/// accepts claims no numbered event here that it has not; one that is no message can claim anything, as a liar can in a
/// message: who admits a session by this decodes before giving it more.
#[must_use]
pub fn peek_events(body: &[u8], scan_max: usize) -> Events {
    let mut scan = Scan {
        tags: Tags { rest: &body[..body.len().min(scan_max)] },
        path: [Place::Other; DEPTH_MAX],
        depth: 0,
        code: None,
        seen: 0,
        events: Events::default(),
    };
    while let Some(tag) = scan.tags.next() {
        let goes_on = match tag.kind {
            TagKind::Open => scan.open(tag.local),
            TagKind::Close => scan.close(),
            TagKind::Empty => true,
        };
        if !goes_on {
            break;
        }
    }
    scan.events
}

struct Scan<'a> {
    tags: Tags<'a>,
    path: [Place; DEPTH_MAX],
    depth: usize,
    /// The code of the event that is open.
    code: Option<&'a [u8]>,
    seen: usize,
    events: Events,
}

impl Scan<'_> {
    /// Whether there is more to look at.
    fn open(&mut self, local: &[u8]) -> bool {
        if self.depth == DEPTH_MAX {
            return false;
        }
        let place = place_of(&self.path[..self.depth], local);
        self.path[self.depth] = place;
        self.depth += 1;
        match place {
            Place::Inform => self.events.is_inform = true,
            Place::Event => self.events.is_complete = false,
            Place::EventCode => self.code = Some(self.tags.text().unwrap_or(NO_CODE)),
            Place::RetryCount => {
                let text = self.tags.text().and_then(|it| std::str::from_utf8(it).ok());
                self.events.retry_count = text.and_then(|it| it.trim().parse().ok());
            }
            Place::ParameterList => return false,
            Place::Envelope | Place::Body | Place::EventStruct | Place::Other => {}
        }
        true
    }

    /// Whether there is more to look at.
    fn close(&mut self) -> bool {
        let Some(depth) = self.depth.checked_sub(1) else { return false };
        self.depth = depth;
        match self.path[depth] {
            Place::EventStruct => {
                self.events.note(self.code.take().unwrap_or(NO_CODE));
                self.seen += 1;
                self.seen < EVENTS_MAX
            }
            Place::Event => {
                self.events.is_complete = true;
                true
            }
            Place::Inform => false,
            _ => true,
        }
    }
}

/// Is read as a code of no kind.
const NO_CODE: &[u8] = b"";

/// No element that counts lies deeper than `EventCode`, the sixth; what lies beyond is not looked at.
const DEPTH_MAX: usize = 12;

/// The schemas: 64 events in an Inform.
const EVENTS_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Envelope,
    Body,
    Inform,
    Event,
    EventStruct,
    EventCode,
    RetryCount,
    ParameterList,
    Other,
}

/// What an element is, by its local name and where it stands.
fn place_of(path: &[Place], local: &[u8]) -> Place {
    match (path, local) {
        ([], b"Envelope") => Place::Envelope,
        ([Place::Envelope], b"Body") => Place::Body,
        ([_, Place::Body], b"Inform") => Place::Inform,
        ([_, _, Place::Inform], b"Event") => Place::Event,
        ([_, _, Place::Inform], b"RetryCount") => Place::RetryCount,
        ([_, _, Place::Inform], b"ParameterList") => Place::ParameterList,
        // Items of arrays may have any name.
        ([_, _, _, Place::Event], _) => Place::EventStruct,
        ([_, _, _, _, Place::EventStruct], b"EventCode") => Place::EventCode,
        _ => Place::Other,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Open,
    Empty,
    Close,
}

struct Tag<'a> {
    kind: TagKind,
    local: &'a [u8],
}

/// Tags one after the other.
struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Tags<'a> {
    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let at = self.rest.iter().position(|it| *it == b'<')?;
            let tag = &self.rest[at + 1..];
            let end: &[u8] = match tag {
                [b'!', b'-', b'-', ..] => b"-->",
                [b'!', b'[', ..] => b"]]>",
                [b'?', ..] => b"?>",
                // A document type declaration: no message.
                [b'!', ..] => return None,
                _ => {
                    let end = end_of_tag(tag)?;
                    self.rest = &tag[end + 1..];
                    return Some(parse_tag(&tag[..end]));
                }
            };
            let from = if end == b"-->" { 3 } else { 1 };
            let skipped = tag.get(from..)?;
            let length = skipped.windows(end.len()).position(|it| it == end)?;
            self.rest = &skipped[length + end.len()..];
        }
    }

    /// The text of an element that holds nothing else.
    fn text(&self) -> Option<&'a [u8]> {
        let end = self.rest.iter().take(TEXT_MAX).position(|it| *it == b'<')?;
        (self.rest.get(end + 1) == Some(&b'/')).then_some(&self.rest[..end])
    }
}

/// A code has 64 characters by the schemas.
const TEXT_MAX: usize = 256;

/// Where a tag ends; a `>` within quotes does not end it.
fn end_of_tag(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn parse_tag(tag: &[u8]) -> Tag<'_> {
    let (kind, tag) = match tag {
        [b'/', name @ ..] => (TagKind::Close, name),
        [name @ .., b'/'] => (TagKind::Empty, name),
        _ => (TagKind::Open, tag),
    };
    let name = tag.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let local = name.iter().position(|it| *it == b':').map_or(name, |at| &name[at + 1..]);
    Tag { kind, local }
}
