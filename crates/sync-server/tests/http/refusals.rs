use axum::body::Body;
use http::{Method, StatusCode, header};
use sangam_sync_proto::message::ErrorCode;

use crate::side::{bearer, get, plain, post, request};

#[tokio::test]
async fn the_version_is_public_and_byte_for_byte_the_original() {
    let side = plain().await;
    let answer = side.ask(request(Method::GET, "/v1/version").body(Body::empty()).unwrap()).await;
    assert_eq!(&answer.body[..], br#"{"version":1,"minSupported":1}"#);
    assert_eq!(answer.header("content-type"), "application/json");
    let head = side.ask(request(Method::HEAD, "/v1/version").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-type"), "application/json");
}

#[tokio::test]
async fn an_unknown_path_is_told_to_nobody_without_a_token() {
    let side = plain().await;
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/version/x", "/v1/push/", "/v1/stats/d"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let stranger = side.ask(request(method.clone(), path).body(Body::empty()).unwrap()).await;
            assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            let known = request(method.clone(), path).header(header::AUTHORIZATION, bearer("d", None));
            let answer = side.ask(known.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            if method == Method::GET {
                assert_eq!(answer.json(), serde_json::json!({ "error": "Route not found", "code": 4 }));
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let side = plain().await;
    for (method, path, allowed) in [
        (Method::GET, "/v1/push", "POST"),
        (Method::HEAD, "/v1/pull", "POST"),
        (Method::PUT, "/v1/handshake", "POST"),
        (Method::POST, "/v1/stats", "GET,HEAD"),
        (Method::DELETE, "/v1/version", "GET,HEAD"),
    ] {
        let request = request(method.clone(), path).header(header::AUTHORIZATION, bearer("d", None));
        let answer = side.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, allowed),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_cbor_for_who_speaks_cbor_and_json_for_others() {
    let side = plain().await;
    let is_cbor = |method: Method, headers: &'static [(&str, &str)]| {
        let side = &side;
        async move {
            let mut request = request(method, "/v1/nothing");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = side.ask(request.body(Body::empty()).unwrap()).await;
            match answer.header("content-type") {
                "application/cbor" => answer.error().code == ErrorCode::AuthenticationFailed,
                _ => answer.json()["code"] != 2,
            }
        }
    };
    assert!(is_cbor(Method::POST, &[]).await, "the messages of the wire");
    assert!(is_cbor(Method::POST, &[("content-type", "application/octet-stream")]).await);
    assert!(is_cbor(Method::GET, &[("accept", "text/html, Application/CBOR;q=0.5")]).await);
    assert!(is_cbor(Method::GET, &[("content-type", "application/cbor")]).await);
    assert!(!is_cbor(Method::GET, &[]).await);
    assert!(!is_cbor(Method::GET, &[("accept", "*/*")]).await);
    assert!(!is_cbor(Method::POST, &[("content-type", "application/json")]).await);
}

/// The original pasted the words of an exception into JSON.
#[tokio::test]
async fn what_a_client_wrote_cannot_break_the_json_of_a_refusal() {
    let side = plain().await;
    let body = br#"{"dbId": "\" , \"x"}"#.as_slice();
    let request = request(Method::POST, "/v1/handshake")
        .header(header::AUTHORIZATION, bearer("d", None))
        .header(header::CONTENT_TYPE, "application/json");
    let answer = side.ask(request.body(Body::from(body)).unwrap()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::BAD_REQUEST, &1.into()));
    assert!(answer.json()["error"].as_str().unwrap().starts_with("Invalid handshake request: "));
}

#[tokio::test]
async fn what_is_no_message_is_an_invalid_request() {
    let side = plain().await;
    for (path, what) in [("/v1/handshake", "handshake"), ("/v1/pull", "pull"), ("/v1/push", "push")] {
        // N01 and N02, nothing, half a message, and two.
        for body in [b"\xa1\x01\x61x".as_slice(), b"\x81\x01", b"", b"\xa1\x64dbId", b"\xa0\xa0"] {
            let answer = side.ask(post(path, &bearer("d", None), body)).await;
            let error = answer.error();
            assert_eq!((answer.status, error.code), (StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest), "{path}");
            assert!(error.message.starts_with(&format!("Invalid {what} request: ")), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn stats_are_the_keys_of_the_guide() {
    let side = plain().await;
    let stats = side.ask(get("/v1/stats", &bearer("d", None))).await.json();
    let expected = serde_json::json!({
        "cursor": 0, "oplogSize": 0, "deviceCount": 0, "sse": { "subscriptions": 0, "devices": 0 }
    });
    assert_eq!(stats, expected);
}
