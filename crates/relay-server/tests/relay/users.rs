use std::sync::Arc;

use sangam_auth::turn::{LongTermUser, LongTermUsers, RestCredential};
use sangam_types::Wall;

use crate::client::Client;
use crate::relay::{REALM, Relay, eventually, labelled};

fn users(entries: &[&str]) -> Arc<LongTermUsers> {
    Arc::new(entries.iter().map(|entry| LongTermUser::parse(entry).unwrap()).collect())
}

fn client(relay: &Relay, username: &str, password: &str) -> Client {
    let (username, password) = (username.to_owned(), password.to_owned());
    Client::new(relay.addr(), RestCredential { username, password, expires: Wall::from_unix_secs(0) })
}

#[test]
fn a_long_term_user_allocates_with_password_or_key_and_time_limited_credentials_still_work() {
    let relay = Relay::start();
    let key = sangam_auth::turn::LongTermKey::derive("bob", REALM, "bob's password");
    let digits: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
    relay.users.store(users(&["alice:open sesame", &format!("bob:0x{digits}")]));
    client(&relay, "alice", "open sesame").allocate();
    client(&relay, "bob", "bob's password").allocate();
    relay.client().allocate();
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_401_and_are_counted_apart() {
    let relay = Relay::start();
    relay.users.store(users(&["alice:open sesame"]));
    assert_eq!(client(&relay, "alice", "open barley").try_allocate().error, Some(401));
    assert_eq!(client(&relay, "mallory", "open sesame").try_allocate().error, Some(401));
    eventually("one user is unknown", || labelled(&relay.server.snapshot().credential_refusals, "unknown_user") == 1);
}

#[test]
fn users_are_replaced_while_the_relay_runs() {
    let relay = Relay::start();
    relay.users.store(users(&["alice:first"]));
    client(&relay, "alice", "first").allocate();
    relay.users.store(users(&["alice:second", "carol:third"]));
    assert_eq!(client(&relay, "alice", "first").try_allocate().error, Some(401));
    client(&relay, "alice", "second").allocate();
    client(&relay, "carol", "third").allocate();
    relay.users.store(users(&[]));
    assert_eq!(client(&relay, "carol", "third").try_allocate().error, Some(401));
}

#[test]
fn a_user_whose_name_looks_like_a_time_limited_credential_is_that_user() {
    let relay = Relay::start();
    relay.users.store(users(&["1700000000:no secret but a password"]));
    client(&relay, "1700000000", "no secret but a password").allocate();
}
