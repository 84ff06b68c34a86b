use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{ServerEvent, ServerOptions, ServerOutput, StompServer};

const NOW: Mono = Mono::ZERO;

fn drain(server: &mut StompServer) -> (String, Vec<ServerEvent>, bool) {
    let (mut sent, mut events, mut is_closed) = (Vec::new(), Vec::new(), false);
    loop {
        match server.poll_output() {
            ServerOutput::Transmit(bytes) => sent.extend(bytes),
            ServerOutput::Event(event) => events.push(event),
            ServerOutput::Close => is_closed = true,
            ServerOutput::Wait(_) => return (String::from_utf8_lossy(&sent).into_owned(), events, is_closed),
        }
    }
}

/// What is answered to bytes by a server whose client may be whom it says.
fn talk(server: &mut StompServer, bytes: &[u8]) -> (String, Vec<ServerEvent>, bool) {
    server.handle_bytes(NOW, bytes);
    drain(server)
}

fn label(events: &[ServerEvent]) -> &'static str {
    match events.last() {
        Some(ServerEvent::Refused(refusal)) => refusal.label(),
        other => panic!("{other:?}"),
    }
}

const STOMP: &[u8] =
    b"STOMP\naccept-version:1.1,1.2\nhost:/\nendpoint-id:os\\c\\c012345-A1\nlogin:me\npasscode:hunter2\nheart-beat:0,30000\n\n\0";

fn connected() -> StompServer {
    let mut server = StompServer::new(NOW, ServerOptions::default());
    talk(&mut server, STOMP);
    server.accept(NOW, "/usp/agent/1");
    drain(&mut server);
    server
}

fn subscribed() -> StompServer {
    let mut server = connected();
    let (_, events, _) = talk(&mut server, b"SUBSCRIBE\nid:0\ndestination:/usp/agent/1\nack:auto\n\n\0");
    assert_eq!(events, [ServerEvent::Subscribed]);
    server
}

