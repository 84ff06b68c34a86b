use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sangam_net::http::Client;
use sangam_sync_proto::message::ErrorCode;
use sangam_telemetry::metrics::sync::SyncRequest;

use crate::access::Caller;
use crate::access_log;
use crate::endpoints::Received;
use crate::options::Live;
use crate::problem::{Form, Problem};
use crate::query;
use crate::rate::{Rate, Verdict};
use crate::service::Service;

/// What every request passes, from outside in: log and counters, CORS, who calls, how often, the route.
pub(crate) async fn gate(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let live = service.live.load_full();
    let seen = Seen::of(&mut request);
    let response = match &live.cors {
        Some(cors) if seen.method == Method::OPTIONS => cors.preflight(seen.origin.as_ref()),
        cors => {
            let mut response = rendered(admitted(&service, &live, request, next).await, &service, seen.form);
            if let Some(cors) = cors {
                cors.dress(seen.origin.as_ref(), response.headers_mut());
            }
            response
        }
    };
    seen.account(&service, &live, &response, begun.elapsed());
    response
}

/// What is kept of a request while it is answered.
struct Seen {
    method: Method,
    path: String,
    form: Form,
    origin: Option<HeaderValue>,
    declared: u64,
    received: Received,
}

impl Seen {
    fn of(request: &mut Request) -> Self {
        let received = Received::default();
        request.extensions_mut().insert(received.clone());
        let headers = request.headers();
        let declared = headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            form: Form::of(request.method(), headers),
            origin: headers.get(header::ORIGIN).cloned(),
            declared: declared.unwrap_or_default(),
            received,
        }
    }

    fn account(&self, service: &Service, live: &Live, response: &Response, took: Duration) {
        service.metrics.request(&SyncRequest {
            endpoint: endpoint(&self.path),
            method: method(&self.method),
            status: response.status().as_u16(),
            took,
            request_bytes: self.received.bytes().max(self.declared),
            response_bytes: response.body().size_hint().exact(),
        });
        if live.log_requests {
            let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            access_log::line(&self.method, &self.path, response.status(), duration_ms);
        }
    }
}

/// A word of ours, whatever the client asks for.
fn endpoint(path: &str) -> &'static str {
    const NAMES: [&str; 8] = ["version", "handshake", "pull", "push", "events", "stream", "ws", "stats"];
    let name = path.strip_prefix("/v1/").unwrap_or_default();
    NAMES.into_iter().find(|known| *known == name).unwrap_or("other")
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

async fn admitted(service: &Arc<Service>, live: &Live, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/v1/version" {
        return next.run(request).await;
    }
    let rate = Rate { per_sec: live.rate_per_sec, burst: live.rate_burst };
    let address = request.extensions().get::<Client>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |it| it.addr.ip());
    let (verdict, caller) = match caller(service, live, &request) {
        Ok(caller) => (service.limiter.of_caller(&caller, address, rate), Ok(caller)),
        Err(problem) => (service.limiter.of_address(address, rate), Err(problem)),
    };
    let mut response = match (verdict.wait_secs, caller) {
        (Some(wait), _) => too_often(verdict.limit, wait).into_response(),
        (None, Err(problem)) => problem.into_response(),
        (None, Ok(caller)) => {
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
    };
    tell(verdict, response.headers_mut());
    response
}

/// A WebSocket may show its token in the URL, as user information that becomes `Basic`, or as `?token=`: browsers cannot set a
/// header on it (RFC 6750 §2.3).
fn caller(service: &Service, live: &Live, request: &Request) -> Result<Caller, Problem> {
    let (headers, now) = (request.headers(), (service.clock)());
    let is_websocket = request.uri().path() == "/v1/ws";
    if !is_websocket || headers.contains_key(header::AUTHORIZATION) {
        return live.access.caller(headers, is_websocket, now);
    }
    let token = ["token", "access_token"].iter().find_map(|name| query::text(request.uri(), name));
    let line = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    let headers = line.map(|line| HeaderMap::from_iter([(header::AUTHORIZATION, line)])).unwrap_or_default();
    live.access.caller(&headers, false, now)
}

fn too_often(limit: u32, wait: u64) -> Problem {
    let message = format!("Rate limit exceeded. Try again in {wait}s.");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimitExceeded, "rate", message);
    Problem { retry_after_secs: Some(wait), ..problem }.details(format!("Limit: {limit} requests per window"))
}

fn tell(verdict: Verdict, headers: &mut HeaderMap) {
    for (name, value) in [
        (HeaderName::from_static("x-ratelimit-limit"), u64::from(verdict.limit)),
        (HeaderName::from_static("x-ratelimit-remaining"), u64::from(verdict.remaining)),
        (HeaderName::from_static("x-ratelimit-reset"), verdict.reset_secs),
    ] {
        headers.insert(name, HeaderValue::from(value));
    }
}

/// The committer counts whom it has no room for, as it is asked by others too.
const COUNTED_BY_COMMITTER: &str = "overloaded";

/// Writes the body of a refusal, now that it is known in which form; the headers it has got so far stay.
fn rendered(mut response: Response, service: &Service, form: Form) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.extensions().get::<Problem>().is_none() {
        response.extensions_mut().insert(wrong_method());
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.reason != COUNTED_BY_COMMITTER {
        service.metrics.refused(problem.reason);
    }
    let mut refusal = problem.render(form);
    for (name, value) in response.headers() {
        if *name != header::CONTENT_LENGTH {
            refusal.headers_mut().append(name.clone(), value.clone());
        }
    }
    refusal
}

fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::NotSupported, "method", "Method not allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_makes_up_a_label() {
        for (path, expected) in [
            ("/v1/push", "push"),
            ("/v1/ws", "ws"),
            ("/v1/push/", "other"),
            ("/v1/", "other"),
            ("/v1", "other"),
            ("/v1/,=x", "other"),
            ("/push", "other"),
        ] {
            assert_eq!(endpoint(path), expected, "{path}");
        }
        assert_eq!(method(&Method::POST), "POST");
        assert_eq!(method(&Method::from_bytes(b"CANARY").unwrap()), "other");
    }
}
