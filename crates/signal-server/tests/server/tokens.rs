//! Tokens on every wire: who may come in, what they may do there, and until when.

use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::{Claims, Key, Keyring, TokenOptions, Use};
use sangam_control::{RevokedToken, TokenRevocation, TokenRevocations};
use sangam_types::Wall;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::recovery::with_recovery;
use crate::socketio_client::{Io, transport};
use crate::support::{Socket, TestServer};

const PUBLIC: (&str, &str) = ("x-test-from", "192.0.2.1");

struct Ground {
    server: TestServer,
    keyring: Arc<Keyring>,
    revocations: TokenRevocations,
}

fn now() -> Wall {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Wall::default() + since_epoch
}

async fn start() -> Ground {
    let secret = b"a secret of the tests that is long enough".to_vec().into();
    let key = Key::new("signal", Use::Signal, &secret).unwrap();
    let revocations = TokenRevocations::default();
    let keyring = Keyring::new(vec![key], TokenOptions::default()).unwrap().with_revoked(revocations.revoked());
    let keyring = Arc::new(keyring);
    let mut options = with_recovery();
    options.live.access.keyring = Some(Arc::clone(&keyring));
    let server = TestServer::start_with(options, None, Some(revocations.watch())).await;
    Ground { server, keyring, revocations }
}

impl Ground {
    fn token(&self, claims: &Claims) -> String {
        self.keyring.mint(Use::Signal, claims).unwrap()
    }

    fn token_of(&self, sub: &str, room: Option<&str>, grants: Option<&[&str]>) -> String {
        let grants = grants.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let jti = Some(format!("token of {sub}"));
        let claims = Claims::new(sub, now() + Duration::from_secs(600));
        self.token(&Claims { room: room.map(ToOwned::to_owned), grants, jti, ..claims })
    }

    async fn page(&self, token: &str) -> Io {
        let auth = json!({ "token": token }).to_string();
        Io::enter(transport(&self.server, "", &[PUBLIC]).await, &auth).await.unwrap()
    }

    async fn agent(&self, path: &str, token: &str) -> Socket {
        self.server.try_open(&format!("{path}?token={token}"), &[PUBLIC]).await.unwrap().0
    }

    fn revoke(&self, name: RevokedToken) {
        self.revocations.put(TokenRevocation { name, since: now(), until: None }).unwrap();
    }
}

