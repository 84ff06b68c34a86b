use crate::coded::coded;

/// The type of a value, as CWMP's `xsi:type` and TR-106 name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// Not said: USP carries text alone.
    #[default]
    Unknown,
    /// `xsd:string`.
    String,
    /// `xsd:int`.
    Int,
    /// `xsd:unsignedInt`.
    UnsignedInt,
    /// `xsd:long`.
    Long,
    /// `xsd:unsignedLong`.
    UnsignedLong,
    /// `xsd:boolean`: `0`, `1`, `true` or `false`.
    Boolean,
    /// `xsd:dateTime`.
    DateTime,
    /// `xsd:base64` or `SOAP-ENC:base64`.
    Base64,
    /// `xsd:hexBinary`.
    HexBinary,
    /// `xsd:decimal`.
    Decimal,
    /// No value: an object, whose path ends in a dot.
    Object,
}

coded!(ValueKind);

impl ValueKind {
    /// All, in order of codes.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::String,
        Self::Int,
        Self::UnsignedInt,
        Self::Long,
        Self::UnsignedLong,
        Self::Boolean,
        Self::DateTime,
        Self::Base64,
        Self::HexBinary,
        Self::Decimal,
        Self::Object,
    ];

    /// Its name without prefix, as XML Schema has it; `unknown` and `object` of the two that it lacks.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::String => "string",
            Self::Int => "int",
            Self::UnsignedInt => "unsignedInt",
            Self::Long => "long",
            Self::UnsignedLong => "unsignedLong",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Base64 => "base64",
            Self::HexBinary => "hexBinary",
            Self::Decimal => "decimal",
            Self::Object => "object",
        }
    }

    /// Of a name without prefix.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether two texts are the same value of this kind. Where a kind has several spellings (booleans, whole numbers) they are
    /// one; otherwise every character counts.
    #[must_use]
    pub fn is_same(self, a: &str, b: &str) -> bool {
        a == b
            || match self {
                Self::Boolean => truth(a).is_some() && truth(a) == truth(b),
                Self::Int | Self::UnsignedInt | Self::Long | Self::UnsignedLong => {
                    whole(a).is_some() && whole(a) == whole(b)
                }
                Self::HexBinary => a.eq_ignore_ascii_case(b),
                Self::Unknown | Self::String | Self::DateTime | Self::Base64 | Self::Decimal | Self::Object => false,
            }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn whole(text: &str) -> Option<i128> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back() {
        for (code, kind) in (0..).zip(ValueKind::ALL) {
            assert_eq!((kind.code(), ValueKind::of_code(code)), (code, Some(kind)));
            assert_eq!(ValueKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(ValueKind::of_code(12), None);
    }

    #[test]
    fn spellings_of_one_value_are_the_same_and_texts_are_not() {
        use ValueKind as K;
        let table = [
            (K::Boolean, "1", "true", true),
            (K::Boolean, "0", "true", false),
            (K::Boolean, "yes", "true", false),
            (K::Boolean, "", "false", false),
            (K::UnsignedInt, "007", "7", true),
            (K::Int, "-1", "1", false),
            (K::HexBinary, "aF", "Af", true),
            (K::String, "1", "true", false),
            (K::String, "a ", "a", false),
            (K::Unknown, "a", "a", true),
        ];
        for (kind, a, b, same) in table {
            assert_eq!(kind.is_same(a, b), same, "{kind:?} {a:?} {b:?}");
        }
    }
}
