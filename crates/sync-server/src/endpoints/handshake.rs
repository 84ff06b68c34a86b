use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use sangam_sync_proto::message::{Capabilities, EpochExtension, HandshakeRequest, HandshakeResponse, Message as _};
use sangam_sync_proto::rows::Epoch;

use super::{body, bounds, cbor, malformed, names};
use crate::access::SharedCaller;
use crate::problem::Problem;
use crate::replicas::Hello;
use crate::service::Service;

/// Bytes of what a replica says of itself that are kept, for operators.
const CLIENT_BYTES_MAX: usize = 128;

/// POST `/v1/handshake`.
pub(crate) async fn handshake(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<SharedCaller>,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::small(&service, request).await?;
    let request = HandshakeRequest::decode(&body, &bounds(&service.options));
    let request = request.map_err(|error| malformed("handshake", &error))?;
    caller.of_database(&request.db)?;
    caller.of_replica(&request.device)?;
    names::check(&service.options, "dbId", &request.db)?;
    names::check(&service.options, "deviceId", &request.device)?;
    let metadata = request.metadata.unwrap_or_default();
    let hello = Hello {
        db: request.db,
        device: request.device,
        client: client(&request.platform, &request.app_version),
        proved: caller.device.is_some(),
        claimed: metadata.get("sinceCursor").and_then(|cursor| cursor.trim().parse().ok()),
        epoch: metadata.get("epoch").cloned(),
    };
    let welcome = service.replicas.welcome(hello).await?;
    let extension = EpochExtension { epoch: hex(welcome.epoch), reset: welcome.reset };
    let answer = HandshakeResponse {
        cursor: welcome.resume,
        capabilities: Capabilities { pull: true, push: true, sse: service.options.streams.sse },
        session_token: None,
        extension: knows_epochs(&metadata).then_some(extension),
    };
    Ok(cbor(answer.encode()))
}

/// As an epoch stands on the wire.
pub(super) fn hex(Epoch(epoch): Epoch) -> String {
    format!("{epoch:032x}")
}

/// Whether the client has said that it understands the keys that are new.
fn knows_epochs(metadata: &BTreeMap<String, String>) -> bool {
    let words = metadata.get("extensions").map(String::as_str).unwrap_or_default();
    words.split([' ', ',']).any(|word| word == "epoch")
}

/// `android 1.2.3`, without what would disturb a table.
fn client(platform: &str, app_version: &str) -> String {
    let mut text: String = format!("{platform} {app_version}").chars().filter(|it| !it.is_control()).collect();
    let end = (0..=CLIENT_BYTES_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_cut_at_a_character() {
        assert_eq!(client("android", "1.2.3"), "android 1.2.3");
        assert_eq!(client("a\nb", "\u{7}"), "ab ");
        let long = client(&"é".repeat(100), "1");
        assert_eq!((long.len(), long.chars().count()), (128, 64));
        assert_eq!(client(&format!("x{}", "é".repeat(100)), "1").len(), 127);
    }

    #[test]
    fn only_who_says_so_knows_epochs() {
        let said = |words: &str| knows_epochs(&BTreeMap::from([("extensions".to_owned(), words.to_owned())]));
        assert!(said("epoch") && said("other, epoch") && said("a epoch b"));
        assert!(!said("epochs") && !said("") && !knows_epochs(&BTreeMap::new()));
    }
}
