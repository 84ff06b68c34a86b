use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{ClientEvent, ClientFailure, ClientOptions, ClientOutput, StompClient};

const NOW: Mono = Mono::ZERO;

fn options() -> ClientOptions {
    ClientOptions {
        host: Some("/".into()),
        credentials: Some(("me".into(), "hunter2".into())),
        destination: Some("/queue/own".into()),
        ..ClientOptions::new("os::012345-A1".parse().unwrap())
    }
}

fn drain(client: &mut StompClient) -> (String, Vec<ClientEvent>, bool) {
    let (mut sent, mut events, mut is_closed) = (Vec::new(), Vec::new(), false);
    loop {
        match client.poll_output() {
            ClientOutput::Transmit(bytes) => sent.extend(bytes),
            ClientOutput::Event(event) => events.push(event),
            ClientOutput::Close => is_closed = true,
            ClientOutput::Wait(_) => return (String::from_utf8_lossy(&sent).into_owned(), events, is_closed),
        }
    }
}

fn talk(client: &mut StompClient, bytes: &[u8]) -> (String, Vec<ClientEvent>, bool) {
    client.handle_bytes(NOW, bytes);
    drain(client)
}

fn connecting(options: ClientOptions) -> StompClient {
    let mut client = StompClient::new(NOW, options);
    drain(&mut client);
    client
}

fn connected() -> StompClient {
    let mut client = connecting(options());
    talk(&mut client, b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0");
    client
}

fn failure(events: &[ClientEvent]) -> &ClientFailure {
    match events.last() {
        Some(ClientEvent::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_says_who_it_is_and_subscribes_where_it_is_told() {
    let mut client = StompClient::new(NOW, options());
    let expected = "STOMP\naccept-version:1.2\nheart-beat:30000,30000\nendpoint-id:os\\c\\c012345-A1\nhost:/\nlogin:me\n\
        passcode:hunter2\n\n\0";
    assert_eq!(drain(&mut client).0, expected);
    let (sent, events, _) = talk(&mut client, b"CONNECTED\nversion:1.2\nsubscribe-dest:/queue/told:1\n\n\0");
    assert_eq!(sent, "SUBSCRIBE\nid:0\ndestination:/queue/told\\c1\nack:auto\n\n\0");
    assert_eq!(events, [ClientEvent::Connected { destination: "/queue/told:1".into() }]);
    assert!(!format!("{client:?}").contains("hunter2"));
}

#[test]
fn without_being_told_it_subscribes_where_it_is_configured_to_or_gives_up() {
    let mut client = connecting(options());
    let (_, events, _) = talk(&mut client, b"CONNECTED\nversion:1.2\n\n\0");
    assert_eq!(events, [ClientEvent::Connected { destination: "/queue/own".into() }]);
    let mut client = connecting(ClientOptions { destination: None, ..options() });
    let (sent, events, is_closed) = talk(&mut client, b"CONNECTED\nversion:1.2\n\n\0");
    assert_eq!((sent.as_str(), is_closed), ("DISCONNECT\n\n\0", true));
    assert_eq!(*failure(&events), ClientFailure::NoDestination);
}

#[test]
fn records_are_sent_with_their_length_type_and_where_answers_go() {
    let mut client = connected();
    assert!(client.send(NOW, "/queue/ctl", Bytes::from_static(b"ab")));
    let expected = "SEND\ndestination:/queue/ctl\nreply-to-dest:/queue/own\ncontent-length:2\n\
        content-type:application/vnd.bbf.usp.msg\n\nab\0";
    assert_eq!(drain(&mut client).0, expected);
    assert!(!connecting(options()).send(NOW, "/queue/ctl", Bytes::from_static(b"ab")));
}

#[test]
fn records_that_come_say_where_answers_go() {
    let mut client = connected();
    let message = b"MESSAGE\nsubscription:0\nmessage-id:1\ndestination:/queue/own\nreply-to-dest:/queue/ctl\n\
        content-type:application/vnd.bbf.usp.msg\ncontent-length:1\n\nx\0";
    let record = ClientEvent::Record { record: "x".into(), reply_to: Some("/queue/ctl".into()) };
    assert_eq!(talk(&mut client, message).1, [record]);
    let (_, events, is_closed) = talk(&mut client, b"MESSAGE\ncontent-type:text/plain\n\nx\0");
    assert_eq!((events, is_closed), (vec![ClientEvent::NotARecord], false));
    assert_eq!(talk(&mut client, b"RECEIPT\nreceipt-id:5\n\n\0").1, [ClientEvent::Receipt("5".into())]);
}

#[test]
fn a_broker_that_refuses_says_nothing_or_speaks_something_else_is_left() {
    let mut client = connecting(options());
    let (_, events, is_closed) = talk(&mut client, b"ERROR\nmessage:Bad CONNECT\n\nAccess refused\0");
    assert_eq!((failure(&events), is_closed), (&ClientFailure::Refused("Bad CONNECT".into()), true));
    let mut client = connecting(options());
    assert_eq!(*failure(&talk(&mut client, b"CONNECTED\nversion:1.1\n\n\0").1), ClientFailure::Version);
    let mut client = connecting(options());
    assert!(matches!(failure(&talk(&mut client, b"HTTP/1.1 400 Bad\r\n\r\n").1), ClientFailure::Malformed(_)));
    let mut client = connecting(options());
    client.handle_timeout(NOW + Duration::from_secs(10));
    assert_eq!(*failure(&drain(&mut client).1), ClientFailure::Silent);
}

#[test]
fn a_broker_that_stops_beating_is_left() {
    let mut client = connecting(options());
    talk(&mut client, b"CONNECTED\nversion:1.2\nheart-beat:20000,10000\n\n\0");
    // It sends each 30 s and hears each 30 s.
    client.handle_timeout(NOW + Duration::from_secs(30));
    assert_eq!(drain(&mut client).0, "\n");
    client.handle_timeout(NOW + Duration::from_secs(60));
    assert_eq!(*failure(&drain(&mut client).1), ClientFailure::Silent);
}

#[test]
fn it_says_goodbye_once() {
    let mut client = connected();
    client.close(NOW);
    client.close(NOW);
    let (sent, _, is_closed) = drain(&mut client);
    assert_eq!((sent.as_str(), is_closed), ("DISCONNECT\n\n\0", true));
}
