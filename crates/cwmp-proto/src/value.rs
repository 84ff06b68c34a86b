use std::fmt;

/// A parameter with its value, as it stands in an Inform, a GetParameterValuesResponse or a SetParameterValues
/// (`ParameterValueStruct`). `Debug` shows how long a value is, never the value: it may be a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ParameterValue {
    /// The full path, such as `Device.WiFi.SSID.1.SSID`. At most 256 characters by the schemas.
    pub path: String,
    /// The text as it came: not trimmed, booleans as `0`, `1`, `true` or `false`.
    pub value: String,
    /// What it says it is.
    pub kind: ValueKind,
}

impl ParameterValue {
    /// Puts one together.
    pub fn new(path: impl Into<String>, value: impl Into<String>, kind: ValueKind) -> Self {
        Self { path: path.into(), value: value.into(), kind }
    }
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} of {} bytes", self.path, self.kind, self.value.len())
    }
}

/// The type of a value: its `xsi:type`, without the prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// `xsd:string`
    String,
    /// `xsd:int`
    Int,
    /// `xsd:unsignedInt`
    UnsignedInt,
    /// `xsd:boolean`
    Boolean,
    /// `xsd:dateTime`
    DateTime,
    /// `soap-enc:base64`
    Base64,
    /// `xsd:long`
    Long,
    /// `xsd:unsignedLong`
    UnsignedLong,
    /// `xsd:hexBinary`
    HexBinary,
    /// Another name, as it came.
    Other(String),
    /// None was said.
    Untyped,
}

impl ValueKind {
    /// The kind with this local name: `unsignedInt`. Any other name is kept; a text that is no name is
    /// [`Untyped`](Self::Untyped).
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match NAMED.iter().find(|(_, it)| *it == name) {
            Some((kind, _)) => kind.clone(),
            None if is_name(name) => Self::Other(name.to_owned()),
            None => Self::Untyped,
        }
    }

    /// The local name; empty for [`Untyped`](Self::Untyped).
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Other(name) => name,
            kind => NAMED.iter().find(|(it, _)| it == kind).map_or("", |(_, name)| name),
        }
    }
}

const NAMED: &[(ValueKind, &str)] = &[
    (ValueKind::String, "string"),
    (ValueKind::Int, "int"),
    (ValueKind::UnsignedInt, "unsignedInt"),
    (ValueKind::Boolean, "boolean"),
    (ValueKind::DateTime, "dateTime"),
    (ValueKind::Base64, "base64"),
    (ValueKind::Long, "long"),
    (ValueKind::UnsignedLong, "unsignedLong"),
    (ValueKind::HexBinary, "hexBinary"),
];

/// Whether a text can be the local name of an element or a type: at most 64 letters, digits, `_`, `-` and `.`, and none
/// of the last two or a digit in front.
pub(crate) fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    begins && text.len() <= 64 && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_value() {
        let value = ParameterValue::new("Device.X.KeyPassphrase", "hunter22", ValueKind::String);
        assert_eq!(format!("{value:?}"), "Device.X.KeyPassphrase: String of 8 bytes");
    }

    #[test]
    fn kinds_are_read_as_they_are_named() {
        for (kind, name) in NAMED {
            assert_eq!((&ValueKind::parse(name), kind.name()), (kind, *name));
        }
        assert_eq!(ValueKind::parse("IPAddress"), ValueKind::Other("IPAddress".into()));
        for text in ["", "a b", "1x", "<", &"x".repeat(65)] {
            assert_eq!(ValueKind::parse(text), ValueKind::Untyped);
        }
    }
}
