use std::time::Duration;

use http::{HeaderMap, StatusCode, Uri, header};
use sangam_auth::token::{Claims, Grant, Grants, TokenIdentity, Use};
use sangam_net::http::Client;
use sangam_signal_proto::Owner;
use sangam_signal_proto::{Rights, RoomId, RoomScope};
use sangam_types::Wall;

use crate::options::{Access, Dialect};
use crate::problem::Problem;
use crate::room_choice::{self, BadRoom};

/// Who opens a socket, what they may do, and for how long.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    /// What the token says, if there is one.
    pub(crate) claims: Option<Claims>,
    /// A token's life from now; none without a token.
    pub(crate) lasts: Option<Duration>,
}

impl Access {
    /// Decides about a client. A token that is shown must be good, even where none is needed.
    pub(crate) fn admit(
        &self,
        dialect: Dialect,
        client: &Client,
        headers: &HeaderMap,
        uri: &Uri,
        now: Wall,
    ) -> Result<Visitor, Problem> {
        if !client.origin_allowed {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "pages of this origin may not connect here; list it in `http.origins`",
            ));
        }
        match bearer(headers).or_else(|| query(uri, &["token", "access_token"])) {
            Some(token) => self.admit_token(&token, now),
            None => self.admit_stranger(dialect, client),
        }
    }

    /// Decides about a client that shows a token.
    pub(crate) fn admit_token(&self, token: &str, now: Wall) -> Result<Visitor, Problem> {
        let claims = self.verify(token, now)?;
        let lasts = Duration::from_millis(claims.exp.unix_millis().saturating_sub(now.unix_millis()));
        let rooms = room_choice::scope(Some(&claims)).map_err(bad_room)?;
        let owner = Owner::Subject(claims.sub.as_str().into());
        Ok(Visitor { owner, rights: rights(rooms, claims.room_grants()), claims: Some(claims), lasts: Some(lasts) })
    }

    /// Decides about a client that shows none.
    pub(crate) fn admit_stranger(&self, dialect: Dialect, client: &Client) -> Result<Visitor, Problem> {
        if self.open.to(dialect) || client.trusted_loopback {
            let owner = Owner::of_address(client.addr.ip());
            return Ok(Visitor { owner, rights: Rights::ALL, claims: None, lasts: None });
        }
        let detail = format!(
            "signaling needs a token: send `Authorization: Bearer` or `?token=`, or have the operator set `{}`",
            dialect.open_setting()
        );
        Err(Problem::new(StatusCode::UNAUTHORIZED, "token_required", detail))
    }

    /// Checks a token for signaling.
    pub(crate) fn verify(&self, token: &str, now: Wall) -> Result<Claims, Problem> {
        let refused = |detail: String| Problem::new(StatusCode::UNAUTHORIZED, "token_refused", detail);
        let Some(keyring) = &self.keyring else {
            return Err(refused("this server has no key that tokens could be checked with".to_owned()));
        };
        keyring.verify(token, Use::Signal, now).map_err(|refusal| refused(refusal.to_string()))
    }
}

impl Visitor {
    /// By what its token is known when tokens are revoked.
    pub(crate) fn identity(&self) -> Option<TokenIdentity> {
        self.claims.as_ref().map(Claims::identity)
    }

    /// The room of a client whose dialect has no rooms.
    pub(crate) fn room(&self, uri: &Uri, default: &RoomId) -> Result<RoomId, Problem> {
        let room = room_choice::choose(uri, self.claims.as_ref(), default).map_err(bad_room)?;
        if self.rights.reach(&room) {
            return Ok(room);
        }
        let detail = format!("the token is for another room than `{room}`");
        Err(Problem::new(StatusCode::FORBIDDEN, "room_not_allowed", detail))
    }
}

/// What somebody with these grants may do in these rooms.
pub(crate) fn rights(rooms: RoomScope, grants: Grants) -> Rights {
    Rights {
        rooms,
        join: grants.allow(Grant::Join),
        signal: grants.allow(Grant::Signal),
        timer: grants.allow(Grant::Timer),
        moderate: grants.allow(Grant::Moderate),
    }
}

fn bad_room(BadRoom: BadRoom) -> Problem {
    let detail = "a room has a name of 1 to 128 bytes without control characters";
    Problem::new(StatusCode::BAD_REQUEST, "room_malformed", detail)
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
