use std::time::Duration;

use sangam_auth::turn::{RestOptions, RestSecret, RestSecrets};
use sangam_signal_server::{IceOptions, IceServer, Live, Options, RelayEndpoint};
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::wire::{get, request};

const PUBLIC: (&str, &str) = ("x-test-from", "192.0.2.1");

fn secrets(text: &str) -> RestSecrets {
    RestSecrets::new(vec![RestSecret::new(text)], RestOptions::default()).unwrap()
}

fn with_relay() -> IceOptions {
    IceOptions {
        relay: Some(RelayEndpoint {
            udp_port: Some(3_478),
            tcp_port: Some(3_478),
            tls_port: Some(5_349),
            secrets: Some(secrets("north-wind")),
        }),
        host: Some("turn.example.org".to_owned()),
        ..IceOptions::default()
    }
}

fn options(ice: IceOptions) -> Options {
    let mut options = Options::default();
    options.live.ice = ice;
    options
}

async fn code(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let (status, headers, body) = get(server, path, headers).await;
    assert_eq!(headers["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["status"], status);
    (status, problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_answer_is_an_rtc_configuration_with_fresh_credentials() {
    let server = TestServer::start(options(with_relay())).await;
    for method in ["GET", "POST"] {
        let (status, headers, body) = request(&server, method, "/ice-servers", &[], "").await;
        assert_eq!((status, &headers["content-type"]), (200, &"application/json".parse().unwrap()));
        assert_eq!(headers["cache-control"], "no-store");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let expires_at = answer["expires_at"].as_u64().unwrap();
        let username = format!("{expires_at}:loopback");
        let expires = sangam_types::Wall::from_unix_secs(expires_at);
        let minted = secrets("north-wind").mint("loopback", expires).unwrap();
        assert_eq!(
            answer,
            json!({
                "iceServers": [
                    { "urls": ["stun:turn.example.org:3478"] },
                    {
                        "urls": [
                            "turn:turn.example.org:3478?transport=udp",
                            "turn:turn.example.org:3478?transport=tcp",
                            "turns:turn.example.org:5349?transport=tcp",
                        ],
                        "username": username,
                        "credential": minted.password,
                    },
                ],
                "ttl": 3600,
                "expires_at": expires_at,
            })
        );
    }
}

#[tokio::test]
async fn foreign_servers_follow_in_order_and_need_no_relay() {
    let foreign = |url: &str| IceServer { urls: vec![url.to_owned()], username: None, credential: None };
    let ice =
        IceOptions { foreign: vec![foreign("stun:one.example"), foreign("stun:two.example")], ..IceOptions::default() };
    let server = TestServer::start(options(ice)).await;
    let (_, _, body) = get(&server, "/ice-servers", &[]).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["iceServers"], json!([{ "urls": ["stun:one.example"] }, { "urls": ["stun:two.example"] }]));
}

#[tokio::test]
async fn with_nothing_to_hand_out_the_answer_is_503() {
    let server = TestServer::start(Options::default()).await;
    assert_eq!(code(&server, "/ice-servers", &[]).await, (503, "no_ice_servers".to_owned()));
}

#[tokio::test]
async fn the_host_is_the_one_asked_for_unless_it_is_ours_alone() {
    let server = TestServer::start(options(IceOptions { host: None, ..with_relay() })).await;
    for (host, expected) in [("edge.example:8080", "edge.example"), ("localhost:8080", "198.51.100.9")] {
        let (_, _, body) = get(&server, "/ice-servers", &[("host", host)]).await;
        assert!(body.contains(&format!(r#""stun:{expected}:3478""#)), "{host}: {body}");
    }
}

#[tokio::test]
async fn a_public_request_needs_a_token_or_a_ticket() {
    let server = TestServer::start(options(with_relay())).await;
    assert_eq!(code(&server, "/ice-servers", &[PUBLIC]).await, (401, "token_required".to_owned()));
    assert_eq!(code(&server, "/ice-servers?ticket=x", &[PUBLIC]).await, (401, "ticket_refused".to_owned()));
    assert_eq!(code(&server, "/ice-servers?token=x", &[PUBLIC]).await, (401, "token_refused".to_owned()));
    let reason = r#"sangam_ice_server_refusals_total{reason="token_required"}"#;
    assert_eq!(server.metric(reason), 1);
}

#[tokio::test]
async fn a_ticket_that_a_registered_socket_asked_for_serves_a_few_times() {
    let server = TestServer::start(options(with_relay())).await;
    let mut socket = server.open().await;
    socket.send(r#"{"type":"register","agent_id":"agent:7","want":["ice_ticket","ice_servers"]}"#).await;
    let registered: Value = serde_json::from_str(&socket.text().await).unwrap();
    assert_eq!(registered["iceServers"][0]["urls"][0], "stun:turn.example.org:3478");
    let ticket = registered["ice_ticket"].as_str().unwrap();
    let path = format!("/ice-servers?ticket={ticket}");
    for _ in 0..2 {
        let (status, _, body) = get(&server, &path, &[PUBLIC]).await;
        assert_eq!(status, 200);
        assert!(body.contains(r#":agent:7""#), "{body}");
    }
    let body = format!(r#"{{"ticket":"{ticket}"}}"#);
    assert_eq!(request(&server, "POST", "/ice-servers", &[PUBLIC], &body).await.0, 200);
    assert_eq!(code(&server, &path, &[PUBLIC]).await, (401, "ticket_refused".to_owned()));
}

#[tokio::test]
async fn anonymous_credentials_are_an_option_with_a_cap_for_each_address() {
    let ice = IceOptions { anonymous: true, anonymous_per_minute: 2, ..with_relay() };
    let server = TestServer::start(options(ice)).await;
    for _ in 0..2 {
        let (status, _, body) = get(&server, "/ice-servers", &[PUBLIC]).await;
        assert_eq!(status, 200);
        assert!(body.contains(":anonymous@192.0.2.1"), "{body}");
    }
    let (status, headers, body) = get(&server, "/ice-servers", &[PUBLIC]).await;
    assert_eq!(status, 429, "{body}");
    assert!(headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 60);
    assert_eq!(get(&server, "/ice-servers", &[("x-test-from", "192.0.2.2")]).await.0, 200);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_the_answer_and_others_get_none() {
    let server = TestServer::start(options(with_relay())).await;
    let page = ("origin", "https://page.example");
    let (_, headers, _) = get(&server, "/ice-servers", &[page]).await;
    assert_eq!(headers["access-control-allow-origin"], "https://page.example");
    assert_eq!(headers["vary"], "Origin");
    let (status, headers, _) = request(&server, "OPTIONS", "/ice-servers", &[page], "").await;
    assert_eq!((status, &headers["access-control-allow-methods"]), (204, &"GET, POST".parse().unwrap()));
    let evil = ("origin", "https://evil.example");
    let (status, headers, _) = get(&server, "/ice-servers", &[evil]).await;
    assert_eq!(status, 403);
    assert!(!headers.contains_key("access-control-allow-origin"));
    let (_, headers, _) = request(&server, "OPTIONS", "/ice-servers", &[evil], "").await;
    assert!(!headers.contains_key("access-control-allow-methods"));
}

#[tokio::test]
async fn a_reload_changes_the_secret_and_keeps_the_sockets() {
    let server = TestServer::start(options(with_relay())).await;
    let mut socket = server.agent("a").await;
    let mut ice = with_relay();
    ice.ttl = Duration::from_secs(60);
    ice.relay.as_mut().unwrap().secrets = Some(secrets("south-wind"));
    server.server.reload(Live { ice, ..Live::default() });
    let (_, _, body) = get(&server, "/ice-servers", &[]).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    let expires = sangam_types::Wall::from_unix_secs(answer["expires_at"].as_u64().unwrap());
    let minted = secrets("south-wind").mint("loopback", expires).unwrap();
    assert_eq!(answer["iceServers"][1]["credential"], minted.password.as_str());
    assert_eq!(answer["ttl"], 60);
    socket.expect_silence().await;
}

#[tokio::test]
async fn a_body_is_bounded() {
    let server = TestServer::start(options(with_relay())).await;
    let (status, _, _) = request(&server, "POST", "/ice-servers", &[PUBLIC], &"x".repeat(5_000)).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn turn_answers_as_coturns_rest_api_under_the_same_rules() {
    let server = TestServer::start(options(with_relay())).await;
    let path = "/turn?service=turn&username=mallory";
    let (status, headers, body) = get(&server, path, &[]).await;
    assert_eq!((status, &headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    let answer: Value = serde_json::from_str(&body).unwrap();
    let username = answer["username"].as_str().unwrap();
    let (expiry, name) = username.split_once(':').unwrap();
    let expires = sangam_types::Wall::from_unix_secs(expiry.parse().unwrap());
    let password = secrets("north-wind").mint("loopback", expires).unwrap().password;
    let uris = [
        "turn:turn.example.org:3478?transport=udp",
        "turn:turn.example.org:3478?transport=tcp",
        "turns:turn.example.org:5349?transport=tcp",
    ];
    assert_eq!(name, "loopback", "who asks is who is counted, whatever name is asked for");
    assert_eq!(answer, json!({ "username": username, "password": password, "ttl": 3600, "uris": uris }));

    assert_eq!(code(&server, path, &[PUBLIC]).await, (401, "token_required".to_owned()));
    assert_eq!(code(&server, "/turn?key=no-token", &[PUBLIC]).await, (401, "token_refused".to_owned()));
    assert_eq!(code(&server, "/turn?service=stun", &[]).await, (400, "service_unknown".to_owned()));
}

#[tokio::test]
async fn turn_has_nothing_to_answer_without_a_relay_of_ours() {
    let foreign = IceServer {
        urls: vec!["turn:elsewhere.example".to_owned()],
        username: Some("u".to_owned()),
        credential: Some("c".to_owned()),
    };
    let server = TestServer::start(options(IceOptions { foreign: vec![foreign], ..IceOptions::default() })).await;
    assert_eq!(code(&server, "/turn?service=turn", &[]).await, (503, "no_ice_servers".to_owned()));
}
