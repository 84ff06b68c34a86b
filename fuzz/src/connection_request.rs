use std::time::Duration;

use sangam_cwmp_proto::Secret;
use sangam_cwmp_proto::connection_request::http::ConnectionRequestUrl;
use sangam_cwmp_proto::connection_request::udp::{UdpAddress, UdpRequest};
use sangam_cwmp_proto::connection_request::xmpp::{
    Component, ComponentOptions, ComponentOutput, Jid, XmppRequest, XmppRequestHandle,
};
use sangam_types::Mono;

/// What CPEs and XMPP servers tell us: by the first byte a URL, a datagram, an address, or the stream of a server. What is read is written
/// the same; a request over XMPP has one verdict, and nothing comes after the end.
pub fn connection_request(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind {
        b'u' => url(&String::from_utf8_lossy(rest)),
        b'd' => datagram(rest),
        b'a' => address(&String::from_utf8_lossy(rest)),
        _ => stream(rest),
    }
}

fn url(text: &str) {
    let Ok(url) = ConnectionRequestUrl::parse(text) else { return };
    assert!(url.target.starts_with('/') && url.port != 0);
    let line = format!("{} {}", url.target, url.host_header());
    assert!(line.chars().filter(|it| it.is_ascii_whitespace() || it.is_control()).count() == 1, "{line:?}");
    // With its port written out a URL may be longer than its parameter.
    if let Ok(again) = ConnectionRequestUrl::parse(&format!("{url}{}", url.target)) {
        assert_eq!((again.host, again.port, again.target), (url.host, url.port, url.target));
    }
}

fn datagram(bytes: &[u8]) {
    let Ok(request) = UdpRequest::decode(bytes) else { return };
    let address = UdpAddress::parse("192.0.2.1:80").expect("an address");
    // What was not escaped may be longer once it is.
    if let Ok(again) = UdpRequest::decode(&request.encode(&address)) {
        assert_eq!(again, request);
    }
    assert!(request.verify(&request.username, &Secret::new("password")).is_err(), "nobody knows it");
}

fn address(text: &str) {
    if let Ok(address) = UdpAddress::parse(text) {
        assert_eq!(UdpAddress::parse(&address.to_string()), Ok(address));
    }
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(&jid.to_string()).map(|it| it.is_full()), Ok(jid.is_full()));
    }
}

fn stream(bytes: &[u8]) {
    let now = Mono::ZERO;
    let mut component = Component::new(ComponentOptions::new("acs.example", Secret::new("secret")), now);
    let (to, password) = (Jid::parse("cpe@example/box").expect("a JID"), Secret::new("password"));
    let (mut asked, mut told, mut is_closed) = (0, 0, false);
    let halves = bytes.split_at(bytes.len() / 2);
    for part in [halves.0, halves.1] {
        component.handle_bytes(now, part);
        drain(&mut component, &mut told, &mut is_closed);
        let request = XmppRequest { handle: XmppRequestHandle(asked), to: &to, username: "u", password: &password };
        asked += u64::from(component.handle_request(now, &request).is_ok());
    }
    component.handle_timeout(now + Duration::from_secs(3_600));
    drain(&mut component, &mut told, &mut is_closed);
    component.handle_disconnect();
    drain(&mut component, &mut told, &mut is_closed);
    assert!(is_closed);
    assert_eq!((asked, component.pending()), (told, 0));
}

fn drain(component: &mut Component, told: &mut u64, is_closed: &mut bool) {
    loop {
        match component.poll_output() {
            ComponentOutput::Wait(_) => return,
            ComponentOutput::Answered { .. } => *told += 1,
            ComponentOutput::Closed(_) => {
                assert!(!*is_closed, "it ends once");
                *is_closed = true;
            }
            ComponentOutput::Send(_) | ComponentOutput::Ready => assert!(!*is_closed, "nothing comes after the end"),
        }
    }
}
