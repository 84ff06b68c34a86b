use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{Stamp, UdpAddress};
use crate::Secret;

/// Longer datagrams are not looked at: none of ours comes near, and more would not pass every path whole.
pub const BYTES_MAX: usize = 1_472;

/// A connection request in a datagram, read but believed only once [`verify`](Self::verify) says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpRequest {
    /// `ts` and `id`.
    pub stamp: Stamp,
    /// `un`: the ConnectionRequestUsername.
    pub username: String,
    /// `cn`: random, so that no two signatures are alike.
    pub cnonce: String,
    /// `sig`.
    signature: [u8; 20],
}

/// Why a datagram is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UdpOffence {
    /// More than [`BYTES_MAX`].
    #[error("the datagram is too long")]
    TooLong,
    /// No request line of a GET.
    #[error("the datagram is no GET")]
    NoGet,
    /// A field is missing or cannot be read.
    #[error("{field} is missing or cannot be read")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// Meant for somebody else.
    #[error("another user name")]
    Username,
    /// Made without the password.
    #[error("the signature does not fit")]
    Signature,
}

impl UdpOffence {
    /// One of a fixed set of words: a label for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NoGet => "no_get",
            Self::Field { .. } => "field",
            Self::Username => "username",
            Self::Signature => "signature",
        }
    }
}

impl UdpRequest {
    /// Signs a request. `cnonce` is random.
    #[must_use]
    pub fn new(stamp: Stamp, username: &str, password: &Secret, cnonce: [u8; 8]) -> Self {
        let cnonce: String = cnonce.iter().map(|byte| format!("{byte:02X}")).collect();
        let signature = mac(stamp, username, &cnonce, password).finalize().into_bytes().into();
        Self { stamp, username: username.to_owned(), cnonce, signature }
    }

    /// The datagram for a CPE at `address`.
    #[must_use]
    pub fn encode(&self, address: &UdpAddress) -> Vec<u8> {
        let Stamp { timestamp_secs, id } = self.stamp;
        let signature: String = self.signature.iter().map(|byte| format!("{byte:02X}")).collect();
        let (username, cnonce) = (escaped(&self.username), escaped(&self.cnonce));
        let query = format!("ts={timestamp_secs}&id={id}&un={username}&cn={cnonce}&sig={signature}");
        format!("GET http://{address}?{query} HTTP/1.1\r\n\r\n").into_bytes()
    }

    /// Reads a datagram. Headers after the first line are passed over, as is a path, and fields that nobody knows.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn decode(datagram: &[u8]) -> Result<Self, UdpOffence> {
        if datagram.len() > BYTES_MAX {
            return Err(UdpOffence::TooLong);
        }
        let line = datagram.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = std::str::from_utf8(line).map_err(|_| UdpOffence::NoGet)?.trim_end();
        let rest = line.strip_prefix("GET ").ok_or(UdpOffence::NoGet)?;
        let (uri, _) = rest.split_once(" HTTP/1.").ok_or(UdpOffence::NoGet)?;
        let (_, query) = uri.split_once('?').ok_or(UdpOffence::NoGet)?;
        let number = |field| value(query, field).filter(|text| text.bytes().all(|it| it.is_ascii_digit()));
        let parsed = |field| number(field).ok_or(UdpOffence::Field { field });
        let text = |field| value(query, field).and_then(unescaped).ok_or(UdpOffence::Field { field });
        let wrong = |field| move |_| UdpOffence::Field { field };
        let signature = value(query, "sig").and_then(from_hex).ok_or(UdpOffence::Field { field: "sig" })?;
        let timestamp_secs = parsed("ts")?.parse().map_err(wrong("ts"))?;
        let stamp = Stamp { timestamp_secs, id: parsed("id")?.parse().map_err(wrong("id"))? };
        Ok(Self { stamp, username: text("un")?, cnonce: text("cn")?, signature })
    }

    /// Whether it was made for that user, by somebody who has the password. Replays are [`MessageOrder`](super::MessageOrder)'s to
    /// find.
    ///
    /// # Errors
    ///
    /// It is for somebody else, or of somebody else.
    pub fn verify(&self, username: &str, password: &Secret) -> Result<(), UdpOffence> {
        if self.username != username {
            return Err(UdpOffence::Username);
        }
        let mac = mac(self.stamp, username, &self.cnonce, password);
        mac.verify_slice(&self.signature).map_err(|_| UdpOffence::Signature)
    }
}

fn mac(stamp: Stamp, username: &str, cnonce: &str, password: &Secret) -> Hmac<Sha1> {
    let key = password.expose().as_bytes();
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in [&stamp.timestamp_secs.to_string(), &stamp.id.to_string(), username, cnonce] {
        mac.update(part.as_bytes());
    }
    mac
}