#[test]
fn an_agent_connects_and_is_told_where_to_subscribe() {
    let mut server = StompServer::new(NOW, ServerOptions::default());
    let (sent, events, _) = talk(&mut server, STOMP);
    let [ServerEvent::Connect(request)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((request.endpoint.as_str(), request.login.as_deref()), ("os::012345-A1", Some("me")));
    assert_eq!(request.passcode.as_deref(), Some("hunter2"));
    assert!(!format!("{request:?}").contains("hunter2"));
    assert!(sent.is_empty() && !server.wants_bytes(), "nothing before the driver has said who it is");
    server.accept(NOW, "/usp/agent/1");
    let (sent, ..) = drain(&mut server);
    let expected = "CONNECTED\nversion:1.2\nheart-beat:60000,60000\nserver:sangam\nsubscribe-dest:/usp/agent/1\n\n\0";
    assert_eq!(sent, expected);
}

#[test]
fn colons_of_the_endpoint_id_may_be_escaped_or_not_in_both_frames() {
    for frame in ["STOMP", "CONNECT"] {
        for id in ["os\\c\\c012345-A1", "os::012345-A1"] {
            let mut server = StompServer::new(NOW, ServerOptions::default());
            let bytes = format!("{frame}\naccept-version:1.2\nendpoint-id:{id}\n\n\0");
            let (_, events, _) = talk(&mut server, bytes.as_bytes());
            assert!(
                matches!(&events[..], [ServerEvent::Connect(it)] if it.endpoint.as_str() == "os::012345-A1"),
                "{bytes}"
            );
        }
    }
}

#[test]
fn who_does_not_connect_as_it_should_is_refused() {
    for (bytes, reason) in [
        (&b"SEND\ndestination:/x\n\n\0"[..], "out_of_place"),
        (b"STOMP\naccept-version:1.0,1.1\nendpoint-id:os\\c\\c012345-A1\n\n\0", "version"),
        (b"STOMP\nendpoint-id:os\\c\\c012345-A1\n\n\0", "version"),
        (b"STOMP\naccept-version:1.2\n\n\0", "no_endpoint_id"),
        (b"STOMP\naccept-version:1.2\nendpoint-id:me\n\n\0", "no_endpoint_id"),
        (b"STOMP\naccept-version:1.2\nendpoint-id:self\\c\\ca\nheart-beat:x\n\n\0", "bad_header"),
        (b"GET /usp HTTP/1.1\r\nHost: x\r\n\r\n", "bad_head"),
    ] {
        let mut server = StompServer::new(NOW, ServerOptions::default());
        let (sent, events, is_closed) = talk(&mut server, bytes);
        assert!(sent.starts_with("ERROR\n") && is_closed, "{sent}");
        assert_eq!(label(&events), reason);
    }
    let mut server = StompServer::new(NOW, ServerOptions::default());
    talk(&mut server, STOMP);
    server.refuse(NOW);
    let (sent, events, is_closed) = drain(&mut server);
    assert_eq!(
        (sent.as_str(), label(&events), is_closed),
        ("ERROR\nversion:1.2\nmessage:access refused\n\n\0", "denied", true)
    );
}

#[test]
fn what_a_client_sends_before_it_is_accepted_is_bounded() {
    let mut server = StompServer::new(NOW, ServerOptions::default());
    talk(&mut server, STOMP);
    talk(&mut server, b"SUBSCRIBE\nid:0\ndestination:/usp/agent/1\n\n\0");
    server.accept(NOW, "/usp/agent/1");
    assert!(drain(&mut server).1.contains(&ServerEvent::Subscribed), "what it sent meanwhile is read then");
    let mut server = StompServer::new(NOW, ServerOptions::default());
    talk(&mut server, STOMP);
    let (_, events, is_closed) = talk(&mut server, &[b'x'; 20_000]);
    assert_eq!((label(&events), is_closed), ("head_too_large", true));
}

#[test]
fn a_client_that_says_nothing_is_closed_in_time() {
    let mut server = StompServer::new(NOW, ServerOptions::default());
    assert_eq!(server.poll_output(), ServerOutput::Wait(Some(NOW + Duration::from_secs(10))));
    talk(&mut server, b"\n\n\n");
    server.handle_timeout(NOW + Duration::from_secs(10));
    let (_, events, is_closed) = drain(&mut server);
    assert_eq!((label(&events), is_closed), ("connect_timeout", true));
}

#[test]
fn records_go_to_the_controller_and_come_to_the_agent_alone() {
    let mut server = subscribed();
    let send = b"SEND\ndestination:/usp/controller\ncontent-length:2\ncontent-type:application/vnd.bbf.usp.msg\n\
        reply-to-dest:/usp/agent/1\nreceipt:7\n\n\x00\x01\0";
    let (sent, events, _) = talk(&mut server, send);
    assert_eq!(events, [ServerEvent::Record(Bytes::from_static(&[0, 1]))]);
    assert_eq!(sent, "RECEIPT\nreceipt-id:7\n\n\0");
    assert!(server.deliver(NOW, Bytes::from_static(b"xy")));
    let expected = "MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/usp/agent/1\nreply-to-dest:/usp/controller\n\
        content-length:2\ncontent-type:application/vnd.bbf.usp.msg\n\nxy\0";
    assert_eq!(drain(&mut server).0, expected);
}

#[test]
fn nothing_is_delivered_before_it_is_subscribed_or_after() {
    let mut server = connected();
    assert!(!server.deliver(NOW, Bytes::from_static(b"x")));
    let mut server = subscribed();
    talk(&mut server, b"UNSUBSCRIBE\nid:0\n\n\0");
    assert!(!server.deliver(NOW, Bytes::from_static(b"x")));
}

#[test]
fn destinations_of_others_are_out_of_reach() {
    for bytes in [
        &b"SUBSCRIBE\nid:0\ndestination:/usp/agent/2\n\n\0"[..],
        b"SUBSCRIBE\nid:0\ndestination:/usp/controller\n\n\0",
        b"SEND\ndestination:/usp/agent/2\n\nx\0",
        b"SEND\ndestination:/usp/controller\nreply-to-dest:/usp/agent/2\n\nx\0",
    ] {
        let mut server = connected();
        let (sent, events, is_closed) = talk(&mut server, bytes);
        assert_eq!((label(&events), is_closed), ("foreign_destination", true), "{sent}");
    }
}

#[test]
fn frames_that_endpoints_do_not_send_end_the_connection() {
    for (bytes, reason) in [
        (&b"BEGIN\ntransaction:1\nreceipt:9\n\n\0"[..], "not_supported"),
        (b"ACK\nid:1\n\n\0", "not_supported"),
        (b"NACK\nid:1\n\n\0", "not_supported"),
        (b"FOO\n\n\0", "not_supported"),
        (b"STOMP\naccept-version:1.2\nendpoint-id:self\\c\\ca\n\n\0", "out_of_place"),
        (b"SUBSCRIBE\ndestination:/usp/agent/1\n\n\0", "bad_header"),
        (b"SUBSCRIBE\nid:0\ndestination:/usp/agent/1\nack:client\n\n\0", "bad_header"),
        (b"UNSUBSCRIBE\nid:5\n\n\0", "bad_header"),
        (b"SEND\ndestination:/usp/controller\ncontent-type:text/plain\n\nx\0", "not_a_record"),
        (b"SEND\ndestination:/usp/controller\n\n\0", "not_a_record"),
    ] {
        let mut server = connected();
        let (sent, events, is_closed) = talk(&mut server, bytes);
        assert!(is_closed);
        assert_eq!(label(&events), reason, "{sent}");
        assert_eq!(sent.contains("receipt-id:9"), bytes.starts_with(b"BEGIN"), "{sent}");
    }
}

#[test]
fn a_goodbye_is_confirmed_before_the_connection_closes() {
    let mut server = subscribed();
    let (sent, events, is_closed) = talk(&mut server, b"DISCONNECT\nreceipt:bye\n\n\0SEND\ndestination:/x\n\n\0");
    assert_eq!((sent.as_str(), is_closed), ("RECEIPT\nreceipt-id:bye\n\n\0", true));
    assert_eq!(events, [ServerEvent::Disconnected], "what comes after is not read");
}

#[test]
fn signs_of_life_are_given_and_expected_as_agreed() {
    // The client can send none and wants one each 30 s; the server can each 60 s: each 60 s.
    let mut server = connected();
    assert_eq!(server.poll_output(), ServerOutput::Wait(Some(NOW + Duration::from_secs(60))));
    server.handle_timeout(NOW + Duration::from_secs(60));
    assert_eq!(drain(&mut server).0, "\n");
    server.handle_timeout(NOW + Duration::from_secs(1_000));
    assert_eq!(drain(&mut server).0, "\n", "silence of a client that promised nothing is no fault");
    // One that promised to send each 10 s.
    let mut server = StompServer::new(NOW, ServerOptions::default());
    talk(&mut server, b"STOMP\naccept-version:1.2\nendpoint-id:self\\c\\ca\nheart-beat:10000,0\n\n\0");
    server.accept(NOW, "/a");
    drain(&mut server);
    server.handle_bytes(NOW + Duration::from_secs(100), b"\n");
    server.handle_timeout(NOW + Duration::from_secs(219));
    assert_eq!(drain(&mut server), (String::new(), vec![], false));
    server.handle_timeout(NOW + Duration::from_secs(220));
    let (_, events, is_closed) = drain(&mut server);
    assert_eq!((label(&events), is_closed), ("silent", true));
}
