use std::fmt;

use crate::decode::Namespaces;
use crate::reader::{Element, Reader};
use crate::writer::Writer;
use crate::{Namespace, SoapError};

/// The elements of a SOAP header that CWMP defines (TR-069 Amendment 6 §3.5, `cwmp-1-0.xsd` to `cwmp-1-4.xsd`).
/// `NoMoreRequests`, which only the first edition had, is skipped when read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `ID`: what a response echoes of its request. `None`: the peer sent none, and gets none.
    pub id: Option<String>,
    /// `HoldRequests`, from an ACS: whether the CPE may send requests now. Schemas 1-0 to 1-2.
    pub hold_requests: Option<bool>,
    /// `SessionTimeout`, from a CPE: seconds of silence after which it gives a session up. CWMP 1.3.
    pub session_timeout_secs: Option<u32>,
    /// `SupportedCWMPVersions`, from a CPE with its Inform. CWMP 1.4. Empty: none were said.
    pub supported_versions: Vec<Version>,
    /// `UseCWMPVersion`, from an ACS with its InformResponse: the version of this session. CWMP 1.4.
    pub use_version: Option<Version>,
}

impl Header {
    /// A header with an `ID` and nothing else.
    pub fn with_id(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// The header of the response to a message with this one: its `ID`, if it had any.
    #[must_use]
    pub fn response(&self) -> Self {
        Self { id: self.id.clone(), ..Self::default() }
    }
}

/// A version of CWMP, as the header elements of 1.4 write it: `1.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Before the dot.
    pub major: u16,
    /// After it.
    pub minor: u16,
}

impl Version {
    /// What is written `1.<minor>`.
    #[must_use]
    pub const fn v1(minor: u16) -> Self {
        Self { major: 1, minor }
    }

    /// Reads `1.4`, with blanks around it. `None` if it is no version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.trim().split_once('.')?;
        let digits = |part: &str| part.bytes().all(|it| it.is_ascii_digit()).then(|| part.parse().ok()).flatten();
        Some(Self { major: digits(major)?, minor: digits(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Reads a SOAP header. A second one adds to the first.
pub(crate) fn read_header(
    reader: &mut Reader<'_>,
    header: &mut Header,
    found: &mut Namespaces,
) -> Result<(), SoapError> {
    let mut fields = 0;
    while let Some(child) = reader.child()? {
        fields += 1;
        if fields > reader.limits().header_fields {
            return Err(SoapError::Limit { bound: "header_fields" });
        }
        found.note_declared(&child);
        let namespace = reader.namespace_of(&child).as_deref().and_then(Namespace::parse);
        found.in_header = found.in_header.or(namespace);
        read_field(reader, &child, header)?;
    }
    Ok(())
}

fn read_field(reader: &mut Reader<'_>, field: &Element<'_>, header: &mut Header) -> Result<(), SoapError> {
    match field.local() {
        "ID" => header.id = Some(reader.text()?),
        "HoldRequests" => header.hold_requests = Some(reader.boolean("HoldRequests")?),
        "SessionTimeout" => header.session_timeout_secs = reader.number_if_any()?,
        "SupportedCWMPVersions" => {
            header.supported_versions =
                reader.text()?.split(',').filter_map(Version::parse).take(VERSIONS_MAX).collect();
        }
        "UseCWMPVersion" => header.use_version = Version::parse(&reader.text()?),
        "NoMoreRequests" => reader.skip()?,
        _ => {
            if field.attribute("mustUnderstand").is_some_and(|it| it.trim() == "1") {
                reader.departures().not_understood += 1;
            }
            reader.skip_unknown()?;
        }
    }
    Ok(())
}

/// More versions than there are for a while.
const VERSIONS_MAX: usize = 16;

/// Writes a SOAP header, if it says anything. `SessionTimeout` and `SupportedCWMPVersions` need not be understood, the
/// others must be (`cwmp-1-0.xsd` to `cwmp-1-4.xsd`).
pub(crate) fn write_header(header: &Header, writer: &mut Writer<'_>) {
    let versions: Vec<String> = header.supported_versions.iter().map(Version::to_string).collect();
    let fields = [
        ("cwmp:ID", true, header.id.clone()),
        ("cwmp:HoldRequests", true, header.hold_requests.map(|it| u8::from(it).to_string())),
        ("cwmp:SessionTimeout", false, header.session_timeout_secs.map(|it| it.to_string())),
        ("cwmp:SupportedCWMPVersions", false, (!versions.is_empty()).then(|| versions.join(","))),
        ("cwmp:UseCWMPVersion", true, header.use_version.map(|it| it.to_string())),
    ];
    if fields.iter().all(|(_, _, text)| text.is_none()) {
        return;
    }
    writer.open("soap-env:Header");
    for (name, must_understand, text) in fields {
        let Some(text) = text else { continue };
        writer.raw("<");
        writer.raw(name);
        writer.raw(if must_understand { " soap-env:mustUnderstand=\"1\">" } else { " soap-env:mustUnderstand=\"0\">" });
        writer.text(&text);
        writer.close(name);
    }
    writer.close("soap-env:Header");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers_and_a_dot() {
        assert_eq!(Version::parse(" 1.4 "), Some(Version::v1(4)));
        for text in ["", "1", "1.", ".4", "1.4.2", "+1.4", "1.-4", "99999999.1"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
