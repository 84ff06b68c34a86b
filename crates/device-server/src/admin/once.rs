use sangam_control::{DeviceAdminError, Once};
use sangam_storage::devices::{Answered, Row};
use sha2::{Digest as _, Sha256};

use super::{Admin, Told, invalid};

/// A request that is done once for its key.
#[derive(Debug)]
pub(super) struct Keyed {
    key: String,
    request: [u8; 32],
}

impl Keyed {
    /// `None`: it has no key. `said` is all that the request is about.
    pub(super) fn of(once: &Once, said: &str) -> Told<Option<Self>> {
        let Some(key) = &once.key else { return Ok(None) };
        let key = format!("{}:{key}", once.by);
        if key.chars().count() > Answered::KEY_CHARS_MAX {
            return Err(invalid("an idempotency key has at most 128 characters"));
        }
        Ok(Some(Self { key, request: Sha256::digest(said.as_bytes()).into() }))
    }

    /// The row by which it is known again; `made` names what it made.
    pub(super) fn row(&self, made: &str, at_ms: u64) -> Row {
        let body = made.to_owned().into();
        Row::Answered(Box::new(Answered {
            key: self.key.as_str().into(),
            request: self.request,
            status: 201,
            body,
            at_ms,
        }))
    }
}

impl Admin {
    /// What the same request made before.
    pub(super) async fn made_before(&self, keyed: Option<&Keyed>) -> Told<Option<String>> {
        let Some(keyed) = keyed else { return Ok(None) };
        let wanted = keyed.key.clone();
        let Some(before) = self.read(move |snapshot| snapshot.answered(&wanted)).await? else { return Ok(None) };
        if before.request != keyed.request {
            return Err(DeviceAdminError::KeyUsed);
        }
        Ok(Some(String::from_utf8_lossy(&before.body).into_owned()))
    }
}
