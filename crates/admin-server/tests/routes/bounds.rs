use http::Method;

use crate::server::{From, Server};

#[tokio::test]
async fn a_body_too_long_or_of_unknown_length_is_refused_before_it_is_read() {
    let server = Server::new();
    for (header, status) in [
        (("content-length", "65536"), 200),
        (("content-length", "65537"), 413),
        (("content-length", "99999999999999999999999"), 413),
        (("content-length", "-1"), 413),
        (("transfer-encoding", "chunked"), 413),
    ] {
        let answer = server.send(Method::GET, "/health", &From::Public, &[header]).await;
        assert_eq!(answer.status, status, "{header:?}");
    }
    let text = server.get("/metrics", &From::Loopback).await.body;
    assert!(text.contains(r#"sangam_http_requests_total{route="/health",status="413"} 4"#), "{text}");
}

#[tokio::test]
async fn a_handler_that_panics_is_one_failed_request() {
    let server = Server::with_clock(|| panic!("told to"));
    let answer = server.get("/health", &From::Public).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (500, Some("internal")));
    assert!(!answer.body.contains("told to"), "{}", answer.body);
    assert_eq!(server.get("/", &From::Public).await.status, 200);
}
