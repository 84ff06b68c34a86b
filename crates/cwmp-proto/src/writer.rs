use std::io::Write as _;

use crate::value::is_name;
use crate::xml_char::is_xml_char;
use crate::{EncodeError, ValueKind};

/// Writes elements. What cannot be written is remembered and said in the end.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    error: Option<EncodeError>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, error: None }
    }

    /// The first thing that could not be written.
    pub(crate) fn finish(self) -> Result<(), EncodeError> {
        self.error.map_or(Ok(()), Err)
    }

    /// Markup, as it is.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.out.extend_from_slice(markup.as_bytes());
    }

    pub(crate) fn open(&mut self, name: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(">");
    }

    /// The end of an element; its name may have been opened with attributes.
    pub(crate) fn close(&mut self, name: &str) {
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    /// SOAP 1.1 §5.4.2: `arrayType` says how many there are.
    pub(crate) fn open_array(&mut self, name: &str, kind: &str, count: usize) {
        self.raw("<");
        self.raw(name);
        self.raw(" soap-enc:arrayType=\"");
        self.raw(kind);
        self.raw("[");
        self.number(count);
        self.raw("]\">");
    }

    /// An element whose type is said.
    pub(crate) fn open_typed(&mut self, name: &str, kind: &ValueKind) {
        let prefix = match kind {
            ValueKind::Untyped => return self.open(name),
            ValueKind::Base64 => "soap-enc:",
            _ => "xsd:",
        };
        if !is_name(kind.name()) {
            self.error.get_or_insert(EncodeError::Name);
            return;
        }
        self.raw("<");
        self.raw(name);
        self.raw(" xsi:type=\"");
        self.raw(prefix);
        self.raw(kind.name());
        self.raw("\">");
    }

    /// Any text, escaped. A carriage return would be read as a line feed, so it is written as a reference.
    pub(crate) fn text(&mut self, text: &str) {
        for (at, part) in text.split_inclusive(['&', '<', '>', '\r']).enumerate() {
            let _: usize = at;
            let (plain, special) = match part.as_bytes().last() {
                Some(last @ (b'&' | b'<' | b'>' | b'\r')) => (&part[..part.len() - 1], Some(*last)),
                _ => (part, None),
            };
            if let Some(character) = plain.chars().find(|it| !is_xml_char(*it)) {
                self.error.get_or_insert(EncodeError::Forbidden { character: u32::from(character) });
            }
            self.raw(plain);
            self.raw(match special {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(_) => "&#xD;",
                None => "",
            });
        }
    }

    pub(crate) fn number(&mut self, number: impl std::fmt::Display) {
        // Writing into memory does not fail.
        let _: std::io::Result<()> = write!(self.out, "{number}");
    }
}
