//! Nodes that poll, over real HTTP: what they find, and what becomes of what is sent to them.

use std::collections::BTreeSet;
use std::time::Duration;

use sangam_signal_server::{Open, Options};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Socket, TestServer};
use crate::wire::{get, request};

/// Longer than a test may take: what is held for so long is never answered empty.
const FOREVER: Duration = Duration::from_secs(3_600);

const SDP: &str = "v=0\r\na=ice-options:trickle\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

const EARLY: &str = "candidate:1 1 udp 1 192.0.2.7 7 typ host";
const LATER: &str = "candidate:2 1 udp 1 192.0.2.7 8 typ host";

/// Polls are answered at once.
fn quick() -> Options {
    let mut options = Options::default();
    options.rendezvous.hold = Duration::ZERO;
    options
}

/// Polls are answered when something has come.
fn patient() -> Options {
    let mut options = Options::default();
    options.rendezvous.hold = FOREVER;
    options
}

/// Clients need no token, wherever they are.
fn open_to_all(mut options: Options) -> Options {
    options.live.access.open = Open::all(true);
    options
}

async fn post(server: &TestServer, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let (status, _, body) = request(server, "POST", path, headers, &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn send_in(server: &TestServer, prefix: &str, from: &str, to: &str, kind: &str, payload: Value) {
    let body = json!({ "from_peer": from, "to_peer": to, "type": kind, "payload": payload });
    let answer = post(server, &format!("{prefix}/signal/send"), &body, &[]).await;
    assert_eq!(answer, (200, json!({ "status": "delivered" })));
}

async fn send(server: &TestServer, from: &str, to: &str, kind: &str, payload: Value) {
    send_in(server, "", from, to, kind, payload).await;
}

async fn poll_in(server: &TestServer, prefix: &str, id: &str) -> Vec<Value> {
    let (status, headers, body) = get(server, &format!("{prefix}/signal/poll/{id}"), &[]).await;
    assert_eq!((status, &headers["content-type"]), (200, &"application/json".parse().unwrap()), "{body}");
    serde_json::from_str(&body).unwrap()
}

async fn poll(server: &TestServer, id: &str) -> Vec<Value> {
    poll_in(server, "", id).await
}

fn description(kind: &str, name: &str) -> Value {
    json!({ "sdp": SDP.replace("v=0\r\n", &format!("v=0\r\ns={name}\r\n")), "type": kind })
}

/// A description that says itself that no candidate follows.
fn whole(kind: &str, name: &str) -> Value {
    json!({ "sdp": format!("v=0\r\ns={name}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=end-of-candidates\r\n"), "type": kind })
}

fn candidate(line: &str) -> Value {
    json!({ "candidate": line, "sdpMid": "0", "sdpMLineIndex": 0 })
}

/// An agent's signal.
async fn tell(agent: &mut Socket, from: &str, to: &str, kind: &str, payload: &Value) {
    let member = if kind == "ice-candidate" { "candidate" } else { kind };
    agent.send(&json!({ "type": kind, "from": from, "to": to, member: payload }).to_string()).await;
}

/// The next text, read.
async fn heard(agent: &mut Socket) -> Value {
    serde_json::from_str(&agent.text().await).unwrap()
}

fn detail_of<const N: usize>(all: [Value; N]) -> Value {
    json!({ "detail": all.to_vec() })
}

fn dropped(kind: &str, reason: &str) -> String {
    format!(r#"sangam_signal_messages_dropped_total{{type="{kind}",reason="{reason}"}}"#)
}

fn received(kind: &str) -> String {
    format!(r#"sangam_signal_messages_received_total{{type="{kind}"}}"#)
}

fn glares(outcome: &str) -> String {
    format!(r#"sangam_signal_glares_total{{outcome="{outcome}"}}"#)
}

#[tokio::test]
async fn nodes_find_each_other_by_url() {
    let server = TestServer::start(quick()).await;
    for url in ["http://a:8000", "http://b:8000", "http://a:8000"] {
        let answer = post(&server, "/register", &json!({ "url": url, "more": 1 }), &[]).await;
        assert_eq!(answer, (200, json!({ "message": format!("Peer {url} registrato con successo.") })));
    }
    let (_, _, body) = get(&server, "/get_peers?limit=10", &[]).await;
    let mut urls: Vec<String> = serde_json::from_str(&body).unwrap();
    urls.sort();
    assert_eq!(urls, ["http://a:8000", "http://b:8000"]);
    assert_eq!(get(&server, "/get_peers?limit=0", &[]).await.2, "[]");
    let one: Vec<String> = serde_json::from_str(&get(&server, "/get_peers?limit=1", &[]).await.2).unwrap();
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_answered_as_the_originals_framework_does() {
    let server = TestServer::start(quick()).await;
    let detail = |words: &str| json!({ "detail": words });
    let missing =
        |member: &str| json!({ "type": "missing", "loc": ["body", member], "msg": "Field required", "input": {} });
    for (method, path, body, expected) in [
        ("GET", "/register", "", (405, detail("Method Not Allowed"))),
        ("POST", "/get_peers", "", (405, detail("Method Not Allowed"))),
        ("GET", "/signal/send", "", (405, detail("Method Not Allowed"))),
        ("POST", "/signal/poll/a", "", (405, detail("Method Not Allowed"))),
        ("GET", "/signal/poll/", "", (404, detail("Not Found"))),
        ("GET", "/signal/poll/a/b", "", (404, detail("Not Found"))),
        ("GET", "/r/room/signal/poll/", "", (404, detail("Not Found"))),
        ("POST", "/register", r#"{"url":""}"#, (400, detail("URL non può essere vuoto"))),
        ("POST", "/register", "{}", (422, detail_of([missing("url")]))),
        ("POST", "/signal/send", "{}", (422, detail_of(["from_peer", "to_peer", "type", "payload"].map(missing)))),
    ] {
        let (status, headers, answer) = request(&server, method, path, &[], body).await;
        assert_eq!(headers["content-type"], "application/json", "{method} {path}");
        assert_eq!((status, serde_json::from_str::<Value>(&answer).unwrap()), expected, "{method} {path}");
        assert_eq!(headers.contains_key("allow"), status == 405, "{method} {path}: {headers:?}");
    }
    for path in ["/get_peers?limit=x", "/get_peers?limit=-1", &format!("/signal/poll/{}", "a".repeat(129))] {
        let (status, _, body) = get(&server, path, &[]).await;
        assert_eq!(status, 422, "{path}: {body}");
        assert!(serde_json::from_str::<Value>(&body).unwrap()["detail"][0]["loc"].is_array(), "{body}");
    }
}

#[tokio::test]
async fn a_type_that_nobody_knows_is_delivered_to_nobody_in_silence() {
    let server = TestServer::start(quick()).await;
    send(&server, "a", "b", "hello", json!({})).await;
    assert_eq!(poll(&server, "b").await, [Value::Null; 0]);
}

#[tokio::test]
async fn an_id_is_the_same_however_its_equals_sign_is_written() {
    let server = TestServer::start(quick()).await;
    for form in ["QUJD=", "QUJD%3D", "QUJD%3d"] {
        send(&server, "a", "QUJD=", "offer", whole("offer", form)).await;
        let mail = poll(&server, form).await;
        assert_eq!(mail, [json!({ "from_peer": "a", "type": "offer", "payload": whole("offer", form) })]);
    }
}

#[tokio::test]
async fn a_poll_is_held_and_answered_when_something_comes() {
    let server = TestServer::start(patient()).await;
    let sends = async {
        server.until_metric(&received("poll"), 1).await;
        send(&server, "a", "b", "offer", whole("offer", "x")).await;
    };
    let (mail, ()) = tokio::join!(poll(&server, "b"), sends);
    assert_eq!(mail, [json!({ "from_peer": "a", "type": "offer", "payload": whole("offer", "x") })]);
}

#[tokio::test]
async fn a_poll_for_which_nothing_comes_is_answered_empty() {
    let mut options = quick();
    options.rendezvous.hold = Duration::from_millis(50);
    let server = TestServer::start(options).await;
    assert_eq!(poll(&server, "b").await, [Value::Null; 0]);
}

#[tokio::test]
async fn of_one_sender_the_offer_comes_first_then_the_answer() {
    let server = TestServer::start(quick()).await;
    send(&server, "a", "c", "answer", whole("answer", "1")).await;
    send(&server, "b", "c", "answer", whole("answer", "2")).await;
    send(&server, "a", "c", "offer", whole("offer", "3")).await;
    let kinds = |mail: Vec<Value>| -> Vec<String> {
        mail.iter()
            .map(|it| format!("{}:{}", it["from_peer"].as_str().unwrap(), it["type"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(kinds(poll(&server, "c").await), ["a:offer", "a:answer", "b:answer"]);
}

#[tokio::test]
async fn two_polls_never_get_the_same_signal() {
    const SENDERS: usize = 60;
    let server = TestServer::start(quick()).await;
    let sends = async {
        for sender in 0..SENDERS {
            send(&server, &format!("s{sender}"), "b", "offer", whole("offer", "x")).await;
        }
    };
    let polls = async || {
        let mut got = Vec::new();
        while server.metric(r#"sangam_signal_messages_relayed_total{type="offer"}"#) < SENDERS as u64 {
            got.extend(poll(&server, "b").await);
        }
        got
    };
    let (one, two, three, ()) = tokio::join!(polls(), polls(), polls(), sends);
    let all: Vec<String> = [one, two, three].concat().iter().map(|it| it["from_peer"].to_string()).collect();
    assert_eq!(all.len(), SENDERS);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), SENDERS);
}

#[tokio::test]
async fn a_poll_that_hung_up_takes_nothing_with_it() {
    let server = TestServer::start(patient()).await;
    let mut hung_up = TcpStream::connect(server.addr).await.unwrap();
    hung_up.write_all(b"GET /signal/poll/b HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.until_metric(&received("poll"), 1).await;
    drop(hung_up);
    server.until_metric("sangam_signal_sockets", 0).await;
    send(&server, "a", "b", "offer", whole("offer", "x")).await;
    assert_eq!(poll(&server, "b").await.len(), 1);
}

#[tokio::test]
async fn an_id_belongs_to_the_address_that_used_it_first() {
    let server = TestServer::start(open_to_all(quick())).await;
    let [first, other] = ["192.0.2.1", "192.0.2.2"].map(|ip| [("x-test-from", ip)]);
    assert_eq!(get(&server, "/signal/poll/a", &first).await.0, 200);
    for _ in 0..2 {
        let (status, _, body) = get(&server, "/signal/poll/a", &other).await;
        assert_eq!((status, body.as_str()), (409, r#"{"detail":"this id is in use from another address"}"#));
        let forged = json!({ "from_peer": "a", "to_peer": "b", "type": "offer", "payload": {} });
        assert_eq!(post(&server, "/signal/send", &forged, &other).await.0, 409);
    }
    let sent = json!({ "from_peer": "b", "to_peer": "a", "type": "offer", "payload": whole("offer", "x") });
    assert_eq!(post(&server, "/signal/send", &sent, &other).await.0, 200);
    assert_eq!(get(&server, "/signal/poll/a", &other).await.0, 409);
    let (_, _, body) = get(&server, "/signal/poll/a", &first).await;
    assert_eq!(serde_json::from_str::<Vec<Value>>(&body).unwrap().len(), 1, "{body}");
    server.until_metric(r#"sangam_signal_refusals_total{reason="id_in_use"}"#, 5).await;
}

#[tokio::test]
async fn an_id_that_was_silent_for_long_is_anybodys() {
    let mut options = open_to_all(quick());
    options.rooms.polled_grace = Duration::from_millis(50);
    let server = TestServer::start(options).await;
    assert_eq!(get(&server, "/signal/poll/a", &[("x-test-from", "192.0.2.1")]).await.0, 200);
    server.until_metric("sangam_signal_participants", 0).await;
    assert_eq!(get(&server, "/signal/poll/a", &[("x-test-from", "192.0.2.2")]).await.0, 200);
}

#[tokio::test]
async fn strangers_need_a_token() {
    let server = TestServer::start(quick()).await;
    for (method, path) in [("POST", "/register"), ("GET", "/get_peers"), ("GET", "/signal/poll/a")] {
        let (status, headers, body) = request(&server, method, path, &[("x-test-from", "192.0.2.1")], "{}").await;
        assert_eq!((status, &headers["content-type"]), (401, &"application/problem+json".parse().unwrap()), "{path}");
        assert!(body.contains("token_required") && body.contains("signal.rendezvous.open"), "{body}");
    }
}

#[tokio::test]
async fn rooms_do_not_know_of_each_other() {
    let server = TestServer::start(quick()).await;
    post(&server, "/r/one/register", &json!({ "url": "http://one" }), &[]).await;
    assert_eq!(get(&server, "/r/one/get_peers", &[]).await.2, r#"["http://one"]"#);
    for elsewhere in ["/get_peers", "/r/two/get_peers"] {
        assert_eq!(get(&server, elsewhere, &[]).await.2, "[]", "{elsewhere}");
    }
    send_in(&server, "/r/one", "a", "b", "offer", whole("offer", "x")).await;
    for (room, count) in [("", 0), ("/r/two", 0), ("/r/one", 1)] {
        assert_eq!(poll_in(&server, room, "b").await.len(), count, "{room}");
    }
}

#[tokio::test]
async fn the_default_room_is_the_one_of_agents_and_has_a_path_too() {
    let server = TestServer::start(quick()).await;
    let mut agent = server.agent("agent").await;
    assert_eq!(poll_in(&server, "/r/main", "node").await, [Value::Null; 0]);
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    send(&server, "node", "agent", "offer", whole("offer", "x")).await;
    assert_eq!(heard(&mut agent).await["from"], "node");
}

#[tokio::test]
async fn candidates_early_and_late_are_written_into_the_description_while_it_is_here() {
    let mut options = quick();
    options.rooms.whole_timeout = FOREVER;
    let server = TestServer::start(options).await;
    let mut agent = server.agent("agent").await;
    poll(&server, "node").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    tell(&mut agent, "agent", "node", "ice-candidate", &candidate(EARLY)).await;
    tell(&mut agent, "agent", "node", "offer", &description("offer", "x")).await;
    tell(&mut agent, "agent", "node", "ice-candidate", &candidate(LATER)).await;
    agent.expect_silence().await;
    assert_eq!(poll(&server, "node").await, [Value::Null; 0], "its candidates have not ended");
    tell(&mut agent, "agent", "node", "ice-candidate", &json!({ "candidate": "" })).await;
    agent.expect_silence().await;
    let mail = poll(&server, "node").await;
    assert_eq!(mail.len(), 1, "{mail:?}");
    let sdp = mail[0]["payload"]["sdp"].as_str().unwrap();
    assert!(sdp.ends_with(&format!("a={EARLY}\r\na={LATER}\r\na=end-of-candidates\r\n")), "{sdp}");
    tell(&mut agent, "agent", "node", "ice-candidate", &candidate("candidate:3 1 udp 1 192.0.2.7 9 typ host")).await;
    server.until_metric(&dropped("candidate", "candidate_late"), 1).await;
    assert_eq!(poll(&server, "node").await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_description_whose_candidates_never_end_waits_no_longer_than_it_may() {
    let mut options = patient();
    options.rooms.whole_timeout = Duration::from_millis(50);
    let server = TestServer::start(options).await;
    let mut agent = server.agent("agent").await;
    let tells = async {
        agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
        tell(&mut agent, "agent", "node", "offer", &description("offer", "x")).await;
        tell(&mut agent, "agent", "node", "ice-candidate", &candidate(EARLY)).await;
    };
    let (mail, ()) = tokio::join!(poll(&server, "node"), tells);
    let sdp = mail[0]["payload"]["sdp"].as_str().unwrap();
    assert!(sdp.ends_with(&format!("a={EARLY}\r\n")), "{sdp}");
}

#[tokio::test]
async fn an_offer_whose_sender_left_is_not_delivered() {
    let server = TestServer::start(quick()).await;
    let mut agent = server.agent("agent").await;
    poll(&server, "node").await;
    tell(&mut agent, "agent", "node", "offer", &whole("offer", "x")).await;
    server.until_metric("sangam_signal_mail", 1).await;
    agent.stream.close(None).await.unwrap();
    server.until_metric(&dropped("offer", "peer_left"), 1).await;
    assert_eq!(poll(&server, "node").await, [Value::Null; 0]);
}

#[tokio::test]
async fn an_offer_that_was_not_polled_in_time_is_not_delivered() {
    let mut options = quick();
    options.rooms.polled_mail_time = Duration::from_millis(50);
    let server = TestServer::start(options).await;
    poll(&server, "b").await;
    send(&server, "a", "b", "offer", whole("offer", "x")).await;
    server.until_metric(&dropped("offer", "mail_expired"), 1).await;
    assert_eq!(poll(&server, "b").await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_newer_offer_replaces_an_older() {
    let server = TestServer::start(quick()).await;
    for name in ["old", "new"] {
        send(&server, "a", "b", "offer", whole("offer", name)).await;
    }
    let mail = poll(&server, "b").await;
    assert_eq!(mail, [json!({ "from_peer": "a", "type": "offer", "payload": whole("offer", "new") })]);
    assert_eq!(server.metric(&dropped("offer", "stale_offer")), 1);
}

#[tokio::test]
async fn of_two_nodes_that_offer_at_once_the_second_answers() {
    let server = TestServer::start(quick()).await;
    send(&server, "a", "b", "offer", whole("offer", "first")).await;
    send(&server, "b", "a", "offer", whole("offer", "second")).await;
    assert_eq!(server.metric(&glares("first_stands")), 1);
    assert_eq!(poll(&server, "a").await, [Value::Null; 0]);
    let mail = poll(&server, "b").await;
    assert_eq!(mail, [json!({ "from_peer": "a", "type": "offer", "payload": whole("offer", "first") })]);
    send(&server, "b", "a", "answer", whole("answer", "second")).await;
    let mail = poll(&server, "a").await;
    assert_eq!(mail, [json!({ "from_peer": "b", "type": "answer", "payload": whole("answer", "second") })]);
}

#[tokio::test]
async fn an_agent_does_not_get_the_offer_of_a_node_that_it_offers_to() {
    let server = TestServer::start(quick()).await;
    let mut agent = server.agent("agent").await;
    poll(&server, "node").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    tell(&mut agent, "agent", "node", "offer", &whole("offer", "agents")).await;
    server.until_metric("sangam_signal_mail", 1).await;
    send(&server, "node", "agent", "offer", whole("offer", "nodes")).await;
    assert_eq!(server.metric(&glares("first_stands")), 1);
    assert_eq!(poll(&server, "node").await.len(), 1);
    send(&server, "node", "agent", "answer", whole("answer", "nodes")).await;
    let answer = heard(&mut agent).await;
    assert_eq!((&answer["type"], &answer["from"]), (&json!("answer"), &json!("node")));
}

#[tokio::test]
async fn a_node_whose_offer_meets_that_of_an_agent_answers_it() {
    let mut options = quick();
    // However slow the machine, the second offer comes in time.
    options.rooms.glare_window = FOREVER;
    let server = TestServer::start(options).await;
    let mut agent = server.agent("agent").await;
    send(&server, "node", "agent", "offer", whole("offer", "nodes")).await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    tell(&mut agent, "agent", "node", "offer", &whole("offer", "agents")).await;
    server.until_metric(&glares("second_stands"), 1).await;
    agent.expect_silence().await;
    let mail = poll(&server, "node").await;
    assert_eq!(mail, [json!({ "from_peer": "agent", "type": "offer", "payload": whole("offer", "agents") })]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let mut options = quick();
    options.limits.message_bytes_max = 1_000;
    let server = TestServer::start(options).await;
    let large = json!({ "from_peer": "a", "to_peer": "b", "type": "offer", "payload": { "sdp": "x".repeat(1_000) } });
    assert_eq!(post(&server, "/signal/send", &large, &[]).await.0, 413);
}

#[tokio::test]
async fn a_description_takes_no_more_candidates_than_it_may() {
    const CANDIDATES: u16 = 200;
    let mut options = quick();
    options.rooms.whole_timeout = FOREVER;
    let server = TestServer::start(options).await;
    let mut agent = server.agent("agent").await;
    poll(&server, "node").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    let mut offer = description("offer", "x");
    offer["padding"] = "x".repeat(60_000).into();
    tell(&mut agent, "agent", "node", "offer", &offer).await;
    for port in 0..CANDIDATES {
        let line = format!("candidate:{port} 1 udp 1 192.0.2.7 {port} typ host");
        tell(&mut agent, "agent", "node", "ice-candidate", &candidate(&line)).await;
    }
    tell(&mut agent, "agent", "node", "ice-candidate", &json!({ "candidate": "" })).await;
    agent.expect_silence().await;
    let mail = poll(&server, "node").await;
    let sdp = mail[0]["payload"]["sdp"].as_str().unwrap();
    let folded = u64::try_from(sdp.matches("a=candidate:").count()).unwrap();
    let unfit = server.metric(&dropped("candidate", "candidate_unfit"));
    assert!(folded > 10 && unfit > 10 && folded + unfit == u64::from(CANDIDATES), "{folded} {unfit}");
}

#[tokio::test]
async fn a_node_gets_no_payload_that_is_no_object() {
    let mut options = quick();
    // What does not say that its candidates have ended does not wait for them either.
    options.rooms.whole_timeout = Duration::ZERO;
    let server = TestServer::start(options).await;
    let mut agent = server.agent("agent").await;
    poll(&server, "node").await;
    agent.expect(r#"{"type":"agent-joined","agent_id":"node"}"#).await;
    for payload in [json!("v=0"), json!(7), json!(["v=0"])] {
        tell(&mut agent, "agent", "node", "answer", &payload).await;
    }
    tell(&mut agent, "agent", "node", "answer", &whole("answer", "x")).await;
    agent.expect_silence().await;
    let mail = poll(&server, "node").await;
    assert_eq!(mail, [json!({ "from_peer": "agent", "type": "answer", "payload": whole("answer", "x") })]);
    assert_eq!(server.metric(&dropped("answer", "payload_unfit")), 3);
}
