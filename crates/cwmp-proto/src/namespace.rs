use std::fmt;

/// The XML namespace of a CWMP version, `urn:dslforum-org:cwmp-1-<minor>`.
///
/// Defined are `1-0`, `1-1` and `1-2`. CWMP 1.3 and 1.4 extend `1-2` and have none of their own (`cwmp-1-3.xsd` and
/// `cwmp-1-4.xsd` both target `cwmp-1-2`); devices that use `1-3` or `1-4` all the same are answered as they speak, as
/// is any later one: a reply stands in the namespace of the CPE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(u8);

impl Namespace {
    /// CWMP 1.0.
    pub const V1_0: Self = Self(0);
    /// CWMP 1.1.
    pub const V1_1: Self = Self(1);
    /// CWMP 1.2, 1.3 and 1.4.
    pub const V1_2: Self = Self(2);
    /// No standard defines it; seen in the field.
    pub const V1_3: Self = Self(3);
    /// No standard defines it; seen in the field.
    pub const V1_4: Self = Self(4);

    /// The namespace with this name, if it is one of CWMP.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let minor = uri.trim().strip_prefix(START)?;
        if minor.is_empty() || minor.len() > 2 || !minor.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        minor.parse().ok().map(Self)
    }

    /// The last number of its name: 2 for `cwmp-1-2`.
    #[must_use]
    pub fn minor(self) -> u8 {
        self.0
    }
}

impl Default for Namespace {
    /// What every CPE understands.
    fn default() -> Self {
        Self::V1_0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{START}{}", self.0)
    }
}

const START: &str = "urn:dslforum-org:cwmp-1-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_echoed_as_it_came() {
        for uri in ["urn:dslforum-org:cwmp-1-0", "urn:dslforum-org:cwmp-1-2", "urn:dslforum-org:cwmp-1-4"] {
            assert_eq!(Namespace::parse(uri).unwrap().to_string(), uri);
        }
        assert_eq!(Namespace::parse("urn:dslforum-org:cwmp-1-3"), Some(Namespace::V1_3));
    }

    #[test]
    fn what_is_not_of_cwmp_is_no_namespace() {
        for uri in ["", "urn:dslforum-org:cwmp-1-", "urn:dslforum-org:cwmp-1-999", "urn:dslforum-org:cwmp-1-x", "urn:x"]
        {
            assert_eq!(Namespace::parse(uri), None, "{uri}");
        }
    }
}
