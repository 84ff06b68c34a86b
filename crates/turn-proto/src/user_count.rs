use std::collections::BTreeMap;

/// How many allocations each user has with this server. The driver counts those of all servers of the process; what is too
/// many here is too many there, and is refused without asking.
#[derive(Debug, Default)]
pub(crate) struct UserCount {
    allocations: BTreeMap<Box<str>, usize>,
}

impl UserCount {
    pub(crate) fn of(&self, username: &str) -> usize {
        self.allocations.get(user_of(username)).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, username: &str) {
        *self.allocations.entry(user_of(username).into()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, username: &str) {
        let user = user_of(username);
        match self.allocations.get_mut(user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.allocations.remove(user);
            }
        }
    }
}

/// Whether both are of one user, though perhaps with different expiries.
pub(crate) fn is_same_user(a: &str, b: &str) -> bool {
    user_of(a) == user_of(b)
}

/// The user behind a USERNAME: time-limited credentials are `expiry:name` or `name:expiry`, and each new one has another
/// expiry.
#[must_use]
pub fn user_of(username: &str) -> &str {
    let is_expiry = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match username.split_once(':') {
        Some((expiry, name)) if is_expiry(expiry) => name,
        Some((name, expiry)) if is_expiry(expiry) => name,
        Some(_) | None => username,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_one_name_count_together_whatever_their_expiry() {
        let mut users = UserCount::default();
        users.add("1700000000:alice");
        users.add("1700000600:alice");
        assert_eq!(users.of("alice"), 2);
        users.remove("1700000600:alice");
        users.remove("1700000000:alice");
        assert!(users.allocations.is_empty());
        assert_eq!(user_of("alice:1700000000"), "alice");
        assert_eq!(user_of("room:alice"), "room:alice");
        assert_eq!(user_of(":alice"), ":alice");
    }
}
