use http::Uri;
use sangam_auth::token::Claims;
use sangam_signal_proto::{RoomId, RoomScope};

/// What comes before a room in a path.
const PREFIX: &str = "/r/";

/// Which room a client of a dialect without rooms is in: the one its path names, else the one its token is for, else the
/// one of the settings.
///
/// # Errors
/// If the path names a room that cannot be one.
pub(crate) fn choose(uri: &Uri, claims: Option<&Claims>, default: &RoomId) -> Result<RoomId, BadRoom> {
    if let Some(room) = of_path(uri.path()) {
        return RoomId::parse(&percent_decoded(room).ok_or(BadRoom)?).map_err(|_| BadRoom);
    }
    match claims.and_then(|claims| claims.room.as_deref()) {
        Some(room) => RoomId::parse(room).map_err(|_| BadRoom),
        None => Ok(default.clone()),
    }
}

/// A name that is no room's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadRoom;

/// Where a token lets its holder be.
pub(crate) fn scope(claims: Option<&Claims>) -> Result<RoomScope, BadRoom> {
    match claims.and_then(|claims| claims.room.as_deref()) {
        Some(room) => RoomId::parse(room).map(RoomScope::Only).map_err(|_| BadRoom),
        None => Ok(RoomScope::All),
    }
}

fn of_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    Some(rest.split_once('/').map_or(rest, |(room, _)| room))
}

/// Undoes percent signs (RFC 3986 §2.1). `None`: what comes out is no text.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|it| std::str::from_utf8(it).ok());
        // Two hexadecimal digits, which `from_str_radix` alone would let a sign stand for.
        let digits = digits.filter(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(path: &str) -> Result<String, BadRoom> {
        let uri: Uri = path.parse().unwrap();
        choose(&uri, None, &RoomId::parse("main").unwrap()).map(|room| room.to_string())
    }

    #[test]
    fn a_path_may_name_the_room() {
        assert_eq!(chosen("/ws").unwrap(), "main");
        assert_eq!(chosen("/r/lobby/ws?x=1").unwrap(), "lobby");
        assert_eq!(chosen("/r/a%20b%3D").unwrap(), "a b=");
        assert_eq!(chosen("/r//ws"), Err(BadRoom));
        assert_eq!(chosen("/r/%ff/ws"), Err(BadRoom));
        assert_eq!(chosen("/r/%0a/ws"), Err(BadRoom));
    }

    proptest! {
        #[test]
        fn what_has_no_percent_sign_stays(text in "[^%]{0,40}") {
            prop_assert_eq!(percent_decoded(&text), Some(text));
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "[%0-9a-fA-F+é]{0,40}") {
            drop(percent_decoded(&text));
        }
    }
}
