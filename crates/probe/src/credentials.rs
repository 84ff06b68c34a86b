use std::fmt;
use std::time::Duration;

use sangam_auth::turn::{RestOptions, RestSecret, RestSecrets};
use sangam_types::Wall;
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::ProbeError;

/// A TURN user name and its password.
#[derive(Clone)]
pub struct Credentials {
    /// As sent in USERNAME.
    pub username: String,
    password: SecretString,
}

/// Longer than any probe runs.
const MINTED_FOR: Duration = Duration::from_secs(600);

/// Who a minted credential says it is for.
const NAME: &str = "sangam-probe";

impl Credentials {
    /// As somebody gave them.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { username: username.into(), password: password.into() }
    }

    /// Time-limited, from the secret shared with the server (coturn: `static-auth-secret`).
    ///
    /// # Errors
    /// Never for a secret that is not empty.
    pub fn mint(secret: &SecretString, now: Wall) -> Result<Self, ProbeError> {
        let failed = |why: String| ProbeError::Credentials { why };
        if secret.expose_secret().is_empty() {
            return Err(failed("the secret is empty: look at the file or variable it was read from".to_owned()));
        }
        let secrets = RestSecrets::new(vec![RestSecret::new(secret.expose_secret())], RestOptions::default());
        let secrets = secrets.map_err(|error| failed(error.to_string()))?;
        let minted = secrets.mint(NAME, now + MINTED_FOR).map_err(|error| failed(error.to_string()))?;
        Ok(Self::new(minted.username, minted.password))
    }

    pub(crate) fn password(&self) -> &str {
        self.password.expose_secret()
    }

    /// The same user with a password that is not theirs.
    pub(crate) fn with_wrong_password(&self) -> Self {
        Self::new(self.username.clone(), format!("not-{}", self.password()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
