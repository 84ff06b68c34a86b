use std::fmt;
use std::net::IpAddr;

use super::text_value::text_value;

/// An address as the world sees it, and the local one it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalIp {
    /// As the world sees it; none if STUN servers are to be asked.
    pub external: Option<IpAddr>,
    /// The local address it stands for; without one, every local address of its family, or of both families if it is
    /// to be found out.
    pub local: Option<IpAddr>,
}

/// What stands in place of an address that STUN servers are asked for.
const AUTO_DETECT: &str = "auto-detect";

impl ExternalIp {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (external, local) = match text.trim().split_once('/') {
            Some((external, local)) => (external, Some(local.parse::<IpAddr>().ok()?)),
            None => (text.trim(), None),
        };
        if external.eq_ignore_ascii_case(AUTO_DETECT) {
            return Some(Self { external: None, local });
        }
        let external = external.parse::<IpAddr>().ok()?;
        let fits = !external.is_unspecified() && local.is_none_or(|local| local.is_ipv4() == external.is_ipv4());
        fits.then_some(Self { external: Some(external), local })
    }
}

impl fmt::Display for ExternalIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.external {
            Some(external) => write!(f, "{external}")?,
            None => f.write_str(AUTO_DETECT)?,
        }
        self.local.map_or(Ok(()), |local| write!(f, "/{local}"))
    }
}

text_value! {
    ExternalIp: { "type": "string", "examples": ["198.51.100.7", "198.51.100.7/10.0.0.5", "auto-detect"] }
    "is not an external address; write \"PUBLIC\", \"PUBLIC/PRIVATE\" or \"auto-detect\", such as \"198.51.100.7\" or \"198.51.100.7/10.0.0.5\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_address_may_name_the_local_one_of_its_family() {
        for (text, fine) in [
            ("198.51.100.7", true),
            ("198.51.100.7/10.0.0.5", true),
            ("2001:db8::1/fd00::5", true),
            ("198.51.100.7/fd00::5", false),
            ("0.0.0.0", false),
            ("auto-detect", true),
            ("auto-detect/10.0.0.5", true),
            ("auto-detect/here", false),
            ("auto", false),
            ("198.51.100.7/", false),
        ] {
            assert_eq!(ExternalIp::parse(text).map(|ip| ip.to_string()).as_deref(), fine.then_some(text), "{text}");
        }
    }
}
