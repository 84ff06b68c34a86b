use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use sangam_auth::digest::{Challenges, DigestClient, RequestLine};
use secrecy::{ExposeSecret as _, SecretString};

use crate::finding::Finding;
use crate::http::Answer;
use crate::run::Stop;

/// How a device is to log in.
pub(super) enum Asks {
    Digest(Challenges),
    Basic,
}

/// What a 401 asks for. One that no device can answer is the end.
pub(super) fn asks(answer: &Answer, is_secure: bool) -> Result<Asks, Stop> {
    let lines: Vec<&str> =
        answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| line.to_str().ok()).collect();
    let has = |scheme: &str| lines.iter().any(|line| line.to_ascii_lowercase().contains(scheme));
    if lines.is_empty() {
        return Err(Finding::failed("login", "401 without a challenge: no WWW-Authenticate")
            .because(
                "no device can answer it: it is told neither scheme nor nonce",
                "have the ACS, or the proxy before it, send its challenge; a proxy may drop the header",
            )
            .into());
    }
    if has("digest") {
        return Ok(Asks::Digest(Challenges::parse(lines)));
    }
    if has("basic") && is_secure {
        return Ok(Asks::Basic);
    }
    let (said, cause) = if has("basic") {
        ("no Digest challenge: Basic alone, without TLS", "a device would send its password for everybody to read")
    } else {
        ("no Digest challenge, and no Basic one", "devices of TR-069 know Digest and, over TLS, Basic")
    };
    let mend = "have the ACS challenge with Digest (MD5 and qop=\"auth\" for old devices), or use TLS";
    Err(Finding::failed("login", said).because(cause, mend).into())
}

impl Asks {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Digest(_) => "digest",
            Self::Basic => "basic",
        }
    }

    pub(super) fn finding(&self, is_secure: bool) -> Finding {
        match self {
            Self::Digest(_) if is_secure => Finding::fine("login", "Digest is asked for, over TLS"),
            Self::Digest(_) => Finding::fine("login", "Digest is asked for"),
            Self::Basic => Finding::warning("login", "Basic is asked for, over TLS")
                .because("the ACS sees the password itself", "have it ask for Digest as well"),
        }
    }
}

pub(super) fn digest(
    challenges: &Challenges,
    user: &str,
    password: &SecretString,
    target: &str,
) -> Result<HeaderValue, Stop> {
    let unusable = || {
        Stop::from(Finding::failed("login", "the Digest challenge cannot be answered").because(
            "it has no nonce, or an algorithm or qop that no device knows",
            "have the ACS offer MD5 with qop=\"auth\" (RFC 7616)",
        ))
    };
    let mut client = DigestClient::new(user, password.expose_secret());
    client.challenged(challenges).map_err(|_| unusable())?;
    let line = RequestLine { method: "POST", target };
    let text = client.authorize(line, rand::random()).ok_or_else(unusable)?;
    sensitive(&text).ok_or_else(unusable)
}

pub(super) fn basic(user: &str, password: &SecretString) -> HeaderValue {
    let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    sensitive(&format!("Basic {pair}")).unwrap_or_else(|| HeaderValue::from_static("Basic"))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

pub(super) fn refused() -> Finding {
    Finding::failed("login", "refused").because(
        "the ACS knows another login for this device: it was given one of its own at first contact, or the password is another",
        "compare it with `devices.shared_credentials_file`; `sangam devices forget-login ID` lets a device in again that was reset",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn challenged(lines: &[&'static str]) -> Answer {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(line));
        }
        Answer { status: 401, headers, body: Bytes::new(), took: Duration::ZERO }
    }

    fn said(lines: &[&'static str], is_secure: bool) -> String {
        match asks(&challenged(lines), is_secure) {
            Ok(asks) => asks.finding(is_secure).said,
            Err(stop) => stop.into_finding().unwrap().said,
        }
    }

    #[test]
    fn what_a_device_is_asked_for_is_told() {
        assert!(said(&[], false).contains("without a challenge"));
        assert!(said(&["Basic realm=\"a\""], false).contains("Basic alone, without TLS"));
        assert!(said(&["Basic realm=\"a\""], true).contains("Basic is asked for, over TLS"));
        assert!(said(&["Bearer"], true).contains("no Digest challenge"));
        assert!(
            said(&["Basic realm=\"a\"", "Digest realm=\"a\", nonce=\"n\", qop=\"auth\""], false).contains("Digest is")
        );
    }

    #[test]
    fn a_challenge_that_cannot_be_answered_is_told() {
        let Ok(Asks::Digest(challenges)) = asks(&challenged(&["Digest realm=\"a\""]), false) else { panic!() };
        assert!(digest(&challenges, "u", &"p".into(), "/").is_err());
        let good = challenged(&["Digest realm=\"a\", nonce=\"n\", qop=\"auth\", algorithm=MD5"]);
        let Ok(Asks::Digest(challenges)) = asks(&good, false) else { panic!() };
        let value = digest(&challenges, "u", &"p".into(), "/acs").ok().unwrap();
        assert!(value.is_sensitive() && value.to_str().unwrap().contains("uri=\"/acs\""));
    }
}