fn code(refused: &Value) -> &str {
    refused["data"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_page_shows_its_token_where_it_enters_in_a_header_or_in_the_query() {
    let ground = start().await;
    let token = ground.token_of("alice", None, None);
    let auth = json!({ "token": token }).to_string();
    let bearer = format!("Bearer {token}");
    let query = format!("&token={token}");
    let bearer_auth = json!({ "token": bearer }).to_string();
    for (query, header, auth) in
        [("", None, auth.as_str()), ("", Some(&bearer), ""), (&query, None, ""), ("", None, &bearer_auth)]
    {
        let mut headers = vec![PUBLIC];
        headers.extend(header.map(|it| ("authorization", it.as_str())));
        let mut page = Io::enter(transport(&ground.server, query, &headers).await, auth).await.unwrap();
        page.join("s", "p").await;
        assert_eq!(page.event().await.0, "session-joined");
    }
    let without = Io::enter(transport(&ground.server, "", &[PUBLIC]).await, "").await;
    assert_eq!(code(&without.err().unwrap()), "token_required");
    // One that is shown must be good, even where none is needed.
    for bad in ["", "x", &format!("{token}x")] {
        let auth = json!({ "token": bad }).to_string();
        let refused = Io::enter(transport(&ground.server, "", &[]).await, &auth).await;
        assert_eq!(code(&refused.err().unwrap()), "token_refused", "{bad}");
    }
    let refusals = r#"sangam_signal_upgrade_refusals_total{reason="token_refused"}"#;
    assert_eq!(ground.server.metric(refusals), 3);
}

#[tokio::test]
async fn a_token_is_good_for_its_room_and_for_what_it_grants() {
    let ground = start().await;
    let mut page = ground.page(&ground.token_of("p", Some("s"), None)).await;
    page.join("other", "p").await;
    page.expect_error("not_allowed").await;
    page.join("s", "p").await;
    page.expect("session-joined", r#"{"sessionId":"s","participants":["p"]}"#).await;
    // What participants do is theirs without being named; power over others is not.
    page.emit("start-session-timer", r#"{"sessionId":"s","duration":60}"#).await;
    page.expect_error("not_allowed").await;
    page.emit("end-session", r#"{"sessionId":"s"}"#).await;
    page.expect_error("not_allowed").await;
    page.emit("verse-changed", r#"{"sessionId":"s","verse":1}"#).await;
    assert_eq!(page.event().await.0, "verse-changed");

    let mut listener = ground.page(&ground.token_of("l", Some("s"), Some(&["join"]))).await;
    listener.join("s", "l").await;
    assert_eq!(listener.event().await.0, "session-joined");
    listener.event().await;
    for _ in 0..2 {
        page.event().await;
    }
    for event in ["verse-changed", "reading-queue-update", "webrtc-offer"] {
        listener.emit(event, r#"{"sessionId":"s","verse":1,"queue":[],"data":{}}"#).await;
        listener.expect_error("not_allowed").await;
    }
    let mut nobody = ground.page(&ground.token_of("n", Some("s"), Some(&["signal"]))).await;
    nobody.join("s", "n").await;
    nobody.expect_error("not_allowed").await;
    page.expect_silence().await;

    let mut keeper = ground.page(&ground.token_of("k", Some("s"), Some(&["join", "timer"]))).await;
    keeper.join("s", "k").await;
    keeper.event().await;
    keeper.event().await;
    keeper.emit("start-session-timer", r#"{"sessionId":"s","duration":60}"#).await;
    assert_eq!(keeper.event().await.0, "session-timer-update");
}

#[tokio::test]
async fn an_agent_moderates_with_the_grant_alone() {
    let ground = start().await;
    let mut page = ground.page(&ground.token_of("p", Some("s"), None)).await;
    page.join("s", "p").await;
    page.event().await;
    let mut agent = ground.agent("/ws", &ground.token_of("a", Some("s"), None)).await;
    agent.register("a", "[]").await;
    agent.send(r#"{"type":"kick","agent_id":"p"}"#).await;
    agent.expect(r#"{"type":"error","message":"Error: The token does not allow to moderate"}"#).await;
    agent.send(r#"{"type":"lock"}"#).await;
    agent.expect(r#"{"type":"error","message":"Error: The token does not allow to moderate"}"#).await;
    let mut moderator = ground.agent("/ws", &ground.token_of("m", Some("s"), Some(&["join", "moderate"]))).await;
    moderator.register("m", "[]").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"m"}"#).await;
    moderator.send(r#"{"type":"kick","agent_id":"p","reason":"rude"}"#).await;
    agent.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    loop {
        let (name, value) = page.event().await;
        if name == "session-ended" {
            assert_eq!(value["reason"], "rude");
            break;
        }
    }
}

#[tokio::test]
async fn sockets_end_with_their_token_and_their_others_are_told() {
    let ground = start().await;
    let mut witness = ground.server.agent_in("s", "w").await;
    // Whole seconds on the wire: between one and two from now.
    let token = ground.token(&Claims::new("p", now() + Duration::from_secs(2)));
    let mut page = ground.page(&token).await;
    page.join("s", "p").await;
    page.event().await;
    let (frames, _) = page.ended().await;
    assert!(frames.iter().any(|it| it.contains(r#""code":"token_expired""#)), "{frames:?}");
    witness.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    witness.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    assert_eq!(ground.server.metric(r#"sangam_signal_closes_total{reason="token_expired"}"#), 1);
}

#[tokio::test]
async fn a_revoked_token_ends_its_sockets_of_all_wires_at_once() {
    let ground = start().await;
    let mut witness = ground.server.agent_in("s", "w").await;
    let (bad, good) = (ground.token_of("bad", Some("s"), None), ground.token_of("good", Some("s"), None));
    let (mut page, mut agent) = (ground.page(&bad).await, ground.agent("/ws", &bad).await);
    let mut other = ground.page(&good).await;
    page.join("s", "p").await;
    page.event().await;
    witness.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    agent.register("a", "[]").await;
    witness.expect(r#"{"type":"agent-joined","agent_id":"a"}"#).await;
    ground.revoke(RevokedToken::Jti("token of bad".to_owned()));
    let (frames, _) = page.ended().await;
    assert!(frames.iter().any(|it| it.contains(r#""code":"token_revoked""#)), "{frames:?}");
    assert_eq!(agent.closed().await.code, CloseCode::Policy);
    let mut left = [witness.text().await, witness.text().await];
    left.sort();
    assert_eq!(left, ["a", "p"].map(|id| format!(r#"{{"type":"agent-left","agent_id":"{id}"}}"#)));
    assert_eq!(ground.server.metric(r#"sangam_signal_closes_total{reason="token_revoked"}"#), 2);
    // Nobody else is touched, and none is counted again.
    ground.revoke(RevokedToken::Sub("somebody else".to_owned()));
    other.expect_silence().await;
    assert_eq!(ground.server.metric(r#"sangam_signal_closes_total{reason="token_revoked"}"#), 2);
    let auth = json!({ "token": bad }).to_string();
    let refused = Io::enter(transport(&ground.server, "", &[PUBLIC]).await, &auth).await;
    assert_eq!(code(&refused.err().unwrap()), "token_refused");
    let poll = format!("/signal/poll/n?token={bad}");
    assert_eq!(crate::wire::get(&ground.server, &poll, &[PUBLIC]).await.0, 401);
}

#[tokio::test]
async fn who_is_away_when_its_token_is_revoked_leaves_at_once_and_is_not_let_in_again() {
    let ground = start().await;
    let mut witness = ground.server.agent_in("s", "w").await;
    let bad = ground.token_of("bad", Some("s"), None);
    let mut page = ground.page(&bad).await;
    page.join("s", "p").await;
    page.event().await;
    witness.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    let way = page.cut();
    ground.server.until_metric("sangam_signal_absent_participants", 1).await;
    ground.revoke(RevokedToken::Jti("token of bad".to_owned()));
    witness.expect(r#"{"type":"agent-left","agent_id":"p"}"#).await;
    let mut back = Io::enter(transport(&ground.server, "", &[PUBLIC]).await, &way.with_token(&bad)).await.unwrap();
    back.expect_error("token_refused").await;
    assert_eq!(back.frame().await.unwrap(), "41");
    witness.expect_silence().await;
    ground.server.until_metric("sangam_signal_sockets", 1).await;
}

#[tokio::test]
async fn who_comes_back_with_a_newer_token_has_its_time_and_its_rights() {
    let ground = start().await;
    let mut witness = ground.server.agent_in("s", "w").await;
    let short = Claims::new("p", now() + Duration::from_secs(3));
    let mut page = ground.page(&ground.token(&short)).await;
    page.join("s", "p").await;
    page.event().await;
    witness.expect(r#"{"type":"agent-joined","agent_id":"p"}"#).await;
    page.emit("start-session-timer", r#"{"sessionId":"s","duration":60}"#).await;
    page.expect_error("not_allowed").await;
    let way = page.cut();
    let longer = ground.token_of("p", None, Some(&["join", "signal", "timer"]));
    let back = Io::enter(transport(&ground.server, "", &[PUBLIC]).await, &way.with_token(&longer)).await;
    let mut page = back.unwrap();
    assert_eq!(page.sid, way.sid);
    loop {
        page.emit("start-session-timer", r#"{"sessionId":"s","duration":60}"#).await;
        if page.event().await.0 == "session-timer-update" {
            break;
        }
    }
    // Others with the older token's end are put out by then: one of them is the clock of this test.
    let mut clock = ground.page(&ground.token(&short)).await;
    let (frames, _) = clock.ended().await;
    assert!(frames.iter().any(|it| it.contains("token_expired")), "{frames:?}");
    page.emit("pause-session-timer", r#"{"sessionId":"s"}"#).await;
    assert_eq!(page.event().await.0, "session-timer-update");
}
