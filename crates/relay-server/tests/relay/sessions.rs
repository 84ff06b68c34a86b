use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sangam_auth::turn::{LongTermUser, RestCredential};
use sangam_control::{
    Heard, Kick, RelayEvent, RelaySession, RelayTraffic, Revocation, RevocationError, RevocationOrder, RevokedName,
    SessionChange, SessionCursor, SessionFilter, SessionId, SessionList, SessionPage, SessionTransport, TopBy,
};
use sangam_relay_server::{Live, Revocations};
use sangam_types::Wall;

use crate::client::{Client, Data, EchoPeer, PATIENCE};
use crate::relay::{Options, Relay, credential, eventually, labelled, options, secrets};

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn user(name: &str) -> SessionFilter {
    SessionFilter { user: Some(name.to_owned()), ..SessionFilter::default() }
}

fn label(name: &str) -> SessionFilter {
    SessionFilter { label: Some(name.to_owned()), ..SessionFilter::default() }
}

fn revoke(name: RevokedName) -> RevocationOrder {
    RevocationOrder { name, until: None }
}

impl Relay {
    fn named(&self, name: &str) -> Client {
        Client::new(self.addr(), credential(&self.secrets.load(), name))
    }

    fn user(&self, entry: &str) -> Client {
        let (username, password) = entry.split_once(':').unwrap();
        let (username, password) = (username.to_owned(), password.to_owned());
        Client::new(self.addr(), RestCredential { username, password, expires: Wall::from_unix_secs(0) })
    }

    fn page(&self, filter: SessionFilter, from: SessionCursor, limit: usize) -> SessionList {
        wait(self.server.sessions().list(SessionPage { filter, from, limit }))
    }

    fn all(&self, filter: SessionFilter) -> Vec<RelaySession> {
        let list = self.page(filter, SessionCursor::default(), 1_000);
        assert_eq!((list.next, list.silent_threads), (None, vec![]));
        list.sessions
    }

    fn kick(&self, whom: Kick) -> usize {
        let ended = wait(self.server.sessions().kick(whom));
        assert_eq!(ended.silent_threads, Vec::<usize>::new());
        ended.ended
    }

    fn ended(&self, cause: &str) -> u64 {
        labelled(&self.server.snapshot().allocations_ended, cause)
    }
}

/// Whether what is sent on channel 0x4000 comes back.
fn flows(client: &Client) -> bool {
    client.send_on_channel(0x4000, b"ping");
    client.data() == Data::Channel(0x4000, b"ping".to_vec())
}

fn flowing(mut client: Client, peer: &EchoPeer) -> Client {
    client.allocate();
    client.bind_channel(0x4000, peer.addr());
    assert!(flows(&client));
    client
}

#[test]
fn sessions_of_all_threads_are_listed_page_by_page() {
    let relay = Relay::with(Options { threads: 4, ..options(&["127.0.0.1:0"]) });
    let mut clients: Vec<Client> = (0..13).map(|index| relay.named(&format!("alice/{index}"))).collect();
    let relayed: BTreeSet<_> = clients.iter_mut().map(Client::allocate).collect();
    for limit in [1, 4, 13, 100] {
        let (mut sessions, mut from) = (Vec::new(), Some(SessionCursor::default()));
        while let Some(cursor) = from {
            let page = relay.page(SessionFilter::default(), cursor, limit);
            assert!(page.sessions.len() <= limit && page.allocations == 13 && page.silent_threads.is_empty());
            assert!(page.sessions.len() == limit || page.next.is_none(), "a page is full, or it is the last");
            sessions.extend(page.sessions);
            from = page.next;
        }
        assert_eq!(sessions.len(), 13, "pages of {limit}");
        assert_eq!(sessions.iter().map(|session| session.relayed).collect::<BTreeSet<_>>(), relayed);
        assert_eq!(sessions.iter().map(|session| session.id).collect::<BTreeSet<_>>().len(), 13);
    }
}

#[test]
fn a_session_shows_who_has_it_where_and_what_it_relayed() {
    let relay = Relay::start();
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let client = flowing(relay.named("alice/laptop"), &peer);
    relay.named("bob").allocate();
    let found = relay.all(label("alice"));
    let [session] = &found[..] else { panic!("{found:?}") };
    assert!(session.username.ends_with(":alice/laptop"));
    assert_eq!((session.user.as_str(), session.label.as_str()), ("alice/laptop", "alice"));
    assert_eq!(
        (session.client, session.server, session.transport),
        (client.addr(), relay.addr(), SessionTransport::Udp)
    );
    assert_eq!((session.permissions, session.channels), (1, 1));
    assert_eq!(session.to_peer, RelayTraffic { packets: 1, bytes: 4 });
    assert_eq!(session.to_client, RelayTraffic { packets: 1, bytes: 4 });
    assert!((590..=600).contains(&session.expires_in_secs));
    assert_eq!(wait(relay.server.sessions().find(session.id)).sessions[0].relayed, session.relayed);
    for filter in [
        user("alice/laptop"),
        user(&session.username),
        SessionFilter { client: Some(client.addr().ip()), ..label("alice") },
    ] {
        assert_eq!(relay.all(filter).len(), 1);
    }
    assert!(relay.all(user("alice")).is_empty());
    assert!(relay.all(SessionFilter { client: Some([10, 0, 0, 1].into()), ..SessionFilter::default() }).is_empty());
}

