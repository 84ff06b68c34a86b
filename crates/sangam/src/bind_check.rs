//! The rules of binds, with what only the binary knows: this machine's addresses and what a weak secret is.

use std::net::IpAddr;

use sangam_auth::secret::{TURN_SECRET_BYTES_MIN, strength};
use sangam_config::{Loaded, Notice, Problems, Secret};

/// Judges every listener before it is opened; what must be said aloud comes back.
pub(crate) fn check_binds(loaded: &Loaded, machine: &[IpAddr]) -> Result<Vec<Notice>, Problems> {
    sangam_config::check_binds(loaded, machine, &weakness)
}

fn weakness(secret: &Secret) -> Option<String> {
    strength(secret.expose(), TURN_SECRET_BYTES_MIN).err().map(|weakness| weakness.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_the_guides_are_weak() {
        for secret in ["changeme123", "admin456", "your-secret", "your-secure-secret", "synapse", "aaaaaaaaaaaaaaaaaa"]
        {
            assert!(weakness(&Secret::new(secret)).is_some_and(|why| !why.contains(secret)), "{secret}");
        }
        assert_eq!(weakness(&Secret::new("hJ8t2Zl0mQe5mS6r1nD3xw==")), None);
    }
}
