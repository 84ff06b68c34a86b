use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use sangam_net::http::Client;

/// Who says which pages may read the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsPolicy {
    /// The HTTP front, by its allowed origins.
    #[default]
    ByFront,
    /// Every answer names this one origin, whoever asks, and every page may open a WebSocket: as a server does whose
    /// `cors.origin` is one text.
    Fixed(HeaderValue),
    /// Nobody: no answer names an origin, and a preflight is a request like any other, as with Node's engine.io whose
    /// `cors` is not set. A page of a foreign origin opens no WebSocket.
    Off,
}

/// Whether a page of another origin may read our answers, as Node's `cors` says it: with credentials.
pub(crate) struct Cors {
    allow: Option<HeaderValue>,
}

impl Cors {
    /// `None`: nothing is said.
    pub(crate) fn of(policy: &CorsPolicy, client: &Client, headers: &HeaderMap) -> Option<Self> {
        match policy {
            CorsPolicy::ByFront => {
                let allow = headers.get(header::ORIGIN).filter(|_| client.origin_allowed).cloned();
                Some(Self { allow })
            }
            CorsPolicy::Fixed(origin) => Some(Self { allow: Some(origin.clone()) }),
            CorsPolicy::Off => None,
        }
    }

    /// Puts it into an answer.
    pub(crate) fn apply<B>(self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.allow {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// The answer to a preflight (Fetch §3.3.5).
    pub(crate) fn preflight(self, headers: &HeaderMap) -> Response<axum::body::Body> {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allow.is_some() {
            let answer = response.headers_mut();
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST"));
            if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                answer.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
            }
        }
        self.apply(&mut response);
        response
    }
}