/// The first field of that name, still escaped.
fn value<'a>(query: &'a str, field: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == field)).map(|(_, value)| value)
}

/// RFC 3986 §2.3: all but unreserved characters are escaped.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => bytes.push((digit(rest.next()?)? << 4) | digit(rest.next()?)?),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// 40 hex digits in either case.
fn from_hex(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAMP: Stamp = Stamp { timestamp_secs: 1_120_673_700, id: 1_234 };

    /// `printf 11206737001234CPE57689XTGRWIPC6D3IPXS3 | openssl dgst -sha1 -hmac secret`
    const SIGNATURE: &str = "fda44088e52a347ce49d6312521d5621eeb40037";

    fn password() -> Secret {
        Secret::new("secret")
    }

    fn datagram(signature: &str) -> String {
        let fields = "ts=1120673700&id=1234&un=CPE57689&cn=XTGRWIPC6D3IPXS3";
        format!("GET http://198.51.100.7:8080?{fields}&sig={signature} HTTP/1.1\r\n\r\n")
    }

    #[test]
    fn a_datagram_of_the_shape_of_annex_g_is_read_and_its_signature_fits() {
        for signature in [SIGNATURE.to_owned(), SIGNATURE.to_uppercase()] {
            let request = UdpRequest::decode(datagram(&signature).as_bytes()).unwrap();
            assert_eq!((request.stamp, request.username.as_str()), (STAMP, "CPE57689"));
            assert_eq!(request.cnonce, "XTGRWIPC6D3IPXS3");
            assert_eq!(request.verify("CPE57689", &password()), Ok(()));
            assert_eq!(request.verify("CPE57689", &Secret::new("Secret")), Err(UdpOffence::Signature));
            assert_eq!(request.verify("CPE57680", &password()), Err(UdpOffence::Username));
        }
    }

    #[test]
    fn what_is_sent_has_that_shape_with_all_but_unreserved_characters_escaped() {
        let request = UdpRequest::new(STAMP, "a&b é", &password(), [0xab; 8]);
        let address = UdpAddress::parse("198.51.100.7:8080").unwrap();
        let bytes = request.encode(&address);
        let text = std::str::from_utf8(&bytes).unwrap();
        let start = "GET http://198.51.100.7:8080?ts=1120673700&id=1234&un=a%26b%20%C3%A9&cn=ABABABABABABABAB&sig=";
        assert!(text.starts_with(start) && text.ends_with(" HTTP/1.1\r\n\r\n"), "{text}");
        assert_eq!(text.len(), start.len() + 40 + 13);
        assert_eq!(UdpRequest::decode(&bytes), Ok(request));
    }

    #[test]
    fn a_changed_field_breaks_the_signature() {
        for (from, to) in [("ts=1120673700", "ts=1120673701"), ("id=1234", "id=1235"), ("cn=X", "cn=Y")] {
            let request = UdpRequest::decode(datagram(SIGNATURE).replace(from, to).as_bytes()).unwrap();
            assert_eq!(request.verify("CPE57689", &password()), Err(UdpOffence::Signature), "{to}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        let field = |field| Err(UdpOffence::Field { field });
        for (from, to, expected) in [
            ("GET ", "POST ", Err(UdpOffence::NoGet)),
            (" HTTP/1.1", "", Err(UdpOffence::NoGet)),
            ("?", "", Err(UdpOffence::NoGet)),
            ("ts=1120673700", "ts=+1", field("ts")),
            ("ts=1120673700", "ts=99999999999999999999", field("ts")),
            ("id=1234", "id=4294967296", field("id")),
            ("id=1234&", "", field("id")),
            ("un=CPE57689", "un=%4", field("un")),
            ("cn=", "xx=", field("cn")),
            ("sig=", "sig=0", field("sig")),
        ] {
            assert_eq!(UdpRequest::decode(datagram(SIGNATURE).replacen(from, to, 1).as_bytes()), expected, "{to:?}");
        }
        assert_eq!(UdpRequest::decode(&[b'x'; BYTES_MAX + 1]), Err(UdpOffence::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_read_again(secs in any::<u64>(), id in any::<u32>(), name in "\\PC{0,40}", nonce in any::<[u8; 8]>()) {
            let request = UdpRequest::new(Stamp { timestamp_secs: secs, id }, &name, &password(), nonce);
            let bytes = request.encode(&UdpAddress::parse("[2001:db8::1]:9").unwrap());
            let read = UdpRequest::decode(&bytes).unwrap();
            prop_assert_eq!(read.verify(&name, &password()), Ok(()));
            prop_assert_eq!(read, request);
        }

        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _: Result<UdpRequest, UdpOffence> = UdpRequest::decode(&bytes);
        }
    }
}
