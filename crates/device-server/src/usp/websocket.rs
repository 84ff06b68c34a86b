//! USP over WebSocket (TR-369 §4, WebSocket Binding): one record in each binary message.

mod outbox;
mod session;

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::extract::Request;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sangam_auth::basic::BasicAuthorization;
use sangam_device_proto::identity::{EndpointId as DeviceEndpoint, EndpointSays};
use sangam_device_proto::secret::{Login, Secret};
use sangam_net::ClientCertificate;
use sangam_net::http::{Client, Scheme};
use sangam_usp_proto::EndpointId;
use sangam_usp_proto::mtp::websocket::{Accepted, Handshake, SUBPROTOCOL, accept};

use super::hub::Hub;
use super::link::{LinkRefused, Shown};
use crate::certificate::{self, Names};
use crate::files::Site;
use outbox::Outbox;

/// Bytes that a socket's read buffer starts with. An idle socket costs this much; the library's default is 128 KiB.
const READ_BUFFER_BYTES: usize = 1_024;
/// When an agent that is told to come back does, in seconds, and as much again by chance.
const RETRY_SECS: u32 = 5;

/// Whether a request wants to open a WebSocket: of HTTP/1.1, or of HTTP/2 (RFC 8441).
pub(crate) fn is_asked(request: &Request) -> bool {
    request.method() == Method::CONNECT
        || request.headers().get(header::UPGRADE).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens a WebSocket to an agent.
pub(crate) async fn open(hub: &Arc<Hub>, request: Request) -> Response {
    let (mut parts, _body) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refuse(hub, rejection.status(), "upgrade_malformed", &rejection.body_text()),
    };
    let (accepted, shown, base) = match judged(hub, &parts) {
        Ok(judged) => judged,
        Err(refusal) => return *refusal,
    };
    let outbox = Arc::new(Outbox::new(hub.options().waiting_bytes_max, base));
    let link = Arc::clone(&outbox);
    let way = match hub.open(accepted.endpoint, shown, link).await {
        Ok(way) => way,
        Err(why) => return refused(hub, why),
    };
    let most = hub.options().limits.record_bytes_max;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(most)
        .max_frame_size(most);
    let (metrics, interval) = (Arc::clone(&hub.service.metrics), hub.options().ping_interval);
    let mut response = upgrade.on_upgrade(move |stream| session::run(stream, way, outbox, metrics, interval));
    if let Some(extension) = accepted.extension.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, extension);
    }
    response
}

/// Who asks, what it shows, and by which URL it reaches us.
type Judged = (Accepted, Shown, Option<Box<str>>);

/// What a request says, or what it is answered instead.
fn judged(hub: &Hub, parts: &Parts) -> Result<Judged, Box<Response>> {
    let refuse = |status, reason, text: &str| Box::new(refuse(hub, status, reason, text));
    let Some(client) = parts.extensions.get::<Client>() else {
        return Err(Box::new(StatusCode::INTERNAL_SERVER_ERROR.into_response()));
    };
    if !client.origin_allowed {
        return Err(refuse(StatusCode::FORBIDDEN, "origin", "pages of this origin may not connect here\n"));
    }
    let [protocols, extensions] =
        [header::SEC_WEBSOCKET_PROTOCOL, header::SEC_WEBSOCKET_EXTENSIONS].map(|name| list(&parts.headers, &name));
    let (protocols, extensions) = (protocols.as_deref(), extensions.as_deref());
    let accepted = accept(Handshake { query: parts.uri.query(), protocols, extensions }, hub.endpoint())
        .map_err(|why| refuse(StatusCode::BAD_REQUEST, why.label(), &format!("{why}\n")))?;
    let shown = shown(hub, parts, client, &accepted.endpoint).map_err(|why| match why {
        NotShown::Another => {
            refuse(StatusCode::FORBIDDEN, "certificate_of_another", "the certificate names another agent\n")
        }
        NotShown::Encrypted => {
            let why = "a password may be shown over TLS alone; see `devices.basic_without_tls`\n";
            refuse(StatusCode::FORBIDDEN, "basic_without_tls", why)
        }
        NotShown::Malformed => {
            hub.service.metrics.usp.refused("authorization_malformed");
            Box::new(challenge(hub))
        }
    })?;
    Ok((accepted, shown, Site::of(&parts.headers, client).base))
}

/// Why nothing can be taken from what an agent shows.
enum NotShown {
    /// It is a password, and the connection is not encrypted.
    Encrypted,
    Malformed,
    /// Its certificate is another agent's.
    Another,
}

