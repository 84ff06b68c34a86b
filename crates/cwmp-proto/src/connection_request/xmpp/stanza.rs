use quick_xml::escape::escape;
use sha1::{Digest, Sha1};

use super::Jid;
use super::element::Element;
use crate::Secret;

/// Annex K, `cwmp-xmppConnReq-1-0.xsd`.
const CONNECTION_REQUEST: &str = "urn:broadband-forum-org:cwmp:xmppConnReq-1-0";

/// The start of a component's stream (XEP-0114 §3).
pub(super) fn header(domain: &str) -> Vec<u8> {
    let domain = escape(domain);
    format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>"
    )
    .into_bytes()
}

/// Lower-case hex of SHA-1 over stream id and secret (XEP-0114 §3).
pub(super) fn handshake(stream_id: &str, secret: &Secret) -> Vec<u8> {
    let digest = Sha1::new().chain_update(stream_id).chain_update(secret.expose()).finalize();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<handshake>{hex}</handshake>").into_bytes()
}

/// The request of Annex K.
pub(super) fn connection_request(from: &str, to: &Jid, id: &str, username: &str, password: &Secret) -> Vec<u8> {
    let (from, to) = (escape(from), to.to_string());
    let (to, username, password) = (escape(&to), escape(username), escape(password.expose()));
    format!(
        "<iq from='{from}' to='{to}' id='{id}' type='get'><connectionRequest xmlns='{CONNECTION_REQUEST}'>\
         <username>{username}</username><password>{password}</password></connectionRequest></iq>"
    )
    .into_bytes()
}

/// RFC 6120 §8.2.3: whoever asks us something gets an answer; we serve nothing.
pub(super) fn service_unavailable(iq: &Element) -> Option<Vec<u8>> {
    let (from, id) = (iq.attribute("from")?, iq.attribute("id")?);
    let to = iq.attribute("to").unwrap_or_default();
    let (from, id, to) = (escape(from), escape(id), escape(to));
    let error = "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    Some(format!("<iq from='{to}' to='{from}' id='{id}' type='error'>{error}</iq>").into_bytes())
}
