use std::fmt;

/// An address of XMPP (RFC 7622): `local@domain/resource`, of which only the domain must be there. Local part and domain are kept in
/// small letters, as servers compare them so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    /// `local@domain`, or `domain`.
    bare: String,
    /// Without the slash.
    resource: Option<String>,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JidOffence {
    /// A part of it is empty.
    #[error("a part of the JID is empty")]
    Empty,
    /// RFC 7622 §3.1: each part has at most 1023 bytes.
    #[error("a part of the JID has more than 1023 bytes")]
    TooLong,
    /// A character that may not stand there.
    #[error("a character that may not stand in a JID")]
    Character,
}

impl Jid {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, JidOffence> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        check(domain, |it| it.is_alphanumeric() || "-._:[]".contains(it))?;
        local.map_or(Ok(()), |it| check(it, |it| !it.is_whitespace() && !"\"&'/:<>@".contains(it)))?;
        resource.map_or(Ok(()), |it| check(it, |_| true))?;
        Ok(Self { bare: bare.to_lowercase(), resource: resource.map(str::to_owned) })
    }

    /// Whether it names one connection: what a request must be sent to.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.resource.is_some()
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) => write!(f, "{}/{resource}", self.bare),
            None => f.write_str(&self.bare),
        }
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({self})")
    }
}

fn check(part: &str, allowed: impl Fn(char) -> bool) -> Result<(), JidOffence> {
    if part.is_empty() {
        return Err(JidOffence::Empty);
    }
    if part.len() > 1_023 {
        return Err(JidOffence::TooLong);
    }
    let fits = part.chars().all(|it| !it.is_control() && !matches!(it, '\u{FFFE}' | '\u{FFFF}') && allowed(it));
    if fits { Ok(()) } else { Err(JidOffence::Character) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_compared_as_servers_do() {
        for (text, shown, is_full) in [
            ("Cpe1@Example.net/Box 1", "cpe1@example.net/Box 1", true),
            ("example.net", "example.net", false),
            ("a@b/c/d@e", "a@b/c/d@e", true),
        ] {
            let jid = Jid::parse(text).unwrap();
            assert_eq!((jid.to_string().as_str(), jid.is_full()), (shown, is_full));
        }
        assert_ne!(Jid::parse("a@b/C"), Jid::parse("a@b/c"), "a resource is taken as it is");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, expected) in [
            ("", JidOffence::Empty),
            ("@b", JidOffence::Empty),
            ("a@", JidOffence::Empty),
            ("a@b/", JidOffence::Empty),
            ("a b@c", JidOffence::Character),
            ("a@b@c", JidOffence::Character),
            ("a'@b", JidOffence::Character),
            ("a@<b>", JidOffence::Character),
            ("a@b/\u{1}", JidOffence::Character),
            (&"a".repeat(1_024), JidOffence::TooLong),
        ] {
            assert_eq!(Jid::parse(text), Err(expected), "{text:?}");
        }
    }
}
