use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{
    ClientEvent, ClientOptions, ClientOutput, ServerEvent, ServerOptions, ServerOutput, StompClient, StompServer,
};

/// Runs both until neither has more to say, each byte by itself, and answers what happened.
fn run(client: &mut StompClient, server: &mut StompServer) -> (Vec<ClientEvent>, Vec<ServerEvent>) {
    let now = Mono::ZERO;
    let (mut client_events, mut server_events) = (Vec::new(), Vec::new());
    loop {
        let mut is_quiet = true;
        match client.poll_output() {
            ClientOutput::Transmit(bytes) => {
                bytes.chunks(1).for_each(|byte| server.handle_bytes(now, byte));
                is_quiet = false;
            }
            ClientOutput::Event(event) => client_events.push(event),
            ClientOutput::Close | ClientOutput::Wait(_) => {}
        }
        match server.poll_output() {
            ServerOutput::Transmit(bytes) => {
                bytes.chunks(1).for_each(|byte| client.handle_bytes(now, byte));
                is_quiet = false;
            }
            ServerOutput::Event(event) => {
                if matches!(event, ServerEvent::Connect(_)) {
                    server.accept(now, "/usp/agent/1");
                }
                server_events.push(event);
                is_quiet = false;
            }
            ServerOutput::Close | ServerOutput::Wait(_) => {}
        }
        if is_quiet {
            return (client_events, server_events);
        }
    }
}

#[test]
fn our_client_at_our_server_is_reached_and_reaches_the_controller() {
    let now = Mono::ZERO;
    let mut client = StompClient::new(now, ClientOptions::new("os::012345-A1".parse().unwrap()));
    let mut server = StompServer::new(now, ServerOptions::default());
    let (client_events, server_events) = run(&mut client, &mut server);
    assert_eq!(client_events, [ClientEvent::Connected { destination: "/usp/agent/1".into() }]);
    assert_eq!(server_events.last(), Some(&ServerEvent::Subscribed));
    assert!(client.send(now, "/usp/controller", Bytes::from_static(&[0, 10, 13])));
    assert!(server.deliver(now, Bytes::from_static(&[0, 0])));
    let (mut client_events, server_events) = run(&mut client, &mut server);
    client_events.extend(run(&mut client, &mut server).0);
    assert_eq!(server_events, [ServerEvent::Record(Bytes::from_static(&[0, 10, 13]))]);
    let record = Bytes::from_static(&[0, 0]);
    assert_eq!(client_events, [ClientEvent::Record { record, reply_to: Some("/usp/controller".into()) }]);
}