/// What an agent shows to prove who it is.
fn shown(hub: &Hub, parts: &Parts, client: &Client, endpoint: &EndpointId) -> Result<Shown, NotShown> {
    if let Some(certificate) = parts.extensions.get::<Arc<ClientCertificate>>() {
        let (is_its, outcome) = match named(certificate, endpoint) {
            Names::It => (Some(true), "proven"),
            Names::Another => (Some(false), "another_device"),
            Names::Nobody => (None, "names_nobody"),
        };
        hub.service.metrics.certificate(outcome);
        match is_its {
            Some(true) => return Ok(Shown::Certificate),
            Some(false) => return Err(NotShown::Another),
            // One that all of a maker have: a login has to say the rest.
            None => {}
        }
    }
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else { return Ok(Shown::Nothing) };
    if client.scheme != Scheme::Https && !hub.service.live.load().basic_without_tls {
        return Err(NotShown::Encrypted);
    }
    let value = value.to_str().map_err(|_| NotShown::Malformed)?;
    let (user, password) = BasicAuthorization::parse(value).map_err(|_| NotShown::Malformed)?.into_parts();
    let secret = Secret::new(password).ok_or(NotShown::Malformed)?;
    Ok(Shown::Login(Login { user: user.into(), secret }))
}

/// Whom a certificate names, seen from the endpoint that shows it: by that id itself (R-SEC.0a), or by the device in it.
fn named(certificate: &ClientCertificate, endpoint: &EndpointId) -> Names {
    let Ok(endpoint) = DeviceEndpoint::new(endpoint.as_str()) else { return Names::Nobody };
    let mut ids = certificate::endpoints(certificate).peekable();
    if ids.peek().is_some() {
        return if ids.any(|id| id == endpoint) { Names::It } else { Names::Another };
    }
    match endpoint.says() {
        EndpointSays::Key(key) => certificate::names(certificate, &key, Some(&endpoint)),
        EndpointSays::Serial { oui, serial } => {
            let is_named = certificate.common_name.as_deref().is_some_and(|name| {
                DeviceEndpoint::new(format!("os::{name}"))
                    .is_ok_and(|it| it.says() == EndpointSays::Serial { oui, serial })
            });
            if is_named { Names::It } else { Names::Nobody }
        }
        EndpointSays::Nothing => Names::Nobody,
    }
}

/// The values of a header that may stand more than once, as one list.
fn list(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn refused(hub: &Hub, why: LinkRefused) -> Response {
    let text = format!("{why}\n");
    match why {
        LinkRefused::NotProven => challenge(hub),
        LinkRefused::Draining | LinkRefused::TooMany | LinkRefused::Busy | LinkRefused::Unavailable => {
            let after = RETRY_SECS + rand::random::<u32>() % RETRY_SECS;
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, after.to_string())], text).into_response()
        }
        _ => (StatusCode::FORBIDDEN, text).into_response(),
    }
}

fn refuse(hub: &Hub, status: StatusCode, reason: &'static str, text: &str) -> Response {
    hub.service.metrics.usp.refused(reason);
    (status, text.to_owned()).into_response()
}

fn challenge(hub: &Hub) -> Response {
    let challenge = sangam_auth::basic::challenge(&hub.service.options.realm);
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_an_agents_by_its_endpoint_id_or_by_the_device_in_that() {
        let certificate = |name: &str, uris: &[&str]| ClientCertificate {
            common_name: (!name.is_empty()).then(|| name.into()),
            uris: uris.iter().map(|uri| (*uri).into()).collect(),
        };
        for (name, uris, endpoint, expected) in [
            ("", &["urn:bbf:usp:id:self::a"][..], "self::a", Names::It),
            ("", &["urn:bbf:usp:id:self::b", "urn:bbf:usp:id:self::a"], "self::a", Names::It),
            ("00D09E-A1", &["urn:bbf:usp:id:self::b"], "os::00D09E-A1", Names::Another),
            ("00D09E-A1", &[], "os::00D09E-A1", Names::It),
            ("00D09E-A2", &[], "os::00D09E-A1", Names::Nobody),
            ("00D09E-Box-A1", &[], "ops::00D09E-Box-A1", Names::It),
            ("00D09E-Box-A2", &[], "ops::00D09E-Box-A1", Names::Another),
            ("00D09E-A1", &[], "self::a", Names::Nobody),
            ("", &[], "os::00D09E-A1", Names::Nobody),
        ] {
            let found = named(&certificate(name, uris), &endpoint.parse().unwrap());
            assert_eq!(found, expected, "{name} {uris:?} {endpoint}");
        }
    }
}
