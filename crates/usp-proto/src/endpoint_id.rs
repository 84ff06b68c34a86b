use std::fmt;
use std::str::FromStr;

/// Characters that an instance id may have (R-ARC.6).
const INSTANCE_CHARS_MAX: usize = 50;

/// Characters of an authority id of `self`, `user`, `proto` and `doc` (R-ARC.2a).
const AUTHORITY_CHARS_MAX: usize = 6;

/// An endpoint identifier, `scheme:authority:instance` (TR-369 §2, Endpoint Identifier).
///
/// Compared exactly, as it was written. Within a URN of a certificate it is preceded by `urn:bbf:usp:id:`
/// ([`EndpointId::from_urn`]).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId {
    text: String,
    scheme: Scheme,
    /// Where the instance id begins.
    instance_at: usize,
}

/// Who assigned an endpoint identifier, and by which rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The holder of an OUI.
    Oui,
    /// The holder of a CID.
    Cid,
    /// The holder of a private enterprise number.
    Pen,
    /// The endpoint itself.
    SelfAssigned,
    /// A user or a management interface.
    User,
    /// OUI and serial number, as in TR-069.
    Os,
    /// OUI, product class and serial number, as in TR-069.
    Ops,
    /// A UUID.
    Uuid,
    /// An IMEI.
    Imei,
    /// For prototypes only (R-ARC.4).
    Proto,
    /// For documentation only (R-ARC.4).
    Doc,
    /// A domain name.
    Fqdn,
}

impl Scheme {
    const ALL: [(Self, &'static str); 12] = [
        (Self::Oui, "oui"),
        (Self::Cid, "cid"),
        (Self::Pen, "pen"),
        (Self::SelfAssigned, "self"),
        (Self::User, "user"),
        (Self::Os, "os"),
        (Self::Ops, "ops"),
        (Self::Uuid, "uuid"),
        (Self::Imei, "imei"),
        (Self::Proto, "proto"),
        (Self::Doc, "doc"),
        (Self::Fqdn, "fqdn"),
    ];
}

/// Why a text is no endpoint identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointIdError {
    /// Not three parts with colons between.
    #[error("an endpoint id is scheme:authority:instance")]
    NotThreeParts,
    /// A scheme that TR-369 does not name.
    #[error("the scheme of the endpoint id is unknown")]
    UnknownScheme,
    /// An authority id that its scheme does not allow.
    #[error("the authority of the endpoint id does not fit its scheme")]
    BadAuthority,
    /// An instance id that is empty, or longer than 50 characters.
    #[error("the instance of the endpoint id has no or more than 50 characters")]
    BadLength,
    /// An instance id with a character that is not allowed (R-ARC.5).
    #[error("the instance of the endpoint id has a character that must be percent-encoded")]
    BadCharacter,
    /// An instance id that its scheme does not allow.
    #[error("the instance of the endpoint id does not fit its scheme")]
    BadInstance,
}

impl EndpointIdError {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotThreeParts => "endpoint_id_parts",
            Self::UnknownScheme => "endpoint_id_scheme",
            Self::BadAuthority => "endpoint_id_authority",
            Self::BadLength => "endpoint_id_length",
            Self::BadCharacter => "endpoint_id_character",
            Self::BadInstance => "endpoint_id_instance",
        }
    }
}

/// The device that an `os` or `ops` endpoint is, decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceIdentity {
    /// 6 upper-case hexadecimal digits.
    pub oui: String,
    /// Empty in `os`.
    pub product_class: String,
    /// The serial number.
    pub serial_number: String,
}

impl EndpointId {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Who assigned it.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The authority id; often empty.
    #[must_use]
    pub fn authority(&self) -> &str {
        let start = self.text.find(':').map_or(0, |at| at + 1);
        &self.text[start..self.instance_at - 1]
    }

