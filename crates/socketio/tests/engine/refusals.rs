use sangam_engineio_proto::Refusal;
use sangam_socketio::engine::EngineOptions;

use crate::support::TestServer;

#[tokio::test]
async fn requests_are_refused_with_the_errors_of_node() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let (_socket, open) = server.socket_session().await;
    let on_socket = open["sid"].as_str().unwrap();
    let unknown = "AAAAAAAAAAAAAAAAAAAA";
    let cases = [
        ("GET", "EIO=4".to_owned(), r#"{"code":0,"message":"Transport unknown"}"#),
        ("GET", "EIO=4&transport=tube".to_owned(), r#"{"code":0,"message":"Transport unknown"}"#),
        ("GET", format!("EIO=4&transport=polling&sid={unknown}"), r#"{"code":1,"message":"Session ID unknown"}"#),
        ("POST", "EIO=4&transport=polling&sid=abc".to_owned(), r#"{"code":1,"message":"Session ID unknown"}"#),
        ("POST", "EIO=4&transport=polling".to_owned(), r#"{"code":2,"message":"Bad handshake method"}"#),
        ("GET", "EIO=4&transport=websocket".to_owned(), r#"{"code":3,"message":"Bad request"}"#),
        ("GET", format!("EIO=4&transport=websocket&sid={sid}"), r#"{"code":3,"message":"Bad request"}"#),
        ("GET", format!("EIO=3&transport=polling&sid={sid}"), r#"{"code":3,"message":"Bad request"}"#),
        ("GET", format!("EIO=4&transport=polling&sid={on_socket}"), r#"{"code":3,"message":"Bad request"}"#),
        ("GET", "EIO=3&transport=polling".to_owned(), r#"{"code":5,"message":"Unsupported protocol version"}"#),
        ("GET", "transport=polling".to_owned(), r#"{"code":5,"message":"Unsupported protocol version"}"#),
    ];
    for (method, query, body) in cases {
        let answer = server.request(method, &query, "", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (400, body), "{method} {query}");
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
    }
    let counted = |refusal| server.engine.stats().refused.into_iter().find(|(it, _)| *it == refusal).unwrap().1;
    assert_eq!((counted(Refusal::TransportUnknown), counted(Refusal::BadRequest)), (2, 4));
    let other_method = server.request("PUT", &format!("EIO=4&transport=polling&sid={sid}"), "", "").await;
    assert_eq!((other_method.status, other_method.body.as_str()), (500, ""));
}

#[tokio::test]
async fn websockets_are_refused_before_they_open() {
    let server = TestServer::start(EngineOptions::default()).await;
    let cases = [
        ("EIO=4&transport=tube", "Transport unknown"),
        ("EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", "Session ID unknown"),
        ("EIO=3&transport=websocket", "Unsupported protocol version"),
        ("EIO=4&transport=polling", "Bad request"),
    ];
    for (query, text) in cases {
        let (status, body, headers) = server.refusal(query, &[]).await;
        assert_eq!((status, body.as_str(), &headers["content-type"]), (400, text, &"text/html".parse().unwrap()));
    }
}

#[tokio::test]
async fn what_stands_above_may_forbid_a_session_with_its_own_words() {
    let server = TestServer::start(EngineOptions::default()).await;
    let answer = server.request("GET", "EIO=4&transport=polling", "x-test-forbidden: 1\r\n", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, r#"{"code":4,"message":"not you"}"#));
    let (status, body, _) = server.refusal("EIO=4&transport=websocket", &[("x-test-forbidden", "1")]).await;
    assert_eq!((status, body.as_str()), (400, "not you"));
    assert_eq!(server.engine.stats().open, 0);
}

#[tokio::test]
async fn a_binary_body_is_no_body_of_this_revision() {
    let server = TestServer::start(EngineOptions::default()).await;
    let sid = server.poll_session().await;
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let answer = server.request("POST", &query, "content-type: application/octet-stream\r\n", "4x").await;
    assert_eq!((answer.status, answer.body.as_str()), (400, ""));
    server.until(|it| it.open == 0).await;
}
