use std::sync::Arc;

use sangam_auth::turn::{LongTermUser, LongTermUsers, RestCredential};
use sangam_types::Wall;

use crate::client::Client;
use crate::relay::{REALM, Relay, eventually, labelled, options};

fn users(entries: &[&str]) -> Arc<LongTermUsers> {
    let users: LongTermUsers = entries.iter().map(|entry| LongTermUser::parse(entry).unwrap()).collect();
    Arc::new(users.findable_by_hash(REALM))
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

#[test]
fn a_long_term_user_may_hide_the_name_and_a_time_limited_credential_may_not() {
    let relay = Relay::start();
    relay.users.store(users(&["alice:open sesame"]));
    let mut hidden = client(&relay, "alice", "open sesame");
    hidden.hides_name = true;
    hidden.allocate();
    hidden.free();
    let mut wrong = client(&relay, "alice", "open barley");
    wrong.hides_name = true;
    assert_eq!(wrong.try_allocate().error, Some(401));
    let mut time_limited = relay.client();
    time_limited.hides_name = true;
    assert_eq!(time_limited.try_allocate().error, Some(401));
    eventually("it is counted by its name", || {
        labelled(&relay.server.snapshot().credential_refusals, "unknown_hash") == 1
    });
}

#[test]
fn without_the_offer_of_algorithms_a_challenge_has_at_most_96_bytes() {
    for (offers_password_algorithms, len) in [(true, 120), (false, 96)] {
        let mut options = options(&["127.0.0.1:0"]);
        options.offers_password_algorithms = offers_password_algorithms;
        let relay = Relay::with(options);
        let challenge = relay.client().challenge();
        assert!(challenge.len() <= len && challenge.len() > len - 24, "{} bytes", challenge.len());
    }
}