    /// The instance id, as it is written.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.text[self.instance_at..]
    }

    /// From the URN that a certificate carries.
    ///
    /// # Errors
    /// If it is no such URN or no endpoint identifier.
    pub fn from_urn(urn: &str) -> Result<Self, EndpointIdError> {
        const PREFIX: &str = "urn:bbf:usp:id:";
        match urn.split_at_checked(PREFIX.len()) {
            Some((prefix, id)) if prefix.eq_ignore_ascii_case(PREFIX) => id.parse(),
            _ => Err(EndpointIdError::NotThreeParts),
        }
    }

    /// The device that it names, of `os` and `ops`.
    ///
    /// An `ops` instance is OUI, product class and serial number with `-` between; hyphens within them should be
    /// percent-encoded (TR-069 §3.4.4). Where they are not, the first part is the OUI and the last the serial number.
    #[must_use]
    pub fn device(&self) -> Option<DeviceIdentity> {
        let (oui, rest) = self.instance().split_once('-')?;
        let (product_class, serial_number) = match self.scheme {
            Scheme::Os => ("", rest),
            Scheme::Ops => rest.rsplit_once('-')?,
            _ => return None,
        };
        Some(DeviceIdentity {
            oui: oui.to_ascii_uppercase(),
            product_class: percent_decode(product_class)?,
            serial_number: percent_decode(serial_number)?,
        })
    }

    /// The `ops` identifier of a device, or its `os` identifier if it has no product class.
    ///
    /// # Errors
    /// If the OUI is not 6 hexadecimal digits or the whole is too long.
    pub fn of_device(device: &DeviceIdentity) -> Result<Self, EndpointIdError> {
        let serial = percent_encode(&device.serial_number);
        if device.product_class.is_empty() {
            format!("os::{}-{serial}", device.oui).parse()
        } else {
            // A hyphen is allowed as it is, and ends the product class: within it it is encoded.
            let class = percent_encode(&device.product_class).replace('-', "%2D");
            format!("ops::{}-{class}-{}", device.oui, serial.replace('-', "%2D")).parse()
        }
    }
}

impl FromStr for EndpointId {
    type Err = EndpointIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.split_once(':').ok_or(EndpointIdError::NotThreeParts)?;
        let (authority, instance) = rest.split_once(':').ok_or(EndpointIdError::NotThreeParts)?;
        let known = Scheme::ALL.iter().find(|(_, name)| *name == scheme);
        let scheme = known.ok_or(EndpointIdError::UnknownScheme)?.0;
        check_authority(scheme, authority)?;
        check_characters(instance)?;
        check_instance(scheme, instance)?;
        Ok(Self { text: text.to_owned(), scheme, instance_at: text.len() - instance.len() })
    }
}

fn check_authority(scheme: Scheme, authority: &str) -> Result<(), EndpointIdError> {
    let fits = match scheme {
        Scheme::Oui | Scheme::Cid => is_oui(authority),
        Scheme::Pen => (1..=10).contains(&authority.len()) && authority.bytes().all(|byte| byte.is_ascii_digit()),
        Scheme::SelfAssigned | Scheme::User | Scheme::Doc => {
            authority.len() <= AUTHORITY_CHARS_MAX && authority.bytes().all(is_unreserved)
        }
        Scheme::Proto => {
            authority.len() <= AUTHORITY_CHARS_MAX && authority.bytes().all(|byte| is_unreserved(byte) && byte != b'.')
        }
        Scheme::Os | Scheme::Ops | Scheme::Uuid | Scheme::Imei | Scheme::Fqdn => authority.is_empty(),
    };
    if fits { Ok(()) } else { Err(EndpointIdError::BadAuthority) }
}

fn check_characters(instance: &str) -> Result<(), EndpointIdError> {
    if instance.is_empty() || instance.len() > INSTANCE_CHARS_MAX {
        return Err(EndpointIdError::BadLength);
    }
    if percent_decode_bytes(instance).is_none() || !instance.bytes().all(|byte| is_unreserved(byte) || byte == b'%') {
        return Err(EndpointIdError::BadCharacter);
    }
    Ok(())
}

