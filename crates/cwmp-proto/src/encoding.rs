use std::borrow::Cow;

use crate::{Departures, SoapError};

/// The text of a body: without byte order mark, without white space and NULs around it.
///
/// UTF-8 and ISO-8859-1 are read, and US-ASCII, which is part of both. Bytes that should be UTF-8 and are not are read as
/// ISO-8859-1: there are devices that put the bytes of an old SSID into a message that says UTF-8, and to refuse them
/// would put the device out of reach for good.
pub(crate) fn decode_text<'a>(body: &'a [u8], departures: &mut Departures) -> Result<Cow<'a, str>, SoapError> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.starts_with(b"\xFE\xFF") || body.starts_with(b"\xFF\xFE") {
        return Err(SoapError::Encoding);
    }
    let body = trim(body);
    if body.is_empty() {
        return Err(SoapError::Empty);
    }
    let is_latin = match declared(body) {
        None => false,
        Some(name) => match LABELS.iter().find(|(label, _)| name.eq_ignore_ascii_case(label.as_bytes())) {
            Some((_, is_latin)) => *is_latin,
            // Whatever it is called, if it is ASCII it is the same in nearly all of them.
            None if body.is_ascii() => false,
            None => return Err(SoapError::Encoding),
        },
    };
    if is_latin {
        return Ok(from_latin(body));
    }
    match std::str::from_utf8(body) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => {
            departures.wrong_encodings += 1;
            Ok(from_latin(body))
        }
    }
}

/// Names of encodings in a declaration, and whether they are ISO-8859-1.
const LABELS: &[(&str, bool)] = &[
    ("utf-8", false),
    ("utf8", false),
    ("us-ascii", false),
    ("ascii", false),
    ("iso-8859-1", true),
    ("iso8859-1", true),
    ("iso_8859-1", true),
    ("latin1", true),
];

/// Where the declaration must end, bytes.
const DECLARATION_MAX: usize = 200;

/// What the XML declaration says the encoding is.
fn declared(body: &[u8]) -> Option<&[u8]> {
    let head = body.strip_prefix(b"<?xml")?;
    let head = &head[..head.len().min(DECLARATION_MAX)];
    let head = &head[..find(head, b"?>")?];
    let value = head[find(head, b"encoding")? + b"encoding".len()..].trim_ascii_start();
    let value = value.strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    let end = value.iter().position(|it| it == quote)?;
    Some(value[..end].trim_ascii())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|it| it == what)
}

fn trim(body: &[u8]) -> &[u8] {
    let is_blank = |it: &u8| *it == 0 || it.is_ascii_whitespace();
    let start = body.iter().position(|it| !is_blank(it)).unwrap_or(body.len());
    let end = body.iter().rposition(|it| !is_blank(it)).map_or(start, |at| at + 1);
    &body[start..end]
}

/// ISO-8859-1 is the first 256 characters of Unicode.
fn from_latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|it| char::from(*it)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<String, SoapError> {
        decode_text(body, &mut Departures::default()).map(Cow::into_owned)
    }

    #[test]
    fn what_surrounds_a_document_does_not_count() {
        assert_eq!(read(b"\xEF\xBB\xBF \r\n<a/>\n\0\0"), Ok("<a/>".into()));
        assert_eq!(read(b" \r\n\0"), Err(SoapError::Empty));
        assert_eq!(read(b""), Err(SoapError::Empty));
    }

    #[test]
    fn the_declared_encoding_is_read() {
        let table: &[(&[u8], &str)] = &[
            (b"<?xml version='1.0' encoding='UTF-8'?><a>\xC3\xA9</a>", "\u{E9}"),
            (b"<?xml version='1.0' encoding = \"us-ascii\" ?><a>e</a>", "e"),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>", "\u{E9}"),
            (b"<?xml version='1.0' encoding='iso-8859-1'?><a>\xC3\xA9</a>", "\u{C3}\u{A9}"),
            (b"<?xml version='1.0' encoding='koi8-r'?><a>e</a>", "e"),
        ];
        for (body, inside) in table {
            let text = read(body).unwrap();
            assert!(text.ends_with(&format!("<a>{inside}</a>")), "{text}");
        }
        assert_eq!(read(b"<?xml version='1.0' encoding='koi8-r'?><a>\xE9</a>"), Err(SoapError::Encoding));
        assert_eq!(read(b"\xFF\xFE<\0a\0/\0>\0"), Err(SoapError::Encoding));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_read_as_latin_and_noted() {
        let mut departures = Departures::default();
        assert_eq!(decode_text(b"<a>\xE9</a>", &mut departures).unwrap(), "<a>\u{E9}</a>");
        assert_eq!(departures.wrong_encodings, 1);
    }
}
