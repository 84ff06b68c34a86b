/// Whose a TURN credential is, as its USERNAME tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialName<'a> {
    /// The USERNAME as sent.
    pub username: &'a str,
    /// That without the expiry of a time-limited credential; the whole of it if nothing else is there.
    pub user: &'a str,
}

impl<'a> CredentialName<'a> {
    /// Under which credentials of one party are known together: the user up to its first `/`
    /// (`1700000000:alice/laptop` has the label `alice`), else the whole user.
    #[must_use]
    pub fn label(&self) -> &'a str {
        match self.user.split_once('/') {
            Some((label, _)) if !label.is_empty() => label,
            Some(_) | None => self.user,
        }
    }

    /// Whether `name` means this user: with the expiry or without.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        name == self.user || name == self.username
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_ends_at_the_first_slash() {
        for (user, label) in [("alice", "alice"), ("alice/laptop", "alice"), ("a/b/c", "a"), ("/b", "/b"), ("a/", "a")]
        {
            assert_eq!(CredentialName { username: "x", user }.label(), label, "{user}");
        }
    }

    #[test]
    fn a_user_is_called_by_its_name_with_or_without_the_expiry() {
        let name = CredentialName { username: "1700000000:alice/laptop", user: "alice/laptop" };
        assert!(name.is_called("alice/laptop") && name.is_called("1700000000:alice/laptop"));
        assert!(!name.is_called("alice") && !name.is_called("1700000001:alice/laptop"));
    }
}
