//! How one change stands in the file.
//!
//! ```text
//! marker 4 | body's length 4 | body's checksum 4 | checksum of these twelve bytes 4 | body
//! body: kind 1 | area's length 1 | key's length 2 | expiry in milliseconds 8 | area | key | value
//! ```
//!
//! Numbers are little-endian. Checksums are CRC-32 begun with the file's own random salt: bytes that somebody sent and
//! that look like a frame are none, even where the frame around them is damaged.

use bytes::Bytes;
use crc32fast::Hasher;
use sangam_types::Wall;

use crate::table::Table;

/// Begins every frame, so that the next is found behind a damaged one.
const MARKER: [u8; 4] = [0xC5, b'j', b'r', 0x9E];
const HEADER: usize = 16;
const BODY_FIXED: usize = 12;
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// What is mixed into every checksum of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(pub(crate) u64);

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Put { area: &'a str, key: &'a str, value: &'a [u8], expires: Wall },
    Remove { area: &'a str, key: &'a str },
}

impl Change<'_> {
    /// Bytes that it takes in the file.
    pub(crate) fn frame_bytes(&self) -> usize {
        let (Self::Put { area, key, .. } | Self::Remove { area, key }) = self;
        let value = if let Self::Put { value, .. } = self { value.len() } else { 0 };
        HEADER + BODY_FIXED + area.len() + key.len() + value
    }

    /// Makes the table as it is after the change.
    pub(crate) fn apply(&self, table: &mut Table) {
        match *self {
            Self::Put { area, key, value, expires } => table.put(area, key, Bytes::copy_from_slice(value), expires),
            Self::Remove { area, key } => {
                table.remove(area, key);
            }
        }
    }
}

impl Salt {
    fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Appends a change. Area and key are within their bounds, which fit the fields of their lengths.
    pub(crate) fn encode(self, change: Change<'_>, to: &mut Vec<u8>) {
        let (kind, area, key, value, expires) = match change {
            Change::Put { area, key, value, expires } => (PUT, area, key, value, expires),
            Change::Remove { area, key } => (REMOVE, area, key, &[][..], Wall::default()),
        };
        let at = to.len();
        to.extend_from_slice(&[0; HEADER]);
        to.push(kind);
        to.push(area.len() as u8);
        to.extend_from_slice(&(key.len() as u16).to_le_bytes());
        to.extend_from_slice(&expires.unix_millis().to_le_bytes());
        to.extend_from_slice(area.as_bytes());
        to.extend_from_slice(key.as_bytes());
        to.extend_from_slice(value);
        let body = &to[at + HEADER..];
        let (length, body_sum) = (body.len() as u32, self.checksum(body));
        let header = &mut to[at..at + HEADER];
        header[..4].copy_from_slice(&MARKER);
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..12].copy_from_slice(&body_sum.to_le_bytes());
        let header_sum = self.checksum(&header[..12]);
        header[12..].copy_from_slice(&header_sum.to_le_bytes());
    }

    /// The whole frame that begins where `bytes` do, and its length; `None` if there is none.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<(Change<'_>, usize)> {
        let header = bytes.get(..HEADER)?;
        if header[..4] != MARKER || number(&header[12..]) != self.checksum(&header[..12]) {
            return None;
        }
        let end = HEADER.checked_add(number(&header[4..8]) as usize)?;
        let body = bytes.get(HEADER..end)?;
        if number(&header[8..12]) != self.checksum(body) {
            return None;
        }
        let fixed = body.get(..BODY_FIXED)?;
        let area_end = BODY_FIXED + usize::from(fixed[1]);
        let key_end = area_end + usize::from(u16::from_le_bytes([fixed[2], fixed[3]]));
        let area = std::str::from_utf8(body.get(BODY_FIXED..area_end)?).ok()?;
        let key = std::str::from_utf8(body.get(area_end..key_end)?).ok()?;
        let expires = Wall::from_unix_millis(u64::from_le_bytes(fixed[4..].try_into().ok()?));
        let change = match fixed[0] {
            PUT => Change::Put { area, key, value: &body[key_end..], expires },
            REMOVE => Change::Remove { area, key },
            _ => return None,
        };
        Some((change, end))
    }

    /// Shows `each` every whole frame in order. Returns where the last one ends and how many bytes before that are none.
    pub(crate) fn scan(self, bytes: &[u8], mut each: impl FnMut(Change<'_>)) -> Scan {
        let mut scan = Scan::default();
        let mut at = 0;
        while at < bytes.len() {
            match self.decode(&bytes[at..]) {
                Some((change, length)) => {
                    each(change);
                    scan.damaged += at - scan.end;
                    at += length;
                    scan.end = at;
                }
                None => at += 1 + next_marker(&bytes[at + 1..]),
            }
        }
        scan
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Where the last whole frame ends.
    pub(crate) end: usize,
    /// Bytes before that which belong to no whole frame.
    pub(crate) damaged: usize,
}

/// How far the next marker is, or the end.
fn next_marker(bytes: &[u8]) -> usize {
    bytes.windows(MARKER.len()).position(|window| window == MARKER).unwrap_or(bytes.len())
}

/// Four bytes as a number; zero if there are fewer.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt(7);

    fn put<'a>(key: &'a str, value: &'a [u8]) -> Change<'a> {
        Change::Put { area: "rooms", key, value, expires: Wall::from_unix_millis(12_345) }
    }

    fn file(changes: &[Change<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        changes.iter().for_each(|change| SALT.encode(*change, &mut bytes));
        bytes
    }

    fn keys(bytes: &[u8]) -> (Vec<String>, Scan) {
        let mut keys = Vec::new();
        let scan = SALT.scan(bytes, |change| {
            let (Change::Put { key, .. } | Change::Remove { key, .. }) = change;
            keys.push(key.to_owned());
        });
        (keys, scan)
    }

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for change in [put("k", b"value"), put("", b""), Change::Remove { area: "rooms", key: "\u{1F600}" }] {
            let bytes = file(&[change]);
            assert_eq!(SALT.decode(&bytes), Some((change, bytes.len())));
            assert_eq!(change.frame_bytes(), bytes.len());
            assert_eq!(Salt(8).decode(&bytes), None);
        }
    }

    #[test]
    fn a_frame_with_any_byte_changed_is_none() {
        let bytes = file(&[put("k", b"value")]);
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            assert_eq!(SALT.decode(&other), None, "byte {at}");
        }
    }

    #[test]
    fn what_stands_behind_damage_is_found_again() {
        let mut bytes = file(&[put("a", b"1"), put("b", b"2"), put("c", b"3")]);
        let one = bytes.len() / 3;
        bytes[one + 20] ^= 1;
        assert_eq!(keys(&bytes), (vec!["a".into(), "c".into()], Scan { end: 3 * one, damaged: one }));
    }

    #[test]
    fn a_frame_inside_a_value_is_none_even_when_the_frame_around_it_is_damaged() {
        let mut forged = Vec::new();
        Salt(0).encode(put("forged", b"x"), &mut forged);
        let mut bytes = file(&[put("outer", &forged)]);
        bytes[17] ^= 1;
        assert_eq!(keys(&bytes).0, Vec::<String>::new());
    }
}
