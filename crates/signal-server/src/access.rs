use std::time::Duration;

use http::{HeaderMap, StatusCode, Uri, header};
use sangam_auth::token::{Claims, Use};
use sangam_net::http::Client;
use sangam_signal_proto::Owner;
use sangam_types::Wall;

use crate::options::Access;
use crate::problem::Problem;

/// The one room there is, as tokens name it.
const ROOM: &str = "default";

/// Who opens a socket, and for how long they may keep it.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) owner: Owner,
    /// A token's life from now; none without a token.
    pub(crate) lasts: Option<Duration>,
}

impl Access {
    /// Decides about a WebSocket upgrade. A token that is shown must be good, even where none is needed.
    pub(crate) fn admit(&self, client: &Client, headers: &HeaderMap, uri: &Uri, now: Wall) -> Result<Visitor, Problem> {
        if !client.origin_allowed {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "pages of this origin may not connect here; list it in `http.origins`",
            ));
        }
        if let Some(token) = bearer(headers).or_else(|| query(uri, &["token", "access_token"])) {
            let claims = self.verify(&token, now)?;
            let lasts = Duration::from_millis(claims.exp.unix_millis().saturating_sub(now.unix_millis()));
            return Ok(Visitor { owner: Owner::Subject(claims.sub.into()), lasts: Some(lasts) });
        }
        if self.open || client.trusted_loopback {
            return Ok(Visitor { owner: Owner::of_address(client.addr.ip()), lasts: None });
        }
        Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_required",
            "signaling needs a token: send `Authorization: Bearer` or `?token=`, or have the operator set `signal.open`",
        ))
    }

    /// Checks a token for signaling.
    pub(crate) fn verify(&self, token: &str, now: Wall) -> Result<Claims, Problem> {
        let refused = |detail: String| Problem::new(StatusCode::UNAUTHORIZED, "token_refused", detail);
        let Some(keyring) = &self.keyring else {
            return Err(refused("this server has no key that tokens could be checked with".to_owned()));
        };
        let claims = keyring.verify(token, Use::Signal, now).map_err(|refusal| refused(refusal.to_string()))?;
        if claims.room.as_deref().is_some_and(|room| room != ROOM) {
            let detail = format!("the token is for another room; the room here is `{ROOM}`");
            return Err(Problem::new(StatusCode::FORBIDDEN, "room_not_allowed", detail));
        }
        Ok(claims)
    }
}

/// RFC 6750 §2.1.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// A parameter of the query under one of its names, for browsers that cannot set a header on a WebSocket (RFC 6750 §2.3).
/// Tokens and tickets need no percent encoding, so none is undone.
pub(crate) fn query(uri: &Uri, names: &[&str]) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned())
}
