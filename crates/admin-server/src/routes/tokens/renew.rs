use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, RETRY_AFTER, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use sangam_auth::token::{Claims, Use};
use sangam_net::http::Client;
use sangam_types::Now;
use serde::Serialize;

use crate::access::bearer;
use crate::problem::Problem;
use crate::routes::fresh_json;
use crate::state::Shared;

/// The token that follows the one that was shown.
#[derive(Serialize)]
struct Renewed<'a> {
    token: String,
    #[serde(rename = "use")]
    use_: &'static str,
    /// Seconds from now.
    expires_in: u64,
    claims: &'a Claims,
}

/// `POST /api/v1/tokens/renew`: a later token for one of signaling that is still good.
pub(crate) async fn renew(
    State(shared): State<Arc<Shared>>,
    client: Option<Extension<Client>>,
    headers: HeaderMap,
) -> Response {
    let client = client.map(|Extension(client)| client);
    let answer = renewed(&shared, client.as_ref(), &headers).inspect_err(|(problem, _)| {
        shared.metrics.refused(problem.code);
        tracing::debug!(
            client = client.as_ref().map(|c| tracing::field::display(c.addr)),
            reason = problem.code,
            "no renewal"
        );
    });
    let mut response = match answer {
        Ok(response) => response,
        Err((problem, retry_after)) => {
            let mut response = problem.into_response();
            if let Some(secs) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
            }
            response
        }
    };
    allow_page(client.as_ref(), &headers, &mut response);
    response
}

/// `OPTIONS`: a page of another origin asks first (Fetch standard, CORS-preflight).
pub(crate) async fn preflight(client: Option<Extension<Client>>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answers = response.headers_mut();
    answers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    answers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    allow_page(client.as_ref().map(|Extension(client)| client), &headers, &mut response);
    response
}

/// A refusal, and after how many seconds it is worth asking again.
type Refused = (Problem, Option<u64>);

fn renewed(shared: &Shared, client: Option<&Client>, headers: &HeaderMap) -> Result<Response, Refused> {
    let refused = |status, code, detail: String| (Problem::new(status, code, detail), None);
    let now = shared.now();
    pace(shared, client, now)?;
    let token = bearer(headers).ok_or_else(|| {
        let detail = "Send the token that is to be renewed as `Authorization: Bearer TOKEN`.";
        refused(StatusCode::UNAUTHORIZED, "token_required", detail.to_owned())
    })?;
    let access = shared.access.load();
    let claims = access
        .keyring
        .verify(token, Use::Signal, now.wall)
        .map_err(|refusal| refused(StatusCode::UNAUTHORIZED, refusal.as_str(), format!("{refusal}.")))?;
    let jti = format!("{:032x}", rand::random::<u128>());
    let claims = claims
        .renewed(jti, now.wall, access.renew_max)
        .map_err(|refusal| refused(StatusCode::FORBIDDEN, refusal.as_str(), format!("{refusal}.")))?;
    let token = access
        .keyring
        .mint(Use::Signal, &claims)
        .map_err(|error| refused(StatusCode::FORBIDDEN, "token_not_renewable", format!("{error}.")))?;
    let expires_in = claims.exp.unix_secs().saturating_sub(now.wall.unix_secs());
    Ok(fresh_json(StatusCode::OK, &Renewed { token, use_: Use::Signal.as_str(), expires_in, claims: &claims }))
}

/// What the front did not describe shares one place in the count.
fn pace(shared: &Shared, client: Option<&Client>, now: Now) -> Result<(), Refused> {
    let address = client.map(|client| client.addr.ip());
    shared.renewals.count(address, now.mono).map_err(|wait| {
        let detail = "This address renews too many tokens; the Retry-After header says when to ask again.";
        (Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail), Some(wait.as_secs().max(1)))
    })
}

/// The front has decided about the Origin; a page of an allowed one may read the answer.
fn allow_page(client: Option<&Client>, headers: &HeaderMap, response: &mut Response) {
    let allowed = client.is_some_and(|client| client.origin_allowed);
    let answers = response.headers_mut();
    answers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = headers.get(ORIGIN).filter(|_| allowed) {
        answers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}
