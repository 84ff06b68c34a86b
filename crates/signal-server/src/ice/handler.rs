use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sangam_net::http::Client;
use sangam_signal_proto::Owner;
use serde::Deserialize;

use crate::access::{bearer, query};
use crate::ice::document::DocumentError;
use crate::problem::Problem;
use crate::routes::via;
use crate::server::Shared;

/// A POST may carry its ticket in a JSON body; more than this is no ticket.
const BODY_BYTES_MAX: usize = 4_096;

/// How long such a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);

/// What allowed an answer, and the name that credentials are minted for.
struct Permission {
    access: &'static str,
    name: String,
}

#[derive(Default, Deserialize)]
struct Question {
    ticket: Option<String>,
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/ice-servers`: an `RTCConfiguration`.
    IceServers,
    /// `/turn`: coturn's REST API.
    TurnRest,
}

/// `GET` and `POST /ice-servers` and `/turn`.
pub(crate) async fn answer(shared: &Shared, client: &Client, request: Request, form: Form) -> Response {
    let cors = CorsHeaders::of(client, request.headers());
    let result = decide(shared, client, request, form).await;
    let mut response = match result {
        Ok(json) => {
            let mut response = json.into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(problem) => {
            shared.metrics.ice_refused(problem.code());
            problem.into_response()
        }
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cors.put(&mut response);
    response
}

/// `OPTIONS` of the same: a browser asks whether its page may ask.
pub(crate) fn preflight(client: &Client, headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if client.origin_allowed {
        let answers = response.headers_mut();
        answers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        answers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
        answers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    CorsHeaders::of(client, headers).put(&mut response);
    response
}

async fn decide(shared: &Shared, client: &Client, request: Request, form: Form) -> Result<String, Problem> {
    if !client.origin_allowed {
        let detail = "pages of this origin may not ask here; list it in `http.origins`";
        return Err(Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail));
    }
    if form == Form::TurnRest && query(request.uri(), &["service"]).is_some_and(|service| service != "turn") {
        let detail = "the only service here is turn; ask with ?service=turn";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "service_unknown", detail));
    }
    let via = via(client, &request);
    let permission = permit(shared, client, request, form).await?;
    let document = shared.ice.document(&via, &permission.name, shared.clock.now()).map_err(no_document)?;
    let json = match form {
        Form::IceServers => Some(document.to_json()),
        Form::TurnRest => document.to_rest_json(),
    };
    let json = json.ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ice_servers", "no relay with credentials runs here")
    })?;
    shared.metrics.ice_answered(permission.access);
    Ok(json)
}

fn no_document(error: DocumentError) -> Problem {
    let (status, code) = match error {
        DocumentError::NoServers => (StatusCode::SERVICE_UNAVAILABLE, "no_ice_servers"),
        DocumentError::Mint(_) => (StatusCode::BAD_REQUEST, "name_not_mintable"),
    };
    Problem::new(status, code, error.to_string())
}

/// A token or ticket that is shown must be good, even where none is needed.
async fn permit(shared: &Shared, client: &Client, request: Request, form: Form) -> Result<Permission, Problem> {
    let now = shared.clock.now();
    let live = shared.live.load_full();
    let (parts, body) = request.into_parts();
    // The draft calls it a key.
    let names: &[&str] = match form {
        Form::IceServers => &["token", "access_token"],
        Form::TurnRest => &["token", "access_token", "key"],
    };
    if let Some(token) = bearer(&parts.headers).or_else(|| query(&parts.uri, names)) {
        let claims = live.access.verify(&token, now.wall)?;
        return Ok(Permission { access: "token", name: claims.sub });
    }
    let ticket = match query(&parts.uri, &["ticket"]) {
        Some(ticket) => Some(ticket),
        None if parts.method == Method::POST => ticket_in(body).await?,
        None => None,
    };
    if let Some(ticket) = ticket {
        let name = shared.ice.tickets.redeem(&ticket, now.mono).ok_or_else(|| {
            let detail = "the ticket is unknown, used up or too old; register again with \"want\":[\"ice_ticket\"]";
            Problem::new(StatusCode::UNAUTHORIZED, "ticket_refused", detail)
        })?;
        return Ok(Permission { access: "ticket", name });
    }
    if client.trusted_loopback {
        return Ok(Permission { access: "loopback", name: "loopback".to_owned() });
    }
    if !live.ice.anonymous {
        let detail = "credentials need a token, or a ticket that a registered signaling socket asked for";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "token_required", detail));
    }
    let addr = client.addr.ip();
    shared
        .ice
        .anonymous
        .take(addr, now.mono, live.ice.anonymous_per_minute, live.ice.anonymous_addresses_max)
        .map_err(|wait| {
            let detail = "too many credentials without a token from this address; wait, or use a token";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_credentials", detail).retry_after(wait)
        })?;
    let network = match Owner::of_address(addr) {
        Owner::Address(network) => network.to_string(),
        Owner::Subject(subject) => subject.to_string(),
    };
    Ok(Permission { access: "anonymous", name: format!("anonymous@{network}") })
}

/// The ticket in the body, if there is a body. A body that is no JSON object of ours is none: the guides' clients may
/// post anything or nothing.
async fn ticket_in(body: Body) -> Result<Option<String>, Problem> {
    let arriving = tokio::time::timeout(BODY_TIME, to_bytes(body, BODY_BYTES_MAX));
    let bytes = arriving.await.map_err(|_| {
        let detail = "the body took too long to arrive";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
    })?;
    let bytes = bytes.map_err(|_| {
        let detail = format!("a body has at most {BODY_BYTES_MAX} bytes: {{\"ticket\":\"…\"}}");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    })?;
    Ok(serde_json::from_slice::<Question>(&bytes).unwrap_or_default().ticket)
}

/// The front has decided about the Origin; a page of an allowed one may read the answer.
struct CorsHeaders {
    allowed: Option<HeaderValue>,
}

impl CorsHeaders {
    fn of(client: &Client, headers: &HeaderMap) -> Self {
        Self { allowed: headers.get(header::ORIGIN).filter(|_| client.origin_allowed).cloned() }
    }

    fn put(self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
}
