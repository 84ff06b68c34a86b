use rand::SeedableRng;

use super::*;
use crate::address::{ClientAddr, Transport};
use crate::api::{Opened, RequestId};
use crate::attribute::Attribute;
use crate::builder::MessageBuilder;
use crate::key::{Key, Keys};
use crate::message::{Class, Method, TransactionId};
use crate::options::{NonceSecret, RelayAddress};

const KEY: Key = Key::Md5([9; 16]);

fn server() -> TurnServer {
    let relay = RelayAddress::plain([5, 5, 5, 5].into());
    let options = Options { relay_addresses: vec![relay], ..Options::new("realm", NonceSecret([1; 32])) };
    TurnServer::new(options, StdRng::seed_from_u64(1), Now::default())
}

fn five_tuple() -> FiveTuple {
    let client = ClientAddr(([77, 0, 0, 1], 1_000).into());
    FiveTuple { client, server: ([5, 5, 5, 5], 3_478).into(), transport: Transport::Udp }
}

/// Sends a request with the right key and does what the server wants done.
fn ask(server: &mut TurnServer, now: Now, method: Method, attribute: &Attribute<'_>) {
    let from = five_tuple();
    let nonce = server.nonces.make(now.wall, from.client);
    let nonce = [server.nonce_cookie(), std::str::from_utf8(&nonce).unwrap()].concat();
    let request = MessageBuilder::new(Class::Request, method, TransactionId([2; 12]))
        .attribute(attribute)
        .attribute(&Attribute::Username("alice"))
        .attribute(&Attribute::Realm("realm"))
        .attribute(&Attribute::Nonce(&nonce))
        .integrity(KEY.as_bytes())
        .finish();
    server.handle_input(now, Input::Client { from, bytes: &request });
    loop {
        match server.poll_output() {
            Output::FindKey { request, .. } => {
                server.handle_input(now, Input::KeyFound { request, result: Ok(Keys::from(KEY)) });
            }
            Output::OpenRelayed { request: RequestId(id), .. } => {
                let result = Ok(Opened::from(RelayedAddr(([5, 5, 5, 5], 50_000).into())));
                server.handle_input(now, Input::RelayedOpened { request: RequestId(id), result });
            }
            Output::Wait(_) => return,
            Output::Transmit { .. }
            | Output::TakeReserved { .. }
            | Output::CloseRelayed { .. }
            | Output::FindUser { .. }
            | Output::HandOver { .. }
            | Output::PathEnded(_)
            | Output::BindingKept(_)
            | Output::Event(_) => {}
        }
    }
}

fn assert_empty(server: &TurnServer) {
    assert!(server.by_five_tuple.is_empty() && server.by_relayed.is_empty() && server.opening.is_empty());
    assert!(server.companions.is_empty());
    assert_eq!(server.timers.next(), None);
    assert_eq!(server.users.of("alice"), 0);
    assert_eq!(server.stats().allocations_live, 0);
}

#[test]
fn an_allocation_that_ended_leaves_no_entry_in_any_table() {
    let mut server = server();
    let now = Now::default();
    ask(&mut server, now, Method::ALLOCATE, &Attribute::RequestedTransport(17));
    assert_eq!((server.by_five_tuple.len(), server.by_relayed.len(), server.users.of("alice")), (1, 1, 1));
    ask(&mut server, now, Method::REFRESH, &Attribute::Lifetime(0));
    assert_empty(&server);
    ask(&mut server, now, Method::ALLOCATE, &Attribute::RequestedTransport(17));
    server.handle_input(now + server.lifetimes.allocation_default, Input::Timeout);
    assert_empty(&server);
}

#[test]
fn what_a_closed_connection_leaves_behind_is_nothing() {
    let mut server = server();
    let now = Now::default();
    server.handle_input(now, Input::ConnectionClosed(five_tuple()));
    ask(&mut server, now, Method::ALLOCATE, &Attribute::RequestedTransport(17));
    assert!(server.has_allocation(&five_tuple()));
    server.handle_input(now, Input::ConnectionClosed(five_tuple()));
    assert!(matches!(server.poll_output(), Output::CloseRelayed { .. }));
    assert!(!server.has_allocation(&five_tuple()));
    assert_empty(&server);
}

#[test]
fn a_connection_that_closes_while_its_key_or_its_socket_is_awaited_leaves_nothing_behind() {
    let now = Now::default();
    for answered in [false, true] {
        let mut server = server();
        let from = five_tuple();
        let nonce = server.nonces.make(now.wall, from.client);
        let nonce = [server.nonce_cookie(), std::str::from_utf8(&nonce).unwrap()].concat();
        let bytes = MessageBuilder::new(Class::Request, Method::ALLOCATE, TransactionId([2; 12]))
            .attribute(&Attribute::RequestedTransport(17))
            .attribute(&Attribute::Username("alice"))
            .attribute(&Attribute::Realm("realm"))
            .attribute(&Attribute::Nonce(&nonce))
            .integrity(KEY.as_bytes())
            .finish();
        server.handle_input(now, Input::Client { from, bytes: &bytes });
        let Output::FindKey { request, .. } = server.poll_output() else { panic!("the key is asked for") };
        if answered {
            server.handle_input(now, Input::KeyFound { request, result: Ok(Keys::from(KEY)) });
            assert!(server.has_allocation(&from));
        }
        server.handle_input(now, Input::ConnectionClosed(from));
        assert_empty(&server);
        if let Output::OpenRelayed { request, .. } = server.poll_output() {
            let result = Ok(Opened::from(RelayedAddr(([5, 5, 5, 5], 50_000).into())));
            server.handle_input(now, Input::RelayedOpened { request, result });
            assert!(matches!(server.poll_output(), Output::CloseRelayed { .. }), "a socket nobody wants is closed");
        }
        assert_empty(&server);
    }
}
