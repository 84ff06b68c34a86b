use std::fmt;

/// A URL as it stands in a message, not checked. `Debug` leaves out what may hold credentials: user information and
/// what follows the path.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Takes a text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, credentials included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without user information, query and fragment: fit for logs.
    #[must_use]
    pub fn redacted(&self) -> String {
        let shown = self.0.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = shown.split_once("://") else { return shown.to_owned() };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{scheme}://{host}{path}")
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.redacted())
    }
}

impl From<&str> for Url {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_url_are_not_shown() {
        let url = Url::new("ftp://user:pass@word@files.example/a/b.bin?token=x#y");
        assert_eq!(format!("{url:?}"), "\"ftp://files.example/a/b.bin\"");
        assert_eq!(url.as_str(), "ftp://user:pass@word@files.example/a/b.bin?token=x#y");
    }
}
