use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;
use sangam_auth::scope::Scope;
use sangam_auth::token::{Keyring, TokenRefusal, Use};
use sangam_net::http::Client;
use sangam_types::Wall;

use crate::problem::Problem;

/// Who may read metrics, the API and the detail of readiness.
#[derive(Clone, Debug)]
pub struct Access {
    /// Verifies tokens.
    pub keyring: Keyring,
    /// `admin.allow`: addresses that need no token to read. A loopback address is never allowed by this list,
    /// only by being trusted: a page that rebinds its name to 127.0.0.1 comes from there too.
    pub allow: Vec<IpNet>,
    /// How old a line of renewed tokens may become, from the first of them on; zero: none is renewed.
    pub renew_max: Duration,
}

impl Access {
    /// Decides whether a request may read what needs `scope`. A request that `net` did not describe is from
    /// nowhere, and only its token counts.
    pub(crate) fn may_read(
        &self,
        client: Option<&Client>,
        headers: &HeaderMap,
        scope: Scope,
        now: Wall,
    ) -> Result<(), Denied> {
        let token = shown(headers).map_err(|Differ| Denied::Differ { scope })?;
        if client.is_some_and(|client| self.is_operator(client)) {
            return Ok(());
        }
        let token = token.ok_or(Denied::NoToken { scope })?;
        let claims = self.keyring.verify(token, Use::Admin, now).map_err(|refusal| Denied::Token { scope, refusal })?;
        claims.scopes().allows(scope).then_some(()).ok_or(Denied::Scope { scope })
    }

    /// Decides whether a request may change things, and says who sent it. Only a token counts, wherever the request is from:
    /// a browser sends none by itself, so no foreign page can make it ask.
    pub(crate) fn may_write(&self, headers: &HeaderMap, now: Wall) -> Result<String, Denied> {
        let scope = Scope::AdminWrite;
        let token = shown(headers).map_err(|Differ| Denied::Differ { scope })?.ok_or(Denied::NoToken { scope })?;
        let claims = self.keyring.verify(token, Use::Admin, now).map_err(|refusal| Denied::Token { scope, refusal })?;
        if claims.scopes().allows(scope) { Ok(claims.sub) } else { Err(Denied::Scope { scope }) }
    }

    /// Decides about a request to a router of another driver, that needs `scope` to see something.
    ///
    /// # Errors
    /// The answer to whoever may not.
    pub fn admit_reader(
        &self,
        client: Option<&Client>,
        headers: &HeaderMap,
        scope: Scope,
        now: Wall,
    ) -> Result<(), Box<Response>> {
        self.may_read(client, headers, scope, now).map_err(|denied| Box::new(denied.into_response()))
    }

    /// Decides about a request to a router of another driver that changes something there: a token with `admin:write`, or trusted
    /// loopback, whose Origin a browser cannot forge.
    ///
    /// # Errors
    /// The answer to whoever may not.
    pub fn admit_writer(&self, client: Option<&Client>, headers: &HeaderMap, now: Wall) -> Result<(), Box<Response>> {
        if client.is_some_and(|client| client.trusted_loopback) {
            return Ok(());
        }
        self.may_write(headers, now).map(drop).map_err(|denied| Box::new(denied.into_response()))
    }

    fn is_operator(&self, client: &Client) -> bool {
        let ip = client.addr.ip().to_canonical();
        if ip.is_loopback() {
            return client.trusted_loopback;
        }
        client.origin_allowed && self.allow.iter().any(|net| net.contains(&ip))
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 §2.1); the scheme's case does not matter (RFC 9110 §11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token that a request shows, as `Authorization: Bearer TOKEN` or as `X-API-Key: TOKEN`.
pub(crate) fn shown(headers: &HeaderMap) -> Result<Option<&str>, Differ> {
    let keys = headers.get_all(API_KEY).iter().map(|key| key.to_str().unwrap_or_default().trim());
    let mut tokens = bearer(headers).into_iter().chain(keys.filter(|key| !key.is_empty()));
    let first = tokens.next();
    if tokens.all(|token| Some(token) == first) { Ok(first) } else { Err(Differ) }
}

/// What programs of other servers show a token in.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Two tokens that differ: whose request it is, nobody can say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Differ;

/// Why a request may not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// It showed two tokens that differ.
    Differ { scope: Scope },
    /// It showed no token.
    NoToken { scope: Scope },
    /// It showed one that is refused.
    Token { scope: Scope, refusal: TokenRefusal },
    /// It showed a good one that allows other things.
    Scope { scope: Scope },
}

impl Denied {
    /// One stable word, for a metric's label and the problem's `code`.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Differ { .. } => "tokens_differ",
            Self::NoToken { .. } => "token_required",
            Self::Token { refusal, .. } => refusal.as_str(),
            Self::Scope { .. } => "scope_required",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Differ { .. } => {
                "The request shows two tokens that differ; send one, as `Authorization: Bearer TOKEN` or as `X-API-Key: \
                 TOKEN`."
                    .to_owned()
            }
            Self::NoToken { scope: scope @ Scope::AdminWrite } => format!(
                "This changes something and needs a token with the scope {scope}, from this machine too. `sangam token \
                 mint --scope {scope}` on the server makes one; send it as `Authorization: Bearer TOKEN`."
            ),
            Self::NoToken { scope } => format!(
                "This needs a token with the scope {scope}. `sangam token mint --scope {scope}` on the server makes \
                 one; send it as `Authorization: Bearer TOKEN`. An address in `admin.allow` needs none."
            ),
            Self::Token { scope, refusal } => {
                format!("{refusal}. `sangam token mint --scope {scope}` on the server makes a new one.")
            }
            Self::Scope { scope } => format!(
                "The token is good but lacks the scope {scope}. `sangam token mint --scope {scope}` on the server \
                 makes one that has it."
            ),
        }
    }

    /// RFC 6750 §3: what to show instead. A scope holds letters and colons only, so it needs no escaping.
    fn challenge(&self) -> String {
        match self {
            // More than one way at once is a request that makes no sense (RFC 6750 §2).
            Self::Differ { scope } => format!(r#"Bearer realm="sangam", error="invalid_request", scope="{scope}""#),
            Self::NoToken { scope } => format!(r#"Bearer realm="sangam", scope="{scope}""#),
            Self::Token { scope, .. } => format!(r#"Bearer realm="sangam", error="invalid_token", scope="{scope}""#),
            Self::Scope { scope } => format!(r#"Bearer realm="sangam", error="insufficient_scope", scope="{scope}""#),
        }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Differ { .. } => StatusCode::BAD_REQUEST,
            Self::NoToken { .. } | Self::Token { .. } => StatusCode::UNAUTHORIZED,
            Self::Scope { .. } => StatusCode::FORBIDDEN,
        };
        let challenge = HeaderValue::try_from(self.challenge()).expect("a scope's name is ASCII");
        let mut response = Problem::new(status, self.code(), self.detail()).into_response();
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

#[cfg(test)]
mod tests;