fn check_instance(scheme: Scheme, instance: &str) -> Result<(), EndpointIdError> {
    let fits = match scheme {
        Scheme::Os => instance.split_once('-').is_some_and(|(oui, serial)| is_oui(oui) && !serial.is_empty()),
        Scheme::Ops => instance.split_once('-').is_some_and(|(oui, rest)| {
            is_oui(oui) && rest.rsplit_once('-').is_some_and(|(class, serial)| !class.is_empty() && !serial.is_empty())
        }),
        Scheme::Uuid => is_uuid(instance),
        Scheme::Imei => (14..=16).contains(&instance.len()) && instance.bytes().all(|byte| byte.is_ascii_digit()),
        Scheme::Fqdn => is_domain_name(instance),
        Scheme::Oui | Scheme::Cid | Scheme::Pen | Scheme::SelfAssigned | Scheme::User | Scheme::Proto | Scheme::Doc => {
            true
        }
    };
    if fits { Ok(()) } else { Err(EndpointIdError::BadInstance) }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

fn is_oui(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_domain_name(text: &str) -> bool {
    text.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Percent-encodes whatever an endpoint id, or a value of a URL's query, may not have as it is.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// Undoes [`percent_encode`]. `None` if a `%` is not followed by two hexadecimal digits or the result is not UTF-8.
#[must_use]
pub fn percent_decode(text: &str) -> Option<String> {
    String::from_utf8(percent_decode_bytes(text)?).ok()
}

fn percent_decode_bytes(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        rest = after;
        let [high, low] = [char::from(digits[0]).to_digit(16)?, char::from(digits[1]).to_digit(16)?];
        decoded.push(u8::try_from(high << 4 | low).ok()?);
    }
    Some(decoded)
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointId({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_every_scheme_is_read() {
        let table = [
            ("oui:00256D:my-unique-bbf-id-42", Scheme::Oui, "00256D", "my-unique-bbf-id-42"),
            ("cid:3AA3F8:my-unique-usp-id-42", Scheme::Cid, "3AA3F8", "my-unique-usp-id-42"),
            ("pen:3561:my-unique-bbf-id-42", Scheme::Pen, "3561", "my-unique-bbf-id-42"),
            ("self::my-Agent", Scheme::SelfAssigned, "", "my-Agent"),
            ("self:abc-_.:x", Scheme::SelfAssigned, "abc-_.", "x"),
            ("user::a%20b", Scheme::User, "", "a%20b"),
            ("os::00256D-0123456789", Scheme::Os, "", "00256D-0123456789"),
            ("ops::00256D-STB-0123456789", Scheme::Ops, "", "00256D-STB-0123456789"),
            ("uuid::f81d4fae-7dec-11d0-a765-00a0c91e6bf6", Scheme::Uuid, "", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
            ("imei::990000862471854", Scheme::Imei, "", "990000862471854"),
            ("proto::my-Agent", Scheme::Proto, "", "my-Agent"),
            ("doc:x:agent", Scheme::Doc, "x", "agent"),
            ("fqdn::www.example.org", Scheme::Fqdn, "", "www.example.org"),
        ];
        for (text, scheme, authority, instance) in table {
            let id: EndpointId = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((id.scheme(), id.authority(), id.instance(), id.as_str()), (scheme, authority, instance, text));
            assert_eq!(EndpointId::from_urn(&format!("urn:bbf:usp:id:{text}")), Ok(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_reason() {
        use EndpointIdError::{BadAuthority, BadCharacter, BadInstance, BadLength, NotThreeParts, UnknownScheme};
        let long = format!("self::{}", "x".repeat(51));
        let table = [
            ("", NotThreeParts),
            ("self:x", NotThreeParts),
            ("mac::x", UnknownScheme),
            ("OS::00256D-1", UnknownScheme),
            ("oui:0025:x", BadAuthority),
            ("oui:00256G:x", BadAuthority),
            ("pen::x", BadAuthority),
            ("pen:12a:x", BadAuthority),
            ("self:1234567:x", BadAuthority),
            ("proto:a.b:x", BadAuthority),
            ("os:a:00256D-1", BadAuthority),
            ("self::", BadLength),
            (&long, BadLength),
            ("self::a b", BadCharacter),
            ("self::a:b", BadCharacter),
            ("self::a%2", BadCharacter),
            ("self::a%zz", BadCharacter),
            ("self::a/../b", BadCharacter),
            ("self::\u{e9}", BadCharacter),
            ("os::00256D", BadInstance),
            ("os::0025-1", BadInstance),
            ("ops::00256D-STB", BadInstance),
            ("uuid::f81d4fae", BadInstance),
            ("imei::12", BadInstance),
            ("fqdn::-a.b", BadInstance),
            ("fqdn::a..b", BadInstance),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<EndpointId>(), Err(error), "{text}");
        }
        assert_eq!(EndpointId::from_urn("urn:bbf:other:self::a"), Err(NotThreeParts));
    }

    #[test]
    fn os_and_ops_name_a_device_and_back() {
        let device = |text: &str| text.parse::<EndpointId>().unwrap().device().unwrap();
        let is = |oui: &str, product_class: &str, serial_number: &str| DeviceIdentity {
            oui: oui.into(),
            product_class: product_class.into(),
            serial_number: serial_number.into(),
        };
        assert_eq!(device("os::00256d-0123-45"), is("00256D", "", "0123-45"));
        assert_eq!(device("ops::00256D-STB-0123"), is("00256D", "STB", "0123"));
        assert_eq!(device("ops::00256D-My%2DBox%20X-01%2F2"), is("00256D", "My-Box X", "01/2"));
        assert_eq!(device("ops::00256D-My-Box-0123"), is("00256D", "My-Box", "0123"), "not encoded, as some do");
        for it in [is("00256D", "", "1-2"), is("00256D", "My-Box X", "01-\u{e9}")] {
            assert_eq!(EndpointId::of_device(&it).unwrap().device(), Some(it));
        }
        assert_eq!("self::x-y-z".parse::<EndpointId>().unwrap().device(), None);
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(percent_encode("os::012345-A"), "os%3A%3A012345-A");
        assert_eq!(percent_decode("os%3a%3A012345-A").as_deref(), Some("os::012345-A"));
        assert_eq!(percent_decode("%ff"), None, "not UTF-8");
    }
}
