//! Whether a secret is one that anybody could guess.

/// Shortest TURN secret or password that is taken off loopback, in bytes: 96 random bits in base64.
pub const TURN_SECRET_BYTES_MIN: usize = 16;

/// Fewer different characters than this are a pattern, not a secret. Of random secrets of 16
/// hex digits fewer than one in two million fails this: C(16, 4) * (4 / 16)^16.
const DISTINCT_MIN: usize = 5;

/// Words that manuals, examples and defaults use in place of a secret, lower case, letters and digits only.
/// A secret that consists of these and nothing else, or repeats one, is well known.
const WELL_KNOWN: [&str; 40] = [
    "12345678",
    "123456789",
    "1234567890",
    "abcdefgh",
    "admin",
    "changeit",
    "changeme",
    "changemeinproduction",
    "changethis",
    "coturn",
    "credential",
    "default",
    "demo",
    "devsecret",
    "example",
    "insertyoursecrethere",
    "jwtsecret",
    "letmein",
    "logen",
    "mysecret",
    "mysupersecretkey",
    "north",
    "openrelayproject",
    "password",
    "replaceme",
    "replacewithyoursecret",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "testsecret",
    "turnsecret",
    "user",
    "youhavetochangethis",
    "yourpassword",
    "yoursecret",
    "yoursecrethere",
    "yoursecretkey",
    "yoursecurepassword",
    "yoursecuresecret",
];

/// Beginnings that only placeholders have, lower case, letters and digits only.
const PLACEHOLDER_PREFIXES: [&str; 7] =
    ["your", "changeme", "changethis", "replaceme", "replacewith", "insertyour", "putyour"];

/// Why a secret is weak. Never holds the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Can be found by trying.
    #[error("it has {bytes} bytes, at least {min} are needed")]
    TooShort {
        /// Its length.
        bytes: usize,
        /// What is needed.
        min: usize,
    },
    /// Stands in a manual, an example or a list of common passwords.
    #[error("it is a well-known one or the placeholder of a manual")]
    WellKnown,
    /// A pattern.
    #[error("it has only {distinct} different characters")]
    Repetitive {
        /// How many.
        distinct: usize,
    },
}

/// Says whether a secret of at least `min` bytes is strong enough to face a network. It can tell a bad secret;
/// no function can tell a good one.
///
/// # Errors
///
/// The first weakness found.
pub fn strength(secret: &str, min: usize) -> Result<(), Weakness> {
    if secret.is_empty() {
        return Err(Weakness::Empty);
    }
    if is_well_known(secret) {
        return Err(Weakness::WellKnown);
    }
    if secret.len() < min {
        return Err(Weakness::TooShort { bytes: secret.len(), min });
    }
    let distinct = distinct(secret);
    if distinct < DISTINCT_MIN { Err(Weakness::Repetitive { distinct }) } else { Ok(()) }
}

fn is_well_known(secret: &str) -> bool {
    let plain: String = secret.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let placeholder = PLACEHOLDER_PREFIXES.iter().any(|prefix| plain.starts_with(prefix));
    // A random secret may begin with `your`; one that also reads as several words was written by a person.
    let words = secret.chars().filter(|c| matches!(c, '-' | '_' | ' ')).count() >= 2;
    (placeholder && words) || WELL_KNOWN.iter().any(|word| consists_of(&plain, word))
}

/// Whether `text` is `word` once or several times.
fn consists_of(text: &str, word: &str) -> bool {
    !text.is_empty() && text.split(word).all(str::is_empty)
}

fn distinct(secret: &str) -> usize {
    secret.chars().collect::<std::collections::BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secret: &str, expected: Result<(), Weakness>) {
        assert_eq!(strength(secret, TURN_SECRET_BYTES_MIN), expected, "{secret:?}");
    }

    #[test]
    fn placeholders_of_manuals_are_known_whatever_their_spelling_and_length() {
        for secret in [
            "changeme",
            "Change_Me",
            "change-me-in-production",
            "CHANGE-THIS-IN-PRODUCTION-PLEASE",
            "your-secure-256-bit-secret-key-here",
            "your-secure-secret",
            "YOUR_STRONG_PASSWORD_HERE",
            "YOUR_SECURE_PASSWORD",
            "your_password",
            "replace-with-a-long-secret",
            "password",
            "passwordpasswordpassword",
            "secret",
            "secret secret secret secret",
            "{\"secret\"}",
            "12345678-12345678-12345678",
        ] {
            check(secret, Err(Weakness::WellKnown));
        }
    }

    #[test]
    fn short_and_repetitive_secrets_are_weak() {
        check("", Err(Weakness::Empty));
        check("Xk3v9", Err(Weakness::TooShort { bytes: 5, min: 16 }));
        check("aaaaaaaaaaaaaaaaaaaaaaaa", Err(Weakness::Repetitive { distinct: 1 }));
        check("abababababababababababab", Err(Weakness::Repetitive { distinct: 2 }));
    }

    #[test]
    fn random_secrets_in_the_usual_spellings_are_strong() {
        for secret in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "hJ8t2Zl0mQe5mS6r1nD3xw==",
            "c0a8012b-6f1e-4c3d-9a53-8d7f1c1f6c55",
            "yourT8sKzq1LxVbNm0PwEa",
            "correct horse battery staple",
        ] {
            check(secret, Ok(()));
        }
    }
}