#[test]
fn a_kick_ends_the_sessions_that_are_meant_and_no_others_flow() {
    let relay = Relay::with(Options { threads: 3, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let bob = flowing(relay.named("bob"), &peer);
    let mut alices: Vec<Client> = (0..6).map(|index| relay.named(&format!("alice/{}", index % 2))).collect();
    for client in &mut alices {
        client.allocate();
    }
    let one = relay.all(user("alice/0"))[0].id;
    let of_another_start = SessionId { start: one.start.wrapping_add(1), ..one };
    assert_eq!(relay.kick(Kick::One(of_another_start)), 0);
    assert_eq!(relay.kick(Kick::One(one)), 1);
    assert_eq!(relay.kick(Kick::One(one)), 0, "its name is nobody else's");
    assert!(wait(relay.server.sessions().find(one)).sessions.is_empty());
    assert_eq!(relay.kick(Kick::Each(user("alice/0"))), 2);
    assert_eq!(relay.kick(Kick::Each(label("alice"))), 3);
    assert!(flows(&bob));
    eventually("six are counted as kicked", || relay.ended("kicked") == 6);
    assert_eq!(relay.server.snapshot().ports_in_use, 1);
    alices[0].allocate();
}

#[test]
fn a_user_who_is_removed_or_changed_loses_its_sessions_within_a_second_of_the_reload() {
    let relay = Relay::with(Options { threads: 3, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let users = |entries: &[&str]| Arc::new(entries.iter().map(|entry| LongTermUser::parse(entry).unwrap()).collect());
    relay.users.store(users(&["kept:secret one", "gone:secret two", "changed:secret three"]));
    let kept = flowing(relay.user("kept:secret one"), &peer);
    let limited = flowing(relay.named("limited"), &peer);
    let mut gone: Vec<Client> = (0..8).map(|_| relay.user("gone:secret two")).collect();
    for client in &mut gone {
        client.allocate();
    }
    let mut by_sha256 = relay.user("changed:secret three");
    assert_eq!(by_sha256.allocate_by_sha256().error, None);
    relay.users.store(users(&["kept:secret one", "changed:secret four"]));
    let begin = Instant::now();
    relay.server.reload(Live::default());
    eventually("all nine have ended", || relay.ended("revoked") == 9);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(flows(&kept) && flows(&limited));
    assert_eq!(gone[0].try_allocate().error, Some(401));
}

#[test]
fn a_secret_that_is_taken_away_ends_what_was_made_with_it_and_one_that_is_added_does_not() {
    let relay = Relay::start();
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let old = flowing(relay.named("old"), &peer);
    relay.secrets.store(Arc::new(secrets(&["second secret", "first secret"])));
    relay.server.reload(Live::default());
    let new = flowing(relay.named("new"), &peer);
    assert!(flows(&old));
    relay.secrets.store(Arc::new(secrets(&["second secret"])));
    relay.server.reload(Live::default());
    eventually("the old one has ended", || relay.ended("revoked") == 1);
    assert!(flows(&new));
}

#[test]
fn a_revoked_label_loses_its_sessions_and_is_refused_until_it_is_restored() {
    let relay = Relay::with(Options { threads: 3, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let bob = flowing(relay.named("bob"), &peer);
    for index in 0..5 {
        relay.named(&format!("alice/{index}")).allocate();
    }
    let name = RevokedName::Label("alice".to_owned());
    let revoked = wait(relay.server.sessions().revoke(revoke(name.clone()))).unwrap();
    assert_eq!((revoked.sessions.ended, revoked.sessions.silent_threads), (5, vec![]));
    let until = revoked.revocation.until.expect("a time-limited credential ends");
    assert_eq!(until.unix_secs() - revoked.revocation.since.unix_secs(), 31 * 86_400);
    assert_eq!(relay.named("alice/9").try_allocate().error, Some(401));
    eventually("the reason is counted", || labelled(&relay.server.snapshot().credential_refusals, "revoked") == 1);
    assert!(flows(&bob));
    assert!(wait(relay.server.sessions().restore(name)).unwrap());
    relay.named("alice/9").allocate();
}

#[test]
fn a_long_term_user_is_revoked_for_ever_and_saved_revocations_are_in_force_from_the_start() {
    let saved = |name: &str| Revocation {
        name: RevokedName::User(name.to_owned()),
        since: Wall::from_unix_secs(1),
        until: None,
    };
    let revocations = Arc::new(Revocations::new(vec![saved("eve")], None, 2));
    let relay = Relay::with(Options { revocations, ..options(&["127.0.0.1:0"]) });
    assert_eq!(relay.named("eve").try_allocate().error, Some(401));
    relay.users.store(Arc::new(LongTermUser::parse("alice:secret").into_iter().collect()));
    let order = revoke(RevokedName::User("alice".to_owned()));
    let revoked = wait(relay.server.sessions().revoke(order)).unwrap();
    assert_eq!((revoked.revocation.until, revoked.sessions.ended), (None, 0));
    assert_eq!(relay.user("alice:secret").try_allocate().error, Some(401));
    let third = wait(relay.server.sessions().revoke(revoke(RevokedName::User("bob".to_owned()))));
    assert_eq!(third, Err(RevocationError::Full { max: 2 }));
    assert_eq!(relay.server.sessions().revocations().len(), 2);
}

#[test]
fn a_drain_refuses_newcomers_until_it_is_taken_back() {
    let relay = Relay::start();
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let client = flowing(relay.client(), &peer);
    let sessions = relay.server.sessions();
    sessions.set_draining(true);
    assert!(sessions.is_draining());
    eventually("newcomers are refused", || relay.client().try_allocate().error == Some(508));
    assert!(flows(&client));
    sessions.set_draining(false);
    eventually("newcomers are welcome", || relay.client().try_allocate().error.is_none());
}

#[test]
fn the_busiest_sessions_come_first() {
    let rate_interval = Duration::from_millis(50);
    let relay = Relay::with(Options { threads: 3, rate_interval, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let _idle: Vec<Client> = (0..4).map(|_| flowing(relay.named("idle"), &peer)).collect();
    let (many, large) = (flowing(relay.named("many"), &peer), flowing(relay.named("large"), &peer));
    let top = |by, count| {
        let list = wait(relay.server.sessions().top(by, count));
        list.sessions.into_iter().map(|session| session.user).collect::<Vec<_>>()
    };
    eventually("the order is as the traffic", || {
        for _ in 0..20 {
            many.send_on_channel(0x4000, b"1");
        }
        large.send_on_channel(0x4000, &[2; 1_000]);
        top(TopBy::Packets, 2) == ["many", "large"] && top(TopBy::Bytes, 1) == ["large"]
    });
    assert_eq!(top(TopBy::Bytes, 100).len(), 6);
}

#[test]
fn subscribers_hear_each_change_of_a_session_with_its_traffic() {
    let rate_interval = Duration::from_millis(50);
    let relay = Relay::with(Options { rate_interval, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let mut heard = relay.server.sessions().subscribe().unwrap();
    let mut client = flowing(relay.named("alice/1"), &peer);
    let mut next = || -> Option<RelayEvent> {
        let next = wait(async { tokio::time::timeout(PATIENCE, heard.next()).await }).expect("in time");
        next.map(|heard| match heard {
            Heard::Event(event) => RelayEvent::clone(&event),
            Heard::Missed(missed) => panic!("{missed} missed"),
        })
    };
    let begun = next().unwrap();
    assert_eq!((begun.label.as_str(), begun.client), ("alice", client.addr()));
    assert_eq!(begun.change, SessionChange::New { lifetime_secs: 600 });
    let traffic = next().unwrap();
    assert!(matches!(traffic.change, SessionChange::Traffic { total } if total.to_peer.packets == 1), "{traffic:?}");
    client.free();
    let mut ended = next().unwrap();
    while matches!(ended.change, SessionChange::Traffic { .. }) {
        ended = next().unwrap();
    }
    let SessionChange::Deleted { cause, total } = ended.change else { panic!("{ended:?}") };
    assert_eq!((cause, total.to_peer.bytes, total.to_client.bytes, ended.session), ("client", 4, 4, begun.session));
    relay.server.stop(Duration::ZERO);
    assert_eq!(next(), None, "the end is told");
    assert!(relay.server.sessions().subscribe().is_none());
}

#[test]
fn threads_that_do_not_answer_are_named_and_not_waited_for() {
    let relay = Relay::with(Options { threads: 3, ..options(&["127.0.0.1:0"]) });
    relay.server.stop(Duration::ZERO);
    let begin = Instant::now();
    assert_eq!(relay.page(SessionFilter::default(), SessionCursor::default(), 10).silent_threads, [0, 1, 2]);
    assert_eq!(wait(relay.server.sessions().kick(Kick::Each(user("alice")))).silent_threads, [0, 1, 2]);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_table_of_many_slices_is_seen_and_ended_whole_while_packets_go_on() {
    let relay = Relay::with(Options { threads: 1, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
    let mut clients: Vec<Client> = (0..300).map(|_| relay.named("alice")).collect();
    for client in &mut clients {
        client.allocate();
    }
    let bob = flowing(relay.named("bob"), &peer);
    assert_eq!(relay.all(SessionFilter::default()).len(), 301);
    let page = relay.page(user("bob"), SessionCursor::default(), 1);
    assert_eq!((page.sessions.len(), page.next), (1, None), "the last place of the table");
    assert_eq!(wait(relay.server.sessions().top(TopBy::Bytes, 1)).sessions[0].user, "bob");
    let revoked = wait(relay.server.sessions().revoke(revoke(RevokedName::User("alice".to_owned())))).unwrap();
    assert_eq!(revoked.sessions.ended, 300);
    assert!(flows(&bob));
    assert_eq!(relay.kick(Kick::Each(user("bob"))), 1);
}
