use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, header};
use sangam_auth::token::{Claims, TokenIdentity, TokenRefusal, Use};
use sangam_sync_proto::{Name, Operation};
use sangam_types::{Principal, PrincipalKind, Tenant, Wall};
use serde::Deserialize;

use crate::options::Access;
use crate::problem::Problem;

/// Who calls, and what it may touch.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// For rates and the log.
    pub(crate) principal: Principal,
    /// The one database it may touch; `None` only in open mode.
    pub(crate) db: Option<Name>,
    /// The one replica it may speak for; `None`: the token names none.
    pub(crate) device: Option<Name>,
    /// Until when, milliseconds since 1970: a stream is closed then. `None` only in open mode.
    pub(crate) until: Option<Wall>,
    /// By what its token is known when tokens are revoked; `None` only in open mode.
    pub(crate) token: Option<TokenIdentity>,
}

impl Access {
    /// Who calls, by `Authorization: Bearer`; with `basic`, also by the password of `Basic` (for clients whose WebSocket takes
    /// nothing but what stands in the URL). A token that is shown must be good, even where none is needed.
    pub(crate) fn caller(&self, headers: &HeaderMap, basic: bool, now: Wall) -> Result<Caller, Problem> {
        match credential(headers, basic)? {
            Some(token) => {
                let claims = self.keyring.verify(&token, Use::Sync, now).map_err(|refusal| refused(&refusal))?;
                if !is_jwt(&token) {
                    return Err(Problem::unauthorized("Invalid token: its typ is not JWT").because("token_wrong_type"));
                }
                self.of_token(claims)
            }
            None if self.open => Ok(Caller::anybody()),
            None => Err(Problem::unauthorized("Missing authorization header").because("token_missing")),
        }
    }

    fn of_token(&self, claims: Claims) -> Result<Caller, Problem> {
        let (principal, token) = (claims.principal(), Some(claims.identity()));
        let db = claims.db_id.map(Name::from).or_else(|| self.default_db.clone());
        if db.is_none() && !self.open {
            let details = "The token names no database: mint it with a dbId, or have the operator set sync.default_db";
            return Err(Problem::forbidden().because("token_without_database").details(details));
        }
        // As long as a request with it would be let in, so that no stream is ended that may come back at once.
        let until = Some(claims.exp + self.keyring.leeway());
        Ok(Caller { principal, db, device: claims.device_id.map(Name::from), until, token })
    }
}

impl Caller {
    /// Who shows no token where none is needed.
    fn anybody() -> Self {
        let principal = Principal { tenant: Tenant::default(), kind: PrincipalKind::Loopback, id: "open".to_owned() };
        Self { principal, db: None, device: None, until: None, token: None }
    }

    /// Whether it may touch that database.
    pub(crate) fn of_database(&self, db: &str) -> Result<(), Problem> {
        if self.db.as_ref().is_none_or(|own| **own == *db) { Ok(()) } else { Err(Problem::forbidden()) }
    }

    /// Whether it may speak for that replica.
    pub(crate) fn of_replica(&self, device: &str) -> Result<(), Problem> {
        if self.device.as_ref().is_none_or(|own| **own == *device) { Ok(()) } else { Err(Problem::forbidden()) }
    }

    /// Whether a push may have these operations: each speaks of the database and the replica that the push is for, and these
    /// are the caller's. What an operation says is what other replicas see as its author.
    pub(crate) fn of_operations(&self, db: &Name, device: &Name, ops: &[Operation]) -> Result<(), Problem> {
        self.of_database(db)?;
        self.of_replica(device)?;
        let own = ops.iter().all(|op| op.db == *db && op.device == *device);
        if own { Ok(()) } else { Err(Problem::forbidden().because("foreign_operation")) }
    }
}

/// The token of a request; `None`: it has no `Authorization` at all.
fn credential(headers: &HeaderMap, basic: bool) -> Result<Option<String>, Problem> {
    let malformed = || Problem::unauthorized("Invalid authorization format").because("authorization_malformed");
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(malformed());
    }
    let (scheme, credential) = line.to_str().ok().and_then(|line| line.split_once(' ')).ok_or_else(malformed)?;
    let credential = credential.trim_ascii();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(credential.to_owned()))
    } else if basic && scheme.eq_ignore_ascii_case("basic") {
        password(credential).map(Some).ok_or_else(malformed)
    } else {
        Err(malformed())
    }
}

/// RFC 7617 §2: everything after the first colon.
fn password(credential: &str) -> Option<String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let text = String::from_utf8(BASE64.decode(credential).ok()?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// RFC 8725 §3.11: a token that says it is something else than a JWT is meant for something else. One that says nothing is taken.
fn is_jwt(token: &str) -> bool {
    #[derive(Deserialize)]
    struct Header {
        typ: Option<String>,
    }
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    header.is_some_and(|header| header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt")))
}

fn refused(refusal: &TokenRefusal) -> Problem {
    let message = match refusal {
        TokenRefusal::Expired { .. } => "Token has expired".to_owned(),
        TokenRefusal::NotYetValid { .. } => "Token is not yet active".to_owned(),
        why => format!("Invalid token: {why}"),
    };
    Problem::unauthorized(message).because(refusal.as_str())
}

/// The one in the extensions of each request that came past the gate.
pub(crate) type SharedCaller = Arc<Caller>;
