use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sangam_sync_proto::Name;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::SyncAsked;
use crate::error::ProbeError;

/// Which device of which database the probe is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) db: Name,
    pub(super) device: Name,
}

/// What a token says; whether it is good is for the server to say.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Claims {
    db_id: Option<String>,
    device_id: Option<String>,
}

const DEVICE: &str = "sangam-probe";

impl Identity {
    /// What was given counts, then what the token says.
    pub(super) fn of(asked: &SyncAsked) -> Result<Self, ProbeError> {
        let claims = asked.token.as_ref().and_then(claims).unwrap_or_default();
        let db = asked.db.clone().or(claims.db_id).ok_or(ProbeError::Database)?;
        let device = asked.device.clone().or(claims.device_id).unwrap_or_else(|| DEVICE.to_owned());
        Ok(Self { db: db.into(), device: device.into() })
    }

    /// Where its events are.
    pub(super) fn events_path(&self) -> String {
        format!("/v1/events?deviceId={}&dbId={}", escaped(&self.device), escaped(&self.db))
    }
}

fn claims(token: &SecretString) -> Option<Claims> {
    let payload = URL_SAFE_NO_PAD.decode(token.expose_secret().split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn escaped(text: &str) -> String {
    let of_byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(of_byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_and_device_are_those_given_or_the_tokens() {
        let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(r#"{"dbId":"d b","deviceId":"ü"}"#));
        let asked = |db: Option<&str>, token: Option<&str>| {
            Identity::of(&SyncAsked { token: token.map(Into::into), db: db.map(Into::into), ..SyncAsked::default() })
        };
        let of_token = asked(None, Some(&token)).unwrap();
        assert_eq!(of_token.events_path(), "/v1/events?deviceId=%C3%BC&dbId=d%20b");
        assert_eq!(&*asked(Some("other"), Some(&token)).unwrap().db, "other");
        assert_eq!(&*asked(Some("other"), Some("opaque")).unwrap().device, DEVICE);
        assert!(matches!(asked(None, None), Err(ProbeError::Database)));
    }
}
